# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# Bad input: one sentence, a documented exit code, nothing left behind.

test_missing_images() {
    refuses 125 "no-such-image" xl hyper-create -q no-such-image
    refuses 125 "no-such-tag" xl hyper-create -q busybox:no-such-tag
    refuses 125 "arm64only" xl hyper-create -q arm64only
    refuses 125 "Not/Valid" xl hyper-create -q Not/Valid
    refuses 125 "command" xl hyper-create -q nocmd
    refuses 125 "/no/file.tar" xl hyper-create -q docker-archive:/no/file.tar
    refuses 125 "not stored here" xl hyper-create -q --pull never busybox:not-here
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
    until_true 60 is_up taken
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

# small_store KIB: an empty /var/lib/hyper of that size, until the test ends.
small_store() {
    mkdir -p /var/lib/hyper
    mount -t tmpfs -o "size=${1}k,mode=711" tmpfs /var/lib/hyper
    trap 'umount -l /var/lib/hyper' EXIT
}

# refuses_for_space COMMAND...
refuses_for_space() {
    refuses 125 "No space left" "$@"
    # Sentences have the way out behind a semicolon.
    has "$*: the way out" "$(cat err)" "; "
}

test_full_disk_during_a_pull() {
    small_store 256
    refuses_for_space xl hyper-create -q busybox
    same "left in the store" "" "$(cd /var/lib/hyper &&
        find blobs disks images refs tmp -type f)"
}

# The image is there: no space for the pod's folder, for any of its scratch
# disk (112 KiB), for all of it.
test_full_disk_during_a_create() {
    local kib fill=/var/lib/hyper/fill
    small_store 16384
    xl hyper-pull -q busybox >/dev/null
    for kib in 0 8 64; do
        dd if=/dev/zero of=$fill bs=4k status=none 2>/dev/null || true
        truncate -s "-${kib}K" $fill
        refuses_for_space xl hyper-create --type pv --network none busybox \
            sleep 1
        rm $fill
    done
}

# hidden FOLDER... -- COMMAND...: for it, these folders are empty.
hidden() {
    unshare -m sh -ec 'while [ "$1" != -- ]; do
            mount -t tmpfs none "$1"
            shift
        done
        shift
        exec "$@"' hidden "$@"
}

test_no_privilege() {
    refuses 125 "root" setpriv --reuid 65534 --clear-groups \
        xl-hyper create --type pv busybox sleep 1
}

test_no_xen() {
    refuses 125 "does not run on Xen" hidden /dev/xen /proc/xen -- \
        xl-hyper create --type pv busybox sleep 1
}

# Only the socket is hidden: libxenstore would fall back to the kernel's device,
# and with no xenstored behind that wait for ever.
test_no_xenstored() {
    refuses 125 "xenstored does not answer" hidden /run/xenstored -- \
        xl-hyper create --type pv busybox sleep 1
}

test_a_xenstored_that_hangs() {
    local before pid start
    before=$(traces)
    pid=$(pgrep -x 'o?xenstored')
    # shellcheck disable=SC2064 # this very pid
    trap "kill -CONT $pid" EXIT
    start=$SECONDS
    kill -STOP "$pid"
    exits 125 timeout 60 xl-hyper create --type pv busybox sleep 1
    kill -CONT "$pid"
    [[ $((SECONDS - start)) -lt 30 ]] ||
        fail "it took $((SECONDS - start)) s"
    same "lines on stderr" 1 "$(wc -l <err)"
    has "the sentence" "$(cat err)" "xenstored does not answer"
    has "the way out" "$(cat err)" "; "
    same "left behind" "$before" "$(traces)"
}

test_errors_carry_no_escapes() {
    local bad=$'evil\033[2Jname'
    exits 125 xl hyper-create "$bad"
    if grep -q $'\033' err; then
        fail "an escape sequence reached the terminal"
    fi
}
