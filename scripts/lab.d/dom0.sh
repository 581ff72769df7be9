# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# dom0's root: Debian's packages (slow, cached as a tar), then the disk with
# the lab's own files, keys and registry (fast, cached as a sparse image).

dom0_disk_mib=6144

# The releases of Xen that a lab can have, and the Debian that carries each.
xen_releases='4.17 4.20'

dom0_suite() { # XEN
    case $1 in
    4.17) echo bookworm ;;
    4.20) echo trixie ;;
    *) die "there is no lab with Xen $1; known: $xen_releases" ;;
    esac
}

# The project is built with the build machine's libraries, which are Debian
# 12's; another Debian's dom0 has others.
dom0_runs_project() { # XEN
    [[ $(dom0_suite "$1") == bookworm ]]
}

dom0_packages() { # XEN
    package_list dom0
    printf '%s\n' "xen-hypervisor-$1-amd64" "xen-utils-$1"
    if dom0_runs_project "$1"; then
        package_list dom0-libraries
        printf '%s\n' "libxenmisc$1"
    else
        printf '%s\n' docker-cli
    fi
}

dom0_root_key() { # XEN
    hash_inputs "=$(dom0_suite "$1")" "=$(dom0_packages "$1")" \
        "=${dom0_left_out[*]}" "=$(declare -f build_dom0_root debian_root)"
}

# What no lab reads is left out: documentation, translations and the drivers
# of hardware that QEMU does not show.
dom0_left_out=(
    /usr/share/doc/ /usr/share/info/ /usr/share/man/ /usr/share/locale/
    /usr/share/lintian/ /lib/modules/*/kernel/sound/
    /lib/modules/*/kernel/drivers/{gpu,media,infiniband,usb,scsi,staging}/
    /lib/modules/*/kernel/drivers/{hwmon,iio,input,isdn,mfd,mtd,platform}/
    /lib/modules/*/kernel/drivers/net/{ethernet,wireless,can,usb,phy}/
)

build_dom0_root() { # XEN OUT
    local options=() path
    for path in "${dom0_left_out[@]}"; do
        options+=("--dpkgopt=path-exclude=$path*")
    done
    # The log is shown only when it went wrong.
    TMPDIR=$2 debian_root "${options[@]}" \
        --include="$(dom0_packages "$1" | paste -sd,)" \
        "$(dom0_suite "$1")" "$2/root.tar" >"$2/log" 2>&1 </dev/null || {
        tail -n 30 "$2/log" >&2
        say "dom0's root could not be made of Debian's packages"
        return 1
    }
}

dom0_disk_key() { # XEN
    hash_inputs "=$(dom0_root_key "$1")" "=$(images_key)" \
        "$scripts/lab.d/rootfs" "$scripts/lab.d/initramfs-init" \
        "=$dom0_disk_mib" "=$(declare -f build_dom0_disk dom0_basics \
            dom0_keys dom0_kernel)"
}

# The parts of a disk entry: disk.raw, xen, vmlinuz, initramfs, ssh_key.
build_dom0_disk() { # XEN OUT
    local out=$2 root=$2/root
    mkdir "$root"
    tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' -xpf \
        "$(cache_path dom0-root "$(dom0_root_key "$1")")/root.tar"
    cp -R --no-dereference --preserve=mode,links "$scripts/lab.d/rootfs/." \
        "$root/"
    dom0_basics "$root"
    dom0_keys "$root" "$out"
    dom0_kernel "$1" "$root" "$out"
    truncate -s "${dom0_disk_mib}M" "$out/disk.raw"
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -F -m 0 -L dom0 \
        -O ^has_journal -E lazy_itable_init=0 -d "$root" "$out/disk.raw"
    rm -rf --one-file-system "$root"
}

dom0_basics() { # ROOT
    local root=$1
    ln -sfn /bin/busybox "$root/sbin/init"
    ln -sfn /bin/busybox "$root/sbin/poweroff"
    ln -sfn /bin/busybox "$root/sbin/reboot"
    echo dom0 >"$root/etc/hostname"
    printf '127.0.0.1 localhost dom0\n::1 localhost\n' >"$root/etc/hosts"
    echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
    mkdir -p "$root/root/.ssh"
    cp -R "$(cache_path test-images "$(images_key)")/registry" \
        "$root/var/lib/registry"
    chmod 700 "$root/root/.ssh"
    rm -f "$root/etc/machine-id"
    echo '0123456789abcdef0123456789abcdef' >"$root/etc/machine-id"
}

# The lab's own secrets, made for this disk alone: ssh keys, the CA of its TLS
# registry and that registry's user.
dom0_keys() { # ROOT OUT
    local root=$1 out=$2 tls=$1/etc/lab/tls
    ssh-keygen -q -t ed25519 -N '' -C lab -f "$out/ssh_key"
    cp "$out/ssh_key.pub" "$root/root/.ssh/authorized_keys"
    chmod 600 "$root/root/.ssh/authorized_keys"
    rm -f "$root"/etc/ssh/ssh_host_*
    ssh-keygen -q -t ed25519 -N '' -C dom0 \
        -f "$root/etc/ssh/ssh_host_ed25519_key"
    sed "s/^/lab /" "$root/etc/ssh/ssh_host_ed25519_key.pub" \
        >"$out/known_hosts"

    mkdir -p "$tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
        -nodes -days 7300 -subj '/CN=xl-hyper lab CA' \
        -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$out/ca.key" -out "$tls/ca.crt" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj '/CN=127.0.0.1' -keyout "$tls/registry.key" \
        -out "$out/registry.csr" 2>/dev/null
    printf '%s\n' 'subjectAltName=IP:127.0.0.1,DNS:localhost' \
        'extendedKeyUsage=serverAuth' 'basicConstraints=CA:FALSE' \
        >"$out/registry.ext"
    openssl x509 -req -days 7300 -in "$out/registry.csr" -CA "$tls/ca.crt" \
        -CAkey "$out/ca.key" -CAcreateserial -extfile "$out/registry.ext" \
        -out "$tls/registry.crt" 2>/dev/null
    rm -f "$out"/ca.key "$out"/registry.{csr,ext} "$tls/ca.srl"
    local dir
    for dir in etc/hyper etc/docker; do
        mkdir -p "$root/$dir/certs.d/127.0.0.1:5443"
        cp "$tls/ca.crt" "$root/$dir/certs.d/127.0.0.1:5443/"
    done
    htpasswd -Bbn hyper secret >"$root/etc/lab/htpasswd" 2>/dev/null
}

# Xen, dom0's kernel and a small initramfs with what its disk needs.
dom0_kernel() { # XEN ROOT OUT
    local xen=$1 root=$2 out=$3 version ramdisk=$3/ramdisk module
    version=$(basename "$(echo "$root"/lib/modules/*-amd64)")
    zcat "$root/boot/xen-$xen-amd64.gz" >"$out/xen"
    cp "$root/boot/vmlinuz-$version" "$out/vmlinuz"
    mkdir -p "$ramdisk/modules" "$ramdisk/bin"
    cp "$root/bin/busybox" "$ramdisk/bin/"
    cp "$scripts/lab.d/initramfs-init" "$ramdisk/init"
    chmod 755 "$ramdisk/init"
    PATH=$PATH:/usr/sbin:/sbin modprobe -d "$root" -S "$version" \
        --show-depends -a virtio_pci virtio_blk crc32c-intel crc32c_generic \
        ext4 | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
        while read -r module; do
            cp "$module" "$ramdisk/modules/"
            echo "/modules/$(basename "$module")"
        done >"$ramdisk/modules/order"
    (cd "$ramdisk" && find . -print0 | LC_ALL=C sort -z |
        cpio -0 --quiet -o -H newc --owner=0:0) | gzip -1 >"$out/initramfs"
    rm -rf "$ramdisk"
}
