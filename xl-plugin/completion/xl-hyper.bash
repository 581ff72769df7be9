# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Completion of xl-hyper, hyper and xl: commands, options, pods and images.
# Installed under all three names; what completes xl's own commands is loaded
# from wherever it was before and goes on doing so.

# The words up to the cursor come in $words, and $last is the number of the last
# one. Bash breaks them at colons and '=', too; here "nginx:lat" is one.
_xl_hyper_words() {
    local rest=${COMP_LINE:0:COMP_POINT} blank part i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${rest%%[![:space:]]*}
        rest=${rest#"$blank"}
        part=${COMP_WORDS[i]}
        ((i < COMP_CWORD)) || part=$rest
        if [[ -n $blank || $i == 0 ]]; then
            words+=("$part")
        else
            words[-1]+=$part
        fi
        rest=${rest#"$part"}
    done
    last=$((${#words[@]} - 1))
}

# Of the candidates for the word $1 only what is behind the place where bash
# broke it last may be offered.
_xl_hyper_cut() {
    local breaks=${COMP_WORDBREAKS//[!:=@]/}
    [[ -n $breaks ]] || return 0
    COMPREPLY=("${COMPREPLY[@]#"${1%"${1##*["$breaks"]}"}"}")
}

# Candidates from the lines on stdin that begin with $1.
_xl_hyper_reply() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        [[ $line == "$1"* ]] && COMPREPLY+=("$line")
    done
}

_xl_hyper_images() {
    _xl_hyper_reply "$1" < <(xl-hyper images --no-trunc 2>/dev/null |
        awk 'NR > 1 && $1 != "<none>" { print $2 == "<none>" ? $1 : $1 ":" $2 }
             NR > 1 && $1 == "<none>" { print $3 }')
}

# $1 is before each of the files that begin with $2.
_xl_hyper_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -P "$1" -- "$2")
}

# Files of dom0, and pods with a colon; what is in a pod is not asked for.
_xl_hyper_copied() {
    local pods
    case $1 in
    /* | .*) _xl_hyper_files '' "$1" ;;
    *:*) ;;
    *)
        compopt -o nospace -o filenames 2>/dev/null
        pods=$(xl-hyper list -q 2>/dev/null)
        mapfile -t COMPREPLY < <(
            [[ -z $pods ]] || compgen -W "$pods" -S : -- "$1"
            compgen -f -- "$1"
        )
        ;;
    esac
}

# Values of options that have a few fixed ones; none of the others.
_xl_hyper_value() {
    local option=$1 cur=$2 words
    case $option in
    --type) words='auto pv pvh' ;;
    --restart) words='no on-failure always unless-stopped' ;;
    --cap-add | --cap-drop)
        words='ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF
            CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID
            IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN
            MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW
            PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT
            SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO
            SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM' ;;
    --security-opt)
        words='no-new-privileges seccomp=unconfined seccomp=builtin
            systempaths=unconfined' ;;
    --pull) words='always missing never' ;;
    --network) words="none $(cd /sys/class/net && for n in */bridge; do
        [[ -e $n ]] && echo "${n%/bridge}"; done)" ;;
    -s | --signal | --stop-signal)
        words='HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH' ;;
    -e | --env) words=$(compgen -e) ;;
    --format) words='docker-archive oci-archive' ;;
    --env-file | -i | --input | -o | --output)
        _xl_hyper_files '' "$cur"
        return
        ;;
    *) return ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

# Of $words, the command without "hyper-" is $1 and stands at $2.
_xl_hyper_arguments() {
    local command=$1 cur=${words[last]} option operands=0 i
    local options takes
    COMPREPLY=()
    options=$(xl-hyper help --words "$command" 2>/dev/null) || return 0
    # With '=' are those that take a value.
    takes=$(sed -n 's/=$//p' <<<"$options")
    for ((i = $2 + 1; i < last; i++)); do
        option=${words[i]}
        if [[ $option != -?* ]]; then
            operands=$((operands + 1))
        elif grep -qxF -e "$option" <<<"$takes"; then
            i=$((i + 1))
            ((i < last)) || {
                _xl_hyper_value "$option" "$cur"
                _xl_hyper_cut "$cur"
                return 0
            }
        fi
    done
    # What follows the image, or the pod of exec, is the process's.
    ((operands == 0)) || [[ $command != @(create|run|exec) ]] || return 0
    option=${cur%%=*}
    case $command:$cur in
    *:--*=*)
        grep -qxF -e "$option" <<<"$takes" || return 0
        _xl_hyper_value "$option" "${cur#*=}"
        COMPREPLY=("${COMPREPLY[@]/#/"$option="}")
        ;;
    *:-*)
        _xl_hyper_reply "$cur" < <(tr -d = <<<"$options") ;;
    inspect:* | logs:* | destroy:* | rm:* | start:* | restart:* | update:* | rename:*)
        _xl_hyper_reply "$cur" < <(xl-hyper list -a -q 2>/dev/null) ;;
    stop:* | kill:* | exec:* | attach:* | pause:* | unpause:* | wait:* | top:* | stats:*)
        _xl_hyper_reply "$cur" < <(xl-hyper list -q 2>/dev/null) ;;
    cp:*)
        _xl_hyper_copied "$cur" ;;
    commit:*)
        if ((operands == 0)); then
            _xl_hyper_reply "$cur" < <(xl-hyper list -a -q 2>/dev/null)
        else
            _xl_hyper_images "$cur"
        fi
        ;;
    rmi:* | tag:* | history:* | image-inspect:* | save:* | push:*)
        _xl_hyper_images "$cur" ;;
    create:* | run:* | pull:*)
        case $cur in
        docker-archive:* | oci-archive:* | oci:*)
            _xl_hyper_files "${cur%%:*}:" "${cur#*:}" ;;
        *) _xl_hyper_images "$cur" ;;
        esac
        ;;
    help:*)
        _xl_hyper_reply "$cur" < <(xl-hyper help --words 2>/dev/null) ;;
    esac
    _xl_hyper_cut "$cur"
}

# xl-hyper COMMAND, hyper COMMAND
_xl_hyper() {
    local words last
    _xl_hyper_words
    if ((last == 1)); then
        _xl_hyper_reply "${words[1]}" < <(xl-hyper help --words 2>/dev/null)
    else
        _xl_hyper_arguments "${words[1]#hyper-}" 1
    fi
}

# xl [FLAGS] hyper-COMMAND; everything else is for the function that completed
# xl before.
_xl_hyper_xl() {
    local words last at=1 others=()
    _xl_hyper_words
    while ((at < last)) && [[ ${words[at]} == -* ]]; do
        at=$((at + 1))
    done
    if ((at < last)) && [[ ${words[at]} == hyper-* ]]; then
        compopt +o nospace 2>/dev/null
        _xl_hyper_arguments "${words[at]#hyper-}" "$at"
        return 0
    fi
    COMPREPLY=()
    if declare -F _xl >/dev/null; then
        _xl "$@"
        others=("${COMPREPLY[@]}")
    fi
    ((at == last)) || return 0
    _xl_hyper_reply "${words[at]}" \
        < <(xl-hyper help --words 2>/dev/null | sed 's/^/hyper-/')
    # The stock function puts a blank behind each, and so do we.
    COMPREPLY=("${others[@]}" "${COMPREPLY[@]/%/ }")
    ((${#COMPREPLY[@]} > 0)) || return 0
    mapfile -t COMPREPLY < <(printf '%s\n' "${COMPREPLY[@]}" | sort -u)
}

# Xen's own completion, which would be loaded if ours did not stand before it.
_xl_hyper_load_xl() {
    local file
    declare -F _xl >/dev/null && return
    for file in /usr/share/bash-completion/completions/xl \
        /etc/bash_completion.d/xl /etc/bash_completion.d/xl.sh; do
        if [[ -r $file ]] && ! [[ $file -ef ${BASH_SOURCE[0]} ]]; then
            # shellcheck source=/dev/null
            . "$file"
            return
        fi
    done
}

_xl_hyper_load_xl
complete -F _xl_hyper xl-hyper hyper
complete -o nospace -o default -F _xl_hyper_xl xl
