#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Registries that fail, lie, stall or attack: one sentence with its code, and
# nothing left; or the image all the same, where that is possible.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

start_server plain
plain=127.0.0.1:$port
start_server other
other=127.0.0.1:$port
BALLAST=2000000 make_image plain big 1
make_image plain app 1
layer=$(jq -r '.layers[0].digest' "$work/app-1.manifest")
config=$(jq -r '.config.digest' "$work/app-1.manifest")
big=$(jq -r '.layers[0].digest' "$work/big-1.manifest")

test_missing_image() {
    fails not-found "has no image nothing/here" "$plain/nothing/here"
}

test_missing_tag() {
    fails not-found "no such image or tag of app" "$plain/app:2"
}

test_missing_blob() {
    rules plain "[{\"on\": \"blobs/$layer\", \"status\": 404, \"body\": \"\"}]"
    fails not-found "blob ${layer:0:19}" "$plain/app:1"
}

test_registry_down() {
    fails network "cannot be reached" "127.0.0.1:1/app"
    [[ $(jq -r 'select(.progress.stage == "retrying") |
        .progress.done_bytes' "$work/json" | paste -sd' ') == "1 2 3 4" ]]
}

test_unknown_host() {
    fails network "cannot be resolved" "registry.invalid/app"
    ! grep -q retrying "$work/json"
}

test_refused() {
    rules plain '[{"on": "manifests", "status": 403,
        "body": "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"go away\"}]}"}]'
    fails auth "403: go away" "$plain/app:1"
    rules plain '[{"on": "manifests", "status": 401, "body": ""}]'
    fails auth "asks for nothing that we know" "$plain/app:1"
}

test_html_with_200() {
    rules plain '[{"on": "manifests", "type": "text/html; charset=utf-8",
        "body": "<html>hotel Wi-Fi</html>"}]'
    fails registry "is it a registry?" "$plain/app:1"
    rules plain '[{"on": "manifests", "body": "<html>hotel Wi-Fi</html>"}]'
    fails corrupt "not JSON" "$plain/app:1"
    rules plain "[{\"on\": \"blobs/$layer\", \"type\": \"text/html\",
        \"body\": \"<html>hotel Wi-Fi</html>\"}]"
    fails corrupt "its manifest says" "$plain/app:1"
}

test_terminal_escapes_are_masked() {
    rules plain '[{"on": "manifests", "status": 403, "body":
        "{\"errors\":[{\"code\":\"D\",\"message\":\"\\u001b[2Jcleared\\nnow\"}]}"}]'
    fails auth "?[2Jcleared?now" "$plain/app:1"
}

test_content_type_that_contradicts() {
    rules plain "[{\"on\": \"manifests\", \"type\":
        \"application/vnd.docker.distribution.manifest.v2+json\"}]"
    fails corrupt "calls itself $oci.manifest" "$plain/app:1"
    rules plain "[{\"on\": \"manifests\", \"type\": \"$oci.index.v1+json\"}]"
    fails corrupt "calls itself $oci.manifest" "$plain/app:1"
}

test_wrong_digest() {
    rules plain "[{\"on\": \"blobs/$layer\", \"flip\": 30}]"
    fails corrupt "nothing of it was kept" "$plain/app:1"
    rules plain "[{\"on\": \"blobs/$config\", \"flip\": 30}]"
    fails corrupt "nothing of it was kept" "$plain/app:1"
    rules plain "[{\"on\": \"manifests\", \"headers\":
        {\"Docker-Content-Digest\": \"$layer\"}}]"
    fails corrupt "instead of $layer" "$plain/app:1"
}

# with_manifest JQ: a tag "bad" whose manifest was changed.
with_manifest() {
    jq -c "$1" "$work/app-1.manifest" >"$work/bad"
    add_manifest plain app bad "$work/bad"
}

test_wrong_size() {
    with_manifest '.layers[0].size += 1'
    fails corrupt "and its manifest says" "$plain/app:bad"
    with_manifest '.layers[0].size -= 1'
    fails corrupt "and its manifest says" "$plain/app:bad"
    # A server that says no length, or a wrong one, that fits.
    rules plain "[{\"on\": \"blobs/$layer\", \"length\": 5}]"
    fails corrupt "blob" "$plain/app:1"
    with_manifest '.layers[0].size = 9000000000000000'
    fails limit "larger than 256 GiB" "$plain/app:bad"
}

test_wrong_diff_id() {
    make_layer "$work/x.tar" x
    make_config "$work/x.config" "$host_arch" "$(digest_of "$work/x.tar")"
    add_blob plain "$work/x.config"
    with_manifest ".config = $(descriptor "$work/x.config" "$oci.config.v1+json")"
    fails corrupt "" "$plain/app:bad"
}

# with_layer FILE TYPE: a tag "bad" with that layer and a true digest.
with_layer() {
    make_config "$work/l.config" "$host_arch" "$(digest_of "$work/app-1.tar")"
    add_blob plain "$work/l.config"
    add_blob plain "$1"
    with_manifest ".config = $(descriptor "$work/l.config" \
        "$oci.config.v1+json") | .layers = [$(descriptor "$1" "$2")]"
}

test_corrupt_layers() {
    head -c 300 "$work/app-1.gz" >"$work/l"
    with_layer "$work/l" "$oci.layer.v1.tar+gzip"
    fails corrupt "" "$plain/app:bad"
    echo "this is no tar" >"$work/l"
    with_layer "$work/l" "$oci.layer.v1.tar+gzip"
    fails corrupt "" "$plain/app:bad"
    with_layer "$work/l" "$oci.layer.v1.tar"
    fails corrupt "" "$plain/app:bad"
    : >"$work/l"
    with_layer "$work/l" "$oci.layer.v1.tar+zstd"
    fails corrupt "" "$plain/app:bad"
}

test_unknown_and_foreign_layers() {
    with_manifest '.layers[0].mediaType = "application/x-other"'
    fails unsupported "layer 1 is of the type 'application/x-other'" \
        "$plain/app:bad"
    with_manifest '.layers[0].mediaType =
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" |
        .layers[0].urls = ["http://'"$other"'/raw/x"]'
    rules plain "[{\"on\": \"blobs/$layer\", \"status\": 404}]"
    fails unsupported "foreign" "$plain/app:bad"
    [[ -z $(requests other) ]]
    # The registry may have it all the same.
    rules plain '[]'
    pulls "$plain/app:bad"
}

test_not_an_image() {
    with_manifest '.config.mediaType = "application/vnd.cncf.helm.config.v1+json"'
    fails unsupported "not a container image" "$plain/app:bad"
    with_manifest '{schemaVersion: 1, fsLayers: []}'
    fails unsupported "schema 1" "$plain/app:bad"
}

test_more_layers_than_diff_ids() {
    with_manifest '.layers += .layers'
    fails corrupt "it names 1 layers and the manifest 2" "$plain/app:bad"
}

test_ten_thousand_layers() {
    with_manifest '.layers[0] as $l | .layers = [range(10000) | $l]'
    fails limit "10000 layers" "$plain/app:bad"
}

test_hostile_digests() {
    with_manifest '.config.digest = "sha256:../../../../etc/passwd"'
    fails corrupt "is no digest" "$plain/app:bad"
    with_manifest '.layers[0].digest = "sha256:" + ("../" * 21) + "x"'
    fails corrupt "is no digest" "$plain/app:bad"
    with_manifest '.layers[0].digest = "sha512:" + ("a" * 128)'
    fails unsupported "only sha256" "$plain/app:bad"
}

test_index_that_points_at_itself() {
    # Its digest cannot be its own; a server can only claim so.
    local digest
    digest=sha256:$(printf "a%.0s" {1..64})
    jq -cn --arg d "$digest" --arg t "$oci.index.v1+json" '{schemaVersion: 2,
        mediaType: $t, manifests: [{mediaType: $t, size: 1, digest: $d}]}' \
        >"$work/self"
    jq -c --argjson s "$(($(size_of "$work/self") + 2))" \
        '.manifests[0].size = $s' "$work/self" >"$work/self2"
    cp "$work/self2" "$work/server-plain/blobs/$digest"
    add_manifest plain app self "$work/self2"
    fails corrupt "instead of $digest" "$plain/app:self"
}

test_deep_and_wide_indexes() {
    local file=$work/app-1.manifest type=$oci.manifest.v1+json depth
    for depth in 1 2 3 4 5 6; do
        jq -cn --argjson e "$(descriptor "$file" "$type")" \
            --arg t "$oci.index.v1+json" \
            '{schemaVersion: 2, mediaType: $t, manifests: [$e]}' \
            >"$work/depth$depth"
        file=$work/depth$depth type=$oci.index.v1+json
        add_manifest plain app "depth$depth" "$file"
    done
    pulls "$plain/app:depth4"
    rm -rf "$store"
    fails limit "nested deeper than 4" "$plain/app:depth5"
    fails limit "nested deeper than 4" "$plain/app:depth6"
}

test_index_of_many_wrong_images() {
    make_image plain app s390x s390x
    jq -cn --argjson e "$(descriptor "$work/app-s390x.manifest" \
        "$oci.manifest.v1+json")" --arg t "$oci.index.v1+json" \
        '{schemaVersion: 2, mediaType: $t,
          manifests: [range(500) | $e]}' >"$work/many"
    add_manifest plain app many "$work/many"
    fails limit "more than 64 documents" "$plain/app:many"
}

test_huge_manifest() {
    head -c 5000000 /dev/zero | tr '\0' ' ' >"$work/huge"
    add_manifest plain app huge "$work/huge" "$oci.manifest.v1+json"
    fails limit "larger than 4194304 bytes" "$plain/app:huge"
}

test_huge_header() {
    rules plain "[{\"on\": \"manifests\", \"headers\": $(jq -n \
        '[range(300) | {key: "X-\(.)", value: ("a" * 1000)}] | from_entries')}]"
    fails limit "header is larger" "$plain/app:1"
}

test_server_errors_pass() {
    rules plain '[{"on": "manifests", "status": 503, "times": 2, "body": ""},
        {"on": "blobs", "status": 502, "times": 1, "body": ""}]'
    pulls "$plain/app:1"
    rm -rf "$store"
    rules plain '[{"on": "manifests", "status": 500, "body": ""}]'
    fails network "answered 500" "$plain/app:1"
    [[ $(count_requests plain manifests) == 8 ]]
}

test_too_many_requests() {
    rules plain '[{"on": "manifests", "status": 429, "times": 1, "body": "",
        "headers": {"Retry-After": "2"}}]'
    local start=$SECONDS
    pulls "$plain/app:1"
    ((SECONDS - start >= 2))
}

test_resets_pass() {
    rules plain "[{\"on\": \"manifests\", \"reset\": true, \"times\": 1, \"after\": 1},
        {\"on\": \"blobs\", \"reset\": true, \"times\": 2}]"
    pulls "$plain/app:1"
}

# A transfer that ends too early goes on where it ended.
test_resume() {
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"times\": 2}]"
    pulls "$plain/big:1"
    [[ $(requests plain | grep "blobs/$big" | grep -o 'range=[^ ]*' |
        paste -sd' ') == "range=- range=bytes=700000- range=bytes=1400000-" ]]
}

# -- conversion begins while layers still come --------------------------------

# Counts the runs of mkroot in $work/runs.
count_conversions() {
    mkdir -p "$work/libexec"
    # shellcheck disable=SC2016 # for the script
    printf '#!/bin/sh\necho run >>"%s"\nexec "%s" "$@"\n' "$work/runs" \
        "$build/bin/mkroot" >"$work/libexec/mkroot"
    chmod +x "$work/libexec/mkroot"
    : >"$work/runs"
    export HX_LIBEXEC=$work/libexec
}

conversions() { wc -l <"$work/runs"; }

# The upper layer is converted while the lower one stalls, whose error it is
# that is told.
test_converted_while_a_layer_stalls() {
    local low top
    BALLAST=300000 make_layers plain two 1 2
    low=$(jq -r '.layers[0].digest' "$work/two-1.manifest")
    top=$(jq -r '.layers[1].digest' "$work/two-1.manifest")
    rules plain "[{\"on\": \"blobs/$low\", \"stall\": 200000, \"times\": 1},
        {\"on\": \"blobs/$low\", \"after\": 1, \"status\": 404}]"
    fails not-found "blob ${low:0:19}" --stall-timeout 2 "$plain/two:1"
    jq -r 'select(.progress.stage == "converting").progress.object' \
        "$work/json" >"$work/objects"
    [[ $(sort -u "$work/objects") == "${top:0:19}" ]]
}

# For a layer that cannot be converted at all nobody waits for the others.
test_what_cannot_be_converted_ends_the_downloads() {
    local low start=$SECONDS
    BALLAST=300000 make_layers plain odd 1 2
    low=$(jq -r '.layers[0].digest' "$work/odd-1.manifest")
    python3 - "$work/odd-1.2" <<'PY'
import sys, tarfile
entry = tarfile.TarInfo("odd")
entry.type, entry.devmajor = tarfile.CHRTYPE, 5000
with tarfile.open(sys.argv[1], "w", format=tarfile.USTAR_FORMAT) as tar:
    tar.addfile(entry)
PY
    add_blob plain "$work/odd-1.2" >/dev/null
    make_config "$work/odd.config" "$host_arch" "$(digest_of "$work/odd-1.1")" \
        "$(digest_of "$work/odd-1.2")"
    add_blob plain "$work/odd.config" >/dev/null
    jq -c --argjson c "$(descriptor "$work/odd.config" "$oci.config.v1+json")" \
        --argjson l "$(descriptor "$work/odd-1.2" "$oci.layer.v1.tar")" \
        '.config = $c | .layers[1] = $l' "$work/odd-1.manifest" >"$work/odd"
    add_manifest plain odd 1 "$work/odd"
    rules plain "[{\"on\": \"blobs/$low\", \"stall\": 200000}]"
    fails unsupported "layer 2 of 2" --stall-timeout 60 "$plain/odd:1"
    ((SECONDS - start < 50))
}

test_converted_once_though_cut() {
    count_conversions
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"times\": 2}]"
    pulls "$plain/big:1"
    [[ $(conversions) == 1 ]]
    # Begun anew, with the same bytes.
    rm -rf "$store"
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"times\": 1},
        {\"on\": \"blobs/$big\", \"whole\": true, \"after\": 1}]"
    pulls "$plain/big:1"
    [[ $(conversions) == 2 ]]
}

# What was converted were other bytes than those that came in the end.
test_converted_again_after_wrong_bytes() {
    count_conversions
    rules plain "[{\"on\": \"blobs/$big\", \"flip\": 400000, \"cut\": 700000,
        \"times\": 1}]"
    pulls "$plain/big:1"
    [[ $(conversions) == 2 ]]
}

# 200 in place of 206: from the start.
test_resume_that_is_ignored() {
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"times\": 1},
        {\"on\": \"blobs/$big\", \"whole\": true, \"after\": 1}]"
    pulls "$plain/big:1"
    [[ $(count_requests plain "blobs/$big.*range=bytes=700000-") == 1 ]]
}

# went_on_whole BLOB: a part was asked for once, and then all of it.
went_on_whole() {
    [[ $(requests plain | grep "blobs/$1" | grep -o 'range=[^ ]*' |
        paste -sd' ') == "range=- range=bytes=700000- range=-" ]]
}

test_resume_that_is_refused() {
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"times\": 1},
        {\"on\": \"blobs/$big\", \"status\": 416, \"body\": \"\", \"after\": 1,
         \"times\": 1}]"
    pulls "$plain/big:1"
    went_on_whole "$big"
    # All of it is refused, too.
    rm -rf "$store"
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"times\": 1},
        {\"on\": \"blobs/$big\", \"status\": 416, \"body\": \"\", \"after\": 1}]"
    fails registry "answered 416" "$plain/big:1"
}

# Another part, none that is named, too little, and other bytes.
test_parts_that_do_not_fit() {
    local lie
    for lie in '"headers": {"Content-Range": "bytes 5-9/10"}' \
        '"headers": {"Content-Range": "bytes 700000-700009/700010"}, "length": 10' \
        '"bare": true' \
        "\"chunked\": true, \"body\": \"$(head -c 9000 /dev/zero | tr '\0' a)\"" \
        '"flip": 3'; do
        rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"times\": 1},
            {\"on\": \"blobs/$big\", \"after\": 1, \"times\": 1, $lie}]"
        : >"$work/server-plain/log"
        pulls "$plain/big:1"
        went_on_whole "$big"
        rm -rf "$store"
    done
}

# Who cuts every answer at the same place and knows no parts is left in time.
test_always_cut_without_parts() {
    rules plain "[{\"on\": \"blobs/$big\", \"whole\": true, \"cut\": 700000}]"
    fails network "blob ${big:0:19}" "$plain/big:1"
    [[ $(count_requests plain "blobs/$big") == 5 ]]
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"bare\": true}]"
    : >"$work/server-plain/log"
    fails network "blob ${big:0:19}" "$plain/big:1"
    [[ $(count_requests plain "blobs/$big") -le 7 ]]
}

test_always_cut() {
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 100}]"
    fails network "blob ${big:0:19}" "$plain/big:1"
    [[ $(count_requests plain "blobs/$big") == 5 ]]
}

test_dripping() {
    rules plain "[{\"on\": \"blobs/$big\", \"drip\": 0.2}]"
    local start=$SECONDS
    fails network "too slowly" --stall-timeout 2 "$plain/big:1"
    ((SECONDS - start < 40))
}

test_stalled_before_the_answer() {
    # A listener that accepts and says nothing.
    python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True)
time.sleep(120)' >"$work/mute" &
    local pid=$!
    while [[ ! -s $work/mute ]]; do sleep 0.05; done
    local start=$SECONDS
    fails network "" --stall-timeout 1 "127.0.0.1:$(<"$work/mute")/app"
    kill "$pid"
    ((SECONDS - start < 40))
}

test_redirect_loop() {
    rules plain "[{\"on\": \"blobs/$layer\", \"redirect\": \"/v2/app/blobs/$layer\"}]"
    fails registry "redirects more than 5 times" "$plain/app:1"
}

test_redirect_to_other_schemes() {
    rules plain "[{\"on\": \"blobs/$layer\", \"redirect\": \"file:///etc/passwd\"}]"
    fails registry "only http and https" "$plain/app:1"
    rules plain "[{\"on\": \"blobs/$layer\",
        \"redirect\": \"http://u:p@$other/raw/x\"}]"
    fails registry "user name or password" "$plain/app:1"
    [[ -z $(requests other) ]]
}

# What a registry elsewhere must not do: 0.0.0.0 is not taken for a name of
# this machine, though it leads to it.
test_redirect_to_this_machine() {
    local name=0.0.0.0
    mkdir -p "$HX_CONFDIR"
    printf '{"insecure-registries": ["%s"]}' "$name:${plain#*:}" \
        >"$HX_CONFDIR/daemon.json"
    rules plain "[{\"on\": \"blobs/$layer\",
        \"redirect\": \"http://$other/raw/$layer\"}]"
    fails registry "an address of this machine" "$name:${plain#*:}/app:1"
    [[ -z $(requests other) ]]
}

# A proxy answers for what goes through it, and only for that.
test_redirect_to_this_machine_beside_a_proxy() {
    local name=registry.invalid:5000 to
    mkdir -p "$HX_CONFDIR"
    printf '{"insecure-registries": ["%s"]}' "$name" >"$HX_CONFDIR/daemon.json"
    export http_proxy=http://$plain no_proxy="x.lan, .direct.localhost."
    for to in "$other" "localhost:${other#*:}" "169.254.169.254" \
        "a.direct.localhost:${other#*:}"; do
        rules plain "[{\"on\": \"blobs/$layer\",
            \"redirect\": \"http://$to/raw/$layer\"}]"
        fails registry "an address of this machine" "$name/app:1"
    done
    [[ -z $(requests other) ]]
    # What goes through the proxy is not ours to judge.
    rules plain "[{\"on\": \"v2.*blobs/$layer\",
        \"redirect\": \"http://a.localhost:${other#*:}/raw/$layer\"}]"
    pulls "$name/app:1"
    [[ -z $(requests other) ]]
}

test_no_password_in_the_clear() {
    local name=0.0.0.0
    printf '{"insecure-registries": ["%s"]}' "$name:${plain#*:}" \
        >"$HX_CONFDIR/daemon.json"
    jq -n --arg h "$name:${plain#*:}" '{auths: {($h): {auth: "dTpw"}}}' \
        >"$HX_CONFDIR/auth.json"
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    fails auth "not sent in the clear" "$name:${plain#*:}/app:1"
    auth plain '{"mode": "bearer", "user": "u", "password": "p"}'
    fails auth "not sent in the clear" "$name:${plain#*:}/app:1"
    [[ $(count_requests plain 'auth=[BD]') == 0 ]]
}

test_token_servers_that_lie() {
    auth plain '{"mode": "bearer", "anonymous": true}'
    rules plain '[{"on": "/token", "body": "<html>"}]'
    fails corrupt "token server" "$plain/app:1"
    rules plain '[{"on": "/token", "body": "{\"token\": \"a\\r\\nX-Evil: 1\"}"}]'
    fails registry "the token is no token" "$plain/app:1"
    rules plain '[{"on": "/token", "status": 500}]'
    fails network "token server" "$plain/app:1"
    auth plain '{"mode": "bearer", "realm": "gopher://x"}'
    rules plain '[]'
    fails registry "" "$plain/app:1"
}

# swollen SERVER RULE: a rule whose body is larger than what is not data may be.
swollen() { rules "$1" "[$(jq -cn --argjson r "$2" '$r + {body: ("a" * 1100000)}')]"; }

test_oversized_answers() {
    auth plain '{"mode": "bearer", "anonymous": true}'
    swollen plain '{"on": "/token"}'
    fails limit "larger than 1048576 bytes" "$plain/app:1"
    swollen plain '{"on": "/token", "status": 403, "chunked": true}'
    fails limit "larger than 1048576 bytes" "$plain/app:1"
    rm "$work/server-plain/auth.json"
    swollen plain '{"on": "manifests", "status": 404}'
    fails limit "larger than 1048576 bytes" "$plain/app:1"
    swollen other '{"on": "raw", "status": 403}'
    rules plain "[{\"on\": \"blobs/$layer\", \"redirect\": \"http://$other/raw/x\"}]"
    fails limit "blob ${layer:0:19}: the answer is larger" "$plain/app:1"
    # What a redirect says beside it counts, too.
    swollen plain "{\"on\": \"blobs/$layer\", \"status\": 307,
        \"headers\": {\"Location\": \"http://$other/raw/x\"}}"
    fails limit "blob ${layer:0:19}: the answer is larger" "$plain/app:1"
}

test_bad_references() {
    fails usage "lower case" "$plain/App"
    fails usage "scheme" "docker://$plain/app"
    fails usage "digest" "$plain/app@sha256:../x"
    fails usage "platform" --platform amd64 "$plain/app:1"
}

test_bad_configuration() {
    echo '{"registry-mirrors": "x"}' >"$HX_CONFDIR/daemon.json"
    fails usage "daemon.json" web
    echo '{"auths": 5}' >"$HX_CONFDIR/auth.json"
    echo '{}' >"$HX_CONFDIR/daemon.json"
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    fails usage "auth.json" "$plain/app:1"
}

# The others end with it, though they have got nowhere near their ends.
test_one_of_several_layers_fails() {
    make_layers plain many 1 5
    local bad start=$SECONDS
    bad=$(digest_of "$work/many-1.3")
    rules plain "[{\"on\": \"many/blobs\", \"after\": 1, \"drip\": 0.02},
        {\"on\": \"blobs/$bad\", \"status\": 404, \"body\": \"\"}]"
    fails not-found "blob ${bad:0:19}" "$plain/many:1"
    ((SECONDS - start < 15))
    rules plain "[{\"on\": \"blobs/($(digest_of "$work/many-1.1")|$(
        digest_of "$work/many-1.2"))\", \"stall\": 100},
        {\"on\": \"blobs/$bad\", \"flip\": 5}]"
    start=$SECONDS
    fails corrupt "blob ${bad:0:19}" "$plain/many:1"
    ((SECONDS - start < 15))
}

# As a date, by the server's clock.
test_retry_after_a_date() {
    rules plain "[{\"on\": \"blobs/$layer\", \"status\": 429, \"times\": 1, \"body\": \"\",
        \"headers\": {\"Retry-After\": \"$(LC_ALL=C date -u -d '+4 sec' \
            '+%a, %d %b %Y %H:%M:%S GMT')\"}}]"
    local start=$SECONDS
    pulls "$plain/app:1"
    ((SECONDS - start >= 2))
    rm -rf "$store"
    # What is no date counts as none.
    rules plain "[{\"on\": \"blobs/$layer\", \"status\": 503, \"times\": 1, \"body\": \"\",
        \"headers\": {\"Retry-After\": \"tomorrow, perhaps\"}}]"
    pulls "$plain/app:1"
}

# Each blob fails as often as is borne, also in the middle of it.
test_bursts_of_server_errors() {
    rules plain "[{\"on\": \"blobs/$big\", \"status\": 503, \"times\": 2, \"body\": \"\"},
        {\"on\": \"blobs/$big\", \"after\": 2, \"times\": 1, \"cut\": 900000},
        {\"on\": \"blobs/$big\", \"after\": 3, \"times\": 3, \"status\": 502, \"body\": \"\"}]"
    pulls "$plain/big:1"
    [[ $(count_requests plain "blobs/$big.*range=bytes=900000-") == 4 ]]
    rm -rf "$store"
    rules plain "[{\"on\": \"blobs/$big\", \"status\": 504, \"body\": \"\"}]"
    fails network "blob ${big:0:19}: registry $plain answered 504" "$plain/big:1"
}

# No byte of what came is fetched again.
test_a_resumed_blob_costs_no_byte_twice() {
    rules plain "[{\"on\": \"blobs/$big\", \"cut\": 700000, \"times\": 2}]"
    pulls "$plain/big:1"
    [[ $(bytes_sent plain "blobs/$big") == $(size_of "$work/big-1.gz") ]]
}

test_stalled_in_the_middle() {
    rules plain "[{\"on\": \"blobs/$big\", \"stall\": 500000, \"times\": 1}]"
    pulls --stall-timeout 1 "$plain/big:1"
    [[ $(count_requests plain "blobs/$big.*range=bytes=500000-") == 1 ]]
    [[ $(bytes_sent plain "blobs/$big") == $(size_of "$work/big-1.gz") ]]
}

# The token and the signature end while the blob is on its way.
test_a_token_that_ends_in_the_middle_of_a_blob() {
    auth plain '{"mode": "bearer", "anonymous": true, "uses": 1}'
    rules plain "[{\"on\": \"blobs/$big\", \"after\": 1, \"times\": 1, \"cut\": 700000}]"
    pulls "$plain/big:1"
    [[ $(count_requests plain "blobs/$big.*auth=Bearer.*range=bytes=700000-") == 2 ]]
    rm -rf "$store"
    cp "$work/server-plain/blobs/$big" "$work/server-other/blobs/"
    auth plain '{"mode": "bearer", "anonymous": true}'
    auth other '{"mode": "signed", "uses": 1}'
    rules other '[{"on": "blobs", "times": 1, "cut": 700000}]'
    rules plain "[{\"on\": \"blobs/$big\",
        \"redirect\": \"http://$other/v2/x/blobs/$big?sig={n}\"}]"
    pulls "$plain/big:1"
    [[ $(bytes_sent other "blobs/$big") == $(size_of "$work/big-1.gz") ]]
}

test_redirects_in_a_circle() {
    rules plain "[{\"on\": \"blobs/$layer\", \"redirect\": \"http://$other/raw/$layer\"}]"
    rules other "[{\"on\": \"raw/$layer\", \"redirect\": \"http://$plain/v2/app/blobs/$layer\"}]"
    fails registry "blob ${layer:0:19}: registry $plain redirects more than 5 times" \
        "$plain/app:1"
}

# No length is said, and what comes is something else, or ends too early.
test_chunked_lies() {
    rules plain "[{\"on\": \"blobs/$layer\", \"chunked\": true}]"
    pulls "$plain/app:1"
    rm -rf "$store"
    rules plain "[{\"on\": \"blobs/$layer\", \"chunked\": true, \"type\": \"text/html\",
        \"body\": \"<html>please log in</html>\"}]"
    fails corrupt "sent 26 bytes of blob ${layer:0:19}" "$plain/app:1"
    rules plain "[{\"on\": \"blobs/$big\", \"chunked\": true, \"cut\": 700000, \"times\": 1}]"
    pulls "$plain/big:1"
    rm -rf "$store"
    head -c 3000000 /dev/zero | tr '\0' 'a' >"$work/long"
    rules plain "[{\"on\": \"blobs/$layer\", \"chunked\": true, \"body\": \"$(
        head -c 20000 "$work/long")\"}]"
    fails corrupt "more bytes came" "$plain/app:1"
}

# The right bytes under the wrong name are the right bytes.
test_a_blobs_type_does_not_count() {
    rules plain '[{"on": "blobs", "type": "text/plain; charset=utf-8"}]'
    pulls "$plain/app:1"
}

test_a_part_that_nobody_asked_for() {
    rules plain "[{\"on\": \"blobs/$layer\", \"status\": 206}]"
    fails registry "another part of blob ${layer:0:19}" "$plain/app:1"
}

run_tests retry_after_a_date bursts_of_server_errors \
    a_resumed_blob_costs_no_byte_twice stalled_in_the_middle \
    a_token_that_ends_in_the_middle_of_a_blob redirects_in_a_circle \
    chunked_lies a_blobs_type_does_not_count a_part_that_nobody_asked_for \
    parts_that_do_not_fit always_cut_without_parts one_of_several_layers_fails missing_image missing_tag missing_blob registry_down unknown_host \
    refused html_with_200 terminal_escapes_are_masked \
    content_type_that_contradicts wrong_digest wrong_size wrong_diff_id \
    corrupt_layers unknown_and_foreign_layers not_an_image \
    more_layers_than_diff_ids ten_thousand_layers hostile_digests \
    index_that_points_at_itself deep_and_wide_indexes \
    index_of_many_wrong_images huge_manifest huge_header server_errors_pass \
    too_many_requests resets_pass resume resume_that_is_ignored \
    resume_that_is_refused converted_while_a_layer_stalls \
    what_cannot_be_converted_ends_the_downloads \
    converted_once_though_cut converted_again_after_wrong_bytes \
    always_cut dripping stalled_before_the_answer redirect_loop \
    redirect_to_other_schemes redirect_to_this_machine \
    redirect_to_this_machine_beside_a_proxy \
    no_password_in_the_clear token_servers_that_lie oversized_answers bad_references \
    bad_configuration
