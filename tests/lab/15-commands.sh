# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016
# Commands that only tell or fetch, create's less usual options, and images
# of others.

# json FILTER: of the command's JSON in ./out.
json() {
    jq -cr "$1" out
}

test_info_and_version() {
    local version
    exits 0 xl hyper-info
    has "Xen's version" "$(cat out)" "$(xl info xen_version)"
    if grep missing out; then
        fail "the installation is not whole: $(cat out)"
    fi
    exits 0 xl hyper-info --json
    same "hyper-info" '[true,true,true,0,null]' \
        "$(json '[.Xen.Pv, .Xen.FreeMemKiB > 0, .Images >= 2, .Pods, .Error]')"
    version=$(json '"xl-hyper \(.Version) (guest ABI \(.GuestAbi))"')
    same "hyper-version" "$version" "$(xl hyper-version)"
    exits 0 xl hyper-version --json
    same "hyper-version --json" "$version" \
        "$(json '"xl-hyper \(.Version) (guest ABI \(.GuestAbi))"')"
}

test_a_pod_as_json() {
    local address
    exits 0 xl hyper-create --json --type pv --name told busybox sleep 1000
    same "hyper-create" '["told","running"]' \
        "$(json '.[0] | [.Name, .State.Status]')"
    address=$(json '.[0].NetworkSettings.IPAddress')
    exits 0 xl hyper-list --json
    same "hyper-list" '["told","running","pv",64,1,"'"$address"'"]' \
        "$(json '.[] | [.Name, .State, .Type, .MemoryMiB, .Vcpus, .IPAddress]')"
    exits 1 xl hyper-rmi busybox
    has "hyper-rmi" "$(cat err)" "a pod uses it"
    xl hyper-stop -t 0 told >/dev/null
    exits 0 xl hyper-list --json
    same "hyper-list, when it has ended" '[]' "$(json .)"
    exits 0 xl hyper-list -a --json
    same "hyper-list -a" '["told","exited",137]' \
        "$(json '.[] | [.Name, .State, .ExitCode]')"
}

# An image that the registry does not have shows who asks it.
test_images_pull_and_rmi() {
    skopeo --insecure-policy copy -q --src-tls-verify=false \
        docker://127.0.0.1:5000/library/busybox:latest \
        docker-archive:only.tar:only-here:1
    exits 0 xl hyper-pull -q "docker-archive:$PWD/only.tar"
    same "hyper-pull" docker.io/library/only-here:1 "$(cat out)"
    exits 0 xl hyper-images
    grep -qE '^only-here +1 +[0-9a-f]{12} ' out || fail "$(cat out)"
    exits 0 xl hyper-images --json
    [[ -f $(json '.[] | select(.Familiar == "only-here:1").RootDisk') ]] ||
        fail "no root disk: $(cat out)"
    exits 0 xl hyper-run --rm --pull never --type pv only-here:1 true
    refuses 125 "127.0.0.1:5000" \
        xl hyper-create -q --pull always --type pv only-here:1 true
    exits 0 xl hyper-rmi only-here:1
    same "hyper-rmi" only-here:1 "$(cat out)"
    refuses 125 "hyper-pull only-here:1" \
        xl hyper-create --pull never --type pv only-here:1 true
    refuses 1 "only-here:1" xl hyper-rmi only-here:1
    # The same root disk under its other name is still there.
    exits 0 xl hyper-create --dry-run --type pv busybox
}

test_a_dry_run_changes_nothing() {
    local before
    before=$(traces)
    exits 0 xl hyper-create --dry-run --type pv --name dry -m 48 busybox
    same "the domain" '["dry",49152,2,1]' "$(json '[.c_info.name,
        .b_info.max_memkb, (.disks | length), (.nics | length)]')"
    mv out first
    exits 0 xl -N hyper-create --type pv --name dry -m 48 busybox
    cmp out first || fail "xl -N gives another configuration"
    same "left behind" "$before" "$(traces)"
}

test_create_with_a_console() {
    local rc=0
    timeout 120 xl hyper-create -c --type pv --name shown busybox \
        sh -c 'for i in $(seq 25); do echo "word $i"; sleep 0.2; done' \
        >out 2>err </dev/null || rc=$?
    [[ $rc -ne 124 ]] || fail "the console has not ended with the domain"
    same "the name" shown "$(head -n 1 out)"
    has "the console" "$(cat out)" "word 12"
}

redis_says_pong() {
    [[ $(timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/6379"
        printf "PING\r\n" >&3
        head -n 1 <&3' ping "$1") == +PONG* ]]
}

test_redis_answers() {
    xl hyper-create -q --type pv --name store redis >/dev/null
    until_true 120 redis_says_pong "$(xl hyper-inspect store |
        jq -r '.[0].NetworkSettings.IPAddress')"
}

test_debian_runs() {
    local type
    for type in $(types); do
        exits 0 xl hyper-run -q --rm --type "$type" debian \
            cat /etc/debian_version
        has "$type" "$(cat out)" "12."
    done
}
