# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Nothing is lost, nothing leaks: rounds, injected failures, kills, other
# tools at work on our domains.

warm() {
    # The default bridge and the image are made once and stay.
    xl hyper-run --rm --type pv busybox true
}

# limit test_rounds_leave_nothing: 900
test_rounds_leave_nothing() {
    local before i type all count
    count=$(often 50 10)
    warm
    before=$(traces)
    read -ra all <<<"$(types | tr '\n' ' ')"
    for ((i = 0; i < count; i++)); do
        type=${all[$((i % 5 == 4 ? ${#all[@]} - 1 : 0))]}
        xl hyper-create --type "$type" --name round busybox sleep 1000 >/dev/null
        xl hyper-destroy -f round >/dev/null
    done
    same traces "$before" "$(traces)"
}

# The kernel's trace names a script, and not the shell that its first line does.
test_no_shell_and_no_qemu_during_a_launch() {
    local trace=/sys/kernel/tracing type seen
    local switch=$trace/events/sched/sched_process_exec/enable
    warm
    mountpoint -q $trace || mount -t tracefs nodev $trace
    for type in $(types); do
        echo >$trace/trace
        echo 1 >$switch
        xl-hyper create --type "$type" --name quiet busybox sleep 1000 \
            >/dev/null
        echo 0 >$switch
        grep -o 'filename=[^ ]*' $trace/trace | sort | uniq -c >execs
        for seen in xl-hyper hotplug monitor; do
            grep -q "filename=.*/$seen\$" execs ||
                fail "$type: the trace saw no $seen: $(cat execs)"
        done
        if grep -E '/(ba|da|)sh$|/scripts/|qemu|/bin/env|xenstore-' execs; then
            fail "$type: a shell or QEMU ran: $(cat execs)"
        fi
        same "$type: QEMU processes" "" "$(pgrep qemu || true)"
        xl-hyper destroy -f quiet >/dev/null
    done
}

# limit test_failure_at_every_step_is_undone: 900
test_failure_at_every_step_is_undone() {
    local before step
    warm
    before=$(traces)
    for step in $(create_steps); do
        rc=0
        HX_FAIL_AT=$step xl hyper-create --type pv --name inject busybox \
            sleep 1000 >out 2>err || rc=$?
        same "$step: exit" 125 "$rc"
        same "$step: left behind" "$before" "$(traces)"
    done
}

# limit test_kill_at_every_step_is_put_right: 900
test_kill_at_every_step_is_put_right() {
    local before step
    warm
    before=$(traces)
    for step in $(create_steps); do
        rc=0
        HX_FAIL_AT=$step:kill xl hyper-create --type pv --name inject busybox \
            sleep 1000 >out 2>err || rc=$?
        same "$step: exit" 137 "$rc"
        xl hyper-list -a >list
        xl hyper-destroy -f inject >/dev/null 2>&1 || true
        same "$step: left behind" "$before" "$(traces)"
    done
}

test_xl_destroy_is_noticed() {
    local before
    warm
    before=$(traces)
    xl hyper-create --type pv --name gone busybox sleep 1000 >/dev/null
    xl destroy gone
    until_true 30 sh -c "xl hyper-inspect gone |
        jq -e '.[0].State.Status == \"exited\"'"
    [[ $(xl hyper-inspect gone | jq '.[0].State.ExitCode') -ne 0 ]] ||
        fail "a destroyed pod counts as success"
    same "running" "" "$(xl hyper-list -q)"
    xl hyper-destroy gone >/dev/null
    same "left behind" "$before" "$(traces)"
}

test_run_notices_xl_destroy() {
    local rc=0 pid
    xl hyper-run --type pv --name gone busybox sh -c 'echo up; sleep 1000' \
        >out 2>err &
    pid=$!
    until_true 60 grep -q up out
    xl destroy gone
    wait "$pid" || rc=$?
    [[ $rc -ne 0 ]] || fail "hyper-run of a destroyed domain returned 0"
}

test_xl_shutdown_stops_the_process() {
    xl hyper-create --type pv --name polite busybox \
        sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done' \
        >/dev/null
    until_true 60 sh -c 'xl hyper-logs polite | grep -q up'
    xl shutdown -w polite
    until_true 30 sh -c "xl hyper-inspect polite |
        jq -e '.[0].State.ExitCode == 3'"
}

test_xl_console_shows_output() {
    xl hyper-create --type pv --name seen busybox \
        sh -c 'while :; do echo tick; sleep 0.2; done' >/dev/null
    until_true 60 sh -c 'xl hyper-logs seen | grep -q tick'
    on_console seen 'expect tick { exit 0 } default { exit 1 }' >out ||
        fail "xl console: $(cat out)"
    local before after
    before=$(xl hyper-logs seen | wc -l)
    until_true 20 sh -c "[ \$(xl hyper-logs seen | wc -l) -gt $before ]"
    after=$(xl hyper-logs seen | grep -vc '^tick$' || true)
    same "lines that are not ticks" 0 "$after"
}

test_dead_monitor_is_replaced() {
    local pid
    xl hyper-create --type pv --name orphan busybox \
        sh -c 'i=0; while :; do i=$((i+1)); echo n $i; sleep 0.2; done' >/dev/null
    until_true 60 sh -c 'xl hyper-logs orphan | grep -q "n 3"'
    pid=$(pgrep -x monitor)
    kill -9 "$pid"
    has "still listed" "$(xl hyper-list)" orphan
    until_true 10 pgrep -x monitor
    until_true 20 sh -c 'xl hyper-logs orphan | grep -q "n 40"'
    exits 0 xl hyper-stop -t 1 orphan
}

test_end_without_a_monitor_is_known() {
    xl hyper-create --type pv --name alone busybox \
        sh -c 'echo up; sleep 5; exit 9' >/dev/null
    until_true 60 sh -c 'xl hyper-logs alone | grep -q up'
    kill -9 "$(pgrep -x monitor)"
    sleep 7
    # The guest keeps its output until somebody takes it: the next command's
    # monitor, from which on the pod can end.
    until_true 30 has_ended alone
    same "exit code" 9 "$(xl hyper-inspect alone | jq '.[0].State.ExitCode')"
    same "domains" "" "$(domids)"
}

test_guest_panic_is_a_crash() {
    xl hyper-create --type pv --name boom busybox sleep 1000 >/dev/null
    until_true 60 sh -c "xl hyper-inspect boom | jq -e '.[0].State.Running'"
    xl sysrq boom c
    until_true 30 sh -c "xl hyper-inspect boom |
        jq -e '.[0].State.Status == \"exited\"'"
    [[ $(xl hyper-inspect boom | jq '.[0].State.ExitCode') -ne 0 ]] ||
        fail "a crash counts as success"
}

# limit test_eight_creates_at_once: 900
test_eight_creates_at_once() {
    local i before
    warm
    before=$(traces)
    for ((i = 0; i < 8; i++)); do
        xl hyper-create --type pv -m 32 --name many-$i busybox sleep 1000 \
            >out-$i 2>err-$i &
    done
    wait
    for ((i = 0; i < 8; i++)); do
        same "pod $i" many-$i "$(cat "out-$i" "err-$i")"
    done
    same "addresses" 8 "$(for ((i = 0; i < 8; i++)); do
        xl hyper-inspect many-$i | jq -r '.[0].NetworkSettings.IPAddress'
    done | sort -u | wc -l)"
    same "loop devices of the root disk" 1 "$(losetup -a | grep -c squashfs)"
    for ((i = 0; i < 8; i++)); do
        xl hyper-destroy -f many-$i >/dev/null
    done
    same "left behind" "$before" "$(traces)"
}
