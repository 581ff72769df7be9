# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# From the command to the first line of a cached image's process: ours, stock
# xl with the same kernel, stock xl with Debian's kernel, docker.  In dom0.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"

image=busybox
work=$(mktemp -d)
lib=${HX_PKGLIBDIR:-/usr/local/lib/xl-hyper}
loops=()

finish() {
    local loop name
    for name in bench-xl bench-debian; do
        xl destroy "$name" 2>/dev/null || true
    done
    for loop in "${loops[@]}"; do
        losetup -d "$loop" || true
    done
    lab-dockerd stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

ours() {
    timeout 120 xl hyper-run --rm --type "$1" "$image" echo "$marker"
}

loop_of() {
    local loop
    loop=$(losetup -f --show "$@")
    loops+=("$loop")
    printf -v loop_device '%s' "$loop"
}

root_disk() {
    xl-hyper images --json |
        jq -r --arg name "$image:latest" \
            '[.[] | select(.Reference == $name or .Familiar == $name)][0].RootDisk'
}

# For stock xl the same kernel, disks (loop devices made beforehand) and a vif by
# the stock scripts; the image's process is the kernel's first, so that its line
# comes on the console, and with less to do than in ours.
write_xl_config() {
    local root scratch
    loop_of -r "$(root_disk)"
    root=$loop_device
    truncate -s 1G "$work/scratch"
    mke2fs -q -t ext4 -O ^has_journal "$work/scratch"
    loop_of "$work/scratch"
    scratch=$loop_device
    cat >"$work/xl.cfg" <<CFG
name = "bench-xl"
type = "pv"
kernel = "$lib/vmlinux"
cmdline = "console=hvc0 quiet root=/dev/xvda rootfstype=squashfs ro rootwait init=/bin/echo $marker"
memory = 64
maxmem = 64
vcpus = 1
disk = [ 'phy:$root,xvda,r', 'phy:$scratch,xvdb,w' ]
vif = [ 'mac=00:16:3e:00:be:01,bridge=hyper0' ]
on_crash = "destroy"
CFG
    cat >"$work/debian.cfg" <<CFG
name = "bench-debian"
type = "pv"
kernel = "$(echo /boot/vmlinuz-*)"
ramdisk = "$work/debian.initrd"
cmdline = "console=hvc0 quiet root=/dev/xvda rootfstype=squashfs ro init=/bin/echo $marker"
memory = 384
maxmem = 384
vcpus = 1
disk = [ 'phy:$root,xvda,r' ]
vif = [ 'mac=00:16:3e:00:be:02,bridge=hyper0' ]
on_crash = "destroy"
CFG
}

# Debian's initramfs as its package made it, and squashfs, which the disk needs
# and the package leaves out, in a second archive behind it.
debian_initramfs() {
    local tree=$work/initramfs module number=0
    mkdir -p "$tree"/{squashfs,scripts/init-premount}
    while read -r module; do
        number=$((number + 1))
        cp "$module" "$tree/squashfs/$number.ko"
    done < <(modprobe --show-depends squashfs |
        awk '$1 == "insmod" { print $2 }')
    echo 'for module in /squashfs/*.ko; do insmod "$module"; done' \
        >"$tree/scripts/init-premount/ORDER"
    cat /boot/initrd.img-* >"$work/debian.initrd"
    truncate -s %512 "$work/debian.initrd"
    (cd "$tree" && find . | cpio -o -H newc --quiet) >>"$work/debian.initrd"
}

# The console needs a terminal; `script` gives it one.
stock_xl() {
    timeout 120 script -qec "xl create -q -c $work/$1.cfg" /dev/null
}

in_docker() {
    timeout 120 docker run --rm --network none "$image" echo "$marker"
}

prepare() {
    note "pulling $image"
    xl hyper-pull "$image" >/dev/null
    xl hyper-run --rm --type pv "$image" true
    write_xl_config
    debian_initramfs
    lab-dockerd start >&2
    docker pull -q "$image" >&2
}

ms() {
    ratio "$1" 1000
}

# The stages of one launch, as the monitor and pv-init reported them.
stage_rows() {
    local name=bench-stages
    xl hyper-run --type pv --name "$name" "$image" true
    xl hyper-inspect "$name" | jq -c '.[0].Stages[] |
        {name: ("launch/pv/stage/" + .Name), value: (.Microseconds / 1000),
         unit: "ms", runs: 1, ratio: null, against: null}'
    xl hyper-destroy -f "$name" >/dev/null
}

main() {
    local i pv=() pvh=() xls=() debian=() docker=() our has_hvm=
    if xl info | grep -q '^virt_caps.*hvm'; then
        has_hvm=1
    else
        note "this host has no HVM: launch/pvh is not measured"
    fi
    prepare
    for ((i = 0; i < runs; i++)); do
        pv+=("$(to_first_line ours pv)")
        xls+=("$(to_first_line stock_xl xl)")
        debian+=("$(to_first_line stock_xl debian)")
        docker+=("$(to_first_line in_docker)")
        [[ -z $has_hvm ]] || pvh+=("$(to_first_line ours pvh)")
        note "run $((i + 1)): ours ${pv[-1]}, pvh ${pvh[-1]:--}, xl" \
            "${xls[-1]}, debian ${debian[-1]}, docker ${docker[-1]} us"
    done
    our=$(median "${pv[@]}")
    row launch/pv "$(ms "$our")" ms "$runs"
    [[ -z $has_hvm ]] ||
        row launch/pvh "$(ms "$(median "${pvh[@]}")")" ms "$runs"
    row launch/pv/vs-xl-scripts "$(ms "$our")" ms "$runs" \
        "$(ratio "$our" "$(median "${xls[@]}")")" \
        "xl create, same kernel, stock scripts"
    row launch/pv/vs-debian-kernel "$(ms "$our")" ms "$runs" \
        "$(ratio "$our" "$(median "${debian[@]}")")" \
        "xl create, Debian's kernel and initramfs"
    row launch/pv/vs-docker "$(ms "$our")" ms "$runs" \
        "$(ratio "$our" "$(median "${docker[@]}")")" "docker run --rm"
    stage_rows
}

main
