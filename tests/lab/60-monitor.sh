# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# The monitor: killed, restarted, flooded; its console, and how pods end.

log_of() {
    xl-hyper inspect "$1" | jq -r '.[0].LogPath'
}

uuid_of() {
    basename "$(dirname "$(log_of "$1")")"
}

monitor_of() {
    pgrep -f "/monitor .*$(uuid_of "$1")"
}

# A pod that prints numbered lines; returns when the first are in the log.
start_counter() {
    xl-hyper create --type pv --name "$1" busybox sh -c \
        'i=0; while :; do i=$((i+1)); echo "n $i"; sleep 0.1; done' >/dev/null
    until_true 90 sh -c "xl-hyper logs $1 | grep -q '^n 3'"
}

test_output_between_the_monitors_death_and_the_end_is_kept() {
    xl-hyper create --type pv --name last busybox sh -c \
        'echo up; sleep 6; echo last words; exit 9' >/dev/null
    until_true 90 sh -c 'xl-hyper logs last | grep -q up'
    # The guest keeps what nobody has taken, and does not end before that.
    kill -9 "$(monitor_of last)"
    sleep 8
    xl-hyper list >/dev/null
    until_true 60 sh -c 'xl-hyper list -a | grep last | grep -qi exited'
    same "exit code" 9 "$(state_of last ExitCode)"
    has "the log" "$(xl-hyper logs last)" "last words"
}

test_the_monitor_is_small() {
    local kib
    start_counter small
    kib=$(awk '/^Pss:/ { print $2 }' "/proc/$(monitor_of small)/smaps_rollup")
    echo "PSS: $kib KiB"
    [[ $kib -lt 2048 ]] || fail "the monitor's PSS is $kib KiB"
}

# -- the console --------------------------------------------------------------

test_xl_console_shows_and_ends() {
    start_counter seen
    on_console seen 'expect -re "n \[0-9\]+" {} default { exit 1 }
        exec xl destroy seen
        expect eof { exit 0 } timeout { exit 2 }' >out ||
        fail "xl console shows nothing (1) or has not ended (2): $?"
}

test_xl_console_types_into_the_guest() {
    xl-hyper create --type pv --name typed busybox sleep 1000 >/dev/null
    start_counter other
    local tty
    tty=$(xenstore-read "/local/domain/$(xl domid typed)/console/tty")
    has "the terminal is the monitor's" "$tty" /run/hyper/
    [[ -c $tty ]] || fail "$tty is no terminal"
    until_true 60 sh -c 'xl-hyper list | grep -q typed'
    on_console typed 'send "typed\r"
        sleep 1
        send "\x1d"
        expect eof { exit 0 } timeout { exit 1 }' >out ||
        fail "expect: $(cat out)"
    has "the pod lives on" "$(xl-hyper list)" typed
}

test_a_viewer_who_stops_reading_stops_nobody() {
    local pid before
    start_counter blind
    on_console blind 'sleep 300' >/dev/null &
    until_true 20 pgrep -f 'xenconsole .*--num'
    pid=$(pgrep -n -f 'xenconsole .*--num')
    kill -STOP "$pid"
    before=$(xl-hyper logs blind | wc -l)
    until_true 60 sh -c "[ \$(xl-hyper logs blind | wc -l) -gt $((before + 40)) ]"
    kill -CONT "$pid"
    kill "$pid"
}

test_xenconsoled_may_be_restarted() {
    local line before
    start_counter steady
    line=$(ps -o args= -p "$(pidof xenconsoled)")
    kill "$(pidof xenconsoled)"
    until_true 10 sh -c '! pidof xenconsoled'
    sleep 1
    # shellcheck disable=SC2086 # the words of a command
    $line
    before=$(xl-hyper logs steady | wc -l)
    until_true 60 sh -c "[ \$(xl-hyper logs steady | wc -l) -gt $((before + 10)) ]"
    has "the terminal is ours again" \
        "$(xenstore-read "/local/domain/$(xl domid steady)/console/tty")" \
        /run/hyper/
}

# limit test_output_without_end_fills_no_disk: 900
test_output_without_end_fills_no_disk() {
    local folder log
    xl-hyper create --type pv --name loud busybox sh -c \
        'yes 0123456789012345678901234567890123456789012345678901234567' \
        >/dev/null
    folder=$(dirname "$(log_of loud)")
    until_true 800 test -s "$folder/0-json.log.1"
    sleep 5
    for log in "$folder"/0-json.log*; do
        [[ $(stat -c %s "$log") -le 10485760 ]] || fail "$log is too large"
    done
    same "logs" "0-json.log 0-json.log.1 console.log" \
        "$(cd "$folder" && echo 0-json.log* console.log*)"
}

# -- a guest that shouts into xenstore ----------------------------------------

test_a_flood_of_reports_costs_little() {
    local dir pid before after pairs=() i
    xl-hyper create --type pv --name flood busybox sleep 1000 >/dev/null
    until_true 90 is_up flood
    dir=/local/domain/$(xl domid flood)/data/hyper
    pid=$(monitor_of flood)
    for ((i = 0; i < 400; i++)); do
        pairs+=("$dir/state" running)
    done
    # What it asks of xenstored, and not how long that takes here.
    before=$(awk '/^syscw/ { print $2 }' "/proc/$pid/io")
    for ((i = 0; i < 25; i++)); do
        xenstore-write "${pairs[@]}"
    done
    after=$(awk '/^syscw/ { print $2 }' "/proc/$pid/io")
    echo "10000 writes made the monitor ask $((after - before)) times"
    [[ $((after - before)) -lt 2500 ]] || fail "$((after - before)) requests"
    [[ $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup") -lt 2048 ]] ||
        fail "the monitor grew"
    # And it still hears the truth.
    xl-hyper stop -t 0 flood >/dev/null
    same "exit code" 137 "$(state_of flood ExitCode)"
}

test_lies_are_not_believed() {
    local dir
    start_counter liar
    dir=/local/domain/$(xl domid liar)/data/hyper
    xenstore-write "$dir/exit/0" 256 "$dir/state" exited "$dir/exit/1" 0 \
        "$dir/error" "$(printf '\033]0;owned\007')"
    has "still running" "$(xl-hyper list)" liar
    xl destroy liar
    until_true 60 sh -c 'xl-hyper inspect liar |
        jq -e ".[0].State.Status == \"exited\""'
    same "exit code" 137 "$(state_of liar ExitCode)"
    if xl-hyper inspect liar | grep -q "$(printf '\033')"; then
        fail "an escape came through"
    fi
}

# -- how pods end ---------------------------------------------------------------

test_after_a_reboot_of_dom0_pods_are_lost() {
    local uuid
    start_counter rebooted
    uuid=$(uuid_of rebooted)
    # All that a reboot takes: the monitor, the domain, /run.
    kill -9 "$(monitor_of rebooted)"
    xl destroy rebooted
    rm -rf "/run/hyper/$uuid"
    same "running" "" "$(xl-hyper list -q)"
    same "exit code" 255 "$(state_of rebooted ExitCode)"
    xl-hyper destroy rebooted >/dev/null
    [[ ! -e /var/lib/hyper/pods/$uuid ]] || fail "its folder is left"
}

test_an_rm_pod_whose_runner_was_killed_vanishes() {
    xl-hyper run --rm --type pv --name orphaned busybox \
        sh -c 'echo up; sleep 8' >out 2>err &
    until_true 90 grep -q up out
    kill -9 $!
    has "the pod lives on" "$(xl-hyper list)" orphaned
    until_true 60 sh -c '! ls /var/lib/hyper/pods/.names/orphaned'
    same "domains" "" "$(domids)"
}

test_a_paused_pod_is_seen_and_stopped() {
    start_counter frozen
    xl pause frozen
    same "paused" paused "$(state_of frozen Status)"
    exits 0 xl-hyper stop -t 0 frozen
    same "exited" exited "$(state_of frozen Status)"
}
