# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Files into dom0 and out of it, and the project itself.

# In dom0: $1 is the destination, $2 the name that the tar on stdin holds.
# Files are put in place by rename: a running program can be replaced.
# shellcheck disable=SC2016 # runs over there
receive='set -eu
case $1 in */) mkdir -p "$1" ;; esac
if [ -d "$1" ]; then target=${1%/}/$2; else target=$1; fi
mkdir -p "$(dirname "$target")"
temp=$(mktemp -d "$(dirname "$target")/.lab.XXXXXX")
trap "rm -rf \"\$temp\"" EXIT
tar -C "$temp" --warning=no-timestamp -xpf - "--$3same-owner"
if [ -d "$target" ] && [ -d "$temp/$2" ]; then
    cp -a --remove-destination -T "$temp/$2" "$target"
elif [ -d "$target" ]; then
    echo "$target is a folder" >&2
    exit 1
else
    mv -f -T "$temp/$2" "$target"
fi'

copy_in() { # FOLDER SOURCE DESTINATION
    local source
    source=$(realpath -s "$2")
    tar -C "$(dirname "$source")" --owner=0 --group=0 -cf - \
        "./$(basename "$source")" |
        ssh_run "$1" 1800 '' sh -c "$receive" receive "$3" \
            "$(basename "$source")" ''
}

copy_out() { # FOLDER SOURCE DESTINATION
    # shellcheck disable=SC2016 # runs over there
    ssh_run "$1" 1800 '' sh -c \
        'path=$(realpath -s "$1") && [ -e "$path" -o -L "$path" ] ||
            { echo "$1 does not exist" >&2; exit 1; }
         tar -C "$(dirname "$path")" -cf - "./$(basename "$path")"' \
        send "$2" </dev/null |
        sh -c "$receive" receive "$3" "$(basename "$2")" no-
}

# Builds the project and installs it, as `make install` would on that host;
# nothing is copied when dom0 has it already.
install_project() { # FOLDER
    local dir=$1 stage=$1/stage hash lock
    need_tools make
    rm -rf "$stage"
    # Two labs that start at once must not build in one folder at once.
    mkdir -p "$top/build"
    exec {lock}>"$top/build/.lab-lock"
    flock -w 1800 "$lock" ||
        die "another lab has been building the project for 30 minutes"
    run_make "$dir/make.log" "building the project" -j"$(nproc)" all ||
        die "the project does not build; a lab without it: scripts/lab up --bare"
    run_make "$dir/make.log" "staging it" install DESTDIR="$stage" ||
        die "make install failed"
    exec {lock}>&-
    hash=$(hash_inputs "$stage")
    if [[ $(cat "$dir/installed" 2>/dev/null || true) == "$hash" ]]; then
        say "dom0 has this build already"
    else
        rm -f "$dir/installed"
        # tar takes old files away first: programs of the build before may run.
        tar -C "$stage" --owner=0 --group=0 -cf - . |
            ssh_run "$dir" 300 '' tar -C / --warning=no-timestamp \
                --no-overwrite-dir --keep-directory-symlink -xpf - ||
            die "the project could not be copied into dom0"
        check_libraries "$dir" "$stage"
        printf '%s\n' "$hash" >"$dir/installed"
        say "the project is installed in dom0"
    fi
    rm -rf "$stage"
}

# Are all libraries there that the installed programs need?  ldd fails for those
# that are scripts.
check_libraries() { # FOLDER STAGE
    local programs missing
    mapfile -t programs < <(cd "$2" && find . -type f -perm -100 \
        -exec grep -lP '\A\x7fELF' {} + | sed 's/^\.//')
    missing=$(ssh_run "$1" 60 '' ldd "${programs[@]}" </dev/null 2>/dev/null |
        awk '/not found/ { print $1 }' | sort -u | xargs)
    [[ -z $missing ]] ||
        die "dom0 lacks $missing; name its package in scripts/packages/dom0.list"
}

# run_make LOG TEXT ARGUMENT...: what make says goes to LOG and is shown when
# it fails; before that its last line from time to time, and the kernel's own
# progress, since that takes minutes.
run_make() {
    local log=$1 start=$SECONDS failed='' bell ticker
    say "$2 ..."
    shift 2
    tick_start "$log"
    # `make lab` calls us: the jobs of that make are not ours to use.
    if ! env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory \
        -C "$top" "$@" 2>&1 </dev/null | tee "$log" |
        { grep --line-buffered '^build-hyperkernel: .*compil' >&2 || true; }; then
        failed=1
    fi
    tick_stop
    if [[ -n $failed ]]; then
        tail -n 20 "$log" >&2
        return 1
    fi
    ((SECONDS - start < 5)) || say "built in $((SECONDS - start)) s"
}
