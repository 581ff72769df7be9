#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Images from files: docker-archive, oci-archive, oci folders, and the docker
# engine's export; as tools write them, and as attackers would.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

start_server engine --unix "$work/docker.sock"
start_server plain
plain=127.0.0.1:$port
make_image plain library/app 1

shared=${HYPER_SHARED_IMAGES:-$here/../../../shared/images}

# docker_tree FOLDER NAME ARCH: an unpacked docker archive, as of before
# docker 25, with one image of two layers.
docker_tree() {
    local folder=$1 name=$2 arch=${3:-$host_arch} id
    mkdir -p "$folder/one" "$folder/two"
    make_layer "$folder/one/layer.tar" one
    make_layer "$folder/two/layer.tar" "$name"
    make_config "$work/config" "$arch" "$(digest_of "$folder/one/layer.tar")" \
        "$(digest_of "$folder/two/layer.tar")"
    id=$(digest_of "$work/config")
    mv "$work/config" "$folder/${id#sha256:}.json"
    jq -cn --arg c "${id#sha256:}.json" --arg t "$name" '[{Config: $c,
        RepoTags: [$t], Layers: ["one/layer.tar", "two/layer.tar"]}]' \
        >"$folder/manifest.json"
}

pack() { tar -C "$1" --sort=name -cf "$2" .; }

# oci_layout FOLDER NAME TAG: from the plain server's image.
oci_layout() {
    local stem=$work/$2-$3 file
    mkdir -p "$1/blobs/sha256"
    for file in gz config manifest; do
        cp "$stem.$file" "$1/blobs/sha256/$(digest_of "$stem.$file" |
            cut -d: -f2)"
    done
    echo '{"imageLayoutVersion": "1.0.0"}' >"$1/oci-layout"
    [[ -f $1/index.json ]] ||
        echo '{"schemaVersion": 2, "manifests": []}' >"$1/index.json"
    jq -c --argjson e "$(descriptor "$stem.manifest" "$oci.manifest.v1+json")" \
        --arg t "$3" '.manifests += [$e + {annotations:
            {"org.opencontainers.image.ref.name": $t}}]' \
        "$1/index.json" >"$work/i"
    mv "$work/i" "$1/index.json"
}

test_docker_archive() {
    docker_tree "$work/d" team/app:2
    pack "$work/d" "$work/d.tar"
    pulls "docker-archive:$work/d.tar"
    disk_says "$id" team/app:2
    [[ -f $store/refs/docker.io/team/app/_tags/2 ]]
    has_both_layers d
}

# has_both_layers FOLDER: as gzip, and a manifest of them, besides the config.
has_both_layers() {
    local manifest digest name
    [[ $(find "$store/blobs" -type f | wc -l) == 4 ]] || die "$(files)"
    manifest=$(jq -r .manifest "$store/images/${id#sha256:}.json")
    manifest=$store/blobs/sha256/${manifest#sha256:}
    [[ $(jq -r '.config.digest, .layers[].mediaType' "$manifest") == \
        "$id"$'\n'"$oci.layer.v1.tar+gzip"$'\n'"$oci.layer.v1.tar+gzip" ]]
    for name in one two; do
        digest=$(jq -r ".layers[$([[ $name == one ]]; echo $?)].digest" \
            "$manifest")
        gzip -dc <"$store/blobs/sha256/${digest#sha256:}" |
            cmp - "$work/$1/$name/layer.tar"
    done
}

# From a file and as a stream, whatever it is packed with, in any store.
test_the_same_blobs_again() {
    local kind before=
    BALLAST=6000000 docker_tree "$work/b" team/b:1
    pack "$work/b" "$work/b.tar"
    for kind in cat gzip; do
        "$kind" <"$work/b.tar" >"$work/b.packed"
        rm -rf "$store"
        pulls "docker-archive:$work/b.packed"
        has_both_layers b
        [[ -z $before || $(files | grep blobs | sort) == "$before" ]] ||
            die "$kind: $(files)"
        before=$(files | grep blobs | sort)
        rm -rf "$store"
        pull --load 8 --name pipe 8< <(cat "$work/b.packed")
        [[ $(files | grep blobs | sort) == "$before" ]] || die "$kind: $(files)"
    done
    # What is there stays.
    pulls "docker-archive:$work/b.tar"
    [[ $(files | grep blobs | sort) == "$before" ]]
}

# Such layers are kept as they are.
test_layers_that_are_compressed() {
    docker_tree "$work/compressed" team/c:1
    gzip -n "$work/compressed/one/layer.tar"
    zstd -q --rm "$work/compressed/two/layer.tar"
    mv "$work/compressed/one/layer.tar.gz" "$work/compressed/one/layer.tar"
    mv "$work/compressed/two/layer.tar.zst" "$work/compressed/two/layer.tar"
    pack "$work/compressed" "$work/compressed.tar"
    pulls "docker-archive:$work/compressed.tar"
    disk_says "$id" team/c:1
    local manifest
    manifest=$(jq -r .manifest "$store/images/${id#sha256:}.json")
    [[ $(jq -r '.layers[] | .digest, .mediaType' \
        "$store/blobs/sha256/${manifest#sha256:}") == \
        "$(digest_of "$work/compressed/one/layer.tar")
$oci.layer.v1.tar+gzip
$(digest_of "$work/compressed/two/layer.tar")
$oci.layer.v1.tar+zstd" ]]
}

# As it is, or compressed; also when the root disk is there already, of an image
# of the same layers.
test_a_layer_that_is_another() {
    docker_tree "$work/a" team/a:1
    pack "$work/a" "$work/good.tar"
    make_layer "$work/a/two/layer.tar" other
    pack "$work/a" "$work/a.tar"
    gzip -n "$work/a/two/layer.tar"
    mv "$work/a/two/layer.tar.gz" "$work/a/two/layer.tar"
    pack "$work/a" "$work/az.tar"
    fails corrupt "layer 2 has the digest sha256:" "docker-archive:$work/a.tar"
    fails corrupt "" "docker-archive:$work/az.tar"
    pulls "docker-archive:$work/good.tar"
    rm "$store/images/${id#sha256:}.json" "$store/refs/docker.io/team/a/_tags/1"
    ! pull "docker-archive:$work/az.tar" || die "it was taken"
    [[ $result == corrupt && $message == *"layer 2 has the digest sha256:"* ]] ||
        die "$message"
}

# An image that a registry gave keeps its manifest; one whose layers are gone
# gets them from the archive.
test_an_image_of_a_registry() {
    local before layer
    pulls "$plain/library/app:1"
    mkdir -p "$work/r"
    cp "$work/library_app-1.tar" "$work/r/layer.tar"
    cp "$work/library_app-1.config" "$work/r/config.json"
    echo '[{"Config": "config.json", "RepoTags": ["mine:1"],
        "Layers": ["layer.tar"]}]' >"$work/r/manifest.json"
    pack "$work/r" "$work/r.tar"
    before=$(jq -r .manifest "$store/images/${id#sha256:}.json")
    pulls "docker-archive:$work/r.tar"
    [[ $(jq -r .manifest "$store/images/${id#sha256:}.json") == "$before" ]]
    layer=$(jq -r '.layers[0].digest' "$work/library_app-1.manifest")
    rm "$store/blobs/sha256/${layer#sha256:}"
    pulls "docker-archive:$work/r.tar"
    [[ $(jq -r .manifest "$store/images/${id#sha256:}.json") != "$before" ]]
    pull --save 8 --oci mine:1 8>"$work/r.oci"
    pull --push "$plain/library/app:1" || die "$message"
}

# A layer that was damaged in the store comes from the archive again.
test_a_stored_layer_that_is_damaged() {
    local layer
    docker_tree "$work/s2" team/s:1
    pack "$work/s2" "$work/s2.tar"
    pulls "docker-archive:$work/s2.tar"
    layer=$(jq -r .manifest "$store/images/${id#sha256:}.json")
    layer=$(jq -r '.layers[1].digest' "$store/blobs/sha256/${layer#sha256:}")
    layer=$store/blobs/sha256/${layer#sha256:}
    printf 'x' | dd of="$layer" bs=1 seek=60 conv=notrunc status=none
    rm "$store"/disks/*
    pulls "docker-archive:$work/s2.tar"
    disk_says "$id" team/s:1
    has_both_layers s2
}

# A pod's disk with one new file, as a layer on such an image.
test_a_commit_on_a_docker_archive() {
    local base new features=none,filetype,extents,flex_bg,sparse_super,large_file
    docker_tree "$work/k2" team/k:1
    pack "$work/k2" "$work/k2.tar"
    pulls "docker-archive:$work/k2.tar"
    base=$(jq -r .manifest "$store/images/${id#sha256:}.json")
    base=$(jq -c '[.layers[].digest]' "$store/blobs/sha256/${base#sha256:}")
    mkdir -p "$work/pod/0/upper" "$work/pod/0/work"
    echo committed >"$work/pod/0/upper/hello"
    truncate -s 16M "$work/pod.ext4"
    mke2fs -q -t ext4 -b 4096 -I 256 -d "$work/pod" -O \
        "$features,huge_file,uninit_bg,dir_nlink,extra_isize,dir_index,ext_attr" \
        "$work/pod.ext4"
    pull --commit 8 --base "$id" --folder 0/upper team/k:2 \
        8<"$work/pod.ext4" || die "$message"
    id=$(jq -r 'select(.committed).committed.id' "$work/json")
    whole
    disk_says "$id" committed
    new=$(jq -r .manifest "$store/images/${id#sha256:}.json")
    [[ $(jq -c '[.layers[].digest][:2]' "$store/blobs/sha256/${new#sha256:}") == \
        "$base" ]]
}

# One that an older version stored had no manifest.
test_an_image_without_its_layers() {
    docker_tree "$work/w" team/w:1
    pack "$work/w" "$work/w.tar"
    pulls "docker-archive:$work/w.tar"
    local record=$store/images/${id#sha256:}.json
    jq '.manifest = ""' "$record" >"$work/record"
    cp "$work/record" "$record"
    find "$store/blobs" -type f ! -name "${id#sha256:}" -delete
    ! pull --push team/w:1 || die "it was pushed"
    [[ $result == unsupported && $message == *"load or pull it again"* ]] ||
        die "$message"
    ! pull --save 8 team/w:1 8>/dev/null || die "it was saved"
    [[ $message == *"has not kept its layers"* ]] || die "$message"
    pulls "docker-archive:$work/w.tar"
    has_both_layers w
    pull --save 8 team/w:1 8>/dev/null || die "$message"
}

test_compressed_docker_archives() {
    docker_tree "$work/z" team/z:1
    pack "$work/z" "$work/z.tar"
    local kind
    for kind in gzip zstd bzip2 xz; do
        "$kind" -ck "$work/z.tar" >"$work/z.tar.$kind"
        rm -rf "$store"
        pulls "docker-archive:$work/z.tar.$kind"
        disk_says "$id" team/z:1
    done
}

# libarchive knows many more formats and filters, some of which open files that
# the archive names, or start programs: none of them is taken.
test_other_formats_and_filters() {
    docker_tree "$work/o" team/o:1
    pack "$work/o" "$work/o.tar"
    mkdir -p "$work/other"
    python3 - "$work/o.tar" "$work/other" <<'PY'
import binascii, lzma, sys, zipfile
source, folder = sys.argv[1:]
data = open(source, "rb").read()
def put(name, content):
    open(f"{folder}/{name}", "wb").write(content)
with zipfile.ZipFile(f"{folder}/zip", "w") as z:
    z.writestr("manifest.json", "[]")
put("lzma", lzma.compress(data, lzma.FORMAT_ALONE))
put("uu", b"begin 644 x\n" + b"".join(binascii.b2a_uu(data[i:i + 45])
    for i in range(0, len(data), 45)) + b"`\nend\n")
put("ar", b"!<arch>\n" + b"manifest.json/  0           0     0     100644  "
    b"2         `\n[]")
put("mtree", b"#mtree\n./manifest.json type=file size=10 "
    b"contents=/etc/passwd\n")
put("xar", b"xar!\0\x1c\0\1" + b"\0" * 512)
put("7z", b"7z\xbc\xaf\x27\x1c\0\4" + b"\0" * 512)
put("iso", b"\0" * 32768 + b"\1CD001\1\0" + b"\0" * 4096)
put("warc", b"WARC/1.0\r\nWARC-Type: resource\r\n\r\n")
PY
    (cd "$work/o" && find . | cpio -o --quiet -H newc) >"$work/other/cpio"
    local file
    for file in "$work"/other/*; do
        fails corrupt "archive" "docker-archive:$file"
    done
}

# Since docker 25: an OCI layout with a manifest.json that leads into it.
test_hybrid_docker_archive() {
    docker_tree "$work/h" team/h:1
    local file name blobs=$work/h/blobs/sha256
    mkdir -p "$blobs"
    for file in "$work"/h/*/layer.tar "$work"/h/[0-9a-f]*.json; do
        [[ ${file##*/} != manifest.json ]] || continue
        name=$(digest_of "$file" | cut -d: -f2)
        sed -i "s|\"[a-z0-9/]*${file##*h/}\"|\"blobs/sha256/$name\"|" \
            "$work/h/manifest.json"
        mv "$file" "$blobs/$name"
    done
    rmdir "$work/h/one" "$work/h/two"
    pack "$work/h" "$work/h.tar"
    pulls "docker-archive:$work/h.tar"
    disk_says "$id" team/h:1
    grep -q blobs/sha256 "$work/h/manifest.json"
}

# Whoever packs an archive may write any name into it.
test_names_with_a_digest_prove_nothing() {
    local digest other name=docker.io/library/app
    digest=$(digest_of "$work/library_app-1.manifest")
    other=sha256:$(printf '%064d' 1)
    docker_tree "$work/dn" "app@$digest"
    pack "$work/dn" "$work/dn.tar"
    pulls "docker-archive:$work/dn.tar"
    [[ -z $(find "$store/refs" -type f) ]]
    mkdir -p "$work/on"
    oci_layout "$work/on" library_app 1
    for claim in "$other" "$digest"; do
        jq -c --arg n "$name@$claim" '.manifests[0].annotations =
            {"io.containerd.image.name": $n}' "$work/on/index.json" >"$work/i"
        mv "$work/i" "$work/on/index.json"
        pulls "oci:$work/on"
    done
    [[ $(find "$store/refs" -type f) == "$store/refs/$name/_digests/$digest" ]]
}

# 1.1 GB of which gzip makes 5 MB: nothing of it stays.
test_an_archive_that_swells() {
    mkdir -p "$work/sw"
    truncate -s 1100M "$work/sw/zeros"
    { tar -C "$work/sw" -cf - zeros || true; } | head -c 512 | gzip -c \
        >"$work/sw.tar.gz"
    head -c 50M /dev/zero | gzip -c1 >"$work/sw/50"
    for _ in {1..22}; do cat "$work/sw/50"; done >>"$work/sw.tar.gz"
    fails limit "more than 200 times its size" "docker-archive:$work/sw.tar.gz"
}

# Docker before 25 writes a layer that two images share as a link.
test_links_in_docker_archives() {
    docker_tree "$work/l" team/l:1
    mkdir "$work/l/real"
    mv "$work/l/one/layer.tar" "$work/l/real/"
    ln -s ../real/layer.tar "$work/l/one/layer.tar"
    ln "$work/l/two/layer.tar" "$work/l/two/hard.tar"
    pack "$work/l" "$work/l.tar"
    pulls "docker-archive:$work/l.tar"
    disk_says "$id" team/l:1
}

test_links_that_lead_out() {
    local target
    for target in ../../etc/passwd /etc/passwd layer.tar ../one/layer.tar; do
        rm -rf "$work/o" "$store"
        docker_tree "$work/o" team/o:1
        ln -sf "$target" "$work/o/one/layer.tar"
        pack "$work/o" "$work/o.tar"
        fails not-found "one/layer.tar" "docker-archive:$work/o.tar"
    done
}

test_names_that_lead_out() {
    docker_tree "$work/n" team/n:1
    tar -C "$work/n" --transform 's|^\./two|../../../tmp|' -P -cf \
        "$work/n.tar" .
    fails corrupt "leaves the tar" "docker-archive:$work/n.tar"
    jq -c '.[0].Config = "/etc/passwd"' "$work/n/manifest.json" >"$work/m"
    mv "$work/m" "$work/n/manifest.json"
    pack "$work/n" "$work/n.tar"
    fails not-found "/etc/passwd" "docker-archive:$work/n.tar"
}

test_two_images_in_one_archive() {
    docker_tree "$work/t" team/t:1
    mkdir -p "$work/t2"
    docker_tree "$work/t2" team/t:2
    jq -cs '.[0] + [.[1][0] | .Layers |= map("x/" + .) | .Config |= "x/" + .]' \
        "$work/t/manifest.json" "$work/t2/manifest.json" >"$work/m"
    mv "$work/t2" "$work/t/x"
    mv "$work/m" "$work/t/manifest.json"
    pack "$work/t" "$work/t.tar"
    fails usage "docker.io/team/t:1, docker.io/team/t:2" \
        "docker-archive:$work/t.tar"
    fails not-found "it holds docker.io/team/t:1" \
        "docker-archive:$work/t.tar:team/t:3"
    pulls "docker-archive:$work/t.tar:team/t:2"
    disk_says "$id" team/t:2
}

test_no_such_file() {
    fails not-found "no such file" "docker-archive:$work/none.tar"
    fails not-found "no such file" "oci-archive:$work/none.tar"
    fails not-found "no such folder" "oci:$work/none"
    fails usage "a folder and no archive" "docker-archive:$work"
    echo x >"$work/file"
    fails usage "no folder" "oci:$work/file"
}

test_broken_archives() {
    docker_tree "$work/b" team/b:1
    pack "$work/b" "$work/b.tar"
    : >"$work/x"
    fails corrupt "" "docker-archive:$work/x"
    echo "this is no tar at all" >"$work/x"
    fails corrupt "no tar archive" "docker-archive:$work/x"
    head -c 4000 "$work/b.tar" >"$work/x"
    fails corrupt "" "docker-archive:$work/x"
    gzip -c "$work/b.tar" | head -c 2000 >"$work/x"
    fails corrupt "not whole" "docker-archive:$work/x"
    head -c $(($(size_of "$work/b.tar") - 15000)) "$work/b.tar" >"$work/x"
    fails corrupt "" "docker-archive:$work/x"
    rm "$work/b/manifest.json"
    pack "$work/b" "$work/x"
    fails corrupt "it holds no manifest.json" "docker-archive:$work/x"
}

test_manifest_json_that_lies() {
    docker_tree "$work/j" team/j:1
    local change
    cp "$work/j/manifest.json" "$work/good.json"
    for change in '.[0].Layers = ["none"]' '.[0].Layers = []' '.[0].Config = 5' \
        '.[0].Layers += ["one/layer.tar"]' '.[0].Layers |= reverse' '{}' '[]' \
        '.[0].Layers = "x"' '[1]'; do
        jq -c "$change" "$work/good.json" >"$work/j/manifest.json"
        pack "$work/j" "$work/j.tar"
        ! pull "docker-archive:$work/j.tar" || die "$change was taken"
        [[ $result =~ ^(corrupt|not-found|usage)$ ]] ||
            die "$change: $result $message"
        no_image
    done
}

test_config_that_does_not_match_its_name() {
    docker_tree "$work/k" team/k:1
    local file
    file=$(jq -r '.[0].Config' "$work/k/manifest.json")
    jq -c '.config.Cmd = ["evil"]' "$work/k/$file" >"$work/c"
    mv "$work/c" "$work/k/$file"
    pack "$work/k" "$work/k.tar"
    fails corrupt "another digest than its name" "docker-archive:$work/k.tar"
}

test_wrong_archive_kind() {
    mkdir -p "$work/oci1"
    oci_layout "$work/oci1" library_app 1
    pack "$work/oci1" "$work/oci1.tar"
    fails corrupt "name it as oci-archive" "docker-archive:$work/oci1.tar"
    docker_tree "$work/w" team/w:1
    pack "$work/w" "$work/w.tar"
    fails corrupt "no OCI layout" "oci-archive:$work/w.tar"
}

test_another_platform() {
    docker_tree "$work/s" team/s:1 s390x
    pack "$work/s" "$work/s.tar"
    fails not-found "the image is for linux/s390x" "docker-archive:$work/s.tar"
    pulls --platform linux/s390x "docker-archive:$work/s.tar"
}

test_oci_folder_and_archive() {
    mkdir -p "$work/oci"
    oci_layout "$work/oci" library_app 1
    pulls "oci:$work/oci"
    disk_says "$id" library/app:1
    [[ $(find "$store/blobs" -type f | wc -l) == 3 ]]
    pulls "oci:$work/oci:1"
    rm -rf "$store"
    pack "$work/oci" "$work/oci.tar"
    pulls "oci-archive:$work/oci.tar"
    disk_says "$id" library/app:1
    # The same image, wherever it comes from.
    local before=$id
    pulls "$plain/library/app:1"
    [[ $id == "$before" ]]
    fails_here not-found "it holds 1" "oci:$work/oci:2"
}

fails_here() {
    local code=$1 words=$2
    shift 2
    ! pull "$@" || die "pulling $* did not fail"
    [[ $result == "$code" && $message == *"$words"* ]] ||
        die "$result: $message"
    whole
}

test_oci_folder_of_several() {
    make_image plain many a
    make_image plain many b
    mkdir -p "$work/m"
    oci_layout "$work/m" many a
    oci_layout "$work/m" many b
    fails usage "it holds a, b" "oci:$work/m"
    pulls "oci:$work/m:b"
    disk_says "$id" many:b
}

test_oci_name_that_is_a_reference() {
    mkdir -p "$work/r"
    oci_layout "$work/r" library_app 1
    jq -c '.manifests[0].annotations["org.opencontainers.image.ref.name"] =
        "host:5000/team/app:3"' "$work/r/index.json" >"$work/i"
    mv "$work/i" "$work/r/index.json"
    pulls "oci:$work/r:host:5000/team/app:3"
    [[ -f $store/refs/host:5000/team/app/_tags/3 ]]
}

test_broken_oci_folders() {
    local blob
    mkdir -p "$work/e"
    fails corrupt "no file oci-layout" "oci:$work/e"
    oci_layout "$work/e" library_app 1
    blob=$(digest_of "$work/library_app-1.gz" | cut -d: -f2)
    echo x >>"$work/e/blobs/sha256/$blob"
    fails corrupt "more bytes" "oci:$work/e"
    rm "$work/e/blobs/sha256/$blob"
    fails not-found "$blob" "oci:$work/e"
    mkfifo "$work/e/blobs/sha256/$blob"
    fails corrupt "is no file" "oci:$work/e"
    jq -c '.manifests[0].digest = "sha256:../../../../etc/passwd"' \
        "$work/e/index.json" >"$work/i"
    cp "$work/i" "$work/e/index.json"
    fails corrupt "no digest" "oci:$work/e"
    echo '{"manifests": null}' >"$work/e/index.json"
    fails corrupt "manifests" "oci:$work/e"
}

# -- the docker engine -------------------------------------------------------

engine_has() { # NAME FOLDER [ARCH]
    mkdir -p "$work/server-engine/engine/$(dirname "$1")"
    jq -n --arg a "${3:-$host_arch}" '{Os: "linux", Architecture: $a}' \
        >"$work/server-engine/engine/$1.json"
    pack "$2" "$work/server-engine/engine/$1.tar"
}

from_mirror() {
    printf '{"registry-mirrors": ["http://%s"]}' "$plain" \
        >"$HX_CONFDIR/daemon.json"
}

test_engine_image_needs_no_download() {
    from_mirror
    docker_tree "$work/g" app:1
    engine_has app:1 "$work/g"
    engine=$work/docker.sock pulls app:1
    disk_says "$id" app:1
    [[ -z $(requests plain) ]]
    [[ -f $store/refs/docker.io/library/app/_tags/1 ]]
    # But not when a fresh one is wanted.
    engine=$work/docker.sock pulls --no-engine app:1
    disk_says "$id" library/app:1
}

test_engine_image_by_its_digest() {
    local digest
    digest=sha256:$(printf '%064d' 2)
    docker_tree "$work/gd" app:1
    engine_has "app@$digest" "$work/gd"
    engine=$work/docker.sock pulls "app@$digest"
    [[ $(jq -r .digest \
        "$store/refs/docker.io/library/app/_digests/$digest") == "$digest" ]]
}

test_engine_without_the_image() {
    from_mirror
    rm -f "$work/server-engine/engine/app:1".*
    engine=$work/docker.sock pulls app:1
    disk_says "$id" library/app:1
    [[ $(count_requests engine 'images/app:1/json') == 1 ]]
}

test_engine_with_another_platform() {
    from_mirror
    docker_tree "$work/p" app:1 s390x
    engine_has app:1 "$work/p" s390x
    engine=$work/docker.sock pulls app:1
    disk_says "$id" library/app:1
    [[ $(count_requests engine 'get') == 0 ]]
}

test_engine_that_fails() {
    from_mirror
    docker_tree "$work/f" app:1
    engine_has app:1 "$work/f"
    local fault
    for fault in '"status": 500' '"reset": true' '"cut": 5000' \
        '"body": "garbage"' '"status": 200, "body": "{}"'; do
        rm -rf "$store"
        rules engine "[{\"on\": \"/get\", $fault}]"
        engine=$work/docker.sock pulls app:1
        disk_says "$id" library/app:1
        rules engine "[{\"on\": \"/json\", $fault}]"
    done
    rm -rf "$store"
    engine=$work/docker.sock pulls app:1
    disk_says "$id" library/app:1
    # A socket that nobody listens at.
    python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/dead.sock"
    rm -rf "$store"
    engine=$work/dead.sock pulls app:1
}

# -- images that others made -------------------------------------------------

test_shared_images() {
    [[ -f $shared/alpine-3.10.docker.tar.gz ]] ||
        skip "no official alpine in $shared"
    pulls --platform linux/amd64 \
        "docker-archive:$shared/alpine-3.10.docker.tar.gz"
    [[ $id == sha256:af341ccd2df8b0e2d67cf8dd32e087bfda4e5756ebd1c76bbf3efa0dc246590e ]]
    [[ -f $store/refs/docker.io/library/alpine/_tags/3.10 ]]
    pulls --platform linux/arm64 "docker-archive:$shared/hello-world.tar"
    [[ $id == sha256:ee301c921b8aadc002973b2e0c3da17d701dcd994b606769a7e6eaa100b81d44 ]]
}

# skopeo's own writing of each form, from one image.
test_what_skopeo_writes() {
    local to
    mkdir -p "$work/sk"
    oci_layout "$work/sk" library_app 1
    for to in "docker-archive:$work/sk.docker:team/sk:1" \
        "oci-archive:$work/sk.oci:x" "oci:$work/sk.folder:x"; do
        skopeo --insecure-policy copy -q "oci:$work/sk:1" "$to"
        rm -rf "$store"
        pulls "${to%%:x}"
        disk_says "$id" library/app:1
    done
}

run_tests docker_archive the_same_blobs_again layers_that_are_compressed \
    a_layer_that_is_another an_image_of_a_registry \
    a_stored_layer_that_is_damaged a_commit_on_a_docker_archive \
    an_image_without_its_layers \
    compressed_docker_archives \
    other_formats_and_filters hybrid_docker_archive \
    names_with_a_digest_prove_nothing an_archive_that_swells \
    links_in_docker_archives \
    links_that_lead_out names_that_lead_out \
    two_images_in_one_archive no_such_file broken_archives \
    manifest_json_that_lies config_that_does_not_match_its_name \
    wrong_archive_kind another_platform oci_folder_and_archive \
    oci_folder_of_several oci_name_that_is_a_reference broken_oci_folders \
    engine_image_needs_no_download engine_image_by_its_digest \
    engine_without_the_image engine_with_another_platform engine_that_fails \
    shared_images what_skopeo_writes
