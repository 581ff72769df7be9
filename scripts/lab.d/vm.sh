# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The machine under the lab: QEMU with Xen and dom0 in it.
#
# A lab is never booted twice. The first `up` boots dom0 once, stops it when it
# is ready and keeps three files: the memory, the devices' state and the disk.
# Each lab then maps that memory copy-on-write, so it starts in a second and
# labs share what they don't change.

boot_timeout_s=300
qmp_timeout_s=30

# -smap: QEMU before 9.1 faults on IRET with SMAP on, which kills a PV dom0.
# -rdtscp: QEMU's emulated SVM has no instruction length for it, which kills a
# PVH domain. +svm: PVH domains need it.
machine_flags() { # ACCEL
    case $1 in
    kvm) printf '%s\n' -accel kvm -cpu host ;;
    tcg)
        printf '%s\n' -accel tcg,thread=multi \
            -cpu max,-smap,-rdtscp,+svm
        ;;
    esac
}

# What a booted snapshot depends on. The processor is in it because Xen has
# measured its clock at boot.
snapshot_key() {
    local flags
    flags=$(machine_flags "$accel")
    hash_inputs "=$(dom0_disk_key "$xen")" "=$memory_mib" "=$cpus" "=$flags" \
        "=$(qemu-system-x86_64 --version | head -n 1)" \
        "=$(grep -m 1 'model name' /proc/cpuinfo)" \
        "=$(declare -f start_qemu boot_dom0 save_snapshot)"
}

# qemu FOLDER DISK RAM SHARE ARGUMENT...: starts the machine in the background
# with its sockets and logs in FOLDER.
start_qemu() {
    local dir=$1 disk=$2 ram=$3 share=$4
    shift 4
    local flags
    mapfile -t flags < <(machine_flags "$accel")
    # Descriptors above 2 are locks of ours: QEMU must not inherit them.
    (
        close_descriptors
        exec qemu-system-x86_64 -name "xl-hyper-lab,debug-threads=on" \
            -nodefaults -no-user-config -display none "${flags[@]}" \
            -smp "$cpus" -m "$memory_mib" \
            -object "memory-backend-file,id=ram,size=${memory_mib}M,mem-path=$ram,share=$share" \
            -machine pc,memory-backend=ram -rtc base=utc \
            -chardev "file,id=console,path=$dir/console.log,append=on" \
            -serial chardev:console \
            -qmp "unix:$dir/qmp.sock,server=on,wait=off" \
            -drive "file=$disk,if=none,id=disk,format=qcow2,discard=unmap,cache=unsafe" \
            -device virtio-blk-pci,drive=disk \
            -netdev user,id=net,hostfwd=tcp:127.0.0.1:0-:22 \
            -device virtio-net-pci,netdev=net,romfile= \
            -pidfile "$dir/qemu.pid" -daemonize "$@" \
            >"$dir/qemu.log" 2>&1 </dev/null
    ) || {
        tail -n 5 "$dir/qemu.log" >&2
        say "QEMU did not start"
        return 1
    }
}

close_descriptors() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        if ((fd > 2 && fd != 255)); then
            exec {fd}>&-
        fi
    done
}

# The process of the lab in FOLDER, or failure. The number alone is not
# enough: it may belong to somebody else by now.
qemu_pid() { # FOLDER
    local pid
    pid=$(cat "$1/qemu.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" |
        grep -qF "unix:$1/qmp.sock," || return 1
    printf '%s\n' "$pid"
}

# qmp FOLDER COMMAND [ARGUMENTS-JSON]: prints what the command returns.
qmp() {
    local dir=$1 command=$2 arguments=${3:-'{}'} line reply='' from to
    coproc QMP { exec socat - "UNIX-CONNECT:$dir/qmp.sock" 2>/dev/null; }
    exec {from}<&"${QMP[0]}" {to}>&"${QMP[1]}"
    printf '%s\n' '{"execute": "qmp_capabilities"}' \
        "{\"execute\": \"$command\", \"arguments\": $arguments, \"id\": \"lab\"}" \
        1>&"$to" 2>/dev/null || true
    while IFS= read -r -t "$qmp_timeout_s" line <&"$from"; do
        if [[ $line == *'"id": "lab"'* ]]; then
            reply=$line
            break
        fi
    done
    exec {from}<&- {to}>&-
    kill "$QMP_PID" 2>/dev/null || true
    wait "$QMP_PID" 2>/dev/null || true
    [[ -n $reply ]] || { say "QEMU does not answer to $command"; return 1; }
    if [[ $(jq 'has("error")' <<<"$reply") == true ]]; then
        say "QEMU refused $command: $(jq -r .error.desc <<<"$reply")"
        return 1
    fi
    jq -c .return <<<"$reply"
}

# ssh_port FOLDER: the loopback port that leads to dom0's sshd.
ssh_port() {
    qmp "$1" human-monitor-command '{"command-line": "info usernet"}' |
        jq -r . | awk '$1 ~ /^TCP\[HOST_FORWARD\]/ { print $4; exit }'
}

# wait_ready FOLDER: until dom0 says that it is ready, dies, or time is up.
# Prints dom0's own stage lines on the way.
wait_ready() {
    local dir=$1 start=$SECONDS shown=0 total line status
    while :; do
        total=$(grep -ac '^lab: ' "$dir/console.log" || true)
        if ((total > shown)); then
            while IFS= read -r line; do
                say "  dom0: ${line#lab: }"
            done < <(grep -a '^lab: ' "$dir/console.log" | tr -d '\r' |
                sed -n "$((shown + 1)),${total}p")
            shown=$total
        fi
        if grep -aq '^lab: .*dom0 is ready' "$dir/console.log"; then
            return 0
        fi
        if grep -aq '^lab: .*FAILED' "$dir/console.log"; then
            trouble "$dir" "dom0 did not come up"
            return 1
        fi
        qemu_pid "$dir" >/dev/null || {
            trouble "$dir" "QEMU ended while dom0 was booting"
            return 1
        }
        status=$(qmp "$dir" query-status 2>/dev/null | jq -r .status || true)
        if [[ $status != running ]]; then
            trouble "$dir" "QEMU stopped while dom0 was booting (${status:-no answer})"
            return 1
        fi
        if ((SECONDS - start > boot_timeout_s)); then
            trouble "$dir" "dom0 was not ready after $boot_timeout_s s"
            return 1
        fi
        sleep 0.3
    done
}

# trouble FOLDER TEXT: says what went wrong, and what the console said last.
trouble() {
    local qmp_timeout_s=5 status
    say "$2; the end of its console:"
    if [[ -s $1/console.log ]]; then
        tail -n 15 "$1/console.log" | tr -d '\r' | cat -v | sed 's/^/    | /' >&2
    else
        echo '    | (nothing)' >&2
    fi
    [[ ! -s $1/qemu.log ]] ||
        tail -n 5 "$1/qemu.log" | cat -v | sed 's/^/    | QEMU: /' >&2
    qemu_pid "$1" >/dev/null || return 0
    status=$(qmp "$1" query-status 2>/dev/null | jq -r .status || true)
    case $status in
    running) ;;
    '') echo "    | QEMU does not answer either" >&2 ;;
    io-error)
        echo "    | QEMU has stopped it: it cannot write the lab's disk;" \
            "is this machine's disk full? ($1)" >&2
        ;;
    *) echo "    | QEMU's state: $status" >&2 ;;
    esac
}

# stop_strays PREFIX: ends QEMUs whose folder began with PREFIX, left by
# somebody who was killed.
stop_strays() {
    local pid
    for pid in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null <"$pid/cmdline" |
            grep -qF "unix:$1"; then
            kill "${pid#/proc/}" 2>/dev/null || true
        fi
    done
}

stop_qemu() { # FOLDER
    local dir=$1 pid tries
    pid=$(qemu_pid "$dir") || return 0
    kill "$pid" 2>/dev/null || return 0
    for ((tries = 0; tries < 50; tries++)); do
        qemu_pid "$dir" >/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

# Boots dom0 and keeps it as it is when it is ready: ram, state, disk.qcow2
# (over the dom0 disk of the cache) and console.log.
build_snapshot() { # OUT
    stop_strays "$(cache_path snapshot ".tmp-$(snapshot_key).")"
    trap 'stop_qemu "$1"' EXIT
    dom0_disk_key "$xen" >"$1/disk"
    boot_dom0 "$1"
    save_snapshot "$1"
    trap - EXIT
}

# boot_dom0 FOLDER, a folder two levels below the cache's root.
#
# eager-fpu: on an emulated processor Xen's lazy switching of vector registers
# mixes them up between domains: memcpy() in dom0 then damages what it copies.
boot_dom0() {
    local dir=$1 disk
    disk=../../dom0-disk/$(dom0_disk_key "$xen")
    qemu-img create -q -f qcow2 -b "$disk/disk.raw" -F raw "$dir/disk.qcow2"
    disk=$(cache_path dom0-disk "$(dom0_disk_key "$xen")")
    start_qemu "$dir" "$dir/disk.qcow2" "$dir/ram" on \
        -kernel "$disk/xen" -initrd \
        "$disk/vmlinuz console=hvc0 quiet loglevel=4 net.ifnames=0,$disk/initramfs" \
        -append "spec-ctrl=eager-fpu dom0_mem=1024M,max:1024M dom0_max_vcpus=1 bootscrub=0 console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning"
    wait_ready "$dir"
}

save_snapshot() { # FOLDER
    local dir=$1 status start=$SECONDS
    qmp "$dir" stop >/dev/null
    qmp "$dir" migrate-set-capabilities '{"capabilities":
        [{"capability": "x-ignore-shared", "state": true}]}' >/dev/null
    qmp "$dir" migrate "{\"uri\": \"exec:cat >'$dir/state'\"}" >/dev/null
    while :; do
        status=$(qmp "$dir" query-migrate | jq -r .status)
        case $status in
        completed) break ;;
        failed | cancelled) say "saving the booted lab: $status"; return 1 ;;
        esac
        ((SECONDS - start < 120)) || { say "saving the booted lab takes too long"; return 1; }
        sleep 0.2
    done
    qmp "$dir" quit >/dev/null
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        qemu_pid "$dir" >/dev/null || break
        sleep 0.1
    done
    stop_qemu "$dir"
    rm -f "$dir/qmp.sock" "$dir/qemu.pid" "$dir/qemu.log"
    # Pages that hold only zeros need no place on the disk.
    fallocate --dig-holes "$dir/ram"
    chmod a-w "$dir"/*
}

# Starts a lab in FOLDER from its snapshot.
restore_snapshot() { # FOLDER SNAPSHOT
    local dir=$1 snapshot=$2 status start=$SECONDS
    rm -f "$dir/disk.qcow2"
    qemu-img create -q -f qcow2 -b "$snapshot/disk.qcow2" -F qcow2 \
        "$dir/disk.qcow2"
    cp "$snapshot/console.log" "$dir/console.log"
    chmod u+w "$dir/console.log"
    start_qemu "$dir" "$dir/disk.qcow2" "$snapshot/ram" off -incoming defer
    qmp "$dir" migrate-set-capabilities '{"capabilities":
        [{"capability": "x-ignore-shared", "state": true}]}' >/dev/null
    qmp "$dir" migrate-incoming "{\"uri\": \"exec:cat '$snapshot/state'\"}" \
        >/dev/null
    while :; do
        status=$(qmp "$dir" query-status | jq -r .status) || return 1
        case $status in
        inmigrate) ;;
        paused | postmigrate) break ;;
        running) return 0 ;;
        *) trouble "$dir" "the snapshot did not start (QEMU: $status)"; return 1 ;;
        esac
        ((SECONDS - start < 60)) || {
            trouble "$dir" "the snapshot did not start in 60 s"
            return 1
        }
        sleep 0.1
    done
    qmp "$dir" cont >/dev/null
}

# kvm where it can run Xen and a PVH domain in it, tcg otherwise. What a trial
# found is kept for this processor, kernel and QEMU.
choose_accel() {
    local record trial
    case ${XL_HYPER_LAB_ACCEL:-} in
    kvm | tcg) echo "$XL_HYPER_LAB_ACCEL"; return ;;
    '') ;;
    *) die "XL_HYPER_LAB_ACCEL is '$XL_HYPER_LAB_ACCEL'; it can be kvm or tcg" ;;
    esac
    # A PVH domain needs the processor's virtualisation a second time.
    if [[ ! -r /dev/kvm || ! -w /dev/kvm ]] ||
        ! grep -qs '^[1Y]' /sys/module/kvm_{intel,amd}/parameters/nested; then
        echo tcg
        return
    fi
    record=$(cache_path accel "$(hash_inputs "=$(uname -r)" \
        "=$(qemu-system-x86_64 --version | head -n 1)" \
        "=$(grep -m 1 'model name' /proc/cpuinfo)")")
    if [[ ! -f $record ]]; then
        say "does Xen run under this machine's KVM? Trying for at most 90 s"
        mkdir -p "$(dirname "$record")"
        trial=$(mktemp -d "$(dirname "$record")/.trial.XXXXXX")
        if kvm_runs_xen "$trial"; then
            echo kvm >"$record"
        else
            say "it does not; the lab uses software emulation (slower)"
            echo tcg >"$record"
        fi
        rm -rf "$trial"
    fi
    cat "$record"
}

kvm_runs_xen() ( # FOLDER
    accel=kvm boot_timeout_s=90
    trap 'stop_qemu "$1"' EXIT
    boot_dom0 "$1" 2>"$1/said" || exit 1
    # The console has the output of `xl info` too.
    grep -aq '^virt_caps.*hvm' "$1/console.log"
)
