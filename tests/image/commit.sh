#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What hyper-commit starts for an image: a disk such as pods write, over a real
# image. The new image's tree is what overlayfs shows the pod, for us and for
# umoci, and Debian's docker-registry takes it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib.sh"

images=$("$here/../../scripts/make-test-images" --print-dir | tail -n 1)
mkdir "$work/pushed"
push=127.0.0.1:$(free_port)
start_registry push "${push#*:}" "" http "$work/pushed"

# What overlayfs marks as opaque: folders in the place of others and of a link.
opaque=(hard/two hard/soft new)

# The upper folder of a pod of the image `layers`.
make_upper() { # FOLDER
    local upper=$1
    mkdir -p "$upper"/{etc,hard/two,hard/soft,mode/private,new/deep}
    echo changed >"$upper/etc/passwd"
    mknod "$upper/hard/b" c 0 0
    mknod "$upper/hard/three" c 0 0
    mknod "$upper/mode/setuid" c 0 0
    echo only >"$upper/hard/two/only"
    echo sticky >"$upper/mode/sticky-file"
    chmod 1600 "$upper/mode/sticky-file"
    chown 12:34 "$upper/mode/private"
    chmod 2710 "$upper/mode/private"
    echo root >"$upper/new/setuid"
    chmod 6755 "$upper/new/setuid"
    ln "$upper/new/setuid" "$upper/new/deep/link"
    ln -s ../setuid "$upper/new/deep/soft"
    setfattr -n user.note -v $'two\nlines' "$upper/new/setuid"
    setfattr -n security.capability \
        -v 0x0100000200040000000000000000000000000000 "$upper/new/deep/link"
    mkfifo "$upper/new/fifo"
    mknod "$upper/new/block" b 7 300
    mknod "$upper/new/zero" c 1 5
    echo name >"$upper/new/"$'odd \xc3\xbc \xff\n'
    truncate -s 3M "$upper/new/holes"
    echo end >>"$upper/new/holes"
    head -c 300000 /dev/urandom >"$upper/new/random"
    find "$upper" -exec touch -h -d @1600000000 {} +
}

# As domain-builder makes it, of the file system's features too.
make_disk() { # UPPER FILE
    local folder
    rm -rf "$work/root" "$2"
    mkdir -p "$work/root/0/work"
    cp -a "$1" "$work/root/0/upper"
    mke2fs -qF -t ext4 -b 4096 -I 256 -d "$work/root" -O none,filetype,extent \
        -O flex_bg,dir_index,ext_attr,sparse_super,large_file,huge_file \
        -O dir_nlink,extra_isize,uninit_bg "$2" 32M
    for folder in "${opaque[@]}"; do
        echo "ea_set 0/upper/$folder trusted.overlay.opaque y"
    done >"$work/commands"
    debugfs -w -f "$work/commands" "$2" >"$work/debugfs" 2>&1
}

# What the pod saw.
merge() { # UPPER TREE
    local name
    rm -rf "$work/copy"
    cp -a "$1" "$work/copy"
    (cd "$work/copy" && find . -type c -exec stat -c '%t:%T %n' {} + |
        sed -n 's/^0:0 //p') >"$work/gone"
    while read -r name; do
        rm -rf "${2:?}/$name" "$work/copy/$name"
    done <"$work/gone"
    for name in "${opaque[@]}"; do rm -rf "${2:?}/$name"; done
    find "$work/copy" -type d -exec touch -d @1600000000 {} +
    cp -a --remove-destination "$work/copy/." "$2"
}

# list FOLDER [TIMELESS]: all of a tree, a line for each entry. Squashfs has no
# time before 1970; umoci has the time of now for folders in which it made
# something, so they may go without.
list() {
    python3 - "$@" <<'PY'
import hashlib, os, stat, sys

def entries(path):
    for entry in sorted(os.scandir(path), key=lambda e: e.name):
        yield entry.path
        if entry.is_dir(follow_symlinks=False):
            yield from entries(entry.path)

root = os.fsencode(sys.argv[1])
for path in entries(root):
    st = os.lstat(path)
    kind = stat.S_IFMT(st.st_mode)
    folder = kind == stat.S_IFDIR
    print(ascii(path[len(root):]), stat.filemode(st.st_mode), st.st_uid,
          st.st_gid, "-" if folder else st.st_nlink,
          "-" if folder and len(sys.argv) > 2 else max(st.st_mtime_ns, 0),
          os.readlink(path) if kind == stat.S_IFLNK else
          hashlib.sha256(open(path, "rb").read()).hexdigest()
          if kind == stat.S_IFREG else st.st_rdev,
          [(name, os.getxattr(path, name, follow_symlinks=False))
           for name in sorted(os.listxattr(path, follow_symlinks=False))])
PY
}

unsquash() { # IMAGE-ID FOLDER
    local key
    key=$(jq -r .disk "$store/images/${1#sha256:}.json")
    rm -rf "$2"
    unsquashfs -q -n -d "$2" "$store/disks/$key.squashfs" >/dev/null
}

commits() { # ARG...: of the disk, over the image $base
    pull --commit 7 --base "$base" --folder 0/upper "$@" 7<"$work/disk" ||
        die "committing: $result: $message"
    id=$(jq -r 'select(.committed).committed.id' "$work/json")
    [[ $id == sha256:* ]] || die "no image came back"
    whole
}

config_of() { jq -S .config "$store/blobs/sha256/${1#sha256:}"; }

# One commit, looked at from all sides, since each program takes its time.
test_a_pods_disk_and_config() {
    local base made digest
    pulls "oci:$images/oci/layers:latest"
    base=$id
    make_upper "$work/upper"
    make_disk "$work/upper" "$work/disk"
    # Longer than an argument can be.
    jq -cn '{Env: ["A=\"a\" $B \\ \u001b[31m \n \u00fc\ud83d\udc33",
        "LONG=" + "0123456789" * 20000], Cmd: null, Entrypoint: ["/e", ""],
        User: "1:2", Healthcheck: {Test: ["CMD", "x"], Retries: 2}}' >"$work/doc"
    commits --config 8 --change 'LABEL l=1' "$push/team/made:1" 8<"$work/doc"
    made=$id
    [[ $(jq 'select(.committed).committed.clean' "$work/json") == true ]]
    config_of "$base" | jq -S --slurpfile doc "$work/doc" \
        '. * $doc[0] | del(.Cmd) | .Labels.l = "1"' >"$work/wanted"
    config_of "$made" | cmp "$work/wanted" - || die "another config"

    unsquash "$base" "$work/expected"
    merge "$work/upper" "$work/expected"
    unsquash "$made" "$work/ours"
    diff -u <(list "$work/expected") <(list "$work/ours") || die "another tree"

    # A registry and other tools take it, and read the layer as we do.
    pushes "$push/team/made:1"
    digest=$(jq -r 'select(.pushed).pushed.digest' "$work/json")
    skopeo --insecure-policy copy -q --src-tls-verify=false \
        "docker://$push/team/made@$digest" "oci:$work/back:1"
    [[ $(jq -r '.manifests[0].digest' "$work/back/index.json") == "$digest" ]]
    [[ -f $work/back/blobs/sha256/${made#sha256:} ]] || die "no such config"
    umoci raw unpack --image "$work/back:1" "$work/theirs" 2>"$work/umoci"
    diff -u <(list "$work/expected" timeless) <(list "$work/theirs" timeless) ||
        die "umoci: another tree"

    echo '["no object"]' >"$work/doc"
    ! pull --commit 7 --base "$base" --folder 0/upper --config 8 \
        7<"$work/disk" 8<"$work/doc" || die "a config that is none was taken"
    [[ $result == usage && $message == *"no JSON object"* ]] || die "$message"
    whole
    rm -rf "$store"
    pulls "$push/team/made:1"
    [[ $id == "$made" ]] || die "another id: $id"
}

run_tests a_pods_disk_and_config
