#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Which images stay when there are too many: hyper-image-prune, and the limit
# of the store's size in daemon.json. xl-hyper sees a Xen without domains
# (no-domains.c) and pods that have ended.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

${CC:-cc} -shared -fPIC -O1 -o "$work/no-domains.so" "$here/no-domains.c"
start_server plain
plain=127.0.0.1:$port
export BALLAST=400000
for name in used old new; do make_image plain "$name" 1; done

# make_over NAME BASE: BASE's layer, and a little one.
make_over() {
    make_layer "$work/$1.tar" "$1"
    make_config "$work/$1.config" "$host_arch" \
        "$(digest_of "$work/$2-1.tar")" "$(digest_of "$work/$1.tar")"
    jq -c --argjson c "$(descriptor "$work/$1.config" "$oci.config.v1+json")" \
        --argjson l "$(descriptor "$work/$1.tar" "$oci.layer.v1.tar")" \
        '.config = $c | .layers += [$l]' "$work/$2-1.manifest" >"$work/$1.manifest"
    add_blob plain "$work/$1.tar" >/dev/null
    add_blob plain "$work/$1.config" >/dev/null
    add_manifest plain "$1" 1 "$work/$1.manifest"
}
BALLAST=10 make_over over old
shared=$store/blobs/sha256/$(jq -r '.layers[0].digest' "$work/old-1.manifest" |
    cut -d: -f2)

# xl ARG...: xl-hyper in a dom0 of its own: our store, our daemon.json, no
# domain. It succeeds; its output is in $work/stdout and $work/stderr.
xl() {
    mkdir -p "$store"
    # shellcheck disable=SC2016 # for the other shell
    unshare --mount --propagation private sh -c '
        for folder in /var/lib /run /etc; do
            mount -t tmpfs -o mode=755 hyper-test "$folder" || exit 99
        done
        mkdir /var/lib/hyper && mount --bind "$1" /var/lib/hyper &&
            cp -r "$2" /etc/hyper || exit 99
        shift 3
        exec env LD_PRELOAD="$0" "$@"' "$work/no-domains.so" "$store" \
        "$HX_CONFDIR" -- "$build/bin/xl-hyper" "$@" \
        >"$work/stdout" 2>"$work/stderr" ||
        die "$* ended with $?: $(<"$work/stderr")"
}

limit() { printf '{"image-store-max-size": "%s"}' "$1" >"$HX_CONFDIR/daemon.json"; }
id_of() { jq -r .id "$store/refs/$plain/$1/_tags/1"; }
# used_at NAME TIME: when the image was last used.
used_at() {
    local id
    id=$(id_of "$1")
    touch -d "$2" "$store/images/${id#sha256:}.json"
}

# make_pod IMAGE-ID: one that has ended.
make_pod() {
    local uuid=01234567-89ab-4def-8123-456789abcdef
    local pod=$store/pods/$uuid
    mkdir -p "$store/pods"
    mkdir -m 700 "$pod"
    jq -n --arg id "$1" --arg uuid "$uuid" '{version: 1, uuid: $uuid,
        created_at_ms: 1700000000000, spec: {name: "web", type: "pv",
        mem_kib: 65536, vcpus: 1, hostname: "web", scratch_bytes: 0,
        net: {none: true}, auto_remove: false, paused: false, restart: "no",
        restart_max: 0, containers: [{name: "web", image: "used:1",
        image_id: $id, args: ["x"], env: [], user: "", cwd: "/",
        stop_signal: 15, stop_timeout_ms: 10000, writable: "none",
        tty: false}]}}' >"$pod/pod.json"
    jq -n '{version: 1, state: "exited", domid: 0, end: "exit", exit_code: 0,
        started_at_ms: 1700000000000, finished_at_ms: 1700000001000,
        reaped: true}' >"$pod/state.json"
}

# stays NAME...: these names are left, and no other; nothing is wrong.
stays() {
    local name
    xl images
    [[ $(awk 'NR > 1 && $1 != "<none>" { print $1 }' "$work/stdout" | sort | xargs) == \
        "$(printf "$plain/%s\n" "$@" | sort | xargs)" ]] ||
        die "not '$*' but: $(<"$work/stdout")"
    xl image-check
    grep -q ' nothing is wrong' "$work/stdout" || die "$(<"$work/stdout")"
    whole_records
    for name in "$@"; do disk_says "$(id_of "$name")" "${says[$name]}"; done
}
declare -A says=([used]=used:1 [old]=old:1 [new]=new:1 [over]=over)

pull_all() { # NAME...
    local name
    for name in "$@"; do xl pull -q "$plain/$name:1"; done
}

test_the_images_used_longest_ago_make_room() {
    pull_all used old new
    used_at used 2001-01-01
    used_at old 2002-01-01
    used_at new 2003-01-01
    make_pod "$(id_of used)"
    # Three large root disks and three large layers: one disk too many.
    limit 2200k
    xl pull -q "$plain/over:1"
    grep -q "over its limit: removed .*/old:1, last used" "$work/stderr" ||
        die "$(<"$work/stderr")"
    stays used new over
    [[ -f $shared ]] || die "the shared layer is gone"
    # One that is pulled stays, and one that a pod needs, whatever the limit.
    limit 100k
    xl pull -q "$plain/old:1"
    grep -q "all of it is in use" "$work/stderr" || die "$(<"$work/stderr")"
    stays used old
    [[ -f $shared ]] || die "the layer of a new image is gone"
}

test_prune() {
    local used
    pull_all used old over
    used=$(id_of used)
    make_pod "$used"
    # The pod's image and one more lose their names.
    rm -r "$store/refs/$plain/used" "$store/refs/$plain/old"
    xl image-prune -f
    grep -q '^deleted: sha256:' "$work/stdout" || die "$(<"$work/stdout")"
    [[ $(find "$store/images" -type f | wc -l) == 2 ]]
    [[ -f $store/images/${used#sha256:}.json ]] || die "the pod's image is gone"
    stays over
    [[ -f $shared ]] || die "the shared layer is gone"
    xl image-prune -a -f
    grep -q '^untagged: .*/over:1' "$work/stdout" || die "$(<"$work/stdout")"
    [[ ! -f $shared ]] || die "a layer of no image is left"
    [[ $(find "$store/disks" -type f | wc -l) == 1 ]]
    disk_says "$used" used:1
    rm -r "$store/pods"
    xl image-prune -a -f
    empty
}

run_tests the_images_used_longest_ago_make_room prune
