#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Arguments that begin with - are the server's; as root, the server runs as
# redis. The official image does the same.
set -e

if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
    set -- redis-server "$@"
fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis '{}' +
    exec setpriv --reuid redis --regid redis --clear-groups -- "$0" "$@"
fi
umask 0077
exec "$@"
