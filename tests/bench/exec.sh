# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A command in a running pod: ours, ssh to an sshd in the same domain, docker
# exec.  What the monitor weighs; how fast a stream is.  In dom0.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"

pod=bench-exec
work=$(mktemp -d)
stream_bytes=$((${STREAM_MIB:-32} << 20))

finish() {
    xl hyper-destroy -f "$pod" >/dev/null 2>&1 || true
    docker rm -f "$pod" >/dev/null 2>&1 || true
    lab-dockerd stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

by_ssh() {
    ssh -i "$work/key" -o StrictHostKeyChecking=no -o BatchMode=yes \
        -o UserKnownHostsFile="$work/known_hosts" -o LogLevel=ERROR \
        "root@$address" "$@"
}

prepare() {
    ssh-keygen -q -t ed25519 -N '' -f "$work/key"
    xl hyper-create --type pv -m 128 --name "$pod" \
        -e "AUTHORIZED_KEY=$(<"$work/key.pub")" sshd >/dev/null
    address=$(xl hyper-inspect "$pod" |
        jq -r '.[0].NetworkSettings.IPAddress')
    local until=$((SECONDS + 120))
    until by_ssh true 2>/dev/null; do
        [[ $SECONDS -lt $until ]] || {
            note "sshd does not answer: $(xl hyper-logs "$pod" 2>&1 | tail -n 5)"
            return 1
        }
    done
    xl hyper-exec "$pod" true
    lab-dockerd start >&2
    docker pull -q busybox >&2
    docker run -d --name "$pod" --network none busybox sleep 100000 >&2
    docker exec "$pod" true
}

# took COMMAND...: microseconds.
took() {
    local start
    start=$(now_us)
    "$@"
    echo $(($(now_us) - start))
}

monitor_pss_kib() {
    awk '/^Pss:/ { print $2 }' \
        "/proc/$(pgrep -f "/monitor .*$(xl-hyper inspect "$pod" |
            jq -r '.[0].Id')")/smaps_rollup"
}

stream_out() { # COMMAND...: a shell in the guest writes, we read.
    "$@" "head -c $stream_bytes /dev/zero" | cat >/dev/null
}

stream_in() {
    head -c "$stream_bytes" /dev/zero | "$@" 'cat >/dev/null'
}

exec_out() { xl hyper-exec "$pod" sh -c "$1"; }
exec_in() { xl hyper-exec -i "$pod" sh -c "$1"; }

mib_s() { # MICROSECONDS
    awk -v b="$stream_bytes" -v us="$1" \
        'BEGIN { printf "%.3f\n", b / 1048576 / (us / 1e6) }'
}

main() {
    local i ours=() ssh=() docker=() out=() in=() ssh_out=() ssh_in=()
    prepare
    row monitor/pss "$(ratio "$(monitor_pss_kib)" 1024)" MiB 1
    for ((i = 0; i < runs; i++)); do
        ours+=("$(took xl hyper-exec "$pod" true)")
        ssh+=("$(took by_ssh true)")
        docker+=("$(took docker exec "$pod" true)")
        note "run $((i + 1)): ours ${ours[-1]}, ssh ${ssh[-1]}, docker ${docker[-1]} us"
    done
    for ((i = 0; i < runs; i++)); do
        out+=("$(took stream_out exec_out)")
        ssh_out+=("$(took stream_out by_ssh)")
        in+=("$(took stream_in exec_in)")
        ssh_in+=("$(took stream_in by_ssh)")
    done
    row exec/vs-ssh "$(ratio "$(median "${ours[@]}")" 1000)" ms "$runs" \
        "$(ratio "$(median "${ours[@]}")" "$(median "${ssh[@]}")")" \
        "ssh to an sshd in the same domain"
    row exec/vs-docker "$(ratio "$(median "${ours[@]}")" 1000)" ms "$runs" \
        "$(ratio "$(median "${ours[@]}")" "$(median "${docker[@]}")")" \
        "docker exec"
    # Rates: theirs divided by ours is our time divided by theirs.
    row exec/stream/out "$(mib_s "$(median "${out[@]}")")" MiB/s "$runs" \
        "$(ratio "$(median "${out[@]}")" "$(median "${ssh_out[@]}")")" "ssh"
    row exec/stream/in "$(mib_s "$(median "${in[@]}")")" MiB/s "$runs" \
        "$(ratio "$(median "${in[@]}")" "$(median "${ssh_in[@]}")")" "ssh"
}

main
