# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# Pods that end and run again: start, restart, policies, pause, rename, update,
# events, and what a reboot of dom0 would find.

exited_with() {
    [[ $(state_of "$1" Status) == exited && $(state_of "$1" ExitCode) == "$2" ]]
}

restarts_of() {
    xl-hyper inspect "$1" | jq '.[0].RestartCount'
}

restarted() {
    [[ $(restarts_of "$1") -ge $2 ]]
}

# The events of a pod since the test began, in one line.
told() {
    xl-hyper events --since "$begun" --until 0s --json -f "container=$1" |
        jq -r .Action | paste -sd ' '
}

begun=$(date +%s)

test_a_pod_runs_again_with_what_it_wrote() {
    local type
    for type in $(types); do
        begun=$(date +%s.%N)
        exits 0 xl hyper-create --type "$type" --name "again-$type" busybox sh \
            -c 'n=$(cat /n 2>/dev/null || echo 0); n=$((n + 1))
                echo $n >/n; echo "run $n"; exit $n'
        same "the first end" 1 "$(xl hyper-wait "again-$type")"
        exits 0 xl hyper-start "again-$type"
        same "the second end" 2 "$(xl hyper-wait "again-$type")"
        same "the log" "run 1 run 2" \
            "$(xl hyper-logs "again-$type" | paste -sd ' ')"
        same "the events" "create start die start die" "$(told "again-$type")"
        exits 0 xl hyper-destroy "again-$type"
    done
}

test_a_start_that_fails_leaves_the_pod_as_it_was() {
    local step before
    xl hyper-create --type pv --name failing busybox sh -c 'exit 7' >/dev/null
    same "its end" 7 "$(xl hyper-wait failing)"
    until_true 20 exited_with failing 7
    before=$(traces)
    for step in claim address scratch loops ramdisk domain build monitor \
        unpause state; do
        HX_FAIL_AT=$step exits 1 xl hyper-start failing
        until_true 20 exited_with failing 7
        HX_FAIL_AT=$step:kill exits 137 xl hyper-start failing
        xl hyper-list >/dev/null
        [[ $step == state ]] || same "$step: domains" "" "$(domids)"
        [[ $step == state ]] || exited_with failing 7 ||
            fail "$step:kill: $(xl hyper-list -a)"
    done
    xl hyper-wait failing >/dev/null
    until_true 20 exited_with failing 7
    until_true 20 sh -c '! pgrep -x monitor && ! pgrep -x reap'
    same "left behind" "$before" "$(traces)"
}

test_restart_and_rm() {
    local before
    xl hyper-create --type pv --name twice --rm busybox sleep 1000 >/dev/null
    until_true 60 is_up twice
    before=$(xl domid twice)
    exits 0 xl hyper-restart -t 0 twice
    until_true 60 is_up twice
    [[ $(xl domid twice) != "$before" ]] || fail "the same domain"
    exits 0 xl hyper-stop -t 0 twice
    exits 1 xl hyper-inspect twice
}

test_on_failure_gives_up() {
    xl hyper-create --type pv --name flaky --restart on-failure:2 busybox \
        sh -c 'echo here; exit 3' >/dev/null
    until_true 90 restarted flaky 2
    until_true 90 exited_with flaky 3
    sleep 3
    same "runs" 3 "$(xl hyper-logs flaky | grep -c here)"
    same "restarts" 2 "$(restarts_of flaky)"
}

test_always_until_it_is_stopped() {
    local name
    for name in always unless-stopped; do
        xl hyper-create --type pv --name "$name" --restart "$name" busybox \
            sleep 1 >/dev/null
        until_true 90 restarted "$name" 2
        exits 0 xl hyper-stop -t 0 "$name"
        sleep 3
        same "$name, stopped" exited "$(state_of "$name" Status)"
        exits 0 xl hyper-start "$name"
        until_true 90 restarted "$name" 1
        exits 0 xl hyper-destroy -f "$name"
    done
}

test_a_stop_ends_the_wait_for_a_restart() {
    xl hyper-create --type pv --name waiting --restart always busybox \
        false >/dev/null
    until_true 90 restarted waiting 5
    until_true 30 sh -c \
        "xl-hyper inspect waiting | jq -e '.[0].State.Restarting'"
    exits 0 xl hyper-stop waiting
    until_true 20 sh -c '! pgrep -x reap'
    same "stopped" exited "$(state_of waiting Status)"
}

test_a_killed_restarter_has_a_successor() {
    xl hyper-create --type pv --name orphan --restart always busybox \
        false >/dev/null
    until_true 90 restarted orphan 2
    until_true 30 pgrep -x reap
    pkill -9 -x reap
    xl hyper-list >/dev/null
    until_true 90 restarted orphan 4
    exits 0 xl hyper-destroy -f orphan
}

test_pause_and_unpause() {
    xl hyper-create --type pv --name still busybox sh -c \
        'while :; do echo tick; sleep 0.1; done' >/dev/null
    until_true 60 sh -c 'xl-hyper logs still | grep -q tick'
    exits 1 xl hyper-unpause still
    has "unpausing what runs" "$(cat err)" "not paused"
    exits 0 xl hyper-pause still
    same "paused" paused "$(state_of still Status)"
    exits 1 xl hyper-pause still
    has "pausing twice" "$(cat err)" "already paused"
    exits 1 xl hyper-start still
    exits 0 xl hyper-unpause still
    same "again" running "$(state_of still Status)"
    exits 0 xl hyper-stop -t 0 still
    exits 1 xl hyper-pause still
    has "pausing what has ended" "$(cat err)" "not running"
}

test_rename() {
    xl hyper-create --type pv --name old busybox sleep 1000 >/dev/null
    xl hyper-create --type pv --name other busybox sleep 1000 >/dev/null
    exits 1 xl hyper-rename old other
    exits 0 xl hyper-rename old new
    same "in Xen" "$(xl domid new)" "$(xl-hyper inspect new | jq '.[0].Domid')"
    exits 1 xl hyper-inspect old
    exits 0 xl hyper-create --type pv --name old busybox true
}

# What a pod has written, removed and replaced is in the image, and what its
# image had otherwise; its config is the pod's.
test_commit_of_a_stopped_pod() {
    local id
    xl hyper-create --type pv --name made -e WHO=pod -w /etc \
        -e 'TEXT=two
lines, "ü"' --stop-signal USR1 busybox sh -c \
        'echo new >/etc/new; rm /etc/group; rm -r /var/spool; mkdir /var/spool;
         echo here >/var/spool/here; ln /etc/new /var/spool/link
         exec sleep 1000' >/dev/null
    until_true 60 is_up made
    exits 1 xl hyper-commit made lab/made:1
    has "committing what runs" "$(cat err)" "hyper-stop made"
    until_true 60 xl hyper-exec made test -e /var/spool/link
    exits 0 xl hyper-stop -t 0 made
    exits 0 xl hyper-commit -m 'a test' -c 'ENV WHO=lab' made lab/made:1
    id=$(cat out)
    same "warnings" "" "$(cat err)"
    same "the id" "$id" "$(xl-hyper image-inspect lab/made:1 | jq -r '.[0].Id')"
    same "what the pod was given" '["/etc","SIGUSR1","sh",["two\nlines, \"ü\""],[]]' \
        "$(xl-hyper image-inspect lab/made:1 | jq -c '.[0].Config |
            [.WorkingDir, .StopSignal, .Cmd[0],
             [.Env[] | select(startswith("TEXT=")) | .[5:]],
             [.Env[] | select(test("^(HOSTNAME|TERM|HOME)="))]]')"
    exits 0 xl hyper-run --rm --type pv lab/made:1 sh -c \
        'echo $WHO; pwd; cat /etc/new; ls /var/spool /etc/group; cat /var/spool/link
         test /etc/new -ef /var/spool/link && grep root: /etc/passwd | wc -l'
    same "what the new image has" "lab /etc new here link new 1" \
        "$(grep -v 'No such file' out | grep -v ^/var/spool: | xargs)"
    exits 0 xl hyper-start made
    exits 0 xl hyper-destroy -f made
    exits 0 xl hyper-rmi lab/made:1
}

test_update_of_one_that_runs() {
    xl hyper-create --type pv -m 96 --vcpus 2 --name sized busybox \
        sleep 1000 >/dev/null
    until_true 60 is_up sized
    exits 1 xl hyper-update -m 128 sized
    exits 1 xl hyper-update --vcpus 3 sized
    exits 0 xl hyper-update -m 64 --vcpus 1 --restart always sized
    until_true 60 sh -c "xl list sized | awk 'END { exit !(\$3 <= 65) }'"
    until_true 60 sh -c "xl vcpu-list sized | grep -qE ' 1 +- +--p'"
    same "the policy" always \
        "$(xl-hyper inspect sized | jq -r '.[0].HostConfig.RestartPolicy.Name')"
    exits 0 xl hyper-update -m 96 --vcpus 2 sized
    until_true 60 sh -c "xl list sized | awk 'END { exit !(\$3 >= 95) }'"
}

# A reboot in short: the domains and /run/hyper are gone, and the boot id is
# another one.
test_after_a_reboot_pods_come_back() {
    local name file
    for name in no on-failure always unless-stopped; do
        xl hyper-create --type pv --name "r-$name" --restart "$name" busybox \
            sleep 1000 >/dev/null
        until_true 60 is_up "r-$name"
    done
    exits 0 xl hyper-stop -t 0 r-unless-stopped
    pkill -9 -x monitor || true
    for name in $(domids); do
        xl destroy "$name"
    done
    until_true 30 sh -c '! pgrep -x monitor && ! pgrep -x reap'
    rm -rf /run/hyper/*
    for file in /var/lib/hyper/pods/*/state.json; do
        sed -i 's/"boot_id": "[^"]*"/"boot_id": "another"/' "$file"
    done
    exits 0 xl hyper-recover
    same "who came back" "r-always: started" "$(grep started out)"
    same "the others" 2 "$(grep -c 'has ended (lost)' out)"
    until_true 60 is_up r-always
    exits 0 xl hyper-recover
    same "the second time" "" "$(cat out)"
}

test_dom0_goes_down() {
    local name
    for name in one two three; do
        xl hyper-create --type pv --name "$name" --restart always busybox sh \
            -c 'trap "exit 5" TERM; while :; do sleep 0.1; done' >/dev/null
        until_true 60 is_up "$name"
    done
    exits 0 xl hyper-stop --all --for-shutdown
    same "stopped" "one three two" "$(sort out | paste -sd ' ')"
    for name in one two three; do
        same "$name" shutdown "$(state_of "$name" End)"
        same "$name" 5 "$(state_of "$name" ExitCode)"
    done
    exits 0 xl hyper-recover
    same "back" 3 "$(grep -c started out)"
}
