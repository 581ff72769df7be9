#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Debian's docker-registry with the real test images: over HTTP as a mirror,
# and over HTTPS with Basic auth; the same image from each of its forms.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

images=$("$here/../../scripts/make-test-images" --print-dir | tail -n 1)

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout "$work/tls.key" -out "$work/tls.crt" -days 2 -subj /CN=test \
    -addext "subjectAltName=IP:127.0.0.1" 2>/dev/null
htpasswd -Bbn hyper secret >"$work/htpasswd"
plain=127.0.0.1:$(free_port)
start_registry plain "${plain#*:}"
tls=127.0.0.1:$(free_port)
start_registry tls "${tls#*:}" "  tls: {certificate: $work/tls.crt, key: $work/tls.key}
auth: {htpasswd: {realm: test, path: $work/htpasswd}}" https
mkdir "$work/pushed"
push=127.0.0.1:$(free_port)
start_registry push "${push#*:}" "" http "$work/pushed"
locked=127.0.0.1:$(free_port)
start_registry locked "${locked#*:}" "  tls: {certificate: $work/tls.crt, key: $work/tls.key}
auth: {htpasswd: {realm: test, path: $work/htpasswd}}" https "$work/pushed"

mirror() {
    printf '{"registry-mirrors": ["http://%s"]}' "$plain" \
        >"$HX_CONFDIR/daemon.json"
}

test_images_of_docker_io_come_from_the_mirror() {
    local name
    mirror
    for name in nginx:latest redis busybox debian; do
        pulls "$name"
    done
    [[ $(find "$store/disks" -type f | wc -l) == 4 ]]
    pulls nginx
}

test_https_with_login() {
    mkdir -p "$HX_CONFDIR/certs.d/$tls"
    cp "$work/tls.crt" "$HX_CONFDIR/certs.d/$tls/ca.crt"
    fails auth "log in with 'xl hyper-login $tls'" "$tls/library/busybox"
    refuses_login "$tls" hyper
    echo secret | "$build/bin/pull" --login "$tls" --user hyper
    pulls "$tls/library/busybox"
    "$build/bin/pull" --logout "$tls"
}

# Without its CA it is asked by http, then by https, and then refused.
test_https_without_the_ca() {
    fails network "certificate is not trusted" "$tls/library/busybox"
}

test_http_server_at_an_insecure_registry() {
    printf '{"insecure-registries": ["%s", "%s"]}' "$plain" "$tls" \
        >"$HX_CONFDIR/daemon.json"
    pulls "$plain/library/busybox"
    fails_here auth "hyper-login" "$tls/library/busybox"
}

fails_here() {
    ! pull "$3" || die "pulling $3 did not fail"
    [[ $result == "$1" && $message == *"$2"* ]] || die "$result: $message"
    whole
}

test_missing() {
    fails not-found "" "$plain/library/nothing"
    fails not-found "no such image or tag" "$plain/library/busybox:nothing"
    mirror
    fails not-found "mirror: registry $plain" nothing-here
    fails not-found "arm64" "$plain/library/arm64only"
}

test_every_test_image() {
    local folder name tag arch
    for folder in "$images"/registry/docker/registry/v2/repositories/library/*; do
        name=${folder##*/}
        [[ $name != arm64only ]] || continue
        for tag in "$folder"/_manifests/tags/*; do
            pulls "$plain/library/$name:${tag##*/}"
        done
    done
}

# The same image id and the same root disk from each form.
test_one_image_from_every_form() {
    local id_of_registry disk
    pulls "$plain/library/busybox"
    id_of_registry=$id
    disk=$(ls "$store/disks")
    skopeo --insecure-policy copy -q "oci:$images/oci/busybox:latest" \
        "docker-archive:$work/b.docker:busybox:latest"
    skopeo --insecure-policy copy -q "oci:$images/oci/busybox:latest" \
        "oci-archive:$work/b.oci:latest"
    local source
    for source in "oci:$images/oci/busybox" "docker-archive:$work/b.docker" \
        "oci-archive:$work/b.oci"; do
        rm -rf "$store"
        pulls "$source"
        [[ $(ls "$store/disks") == "$disk" ]] || die "$source: another disk"
        [[ $source == docker-archive* || $id == "$id_of_registry" ]] ||
            die "$source: another id"
    done
}

# What was pushed is what was pulled, for us and for skopeo.
test_push_and_pull_again() {
    local image
    rm -rf "$work"/pushed/*
    mirror
    pulls nginx:latest
    image=$id
    tag docker.io/library/nginx:latest "$push/team/nginx:1"
    pushes "$push/team/nginx:1"
    tag docker.io/library/nginx:latest "$push/else/nginx:1"
    pushes "$push/else/nginx:1"
    grep -q '"mounted"' "$work/json" || die "nothing was mounted"
    rm -rf "$store"
    pulls "$push/else/nginx:1"
    [[ $id == "$image" ]] || die "another id: $id"
    rm -rf "$store"
    pulls "$push/team/nginx:1"
    [[ $id == "$image" ]] || die "another id: $id"
    skopeo --insecure-policy copy -q --src-tls-verify=false \
        "docker://$push/team/nginx:1" "oci:$work/copy:1"
}

# docker save | load | tag | push: all that a registry and skopeo then have is
# what the archive had.
test_push_of_a_docker_archive() {
    local image layers i=0 digest
    rm -rf "$work"/pushed/*
    skopeo --insecure-policy copy -q "oci:$images/oci/busybox:latest" \
        "docker-archive:$work/p.docker:team/p:1"
    pull --load 8 --name stdin 8< <(cat "$work/p.docker") ||
        die "$result: $message"
    image=$id
    tag docker.io/team/p:1 "$push/team/p:1"
    pushes "$push/team/p:1"
    digest=$(jq -r 'select(.pushed).pushed.digest' "$work/json")
    skopeo --insecure-policy copy -q --src-tls-verify=false \
        "docker://$push/team/p:1" "dir:$work/dir"
    [[ $(digest_of "$work/dir/manifest.json") == "$digest" ]]
    [[ $(jq -r .config.digest "$work/dir/manifest.json") == "$image" ]]
    mapfile -t layers < <(jq -r '.layers[].digest' "$work/dir/manifest.json")
    for diff_id in $(jq -r '.rootfs.diff_ids[]' "$work/dir/${image#sha256:}"); do
        gzip -dc <"$work/dir/${layers[i++]#sha256:}" >"$work/layer"
        [[ $(digest_of "$work/layer") == "$diff_id" ]] || die "layer $i"
    done
    # Another store, another way: the same digest.
    rm -rf "$store" "$work"/pushed/*
    pulls "docker-archive:$work/p.docker"
    tag docker.io/team/p:1 "$push/team/p:1"
    pushes "$push/team/p:1"
    [[ $(jq -r 'select(.pushed).pushed.digest' "$work/json") == "$digest" ]]
}

test_push_with_login() {
    local image
    rm -rf "$work"/pushed/*
    mirror
    pulls busybox
    image=$id
    tag docker.io/library/busybox:latest "$locked/busybox:2"
    push_fails network "certificate is not trusted" "$locked/busybox:2"
    mkdir -p "$HX_CONFDIR/certs.d/$locked"
    cp "$work/tls.crt" "$HX_CONFDIR/certs.d/$locked/ca.crt"
    push_fails auth "log in with 'xl hyper-login $locked'" "$locked/busybox:2"
    echo secret | "$build/bin/pull" --login "$locked" --user hyper
    pushes "$locked/busybox:2"
    rm -rf "$store"
    pulls "$locked/busybox:2"
    [[ $id == "$image" ]] || die "another id: $id"
}

run_tests images_of_docker_io_come_from_the_mirror https_with_login \
    https_without_the_ca http_server_at_an_insecure_registry missing \
    every_test_image one_image_from_every_form \
    push_and_pull_again push_of_a_docker_archive push_with_login
