# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The small images: busybox; `layers`, which has every case of stacking layers
# and of what a tar can hold (layers.expected is the tree that must come out);
# and some with an uncommon configuration.

# The applets as hard links, as in the official image; /bin/busybox itself is
# Debian's static one.
busybox_tree() { # FOLDER
    local folder=$1 applet
    mkdir -p "$folder"/{bin,dev,etc,home,proc,root,sys,tmp,usr/bin,usr/sbin,var/spool/mail,var/www}
    chmod 755 "$folder"
    chmod 700 "$folder/root"
    chmod 1777 "$folder/tmp"
    install -m 755 "$(command -v busybox)" "$folder/bin/busybox"
    for applet in $(busybox --list); do
        [[ $applet == busybox ]] || ln "$folder/bin/busybox" "$folder/bin/$applet"
    done
    cat >"$folder/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
app:x:1000:1000:an app:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/home:/bin/false
PASSWD
    cat >"$folder/etc/group" <<'GROUP'
root:x:0:
daemon:x:1:
www-data:x:33:
audio:x:29:app
video:x:44:app,daemon
app:x:1000:
nogroup:x:65534:
GROUP
    echo 'root:::0:::::' >"$folder/etc/shadow"
    chmod 600 "$folder/etc/shadow"
    mkdir -p "$folder/home/app"
    chown 1000:1000 "$folder/home/app"
}

make_busybox() { # WORK OCI
    local work=$1 image=$2/busybox amd64 arm64 attestation
    busybox_tree "$work/busybox"
    make_tar "$work/busybox" "$work/busybox.tar"
    oci_init "$image"
    amd64=$(oci_image "$image" gzip '{"config": {"Cmd": ["sh"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}}' \
        "$work/busybox.tar")
    oci_tag "$image" latest "$amd64"
}

# Images whose layers are busybox's, and whose configuration is the case.
make_configs() { # WORK OCI
    local work=$1 oci=$2 image
    for image in nocmd arm64only config; do
        oci_init "$oci/$image"
    done
    oci_tag "$oci/nocmd" latest \
        "$(oci_image "$oci/nocmd" gzip '{}' "$work/busybox.tar")"
    # Only the announced architecture is wrong; nothing should run it.
    oci_tag "$oci/arm64only" latest "$(oci_image "$oci/arm64only" gzip \
        '{"architecture": "arm64", "variant": "v8", "config": {"Cmd": ["sh"]}}' \
        "$work/busybox.tar")"
    oci_tag "$oci/config" latest "$(oci_image "$oci/config" gzip '{"config": {
        "User": "app", "WorkingDir": "/srv/made/when/missing",
        "Env": ["PATH=/bin", "GREETING=hello world", "EMPTY="],
        "Entrypoint": ["sh", "-c", "echo \"$GREETING\"; id; pwd; echo \"$@\"", "entry"],
        "Cmd": ["one", "two words"], "StopSignal": "SIGUSR1",
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
        "Volumes": {"/data": {}}, "Labels": {"org.example.case": "config"}}}' \
        "$work/busybox.tar")"
}

# multi: an index as build tools write it: another architecture first, an
# attestation with the platform unknown/unknown, an entry of a type nobody
# knows. Of the two that fit, the first one is right.
make_multi() { # WORK OCI
    local work=$1 image=$2/multi right second arm note
    oci_init "$image"
    right=$(oci_image "$image" gzip '{"config": {"Cmd": ["echo", "right"]}}' \
        "$work/busybox.tar")
    second=$(oci_image "$image" gzip '{"config": {"Cmd": ["echo", "wrong"]}}' \
        "$work/busybox.tar")
    arm=$(oci_image "$image" gzip \
        '{"architecture": "arm64", "config": {"Cmd": ["echo", "arm"]}}' \
        "$work/busybox.tar")
    note=$(oci_image "$image" gzip \
        '{"architecture": "unknown", "os": "unknown"}' "$work/busybox.tar")
    oci_tag "$image" latest "$(oci_index "$image" \
        "$(with_platform "$arm" '{"architecture": "arm64", "os": "linux", "variant": "v8"}')" \
        "$(with_platform "$right" '{"architecture": "amd64", "os": "linux"}')" \
        "$(with_platform "$second" '{"architecture": "amd64", "os": "linux"}')" \
        "$(with_platform "$note" '{"architecture": "unknown", "os": "unknown"}' |
            jq -c '. + {annotations:
                {"vnd.docker.reference.type": "attestation-manifest"}}')")"
}

with_platform() { jq -c --argjson p "$2" '. + {platform: $p}' <<<"$1"; }

make_layers() { # WORK OCI
    local work=$1 image=$2/layers tars=() config
    config='{"config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]}}'
    layer1 "$work/l1" "$work/layer1.tar"
    layer2 "$work/l2" "$work/layer2.tar"
    layer3 "$work/l3" "$work/layer3.tar"
    layer4 "$work/l4" "$work/layer4.tar"
    tars=("$work"/layer{1,2,3,4}.tar)
    oci_init "$image"
    local tag
    for tag in plain zstd gzip-members zstd-frames; do
        oci_tag "$image" "$tag" \
            "$(oci_image "$image" "$tag" "$config" "${tars[@]}")"
    done
    oci_tag "$image" latest "$(oci_image "$image" gzip "$config" "${tars[@]}")"
}

# what FILE holds is its own name, so that a mixed-up file shows.
put_file() { # FOLDER NAME [TEXT]
    mkdir -p "$(dirname "$1/$2")"
    printf '%s\n' "${3:-$2}" >"$1/$2"
}

long_name() { printf "%${1}s" '' | tr ' ' "$2"; }

# The lowest layer: what later ones hide, replace, link to; and all that a tar
# entry can be.
layer1() { # FOLDER TAR
    local d=$1 name
    mkdir -p "$d"/bin
    chmod 755 "$d"
    install -m 755 "$(command -v busybox)" "$d/bin/busybox"
    for name in sh ls cat stat find; do
        ln -s busybox "$d/bin/$name"
    done
    put_file "$d" etc/passwd 'root:x:0:0:root:/:/bin/sh'
    # Hidden or replaced by layer 2.
    put_file "$d" white/gone
    put_file "$d" white/kept
    put_file "$d" white/gone-folder/a
    put_file "$d" white/gone-folder/sub/b
    put_file "$d" white/same 'of layer 1'
    put_file "$d" white/back/old
    put_file "$d" opaque/first/old
    put_file "$d" opaque/first/sub/old
    put_file "$d" opaque/last/old
    put_file "$d" opaque/last/sub/old
    put_file "$d" replace/file-to-folder
    put_file "$d" replace/folder-to-file/inner
    put_file "$d" replace/folder-to-link/inner
    put_file "$d" replace/target/kept
    ln -s target "$d/replace/link-to-folder"
    ln -s target/kept "$d/replace/link-to-file"
    put_file "$d" replace/file-to-link
    mkdir -m 755 "$d/replace/attributes"
    put_file "$d" replace/attributes/inner
    # Hard links.
    put_file "$d" hard/a
    ln "$d/hard/a" "$d/hard/b"
    put_file "$d" hard/two/x 'two of layer 1'
    ln "$d/hard/two/x" "$d/hard/two/y"
    put_file "$d" hard/three/source 'three of layer 1'
    ln "$d/hard/three/source" "$d/hard/three/survivor"
    ln -s a "$d/hard/soft"
    ln "$d/hard/soft" "$d/hard/soft-too"
    # Soft links.
    mkdir -p "$d/soft"
    ln -s ../white/kept "$d/soft/relative"
    ln -s /white/kept "$d/soft/absolute"
    ln -s nowhere "$d/soft/dangling"
    ln -s loop "$d/soft/loop"
    ln -s "$(long_name 120 t)" "$d/soft/long-target"
    # Owners and modes.
    for name in setuid setgid none owner big-owner sticky-file; do
        put_file "$d" "mode/$name"
    done
    mkdir -p "$d"/mode/{sticky,group,private}
    chown 12345:54321 "$d/mode/owner"
    chown 4000000000:4000000001 "$d/mode/big-owner"
    chmod 4755 "$d/mode/setuid"
    chmod 2755 "$d/mode/setgid"
    chmod 1644 "$d/mode/sticky-file"
    chmod 0 "$d/mode/none"
    chmod 1777 "$d/mode/sticky"
    chmod 2775 "$d/mode/group"
    chmod 700 "$d/mode/private"
    # Nodes.
    mkdir -p "$d/node"
    mknod -m 666 "$d/node/null" c 1 3
    mknod -m 600 "$d/node/loop7" b 7 7
    mknod -m 640 "$d/node/high" c 511 1048575
    mkfifo -m 622 "$d/node/fifo"
    # Names: every byte but NUL and / may come.
    put_file "$d" "name/$(long_name 255 n)" long
    put_file "$d" "name/$(long_name 100 d)/$(long_name 100 e)/$(long_name 100 f)/$(long_name 100 g)" deep
    put_file "$d" $'name/latin1-\xe9' latin1
    put_file "$d" $'name/utf8-\xc3\xa9' utf8
    put_file "$d" $'name/new\nline' newline
    put_file "$d" $'name/\e[31mred' escape
    put_file "$d" 'name/back\slash' backslash
    put_file "$d" 'name/-rf' dash
    put_file "$d" 'name/a space ' space
    put_file "$d" name/... dots
    put_file "$d" name/.whatever 'no whiteout'
    put_file "$d" name/.wh 'no whiteout'
    # Sizes.
    mkdir -p "$d/size/empty-folder"
    : >"$d/size/empty"
    seq 1 300000 >"$d/size/big"
    head -c 131072 /dev/zero >"$d/size/zeros"
    # Extended attributes.
    mkdir -p "$d/xattr"
    put_file "$d" xattr/user
    put_file "$d" xattr/capability
    setfattr -n user.test -v value "$d/xattr/user"
    setfattr -n user.binary -v 0x00ff0a00 "$d/xattr/user"
    setfattr -n user.folder -v yes "$d/xattr"
    PATH=$PATH:/usr/sbin setcap cap_net_bind_service=ep "$d/xattr/capability"
    touch -h -d @1000000000 "$d/white/kept" "$d/soft/relative" "$d/mode/private"
    touch -d @-86400 "$d/size/empty"
    make_tar "$d" "$2"
}

# Whiteouts of all kinds; names come without the leading ./ here.
layer2() { # FOLDER TAR
    local d=$1
    mkdir -p "$d"
    put_file "$d" white/.wh.gone
    put_file "$d" white/.wh.gone-folder
    put_file "$d" white/.wh.back
    put_file "$d" white/.wh.never-was
    # In the same layer as what it names: it hides lower layers only.
    put_file "$d" white/.wh.same
    put_file "$d" white/same 'of layer 2'
    put_file "$d" opaque/first/new
    put_file "$d" opaque/first/.wh..wh..opq
    put_file "$d" opaque/last/new
    put_file "$d" opaque/last/.wh..wh..opq
    put_file "$d" replace/file-to-folder/inner
    put_file "$d" replace/folder-to-file
    ln -s target "$d/replace/folder-to-link"
    put_file "$d" replace/link-to-folder/inner
    put_file "$d" replace/link-to-file 'a file now'
    ln -s target "$d/replace/file-to-link"
    put_file "$d" hard/two/x 'two of layer 2'
    put_file "$d" hard/three/.wh.source
    mkdir -p "$d/replace/attributes"
    chmod 2710 "$d/replace/attributes"
    chown 7:8 "$d/replace/attributes"
    make_tar "$d" "$2" white white/.wh.gone white/.wh.gone-folder \
        white/.wh.back white/.wh.never-was white/.wh.same white/same \
        opaque/first opaque/first/.wh..wh..opq opaque/first/new \
        opaque/last opaque/last/new opaque/last/.wh..wh..opq \
        replace/file-to-folder replace/file-to-folder/inner \
        replace/folder-to-file replace/folder-to-link \
        replace/link-to-folder replace/link-to-folder/inner \
        replace/link-to-file replace/file-to-link replace/attributes \
        hard/two/x hard/three hard/three/.wh.source
}

# A folder that was hidden comes back; parents that no entry names.
layer3() { # FOLDER TAR
    put_file "$1" white/back/new
    put_file "$1" parent/none/file
    put_file "$1" parent/none/later
    make_tar "$1" "$2" white/back white/back/new parent/none/file \
        parent/none/later
}

# A whiteout of what the layer just below brought; a folder's own time
# although files come after it.
layer4() { # FOLDER TAR
    put_file "$1" parent/none/.wh.file
    put_file "$1" parent/time/inner
    touch -d @1100000000 "$1/parent/time"
    make_tar "$1" "$2" parent/none/.wh.file parent/time parent/time/inner
}

# odd: what the specification allows and docker's overlay2 does not apply: a
# whiteout after the entry of the same layer and name, hard links into a lower
# layer, the same name twice.
make_odd() { # WORK OCI
    local work=$1 image=$2/odd d=$1/odd name
    put_file "$d" same 'of layer 1'
    put_file "$d" a
    ln "$d/a" "$d/b"
    put_file "$d" two/x 'two of layer 1'
    mkdir "$d/bin"
    install -m 755 "$(command -v busybox)" "$d/bin/busybox"
    ln -s busybox "$d/bin/sh"
    chmod 755 "$d"
    make_tar "$d" "$work/odd1.tar"
    put_file "$d" same 'of layer 2'
    put_file "$d" .wh.same
    put_file "$d" twice 'first entry'
    make_tar "$d" "$work/odd2.tar" same .wh.same twice
    put_file "$d" twice 'second entry'
    make_tar "$d" "$work/more.tar" twice
    tar --concatenate -f "$work/odd2.tar" "$work/more.tar"
    # tar stores the second of two names of one file as a link to the first;
    # with the first cut off, the link leads into layer 1.
    ln "$d/a" "$d/across"
    ln "$d/two/x" "$d/two/across"
    for name in a:across two/x:two/across; do
        make_tar "$d" "$work/link.tar" "${name%:*}" "${name#*:}"
        tar --delete -f "$work/link.tar" "${name%:*}"
        tar --concatenate -f "$work/odd2.tar" "$work/link.tar"
    done
    oci_init "$image"
    oci_tag "$image" latest "$(oci_image "$image" gzip \
        '{"config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]}}' \
        "$work/odd1.tar" "$work/odd2.tar")"
}
