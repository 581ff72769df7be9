/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/caps.h"

#include <linux/capability.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define CAP(name) (1ull << CAP_##name)

const uint64_t hx_caps_default =
    CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FSETID) | CAP(FOWNER) | CAP(MKNOD) |
    CAP(NET_RAW) | CAP(SETGID) | CAP(SETUID) | CAP(SETFCAP) | CAP(SETPCAP) |
    CAP(NET_BIND_SERVICE) | CAP(SYS_CHROOT) | CAP(KILL) | CAP(AUDIT_WRITE);

/* By number, as capabilities(7) and linux/capability.h. */
static const char *const names[HX_CAPS_COUNT] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

const char *hx_cap_name(unsigned number)
{
    return number < HX_CAPS_COUNT ? names[number] : NULL;
}

int hx_cap_number(const char *text)
{
    if (strncasecmp(text, "CAP_", 4) == 0)
        text += 4;
    for (int i = 0; i < HX_CAPS_COUNT; i++) {
        if (strcasecmp(text, names[i]) == 0)
            return i;
    }
    return -1;
}

static uint64_t bits_of(char *const *list, bool *all_r)
{
    uint64_t bits = 0;

    *all_r = false;
    for (; list && *list; list++) {
        int number = hx_cap_number(*list);

        if (number >= 0)
            bits |= 1ull << number;
        else if (strcasecmp(*list, "ALL") == 0)
            *all_r = true;
    }
    return bits;
}

uint64_t hx_caps_of(char *const *add, char *const *drop, bool privileged)
{
    bool add_all, drop_all;
    uint64_t added = bits_of(add, &add_all), dropped = bits_of(drop, &drop_all);

    if (privileged)
        return HX_CAPS_ALL;
    if (add_all)
        return HX_CAPS_ALL & ~dropped;
    if (drop_all)
        return added;
    return (hx_caps_default & ~dropped) | added;
}
