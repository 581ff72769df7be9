/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "image/base/escape.h"

static const char *const err_names[HX_ERR_CODES] = {
    [HX_ERR_NONE] = "none",
    [HX_ERR_USAGE] = "usage",
    [HX_ERR_NOT_FOUND] = "not-found",
    [HX_ERR_EXISTS] = "exists",
    [HX_ERR_STATE] = "state",
    [HX_ERR_AUTH] = "auth",
    [HX_ERR_NETWORK] = "network",
    [HX_ERR_REGISTRY] = "registry",
    [HX_ERR_CORRUPT] = "corrupt",
    [HX_ERR_LIMIT] = "limit",
    [HX_ERR_NO_SPACE] = "no-space",
    [HX_ERR_NO_MEMORY] = "no-memory",
    [HX_ERR_NO_XEN] = "no-xen",
    [HX_ERR_PRIVILEGE] = "privilege",
    [HX_ERR_UNSUPPORTED] = "unsupported",
    [HX_ERR_INTERRUPTED] = "interrupted",
    [HX_ERR_XEN] = "xen",
    [HX_ERR_GUEST] = "guest",
    [HX_ERR_SYSTEM] = "system",
};

void hx_err_clear(struct hx_err *err)
{
    if (!err)
        return;
    err->code = HX_ERR_NONE;
    err->sys = 0;
    err->msg[0] = '\0';
}

int hx_err_set(struct hx_err *err, enum hx_err_code code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -(int)code;
    err->code = code;
    err->sys = 0;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    hx_escape_in_place(err->msg);
    return -(int)code;
}

static enum hx_err_code code_of_errno(enum hx_err_code code, int errnum)
{
    if (code != HX_ERR_SYSTEM)
        return code;
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return HX_ERR_NO_SPACE;
    case EPERM:
    case EACCES:
        return HX_ERR_PRIVILEGE;
    default:
        return code;
    }
}

int hx_err_sys(struct hx_err *err, enum hx_err_code code, int errnum,
               const char *fmt, ...)
{
    bool is_full = code != HX_ERR_NO_SPACE &&
                   code_of_errno(code, errnum) == HX_ERR_NO_SPACE;
    va_list ap;
    size_t used;

    code = code_of_errno(code, errnum);
    if (!err)
        return -(int)code;
    err->code = code;
    err->sys = errnum;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    used = strlen(err->msg);
    snprintf(err->msg + used, sizeof(err->msg) - used, ": %s%s",
             strerror(errnum),
             is_full ? "; free space there, or remove images with 'xl "
                       "hyper-rmi'"
                     : "");
    hx_escape_in_place(err->msg);
    return -(int)code;
}

int hx_err_prefix(struct hx_err *err, const char *fmt, ...)
{
    char old[HX_ERR_MSG_MAX];
    va_list ap;
    size_t used;

    if (!err)
        return -(int)HX_ERR_SYSTEM;
    memcpy(old, err->msg, sizeof(old));
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    used = strlen(err->msg);
    snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", old);
    hx_escape_in_place(err->msg);
    return -(int)err->code;
}

const char *hx_err_name(enum hx_err_code code)
{
    if ((unsigned)code >= HX_ERR_CODES)
        return "unknown";
    return err_names[code];
}
