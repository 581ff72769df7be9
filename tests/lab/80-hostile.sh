# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A guest that lies (tests/hostile) beside an honest one: dom0 stays as it is,
# and the neighbour notices nothing.

hostile=$here/hostile.cpio
initrd=/usr/local/lib/xl-hyper/initrd.cpio

lies=(silent lengths streams offsets windows sessions credits versions short
    bye exec mute indices orders grants refs storm flap log health xenstore)

folder_of() {
    echo "/var/lib/hyper/pods/$(xl-hyper inspect "$1" | jq -r '.[0].Id')"
}

monitor_of() {
    pgrep -f "/monitor .*$(basename "$(folder_of "$1")")"
}

# with_liar COMMAND...: the pod that it makes has the liar as its PID 1.  In a
# mount namespace of its own, so that nothing is left however it ends.
with_liar() {
    # shellcheck disable=SC2016 # for the other shell
    unshare -m sh -c 'mount --bind "$1" "$2"; shift 2; exec "$@"' liar \
        "$hostile" "$initrd" "$@"
}

start_neighbour() {
    xl-hyper create --type pv --name neighbour busybox sh -c \
        'i=0; while :; do i=$((i+1)); echo "n $i"; sleep 0.2; done' >/dev/null
    until_true 90 sh -c "xl-hyper logs neighbour | grep -q '^n 3$'"
}

# CPU time of a process in milliseconds.
cpu_ms() {
    awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / hz) }' \
        "/proc/$1/stat"
}

uptime_ms() {
    awk '{ print int($1 * 1000) }' /proc/uptime
}

no_escape() { # WHAT FILE
    if LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$2"; then
        fail "$1: a control character came through: $(od -c "$2" | head -n 5)"
    fi
}

# limit test_no_lie_harms_dom0_or_a_neighbour: 1800
test_no_lie_harms_dom0_or_a_neighbour() {
    local lie monitor pss cpu took size before rc
    start_neighbour
    for lie in "${lies[@]}"; do
        with_liar xl-hyper create --type pv --name liar \
            --health-cmd true busybox "$lie" >/dev/null || fail "$lie: create failed"
        before=$(xl-hyper logs --tail 1 neighbour | tail -n 1 | cut -d ' ' -f 2)
        monitor=$(monitor_of liar) ||
            fail "$lie: no monitor: $(cat "$(folder_of liar)/monitor.log"
                xl-hyper inspect liar | jq -c '.[0].State')"
        cpu=$(cpu_ms "$monitor")
        took=$(uptime_ms)
        sleep 6
        same "$lie: the monitor lives on" "$monitor" "$(monitor_of liar)"
        # An emulated CPU is slow, and on a busy machine counts what others
        # took: a spinning monitor has nearly all of it.
        cpu=$(($(cpu_ms "$monitor") - cpu))
        took=$(($(uptime_ms) - took))
        pss=$(awk '/^Pss:/ { print $2 }' "/proc/$monitor/smaps_rollup")
        size=$(du -sk --exclude=scratch.ext4 "$(folder_of liar)" | cut -f 1)
        echo "$lie: monitor $cpu ms of $took, PSS $pss KiB, folder $size KiB"
        [[ $pss -lt 2560 ]] || fail "$lie: the monitor's PSS is $pss KiB"
        [[ $cpu -lt $((took * 3 / 4)) ]] ||
            fail "$lie: the monitor took $cpu ms of $took"
        [[ $size -lt 25000 ]] || fail "$lie: the folder has $size KiB"
        xl-hyper list >list 2>&1
        xl-hyper inspect liar >>list
        no_escape "$lie: list" list
        has "$lie: list" "$(cat list)" liar
        # Who never answers costs the one that asks half a minute.
        if [[ $lie == exec || $lie == mute ]]; then
            rc=0
            timeout 100 xl-hyper exec liar true >out 2>err </dev/null || rc=$?
            [[ $rc -ne 0 && $rc -ne 124 ]] ||
                fail "$lie: exec: exit $rc: $(cat err)"
            no_escape "$lie: exec" err
        fi
        exits 0 timeout 180 xl-hyper exec neighbour echo well
        until_true 30 sh -c "[ \$(xl-hyper logs --tail 1 neighbour | tail -n 1 | cut -d ' ' -f 2) -gt $before ]"
        exits 0 xl-hyper destroy -f liar
    done
    xl-hyper logs neighbour | cut -d ' ' -f 2 >numbers
    seq "$(tail -n 1 numbers)" | cmp - numbers || fail "the neighbour lost lines"
}

test_a_guests_words_reach_no_terminal() {
    local rc=0
    with_liar xl-hyper run --type pv --name words busybox text >out 2>err ||
        rc=$?
    same "exit code" 125 "$rc"
    no_escape "run" err
    xl-hyper inspect words >inspected
    no_escape "inspect" inspected
    xl-hyper list -a >list
    no_escape "list" list
}
