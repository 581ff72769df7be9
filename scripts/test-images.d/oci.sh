# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# OCI layouts written by hand, for images that no builder would make: layers of
# all compressions, indexes with strange entries. What ordinary builders make
# comes from umoci (roots.sh).

# The date of everything, so that the same recipe gives nearly the same image.
export SOURCE_DATE_EPOCH=1700000000
image_date=2023-11-14T22:13:20Z

oci_init() { # LAYOUT
    mkdir -p "$1/blobs/sha256"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    [[ -f $1/index.json ]] ||
        echo '{"schemaVersion":2,"manifests":[]}' >"$1/index.json"
}

# oci_blob LAYOUT FILE: takes the file's bytes; prints DIGEST SIZE.
oci_blob() {
    local sum
    sum=$(sha256sum <"$2" | cut -d' ' -f1)
    cp "$2" "$1/blobs/sha256/$sum"
    printf 'sha256:%s %s\n' "$sum" "$(stat -c %s "$2")"
}

# oci_image LAYOUT COMPRESSION CONFIG-JSON [TAR...]: an image of these layers;
# prints its manifest's descriptor. CONFIG-JSON may set `config`,
# `architecture` and `os`. COMPRESSION: plain, gzip, gzip-members, zstd or
# zstd-frames; the last two of each cut the layer into several pieces.
oci_image() {
    local layout=$1 compression=$2 config=$3 tar packed digest size type
    local layers=() diff_ids=() history=()
    shift 3
    packed=$(mktemp)
    for tar in "$@"; do
        diff_ids+=("\"sha256:$(sha256sum <"$tar" | cut -d' ' -f1)\"")
        type=application/vnd.oci.image.layer.v1.tar
        case $compression in
        plain) cp "$tar" "$packed" ;;
        gzip) gzip -n -6 <"$tar" >"$packed" ;;
        gzip-members) in_pieces "$tar" gzip -n -6 >"$packed" ;;
        zstd) zstd -q -3 <"$tar" >"$packed" ;;
        zstd-frames) in_pieces "$tar" zstd -q -3 >"$packed" ;;
        *) die "no compression is called $compression" ;;
        esac
        case $compression in
        gzip*) type+=+gzip ;;
        zstd*) type+=+zstd ;;
        esac
        read -r digest size < <(oci_blob "$layout" "$packed")
        layers+=("$(descriptor "$type" "$digest" "$size")")
        history+=("{\"created\":\"$image_date\",\"created_by\":\"ADD $(basename "$tar")\"}")
    done
    jq -cn --argjson c "$config" --argjson d "$(json_array "${diff_ids[@]}")" \
        --argjson h "$(json_array "${history[@]}")" --arg date "$image_date" \
        '{created: $date, architecture: "amd64", os: "linux", config: {}} + $c +
         {rootfs: {type: "layers", diff_ids: $d}, history: $h}' |
        tr -d '\n' >"$packed"
    read -r digest size < <(oci_blob "$layout" "$packed")
    jq -cn --argjson l "$(json_array "${layers[@]}")" --argjson c \
        "$(descriptor application/vnd.oci.image.config.v1+json "$digest" "$size")" \
        '{schemaVersion: 2,
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          config: $c, layers: $l}' | tr -d '\n' >"$packed"
    read -r digest size < <(oci_blob "$layout" "$packed")
    rm -f "$packed"
    descriptor application/vnd.oci.image.manifest.v1+json "$digest" "$size"
}

# oci_index LAYOUT DESCRIPTOR...: an index; prints its descriptor.
oci_index() {
    local layout=$1 file digest size
    shift
    file=$(mktemp)
    jq -cn --argjson m "$(json_array "$@")" '{schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json", manifests: $m}' |
        tr -d '\n' >"$file"
    read -r digest size < <(oci_blob "$layout" "$file")
    rm -f "$file"
    descriptor application/vnd.oci.image.index.v1+json "$digest" "$size"
}

# oci_tag LAYOUT TAG DESCRIPTOR
oci_tag() {
    jq -c --arg tag "$2" --argjson d "$3" '.manifests |=
        map(select(.annotations["org.opencontainers.image.ref.name"] != $tag))
        + [$d + {annotations: {"org.opencontainers.image.ref.name": $tag}}]' \
        "$1/index.json" >"$1/index.json.new"
    mv "$1/index.json.new" "$1/index.json"
}

descriptor() { # MEDIA-TYPE DIGEST SIZE
    printf '{"mediaType":"%s","digest":"%s","size":%s}\n' "$@"
}

json_array() {
    local IFS=,
    printf '[%s]' "$*"
}

# in_pieces FILE COMPRESSOR...: compresses FILE in four pieces, one after the
# other.
in_pieces() {
    local file=$1 size piece at
    shift
    size=$(stat -c %s "$file")
    piece=$((size / 4 + 1))
    for ((at = 0; at < size; at += piece)); do
        tail -c +$((at + 1)) "$file" | head -c "$piece" | "$@"
    done
}

# make_tar FOLDER TAR [NAME...]: the folder's content, or just these names in
# this order, as a layer with fixed dates.
make_tar() {
    local folder=$1 tar=$2
    shift 2
    local options=(--format=posix --numeric-owner --xattrs
        --xattrs-include='*' --mtime="@$SOURCE_DATE_EPOCH" --clamp-mtime
        --pax-option='delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f')
    if (($# > 0)); then
        tar -C "$folder" "${options[@]}" --no-recursion -cf "$tar" -- "$@"
    else
        tar -C "$folder" "${options[@]}" --sort=name -cf "$tar" .
    fi
}
