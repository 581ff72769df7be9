#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the completion offers, with a made-up xl-hyper and a made-up completion
# of Xen's own. Says of each test what cmocka would say.
# shellcheck source=/dev/null disable=SC2034,SC2329
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/layout"
touch "$work/one.tar" "$work/other.tar"
cat >"$work/bin/xl-hyper" <<'FAKE'
#!/bin/sh
case "$*" in
'help --words') printf '%s\n' create run list ps inspect stop pull rmi ;;
'help --words create' | 'help --words run')
    printf '%s\n' --help --name= --type= --pull= --env= -e= --rm \
        --cap-add= --security-opt= ;;
'help --words '*) printf '%s\n' --help --force -f ;;
'list -a -q') printf '%s\n' web db old ;;
'list -q') printf '%s\n' web db ;;
'images --no-trunc')
    cat <<'TABLE'
REPOSITORY            TAG     IMAGE ID
nginx                 latest  sha256:11
nginx                 1.25    sha256:12
127.0.0.1:5000/team/a v1      sha256:13
busybox               <none>  sha256:14
<none>                <none>  sha256:15
TABLE
    ;;
*) exit 1 ;;
esac
FAKE
chmod +x "$work/bin/xl-hyper"
PATH=$work/bin:$PATH

_xl() {
    COMPREPLY=()
    ((COMP_CWORD == 1)) &&
        mapfile -t COMPREPLY < <(compgen -W 'create list' -S ' ' -- \
            "${COMP_WORDS[1]}")
}
. xl-plugin/completion/xl-hyper.bash

# Where bash breaks words, and where it does who takes the colons out.
usual=$' \t\n"\'@><=;|&(:'
without_colon=$' \t\n"\'@><=;|&('

# offers LINE CANDIDATE...: the line up to the cursor, which is at its end.
offers() {
    local line=$1 words
    shift
    COMP_WORDBREAKS=${breaks:-$usual}
    words=${line//=/ = }
    [[ $COMP_WORDBREAKS != *:* ]] || words=${words//:/ : }
    read -r -a COMP_WORDS <<<"$words"
    [[ $line != *' ' ]] || COMP_WORDS+=('')
    COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=(left from before)
    case ${COMP_WORDS[0]} in
    xl) _xl_hyper_xl ;;
    *) _xl_hyper ;;
    esac
    local got want
    got=$(listed "${COMPREPLY[@]}")
    want=$(listed "$@")
    [[ $got == "$want" ]] && return
    echo "'$line': expected $want, got $got"
    wrong=1
}

# In one line and one order: bash sorts them, too.
listed() {
    (($# == 0)) || printf '[%s]\n' "$@" | LC_ALL=C sort | paste -sd ' '
}

test_commands() {
    offers 'hyper ' create run list ps inspect stop pull rmi
    offers 'hyper s' stop
    offers 'xl-hyper p' ps pull
    offers 'xl-hyper nothing'
}

test_xl_has_its_own_commands_too() {
    offers 'xl ' 'create ' 'hyper-create ' 'hyper-inspect ' 'hyper-list ' \
        'hyper-ps ' 'hyper-pull ' 'hyper-rmi ' 'hyper-run ' 'hyper-stop ' \
        'list '
    offers 'xl hyper-' 'hyper-create ' 'hyper-inspect ' 'hyper-list ' \
        'hyper-ps ' 'hyper-pull ' 'hyper-rmi ' 'hyper-run ' 'hyper-stop '
    offers 'xl -v hyper-s' 'hyper-stop '
    offers 'xl nothing'
    offers 'xl list '
}

test_options() {
    offers 'xl hyper-create -' --help --name --type --pull --env -e --rm \
        --cap-add --security-opt
    offers 'hyper create --n' --name
    offers 'hyper create --rm --t' --type
    offers 'hyper stop --' --help --force
}

test_values_of_options() {
    offers 'xl hyper-create --type ' auto pv pvh
    offers 'xl hyper-create --type pv' pv pvh
    offers 'xl hyper-create --type=' auto pv pvh
    offers 'xl hyper-create --type=p' pv pvh
    offers 'hyper run --pull a' always
    offers 'hyper run --cap-add NET_B' NET_BIND_SERVICE NET_BROADCAST
    offers 'hyper run --security-opt no' no-new-privileges
    offers 'hyper run --name '
    offers 'hyper run --name=n'
    breaks=' ' offers 'hyper run --pull=a' --pull=always
}

test_pods() {
    offers 'xl hyper-inspect ' web db old
    offers 'hyper inspect web o' old
    offers 'hyper stop ' web db
}

test_what_can_be_copied() {
    offers 'hyper cp w' web:
    offers "hyper cp $work/one" "$work/one.tar"
    offers 'hyper cp web:/e'
    offers "hyper cp web:/etc/hosts $work/oth" "$work/other.tar"
    cd "$work" && offers 'hyper cp -q o' one.tar other.tar && offers \
        'hyper cp ' bin db: layout one.tar other.tar web:
}

test_images_with_colons() {
    offers 'hyper run ' nginx:latest nginx:1.25 127.0.0.1:5000/team/a:v1 \
        busybox sha256:15
    offers 'hyper run nginx:' latest 1.25
    offers 'hyper run nginx:l' latest
    offers 'xl hyper-create 127.0.0.1:5' 5000/team/a:v1
    offers 'xl hyper-create 127.0.0.1:5000/team/a:' v1
    offers 'hyper rmi sha256:' 15
    offers 'hyper history nginx:' latest 1.25
    offers 'xl hyper-image-inspect bu' busybox
    offers 'hyper tag bu' busybox
    offers 'hyper commit ol' old
    offers 'hyper commit old bu' busybox
    breaks=$without_colon offers 'hyper run nginx:l' nginx:latest
}

test_images_behind_options_with_values() {
    offers 'hyper run -e A=b --name=web --rm nginx:l' latest
    offers 'hyper run -e A=b:c bu' busybox
    offers 'hyper run --type pv nginx:1' 1.25
}

test_nothing_behind_the_image() {
    offers 'hyper run nginx:latest '
    offers 'hyper run nginx:latest n'
    offers 'hyper run nginx:latest -'
}

test_files_of_archives_and_layouts() {
    local scheme
    for scheme in docker-archive oci-archive oci; do
        offers "hyper run $scheme:$work/on" "$work/one.tar"
        offers "xl hyper-create --rm $scheme:$work/o" "$work/one.tar" \
            "$work/other.tar"
    done
    offers "hyper pull oci:$work/l" "$work/layout"
    offers "hyper pull oci:$work/nothing"
    offers "hyper rmi oci:$work/l"
    breaks=$without_colon offers "hyper pull oci:$work/l" "oci:$work/layout"
    cd "$work" && offers 'hyper pull docker-archive:' bin layout one.tar \
        other.tar
}

failed=0
for name in $(declare -F | sed -n 's/^declare -f \(test_\)/\1/p'); do
    if (wrong=0; "$name"; ((wrong == 0))); then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name"
        failed=1
    fi
done
exit "$failed"
