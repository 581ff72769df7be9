# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Pull and convert from a registry on loopback, ours against the tools of
# today; the memory it takes; and the time against the size of the image, which
# is also drawn: build/bench/image-size.svg.  Runs on the build machine, at its
# native speed.
#
# SIZES are those of the generated images in MiB. They are made once, into the
# cache, which takes minutes and 60 % of their size.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
me='bench' scripts=$top/scripts
# shellcheck source=scripts/lib.sh
. "$scripts/lib.sh"
# shellcheck source=scripts/test-images.d/images.sh
. "$scripts/test-images.d/images.sh"

read -ra sizes <<<"${SIZES:-10 50 200 500 1000 2000}"
work=$(mktemp -d)
registries=() url=
finish() {
    local pid
    for pid in "${registries[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

# -- the images ---------------------------------------------------------------

# start_registry FOLDER READONLY: a docker-registry that keeps its images there,
# at 127.0.0.1:$port.
start_registry() {
    local config=$work/registry-${#registries[@]}.yml
    port=$(free_port)
    cat >"$config" <<YML
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: $1 }
  maintenance: { readonly: { enabled: $2 } }
http: { addr: "127.0.0.1:$port", secret: bench }
YML
    # It ends with us, however we end.
    setpriv --pdeathsig TERM docker-registry serve "$config" \
        >"$config.log" 2>&1 </dev/null &
    registries+=($!)
    registry_answers "$port" $! || {
        note "the registry did not start: $(tail -n 1 "$config.log")"
        exit 1
    }
    url=127.0.0.1:$port/library
}

# The files of the nginx image as one layer: tar2sqfs knows nothing of whiteouts.
# (Nor does it read what `umoci insert` writes.)
flat_nginx() { # FOLDER
    local nginx flat=$1/oci/flat
    nginx=$(cache_path test-images "$(images_key)")/oci/nginx
    umoci unpack --image "$nginx:latest" "$1/bundle"
    make_tar "$1/bundle/rootfs" "$1/layer.tar"
    umoci init --layout "$flat"
    umoci new --image "$flat:latest"
    umoci raw add-layer --image "$flat:latest" "$1/layer.tar"
    rm -rf "$1/bundle" "$1/layer.tar"
}

sized_images() { # OUT
    local size
    mkdir "$1/oci"
    flat_nginx "$1"
    "$here/make-images" "$1/oci" "${sizes[@]}"
    # In a subshell of cache_build's, so the registry is ended here.
    registries=()
    start_registry "$1/registry" false
    push "$1/oci/flat:latest" "$port" flat:latest
    for size in "${sizes[@]}"; do
        push "$1/oci/${size}mb:latest" "$port" "${size}mb:latest"
    done
    kill "${registries[0]}"
    rm -rf "$1/oci"
}

sized_key() {
    hash_inputs "$here/make-images" \
        "=${sizes[*]} $(images_key) $(declare -f sized_images flat_nginx)"
}

# -- the ways to a root disk --------------------------------------------------

# Each has $work/out for itself, and finds it empty.

ours() { # IMAGE
    "$top/build/bin/pull" --no-engine --store "$work/out/store" "$1"
}

umoci_mksquashfs() { # IMAGE
    skopeo copy -q --src-tls-verify=false "docker://$1" \
        "oci:$work/out/oci:latest"
    umoci unpack --image "$work/out/oci:latest" "$work/out/bundle"
    mksquashfs "$work/out/bundle/rootfs" "$work/out/squashfs" -comp lz4 \
        -no-progress -quiet
}

tar2sqfs_lz4() { # IMAGE
    local layers
    skopeo copy -q --src-tls-verify=false "docker://$1" "dir:$work/out/dir"
    layers=$(jq -r '.layers[].digest' "$work/out/dir/manifest.json")
    zcat "$work/out/dir/${layers#sha256:}" |
        tar2sqfs -q -c lz4 "$work/out/squashfs"
}

# -- measuring ----------------------------------------------------------------

# What came before is on the disk, so that nobody pays for another's writing.
timed() { # COMMAND...: microseconds
    local start
    rm -rf "$work/out"
    mkdir "$work/out"
    sync
    start=$(now_us)
    "$@" >"$work/log" 2>&1 || {
        note "failed: $*: $(tail -n 2 "$work/log")"
        return 1
    }
    echo $(($(now_us) - start))
}

compare() { # ROW IMAGE COMMAND WORDS
    local a=() b=() i our their
    for ((i = 0; i < runs; i++)); do
        a+=("$(timed ours "$2")")
        b+=("$(timed "$3" "$2")")
        note "$1: ${a[-1]} us against ${b[-1]} us"
    done
    our=$(median "${a[@]}")
    their=$(median "${b[@]}")
    row "$1" "$(ratio "$our" 1000)" ms "$runs" "$(ratio "$our" "$their")" "$4"
}

# Time against size: a row and a point for each.
by_size() {
    local size i times seconds
    for size in "${sizes[@]}"; do
        times=()
        for ((i = 0; i < runs; i++)); do
            times+=("$(timed ours "$url/${size}mb:latest")")
        done
        seconds=$(ratio "$(median "${times[@]}")" 1000000)
        note "$size MiB: $seconds s"
        row "image/size/${size}mb" "$(ratio "$seconds" 0.001)" ms "$runs"
        echo "$size $seconds" >>"$work/points"
    done
    mkdir -p "$top/build/bench"
    "$here/plot" TITLE='Cold pull and conversion' YNAME=seconds \
        XNAME='MiB of layers, unpacked' "$work/points" \
        >"$top/build/bench/image-size.svg"
}

memory() { # ROW IMAGE
    local i peaks=()
    for ((i = 0; i < runs; i++)); do
        rm -rf "$work/out"
        mkdir "$work/out"
        peaks+=("$("$here/peak-memory" "$top/build/bin/pull" --no-engine \
            --store "$work/out/store" "$2")")
    done
    row "$1" "$(median "${peaks[@]}")" MiB "$runs"
}

images_cached
step "making images of ${sizes[*]} MiB" \
    cache_build bench-images "$(sized_key)" sized_images
start_registry "$(cache_path test-images "$(images_key)")/registry" true
theirs="skopeo copy + umoci unpack + mksquashfs -comp lz4"
compare image/nginx/vs-umoci-mksquashfs "$url/nginx:latest" umoci_mksquashfs \
    "$theirs"
start_registry "$(cache_path bench-images "$(sized_key)")/registry" true
compare image/nginx/vs-tar2sqfs "$url/flat:latest" tar2sqfs_lz4 \
    "skopeo copy + zcat LAYER | tar2sqfs -c lz4"
large=$(printf '%s\n' "${sizes[@]}" | sort -n | tail -n 1)
if [[ " ${sizes[*]} " == *" 500 "* ]]; then
    compare image/500mb/vs-umoci-mksquashfs "$url/500mb:latest" \
        umoci_mksquashfs "$theirs"
    memory image/500mb/peak-rss "$url/500mb:latest"
fi
memory "image/${large}mb/peak-rss" "$url/${large}mb:latest"
by_size
