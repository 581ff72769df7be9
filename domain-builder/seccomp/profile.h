/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A seccomp profile in Docker's format, made into the BPF program that the
 * guest's kernel runs at each system call.
 *
 *     { "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
 *       "archMap": [ { "architecture": "SCMP_ARCH_X86_64",
 *                      "subArchitectures": ["SCMP_ARCH_X86"] } ],
 *       "syscalls": [
 *         { "names": ["clone"], "action": "SCMP_ACT_ALLOW",
 *           "args": [ { "index": 0, "value": 2114060288, "valueTwo": 0,
 *                       "op": "SCMP_CMP_MASKED_EQ" } ],
 *           "includes": { "caps": [], "arches": [], "minKernel": "4.8" },
 *           "excludes": { "caps": ["CAP_SYS_ADMIN"] } } ] }
 *
 * Read as dockerd and runc read it: "architectures" may stand in place of
 * "archMap", "name" in place of "names"; names that libseccomp does not know
 * are passed over; several conditions on one argument are alternatives; and
 * system calls newer than all that the profile names fail with ENOSYS, so that
 * a C library tries the older ones.
 */
#ifndef HX_SECCOMP_PROFILE_H
#define HX_SECCOMP_PROFILE_H

#include <stdint.h>

#include "image/base/buf.h"
#include "image/base/err.h"

/* What "minKernel" is compared with: no HyperKernel is older. */
#define HX_SECCOMP_KERNEL_MAJOR 6
#define HX_SECCOMP_KERNEL_MINOR 1

/*
 * Appends the program, struct sock_filter[], to `program`.  `caps` is the
 * container's bounding set as bits, `what` names the profile in messages.
 * HX_ERR_USAGE: the profile is wrong; HX_ERR_UNSUPPORTED: it asks for what a
 * pod cannot have.
 */
int hx_seccomp_compile(const char *json, size_t len, const char *what,
                       uint64_t caps, struct hx_buf *program,
                       struct hx_err *err);

#endif
