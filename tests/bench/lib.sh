# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the benchmarks share: a clock, medians, rows.  Rows go to stdout, one
# JSON object a line; everything else to stderr.

export runs=${RUNS:-5}

now_us() {
    echo "${EPOCHREALTIME/[.,]/}"
}

note() {
    echo "bench: $*" >&2
}

# median NUMBER...
median() {
    printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 }
        END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# row NAME VALUE UNIT RUNS [RATIO AGAINST]: without the last two, both are null.
row() {
    jq -cn --arg name "$1" --argjson value "$2" --arg unit "$3" \
        --argjson runs "$4" --argjson ratio "${5:-null}" \
        --arg against "${6:-}" \
        '{name: $name, value: $value, unit: $unit, runs: $runs,
          ratio: $ratio, against: (if $ratio then $against else null end)}'
}

# ratio OURS THEIRS
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f\n", a / b }'
}

# to_first_line COMMAND...: microseconds from here until the command's first
# line of output that has $marker; then waits for the command to end.
export marker=bench-first-line
to_first_line() {
    local start end line
    start=$(now_us)
    end=$("$@" 2>/dev/null </dev/null | {
        while IFS= read -r line; do
            [[ $line != *"$marker"* ]] || break
        done
        [[ $line == *"$marker"* ]] && now_us
        cat >/dev/null
    })
    [[ -n $end ]] || {
        note "no output from: $*"
        return 1
    }
    echo $((end - start))
}
