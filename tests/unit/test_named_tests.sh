#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# docs/testing.md says which test holds which rule: each of these tests exists.
# Says of it what cmocka would say.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

# A test is named as `test_NAME`, a file as `tests/...`.
missing() {
    local name
    grep -o '`test_[a-z0-9_]*`' docs/testing.md | tr -d '`' | sort -u |
        while read -r name; do
            grep -qrE "(void $name\(void|^$name\(\))" tests/unit tests/image \
                tests/lab || echo "$name"
        done
    grep -o '`tests/[a-z0-9_/.-]*`' docs/testing.md | tr -d '`' | sort -u |
        while read -r name; do
            [[ -e $name ]] || echo "$name"
        done
}

test_every_test_that_is_named_exists() {
    local names
    names=$(missing)
    [[ -z $names ]] || { echo "not there: $names"; return 1; }
}

failed=0
for name in $(declare -F | sed -n 's/^declare -f \(test_\)/\1/p'); do
    if "$name"; then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name"
        failed=1
    fi
done
exit "$failed"
