# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the lab's tests share.  They run under `set -euo pipefail`, in a new
# empty folder.

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "$*"
    exit 77
}

# same WHAT EXPECTED ACTUAL
same() {
    [[ $2 == "$3" ]] || fail "$1: expected '$2', got '$3'"
}

# has WHAT TEXT PATTERN: a fixed string is part of the text.
has() {
    [[ $2 == *"$3"* ]] || fail "$1: '$3' is not in: $2"
}

# exits CODE COMMAND...: stdout goes to ./out, stderr to ./err.
exits() {
    local want=$1 rc=0
    shift
    "$@" >out 2>err || rc=$?
    [[ $rc -eq $want ]] ||
        fail "$*: expected exit $want, got $rc; stdout: $(head -c 500 out); \
stderr: $(head -c 500 err)"
}

# refuses CODE TEXT COMMAND...: fails with one line on stderr that has TEXT,
# and leaves nothing behind.
refuses() {
    local code=$1 text=$2 before after
    shift 2
    before=$(traces)
    exits "$code" "$@"
    same "$*: lines on stderr" 1 "$(wc -l <err)"
    has "$*: the sentence" "$(cat err)" "$text"
    after=$(traces)
    same "$*: left behind" "$before" "$after"
}

# often ALL FEW: how often a test does what it does; all of it, which takes an
# emulated host long, with HX_THOROUGH=1.
often() {
    if [[ ${HX_THOROUGH:-0} == 1 ]]; then
        echo "$1"
    else
        echo "$2"
    fi
}

# until_true SECONDS COMMAND...: for what has no event to wait for.  On a machine
# that is busy otherwise an emulated host is three times as slow.
until_true() {
    local until=$((SECONDS + 3 * $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [[ $SECONDS -lt $until ]] || fail "waited in vain for: $*"
        sleep 0.2
    done
}

# The commands' view of a pod: one field of its State in hyper-inspect.
state_of() {
    xl-hyper inspect "$1" | jq -r ".[0].State.$2"
}

has_ended() {
    [[ $(state_of "$1" Status) == exited ]]
}

# The guest has told that its processes run; until then nodes of its come into
# xenstore, which `traces` sees.
is_up() {
    [[ $(xenstore-read "/local/domain/$(xl domid "$1")/data/hyper/state" \
        2>/dev/null) == running ]]
}

# Removes every pod, by our own means and then by Xen's.
clean_slate() {
    local pod
    for pod in $(xl-hyper list -a -q 2>/dev/null); do
        xl-hyper destroy -f "$pod" >/dev/null 2>&1 || true
    done
    for pod in $(domids); do
        xl destroy "$pod" || true
    done
    xl-hyper list -a >/dev/null
}

domids() {
    xl list | awk 'NR > 1 && $2 != 0 { print $2 }'
}

# Everything a pod may own in dom0, as text; equal before and after.
traces() {
    echo "domains: $(domids | tr '\n' ' ')"
    echo "loops: $(losetup -a | grep -v ' (/var/lib/docker' | sed 's/:.*(/ (/')"
    echo "links: $(ip -o link | awk -F': ' '{ print $2 }' | grep -v '^docker' | tr '\n' ' ')"
    echo "xenstore: $(xenstore_paths)"
    echo "run: $(find /run/hyper -mindepth 1 2>/dev/null |
        grep -vE '/(lock|.*\.lock)$' | sort | tr '\n' ' ')"
    echo "pods: $(find /var/lib/hyper/pods /var/lib/hyper/pods/.names \
        -mindepth 1 -maxdepth 1 ! -name .lock ! -name .names 2>/dev/null |
        sort | tr '\n' ' ')"
    echo "temp: $(ls /var/lib/hyper/tmp 2>/dev/null | tr '\n' ' ')"
    echo "processes: $(ps -eo comm= | grep -E '^(monitor|mkroot|mklayer|pull|xl-hyper|qemu.*)$' |
        sort | tr '\n' ' ' || true)"
}

# xenstore without what xenstored itself counts or keeps for dom0.
xenstore_paths() {
    xenstore-ls -f | sed 's/ = .*//' |
        grep -vE '^/local/domain/0/(memory|data)|^/tool|^/libxl/0' |
        sort | md5sum
}

# The steps of a create (pod-create.c, pod-build.c), at each of which
# HX_FAIL_AT can inject a failure.
create_steps() {
    echo type folder plan bridge address scratch loops ramdisk domain tell \
        build monitor unpause state
}

# The type given, and whether this host can run it.
types() {
    echo pv
    if xl info | grep -q '^virt_caps.*hvm'; then
        echo pvh
    fi
}

# on_console POD EXPECT-COMMANDS: `xl console POD` on a terminal, as a person
# would have it; expect's exit status.
on_console() {
    cat >console.exp <<EXPECT
set timeout 180
spawn xl console $1
$2
EXPECT
    expect console.exp
}
