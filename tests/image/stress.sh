#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The store under stress: eight pulls at once of images that share layers, on a
# small file system of its own, which is full now and then, while any of them
# is killed at any moment and the clock jumps by years. A pull may run out of
# space or be killed; nothing else may happen to it. Then there is peace: all
# images are pulled again, and nothing may be wrong or left over.
#
# HX_STRESS_SECONDS is how long it goes on (30); HX_STRESS_SEED repeats a run's
# choices, though not its moments.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

seconds=${HX_STRESS_SECONDS:-30}
seed=${HX_STRESS_SEED:-$$}
pullers=8
images=(a ab abc ac b bc abcd d)
faketime=$(compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' || true)

start_server plain
plain=127.0.0.1:$port

# One letter is one layer; a small one on top tells the images apart.
make_images() {
    local letter image
    BALLAST=1500000 make_layer "$work/layer-a" a
    BALLAST=400000 make_layer "$work/layer-b" b
    BALLAST=900000 make_layer "$work/layer-c" c
    BALLAST=60000 make_layer "$work/layer-d" d
    for letter in a b c d; do
        gzip -nc "$work/layer-$letter" >"$work/layer-$letter.gz"
        add_blob plain "$work/layer-$letter.gz" >/dev/null
    done
    for image in "${images[@]}"; do
        make_layered "$image"
    done
}

make_layered() { # IMAGE
    local image=$1 at letter ids=() layers=()
    for ((at = 0; at < ${#image}; at++)); do
        letter=${image:at:1}
        ids+=("$(digest_of "$work/layer-$letter")")
        layers+=("$(descriptor "$work/layer-$letter.gz" "$oci.layer.v1.tar+gzip")")
    done
    BALLAST=10 make_layer "$work/top-$image" "$image"
    add_blob plain "$work/top-$image" >/dev/null
    ids+=("$(digest_of "$work/top-$image")")
    layers+=("$(descriptor "$work/top-$image" "$oci.layer.v1.tar")")
    make_config "$work/config-$image" "$host_arch" "${ids[@]}"
    add_blob plain "$work/config-$image" >/dev/null
    jq -n --arg t "$oci.manifest.v1+json" \
        --argjson c "$(descriptor "$work/config-$image" "$oci.config.v1+json")" \
        '{schemaVersion: 2, mediaType: $t, config: $c, layers: [inputs]}' \
        <<<"${layers[*]}" >"$work/manifest-$image"
    add_manifest plain "$image" 1 "$work/manifest-$image"
}

# -- what troubles them -------------------------------------------------------

# The clock that pulls see, by libfaketime; mkroot, which may open nothing,
# does without.
jump() {
    pick -4000d -1d +0d +0d +1d +4000d
    echo "$picked" >"$work/clock.new"
    mv "$work/clock.new" "$work/clock"
}

# pick WORD...: one of them in $picked. (In a command substitution RANDOM would
# be the same each time.)
pick() {
    local words=("$@")
    picked=${words[RANDOM % $#]}
}

make_helpers() {
    mkdir -p "$work/bin"
    cat >"$work/bin/mkroot" <<SH
#!/bin/sh
unset LD_PRELOAD
exec "$build/bin/mkroot" "\$@"
SH
    chmod 755 "$work/bin/mkroot"
    export HX_LIBEXEC=$work/bin
}

# Now and then hardly any space is left.
trouble() { # UNTIL
    RANDOM=$seed
    while ((SECONDS < $1)); do
        jump
        if ((RANDOM % 3)); then
            dd if=/dev/zero of="$work/small/full" bs=64k 2>/dev/null || true
            truncate -s "-$((RANDOM % 3000))K" "$work/small/full"
            sleep "$((RANDOM % 2)).$((RANDOM % 10))"
        fi
        rm -f "$work/small/full"
        sleep "$((RANDOM % 2)).$((RANDOM % 10))"
    done
}

# pull_often NUMBER UNTIL: counts what happened in $work/count-NUMBER.
pull_often() {
    local number=$1 log=$work/pull-$1 image rc
    RANDOM=$((seed + number))
    while ((SECONDS < $2)); do
        pick "${images[@]}"
        image=$picked
        pick 100 100 "0.$((RANDOM % 900 + 100))" "$((RANDOM % 4)).5"
        rc=0
        timeout -s KILL "$picked" env \
            ${faketime:+LD_PRELOAD="$faketime"} \
            FAKETIME_TIMESTAMP_FILE="$work/clock" FAKETIME_NO_CACHE=1 \
            DONT_FAKE_MONOTONIC=1 "$build/bin/pull" --store "$store" \
            --no-engine "$plain/$image:1" >"$log" 2>"$log.errors" || rc=$?
        case $rc in
        0) echo pulled ;;
        137) echo killed ;;
        *) jq -r 'select(.error).error | .code + ": " + .message' "$log" ;;
        esac >>"$work/count-$number"
        cat "$log.errors" >>"$work/count-$number"
    done 2>/dev/null # where bash tells who was killed
}

# -- and what must hold -------------------------------------------------------

happened() { cat "$work"/count-* 2>/dev/null | cut -d: -f1 | sort | uniq -c; }

# Each of the three: on a busy machine that can take longer.
all_happened() { [[ $(happened | grep -c -w -E 'pulled|killed|no-space') == 3 ]]; }

nothing_else_happened() {
    local others
    others=$(cat "$work"/count-* | grep -v -E '^(pulled|killed|no-space: )' || true)
    [[ -z $others ]] || die "a pull said: $others"
    all_happened || die "not everything happened: $(happened)"
}

check_by_command() (
    unset HX_LIBEXEC
    hyper image-check || die "hyper-image-check: $(<"$work/stderr")"
)

one_round() { # UNTIL
    local pids=() pid n
    trouble "$1" &
    pids+=($!)
    for ((n = 0; n < pullers; n++)); do
        pull_often "$n" "$1" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    # What has a record has all of it, whatever happened.
    whole_records
}

# A store that has everything is not written to: each round has a new one, but
# for the last, which is then put right.
test_stress() {
    local end=$((SECONDS + seconds)) image
    [[ -n $faketime ]] || say "no libfaketime: the clock does not jump"
    mkdir -p "$work/small"
    truncate -s 32M "$work/small.img"
    mkfs.ext4 -q -F -m 0 "$work/small.img"
    mount -o loop "$work/small.img" "$work/small"
    store=$work/small/store
    make_helpers
    jump
    while ((SECONDS < end)) || { ! all_happened && ((SECONDS < end + 90)); }; do
        rm -rf "$store"
        seed=$((seed + 100))
        one_round $((SECONDS + 8))
    done
    nothing_else_happened
    for image in "${images[@]}"; do
        pull "$plain/$image:1" || die "pulling $image: $result: $message"
        disk_says "$id" "$image"
    done
    whole
    check_by_command
    umount "$work/small"
}

make_images
say "seed $seed"
run_tests stress
