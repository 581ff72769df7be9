/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUF_DEFAULT_MAX ((size_t)1 << 20)

static int buf_reserve(struct hx_buf *buf, size_t extra)
{
    size_t max = buf->max ? buf->max : BUF_DEFAULT_MAX;
    size_t want;
    char *data;

    if (extra > max || buf->len > max - extra) {
        errno = EFBIG;
        return -1;
    }
    want = buf->len + extra + 1;
    if (want <= buf->size)
        return 0;
    if (want < buf->size * 2)
        want = buf->size * 2;
    if (want < 64)
        want = 64;
    data = realloc(buf->data, want);
    if (!data)
        return -1;
    buf->data = data;
    buf->size = want;
    return 0;
}

int hx_buf_add(struct hx_buf *buf, const void *data, size_t len)
{
    if (buf_reserve(buf, len) < 0)
        return -1;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int hx_buf_adds(struct hx_buf *buf, const char *text)
{
    return hx_buf_add(buf, text, strlen(text));
}

int hx_buf_addf(struct hx_buf *buf, const char *fmt, ...)
{
    va_list ap, again;
    int len;

    va_start(ap, fmt);
    va_copy(again, ap);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len >= 0 && buf_reserve(buf, (size_t)len) == 0) {
        vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
        len = 0;
    } else {
        len = -1;
    }
    va_end(again);
    return len;
}

void hx_buf_clear(struct hx_buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

void hx_buf_release(struct hx_buf *buf)
{
    size_t max;

    if (!buf)
        return;
    max = buf->max;
    free(buf->data);
    *buf = (struct hx_buf){ .max = max };
}

char *hx_buf_detach(struct hx_buf *buf)
{
    char *data;

    if (!buf->data && buf_reserve(buf, 0) < 0)
        return NULL;
    buf->data[buf->len] = '\0';
    data = hx_steal_ptr(&buf->data);
    buf->len = buf->size = 0;
    return data;
}
