#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# sshd for whoever has the key whose public half is in AUTHORIZED_KEY.
set -e

mkdir -p /run/sshd /root/.ssh
chmod 700 /run/sshd /root/.ssh
printf '%s\n' "$AUTHORIZED_KEY" >/root/.ssh/authorized_keys
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
exec /usr/sbin/sshd -D -e -o HostKey=/etc/ssh/ssh_host_ed25519_key "$@"
