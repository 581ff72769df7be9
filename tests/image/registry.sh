#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Pulling from registries that behave: schemes, mirrors, logins, platforms.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

start_server plain
plain=127.0.0.1:$port
start_server other
other=127.0.0.1:$port
make_image plain team/app 1
make_image plain library/web latest
make_image other library/web latest
make_image other library/extra latest
make_layers plain many 1 5

make_cert() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -keyout "$work/$1.key" -out "$work/$1.crt" -days 2 -subj "/CN=$1" \
        -addext "subjectAltName=IP:127.0.0.1,DNS:localhost" 2>/dev/null
}
make_cert tls
start_server tls --tls "$work/tls.crt" "$work/tls.key"
tls=127.0.0.1:$port
make_image tls secure/app 1

trust_tls() {
    mkdir -p "$HX_CONFDIR/certs.d/$tls"
    cp "$work/tls.crt" "$HX_CONFDIR/certs.d/$tls/ca.crt"
}

config() { printf '%s\n' "$1" >"$HX_CONFDIR/daemon.json"; }

basic() { printf '%s' "$1" | base64 -w 0; }

login_to() { # HOST USER PASSWORD
    jq -n --arg h "$1" --arg a "$(basic "$2:$3")" \
        '{auths: {($h): {auth: $a}}}' >"$HX_CONFDIR/auth.json"
    chmod 600 "$HX_CONFDIR/auth.json"
}

test_plain_http_on_loopback() {
    pulls "$plain/team/app:1"
    disk_says "$id" team/app:1
    [[ -f $store/refs/$plain/team/app/_tags/1 ]]
    [[ $(count_requests plain 'auth=-') == "$(requests plain | wc -l)" ]]
}

test_a_second_pull_fetches_only_the_manifest() {
    pulls "$plain/team/app:1"
    : >"$work/server-plain/log"
    pulls "$plain/team/app:1"
    [[ $(requests plain | wc -l) == 1 ]]
    [[ $(count_requests plain manifests/1) == 1 ]]
}

test_a_disk_that_exists_needs_no_layer() {
    pulls "$plain/team/app:1"
    jq -c '.config.Cmd = ["other"]' "$work/team_app-1.config" >"$work/c"
    add_blob plain "$work/c" >/dev/null
    jq -c --argjson c "$(descriptor "$work/c" "$oci.config.v1+json")" \
        '.config = $c' "$work/team_app-1.manifest" >"$work/m"
    add_manifest plain team/same 1 "$work/m"
    rm -f "$store"/blobs/sha256/"$(digest_of "$work/team_app-1.gz" |
        cut -d: -f2)"
    : >"$work/server-plain/log"
    pulls "$plain/team/same:1"
    [[ $(requests plain | wc -l) == 2 ]]
    [[ $(find "$store/disks" -type f | wc -l) == 1 ]]
}

test_by_digest() {
    local digest
    digest=$(digest_of "$work/team_app-1.manifest")
    pulls "$plain/team/app@$digest"
    [[ -f $store/refs/$plain/team/app/_digests/$digest ]]
    # With a tag beside it, the digest counts.
    pulls "$plain/team/app:wrong@$digest"
    [[ $(find "$store/refs" -type f | wc -l) == 1 ]]
}

test_a_wrong_digest_is_refused() {
    local digest
    digest=$(digest_of "$work/library_web-latest.manifest")
    mkdir -p "$work/server-plain/blobs"
    cp "$work/team_app-1.manifest" "$work/server-other/blobs/$digest"
    fails corrupt "instead of $digest" "$other/team/app@$digest"
    cp "$work/library_web-latest.manifest" "$work/server-other/blobs/$digest"
}

test_mirror_first() {
    config "{\"registry-mirrors\": [\"http://$plain\"]}"
    pulls web
    disk_says "$id" library/web:latest
    [[ -f $store/refs/docker.io/library/web/_tags/latest ]]
    [[ $(jq -r 'select(.image).image.reference' "$work/json") == \
        docker.io/library/web:latest ]]
}

test_next_mirror_when_one_lacks_it_or_is_down() {
    config "{\"registry-mirrors\": [\"http://$plain\", \"http://$other\"]}"
    pulls extra
    [[ $(count_requests plain extra/manifests) == 1 ]]
    rules plain '[{"on": "library/web/", "status": 503, "body": ""}]'
    pulls web
    [[ $(count_requests other web/manifests) == 1 ]]
}

# A blob that the mirror spoils comes from the next one.
test_next_mirror_for_a_blob() {
    local layer
    cp "$work/server-plain/repos/library/web/latest" \
        "$work/server-other/repos/library/web/latest"
    cp "$work"/server-plain/blobs/* "$work/server-other/blobs/"
    config "{\"registry-mirrors\": [\"http://$plain\", \"http://$other\"]}"
    layer=$(jq -r '.layers[0].digest' \
        "$work/server-plain/repos/library/web/latest")
    rules plain "[{\"on\": \"blobs/$layer\", \"flip\": 20}]"
    pulls web
    [[ $(count_requests other "blobs/$layer") == 1 ]]
}

test_mirrors_are_for_docker_io_alone() {
    config "{\"registry-mirrors\": [\"http://$other\"]}"
    pulls "$plain/team/app:1"
    [[ -z $(requests other) ]]
}

test_tls_with_a_ca() {
    trust_tls
    pulls "$tls/secure/app:1"
    disk_says "$id" secure/app:1
}

test_tls_without_the_ca() {
    fails network "certificate is not trusted" "$tls/secure/app:1"
    [[ $message == *"certs.d/$tls/ca.crt"* ]]
    make_cert wrong
    mkdir -p "$HX_CONFDIR/certs.d/$tls"
    cp "$work/wrong.crt" "$HX_CONFDIR/certs.d/$tls/ca.crt"
    fails network "certificate is not trusted" "$tls/secure/app:1"
}

test_insecure_registry() {
    config "{\"insecure-registries\": [\"$tls\", \"$plain\"]}"
    pulls "$tls/secure/app:1"
    pulls "$plain/team/app:1"
}

test_basic_login() {
    auth plain '{"mode": "basic", "user": "u", "password": "p:w"}'
    fails auth "hyper-login $plain" "$plain/team/app:1"
    login_to "$plain" u "p:w"
    pulls "$plain/team/app:1"
    login_to "$plain" u wrong
    fails_but_keeps auth "refuses the login of 'u'" "$plain/library/web"
    [[ $message != *wrong* ]]
}

fails_but_keeps() { # as fails, in a store that holds something
    local code=$1 words=$2
    shift 2
    ! pull "$@" || die "pulling $* did not fail"
    [[ $result == "$code" && $message == *"$words"* ]] ||
        die "$result: $message"
    whole
}

test_dockers_login() {
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    login_to "$plain" u p
    mv "$HX_CONFDIR/auth.json" "$DOCKER_CONFIG/config.json"
    pulls "$plain/team/app:1"
}

test_anonymous_token() {
    auth plain '{"mode": "bearer", "anonymous": true}'
    pulls "$plain/team/app:1"
    [[ $(count_requests plain 'GET /token') == 1 ]]
    [[ $(count_requests plain 'scope=repository%3ax%3apull|scope=repository:x:pull') == 1 ]]
}

test_token_with_login() {
    auth plain '{"mode": "bearer", "user": "u", "password": "p"}'
    fails auth "no such image, or it needs a login" "$plain/team/app:1"
    login_to "$plain" u p
    pulls "$plain/team/app:1"
    [[ $(count_requests plain "GET /token.*auth=Basic $(basic u:p)") == 1 ]]
    # The password went to the token server alone.
    [[ $(count_requests plain "GET /v2.*auth=Basic") == 0 ]]
}

test_token_that_ends_in_the_middle() {
    auth plain '{"mode": "bearer", "anonymous": true, "uses": 1}'
    pulls "$plain/team/app:1"
    [[ $(count_requests plain 'GET /token') == 3 ]]
}

test_token_from_another_server() {
    auth plain "{\"mode\": \"bearer\", \"realm\": \"http://$other/token\"}"
    auth other '{"mode": "bearer", "user": "u", "password": "p"}'
    # The two servers do not share their tokens: 401 again, and no loop.
    login_to "$plain" u p
    fails auth "$plain refuses the login" "$plain/team/app:1"
    [[ $(count_requests other 'GET /token') == 1 ]]
    [[ $(count_requests other "auth=Basic $(basic u:p)") == 1 ]]
}

test_login_and_logout() {
    auth plain '{"mode": "basic", "user": "u", "password": "secret"}'
    refuses_login "$plain" u
    echo secret | "$build/bin/pull" --login "$plain" --user u
    [[ $(stat -c %a "$HX_CONFDIR/auth.json") == 600 ]]
    pulls "$plain/team/app:1"
    "$build/bin/pull" --logout "$plain"
    fails_but_keeps auth hyper-login "$plain/library/web"
    ! "$build/bin/pull" --logout "$plain" >"$work/json" ||
        die "a second logout did not fail"
    [[ $(jq -r .error.code "$work/json") == not-found ]]
}

test_the_command_logs_in_and_out() {
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    echo p | "$build/bin/xl-hyper" login -u u --password-stdin "$plain"
    pulls "$plain/team/app:1"
    "$build/bin/xl-hyper" login --logout "$plain"
    fails_but_keeps auth hyper-login "$plain/library/web"
    ! "$build/bin/xl-hyper" login --logout "$plain" 2>"$work/said" ||
        die "a second logout found a login"
    grep -q 'has no login for it' "$work/said"
    ! "$build/bin/xl-hyper" login --logout -u u "$plain" 2>"$work/said" ||
        die "--logout took -u"
}

test_login_by_token() {
    auth plain '{"mode": "bearer", "user": "u", "password": "secret"}'
    refuses_login "$plain" u
    echo secret | "$build/bin/pull" --login "$plain" --user u
    pulls "$plain/team/app:1"
}

test_redirect_to_another_host_without_login() {
    local layer
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    login_to "$plain" u p
    layer=$(jq -r '.layers[0].digest' "$work/team_app-1.manifest")
    cp "$work/server-plain/blobs/$layer" "$work/server-other/blobs/"
    rules plain "[{\"on\": \"/blobs/$layer\",
        \"redirect\": \"http://$other/raw/$layer\"}]"
    pulls "$plain/team/app:1"
    [[ $(count_requests other "GET /raw/$layer auth=- ") == 1 ]]
    [[ $(count_requests other 'auth=Basic') == 0 ]]
    [[ $(count_requests plain "blobs/$layer auth=Basic") == 1 ]]
}

# Who is redirected to wants a login and names its own token server.
test_a_redirects_target_gets_no_login() {
    local layer mode
    login_to "$plain" u p
    layer=$(jq -r '.layers[0].digest' "$work/team_app-1.manifest")
    rules plain "[{\"on\": \"/blobs/$layer\",
        \"redirect\": \"http://$other/v2/x/blobs/$layer\"}]"
    for mode in bearer basic; do
        auth plain "{\"mode\": \"$mode\", \"user\": \"u\", \"password\": \"p\"}"
        auth other "{\"mode\": \"$mode\", \"user\": \"u\", \"password\": \"p\"}"
        fails auth "redirects to http://$other, which answered 401" \
            "$plain/team/app:1"
    done
    [[ $(count_requests other .) == 2 ]]
    [[ $(count_requests other 'auth=-') == 2 ]]
}

# The proxy stands for a network where anybody may answer in plain HTTP.
test_a_plain_registry_gets_no_login() {
    local name=registry.invalid:5000
    config "{\"insecure-registries\": [\"$name\"]}"
    login_to "$name" u p
    export http_proxy=http://$plain
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    fails auth "speaks plain HTTP" "$name/team/app:1"
    auth plain "{\"mode\": \"bearer\", \"realm\": \"https://$tls/token\"}"
    fails auth "speaks plain HTTP" "$name/team/app:1"
    [[ $(count_requests plain 'auth=-') == "$(requests plain | wc -l)" ]]
}

test_relative_redirect_keeps_the_login() {
    local layer
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    login_to "$plain" u p
    layer=$(jq -r '.layers[0].digest' "$work/team_app-1.manifest")
    rules plain "[{\"on\": \"/app/blobs/$layer\",
        \"redirect\": \"/v2/moved/blobs/$layer\"}]"
    pulls "$plain/team/app:1"
    [[ $(count_requests plain "moved/blobs.* auth=Basic") == 1 ]]
}

index_of() { # FILE TYPE ENTRY...
    local file=$1 type=$2
    shift 2
    printf '%s\n' "$@" | jq -cs --arg t "$type" \
        '{schemaVersion: 2, mediaType: $t, manifests: .}' >"$file"
}

entry() { # MANIFEST-FILE OS ARCH [TYPE]
    descriptor "$1" "${4:-$oci.manifest.v1+json}" |
        jq -c --arg os "$2" --arg arch "$3" \
            '.platform = {os: $os, architecture: $arch}'
}

test_index() {
    make_image plain multi arm arm64
    make_image plain multi host
    make_image plain multi attest unknown
    index_of "$work/index" "$oci.index.v1+json" \
        "$(entry "$work/multi-attest.manifest" unknown unknown)" \
        "$(entry "$work/multi-arm.manifest" linux arm64)" \
        "$(entry "$work/multi-host.manifest" linux "$host_arch" other/type)" \
        "$(entry "$work/multi-host.manifest" linux "$host_arch")"
    add_manifest plain multi all "$work/index"
    pulls "$plain/multi:all"
    disk_says "$id" multi:host
    [[ $(jq -r .digest "$store/refs/$plain/multi/_tags/all") == \
        "$(digest_of "$work/index")" ]]
    pulls --platform linux/arm64 "$plain/multi:all"
    disk_says "$id" multi:arm
    fails_but_keeps not-found "no image for linux/s390x, but for linux/arm64" \
        --platform linux/s390x "$plain/multi:all"
}

test_docker_list_and_nested_index() {
    make_image plain deep host
    index_of "$work/inner" application/vnd.docker.distribution.manifest.list.v2+json \
        "$(entry "$work/deep-host.manifest" linux "$host_arch")"
    add_blob plain "$work/inner"
    index_of "$work/outer" "$oci.index.v1+json" \
        "$(descriptor "$work/inner" \
            application/vnd.docker.distribution.manifest.list.v2+json)"
    add_manifest plain deep all "$work/outer"
    pulls "$plain/deep:all"
    disk_says "$id" deep:host
}

# Entries without a platform: the configs tell.
test_index_without_platforms() {
    make_image plain bare other s390x
    make_image plain bare host
    index_of "$work/index" "$oci.index.v1+json" \
        "$(descriptor "$work/bare-other.manifest" "$oci.manifest.v1+json")" \
        "$(descriptor "$work/bare-host.manifest" "$oci.manifest.v1+json")"
    add_manifest plain bare all "$work/index"
    pulls "$plain/bare:all"
    disk_says "$id" bare:host
    [[ $(find "$store/images" -type f | wc -l) == 1 ]]
}

test_missing_architecture() {
    make_image plain only s390x s390x
    fails not-found "the image is for linux/s390x" "$plain/only:s390x"
}

test_schema2_zstd_and_plain_layers() {
    local stem=$work/kinds
    make_layer "$stem.1" one
    make_layer "$stem.2" two
    make_layer "$stem.3" three
    zstd -q "$stem.2" -o "$stem.2.zst"
    gzip -nc "$stem.3" >"$stem.3.gz"
    make_config "$stem.config" "$host_arch" "$(digest_of "$stem.1")" \
        "$(digest_of "$stem.2")" "$(digest_of "$stem.3")"
    jq -cn --argjson c "$(descriptor "$stem.config" \
        application/vnd.docker.container.image.v1+json)" \
        --argjson a "$(descriptor "$stem.1" "$oci.layer.v1.tar")" \
        --argjson b "$(descriptor "$stem.2.zst" "$oci.layer.v1.tar+zstd")" \
        --argjson d "$(descriptor "$stem.3.gz" \
            application/vnd.docker.image.rootfs.diff.tar.gzip)" \
        '{schemaVersion: 2, mediaType:
          "application/vnd.docker.distribution.manifest.v2+json",
          config: $c, layers: [$a, $b, $d]}' >"$stem.manifest"
    for file in 1 2.zst 3.gz config; do add_blob plain "$stem.$file"; done
    add_manifest plain kinds 1 "$stem.manifest"
    pulls "$plain/kinds:1"
    disk_says "$id" three
}

test_the_tag_moves() {
    make_image plain moving 1
    pulls "$plain/moving:1"
    local before=$id
    make_image plain moving 1
    pulls "$plain/moving:1"
    [[ $id != "$before" ]]
    # A pod may need the old one.
    [[ -f $store/images/${before#sha256:}.json ]]
}

# The server answers none before three are asked for.
test_several_layers_at_once() {
    local total
    total=$(jq '[.layers[].size] | add' "$work/many-1.manifest")
    rules plain '[{"on": "many/blobs", "after": 1, "gather": 3}]'
    pulls "$plain/many:1"
    disk_says "$id" "many:1 5"
    [[ $(most_at_once plain many/blobs) == 3 ]]
    [[ $(count_requests plain many/blobs) == 6 ]]
    # A bar for the whole, and one for each layer.
    [[ $(jq -r --arg o "$plain/many:1" 'select(.progress.object == $o and
        .progress.stage == "downloading").progress |
        "\(.done_bytes)/\(.total_bytes)"' "$work/json" | tail -n 1) == \
        "$total/$total" ]]
    [[ $(jq -r 'select(.progress.stage == "downloading" and
        .progress.done_bytes == .progress.total_bytes).progress.object' \
        "$work/json" | grep -c ^sha256:) == 6 ]]
}

test_how_many_layers_at_once() {
    config '{"max-concurrent-downloads": 1}'
    pulls "$plain/many:1"
    [[ $(most_at_once plain many/blobs) == 1 ]]
    rm -rf "$store"
    config '{"max-concurrent-downloads": 0}'
    rules plain '[{"on": "many/blobs", "after": 1, "gather": 5}]'
    pulls "$plain/many:1"
    rm -rf "$store"
    config '{"max-concurrent-downloads": -1}'
    fails usage max-concurrent-downloads "$plain/many:1"
}

test_a_layer_twice_is_fetched_once() {
    make_layers plain twice 1 2
    jq -c '.rootfs.diff_ids |= . + [.[0]]' "$work/twice-1.config" >"$work/c"
    add_blob plain "$work/c" >/dev/null
    jq -c --argjson c "$(descriptor "$work/c" "$oci.config.v1+json")" \
        '.layers |= . + [.[0]] | .config = $c' "$work/twice-1.manifest" \
        >"$work/m"
    add_manifest plain twice 2 "$work/m"
    pulls "$plain/twice:2"
    disk_says "$id" "twice:1 1"
    [[ $(count_requests plain twice/blobs) == 3 ]]
}

# Each of those that download begins with the token there is.
test_one_token_for_several_layers() {
    auth plain '{"mode": "bearer", "anonymous": true}'
    pulls "$plain/many:1"
    [[ $(count_requests plain 'GET /token') == 1 ]]
}

# helper NAME SCRIPT: a credential helper of that name, in PATH.
helper() {
    mkdir -p "$work/helpers"
    printf '#!/bin/sh\n%s\n' "$2" >"$work/helpers/docker-credential-$1"
    chmod 755 "$work/helpers/docker-credential-$1"
    export PATH=$work/helpers:$PATH
}

test_credential_helpers() {
    auth plain '{"mode": "bearer", "user": "u", "password": "p"}'
    helper asked "cat >$work/asked; [ \$1 = get ] &&
        echo '{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"p\"}'"
    helper broken "echo the vault is locked; exit 1"
    jq -n --arg h "$plain" '{credsStore: "broken", credHelpers: {($h): "asked"}}' \
        >"$DOCKER_CONFIG/config.json"
    pulls "$plain/team/app:1"
    [[ $(<"$work/asked") == "$plain" ]]
    # One that fails keeps nobody from what needs no login.
    echo '{"credsStore": "broken"}' >"$DOCKER_CONFIG/config.json"
    fails_but_keeps auth "docker-credential-broken failed with status 1: the vault is locked" \
        "$plain/library/web"
    auth plain '{"mode": "bearer", "anonymous": true}'
    pulls "$plain/library/web"
}

test_a_slow_credential_helper_is_ended() {
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    helper slow "sleep 300"
    echo '{"credsStore": "slow"}' >"$DOCKER_CONFIG/config.json"
    local start=$SECONDS
    fails auth "docker-credential-slow gave no answer in time" \
        --stall-timeout 1 "$plain/team/app:1"
    ((SECONDS - start < 30))
    echo '{"credsStore": "x; touch /tmp/x"}' >"$DOCKER_CONFIG/config.json"
    fails usage "cannot name a credential helper" "$plain/team/app:1"
}

# Posted to the realm, and never shown to the registry.
test_identity_tokens() {
    auth plain '{"mode": "bearer", "user": "u", "password": "p", "refresh": "identity+1",
        "says": ["access_token"], "life": null}'
    jq -n --arg h "$plain" '{auths: {($h): {auth: "dTo=", identitytoken: "identity+1"}}}' \
        >"$DOCKER_CONFIG/config.json"
    pulls "$plain/team/app:1"
    [[ $(count_requests plain 'POST /token auth=- ') == 1 ]]
    [[ $(count_requests plain 'identity|auth=Basic') == 0 ]]
    rm -rf "$store"
    helper token "echo '{\"Username\":\"<token>\",\"Secret\":\"identity+1\"}'"
    echo '{"credsStore": "token"}' >"$DOCKER_CONFIG/config.json"
    pulls "$plain/team/app:1"
    rm -rf "$store"
    helper token "echo '{\"Username\":\"<token>\",\"Secret\":\"old\"}'"
    fails auth "refuses the identity token" "$plain/team/app:1"
    auth plain '{"mode": "basic", "user": "u", "password": "p"}'
    fails auth "wants a user and a password" "$plain/team/app:1"
}

# -- the habits of the registries that there are ------------------------------

# cdn_for IMAGE-TAG: all its blobs lie on the other server, which wants a
# signature that is good for one request, and no login beside it.
cdn_for() {
    cp "$work"/server-plain/blobs/* "$work/server-other/blobs/"
    auth other '{"mode": "signed", "uses": 1}'
    rules plain "[{\"on\": \"blobs/$(jq -r '.layers[0].digest' \
        "$work/$1.manifest")\", \"redirect\":
        \"http://$other/v2/x/blobs/$(jq -r '.layers[0].digest' \
        "$work/$1.manifest")?sig={n}&expires=20\"}]"
}

# An anonymous token with both names, and blobs by 307 from elsewhere.
test_as_docker_hub() {
    auth plain '{"mode": "bearer", "anonymous": true, "life": 300,
        "service": "registry.docker.io", "scope": "repository:team/app:pull",
        "says": ["token", "access_token"]}'
    cdn_for team_app-1
    pulls "$plain/team/app:1"
    [[ $(count_requests plain 'GET /token\?service=registry.docker.io&scope=repository(%3[aA]|:)team(%2[fF]|/)app(%3[aA]|:)pull auth=-') == 1 ]]
    [[ $(count_requests other 'sig=[0-9a-f]*&expires=20 auth=- ') == 1 ]]
}

# No life is said, and the password is a token of another kind.
test_as_github() {
    auth plain '{"mode": "bearer", "user": "me", "password": "ghp_abc",
        "life": null, "service": "ghcr.io", "scope": "repository:team/app:pull"}'
    login_to "$plain" me ghp_abc
    cdn_for team_app-1
    pulls "$plain/team/app:1"
    [[ $(count_requests plain 'GET /token') == 1 ]]
}

# Several rights in one scope, and a short life: a token for each request.
test_as_gitlab() {
    auth plain '{"mode": "bearer", "anonymous": true, "life": 3,
        "service": "container_registry",
        "scope": "repository:team/app:pull repository:team/base:pull,push"}'
    pulls "$plain/team/app:1"
    [[ $(count_requests plain 'GET /token.*scope=repository(%3[aA]|:)team(%2[fF]|/)app(%3[aA]|:)pull&scope=repository') -ge 1 ]]
}

# The token server is the registry's own host; a scope that is empty.
test_as_harbor() {
    auth plain '{"mode": "bearer", "anonymous": true, "life": 1800,
        "service": "harbor-registry", "scope": "",
        "says": ["access_token", "token"]}'
    pulls "$plain/team/app:1"
    [[ $(count_requests plain 'scope=repository(%3[aA]|:)team(%2[fF]|/)app(%3[aA]|:)pull') == 1 ]]
}

test_without_service_and_scope() {
    auth plain '{"mode": "bearer", "anonymous": true, "service": null,
        "scope": null, "says": ["access_token"]}'
    pulls "$plain/team/app:1"
    [[ $(count_requests plain 'GET /token\?scope=repository') == 1 ]]
}

# Basic alone, with a realm and a service, and blobs from a bucket.
test_as_ecr() {
    auth plain "{\"mode\": \"basic\", \"user\": \"AWS\", \"password\": \"$(
        printf 'a%.0s' {1..2000})\", \"realm\": \"https://x.amazonaws.com/\",
        \"service\": \"ecr.amazonaws.com\"}"
    helper ecr-login "cat >/dev/null; printf '{\"Username\":\"AWS\",\"Secret\":\"%s\"}' $(
        printf 'a%.0s' {1..2000})"
    jq -n --arg h "$plain" '{credHelpers: {($h): "ecr-login"}}' \
        >"$DOCKER_CONFIG/config.json"
    cdn_for team_app-1
    pulls "$plain/team/app:1"
    [[ $(count_requests other 'auth=Basic') == 0 ]]
}

# -- proxies -------------------------------------------------------------------

test_a_proxy_for_http() {
    config '{"insecure-registries": ["registry.invalid:5000"]}'
    export http_proxy=http://$plain
    pulls registry.invalid:5000/team/app:1
    [[ $(count_requests plain 'GET http://registry.invalid:5000/v2/') -gt 0 ]]
    export no_proxy=registry.invalid
    rm -rf "$store"
    fails network "cannot be resolved" registry.invalid:5000/team/app:1
}

test_a_proxy_for_https() {
    config '{"insecure-registries": ["registry.invalid:5000"]}'
    printf '{"registry.invalid:5000": "%s"}' "$tls" \
        >"$work/server-plain/hosts.json"
    export https_proxy=http://$plain
    pulls registry.invalid:5000/secure/app:1
    grep -q '^registry.invalid:5000$' "$work/server-plain/tunnels"
    # This machine is never reached through one.
    : >"$work/server-plain/tunnels"
    trust_tls
    pulls "$tls/secure/app:1"
    [[ ! -s $work/server-plain/tunnels ]]
}

# daemon.json's proxies, each before the environment's.
test_proxies_of_the_daemons() {
    local name=registry.invalid:5000
    config "{\"insecure-registries\": [\"$name\"],
        \"proxies\": {\"http-proxy\": \"$plain\"}}"
    # Nothing listens at the environment's.
    export http_proxy=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1
    pulls "$name/team/app:1"
    [[ $(count_requests plain "GET http://$name/v2/") -gt 0 ]]
    # This machine is not asked through it.
    pulls "$other/library/extra"
    [[ $(count_requests plain extra) == 0 ]]
    rm -rf "$store"
    config "{\"insecure-registries\": [\"$name\"], \"proxies\": {
        \"http-proxy\": \"http://$plain\", \"no-proxy\": \"x.lan,.invalid\"}}"
    fails network "cannot be resolved" "$name/team/app:1"
    # What it leaves open the environment says, capitals first.
    config "{\"insecure-registries\": [\"$name\"],
        \"proxies\": {\"no-proxy\": \"x.lan\"}}"
    export HTTP_PROXY=http://$plain
    pulls "$name/team/app:1"
}

test_a_proxy_of_the_daemons_for_https() {
    local name=registry.invalid:5000
    printf '{"%s": "%s"}' "$name" "$tls" >"$work/server-plain/hosts.json"
    config "{\"insecure-registries\": [\"$name\"],
        \"proxies\": {\"https-proxy\": \"http://u:p@$plain\"}}"
    pulls "$name/secure/app:1"
    grep -q "^$name\$" "$work/server-plain/tunnels"
    rm -rf "$store"
    # A login for the proxy is in no error.
    config "{\"proxies\": {\"https-proxy\": \"ftp://u:secret@$plain\"}}"
    fails usage "https-proxy is no URL" "$name/secure/app:1"
    [[ $message != *secret* ]]
    config '{"proxies": {"ftp-proxy": "http://x"}}'
    fails usage "'ftp-proxy' is none of" "$name/secure/app:1"
}

run_tests proxies_of_the_daemons a_proxy_of_the_daemons_for_https \
    credential_helpers a_slow_credential_helper_is_ended identity_tokens \
    as_docker_hub as_github as_gitlab as_harbor without_service_and_scope as_ecr \
    a_proxy_for_http a_proxy_for_https several_layers_at_once how_many_layers_at_once \
    a_layer_twice_is_fetched_once one_token_for_several_layers \
    plain_http_on_loopback a_second_pull_fetches_only_the_manifest \
    a_disk_that_exists_needs_no_layer by_digest a_wrong_digest_is_refused \
    mirror_first next_mirror_when_one_lacks_it_or_is_down \
    next_mirror_for_a_blob mirrors_are_for_docker_io_alone tls_with_a_ca \
    tls_without_the_ca insecure_registry basic_login dockers_login \
    anonymous_token token_with_login token_that_ends_in_the_middle \
    token_from_another_server login_and_logout \
    the_command_logs_in_and_out login_by_token \
    redirect_to_another_host_without_login \
    a_redirects_target_gets_no_login a_plain_registry_gets_no_login \
    relative_redirect_keeps_the_login \
    index docker_list_and_nested_index index_without_platforms \
    missing_architecture schema2_zstd_and_plain_layers the_tag_moves
