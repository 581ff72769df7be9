# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# All test images together: built, checked in, pushed to a registry.

. "$scripts/test-images.d/oci.sh"
. "$scripts/test-images.d/roots.sh"
. "$scripts/test-images.d/layers.sh"

roots_key() {
    hash_inputs "=${left_out[*]}" \
        "=$(declare -f build_roots root_of make_tar debian_root)"
}

images_key() {
    hash_inputs "$scripts"/test-images.d/{nginx,redis,sshd,oci.sh,roots.sh} \
        "$scripts"/test-images.d/{layers.sh,images.sh} "=$(roots_key)"
}

# Makes them unless the cache has them.
images_cached() {
    local kind key
    [[ ! -d $(cache_path test-images "$(images_key)") ]] || return 0
    need_tools mmdebstrap umoci skopeo docker-registry busybox jq zstd \
        setfattr setcap curl
    [[ $(id -u) == 0 ]] ||
        die "making the test images needs root the first time; run scripts/make-test-images as root"
    step "making the roots of debian, nginx, redis and sshd" \
        cache_build image-roots "$(roots_key)" build_roots
    step "making the test images" \
        cache_build test-images "$(images_key)" build_images
}

build_images() { # OUT
    local out=$1 oci=$1/oci work=$1/work roots
    roots=$(cache_path image-roots "$(roots_key)")
    mkdir -p "$oci" "$work" "$out/archive"
    # What mktemp makes goes away with the folder, also when this is killed.
    export TMPDIR=$work
    make_debian "$roots" "$oci"
    make_nginx "$roots" "$oci"
    make_redis "$roots" "$oci"
    make_sshd "$roots" "$oci"
    make_busybox "$work" "$oci"
    make_configs "$work" "$oci"
    make_multi "$work" "$oci"
    make_layers "$work" "$oci"
    make_odd "$work" "$oci"
    make_archives "$oci" "$out/archive"
    push_all "$oci" "$out"
    unset TMPDIR
    rm -rf --one-file-system "$work"
}

copy_image() { skopeo --insecure-policy copy -q "$@"; }

make_archives() { # OCI OUT
    local name
    for name in busybox layers nginx; do
        copy_image "oci:$1/$name:latest" \
            "docker-archive:$2/$name.docker.tar:$name:latest"
        copy_image "oci:$1/$name:latest" "oci-archive:$2/$name.oci.tar:latest"
    done
}

# Pushes each tag of each layout to a registry that keeps them in OUT/registry.
push_all() { # OCI OUT
    local oci=$1 out=$2 port pid layout name tag
    port=$(free_port)
    cat >"$out/work/registry.yml" <<YML
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $out/registry}}
http: {addr: "127.0.0.1:$port", secret: lab}
YML
    docker-registry serve "$out/work/registry.yml" \
        >"$out/work/registry.log" 2>&1 </dev/null &
    pid=$!
    # shellcheck disable=SC2064 # this very pid
    trap "kill $pid 2>/dev/null || true" EXIT
    registry_answers "$port" "$pid" || {
        tail -n 5 "$out/work/registry.log" >&2
        say "docker-registry does not start"
        return 1
    }
    for layout in "$oci"/*; do
        name=$(basename "$layout")
        for tag in $(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' \
            "$layout/index.json"); do
            push "$layout:$tag" "$port" "$name:$tag" --all --preserve-digests
        done
    done
    # As `docker push` of this Debian's docker would write them.
    push "$oci/nginx:latest" "$port" nginx:latest --format v2s2
    push "$oci/layers:latest" "$port" layers:docker --format v2s2
    kill "$pid"
    wait "$pid" || true
    trap - EXIT
}

push() { # LAYOUT:TAG PORT NAME:TAG OPTION...
    local from=$1 port=$2 name=$3
    shift 3
    copy_image "$@" --dest-tls-verify=false "oci:$from" \
        "docker://127.0.0.1:$port/library/$name"
}

registry_answers() { # PORT PID
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$2" 2>/dev/null || return 1
        curl -fs -o /dev/null "http://127.0.0.1:$1/v2/" && return 0
        sleep 0.1
    done
    return 1
}

# A loopback port that nobody listens at just now.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}
