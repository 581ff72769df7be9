# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Completion of xl-hyper, hyper and xl: commands, options, pods and images.
# Installed under all three names; what completes xl's own commands is loaded
# from wherever it was before and goes on doing so.

# Candidates from the lines on stdin that begin with $1.
_xl_hyper_reply() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        [[ $line == "$1"* ]] && COMPREPLY+=("$line")
    done
}

# Images hold colons, at which bash breaks words: only what is behind the
# last one that was typed may be offered.
_xl_hyper_images() {
    local typed=$1 i
    _xl_hyper_reply "$typed" < <(xl-hyper images --no-trunc 2>/dev/null |
        awk 'NR > 1 && $1 != "<none>" { print $2 == "<none>" ? $1 : $1 ":" $2 }
             NR > 1 && $1 == "<none>" { print $3 }')
    [[ $typed == *:* && $COMP_WORDBREAKS == *:* ]] || return 0
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${COMPREPLY[i]#"${typed%"${typed##*:}"}"}
    done
}

# Values of options that have a few fixed ones; 1 when it is another.
_xl_hyper_value() {
    local option=$1 cur=$2 words
    case $option in
    --type) words='auto pv pvh' ;;
    --pull) words='always missing never' ;;
    --network) words="none $(cd /sys/class/net && for n in */bridge; do
        [[ -e $n ]] && echo "${n%/bridge}"; done)" ;;
    -s | --signal | --stop-signal)
        words='HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH' ;;
    -e | --env) words=$(compgen -e) ;;
    --env-file)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    *) return 1 ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

# $1: the command without "hyper-"; $2: where it stands in COMP_WORDS.
_xl_hyper_arguments() {
    local command=$1 at=$2 cur=${COMP_WORDS[COMP_CWORD]} option operands=0 i
    local options takes
    options=$(xl-hyper help --words "$command" 2>/dev/null) || return 0
    # With '=' are those that take a value.
    takes=$(sed -n 's/=$//p' <<<"$options")
    i=$((at + 1))
    while ((i < COMP_CWORD)); do
        option=${COMP_WORDS[i]}
        if [[ $option == -?* ]]; then
            if grep -qxF -e "$option" <<<"$takes"; then
                ((i + 1 == COMP_CWORD)) && {
                    _xl_hyper_value "$option" "$cur"
                    return 0
                }
                i=$((i + 1))
            fi
        else
            operands=$((operands + 1))
        fi
        i=$((i + 1))
    done
    # What follows the image is the container's.
    if [[ $operands -gt 0 && ($command == create || $command == run) ]]; then
        # "nginx:lat" is three words to bash.
        [[ $COMP_WORDBREAKS == *:* && ${COMP_WORDS[COMP_CWORD - 1]} == : ||
            $cur == : ]] || return 0
    fi
    if [[ $cur == -* ]]; then
        _xl_hyper_reply "$cur" < <(tr -d = <<<"$options")
        return 0
    fi
    case $command in
    inspect | logs | destroy | rm)
        _xl_hyper_reply "$cur" < <(xl-hyper list -a -q 2>/dev/null) ;;
    stop | kill)
        _xl_hyper_reply "$cur" < <(xl-hyper list -q 2>/dev/null) ;;
    create | run | rmi | pull)
        cur=${COMP_LINE:0:COMP_POINT}
        _xl_hyper_images "${cur##*[[:space:]]}" ;;
    help)
        _xl_hyper_reply "$cur" < <(xl-hyper help --words 2>/dev/null) ;;
    esac
}

# xl-hyper COMMAND, hyper COMMAND
_xl_hyper() {
    if ((COMP_CWORD == 1)); then
        _xl_hyper_reply "${COMP_WORDS[1]}" \
            < <(xl-hyper help --words 2>/dev/null)
    else
        _xl_hyper_arguments "${COMP_WORDS[1]#hyper-}" 1
    fi
}

# xl [FLAGS] hyper-COMMAND; everything else is for the function that completed
# xl before.
_xl_hyper_xl() {
    local at=1 others=()
    while ((at < COMP_CWORD)) && [[ ${COMP_WORDS[at]} == -* ]]; do
        at=$((at + 1))
    done
    if ((at < COMP_CWORD)) && [[ ${COMP_WORDS[at]} == hyper-* ]]; then
        compopt +o nospace 2>/dev/null
        _xl_hyper_arguments "${COMP_WORDS[at]#hyper-}" "$at"
        return 0
    fi
    COMPREPLY=()
    if declare -F _xl >/dev/null; then
        _xl "$@"
        others=("${COMPREPLY[@]}")
    fi
    ((at == COMP_CWORD)) || return 0
    _xl_hyper_reply "${COMP_WORDS[at]}" \
        < <(xl-hyper help --words 2>/dev/null | sed 's/^/hyper-/')
    # The stock function puts a blank behind each, and so do we.
    COMPREPLY=("${others[@]}" "${COMPREPLY[@]/%/ }")
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
