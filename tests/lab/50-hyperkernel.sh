# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The HyperKernel by itself: plain `xl create` with a ramdisk of busybox, a disk
# and a vif, at the memory it promises to run in.
#
# The scripts are for the shell in the domain.
# shellcheck disable=SC2016

# ramdisk SCRIPT: ./ramdisk.cpio, whose init is SCRIPT and then a power-off.
ramdisk() {
    local name

    rm -rf rd
    mkdir -p rd/{bin,proc,sys,dev,mnt}
    cp /bin/busybox rd/bin/
    for name in sh mount cat echo grep sleep ls poweroff awk ip nproc; do
        ln -s busybox "rd/bin/$name"
    done
    cat >rd/init <<INIT
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec >/dev/console 2>&1 </dev/console
$1
poweroff -f
INIT
    chmod 755 rd/init
    (cd rd && find . | cpio -o -H newc -R 0:0 --quiet) >ramdisk.cpio
}

# configure TYPE MEMORY ON-CRASH [LINE...]: ./hk.cfg.
configure() {
    local lib=/usr/local/lib/xl-hyper

    [[ -e $lib/vmlinux ]] || lib=/usr/lib/xl-hyper
    printf '%s = "%s"\n' name hk-test type "$1" kernel "$lib/vmlinux" \
        ramdisk "$PWD/ramdisk.cpio" on_crash "$3" >hk.cfg
    printf '%s = %s\n' memory "$2" maxmem "$2" >>hk.cfg
    shift 3
    printf '%s\n' "$@" >>hk.cfg
}

# boot TYPE MEMORY [LINE...]: until the domain is gone; what it wrote to its
# console is in ./console.
boot() {
    local type=$1 memory=$2

    shift 2
    configure "$type" "$memory" destroy "$@"
    timeout 120 xl create -c hk.cfg </dev/null 2>&1 | tr -d '\r' >console ||
        fail "$type, $memory MiB: $(tail -n 5 console)"
    until_true 20 sh -c '! xl domid hk-test'
}

test_hyperkernel_has_disk_and_vif_in_32_mib() {
    local type loop

    mkdir files
    echo "from the disk" >files/text
    mksquashfs files disk.img -comp zstd -quiet >/dev/null
    loop=$(losetup -f --show -r disk.img)
    ip link add hk-bridge type bridge
    # shellcheck disable=SC2064
    trap "ip link del hk-bridge; losetup -d $loop" EXIT
    ramdisk 'n=0
until [ -e /dev/xvda ] && [ -e /sys/class/net/eth0 ] || [ $n = 300 ]; do
    n=$((n + 1)); sleep 0.1
done
mount -t squashfs -o ro /dev/xvda /mnt && cat /mnt/text
ip link set eth0 up && echo "eth0 is up"
awk "/^MemAvailable/ { print \"available\", \$2 }" /proc/meminfo'
    for type in $(types); do
        boot "$type" 32 "disk = ['phy:$loop,xvda,r']" \
            "vif = ['bridge=hk-bridge']"
        has "$type" "$(cat console)" "from the disk"
        has "$type" "$(cat console)" "eth0 is up"
        # 16 MiB of 32, after busybox (1.9 MiB) in the ramdisk has its share.
        [[ $(awk '$1 == "available" { print $2 }' console) -gt 16384 ]] ||
            fail "$type: less than 16 MiB are left: $(cat console)"
    done
}

test_hyperkernel_has_what_containers_need() {
    local type word

    ramdisk 'cat /proc/filesystems
mount -t cgroup2 cg /mnt && echo "controllers: $(cat /mnt/cgroup.controllers)"
echo "namespaces:" $(ls /proc/self/ns)
echo "xen:" $(ls /dev/xen)
echo "cpus: $(nproc)"'
    for type in $(types); do
        boot "$type" 48 "vcpus = 2"
        has "$type" "$(cat console)" "controllers: cpu io memory pids"
        has "$type" "$(cat console)" "cpus: 2"
        for word in squashfs ext4 overlay tmpfs mqueue xenfs cgroup ipc mnt \
            net pid time user uts evtchn gntalloc gntdev xenbus; do
            grep -qw "$word" console || fail "$type: no $word"
        done
    done
}

test_hyperkernel_panic_ends_the_domain_as_crashed() {
    local type

    ramdisk 'echo c >/proc/sysrq-trigger; sleep 60'
    for type in $(types); do
        configure "$type" 32 preserve
        xl create -q hk.cfg
        until_true 60 sh -c "xl list hk-test | awk 'NR == 2 { print \$5 }' |
            grep -q c"
        xl destroy hk-test
    done
}
