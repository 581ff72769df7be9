# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Bad input: one sentence, a documented exit code, nothing left behind.

test_missing_images() {
    refuses 125 "no-such-image" xl hyper-create no-such-image
    refuses 125 "no-such-tag" xl hyper-create busybox:no-such-tag
    refuses 125 "arm64only" xl hyper-create arm64only
    refuses 125 "Not/Valid" xl hyper-create Not/Valid
    refuses 125 "command" xl hyper-create nocmd
    refuses 125 "/no/file.tar" xl hyper-create docker-archive:/no/file.tar
    refuses 125 "--pull" xl hyper-create --pull never busybox:not-here
}

test_registry_troubles() {
    refuses 1 "127.0.0.1:1" xl hyper-pull 127.0.0.1:1/library/busybox
    refuses 1 "127.0.0.1:5443" xl hyper-pull 127.0.0.1:5443/library/busybox
}

test_names_and_options() {
    refuses 125 "name" xl hyper-create --name 'a b' busybox
    refuses 125 "--type" xl hyper-create --type kvm busybox
    refuses 125 "-m" xl hyper-create -m lots busybox
    refuses 125 "publish" xl hyper-create -p 80:80 busybox
    refuses 125 "no-such-bridge" xl hyper-create --network no-such-bridge busybox
    refuses 125 "--ip" xl hyper-create --ip 300.1.1.1 busybox
    refuses 125 "--mac" xl hyper-create --mac zz busybox
    xl hyper-create --type pv --name taken busybox sleep 1000 >/dev/null
    refuses 125 "taken" xl hyper-create --name taken busybox sleep 1000
    refuses 1 "-f" xl hyper-destroy taken
    refuses 1 "nobody" xl hyper-inspect nobody
    refuses 1 "nobody" xl hyper-logs nobody
    refuses 1 "nobody" xl hyper-stop nobody
    refuses 1 "nobody" xl hyper-destroy nobody
}

test_name_of_a_foreign_domain() {
    # Dom0 itself has the name Domain-0.
    refuses 125 "Domain-0" xl hyper-create --name Domain-0 busybox sleep 1
}

test_not_enough_memory() {
    refuses 125 "memory" xl hyper-create --type pv -m 100g busybox sleep 1
    refuses 125 "memory" xl hyper-create --type pv -m 1m busybox sleep 1
}

test_too_little_memory_for_the_guest_is_no_success() {
    local rc=0
    timeout 120 xl hyper-run --rm --type pv -m 12 busybox true >out 2>err || rc=$?
    [[ $rc -ne 0 && $rc -ne 124 ]] || fail "exit $rc"
    [[ -s err ]] || fail "no sentence"
}

test_full_disk() {
    mkdir -p small
    mount -t tmpfs -o size=256k tmpfs small
    mkdir -p /var/lib/hyper
    mount --bind small /var/lib/hyper
    local rc=0
    xl hyper-create busybox >out 2>err || rc=$?
    umount /var/lib/hyper
    umount small
    same "exit" 125 "$rc"
    same "lines" 1 "$(wc -l <err)"
    has "sentence" "$(cat err)" "space"
}

test_no_xenstored_and_no_privilege() {
    refuses 125 "root" setpriv --reuid 65534 --clear-groups xl-hyper create busybox
    unshare -m sh -c 'mount -t tmpfs none /run/xen* 2>/dev/null
        mount -t tmpfs none /var/run/xenstored 2>/dev/null
        mount -t tmpfs none /proc/xen
        mount -t tmpfs none /dev/xen 2>/dev/null
        exec xl-hyper create busybox' >out 2>err && fail "created without Xen"
    same "lines" 1 "$(wc -l <err)"
    has sentence "$(cat err)" Xen
}

test_errors_carry_no_escapes() {
    local bad=$'evil\033[2Jname'
    exits 125 xl hyper-create "$bad"
    if grep -q $'\033' err; then
        fail "an escape sequence reached the terminal"
    fi
}
