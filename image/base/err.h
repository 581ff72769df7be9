/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: what failed, and what the administrator can do about it.
 *
 * A fallible function returns 0, or the negative of one of the codes below,
 * and describes the failure in the caller's struct hx_err:
 *
 *     int hx_blob_open(const char *path, int *fd_r, struct hx_err *err)
 *     {
 *         int fd = open(path, O_RDONLY | O_CLOEXEC);
 *
 *         if (fd < 0)
 *             return hx_err_sys(err, HX_ERR_SYSTEM, errno,
 *                               "reading blob %s", path);
 *         ...
 *
 * The sentence names the stage, the object and the way out:
 * "pulling nginx:latest: registry 127.0.0.1:5000 answered 401; log in with
 * 'xl hyper-login'".  Text from images, registries and guests may be put into
 * it: control characters are replaced here, so that no terminal escape
 * reaches a screen or a log.
 */
#ifndef HX_ERR_H
#define HX_ERR_H

#include <stdarg.h>
#include <stddef.h>

/* Stable: the JSON form of an error and the man page quote these names. */
enum hx_err_code {
    HX_ERR_NONE = 0,
    HX_ERR_USAGE,       /* the command line or a configuration file is wrong */
    HX_ERR_NOT_FOUND,   /* no such pod, image, tag, platform, file */
    HX_ERR_EXISTS,      /* name or address in use */
    HX_ERR_STATE,       /* the object is in the wrong state (pod runs, ...) */
    HX_ERR_AUTH,        /* not logged in, or refused */
    HX_ERR_NETWORK,     /* no connection, time-out, dropped */
    HX_ERR_REGISTRY,    /* an answer that the protocol does not allow */
    HX_ERR_CORRUPT,     /* digest or format is wrong */
    HX_ERR_LIMIT,       /* a bound against hostile input was reached */
    HX_ERR_NO_SPACE,    /* disk full */
    HX_ERR_NO_MEMORY,   /* not enough free memory for the domain */
    HX_ERR_NO_XEN,      /* not a dom0, or xenstored does not answer */
    HX_ERR_PRIVILEGE,   /* root is needed */
    HX_ERR_UNSUPPORTED, /* well understood, and not possible here */
    HX_ERR_INTERRUPTED, /* a signal asked us to stop */
    HX_ERR_XEN,         /* libxl refused; `sys` is its rc */
    HX_ERR_GUEST,       /* the domain died or did not answer */
    HX_ERR_SYSTEM,      /* a system call failed; `sys` is its errno */
    HX_ERR_CODES
};

#define HX_ERR_MSG_MAX 1024

struct hx_err {
    enum hx_err_code code;
    int sys;                  /* errno, or libxl's rc for HX_ERR_XEN; or 0 */
    char msg[HX_ERR_MSG_MAX]; /* one sentence, no newline, printable */
};

/* Forgets an earlier error.  `err` may be NULL here and everywhere below. */
void hx_err_clear(struct hx_err *err);

/* Fills *err; returns -code, so that callers can `return hx_err_set(...)`. */
int hx_err_set(struct hx_err *err, enum hx_err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for a failed system call: ": <strerror>" is appended.  ENOSPC and
 * EDQUOT become HX_ERR_NO_SPACE, with the way out, and EPERM/EACCES
 * HX_ERR_PRIVILEGE when `code` is HX_ERR_SYSTEM.
 */
int hx_err_sys(struct hx_err *err, enum hx_err_code code, int errnum,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Puts "<text>: " before the message, keeping code and sys; returns -code. */
int hx_err_prefix(struct hx_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "not-found", "no-space", ...: the code's stable name. */
const char *hx_err_name(enum hx_err_code code);

#endif
