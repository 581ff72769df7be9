# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# How a process is confined, by the HyperKernel's own word.

status='grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status'

test_the_default_is_dockers() {
    exits 0 xl hyper-run --rm --type pv busybox sh -c "$status"
    same "root" $'CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb
NoNewPrivs:\t0\nSeccomp:\t2' "$(cat out)"
    exits 0 xl hyper-run --rm --type pv -u 1000 busybox sh -c "$status"
    has "another user" "$(cat out)" $'CapEff:\t0000000000000000'
    exits 0 xl hyper-run --rm --type pv busybox sh -c \
        'unshare -m true 2>&1; cat /proc/interrupts; echo nothing more'
    has "a new namespace" "$(head -n 1 out)" "Operation not permitted"
    same "a hidden file" "nothing more" "$(sed -n 2p out)"
}

test_capabilities_are_added_and_dropped() {
    exits 0 xl hyper-run --rm --type pv --cap-drop all --cap-add chown busybox \
        sh -c "$status"
    has "one" "$(cat out)" $'CapBnd:\t0000000000000001'
    # With it comes what the filter gives to those that have it.
    exits 0 xl hyper-run --rm --type pv --cap-add SYS_ADMIN busybox \
        sh -c 'mkdir /m && mount -t tmpfs x /m && echo mounted'
    same "mount" mounted "$(cat out)"
    refuses 125 "did you mean SYS_ADMIN" \
        xl hyper-create --cap-add SYS_ADMN busybox true
}

test_a_privileged_process_has_its_domain() {
    exits 0 xl hyper-run --rm --type pv --privileged busybox sh -c "$status"'
        test -b /dev/xvda && echo disk
        echo 1 >/proc/sys/vm/swappiness && echo sysctl
        mkdir /sys/fs/cgroup/own && echo cgroup'
    same "privileged" $'CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff
NoNewPrivs:\t0\nSeccomp:\t0\ndisk\nsysctl\ncgroup' "$(cat out)"
}

test_security_options() {
    exits 0 xl hyper-run --rm --type pv --security-opt no-new-privileges \
        --security-opt seccomp=unconfined busybox sh -c "$status"
    has "both" "$(cat out)" $'NoNewPrivs:\t1\nSeccomp:\t0'
    cat >profile <<'PROFILE'
{ "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [ { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO",
                  "errnoRet": 18 } ] }
PROFILE
    exits 0 xl hyper-run --rm --type pv --security-opt seccomp="$PWD"/profile \
        busybox sh -c 'mkdir /x 2>&1 || true'
    has "the profile's errno" "$(cat out)" "ross-device link"
    echo '{ "defaultAction": 7 }' >profile
    refuses 125 defaultAction xl hyper-create \
        --security-opt seccomp="$PWD"/profile busybox true
}

test_limits() {
    exits 0 xl hyper-run --rm --type pv --vcpus 2 --cpus 1.5 --pids-limit 20 \
        --cpu-shares 2 --ulimit nofile=100:200 --oom-score-adj 7 \
        --sysctl net.core.somaxconn=17 busybox sh -c '
        ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj
        cat /proc/sys/net/core/somaxconn
        cd /sys/fs/cgroup && cat pids.max cpu.max cpu.weight'
    same "limits" $'100\n200\n7\n17\n20\n150000 100000\n1' "$(cat out)"
    refuses 125 "--vcpus" xl hyper-create --cpus 2 busybox true
    refuses 125 "not a container's" \
        xl hyper-create --sysctl vm.swappiness=1 busybox true
}

test_init_is_the_first_process() {
    exits 42 xl hyper-run --rm --type pv --init busybox \
        sh -c 'cat /proc/1/comm; exit 42'
    same "PID 1" docker-init "$(cat out)"
}

test_inspect_tells() {
    xl hyper-create --name told --cap-add net_admin --ulimit core=0 \
        --pids-limit 5 busybox sleep 1000 >/dev/null
    same "HostConfig" '["CAP_NET_ADMIN"] [{"Name":"core","Hard":0,"Soft":0}] 5' \
        "$(xl-hyper inspect told |
            jq -cr '.[0].HostConfig | "\(.CapAdd) \(.Ulimits) \(.PidsLimit)"')"
    xl hyper-destroy -f told >/dev/null
}
