#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Pushes: what a registry has afterwards, and what becomes of one that is
# disturbed.  The image comes from one server, and goes to another.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

start_server source
source=127.0.0.1:$port
start_server target
target=127.0.0.1:$port
start_server other
other=127.0.0.1:$port
BALLAST=3000000 make_image source big 1
make_image source app 1
layer=$(jq -r '.layers[0].digest' "$work/big-1.manifest")
layer_bytes=$(jq -r '.layers[0].size' "$work/big-1.manifest")

# Pulled, named for the target, and the target empty.
prepare() {
    rm -rf "$work"/server-target/{repos,blobs,uploads.json}
    mkdir -p "$work"/server-target/{repos,blobs}
    pulls "$source/${1:-big}:1"
    image=$id
    tag "$source/${1:-big}:1" "$target/team/${1:-big}:2"
    for server in source target other; do : >"$work/server-$server/log"; done
}

# The target has the same image, and an empty store gets the same id from it.
arrived() {
    local name=${1:-big}
    cmp "$work/server-target/repos/team/$name/2" "$work/$name-1.manifest"
    rm -rf "$store"
    pulls "$target/team/$name:2"
    [[ $id == "$image" ]] || die "another id came back: $id"
}

test_round_trip() {
    prepare
    pushes "$target/team/big:2"
    [[ $(jq -r 'select(.pushed).pushed.digest' "$work/json") == \
        $(digest_of "$work/big-1.manifest") ]] || die "another digest"
    [[ $(jq -r 'select(.pushed).pushed.size_bytes' "$work/json") == \
        $(size_of "$work/big-1.manifest") ]] || die "another size"
    grep -q "^PUT .*manifests/2 .*type=$oci.manifest.v1+json " \
        "$work/server-target/log" || die "no media type"
    arrived
}

test_what_is_there_is_not_sent() {
    prepare
    pushes "$target/team/big:2"
    : >"$work/server-target/log"
    pushes "$target/team/big:2"
    [[ $(count_requests target '^(POST|PATCH)') == 0 ]] || die "sent again"
    grep -q '"exists"' "$work/json"
}

test_mounted_from_a_neighbour() {
    prepare
    pushes "$target/team/big:2"
    tag "$target/team/big:2" "$target/else/where:1"
    rules target '[{"on": "^HEAD .*blobs", "status": 404}]'
    : >"$work/server-target/log"
    pushes "$target/else/where:1"
    [[ $(count_requests target "POST .*mount=$layer&from=team/big") == 1 ]] ||
        die "no mount"
    [[ $(count_requests target "^PUT .*digest=$layer") == 0 ]] || die "sent"
    grep -q '"mounted"' "$work/json"
}

# What cannot be mounted is sent.
test_mount_refused() {
    prepare
    tag "$source/big:1" "$target/else/where:1"
    rules target '[{"on": "POST .*mount=", "status": 403}]'
    pushes "$target/team/big:2"
    arrived
}

test_dropped_in_the_middle_and_continued() {
    prepare
    rules target '[{"on": "^PUT .*uploads", "drop": 2000000, "times": 1}]'
    pushes "$target/team/big:2"
    [[ $(count_requests target \
        "^PATCH .*range=2000000-$((layer_bytes - 1)) ") == 1 ]] ||
        die "not continued: $(requests target)"
    arrived
}

test_dropped_and_forgotten() {
    prepare
    rules target '[{"on": "^PUT .*uploads", "drop": 2000000, "times": 1,
        "forget": true}]'
    pushes "$target/team/big:2"
    [[ $(count_requests target "^PUT .*digest=$layer") == 2 ]] ||
        die "not begun anew: $(requests target)"
    arrived
}

test_dropped_again_and_again() {
    prepare
    rules target '[{"on": "^(PUT|PATCH) .*uploads", "drop": 1000}]'
    push_fails network "blob sha256:" "$target/team/big:2"
    [[ ! -e $work/server-target/repos/team/big/2 ]] || die "a tag was made"
}

test_server_errors_for_a_while() {
    prepare app
    rules target '[{"on": "^(HEAD|POST|PUT) ", "status": 503, "times": 3},
        {"on": "^PUT .*manifests", "status": 500, "times": 2}]'
    pushes "$target/team/app:2"
    arrived app
}

test_server_errors_for_ever() {
    prepare app
    rules target '[{"on": "^POST ", "status": 502, "body": ""}]'
    push_fails network "answered 502, 5 times" "$target/team/app:2"
}

test_basic_login() {
    prepare app
    auth target '{"mode": "basic", "user": "me", "password": "secret"}'
    push_fails auth "log in with 'xl hyper-login $target'" "$target/team/app:2"
    echo secret | "$build/bin/pull" --login "$target" --user me
    pushes "$target/team/app:2"
    arrived app
}

# One token says all that a push needs, and a new one comes in the middle.
test_token_that_ends_in_the_middle() {
    prepare
    auth target '{"mode": "bearer", "user": "me", "password": "secret",
        "uses": 2}'
    echo secret | "$build/bin/pull" --login "$target" --user me
    pushes "$target/team/big:2"
    [[ $(count_requests target \
        "^GET /token.*scope=repository%3ateam%2fbig%3apull%2cpush") -gt 2 ]] ||
        die "$(requests target)"
    rm "$work/server-target/auth.json"
    arrived
}

test_refused() {
    prepare app
    rules target '[{"on": "^POST ", "status": 403,
        "body": "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}"}]'
    push_fails auth "who may write it" "$target/team/app:2"
    rules target '[{"on": "^PUT .*manifests", "status": 400,
        "body": "{\"errors\":[{\"code\":\"X\",\"message\":\"bad one\"}]}"}]'
    push_fails registry "bad one" "$target/team/app:2"
}

locations() {
    printf '{"location": "%s"}' "$1" >"$work/server-target/uploads.json"
}

test_every_kind_of_location() {
    local form
    for form in 'ORIGINPATH' 'ORIGINPATH?a=b&c=d' 'ID' 'PATH'; do
        rm -rf "$store"
        prepare app
        locations "$form"
        pushes "$target/team/app:2" || die "location $form"
        arrived app
    done
}

# Another host gets the blob when the registry says so, and no login.
test_location_elsewhere() {
    prepare app
    auth target '{"mode": "basic", "user": "me", "password": "secret"}'
    echo secret | "$build/bin/pull" --login "$target" --user me
    locations "http://${other}PATH"
    push_fails not-found "" "$target/team/app:2"
    grep -q '^PUT ' "$work/server-other/log" || die "not followed"
    ! grep -v 'auth=- ' "$work/server-other/log" || die "a login went there"
    auth other '{"mode": "basic", "user": "me", "password": "secret"}'
    push_fails auth "no login is sent there" "$target/team/app:2"
    rm "$work/server-other/auth.json"
}

test_location_that_is_none() {
    prepare app
    locations 'ftp://x/'
    push_fails registry "only http and https" "$target/team/app:2"
    locations 'http://me:pw@x/'
    push_fails registry "user name or password" "$target/team/app:2"
}

test_registry_that_takes_it_for_another() {
    prepare app
    rules target '[{"on": "^PUT .*manifests",
        "headers": {"Docker-Content-Digest": "sha256:'"$(printf '0%.0s' {1..64})"'"}}]'
    push_fails registry "took the manifest as" "$target/team/app:2"
}

# The disk alone was there: its layers are fetched from where it came from.
test_layers_that_are_not_stored() {
    prepare
    rm "$store/blobs/sha256/${layer#sha256:}"
    pushes "$target/team/big:2"
    arrived
    rm -rf "$store"
    prepare
    rm "$store/blobs/sha256/${layer#sha256:}"
    rm -r "$store/refs/$source"
    push_fails not-found "pull the image again" "$target/team/big:2"
}

test_damaged_layer() {
    prepare
    echo more >>"$store/blobs/sha256/${layer#sha256:}"
    pushes "$target/team/big:2"
    arrived
}

test_what_cannot_be_pushed() {
    prepare app
    push_fails usage "names a digest" "$target/team/app@$layer"
    push_fails not-found "no image $target/nothing" "$target/nothing"
    jq '.manifest = ""' "$store/images/${image#sha256:}.json" >"$work/record"
    cp "$work/record" "$store/images/${image#sha256:}.json"
    push_fails unsupported "without its layers" "$target/team/app:2"
}

run_tests round_trip what_is_there_is_not_sent mounted_from_a_neighbour \
    mount_refused dropped_in_the_middle_and_continued dropped_and_forgotten \
    dropped_again_and_again server_errors_for_a_while server_errors_for_ever \
    basic_login token_that_ends_in_the_middle refused every_kind_of_location \
    location_elsewhere location_that_is_none \
    registry_that_takes_it_for_another layers_that_are_not_stored \
    damaged_layer what_cannot_be_pushed
