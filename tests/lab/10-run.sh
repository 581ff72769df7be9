# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# The main job: processes run as Docker would run them, in PV and PVH.

test_output_and_exit_code() {
    for type in $(types); do
        exits 42 xl hyper-run --rm --type "$type" busybox \
            sh -c 'echo hi; exit 42'
        same "$type stdout" hi "$(cat out)"
        same "$type stderr" "" "$(cat err)"
    done
}

test_signal_death_is_128_plus_n() {
    local type pid rc
    for type in $(types); do
        rc=0
        xl hyper-run --type "$type" --name sig-"$type" busybox \
            sh -c 'echo up; sleep 1000' >out 2>err &
        pid=$!
        until_true 60 grep -q up out
        xl hyper-kill -s KILL sig-"$type" >/dev/null
        wait "$pid" || rc=$?
        same "$type: hyper-run" 137 "$rc"
        same "$type: hyper-inspect" 137 "$(state_of sig-"$type" ExitCode)"
        xl hyper-destroy sig-"$type" >/dev/null
    done
    # The first process of a PID namespace has no default actions: beside KILL
    # only a fault of its own ends it.  This one is of the stack.
    exits 139 xl hyper-run --rm --type pv busybox \
        sh -c 'ulimit -s 256; f() { f; }; f'
}

# Other processes die as anywhere: they inherit no ignored or blocked signal.
test_children_die_of_signals() {
    exits 0 xl hyper-run --rm --type pv busybox sh -c '
        for n in 1 2 6 11 13 15; do
            sh -c "kill -$n \$\$"
            codes="$codes $?"
        done
        echo "codes:$codes"'
    has "exit codes" "$(cat out)" "codes: 129 130 134 139 141 143"
}

test_memory_that_runs_out_is_told() {
    # tail keeps a line until it ends.
    exits 137 xl hyper-run --rm --type pv -m 48 busybox tail /dev/zero
    has "the sentence" "$(cat err)" "ran out of memory"
    has "the way out" "$(cat err)" "-m"
}

test_start_failures_have_dockers_codes() {
    exits 127 xl hyper-run --rm --type pv busybox /no/such/file
    has "not found" "$(cat err)" /no/such/file
    exits 126 xl hyper-run --rm --type pv busybox /etc
    has "not executable" "$(cat err)" /etc
    exits 125 xl hyper-run --rm --type pv -u nobody-here busybox true
    has "unknown user" "$(cat err)" nobody-here
}

test_environment_user_and_folder() {
    exits 0 xl hyper-run --rm --type pv -e A=1 -e B='x y' -u 4321:50 \
        -w /made/for/it --hostname box busybox \
        sh -c 'echo $A "$B"; id -u; id -g; pwd; hostname; echo $HOME; echo $PATH'
    same output "1 x y
4321
50
/made/for/it
box
/
/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$(cat out)"
}

test_env_file_and_callers_environment() {
    printf '# comment\nONE=1\n\nTWO=two words\nFROM_CALLER\n' >file
    FROM_CALLER=yes exits 0 xl hyper-run --rm --type pv --env-file file \
        busybox sh -c 'echo "$ONE|$TWO|$FROM_CALLER"'
    same output "1|two words|yes" "$(cat out)"
}

test_root_is_writable_and_read_only() {
    exits 0 xl hyper-run --rm --type pv busybox \
        sh -c 'echo x >/etc/new && cat /etc/new && df / | tail -n 1'
    has "writable root" "$(cat out)" x
    exits 1 xl hyper-run --rm --type pv --read-only busybox \
        sh -c 'echo x >/etc/new'
    exits 0 xl hyper-run --rm --type pv --read-only busybox \
        sh -c 'cat /etc/hosts /etc/resolv.conf /etc/hostname >/dev/null'
}

test_output_is_complete() {
    exits 0 xl hyper-run --rm --type pv busybox seq 1 20000
    seq 1 20000 >expected
    cmp out expected || fail "20000 lines came back changed"
}

test_ends_with_a_full_last_line() {
    exits 0 xl hyper-run --rm --type pv busybox printf 'no newline'
    same output "no newline" "$(cat out)"
}

test_interrupt_is_forwarded() {
    local rc=0 pid
    # A shell without job control has background commands ignore SIGINT.
    env --default-signal=INT xl hyper-run --rm --type pv --name ctrlc busybox \
        sh -c 'trap "echo caught; exit 7" INT; echo ready
               while :; do sleep 0.1; done' >out 2>err &
    pid=$!
    until_true 60 grep -q ready out
    kill -INT "$pid"
    wait "$pid" || rc=$?
    same "exit code" 7 "$rc"
    has output "$(cat out)" caught
    same "pods left" "" "$(xl hyper-list -a -q)"
}

test_alpine_unchanged() {
    local archive=/root/shared-images/alpine-3.10.docker.tar.gz
    [[ -f $archive ]] || skip "no archive of the official alpine here"
    for type in $(types); do
        exits 0 xl hyper-run --rm --type "$type" "docker-archive:$archive" \
            cat /etc/alpine-release
        has "$type" "$(cat out)" 3.10
    done
}

test_an_image_of_another_architecture_is_refused() {
    local archive=/root/shared-images/hello-world.tar
    [[ -f $archive ]] || skip "no archive of the official hello-world here"
    # This one was saved on an arm64 machine.
    refuses 125 arm64 xl hyper-run -q --rm "docker-archive:$archive"
}

test_32_mib_is_enough_for_a_small_process() {
    for type in $(types); do
        exits 0 xl hyper-run --rm -m 32 --type "$type" busybox echo small
        same "$type" small "$(cat out)"
    done
}

test_two_vcpus() {
    for type in $(types); do
        exits 0 xl hyper-run --rm --vcpus 2 --type "$type" busybox nproc
        same "$type" 2 "$(cat out)"
    done
}
