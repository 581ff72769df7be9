#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A kernel without IPv6 must not keep the server from starting.
set -e

conf=/etc/nginx/sites-enabled/default
if [ ! -f /proc/net/if_inet6 ] && [ -w "$conf" ]; then
    sed -i '/listen \[::\]:80/d' "$conf"
    echo "$0: no IPv6 here; listening on IPv4 only"
fi
