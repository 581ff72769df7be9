#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a whole pull and conversion opens, as strace sees it: nothing for
# writing outside the store, and no path that an image has named.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

start_server plain
plain=127.0.0.1:$port
# In each path of the image, and in nothing of ours.
marker=ZQMARKZQ

# A layer whose names, and what its links lead to, all have the marker; some
# lead out.
make_marked_layer() {
    python3 - "$1" "$marker" <<'PY'
import io, sys, tarfile
path, marker = sys.argv[1:]
with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
    def add(name, kind=tarfile.REGTYPE, target="", data=b""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, target, len(data)
        tar.addfile(info, io.BytesIO(data))
    add(marker, tarfile.DIRTYPE)
    add(f"{marker}/file", data=marker.encode() * 5000)
    add(f"/tmp/{marker}-absolute", data=b"x")
    add(f"../../../../tmp/{marker}-above", data=b"x")
    add(f"{marker}/link", tarfile.SYMTYPE, f"/tmp/{marker}-link")
    add(f"{marker}/link/through", data=b"x")
    add(f"{marker}/hard", tarfile.LNKTYPE, f"{marker}/file")
    add(f"{marker}/fifo", tarfile.FIFOTYPE)
    add(f"{marker}/.wh.{marker}")
PY
}

make_marked_image() {
    make_marked_layer "$work/marked.tar"
    gzip -nc "$work/marked.tar" >"$work/marked.gz"
    make_config "$work/marked.config" "$host_arch" \
        "$(digest_of "$work/marked.tar")"
    jq -c --argjson c "$(descriptor "$work/marked.config" \
        "$oci.config.v1+json")" --argjson l "$(descriptor "$work/marked.gz" \
        "$oci.layer.v1.tar+gzip")" '.config = $c | .layers = [$l]' \
        "$work/app-1.manifest" >"$work/marked.manifest"
    add_blob plain "$work/marked.gz" >/dev/null
    add_blob plain "$work/marked.config" >/dev/null
    add_manifest plain marked 1 "$work/marked.manifest"
}

# docker save's, with the marker in the names of its members.
make_marked_archive() {
    mkdir -p "$work/d/$marker"
    cp "$work/marked.tar" "$work/d/$marker/layer.tar"
    cp "$work/marked.config" "$work/d/$marker.json"
    jq -cn --arg m "$marker" '[{Config: ($m + ".json"), RepoTags: null,
        Layers: [$m + "/layer.tar"]}]' >"$work/d/manifest.json"
    tar -C "$work/d" -czf "$work/archive.tar.gz" .
}

# traced ARG...: a pull; all calls that take a path or make a descriptor are
# in $work/trace, whole.
traced() {
    command -v strace >/dev/null || skip "no strace"
    strace -f -qq -y -s 4096 -e trace=%file,openat2,open_by_handle_at \
        -o "$work/trace" "$build/bin/pull" --store "$store" --no-engine "$@" \
        >"$work/json" || {
        grep -q '"error"' "$work/json" || skip "strace may not trace here"
        die "$(cat "$work/json")"
    }
    # Both programs are in it, and the converter behind its walls.
    grep -q 'execve(.*/mkroot"' "$work/trace"
    grep -q 'openat(' "$work/trace"
}

# Opens for writing, and calls that make, move or remove a name, whose paths or
# folders are not below the store.  Making its parents, which are there, is no
# write.
writes_outside() {
    grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)|[0-9] +(creat|mkdir|mknod|rename|link|symlink|unlink|rmdir|truncate|chmod|chown|l?setxattr|utime)[a-z0-9]*\(' \
        "$work/trace" | grep -v -F -e "\"$store" -e "<$store/" |
        grep -v -E 'mkdir.*EEXIST' || true
}

expect_clean() {
    local found
    found=$(writes_outside)
    [[ -z $found ]] || die "outside the store: $found"
    found=$(grep -F "$marker" "$work/trace" || true)
    [[ -z $found ]] || die "a path of the image: $found"
    whole
}

test_a_pull_from_a_registry() {
    traced "$plain/marked:1"
    expect_clean
    unsquashfs -l "$store"/disks/*.squashfs | grep -q "$marker/hard"
}

test_a_pull_from_an_archive() {
    traced "docker-archive:$work/archive.tar.gz"
    expect_clean
}

# The test itself: it would see such an open.
test_the_trace_shows_what_is_looked_for() {
    command -v strace >/dev/null || skip "no strace"
    strace -f -qq -s 4096 -e trace=%file -o "$work/trace" \
        sh -c "echo x >'$work/$marker'" || skip "strace may not trace here"
    [[ $(writes_outside) == *"$marker"* ]]
    grep -q -F "$marker" "$work/trace"
}

make_image plain app 1
make_marked_image
make_marked_archive
run_tests a_pull_from_a_registry a_pull_from_an_archive \
    the_trace_shows_what_is_looked_for
