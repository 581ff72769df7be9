#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs the scripts of /docker-entrypoint.d before the server, as the official
# image does.
set -e

case $1 in
nginx | nginx-debug)
    for script in /docker-entrypoint.d/*.sh; do
        [ -x "$script" ] || continue
        echo "$0: launching $script"
        "$script"
    done
    echo "$0: configuration complete; ready for start up"
    ;;
esac
exec "$@"
