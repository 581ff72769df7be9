# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The way into dom0: one ssh connection for each lab, shared by all commands.

# ssh_options FOLDER: fills the array `ssh`, the command up to the host's name.
ssh_options() {
    local dir=$1 disk
    disk=$(<"$dir/disk_entry")
    ssh=(ssh -F none -i "$disk/ssh_key" -p "$(<"$dir/port")"
        -o "UserKnownHostsFile=$disk/known_hosts" -o HostKeyAlias=lab
        -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR
        -o ConnectTimeout=20 -o ServerAliveInterval=10
        -o ServerAliveCountMax=6 -o ControlMaster=auto
        -o "ControlPath=$dir/ssh.sock" -o ControlPersist=yes
        -o Ciphers=aes128-ctr -o MACs=umac-64@openssh.com
        -o Compression=no -l root)
}

# ssh_run FOLDER TIMEOUT_S TTY COMMAND...: argv arrives in dom0 as it is here;
# without a TIMEOUT_S there is no limit. Returns the command's exit status.
ssh_run() {
    local dir=$1 limit=$2 tty=$3 line ssh
    shift 3
    ssh_options "$dir"
    # The shell over there stays until the end: were it replaced by the command,
    # ssh would turn death by a signal into 255. What bash says of such a death
    # goes to its own stderr, which is not the command's.
    printf -v line '%q ' "$@"
    line="${limit:+timeout -k 5 $limit }$line"
    if [[ -n $tty ]]; then
        ssh+=(-tt)
        line+='; exit $?'
    else
        line="exec 3>&2 2>/dev/null; $line 2>&3 3>&-; exit \$?"
    fi
    # A connection's process outlives the command: it must not hold locks of
    # ours. dom0 ends the command when its time is up; when dom0 can't, we do.
    (
        close_descriptors
        if [[ -n $limit ]]; then
            exec timeout --foreground -k 5 $((limit + 60)) "${ssh[@]}" \
                127.0.0.1 "$line"
        fi
        exec "${ssh[@]}" 127.0.0.1 "$line"
    )
}

ssh_close() { # FOLDER
    local ssh
    [[ -S $1/ssh.sock ]] || return 0
    ssh_options "$1"
    timeout 5 "${ssh[@]}" -O exit 127.0.0.1 >/dev/null 2>&1 || true
    rm -f "$1/ssh.sock"
}

# answers FOLDER: does dom0 run commands? Within 20 s, also when it is busy.
answers() {
    local ssh
    ssh_options "$1"
    (
        close_descriptors
        exec timeout -k 1 20 "${ssh[@]}" 127.0.0.1 true >/dev/null 2>&1 \
            </dev/null
    )
}
