# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Pull and convert from a registry on loopback, ours against the tools of
# today.  Runs on the build machine, at its native speed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"

work=$(mktemp -d)
registry=
finish() {
    [[ -z $registry ]] || kill "$registry" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

start_registry() {
    local images port
    images=$("$top/scripts/make-test-images" --print-dir)
    port=$(python3 -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >"$work/registry.yml" <<YML
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: $images/registry }
  maintenance: { readonly: { enabled: true } }
http: { addr: "127.0.0.1:$port" }
YML
    docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
    registry=$!
    url=127.0.0.1:$port
    local until=$((SECONDS + 20))
    until curl -sf "http://$url/v2/" >/dev/null; do
        [[ $SECONDS -lt $until ]] || {
            note "the registry did not start: $(tail -n 1 "$work/registry.log")"
            exit 1
        }
        sleep 0.1
    done
}

timed() {
    local start
    start=$(now_us)
    "$@" >"$work/log" 2>&1 || {
        note "failed: $*: $(tail -n 2 "$work/log")"
        return 1
    }
    echo $(($(now_us) - start))
}

ours() {
    rm -rf "$work/store"
    "$top/build/bin/pull" --store "$work/store" "$url/library/$1:latest"
}

umoci_mksquashfs() {
    rm -rf "$work/oci" "$work/bundle" "$work/theirs.squashfs"
    skopeo copy -q --src-tls-verify=false "docker://$url/library/$1:latest" \
        "oci:$work/oci:latest"
    umoci unpack --image "$work/oci:latest" "$work/bundle"
    mksquashfs "$work/bundle/rootfs" "$work/theirs.squashfs" -comp lz4 \
        -no-progress -quiet
}

compare() {
    local image=$1 a=() b=() i
    for ((i = 0; i < runs; i++)); do
        a+=("$(timed ours "$image")")
        b+=("$(timed umoci_mksquashfs "$image")")
        note "$image: ${a[-1]} us against ${b[-1]} us"
    done
    local our their
    our=$(median "${a[@]}")
    their=$(median "${b[@]}")
    row "image/$image/vs-umoci-mksquashfs" "$(ratio "$our" 1000)" ms "$runs" \
        "$(ratio "$our" "$their")" "skopeo copy + umoci unpack + mksquashfs"
}

start_registry
compare nginx
