# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the scripts share: messages, the build cache, hashes of inputs.
# Source it after setting `me` to the name that messages should begin with.

# Messages go to stderr: a script's stdout is for its result.
say() { printf '%s: %s\n' "${me:-xl-hyper}" "$*" >&2; }
die() { say "$*"; exit 1; }

# step TEXT COMMAND...: runs COMMAND and says how long it took. A long step
# must never look like a hang: its beginning is printed, and from time to time
# the last line of its log, which is $step_log, or what cache_build's command
# writes into its folder. Call neither this nor cache_build in a condition: bash
# would ignore errexit inside.
step() {
    # COMMAND is run in here, and must not meet these in place of its own.
    local step_words=$1 step_start=$SECONDS step_watched=${step_log:-} bell ticker
    shift
    [[ $1 != cache_build ]] || step_watched=$(cache_path "$2" ".tmp-$3.*/*log")
    say "$step_words ..."
    tick_start "$step_watched"
    "$@"
    tick_stop
    say "$step_words: done in $((SECONDS - step_start)) s"
}

tick_s=20

# tick_start LOG: every 20 s somebody says how long it has been since, and the
# last line of the newest of the files that the pattern LOG names. The caller
# has local variables bell and ticker. It ends by tick_stop, or with us, also
# when we are killed: it waits on a pipe whose other end is ours and, while they
# live, our children's.
tick_start() {
    exec {bell}> >(tick "$1")
    ticker=$!
}

tick_stop() {
    kill "$ticker" 2>/dev/null || true
    exec {bell}>&-
}

tick() { # LOG
    local start=$SECONDS line
    while read -r -t "$tick_s" || (($? > 128)); do
        kill -0 $$ 2>/dev/null || return 0
        line=$(last_line "$1" || true)
        say "... $((SECONDS - start)) s${line:+: $line}"
    done
}

# Progress within a line comes with carriage returns.
last_line() { # PATTERN
    [[ -n $1 ]] || return 0
    compgen -G "$1" | xargs -r -d '\n' ls -t | head -n 1 |
        xargs -r -d '\n' tail -c 500 | tr '\r' '\n' | grep -a . | tail -n 1 |
        tr -cd '[:print:]' | cut -c 1-80
}

# hash_inputs WHAT...: a short hash over files, folders (their files' names,
# modes and bytes) and strings given as `=STRING`. It names cache entries: same
# inputs, same entry.
hash_inputs() {
    local input
    for input in "$@"; do
        case $input in
        =*) printf 'string %s\n' "${input#=}" ;;
        *)
            (cd "$(dirname "$input")" &&
                find "$(basename "$input")" \( -type f -o -type l \) \
                    -printf '%p %m %l\0' | LC_ALL=C sort -z | tr '\0' '\n' &&
                find "$(basename "$input")" -type f -print0 |
                LC_ALL=C sort -z | xargs -0 -r sha256sum)
            ;;
        esac
    done | sha256sum | cut -c1-16
}

cache_root() {
    printf '%s\n' \
        "${XL_HYPER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/xl-hyper}"
}

# cache_path KIND KEY: where an entry is once it is complete.
cache_path() { printf '%s/%s/%s\n' "$(cache_root)" "$1" "$2"; }

# cache_build KIND KEY COMMAND...: makes the entry unless it is there. COMMAND
# is called with one more argument, an empty folder to fill. The folder gets
# its final name only when COMMAND succeeded, under a lock, so that two
# builders at once do the work once, and a killed one leaves nothing that could
# be taken for an entry.
cache_build() {
    local kind=$1 key=$2 dir base lock temp status=0
    shift 2
    base=$(cache_root)/$kind
    dir=$base/$key
    if [[ -d $dir ]]; then
        touch -c "$dir"
        return 0
    fi
    mkdir -p "$base"
    exec {lock}>"$base/.lock-$key"
    if ! flock -n "$lock"; then
        say "another run is making $kind/$key; waiting for it"
        flock -w 3000 "$lock" ||
            die "another run has been making $dir for 50 minutes; end it and try again"
    fi
    if [[ ! -d $dir ]]; then
        rm -rf --one-file-system "$base/.tmp-$key."*
        temp=$(mktemp -d "$base/.tmp-$key.XXXXXX")
        chmod 755 "$temp"
        # A subshell with errexit of its own: in a condition bash would
        # ignore it and go on after a failed command.
        set +e
        (set -e; "$@" "$temp" {lock}>&-)
        status=$?
        set -e
        if ((status == 0)); then
            mv -T "$temp" "$dir"
        else
            rm -rf --one-file-system "$temp"
            say "$kind could not be made (status $status)"
        fi
    fi
    exec {lock}>&-
    return "$status"
}

# cache_remove KIND KEY: unless it is just being made. Fails then.
cache_remove() {
    local base lock
    base=$(cache_root)/$1
    exec {lock}>"$base/.lock-$2"
    if ! flock -n "$lock"; then
        exec {lock}>&-
        return 1
    fi
    mv -T "$base/$2" "$base/.tmp-$2.removed"
    rm -rf --one-file-system "$base/.tmp-$2.removed"
    exec {lock}>&-
}

# need_tools TOOL...: fails with the way out when one is missing.
need_tools() {
    local tool missing=()
    for tool in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null ||
            missing+=("$tool")
    done
    ((${#missing[@]} == 0)) ||
        die "missing: ${missing[*]}; install with scripts/setup"
}

# debian_root ARGUMENT...: mmdebstrap for what lives as long as a test. Its
# python filter is started for each package: the system's python, since one of a
# version manager's takes half a second for that.
debian_root() {
    PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C timeout 1800 mmdebstrap \
        --mode=root --variant=minbase --dpkgopt=force-unsafe-io \
        --aptopt='APT::Install-Recommends "false"' "$@"
}

# package_list NAME...: the packages of scripts/packages/NAME.list, one a line.
package_list() {
    local name
    for name in "$@"; do
        sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' \
            "$scripts/packages/$name.list"
    done | LC_ALL=C sort -u
}
