# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The images that people use: Debian, and servers from its packages.

# What official images leave out too.
left_out=(/usr/share/doc/ /usr/share/man/ /usr/share/locale/ /usr/share/info/
    /usr/share/lintian/)

# build_roots OUT: debian.tar, nginx.tar, redis.tar and sshd.tar, each a whole
# root.
build_roots() {
    local out=$1 options=() path
    for path in "${left_out[@]}"; do
        options+=("--dpkgopt=path-exclude=$path*")
    done
    two_roots "$out" debian '' nginx nginx "${options[@]}" &&
        two_roots "$out" redis redis-server sshd openssh-server "${options[@]}"
}

# At the same time: so many CPUs there are at least.
two_roots() { # OUT NAME PACKAGES NAME PACKAGES OPTION...
    local out=$1 pid status=0
    local first=("${@:2:2}") second=("${@:4:2}")
    shift 5
    root_of "$out" "${first[@]}" "$@" &
    pid=$!
    root_of "$out" "${second[@]}" "$@" || status=1
    wait "$pid" || status=1
    return "$status"
}

root_of() { # OUT NAME PACKAGES OPTION...
    local out=$1 name=$2 packages=$3
    shift 3
    TMPDIR=$out debian_root "$@" ${packages:+--include="$packages"} \
        bookworm "$out/$name" >"$out/$name.log" 2>&1 </dev/null || {
        tail -n 20 "$out/$name.log" >&2
        say "the root of $name could not be made of Debian's packages"
        return 1
    }
    # A container gets these from whoever runs it.
    rm -rf "$out/$name"/dev/* "$out/$name"/etc/{hostname,resolv.conf} \
        "$out/$name"/etc/ssh/ssh_host_*
    make_tar "$out/$name" "$out/$name.tar"
    rm -rf --one-file-system "${out:?}/$name"
}

# The layout oci/debian: one layer.
make_debian() { # ROOTS OCI
    local roots=$1 image=$2/debian
    umoci init --layout "$image"
    umoci new --image "$image:latest"
    umoci raw add-layer --image "$image:latest" \
        --history.created "$image_date" --history.created_by 'ADD debian.tar' \
        "$roots/debian.tar"
    configure "$image:latest" --config.cmd bash
    umoci tag --image "$image:latest" bookworm
}

# derive IMAGE ROOT-TAR: a layer that turns the image's root into the other one.
derive() {
    local image=$1 tar=$2 bundle
    bundle=$(mktemp -d)
    umoci unpack --image "$image" "$bundle/b"
    find "$bundle/b/rootfs" -mindepth 1 -delete
    tar -C "$bundle/b/rootfs" --numeric-owner -xpf "$tar"
    umoci repack --image "$image" --history.created "$image_date" \
        --history.created_by "RUN apt-get install $(basename "$tar" .tar)" \
        "$bundle/b"
    rm -rf --one-file-system "$bundle"
}

configure() { # IMAGE OPTION...
    local image=$1
    shift
    umoci config --image "$image" --created "$image_date" --os linux \
        --architecture amd64 --history.created "$image_date" \
        --config.env \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# add_files IMAGE FOLDER CREATED-BY: one more layer.
add_files() {
    local tar
    tar=$(mktemp)
    make_tar "$2" "$tar"
    umoci raw add-layer --image "$1" --history.created "$image_date" \
        --history.created_by "$3" "$tar"
    rm -f "$tar"
}

make_nginx() { # ROOTS OCI
    local roots=$1 image=$2/nginx:latest folder
    cp -R "$2/debian" "$2/nginx"
    umoci rm --image "$2/nginx:bookworm"
    derive "$image" "$roots/nginx.tar"
    folder=$(mktemp -d)
    chmod 755 "$folder"
    mkdir -p "$folder/var/log/nginx"
    chown 33:4 "$folder/var/log/nginx"
    ln -s /dev/stdout "$folder/var/log/nginx/access.log"
    ln -s /dev/stderr "$folder/var/log/nginx/error.log"
    add_files "$image" "$folder" 'RUN ln -sf /dev/stdout /var/log/nginx/access.log'
    rm -rf "$folder/var"
    install -m 755 "$scripts/test-images.d/nginx/docker-entrypoint.sh" "$folder/"
    add_files "$image" "$folder" 'COPY docker-entrypoint.sh /'
    rm "$folder/docker-entrypoint.sh"
    install -D -m 755 -t "$folder/docker-entrypoint.d" \
        "$scripts"/test-images.d/nginx/10-*.sh
    add_files "$image" "$folder" 'COPY 10-listen-on-ipv6-by-default.sh /docker-entrypoint.d'
    rm -rf "$folder"
    configure "$image" --clear config.cmd \
        --config.entrypoint /docker-entrypoint.sh \
        --config.cmd nginx --config.cmd -g --config.cmd 'daemon off;' \
        --config.exposedports 80/tcp --config.stopsignal SIGQUIT \
        --config.label maintainer=xl-hyper \
        --config.env "NGINX_VERSION=$(version_in "$roots/nginx.tar" nginx)"
    umoci gc --layout "$2/nginx"
}

make_redis() { # ROOTS OCI
    local roots=$1 image=$2/redis:latest folder
    cp -R "$2/debian" "$2/redis"
    umoci rm --image "$2/redis:bookworm"
    derive "$image" "$roots/redis.tar"
    folder=$(mktemp -d)
    chmod 755 "$folder"
    install -D -m 755 -t "$folder/usr/local/bin" \
        "$scripts/test-images.d/redis/docker-entrypoint.sh"
    add_files "$image" "$folder" 'COPY docker-entrypoint.sh /usr/local/bin/'
    rm -rf "$folder/usr"
    mkdir "$folder/data"
    add_files "$image" "$folder" 'RUN mkdir /data'
    rm -rf "$folder"
    configure "$image" --clear config.cmd \
        --config.entrypoint docker-entrypoint.sh \
        --config.cmd redis-server --config.cmd --protected-mode \
        --config.cmd no --config.exposedports 6379/tcp \
        --config.volume /data --config.workingdir /data
    umoci gc --layout "$2/redis"
}

# Host keys are made by each container for itself.
make_sshd() { # ROOTS OCI
    local roots=$1 image=$2/sshd:latest folder
    cp -R "$2/debian" "$2/sshd"
    umoci rm --image "$2/sshd:bookworm"
    derive "$image" "$roots/sshd.tar"
    folder=$(mktemp -d)
    chmod 755 "$folder"
    install -m 755 "$scripts/test-images.d/sshd/docker-entrypoint.sh" "$folder/"
    add_files "$image" "$folder" 'COPY docker-entrypoint.sh /'
    rm -rf "$folder"
    configure "$image" --clear config.cmd \
        --config.entrypoint /docker-entrypoint.sh --config.exposedports 22/tcp
    umoci gc --layout "$2/sshd"
}

version_in() { # ROOT-TAR PACKAGE
    tar -xOf "$1" ./var/lib/dpkg/status |
        awk -v p="$2" '$1 == "Package:" { at = $2 == p }
            at && $1 == "Version:" { print $2; exit }'
}
