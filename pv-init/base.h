/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few helpers that all of pv-init shares: errors, cleanup, small files,
 * time.
 *
 * A fallible function returns 0, or -1 and a sentence in the caller's struct
 * hx_init_err: the stage, the object, the way out.  It travels to dom0 as
 * data/hyper/error, so it is printable and shorter than a xenstore value of
 * ours may be.
 */
#ifndef HX_INIT_BASE_H
#define HX_INIT_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pv-init/guest-abi.h"

struct hx_init_err {
    char msg[HX_ABI_VALUE_MAX];
};

/* Fill *err (control characters become '?') and return -1. */
int hx_init_fail(struct hx_init_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with ": <what errnum means>" behind. */
int hx_init_fail_sys(struct hx_init_err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "<text>: " before the message and returns -1. */
int hx_init_fail_prefix(struct hx_init_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Cleanup attributes; neither changes errno. */
void hx_init_close_p(const int *fd);
void hx_init_free_p(void *pp);
#define _init_close_ __attribute__((cleanup(hx_init_close_p)))
#define _init_free_  __attribute__((cleanup(hx_init_free_p)))

#define HX_INIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* CLOCK_BOOTTIME. */
uint64_t hx_init_now_us(void);

/* write(2) until all is written; 0 or -1 with errno. */
int hx_init_write_all(int fd, const void *data, size_t len);

/* Writes a small file that exists (a sysctl, a cgroup file); -1 with errno. */
int hx_init_put_file(const char *path, const char *text);

/* Makes or replaces a regular file. */
int hx_init_make_file(const char *path, const char *data, size_t len,
                      mode_t mode, struct hx_init_err *err);

/*
 * Reads a regular file of at most max_bytes from an open fd into memory that
 * is the caller's to free; a NUL that *len_r does not count stands behind.
 * -1 with errno: EFBIG over the bound, EINVAL for what is no regular file (a
 * fifo would wait for ever, a device might never end).
 */
int hx_init_read_fd(int fd, size_t max_bytes, char **data_r, size_t *len_r);

/* mkdir -p, folders 0755; -1 with errno. */
int hx_init_mkdir_p(const char *path);

/* A whole decimal number without sign or blanks, at most max; 0 or -1. */
int hx_init_parse_u64(const char *text, uint64_t max, uint64_t *value_r);

#endif
