# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# Health checks: what a probe finds, told the same by list, inspect and events.

folder_of() {
    echo "/var/lib/hyper/pods/$(xl-hyper inspect "$1" | jq -r '.[0].Id')"
}

# A pod that is healthy as long as it has no file /ill; probed each second.
start_probed() { # NAME [OPTION...]
    local name=$1
    shift
    xl-hyper create --name "$name" --health-cmd 'echo probed; test ! -e /ill' \
        --health-interval 1s --health-retries 2 "$@" busybox sleep 100000 \
        >/dev/null
}

health_is() { # NAME STATUS
    [[ $(state_of "$1" Health.Status) == "$2" ]]
}

shown_as() { # NAME TEXT: in the list's STATUS
    xl-hyper list --no-trunc | grep "^$1 " | grep -qF "$2"
}

events_of() { # NAME
    xl-hyper events --since 1h --until 0s --filter "container=$1" \
        --filter event=health_status
}

test_health_goes_up_and_down() {
    local type name
    for type in $(types); do
        name=probed-$type
        start_probed "$name" --type "$type"
        until_true 90 health_is "$name" healthy
        until_true 10 shown_as "$name" '(healthy)'
        same "its words" "probed" "$(state_of "$name" 'Health.Log[-1].Output')"
        same "its exit code" 0 "$(state_of "$name" 'Health.Log[-1].ExitCode')"
        same "its test" "CMD-SHELL" "$(xl-hyper inspect "$name" |
            jq -r '.[0].Config.Healthcheck.Test[0]')"
        exits 0 xl hyper-exec "$name" touch /ill
        until_true 60 health_is "$name" unhealthy
        until_true 10 shown_as "$name" '(unhealthy)'
        [[ $(state_of "$name" Health.FailingStreak) -ge 2 ]] ||
            fail "streak: $(state_of "$name" Health.FailingStreak)"
        exits 0 xl hyper-exec "$name" rm /ill
        until_true 60 health_is "$name" healthy
        same "streak" 0 "$(state_of "$name" Health.FailingStreak)"
        sleep 5
        same "outcomes" 5 "$(state_of "$name" 'Health.Log | length')"
        same "events" "healthy unhealthy healthy" "$(events_of "$name" |
            sed -n 's/.*health_status: \([a-z]*\).*/\1/p' | xargs)"
        xl-hyper stop "$name" >/dev/null
        until_true 30 has_ended "$name"
        same "of one that has ended" unhealthy "$(state_of "$name" Health.Status)"
        # Another run begins anew.
        xl-hyper start "$name" >/dev/null
        same "of the next run" starting "$(state_of "$name" Health.Status)"
        until_true 90 health_is "$name" healthy
        xl-hyper destroy -f "$name" >/dev/null
    done
}

test_a_slow_check_is_killed() {
    xl-hyper create --type pv --name slow --health-cmd 'sleep 1000' \
        --health-interval 1s --health-timeout 500ms --health-retries 1 \
        busybox sleep 100000 >/dev/null
    until_true 90 health_is slow unhealthy
    same "exit code" -1 "$(state_of slow 'Health.Log[-1].ExitCode')"
    has output "$(state_of slow 'Health.Log[-1].Output')" \
        "exceeded timeout (500ms)"
    exits 0 xl hyper-exec slow sh -c 'ps | grep -c "[s]leep 1000$" || true'
    [[ $(cat out) -le 1 ]] || fail "checks were left: $(cat out)"
}

# The monitor is killed, and what it knew is known; checks go on.
test_health_outlives_the_monitor() {
    local before
    start_probed orphan --type pv
    until_true 90 health_is orphan healthy
    kill -9 "$(pgrep -f "/monitor .*$(basename "$(folder_of orphan)")")"
    health_is orphan healthy || fail "forgotten: $(state_of orphan Health)"
    before=$(state_of orphan 'Health.Log[-1].End')
    exits 0 xl hyper-exec orphan touch /ill
    until_true 60 health_is orphan unhealthy
    [[ $(state_of orphan 'Health.Log[-1].End') > $before ]] ||
        fail "not newer than $before"
}

# What a check prints moves no cursor, and costs dom0 a bounded file.
test_a_checks_words_are_harmless() {
    xl-hyper create --type pv --name loud --health-interval 1s \
        --health-cmd 'printf "\033[2J\377\n"; yes | head -c 1000000' \
        busybox sleep 100000 >/dev/null
    until_true 90 health_is loud healthy
    [[ $(stat -c %s "$(folder_of loud)/0-health.json") -lt 65536 ]] ||
        fail "the file is $(stat -c %s "$(folder_of loud)/0-health.json") bytes"
    xl-hyper inspect loud >out
    same "escapes in hyper-inspect" 0 "$(LC_ALL=C grep -cP '\x1b|\\u001b' out || true)"
    has output "$(state_of loud 'Health.Log[-1].Output')" '?[2J?'
}

test_health_options() {
    refuses 125 "leave one of them out" xl-hyper create --no-healthcheck \
        --health-cmd true busybox
    refuses 125 "has no health check" xl-hyper create --health-retries 3 busybox
    start_probed none --type pv
    same "before the first check" "(health: starting)" \
        "$(xl-hyper list --no-trunc | grep -o '(health: starting)' || true)"
    xl-hyper create --type pv --name without --no-healthcheck busybox \
        sleep 100000 >/dev/null
    same "without checks" null "$(state_of without Health)"
}
