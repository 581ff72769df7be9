/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cleanup attributes for what closes itself when it leaves its scope, and
 * steal helpers for what is handed on.
 *
 *     _cleanup_close_ int fd = -1;
 *     _cleanup_free_ char *name = NULL;
 *     ...
 *     *fd_r = hx_steal_fd(&fd);
 *
 * None of them changes errno.
 */
#ifndef HX_CLEANUP_H
#define HX_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void hx_cleanup_free(void *pp)
{
    free(*(void **)pp);
}

static inline void hx_cleanup_close(const int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    errno = saved;
}

static inline void hx_cleanup_fclose(FILE **fp)
{
    int saved = errno;

    if (*fp)
        fclose(*fp);
    errno = saved;
}

static inline void hx_cleanup_closedir(DIR **dir)
{
    int saved = errno;

    if (*dir)
        closedir(*dir);
    errno = saved;
}

static inline int hx_steal_fd(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

#define hx_steal_ptr(pp)                                                       \
    ({                                                                         \
        __typeof__(*(pp)) _p = *(pp);                                          \
        *(pp) = NULL;                                                          \
        _p;                                                                    \
    })

#define _cleanup_(f)       __attribute__((cleanup(f)))
#define _cleanup_free_     _cleanup_(hx_cleanup_free)
#define _cleanup_close_    _cleanup_(hx_cleanup_close)
#define _cleanup_fclose_   _cleanup_(hx_cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(hx_cleanup_closedir)

#endif
