# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the image tests share: a scratch folder with a store of its own, fake
# servers, small images, and the words `pulls` and `fails`.

build=$(cd "${HX_BUILD:-${BASH_SOURCE[0]%/*}/../../build}" && pwd)
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/hx-image-test.XXXXXX")
store=$work/store
passed=0 failed=0 skipped=0
started_pids=()

export HX_CONFDIR=$work/etc HX_LIBEXEC=$build/bin DOCKER_CONFIG=$work/docker
unset {http,https,all,no}_proxy {HTTP,HTTPS,ALL,NO}_PROXY

cleanup() {
    local pid
    for pid in "${started_pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if mountpoint -q "$work/small" 2>/dev/null; then umount "$work/small"; fi
    rm -rf "$work"
}
trap cleanup EXIT

# hyper ARG...: xl-hyper with our store in the place of /var/lib/hyper, which
# only it sees. Output in $work/stdout and $work/stderr.
hyper() {
    local rc=0
    mkdir -p "$store"
    # shellcheck disable=SC2016 # for the other shell
    unshare --mount --propagation private sh -c '
        mount -t tmpfs -o mode=755 hyper-test /var/lib && mkdir /var/lib/hyper &&
            mount --bind "$1" /var/lib/hyper || exit 99
        shift
        exec "$@"' sh "$store" "$build/bin/xl-hyper" "$@" \
        >"$work/stdout" 2>"$work/stderr" || rc=$?
    return "$rc"
}

# run_tests NAME...: each is a function; it fails when a command of it does,
# and is skipped by `skip WHY`.
run_tests() {
    local name rc began
    for name in "$@"; do
        [[ -z ${HX_ONLY:-} || $name == *"$HX_ONLY"* ]] || continue
        reset
        # Not in a condition, where `set -e` would be without effect.
        began=$(date +%s%N)
        set +e
        (set -e; "test_$name") >"$work/out" 2>&1
        rc=$?
        set -e
        [[ -z ${HX_TIMES:-} ]] || say "$((($(date +%s%N) - began) / 1000000)) ms $name"
        if [[ $rc -eq 0 ]]; then
            passed=$((passed + 1))
        elif [[ $rc -eq 77 ]]; then
            skipped=$((skipped + 1))
            echo "  SKIP    $name: $(tail -n 1 "$work/out")"
        else
            failed=$((failed + 1))
            echo "  FAIL    $name"
            sed 's/^/    /' "$work/out" | tail -n 30
        fi
    done
    echo "$passed passed, $failed failed, $skipped skipped"
    [[ $failed -eq 0 && $passed -gt 0 ]]
}

# A fresh store, configuration and set of faults.
reset() {
    rm -rf "$store" "$HX_CONFDIR" "$DOCKER_CONFIG"
    mkdir -p "$HX_CONFDIR" "$DOCKER_CONFIG"
    local folder
    for folder in "$work"/server-*; do
        [[ -d $folder ]] || continue
        rm -f "$folder"/{rules.json,auth.json,hosts.json,log,sent,tunnels}
        : >"$folder/log"
        : >"$folder/sent"
    done
}

say() { echo "$*" >&2; }
die() { say "$*"; return 1; }
skip() { say "$*"; exit 77; }

# -- servers -----------------------------------------------------------------

# serve COMMAND...: beside us, and no longer than we are there, however we end.
serve() {
    setpriv --pdeathsig TERM "$@" &
    started_pids+=($!)
}

# start_server NAME [OPTION...]: its port comes back in $port.
start_server() {
    local name=$1 root=$work/server-$1 tries
    shift
    mkdir -p "$root/repos" "$root/blobs" "$root/engine"
    serve "$here/fake-server" --root "$root" --ready "$root/port" "$@"
    for ((tries = 0; tries < 200; tries++)); do
        [[ -f $root/port ]] && break
        kill -0 "${started_pids[-1]}" || die "the fake server did not start"
        sleep 0.05
    done
    # shellcheck disable=SC2034 # for the caller
    port=$(<"$root/port")
}

free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# start_registry NAME PORT [YAML [SCHEME [FOLDER]]]: Debian's docker-registry;
# serves $images, read-only, or what is pushed into FOLDER.
start_registry() {
    local name=$1 port=$2 yaml=${3:-} folder=${5:-$images/registry} only=true
    [[ $# -lt 5 ]] || only=false
    cat >"$work/$name.yml" <<YAML
version: 0.1
log: {level: error}
storage:
  filesystem: {rootdirectory: $folder}
  maintenance: {readonly: {enabled: $only}}
http:
  addr: 127.0.0.1:$port
  secret: test
$yaml
YAML
    serve docker-registry serve "$work/$name.yml" >"$work/$name.log" 2>&1
    local tries
    for ((tries = 0; tries < 400; tries++)); do
        curl -sk -o /dev/null "${4:-http}://127.0.0.1:$port/v2/" && return
        sleep 0.05
    done
    die "docker-registry did not start: $(tail -n 3 "$work/$name.log")"
}

rules() { printf '%s\n' "$2" >"$work/server-$1/rules.json"; }
auth() { printf '%s\n' "$2" >"$work/server-$1/auth.json"; }
requests() { cat "$work/server-$1/log"; }
# How many requests of a server match.
count_requests() { requests "$1" | grep -c -E -- "$2" || true; }

# How many bytes of bodies a server sent in answers whose path matches.
bytes_sent() {
    awk -v pattern="$2" '$1 ~ pattern { sum += $2 } END { print sum + 0 }' \
        "$work/server-$1/sent"
}
# How many requests that match were under way at once, at most.
most_at_once() {
    requests "$1" | grep -E -- "$2" | sed 's/.*busy=//' | sort -n | tail -n 1
}

# -- images ------------------------------------------------------------------

digest_of() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
size_of() { stat -c %s "$1"; }

# add_blob SERVER FILE: prints the digest.
add_blob() {
    local digest
    digest=$(digest_of "$2")
    cp "$2" "$work/server-$1/blobs/$digest"
    echo "$digest"
}

# make_layer FILE TEXT: a tar with one file of that text, and some ballast.
make_layer() {
    local folder
    folder=$(mktemp -d -p "$work")
    echo "$2" >"$folder/hello"
    head -c "${BALLAST:-1000}" /dev/urandom >"$folder/ballast"
    tar -C "$folder" --sort=name --mtime=@0 --owner=0 --group=0 \
        --numeric-owner -cf "$1" .
    rm -rf "$folder"
}

# make_config FILE ARCH DIFF_ID...
make_config() {
    local file=$1 arch=$2
    shift 2
    jq -cn --arg arch "$arch" '{architecture: $arch, os: "linux",
        config: {Cmd: ["/hello"]}, rootfs: {type: "layers",
        diff_ids: $ARGS.positional}}' --args "$@" >"$file"
}

# descriptor FILE TYPE
descriptor() {
    jq -cn --arg d "$(digest_of "$1")" --argjson s "$(size_of "$1")" \
        --arg t "$2" '{mediaType: $t, digest: $d, size: $s}'
}

oci=application/vnd.oci.image
host_arch=$(case $(uname -m) in
    x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac)

# make_image SERVER NAME TAG [ARCH]: one layer, gzip; its manifest's file is
# $work/NAME-TAG.manifest, with / as _.
make_image() {
    local server=$1 name=$2 tag=$3 arch=${4:-$host_arch}
    local stem=$work/${2//\//_}-$3
    make_layer "$stem.tar" "$name:$tag"
    gzip -nc "$stem.tar" >"$stem.gz"
    make_config "$stem.config" "$arch" "$(digest_of "$stem.tar")"
    jq -cn --arg t "$oci.manifest.v1+json" \
        --argjson c "$(descriptor "$stem.config" "$oci.config.v1+json")" \
        --argjson l "$(descriptor "$stem.gz" "$oci.layer.v1.tar+gzip")" \
        '{schemaVersion: 2, mediaType: $t, config: $c, layers: [$l]}' \
        >"$stem.manifest"
    add_blob "$server" "$stem.gz" >/dev/null
    add_blob "$server" "$stem.config" >/dev/null
    add_manifest "$server" "$name" "$tag" "$stem.manifest"
}

# make_layers SERVER NAME TAG COUNT: an image of so many layers, each with a
# file of its own and /hello; layer I (from 1) is $work/NAME-TAG.I.
make_layers() {
    local server=$1 name=$2 tag=$3 count=$4 stem=$work/${2//\//_}-$3 i
    local ids=() layers=()
    for ((i = 1; i <= count; i++)); do
        make_layer "$stem.$i" "$name:$tag $i"
        add_blob "$server" "$stem.$i" >/dev/null
        ids+=("$(digest_of "$stem.$i")")
        layers+=("$(descriptor "$stem.$i" "$oci.layer.v1.tar")")
    done
    make_config "$stem.config" "$host_arch" "${ids[@]}"
    add_blob "$server" "$stem.config" >/dev/null
    printf '%s\n' "${layers[@]}" | jq -cs --arg t "$oci.manifest.v1+json" \
        --argjson c "$(descriptor "$stem.config" "$oci.config.v1+json")" \
        '{schemaVersion: 2, mediaType: $t, config: $c, layers: .}' \
        >"$stem.manifest"
    add_manifest "$server" "$name" "$tag" "$stem.manifest"
}

# add_manifest SERVER NAME TAG FILE [TYPE]
add_manifest() {
    mkdir -p "$work/server-$1/repos/$2"
    cp "$4" "$work/server-$1/repos/$2/$3"
    rm -f "$work/server-$1/repos/$2/$3.type"
    [[ -z ${5:-} ]] || echo "$5" >"$work/server-$1/repos/$2/$3.type"
    add_blob "$1" "$4" >/dev/null
}

# -- pulling -----------------------------------------------------------------

# pull ARG...: output in $work/json, and its result in $result and $message.
pull() {
    local rc=0
    "$build/bin/pull" --store "$store" --engine "${engine:-/nonexistent}" \
        "$@" >"$work/json" 2>"$work/stderr" || rc=$?
    [[ ! -s $work/stderr ]] || {
        cat "$work/stderr" >&2
        die "pull wrote on standard error"
    }
    # shellcheck disable=SC2034 # for the caller
    id=$(jq -r 'select(.image).image.id' "$work/json")
    result=$(jq -r 'select(.error).error.code' "$work/json")
    message=$(jq -r 'select(.error).error.message' "$work/json")
    return "$rc"
}

pulls() {
    pull "$@" || die "pulling $*: $result: $message"
    [[ -n $id ]] || die "pulling $*: no image came back"
    whole
}

# fails CODE WORDS ARG...: the error's code and a part of its sentence, and
# that no image came of it; the store is then gone.
fails() {
    local code=$1 words=$2
    shift 2
    ! pull "$@" || die "pulling $* did not fail"
    [[ $result == "$code" ]] || die "code $result: $message"
    [[ $message == *"$words"* ]] || die "not '$words': $message"
    [[ $message != *$'\n'* ]] || die "more than one line: $message"
    no_image
    rm -rf "$store"
}

# -- pushing -----------------------------------------------------------------

# tag REFERENCE NEW: both canonical, with a tag.
tag() {
    local from to
    from=$store/refs/${1%:*}/_tags/${1##*:}
    to=$store/refs/${2%:*}/_tags/${2##*:}
    mkdir -p "${to%/*}"
    jq -c --arg name "$2" '.reference = $name' "$from" >"$to"
}

pushes() {
    pull --push "$1" || die "pushing $1: $result: $message"
    [[ -n $(jq -r 'select(.pushed).pushed.digest' "$work/json") ]] ||
        die "pushing $1: no digest came back"
    whole
}

# push_fails CODE WORDS REFERENCE
push_fails() {
    ! pull --push "$3" || die "pushing $3 did not fail"
    [[ $result == "$1" ]] || die "code $result: $message"
    [[ $message == *"$2"* ]] || die "not '$2': $message"
    [[ $message != *$'\n'* ]] || die "more than one line: $message"
}

# refuses_login HOST USER: with a wrong password, which is not kept.
refuses_login() {
    local rc=0
    echo wrong | "$build/bin/pull" --login "$1" --user "$2" >"$work/json" ||
        rc=$?
    [[ $rc == 1 && $(jq -r .error.code "$work/json") == auth ]] ||
        die "logging in with a wrong password: $rc, $(cat "$work/json")"
    [[ ! -e $HX_CONFDIR/auth.json ]] || die "a wrong password was kept"
}

files() { [[ ! -d $store ]] || (cd "$store" && find blobs disks images refs tmp -mindepth 1 -type f); }

# What is left are blobs, and beginnings of some, for the next pull.
no_image() {
    local left
    left=$(files | grep -v -E '^(blobs/sha256/|tmp/blob-)[0-9a-f]{64}$' || true)
    [[ -z $left ]] || die "left in the store: $left"
    whole_records
}

# Nothing but the locks is in the store.
empty() {
    [[ -d $store ]] || return 0
    local left
    left=$(files)
    [[ -z $left ]] || die "left in the store: $left"
}

# Every blob has its digest, every record its parts, and tmp is empty.
whole() {
    whole_records
    [[ -z $(ls -A "$store/tmp") ]] || die "left in tmp: $(ls "$store/tmp")"
}

whole_records() {
    local file name record
    for file in "$store"/blobs/sha256/*; do
        [[ -f $file ]] || continue
        [[ $(digest_of "$file") == "sha256:${file##*/}" ]] ||
            die "damaged: $file"
    done
    for record in "$store"/images/*.json; do
        [[ -f $record ]] || continue
        name=$(jq -r .disk "$record")
        file=$store/disks/$name.squashfs
        [[ -f $file && $(size_of "$file") == $(jq -r .disk_bytes "$record") ]] ||
            die "disk of $record"
        [[ $(digest_of "$file") == "sha256:$(jq -r .disk_sha256 "$record")" ]] ||
            die "bytes of the disk of $record"
        name=$(jq -r .id "$record")
        [[ -f $store/blobs/sha256/${name#sha256:} ]] || die "config of $record"
    done
    find "$store/refs" -type f | while read -r file; do
        name=$(jq -r .id "$file")
        [[ -f $store/images/${name#sha256:}.json ]] || die "image of $file"
    done
}

# disk_says IMAGE-ID TEXT: what /hello in the root disk holds.
disk_says() {
    local key
    key=$(jq -r .disk "$store/images/${1#sha256:}.json")
    [[ $(unsquashfs -cat "$store/disks/$key.squashfs" hello) == "$2" ]] ||
        die "the root disk does not say '$2'"
}
