# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# The control channel: exec, attach, logs, and how pods end, told the same by
# every command.

folder_of() {
    echo "/var/lib/hyper/pods/$(xl-hyper inspect "$1" | jq -r '.[0].Id')"
}

monitor_of() {
    pgrep -f "/monitor .*$(basename "$(folder_of "$1")")"
}

# A pod that waits to be exec'd into.
start_idle() { # NAME [OPTION...]
    local name=$1
    shift
    xl-hyper create --name "$name" "$@" busybox sleep 100000 >/dev/null
    until_true 90 is_up "$name"
}

# on_terminal CODE EXPECT-COMMANDS: expect, with a terminal of the command's own,
# ends with CODE.  Its own codes are over 10, to be told from the command's.
on_terminal() {
    local rc=0
    printf 'set timeout 180\n%s\n' "$2" >terminal.exp
    expect terminal.exp >out || rc=$?
    [[ $rc -eq $1 ]] ||
        fail "expect ended with $rc, not $1: $(tail -n 8 out | tr -d '\033')"
}

# -- exec ---------------------------------------------------------------------

test_exec_gives_a_usable_shell() {
    local type
    for type in $(types); do
        start_idle "shell-$type" --type "$type"
        on_terminal 7 "spawn -noecho sh -c {stty rows 24 cols 80; exec xl hyper-exec -it shell-$type sh}
            expect \"/ # \"
            send {echo \$((6*7))x; tty}
            send \"\r\"
            expect 42x
            expect /dev/pts/
            expect \"/ # \"
            send \"stty size\r\"
            expect \"24 80\" {} timeout { exit 11 }
            stty rows 30 columns 101 < \$spawn_out(slave,name)
            sleep 1
            send \"stty size\r\"
            expect \"30 101\" {} timeout { exit 12 }
            send \"sleep 1000\r\"
            sleep 1
            send \"\x03\"
            expect -ex {^C} {} timeout { exit 13 }
            expect \"/ # \" {} timeout { exit 13 }
            send \"exit 7\r\"
            expect eof {} timeout { exit 14 }
            lassign [wait] pid id failed code
            exit \$code"
    done
}

test_exec_keeps_streams_and_codes_apart() {
    start_idle codes --type pv
    exits 42 xl hyper-exec codes sh -c 'echo out; echo err >&2; exit 42'
    same stdout out "$(cat out)"
    same stderr err "$(cat err)"
    exits 143 xl hyper-exec codes sh -c 'kill -TERM $$'
    exits 137 xl hyper-exec codes sh -c 'kill -KILL $$'
    exits 127 xl hyper-exec codes no-such-program
    exits 126 xl hyper-exec codes /etc
    exits 0 xl hyper-exec -u 1234:5 -w /tmp -e A='b c' codes \
        sh -c 'id -u; id -g; pwd; echo "$A"'
    same "user, folder, environment" "1234 5 /tmp b c" "$(tr '\n' ' ' <out | sed 's/ $//')"
    # Without -i it reads nothing, as in Docker.
    echo text | exits 0 xl hyper-exec codes cat
    same "without -i" "" "$(cat out)"
    exits 0 xl hyper-exec -i codes wc -c </dev/null
    same "an empty input" 0 "$(tr -d ' ' <out)"
    exits 0 xl hyper-exec codes cat /proc/1/comm
    same "its PID 1 is the container's" sleep "$(cat out)"
}

# limit test_exec_carries_mebibytes_both_ways: 1500
test_exec_carries_mebibytes_both_ways() {
    local i type folder count
    count=$(often 256 24)
    # Not in memory, of which an emulated dom0 has little.
    folder=$(mktemp -d -p /var/tmp)
    # shellcheck disable=SC2064 # this very folder
    trap "rm -rf '$folder'" EXIT
    cd "$folder" || return 1
    head -c 1048568 /dev/urandom >block
    for ((i = 0; i < count; i++)); do
        printf '%08d' "$i"
        cat block
    done >data
    for type in $(types); do
        start_idle "pipe-$type" --type "$type"
        xl hyper-exec -i "pipe-$type" cat <data | tee back | cmp - data ||
            fail "$type: not the same: $(cat "$(folder_of "pipe-$type")/monitor.log" || true)
$(stat -c %s back) bytes, $(cmp -l data back | wc -l) differ"
        xl hyper-destroy -f "pipe-$type" >/dev/null
    done
}

test_twenty_execs_at_once() {
    local i pids=() pid
    start_idle many --type pv
    for ((i = 0; i < 20; i++)); do
        xl hyper-exec -i many sh -c "cat; echo end $i; exit $i" \
            <<<"input $i" >"out.$i" 2>"err.$i" &
        pids+=("$!")
    done
    for ((i = 0; i < 20; i++)); do
        local rc=0
        wait "${pids[$i]}" || rc=$?
        same "exit code of $i" "$i" "$rc"
        same "output of $i" "input $i end $i" "$(tr '\n' ' ' <"out.$i" | sed 's/ $//')"
    done
}

# A reader that stands still stops its own exec, and nobody else's.
test_a_stalled_reader_blocks_nobody() {
    local pid
    start_idle stalled --type pv
    # shellcheck disable=SC2216 # that it does not read is the point
    xl hyper-exec stalled yes | sleep 1000 &
    pid=$!
    sleep 2
    exits 0 timeout 180 xl hyper-exec stalled echo through
    same output through "$(cat out)"
    kill "$pid"
}

# limit test_many_execs_leak_nothing: 1500
test_many_execs_leak_nothing() {
    local monitor fds memory processes i count
    count=$(often 500 100)
    start_idle leaky --type pv
    # The first ones fill the caches.
    for ((i = 0; i < 20; i++)); do
        xl-hyper exec leaky true
    done
    monitor=$(monitor_of leaky)
    fds=$(ls "/proc/$monitor/fd" | wc -l)
    processes=$(xl-hyper exec leaky sh -c 'ls -d /proc/[0-9]* | wc -l')
    memory=$(xl-hyper exec leaky awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
    for ((i = 0; i < count; i++)); do
        xl-hyper exec leaky true || fail "exec $i: exit $?"
    done
    same "the monitor" "$monitor" "$(monitor_of leaky)"
    same "its descriptors" "$fds" "$(ls "/proc/$monitor/fd" | wc -l)"
    same "processes of the guest" "$processes" \
        "$(xl-hyper exec leaky sh -c 'ls -d /proc/[0-9]* | wc -l')"
    i=$(xl-hyper exec leaky awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
    echo "available in the guest: $memory KiB before, $i KiB after"
    [[ $((memory - i)) -lt 1024 ]] || fail "the guest lost $((memory - i)) KiB"
    [[ $(awk '/^Pss:/ { print $2 }' "/proc/$monitor/smaps_rollup") -lt 2048 ]] ||
        fail "the monitor grew"
}

test_exec_survives_the_monitors_death() {
    start_idle tough --type pv
    xl hyper-exec tough sh -c \
        'i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i; sleep 0.05; done; exit 9' \
        >numbers 2>err &
    local pid=$! rc=0 i
    for ((i = 0; i < 5; i++)); do
        sleep 1
        kill -9 "$(monitor_of tough)"
    done
    wait "$pid" || rc=$?
    same "exit code" 9 "$rc"
    seq 300 | cmp - numbers || fail "lost or repeated: $(cat err)"
}

# The HyperKernel itself, with the image's tools.
test_exec_into_the_vm() {
    start_idle deep --type pv
    exits 0 xl hyper-exec --vm deep sh -c 'ps; grep CapEff /proc/self/status'
    has "kernel threads" "$(cat out)" "[kthreadd]"
    has "the container's process" "$(cat out)" "sleep 100000"
}

test_exec_of_a_pod_that_ends_is_no_success() {
    local rc
    start_idle gone --type pv
    for way in 'xl destroy gone' 'xl-hyper kill gone'; do
        xl-hyper inspect gone | grep -q '"Running": true' ||
            { xl-hyper start gone && until_true 90 is_up gone; }
        xl hyper-exec gone sleep 1000 2>err &
        rc=0
        sleep 3
        $way >/dev/null
        wait $! || rc=$?
        [[ $rc -ne 0 ]] || fail "$way: exec says success"
        echo "$way: $rc: $(cat err)"
    done
}

# -- files and figures --------------------------------------------------------

# limit test_cp_both_ways: 900
test_cp_both_ways() {
    local type
    mkdir -p tree/folder
    head -c 20000000 /dev/urandom >tree/large
    echo text >"tree/folder/a name with blanks"
    ln -s ../large tree/folder/link
    chmod 4750 tree/large
    for type in $(types); do
        start_idle "files-$type" --type "$type"
        exits 0 xl hyper-cp tree "files-$type:/tmp/"
        exits 0 xl hyper-exec "files-$type" stat -c %a /tmp/tree/large
        same "$type: mode" 4750 "$(cat out)"
        exits 0 xl hyper-cp "files-$type:/tmp/tree" back
        diff -r --no-dereference tree back || fail "$type: not the same"
        rm -rf back
        exits 0 xl hyper-cp "files-$type:/etc/passwd" copied
        has "$type: a file" "$(cat copied)" root
        xl hyper-cp "files-$type:/tmp/tree/folder" - | tar -t >list
        has "$type: a tar" "$(cat list)" "folder/a name with blanks"
        exits 1 xl hyper-cp "files-$type:/no/such" .
        has "$type: the sentence" "$(cat err)" /no/such
        xl hyper-destroy -f "files-$type" >/dev/null
    done
}

# A link of the guest's leads nowhere in dom0.
test_cp_follows_no_link_out() {
    start_idle sly --type pv
    xl-hyper exec sly sh -c 'mkdir -p /d; ln -s /etc /d/etc; ln -s /root/x /d/f'
    exits 0 xl hyper-cp sly:/d .
    [[ -L d/etc && -L d/f ]] || fail "links became something else"
    same "the link's text" /etc "$(readlink d/etc)"
}

test_top_and_stats() {
    start_idle seen --type pv
    exits 0 xl hyper-top seen
    has "processes" "$(cat out)" "sleep 100000"
    exits 0 xl hyper-stats --no-stream seen
    has "a table" "$(cat out)" seen
    exits 0 xl hyper-stats --no-stream --json seen
    jq -e . out >/dev/null || fail "no JSON: $(cat out)"
}

# -- the log ------------------------------------------------------------------

# limit test_killed_often_each_line_is_there_once: 900
test_killed_often_each_line_is_there_once() {
    local i last count
    count=$(often 50 12)
    xl-hyper create --type pv --name counted busybox sh -c \
        'i=0; while :; do i=$((i+1)); echo "n $i"; [ $((i % 7)) -gt 0 ] || sleep 0.02; done' \
        >/dev/null
    until_true 90 sh -c "xl-hyper logs counted | grep -q '^n 30$'"
    for ((i = 0; i < count; i++)); do
        sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
        kill -9 "$(monitor_of counted)"
        xl-hyper list >/dev/null
    done
    last=$(xl-hyper logs counted | tail -n 1 | cut -d ' ' -f 2)
    until_true 60 sh -c "[ \$(xl-hyper logs --tail 1 counted | tail -n 1 | cut -d ' ' -f 2) -gt $((last + 20)) ]"
    xl-hyper logs counted >all
    [[ $(head -n 1 all) == 'n 1' || -e $(folder_of counted)/0-json.log.1 ]] ||
        fail "the first lines are gone"
    cut -d ' ' -f 2 all >numbers
    seq "$(head -n 1 numbers)" "$(tail -n 1 numbers)" | cmp - numbers ||
        fail "lost or repeated: $(seq "$(head -n 1 numbers)" "$(tail -n 1 numbers)" |
            diff - numbers | head -n 5)"
    echo "$(wc -l <numbers) lines"
}

test_the_log_is_docker_s_json_file() {
    exits 0 xl-hyper run --type pv --name jsonlog busybox sh -c \
        'echo one; echo two >&2; printf "\377bad\n"; printf "tail"'
    jq -es 'all(.[]; has("log") and has("time") and
        (.stream == "stdout" or .stream == "stderr"))' \
        "$(folder_of jsonlog)/0-json.log" >/dev/null ||
        fail "$(cat "$(folder_of jsonlog)/0-json.log")"
    printf 'one\n\377bad\ntail' | cmp - <(xl-hyper logs jsonlog 2>/dev/null) ||
        fail "stdout: $(xl-hyper logs jsonlog 2>/dev/null)"
    same stderr two "$(xl-hyper logs jsonlog 2>&1 >/dev/null)"
    xl-hyper logs -t jsonlog 2>/dev/null >stamped
    grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z one$' stamped ||
        fail "timestamps: $(cat stamped)"
    same "since" "" "$(xl-hyper logs --since 2037-01-01T00:00:00Z jsonlog 2>&1)"
}

# -- attach and input ---------------------------------------------------------

test_run_with_input() {
    exits 3 xl hyper-run --rm -i --type pv busybox sh -c 'cat; exit 3' \
        <<<"through and back"
    same output "through and back" "$(cat out)"
}

test_attach_and_detach() {
    xl-hyper create -i -t --type pv --name held busybox sh >/dev/null
    until_true 90 is_up held
    on_terminal 0 'spawn -noecho xl hyper-attach held
        sleep 1
        send {echo $((40+2))y}
        send "\r"
        expect 42y {} timeout { exit 11 }
        send "\x10\x11"
        expect eof {} timeout { exit 12 }
        exit 0'
    same "it goes on" running "$(state_of held Status)"
    on_terminal 5 'spawn -noecho xl hyper-attach held
        sleep 1
        send "exit 5\r"
        expect eof {} timeout { exit 12 }
        lassign [wait] pid id failed code
        exit $code'
    same "its code" 5 "$(state_of held ExitCode)"
}

# -- how pods end ---------------------------------------------------------------

# ends POD CODE: wait, inspect and events say the same, as run did.
ends() {
    local code
    same "$1: wait" "$2" "$(xl-hyper wait "$1")"
    same "$1: inspect" "$2" "$(state_of "$1" ExitCode)"
    code=$(xl-hyper events --since 0 --until "$(date +%s)" --json \
        --filter event=die --filter "container=$1" |
        jq -r '.Actor.Attributes.exitCode' | tail -n 1)
    same "$1: events" "$2" "$code"
}

# limit test_every_end_is_told_the_same_by_all: 1500
test_every_end_is_told_the_same_by_all() {
    local code name pid rc
    for code in 0 1 42 125 126 127 255; do
        exits "$code" xl-hyper run --type pv --name "code-$code" busybox \
            sh -c "exit $code"
        ends "code-$code" "$code"
    done
    exits 127 xl-hyper run --type pv --name missing busybox /no/such
    ends missing 127
    exits 126 xl-hyper run --type pv --name folder busybox /etc
    ends folder 126
    exits 137 xl-hyper run --type pv --name oom -m 48 busybox tail /dev/zero
    ends oom 137
    same "OOM" true "$(state_of oom OOMKilled)"
    for name in panic destroyed poweroff killed; do
        xl-hyper run --type pv --name "$name" busybox sleep 1000 \
            >out.$name 2>err.$name &
        pid=$!
        until_true 90 is_up "$name"
        case $name in
        panic) xl sysrq panic c; code=125 ;;
        destroyed) xl destroy destroyed; code=137 ;;
        poweroff) xl shutdown poweroff; code=137 ;;
        killed) xl-hyper kill killed >/dev/null; code=137 ;;
        esac
        rc=0
        wait "$pid" || rc=$?
        same "$name: run" "$code" "$rc"
        ends "$name" "$code"
    done
    has "panic is told" "$(cat err.panic)" "Kernel panic"
}

# limit test_every_fatal_signal_ends_a_pod_alike: 1200
test_every_fatal_signal_ends_a_pod_alike() {
    local signum signals
    signals=$(often "1 2 4 5 6 7 8 9 10 11 12 13 14 15 16 24 25 26 27 29 30 31" \
        "1 6 9 15")
    # With --init it is not its namespace's first process, which signals spare.
    for signum in $signals; do
        exits $((128 + signum)) xl-hyper run --init --type pv \
            --name "signal-$signum" busybox sh -c "kill -$signum \$\$; sleep 5"
        ends "signal-$signum" $((128 + signum))
        xl-hyper destroy "signal-$signum" >/dev/null
    done
}

# Signals end a process that is not its namespace's first; through exec, each.
test_every_fatal_signal_is_128_plus_n() {
    local signum
    start_idle fatal --type pv
    for signum in 1 2 4 5 6 7 8 9 10 11 12 13 14 15 16 24 25 26 27 29 30 31 34 64; do
        exits $((128 + signum)) xl-hyper exec fatal sh -c "kill -$signum \$\$; sleep 5"
    done
    # busybox's shell ignores this one.
    exits 131 xl-hyper exec fatal timeout -s 3 1 sleep 5
}
