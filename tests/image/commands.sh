#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The commands that work on the store and need no Xen, as xl-hyper has them.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

start_server plain
plain=127.0.0.1:$port
make_image plain app 1
make_image plain small 1

# with_history NAME: a config like docker's, under the tag 2.
with_history() {
    local stem=$work/${1}-2
    jq -c '. + {created: "2024-03-01T10:00:00Z", author: "somebody",
        config: {Cmd: ["/hello"], Env: ["A=b"], Labels: {l: "v"},
            Healthcheck: {Test: ["NONE"]}},
        history: [
            {created: "2024-03-01T09:00:00Z",
             created_by: "ADD file:0123456789012345678901234567890123456789 in /",
             comment: "base\u001b[2J"},
            {created: "2024-03-01T10:00:00Z", created_by: "CMD [\"/hello\"]",
             empty_layer: true}]}' "$work/$1-1.config" >"$stem.config"
    jq -c --argjson c "$(descriptor "$stem.config" "$oci.config.v1+json")" \
        '.config = $c' "$work/$1-1.manifest" >"$stem.manifest"
    add_blob plain "$stem.config" >/dev/null
    add_manifest plain "$1" 2 "$stem.manifest"
}
with_history app

# does ARG...; refuses STATUS WORDS ARG...
does() { hyper "$@" || die "$* ended with $?: $(<"$work/stderr")"; }
refuses() {
    local status=$1 words=$2 rc=0
    shift 2
    hyper "$@" || rc=$?
    [[ $rc == "$status" ]] || die "$* ended with $rc: $(<"$work/stderr")"
    grep -qF -- "$words" "$work/stderr" || die "$*: $(<"$work/stderr")"
}
says() { # EXPECTED: the output of the last command
    diff -u <(printf '%s\n' "$1") "$work/stdout" >&2 || die "wrong output"
}
holds() { # JQ-EXPRESSION: true of the last command's JSON
    jq -e "$1" "$work/stdout" >/dev/null || die "not $1: $(<"$work/stdout")"
}

test_tag() {
    pulls "$plain/app:1"
    does tag "$plain/app:1" other
    [[ ! -s $work/stdout && ! -s $work/stderr ]]
    does tag "${id#sha256:}" "$plain/app:new"
    does images -q --no-trunc
    [[ $(sort -u "$work/stdout") == "$id" && $(wc -l <"$work/stdout") == 3 ]]
    # It may be pulled under the old name again, and removed under it.
    pulls "$plain/small:1"
    does tag "$plain/small:1" other
    does image-inspect other
    holds ".[0].Id == \"$id\""
    refuses 1 'no such image is stored' tag nothing other
    refuses 1 'has a digest' tag other "x@sha256:$(printf '%064d' 0)"
    refuses 2 'tag needs' tag other
    whole
}

test_image_inspect() {
    local digest disk
    pulls "$plain/app:2"
    digest=$(digest_of "$work/app-2.manifest")
    does tag "$plain/app:2" "$plain/app:new"
    does tag "$plain/app:2" mine:1
    does image-inspect "$plain/app:2"
    disk=$(echo "$store"/disks/*)
    holds 'length == 1'
    holds ".[0].Id == \"$id\""
    holds ".[0].RepoTags == [\"$plain/app:2\", \"$plain/app:new\", \"mine:1\"]"
    holds ".[0].RepoDigests == [\"$plain/app@$digest\"]"
    holds ".[0].Architecture == \"$host_arch\" and .[0].Os == \"linux\""
    holds '.[0].Created == "2024-03-01T10:00:00Z" and .[0].Author == "somebody"'
    holds '.[0].Config == {Cmd: ["/hello"], Env: ["A=b"], Labels: {l: "v"},
        Healthcheck: {Test: ["NONE"]}}'
    holds ".[0].RootFS == {Type: \"layers\",
        Layers: [\"$(digest_of "$work/app-1.tar")\"]}"
    holds ".[0].Disk.Bytes == $(size_of "$disk") and .[0].Size == .[0].Disk.Bytes"
    holds ".[0].Disk.Sha256 == \"$(digest_of "$disk" | cut -d: -f2)\""
    holds ".[0].Disk.Key == \"$(basename "$disk" .squashfs)\""
    # As docker: what was found is printed.
    refuses 1 'nothing: no such image is stored' image-inspect nothing \
        "${id:7:12}"
    holds "length == 1 and .[0].Id == \"$id\""
}

# An image for another platform is stored all the same.
test_image_inspect_of_another_platform() {
    make_image plain far 1 s390x
    pulls --platform linux/s390x "$plain/far:1"
    does image-inspect "$plain/far:1"
    holds '.[0].Architecture == "s390x"'
}

test_history() {
    local size
    pulls "$plain/app:2"
    size=$(jq '.layers[0].size' "$work/app-1.manifest")
    does history "$plain/app:2"
    [[ $(head -n 1 "$work/stdout" | tr -s ' ') == \
        'IMAGE CREATED CREATED BY SIZE COMMENT' ]]
    [[ $(sed -n 2p "$work/stdout") == \
        "${id:7:12}"*' years ago  CMD ["/hello"]'*' 0B '* ]]
    grep -q '^<missing> .* ADD file:0123456789012345678901234567890123..  ' \
        "$work/stdout"
    # What an image says moves no cursor.
    grep -qF 'base?[2J' "$work/stdout"
    does history --no-trunc "$plain/app:2"
    grep -q "^$id " "$work/stdout"
    grep -q ' ADD file:0123456789012345678901234567890123456789 in / ' \
        "$work/stdout"
    does history -q "$plain/app:2"
    says "${id:7:12}
<missing>"
    does history --json "$plain/app:2"
    holds "map(.Size) == [0, $size] and .[0].Id == \"$id\" and
        .[1].Id == \"<missing>\""
    refuses 1 'no such image is stored' history nothing
}

# An older version knew no sizes of the layers of a docker archive.
test_history_without_a_manifest() {
    mkdir -p "$work/d"
    cp "$work/app-1.tar" "$work/d/layer.tar"
    cp "$work/app-2.config" "$work/d/config.json"
    echo '[{"Config": "config.json", "RepoTags": ["old:1"],
        "Layers": ["layer.tar"]}]' >"$work/d/manifest.json"
    tar -C "$work/d" -cf "$work/d.tar" .
    pulls "docker-archive:$work/d.tar"
    local record=$store/images/${id#sha256:}.json size
    size=$(jq -r .manifest "$record")
    size=$(jq '.layers[0].size' "$store/blobs/sha256/${size#sha256:}")
    does history --json old:1
    holds "map(.Size) == [0, $size]"
    jq '.manifest = ""' "$record" >"$work/record"
    cp "$work/record" "$record"
    does history --json old:1
    holds 'map(.Size) == [0, null]'
    does history old:1
    grep -q ' -  *base' "$work/stdout"
    # An image without a history has none, as in docker.
    pulls "$plain/small:1"
    does history -q "$plain/small:1"
    [[ ! -s $work/stdout ]]
}

# checks_clean; finds WORDS: and that --repair puts it right.
checks_clean() {
    does image-check
    grep -q ': nothing is wrong$' "$work/stdout" || die "$(<"$work/stdout")"
}
finds() {
    local rc=0 words
    hyper image-check || rc=$?
    [[ $rc == 1 ]] || die "nothing was found: $rc, $(cat "$work"/std*)"
    for words in "$@"; do
        grep -qF -- "$words" "$work/stdout" ||
            die "not '$words': $(<"$work/stdout")"
    done
    does image-check --repair
    for words in "$@"; do
        grep -F -- "$words" "$work/stdout" | grep -q ' (removed)$' ||
            die "'$words' was not repaired: $(<"$work/stdout")"
    done
    checks_clean
}

test_check_of_a_good_store() {
    checks_clean
    pulls "$plain/app:1"
    pulls "$plain/small:1"
    does tag "$plain/app:1" other
    checks_clean
    grep -q '^2 images, 3 names, 2 root disks, 6 blobs: ' "$work/stdout"
    does image-check -q
    [[ ! -s $work/stdout ]]
    does image-check --json
    holds '.Wrong == 0 and .Blobs == 6 and .Findings == []'
}

# spoil HOW FILE: what a power cut leaves of a file that was renamed and not
# synced, and what a bad disk does.
spoil() {
    case $1 in
    empty) : >"$2" ;;
    cut) truncate -s $(($(size_of "$2") / 2)) "$2" ;;
    zero) head -c "$(size_of "$2")" /dev/zero >"$2.zero" && mv "$2.zero" "$2" ;;
    flip) printf 'XX' | dd of="$2" bs=1 seek=$(($(size_of "$2") / 2)) \
        conv=notrunc status=none ;;
    gone) rm "$2" ;;
    esac
}

# spoiled HOW FILE...: found, repaired, and pulled anew.
spoiled() {
    local how=$1 file
    shift
    rm -rf "$store"
    cp -a "$work/good" "$store"
    for file in "$@"; do spoil "$how" "$store/$file"; done
    finds "${@/%/: }"
    pulls "$plain/app:1"
    disk_says "$id" app:1
    pulls "$plain/small:1"
    disk_says "$id" small:1
    checks_clean
}

test_check_finds_what_is_spoiled() {
    local all file
    pulls "$plain/app:1"
    pulls "$plain/small:1"
    rm -rf "$work/good"
    cp -a "$store" "$work/good"
    mapfile -t all < <(cd "$store" && find blobs disks -type f)
    spoiled empty "${all[@]}"
    spoiled cut "${all[@]}"
    spoiled flip "${all[@]}"
    mapfile -t all < <(cd "$store" && find images refs -type f)
    spoiled empty "${all[@]}"
    spoiled cut "${all[@]}"
    # One at a time.
    mapfile -t all < <(cd "$store" && find disks images refs -type f |
        grep -e /app/ -e "$(digest_of "$work/app-1.config" | cut -d: -f2)" \
            -e "$(jq -r .disk "$store/images/$(digest_of \
                "$work/app-1.config" | cut -d: -f2).json")")
    for file in "${all[@]}"; do spoiled zero "$file"; done
    rm -rf "$store"
    cp -a "$work/good" "$store"
    rm "$store"/disks/*
    finds 'its root disk is not there'
    rm -rf "$work/good"
}

test_check_of_records() {
    local name
    pulls "$plain/app:1"
    name=$(cd "$store" && find refs -type f)
    echo x >"$store/images/notes"
    finds 'images/notes: it is no record of an image'
    cp "$store/$name" "$store/refs/elsewhere"
    finds 'refs/elsewhere: the name cannot be read'
    rm "$store"/images/*
    finds "$name: the image that it names is not there"
    pulls "$plain/app:1"
    rm "$store/blobs/sha256/$(digest_of "$work/app-1.config" | cut -d: -f2)"
    finds "images/${id#sha256:}.json: its config is not there"
    [[ -z $(files) ]]
    # Without its manifest an image is still one.
    pulls "$plain/app:1"
    rm "$store/blobs/sha256/$(digest_of "$work/app-1.manifest" | cut -d: -f2)"
    finds "images/${id#sha256:}.json: its manifest is not there"
    disk_says "$id" app:1
    pulls "$plain/app:1"
    [[ $(jq -r .manifest "$store/images/${id#sha256:}.json") == sha256:* ]]
    # Files of others are left alone.
    echo x >"$store/blobs/sha256/notes"
    does image-check --repair
    [[ -f $store/blobs/sha256/notes ]]
}

# What a killed command left is no damage: the next pull sees to it.
test_check_of_what_was_left_over() {
    pulls "$plain/app:1"
    echo x >"$store/tmp/blob-$(printf '%064d' 1)"
    mkdir "$store/tmp/spool-abc"
    echo x >"$store/tmp/busy"
    exec 9<"$store/tmp/busy"
    flock 9
    does image-check
    grep -q '^tmp/spool-abc: .* (left over)$' "$work/stdout"
    [[ $(grep -c 'left over' "$work/stdout") == 2 ]]
    grep -q ': nothing is wrong$' "$work/stdout"
    does image-check --repair
    [[ $(ls "$store/tmp") == busy ]]
    exec 9<&-
    does image-check --repair
    whole
}

test_check_beside_a_pull() {
    pulls "$plain/app:1"
    exec 9>>"$store/pulls.lock"
    flock -s 9
    checks_clean
    exec 9<&-
}

# An image of two layers, gzip and plain, under the tag 3; the plain one is
# large enough to be read in several pieces.
BALLAST=600000 make_layer "$work/second.tar" second
make_config "$work/app-3.config" "$host_arch" "$(digest_of "$work/app-1.tar")" \
    "$(digest_of "$work/second.tar")"
jq -c --argjson c "$(descriptor "$work/app-3.config" "$oci.config.v1+json")" \
    --argjson l "$(descriptor "$work/second.tar" "$oci.layer.v1.tar")" \
    '.config = $c | .layers += [$l]' "$work/app-1.manifest" \
    >"$work/app-3.manifest"
add_blob plain "$work/second.tar" >/dev/null
add_blob plain "$work/app-3.config" >/dev/null
add_manifest plain app 3 "$work/app-3.manifest"

# save_and_load FORMAT: the store's images come back with their ids and disks.
save_and_load() {
    local before
    pulls "$plain/app:3"
    pulls "$plain/small:1"
    does tag "$plain/app:3" mine:1
    before=$(cd "$store" && ls images disks && jq -r .disk images/*)
    does save --format "$1" "$plain/app:3" mine:1 "$plain/small:1"
    cp "$work/stdout" "$work/saved.tar"
    does save --format "$1" -o "$work/again.tar" "$plain/app:3" mine:1 \
        "$plain/small:1"
    [[ ! -s $work/stdout ]]
    cmp "$work/saved.tar" "$work/again.tar"
    [[ -z $(ls -A "$store/tmp") ]]
    rm -rf "$store"
    does load -q -i "$work/saved.tar"
    says "Loaded image: $plain/app:3
Loaded image: mine:1
Loaded image: $plain/small:1"
    [[ $(cd "$store" && ls images disks && jq -r .disk images/*) == "$before" ]]
    whole
    checks_clean
    # As a stream, and compressed.
    rm -rf "$store"
    zstd -q <"$work/saved.tar" >"$work/saved.zst"
    does load -q <"$work/saved.zst"
    [[ $(wc -l <"$work/stdout") == 3 ]]
    whole
}

test_save_and_load_docker_archive() {
    save_and_load docker-archive
    [[ $(tar -tf "$work/saved.tar" | grep -v '^blobs/' | tr '\n' ' ') == \
        'oci-layout index.json manifest.json repositories ' ]]
    tar -xOf "$work/saved.tar" manifest.json >"$work/stdout"
    holds "map(.RepoTags) == [[\"$plain/app:3\", \"mine:1\"],
        [\"$plain/small:1\"]]"
    tar -xOf "$work/saved.tar" repositories >"$work/stdout"
    holds ".mine.\"1\" == \"$(digest_of "$work/second.tar" | cut -d: -f2)\""
    # Others read it, by either of its lists.
    skopeo copy -q "docker-archive:$work/saved.tar:mine:1" "dir:$work/dir"
    [[ $(jq -r .config.digest "$work/dir/manifest.json") == \
        "$(digest_of "$work/app-3.config")" ]]
    rm -rf "$work/dir" "$work/layout"
    mkdir "$work/layout"
    tar -C "$work/layout" -xf "$work/saved.tar"
    umoci unpack --image "$work/layout:3" "$work/bundle"
    [[ $(<"$work/bundle/rootfs/hello") == second ]]
    rm -rf "$work/bundle" "$work/layout"
}

test_save_and_load_oci_archive() {
    save_and_load oci-archive
    [[ $(tar -tf "$work/saved.tar") != *manifest.json* ]] ||
        die "an OCI archive has docker's manifest.json"
    # All is as the registry had it.
    does save --format oci-archive -o "$work/one.tar" "$plain/small:1"
    [[ $(skopeo inspect "oci-archive:$work/one.tar:1" | jq -r .Digest) == \
        "$(digest_of "$work/small-1.manifest")" ]]
}

test_save_by_id() {
    pulls "$plain/small:1"
    does save -o "$work/id.tar" "$id"
    rm -rf "$store"
    does load -q -i "$work/id.tar"
    says "Loaded image ID: $id"
}

without_layers() {
    local blob
    for blob in "$store"/blobs/sha256/*; do
        ! gzip -tq "$blob" 2>/dev/null || rm "$blob"
    done
}

test_save_fetches_what_is_missing() {
    local layer
    layer=$(jq -r '.layers[0].digest' "$work/app-1.manifest")
    pulls "$plain/app:3"
    rm "$store/blobs/sha256/${layer#sha256:}"
    does save -o "$work/saved.tar" "$plain/app:3"
    whole
    # The manifest that a docker archive got here is not the registry's, which
    # knows the tag alone.
    rm -rf "$store"
    does load -q -i "$work/saved.tar"
    without_layers
    does save --format oci-archive -o "$work/again.tar" "$plain/app:3"
    [[ $(skopeo inspect "oci-archive:$work/again.tar:3" | jq -r .Digest) == \
        "$(digest_of "$work/app-3.manifest")" ]]
    whole
    # Nobody has this one.
    does tag "$plain/app:3" "$plain/nowhere:1"
    rm -rf "$store"
    does load -q -i "$work/saved.tar"
    does tag "$plain/app:3" "$plain/nowhere:1"
    without_layers
    rm -rf "$store/refs/$plain/app"
    rm -f "$work/again.tar"
    refuses 1 'the store has not kept its layers' save -o "$work/again.tar" \
        "$plain/nowhere:1"
    [[ -z $(ls "$work"/again.tar* 2>/dev/null) ]]
}

test_save_of_a_damaged_layer() {
    pulls "$plain/app:3"
    spoil flip "$store/blobs/sha256/$(digest_of "$work/second.tar" |
        cut -d: -f2)"
    refuses 1 'is damaged in the store' save -o "$work/again.tar" "$plain/app:3"
    refuses 1 'is damaged in the store' save --format oci-archive \
        -o "$work/again.tar" "$plain/app:3"
    [[ -z $(ls "$work"/again.tar* 2>/dev/null) ]]
    [[ -z $(ls -A "$store/tmp") ]]
}

# Nothing is left of one that is killed in the middle.
test_a_killed_save_leaves_nothing() {
    local pid tries held=
    pulls "$plain/app:3"
    mkdir -p "$work/saved"
    echo before >"$work/saved/x.tar"
    # It waits for the lock, when its file is open.
    exec 9>>"$store/pulls.lock"
    flock 9
    hyper save -o "$work/saved/x.tar" "$plain/app:3" 9>&- &
    pid=$!
    for ((tries = 0; tries < 400; tries++)); do
        held=$(find /proc/[0-9]*/fd -lname "$work/saved/*" 2>/dev/null |
            head -n 1 || true)
        [[ -z $held ]] || break
        sleep 0.05
    done
    [[ $held =~ ^/proc/([0-9]+)/ ]] || die "no file was opened"
    [[ $(ls "$work/saved") == x.tar ]] || die "named: $(ls "$work/saved")"
    kill -9 "${BASH_REMATCH[1]}"
    exec 9>&-
    wait "$pid" || true
    [[ $(ls "$work/saved") == x.tar && $(<"$work/saved/x.tar") == before ]]
    does save -o "$work/saved/x.tar" "$plain/app:3"
    [[ $(ls "$work/saved") == x.tar && $(stat -c %a "$work/saved/x.tar") == 600 ]]
    tar -tf "$work/saved/x.tar" manifest.json
}

# So there is none that a kill could leave.
test_a_new_archive_never_has_another_name() {
    local traced=$work/traced/bin
    command -v strace >/dev/null || skip "no strace"
    pulls "$plain/app:3"
    mkdir -p "$traced" "$work/saved"
    cat >"$traced/xl-hyper" <<SH
#!/bin/sh
exec strace -qq -s 4096 -e trace=%file -o "$work/trace" \
    "$build/bin/xl-hyper" "\$@"
SH
    chmod 755 "$traced/xl-hyper"
    build=$work/traced hyper save -o "$work/saved/new.tar" "$plain/app:3" ||
        skip "strace may not trace here"
    grep -q -E "linkat\(.*\"$work/saved/new.tar\", .* = 0" "$work/trace"
    ! grep -F "$work/saved/new.tar." "$work/trace" || die "another name"
    [[ $(ls "$work/saved/new.tar"*) == "$work/saved/new.tar" ]]
    tar -tf "$work/saved/new.tar" manifest.json
}

test_load_of_what_is_no_archive() {
    echo nothing >"$work/text"
    refuses 1 'it is no tar archive' load -i "$work/text"
    tar -C "$work" -cf "$work/other.tar" text
    refuses 1 'holds neither manifest.json nor oci-layout' load \
        -i "$work/other.tar"
    refuses 1 'No such file' load -i "$work/nothing"
    refuses 1 'no such image is stored' save -o "$work/x.tar" nothing
    refuses 2 'is neither docker-archive nor' save --format tar nothing
    [[ ! -e $work/x.tar ]]
    no_image
}

run_tests tag image_inspect image_inspect_of_another_platform history \
    history_without_a_manifest check_of_a_good_store \
    check_finds_what_is_spoiled check_of_records \
    check_of_what_was_left_over check_beside_a_pull \
    save_and_load_docker_archive save_and_load_oci_archive save_by_id \
    save_fetches_what_is_missing save_of_a_damaged_layer \
    a_killed_save_leaves_nothing a_new_archive_never_has_another_name \
    load_of_what_is_no_archive
