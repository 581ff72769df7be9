#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The store under pulls that run at once, are killed, meet a full disk, or
# find it damaged.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

start_server plain
plain=127.0.0.1:$port
BALLAST=3000000 make_image plain app 1
layer=$(jq -r '.layers[0].digest' "$work/app-1.manifest")
layer_bytes=$(jq -r '.layers[0].size' "$work/app-1.manifest")
make_image plain small 1

# Two images that share a layer.
make_pair() {
    local i
    make_layer "$work/top1" top1
    make_layer "$work/top2" top2
    for i in 1 2; do
        make_config "$work/pair$i.config" "$host_arch" \
            "$(digest_of "$work/app-1.tar")" "$(digest_of "$work/top$i")"
        jq -c --argjson c "$(descriptor "$work/pair$i.config" \
            "$oci.config.v1+json")" --argjson l "$(descriptor "$work/top$i" \
            "$oci.layer.v1.tar")" '.config = $c | .layers += [$l]' \
            "$work/app-1.manifest" >"$work/pair$i"
        add_blob plain "$work/top$i"
        add_blob plain "$work/pair$i.config"
        add_manifest plain pair "$i" "$work/pair$i"
    done
}

# quietly REFERENCE: a pull whose output nobody reads, for the background.
quietly() { exec "$build/bin/pull" --store "$store" --no-engine "$@" >/dev/null; }

wait_for() { # COMMAND...: at most 20 s
    local tries
    for ((tries = 0; tries < 400; tries++)); do
        if "$@"; then return 0; fi
        sleep 0.05
    done
    die "waited in vain for: $*"
}

test_pulls_at_once_of_one_image() {
    local pids=() pid
    for _ in 1 2 3 4 5 6; do
        quietly "$plain/app:1" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    whole
    [[ $(count_requests plain "blobs/$layer") == 1 ]]
    [[ $(find "$store/disks" -type f | wc -l) == 1 ]]
    pulls "$plain/app:1"
    disk_says "$id" app:1
}

test_pulls_at_once_of_overlapping_images() {
    make_pair
    local pids=() pid i
    for i in 1 2 1 2 1 2; do
        quietly "$plain/pair:$i" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    whole
    [[ $(count_requests plain "blobs/$layer") == 1 ]]
    [[ $(find "$store/images" -type f | wc -l) == 2 ]]
    pulls "$plain/pair:2"
    disk_says "$id" top2
}

# The first of two is killed while the second waits for its blob.
test_the_other_goes_on_when_one_is_killed() {
    rules plain "[{\"on\": \"blobs/$layer\", \"drip\": 0.01, \"times\": 1}]"
    quietly "$plain/app:1" &
    local first=$!
    wait_for test -s "$store/tmp/blob-${layer#sha256:}"
    pull "$plain/app:1" &
    local second=$!
    wait_for grep -q waiting "$work/json"
    kill -9 "$first"
    wait "$second"
    whole
}

test_killed_at_any_moment() {
    local round
    for ((round = 0; round < 40; round++)); do
        timeout -s KILL "0.$(printf %03d $((RANDOM % 350 + 5)))" \
            "$build/bin/pull" --store "$store" --no-engine "$plain/app:1" \
            >/dev/null || true
        # What has a record has all of it, at every moment.
        [[ ! -d $store/tmp ]] || whole_records
        ((round % 8)) || rm -rf "$store"
    done
    pulls "$plain/app:1"
    disk_says "$id" app:1
}

# kill_in_the_middle: of the layer's download.
kill_in_the_middle() {
    rules plain "[{\"on\": \"blobs/$layer\", \"cut\": 1000000, \"length\":
        $layer_bytes, \"times\": 1}, {\"on\": \"blobs/$layer\", \"stall\": 0, \"after\": 1}]"
    quietly "$plain/app:1" &
    local pid=$! file=$store/tmp/blob-${layer#sha256:}
    wait_for test -s "$file"
    wait_for eval "[[ \$(count_requests plain blobs/$layer) == 2 ]]"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    [[ -s $file ]] || die "no partial file"
    had=$(size_of "$file")
    : >"$work/server-plain/sent"
    rules plain '[]'
    : >"$work/server-plain/log"
}

test_a_killed_download_is_taken_up() {
    kill_in_the_middle
    pulls "$plain/app:1"
    disk_says "$id" app:1
    [[ $(count_requests plain "blobs/$layer.*range=bytes=1[0-9]*-") == 1 ]]
    # What lay there was not sent again.
    [[ $(bytes_sent plain "blobs/$layer") == $((layer_bytes - had)) ]]
}

# Several at once, each of which is taken up where it was.
test_several_killed_downloads_are_taken_up() {
    local i file pid total=0 had=0
    BALLAST=1500000 make_layers plain many 1 3
    rules plain '[{"on": "many/blobs", "after": 1, "stall": 1000000}]'
    quietly "$plain/many:1" &
    pid=$!
    for i in 1 2 3; do
        file=$store/tmp/blob-$(digest_of "$work/many-1.$i" | cut -d: -f2)
        wait_for eval "[[ -f $file && \$(size_of $file) == 1000000 ]]"
    done
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    for i in 1 2 3; do
        total=$((total + $(size_of "$work/many-1.$i")))
        had=$((had + 1000000))
    done
    # The server notices late.
    wait_for eval "[[ \$(grep -c many/blobs $work/server-plain/sent) == 4 ]]"
    rules plain '[]'
    : >"$work/server-plain/sent"
    pulls "$plain/many:1"
    disk_says "$id" "many:1 3"
    [[ $(bytes_sent plain "many/blobs") == $((total - had)) ]]
}

test_a_killed_download_that_was_damaged() {
    kill_in_the_middle
    printf 'XX' | dd of="$store/tmp/blob-${layer#sha256:}" conv=notrunc \
        status=none
    pulls "$plain/app:1"
    disk_says "$id" app:1
}

# Another pull does not take them away; a day does, and a pull that has no
# space.
test_leftovers_stay_for_a_day() {
    kill_in_the_middle
    pull "$plain/small:1"
    [[ $(size_of "$store/tmp/blob-${layer#sha256:}") == "$had" ]]
    # The config, the manifest, and those of the other image.
    [[ $(find "$store/blobs" -type f | wc -l) -ge 4 ]]
    find "$store/blobs" "$store/tmp" -type f -exec touch -d '-25 hours' {} +
    pulls "$plain/small:1"
    [[ $(find "$store/blobs" -type f | wc -l) == 3 ]]
    kill_in_the_middle
    find "$store/tmp" -type f -exec touch -d '+3 days' {} +
    pulls "$plain/small:1"
}

# What a pull that fails has fetched the next one need not fetch.
test_a_failed_pull_keeps_its_layers() {
    local bad good
    BALLAST=1500000 make_layers plain many 1 3
    bad=$(digest_of "$work/many-1.1")
    echo '{"max-concurrent-downloads": 1}' >"$HX_CONFDIR/daemon.json"
    rules plain "[{\"on\": \"blobs/$bad\", \"cut\": 1000000, \"times\": 1},
        {\"on\": \"blobs/$bad\", \"status\": 403, \"body\": \"\", \"after\": 1}]"
    ! pull "$plain/many:1"
    [[ $result == auth && $message == *"blob ${bad:0:19}"* ]] || die "$message"
    no_image
    [[ $(size_of "$store/tmp/blob-${bad#sha256:}") == 1000000 ]]
    for good in 2 3; do
        [[ -f $store/blobs/sha256/$(digest_of "$work/many-1.$good" |
            cut -d: -f2) ]]
    done
    # Nor does the pull of another image take them away.
    pull "$plain/small:1"
    rules plain '[]'
    : >"$work/server-plain/log"
    : >"$work/server-plain/sent"
    pulls "$plain/many:1"
    disk_says "$id" "many:1 3"
    [[ $(count_requests plain many/blobs) == 1 ]]
    [[ $(bytes_sent plain "blobs/$bad") == \
        $(($(size_of "$work/many-1.1") - 1000000)) ]]
}

test_the_reader_goes_away() {
    rules plain "[{\"on\": \"blobs/$layer\", \"drip\": 0.01}]"
    { quietly_spoken "$plain/app:1" || true; } | head -n 1 >/dev/null
    wait_for eval "! pgrep -f -- '--store $store ' >/dev/null"
}

quietly_spoken() {
    "$build/bin/pull" --store "$store" --no-engine "$@"
}

test_damaged_layer_in_the_store() {
    pulls "$plain/app:1"
    rm "$store"/disks/*
    printf 'XX' | dd of="$store/blobs/sha256/${layer#sha256:}" bs=1 seek=5000 \
        conv=notrunc status=none
    pulls "$plain/app:1"
    disk_says "$id" app:1
    [[ $(count_requests plain "blobs/$layer") == 2 ]]
}

test_damaged_config_and_manifest_in_the_store() {
    local file
    pulls "$plain/app:1"
    for file in config manifest; do
        printf ' ' | dd of="$store/blobs/sha256/$(digest_of "$work/app-1.$file" |
            cut -d: -f2)" conv=notrunc status=none
    done
    # `pulls` looks at each blob.
    pulls "$plain/app:1"
    [[ $(count_requests plain "blobs/$(digest_of "$work/app-1.config")") == 2 ]]
}

test_cut_layer_and_disk_in_the_store() {
    pulls "$plain/app:1"
    truncate -s 100 "$store"/disks/*
    truncate -s 100 "$store/blobs/sha256/${layer#sha256:}"
    pulls "$plain/app:1"
    disk_says "$id" app:1
}

# checks IMAGE-ID: 0 when the disk has the recorded bytes; $message.
checks() {
    local rc=0
    "$build/bin/pull" --store "$store" --check-disk "$1" >"$work/json" || rc=$?
    message=$(jq -r 'select(.error).error.message' "$work/json")
    return "$rc"
}

# A byte changes and the size does not.
flip_a_byte() { printf 'X' | dd of="$1" bs=1 seek=5000 conv=notrunc status=none; }

test_changed_disk_in_the_store() {
    pulls "$plain/app:1"
    checks "$id"
    flip_a_byte "$store"/disks/*
    ! checks "$id" || die "a changed disk passed"
    [[ $message == *"its content has the digest"* ]] || die "$message"
    pulls "$plain/app:1"
    disk_says "$id" app:1
    checks "$id"
}

# What looks as it did is not read again, and what does not is read once.
test_an_untouched_disk_is_not_read() {
    command -v strace >/dev/null || skip "no strace"
    pulls "$plain/app:1"
    local reads=()
    for _ in untouched touched once; do
        strace -f -qq -e trace=openat -o "$work/trace" "$build/bin/pull" \
            --store "$store" --no-engine "$plain/app:1" >/dev/null ||
            skip "strace may not trace here"
        reads+=("$(grep -c '/disks/[0-9a-f]*.squashfs' "$work/trace" || true)")
        [[ ${#reads[@]} != 1 ]] || touch "$store"/disks/*
    done
    [[ ${reads[*]} == "0 1 0" ]] || die "opened: ${reads[*]}"
}

test_a_disk_without_a_record_is_used() {
    pulls "$plain/app:1"
    local before=$id
    rm -r "$store"/images/* "$store"/refs/*
    touch -d '2020-01-01' "$store"/disks/*
    pulls "$plain/app:1"
    [[ $id == "$before" ]]
    [[ -n $(find "$store/disks" -type f ! -newermt 2021-01-01) ]]
}

test_full_disk() {
    local kib good=0 full=0
    mkdir -p "$work/small"
    mount -t tmpfs -o size=1m tmpfs "$work/small"
    store=$work/small/store
    for kib in 16 40 400 2900 3000 3500 5900 6000 6100 7000; do
        mount -o "remount,size=${kib}k" "$work/small"
        if pull "$plain/app:1"; then
            whole
            good=$((good + 1))
            rm -rf "$store"
        else
            [[ $result == no-space ]] || die "$kib: $result: $message"
            [[ $message == *"No space left"* ]] || die "$kib: $message"
            empty
            full=$((full + 1))
        fi
    done
    umount "$work/small"
    ((good > 0 && full > 3)) || die "$good good, $full full"
}

# Killed when it has read all but the end of a stream: what it had compressed
# has no name yet, and the next pull removes it.
test_a_killed_import_leaves_nothing_for_long() {
    local pid
    mkdir -p "$work/d"
    cp "$work/app-1.tar" "$work/d/layer.tar"
    tar -C "$work/d" -cf "$work/d.tar" layer.tar
    mkfifo "$work/fifo"
    "$build/bin/pull" --store "$store" --load 8 8<"$work/fifo" >/dev/null &
    pid=$!
    exec 9>"$work/fifo"
    head -c "$(size_of "$work/app-1.tar")" "$work/d.tar" >&9
    wait_for sh -c "ls '$store'/tmp/spool-*/0 2>/dev/null | grep -q ."
    kill -9 "$pid"
    exec 9>&-
    wait "$pid" || true
    [[ -z $(find "$store/blobs" "$store/images" -type f) ]]
    pulls "$plain/app:1"
}

test_full_disk_while_an_archive_is_read() {
    mkdir -p "$work/small" "$work/d"
    cp "$work/app-1.tar" "$work/d/layer.tar"
    cp "$work/app-1.config" "$work/d/config.json"
    echo '[{"Config": "config.json", "RepoTags": null,
        "Layers": ["layer.tar"]}]' >"$work/d/manifest.json"
    tar -C "$work/d" -cf "$work/d.tar" .
    mount -t tmpfs -o size=1m tmpfs "$work/small"
    store=$work/small/store
    fails no-space "" "docker-archive:$work/d.tar"
    [[ -z $(ls -A "$store/tmp") ]]
    umount "$work/small"
}

# make_stack NAME: an image of the folders $work/NAME/*, each a layer.
make_stack() {
    local name=$1 folder stem ids=() layers=()
    for folder in "$work/$name"/*; do
        stem=$work/$name-${folder##*/}
        tar -C "$folder" -cf "$stem" .
        gzip -1nc "$stem" >"$stem.gz"
        add_blob plain "$stem.gz" >/dev/null
        ids+=("$(digest_of "$stem")")
        layers+=("$(descriptor "$stem.gz" "$oci.layer.v1.tar+gzip")")
    done
    make_config "$work/$name.config" "$host_arch" "${ids[@]}"
    add_blob plain "$work/$name.config" >/dev/null
    jq -n --arg t "$oci.manifest.v1+json" \
        --argjson c "$(descriptor "$work/$name.config" "$oci.config.v1+json")" \
        '{schemaVersion: 2, mediaType: $t, config: $c, layers: [inputs]}' \
        <<<"${layers[*]}" >"$work/$name.manifest"
    add_manifest plain "$name" 1 "$work/$name.manifest"
}

noise() { head -c "$1" /dev/urandom; }
text() { noise "$1" | base64 -w 0; }

# Nothing of the lower layers but one file is left in the end.
make_hiding() {
    mkdir -p "$work"/hiding/{1,2,3,4}/folder
    cd "$work/hiding"
    noise 2000000 >1/a
    text 1500000 >1/b
    noise 1000000 >1/folder/c
    noise 2000000 >2/a
    cp 1/b 2/twice
    noise 500000 >2/folder/d
    touch 3/.wh.b 3/folder/.wh..wh..opq
    noise 400000 >3/folder/e
    noise 900000 >4/a
    cd "$OLDPWD"
    make_stack hiding
}

make_several() {
    mkdir -p "$work"/several/{1,2,3,4}
    noise 2500000 >"$work/several/1/a"
    text 1800000 >"$work/several/2/b"
    noise 40000 >"$work/several/3/c"
    text 700000 >"$work/several/4/d"
    make_stack several
}

bytes_on_disk() { # FOLDER: in pages
    find "$1" -type f -printf '%s\n' |
        awk '{ sum += int(($1 + 4095) / 4096) * 4096 } END { print sum }'
}

# At no moment does a pull need more than 1.2 times the root disk and the blobs:
# on a file system of that size it comes to its end, and does not on one that is
# a little smaller than what stays there.
test_the_space_that_a_pull_needs() {
    local name disk blobs most
    make_hiding
    make_several
    mkdir -p "$work/small"
    for name in hiding several; do
        store=$work/store
        pulls "$plain/$name:1"
        disk=$(bytes_on_disk "$store/disks")
        blobs=$(bytes_on_disk "$store/blobs")
        # The two records are 4 KiB each.
        most=$((disk * 12 / 10 + blobs + 16384))
        mount -t tmpfs -o "size=$most" tmpfs "$work/small"
        store=$work/small/store
        pulls "$plain/$name:1"
        rm -rf "$store"
        mount -o "remount,size=$((disk + blobs - 65536))" "$work/small"
        fails no-space "No space left" "$plain/$name:1"
        umount "$work/small"
        rm -rf "$work/store"
    done
}

test_no_privilege() {
    mkdir -p "$work/root"
    chmod 755 "$work" "$work/root"
    local rc=0
    HX_LIBEXEC='' setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$build/bin/pull" --store "$work/root/store" --no-engine \
        "$plain/app:1" >"$work/json" 2>&1 || rc=$?
    [[ $rc == 1 && $(jq -r 'select(.error).error.code' "$work/json") == \
        privilege ]] || die "$(cat "$work/json")"
}

run_tests pulls_at_once_of_one_image pulls_at_once_of_overlapping_images \
    the_other_goes_on_when_one_is_killed killed_at_any_moment \
    a_killed_download_is_taken_up several_killed_downloads_are_taken_up \
    a_killed_download_that_was_damaged \
    leftovers_stay_for_a_day a_failed_pull_keeps_its_layers the_reader_goes_away \
    damaged_layer_in_the_store damaged_config_and_manifest_in_the_store \
    cut_layer_and_disk_in_the_store changed_disk_in_the_store \
    an_untouched_disk_is_not_read \
    a_disk_without_a_record_is_used full_disk \
    a_killed_import_leaves_nothing_for_long \
    full_disk_while_an_archive_is_read the_space_that_a_pull_needs no_privilege
