#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The steps of scripts/lib.sh: what they say, and how they end; and the end of
# what the image tests serve. Says of each test what cmocka would say.
# shellcheck disable=SC2329
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XL_HYPER_CACHE=$work/cache

# runs SCRIPT: as our scripts run; what it says is in $said, its status in $rc.
runs() {
    rc=0
    said=$(bash -c "set -euo pipefail; me=test scripts=scripts
        . scripts/lib.sh; tick_s=1; $1" 2>&1) || rc=$?
}

says() {
    [[ $said == *"$1"* ]] || {
        echo "'$1' is not in: $said"
        return 1
    }
}

test_a_step_tells_begin_and_end() {
    runs 'step reading true' && says 'test: reading ...' &&
        says 'test: reading: done in ' && [[ $said != *'... 1 s'* ]]
}

test_a_long_step_shows_the_end_of_its_log() {
    printf 'first\n10%%\rlast \033[1m\n' >"$work/log"
    runs "step_log=$work/log; step waiting sleep 2.5"
    says ' s: last [1m'
}

test_what_fills_the_cache_has_its_log_there() {
    runs 'fill() { echo "filling" >"$1/log"; sleep 2.5; }
        step caching cache_build kind key fill'
    says ' s: filling' && [[ -f $work/cache/kind/key/log ]]
}

test_a_failure_ends_the_script() {
    runs 'fails() { false; echo "went on"; }; step failing fails; echo on'
    [[ $rc == 1 && $said != *'on'$'\n'* && $said != *done* ]]
}

test_a_step_hides_no_variable_from_its_command() {
    runs 'log=a text=b start=c; shows() { echo "$log$text$start"; }
        step showing shows' && says $'\nabc\n'
}

test_nobody_is_left_who_says_more() {
    # Nor when something lives on that was started in the step.
    runs 'step waiting bash -c "sleep 3 >/dev/null 2>&1 &"; sleep 2; echo end'
    [[ $said == *'done in '?' s'$'\n'end ]]
}

test_a_server_ends_with_its_test_even_a_killed_one() {
    local pid tries
    # What the killed one had in its scratch folder is ours to remove.
    pid=$(TMPDIR=$work bash -c '. tests/image/lib.sh
        serve sleep 100 >/dev/null 2>&1
        while [[ $(</proc/$!/comm) != sleep ]]; do sleep 0.05; done
        echo $!; kill -9 $$' 2>/dev/null)
    [[ -n $pid ]] || return 1
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.05
    done
    kill "$pid"
    return 1
}

failed=0
for name in $(declare -F | sed -n 's/^declare -f \(test_\)/\1/p'); do
    if "$name"; then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name"
        failed=1
    fi
done
exit "$failed"
