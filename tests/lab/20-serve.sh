# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# Servers: the page over the vif, and the life of a pod seen from dom0.

address_of() {
    xl hyper-inspect "$1" | jq -r '.[0].NetworkSettings.IPAddress'
}

page_of() {
    curl -sf --connect-timeout 2 -m 10 "http://$(address_of "$1")/"
}

test_nginx_serves_its_page() {
    for type in $(types); do
        same "printed name" web-"$type" \
            "$(xl hyper-create --type "$type" --name web-"$type" nginx:latest)"
        until_true 60 page_of web-"$type"
        has "$type page" "$(page_of web-"$type")" nginx
        has "xl list" "$(xl list)" web-"$type"
        has "hyper-list" "$(xl hyper-list)" web-"$type"
        until_true 20 sh -c "xl hyper-logs web-$type | grep -q 'GET / HTTP'"
        exits 0 xl hyper-stop web-"$type"
        same "$type exit code" 0 "$(xl hyper-inspect web-"$type" |
            jq '.[0].State.ExitCode')"
        xl hyper-destroy web-"$type" >/dev/null
    done
}

test_stop_uses_stop_signal_then_kills() {
    xl hyper-create --type pv --name stubborn busybox \
        sh -c 'trap "" TERM; echo up; while :; do sleep 1; done' >/dev/null
    until_true 60 sh -c 'xl hyper-logs stubborn | grep -q up'
    exits 0 xl hyper-stop -t 1 stubborn
    same "exit code" 137 \
        "$(xl hyper-inspect stubborn | jq '.[0].State.ExitCode')"
}

test_a_kill_during_the_boot_is_carried_out() {
    xl hyper-create --type pv --name early busybox sleep 1000 >/dev/null
    if is_up early; then
        skip "guests boot too fast here to be asked meanwhile"
    fi
    # Returns when the guest has taken it.
    exits 0 timeout 180 xl hyper-kill -s KILL early
    until_true 30 has_ended early
    same "exit code" 137 "$(state_of early ExitCode)"
    same "how it ended" exit "$(state_of early End)"
}

# A stop lets a paused pod go on, so that its whole boot is still to come.  The
# stop signal is KILL: of another one the shell may have no trap yet, and then
# the kernel drops it.
test_a_stop_during_the_boot_is_carried_out() {
    local start
    xl hyper-create --type pv --paused --stop-signal KILL --name early \
        busybox sleep 1000 >/dev/null
    start=$SECONDS
    exits 0 xl hyper-stop -t 120 early
    [[ $((SECONDS - start)) -lt 60 ]] ||
        fail "the guest did nothing for $((SECONDS - start)) s"
    same "exit code" 137 "$(state_of early ExitCode)"
    same "how it ended" exit "$(state_of early End)"
}

test_logs_follow() {
    local pid
    xl hyper-create --type pv --name talk busybox \
        sh -c 'for i in 1 2 3; do echo line $i; sleep 0.3; done' >/dev/null
    timeout 60 xl hyper-logs -f talk >out &
    pid=$!
    wait "$pid" || fail "hyper-logs -f ended with $?"
    same output "line 1
line 2
line 3" "$(cat out)"
}

test_static_address_and_mac() {
    xl hyper-create --type pv --name fixed --ip 172.30.7.7 \
        --mac 00:16:3e:01:02:03 busybox sleep 1000 >/dev/null
    same address 172.30.7.7 "$(address_of fixed)"
    until_true 60 ping -c 1 -W 1 172.30.7.7
    has "arp" "$(ip neigh show 172.30.7.7)" 00:16:3e:01:02:03
    until_true 60 is_up fixed
    refuses 125 172.30.7.7 xl hyper-create --name second --ip 172.30.7.7 \
        busybox sleep 1
}

test_network_none() {
    exits 0 xl hyper-run --rm --type pv --network none busybox \
        sh -c 'ls /sys/class/net'
    same interfaces lo "$(cat out)"
}

test_pods_reach_each_other() {
    xl hyper-create --type pv --name server nginx >/dev/null
    until_true 60 page_of server
    exits 0 xl hyper-run --rm --type pv busybox \
        wget -q -O - "http://$(address_of server)/"
    has page "$(cat out)" nginx
}

test_paused_until_unpaused() {
    xl hyper-create --type pv --paused --name later busybox \
        sh -c 'echo awake; sleep 1000' >/dev/null
    has "state" "$(xl hyper-inspect later | jq -r '.[0].State.Status')" paused
    xl unpause later
    until_true 60 sh -c 'xl hyper-logs later | grep -q awake'
}

# limit test_the_dockers_session: 1200
test_the_dockers_session() {
    lab-dockerd start
    docker pull nginx:latest >/dev/null
    rm -f /var/lib/hyper/refs/*nginx* 2>/dev/null || true
    xl hyper-rmi -f nginx:latest >/dev/null 2>&1 || true
    # No second download: the registry must not be asked.
    kill -STOP "$(pgrep -of 'docker-registry.*plain')"
    name=$(timeout 500 hyper run -d nginx:latest) || {
        kill -CONT "$(pgrep -of 'docker-registry.*plain')"
        fail "hyper run -d asked the registry, or failed"
    }
    kill -CONT "$(pgrep -of 'docker-registry.*plain')"
    same "docker ps" "" "$(docker ps -q)"
    has "hyper list" "$(hyper list)" "$name"
    until_true 60 page_of "$name"
    lab-dockerd stop
}

test_https_registry_with_basic_auth() {
    refuses 1 "hyper-login" xl hyper-pull 127.0.0.1:5443/library/busybox
    exits 1 sh -c 'echo wrong |
        xl hyper-login -u hyper --password-stdin 127.0.0.1:5443'
    exits 0 sh -c 'echo secret |
        xl hyper-login -u hyper --password-stdin 127.0.0.1:5443'
    exits 0 xl hyper-pull 127.0.0.1:5443/library/busybox
    exits 0 xl hyper-run --rm --type pv 127.0.0.1:5443/library/busybox echo tls
    same output tls "$(cat out)"
    xl hyper-rmi 127.0.0.1:5443/library/busybox >/dev/null
    rm -f /etc/hyper/auth.json
}
