/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The sentence may quote an image's words: no escape reaches a terminal. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c >= 0x7f)
            *text = '?';
    }
}

int hx_init_fail(struct hx_init_err *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    make_printable(err->msg);
    return -1;
}

int hx_init_fail_sys(struct hx_init_err *err, int errnum, const char *fmt, ...)
{
    char why[96];
    size_t len;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    snprintf(why, sizeof(why), ": %s", strerror(errnum));
    /* The reason is kept whole; a long object's name gives way. */
    len = strnlen(err->msg, sizeof(err->msg) - strlen(why) - 1);
    strcpy(err->msg + len, why);
    make_printable(err->msg);
    return -1;
}

int hx_init_fail_prefix(struct hx_init_err *err, const char *fmt, ...)
{
    struct hx_init_err old = *err;
    size_t len;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    len = strlen(err->msg);
    snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", old.msg);
    make_printable(err->msg);
    return -1;
}

void hx_init_close_p(const int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    errno = saved;
}

void hx_init_free_p(void *pp)
{
    free(*(void **)pp);
}

uint64_t hx_init_now_us(void)
{
    struct timespec now = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int hx_init_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int hx_init_put_file(const char *path, const char *text)
{
    _init_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    return hx_init_write_all(fd, text, strlen(text));
}

int hx_init_make_file(const char *path, const char *data, size_t len,
                      mode_t mode, struct hx_init_err *err)
{
    _init_close_ int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    if (fd < 0 || hx_init_write_all(fd, data, len) < 0)
        return hx_init_fail_sys(err, errno, "writing %s", path);
    return 0;
}

int hx_init_read_fd(int fd, size_t max_bytes, char **data_r, size_t *len_r)
{
    _init_free_ char *data = NULL;
    size_t len = 0, size = 0;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    for (;;) {
        ssize_t n;

        if (len + 1 >= size) {
            char *more;

            size = size ? size * 2 : (size_t)st.st_size + 4096;
            if (size > max_bytes + 2)
                size = max_bytes + 2;
            more = realloc(data, size);
            if (!more)
                return -1;
            data = more;
        }
        n = read(fd, data + len, size - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max_bytes) {
            errno = EFBIG;
            return -1;
        }
    }
    data[len] = '\0';
    *data_r = data;
    *len_r = len;
    data = NULL;
    return 0;
}

int hx_init_mkdir_p(const char *path)
{
    char part[4096];
    size_t i;

    if (strlen(path) >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(part, path);
    for (i = 1; part[i]; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return -1;
        part[i] = '/';
    }
    return mkdir(part, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

int hx_init_parse_u64(const char *text, uint64_t max, uint64_t *value_r)
{
    uint64_t value = 0;

    if (!*text)
        return -1;
    for (; *text; text++) {
        unsigned digit = (unsigned char)*text - '0';

        if (digit > 9 || digit > max || value > (max - digit) / 10)
            return -1;
        value = value * 10 + digit;
    }
    *value_r = value;
    return 0;
}
