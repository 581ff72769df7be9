# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The host itself: what every other test takes for granted.

test_vector_registers_are_each_domain_s_own() {
    local type pid pids=()
    for type in $(types); do
        xl hyper-create --type "$type" --name "keep-$type" busybox \
            sleep 100000 >/dev/null
        until_true 90 is_up "keep-$type"
        xl hyper-cp "$here/registers" "keep-$type:/registers"
    done
    for type in $(types); do
        xl hyper-exec "keep-$type" /registers 20 >"guest-$type" &
        pids+=($!)
    done
    "$here/registers" 20 >dom0 || fail "dom0: $(cat dom0)"
    for pid in "${pids[@]}"; do
        wait "$pid" || fail "a guest: $(cat guest-*)"
    done
}
