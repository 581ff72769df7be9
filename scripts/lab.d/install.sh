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
    local dir=$1 stage hash log
    command -v make >/dev/null || die "missing: make; install with scripts/setup"
    stage=$dir/stage
    log=$dir/make.log
    rm -rf "$stage"
    say "building the project ..."
    # `make` names the failing command in its last lines.
    make -C "$top" -j"$(nproc)" all >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        die "the project does not build; a lab without it: scripts/lab up --bare"
    }
    make -C "$top" install DESTDIR="$stage" >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        die "make install failed"
    }
    hash=$(hash_inputs "$stage")
    if [[ $(cat "$dir/installed" 2>/dev/null || true) == "$hash" ]]; then
        say "dom0 has this build already"
    else
        say "installing it in dom0 ..."
        rm -f "$dir/installed"
        # Unlinked first: programs of the build before may be running.
        tar -C "$stage" --owner=0 --group=0 -cf - . |
            ssh_run "$dir" 300 '' tar -C / --warning=no-timestamp --unlink-first --no-overwrite-dir \
                -xpf - || die "the project could not be copied into dom0"
        printf '%s\n' "$hash" >"$dir/installed"
        say "installed"
    fi
    rm -rf "$stage"
}
