/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/copy/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY_BYTES (256UL << 20)

static int keep_capabilities(uint64_t kept)
{
    struct __user_cap_header_struct header = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct data[2] = { 0 };

    for (unsigned i = 0; i < 2; i++)
        data[i].permitted = data[i].effective = (uint32_t)(kept >> 32 * i);
    return (int)syscall(SYS_capset, &header, data);
}

int hx_confine(int root, struct hx_err *err)
{
    static const struct rlimit memory = { MEMORY_BYTES, MEMORY_BYTES };
    const uint64_t kept = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE |
                          1u << CAP_FOWNER | 1u << CAP_FSETID |
                          UINT64_C(1) << CAP_SETFCAP;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "preparing a copy");
#ifndef __SANITIZE_ADDRESS__
    setrlimit(RLIMIT_DATA, &memory);
#else
    (void)memory;
#endif
    if (geteuid() != 0)
        return 0;
    if (fchdir(root) < 0 || chroot(".") < 0 || keep_capabilities(kept) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "locking the copy into its destination");
    return 0;
}
