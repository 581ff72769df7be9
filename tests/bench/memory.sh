# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The smallest memory= with which an image works, by bisection.  In dom0.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"

# smallest COMMAND...: the least MiB from 8 to 128 for which `COMMAND MIB`
# succeeds, given that more never hurts.
smallest() {
    local low=8 high=128 middle
    "$@" "$high" || {
        note "does not work with $high MiB: $*"
        return 1
    }
    while [[ $((high - low)) -gt 1 ]]; do
        middle=$(((low + high) / 2))
        if "$@" "$middle"; then
            high=$middle
        else
            low=$middle
        fi
        note "$*: $high works, $low does not"
    done
    echo "$high"
}

runs_true() {
    timeout 60 xl hyper-run --rm --type pv -m "$2" "$1" true >/dev/null 2>&1
}

serves_page() {
    local rc=1 address until=$((SECONDS + 40))
    xl hyper-destroy -f bench-memory >/dev/null 2>&1 || true
    if xl hyper-create --type pv -m "$1" --name bench-memory nginx \
        >/dev/null 2>&1; then
        address=$(xl hyper-inspect bench-memory |
            jq -r '.[0].NetworkSettings.IPAddress')
        while [[ $SECONDS -lt $until ]] &&
            xl hyper-inspect bench-memory |
            jq -e '.[0].State.Running' >/dev/null; do
            if curl -sf --connect-timeout 1 -m 5 -o /dev/null \
                "http://$address/"; then
                rc=0
                break
            fi
        done
    fi
    xl hyper-destroy -f bench-memory >/dev/null 2>&1 || true
    return "$rc"
}

alpine=/root/shared-images/alpine-3.10.docker.tar.gz
[[ -f $alpine ]] || {
    note "no $alpine for memory/pv/alpine-true; HYPER_SHARED_IMAGES names" \
        "the folder on the build machine that has it"
    exit 1
}
xl hyper-pull nginx >/dev/null
row memory/pv/alpine-true "$(smallest runs_true "docker-archive:$alpine")" MiB 1
row memory/pv/nginx "$(smallest serves_page)" MiB 1
