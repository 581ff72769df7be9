/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/path.h"

#include <string.h>

#define WHITEOUT        ".wh."
#define WHITEOUT_META   ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

size_t hx_path_component(const char *text, size_t len)
{
    const char *slash = memchr(text, '/', len);

    return slash ? (size_t)(slash - text) : len;
}

static size_t parent_len(const char *text, size_t len)
{
    while (len > 0 && text[len - 1] != '/')
        len--;
    return len ? len - 1 : 0;
}

int hx_path_clean(const char *raw, struct hx_path *path_r, struct hx_err *err)
{
    char *out = path_r->text;
    size_t used = 0, left = strlen(raw);

    while (left > 0) {
        size_t len = hx_path_component(raw, left);
        const char *name = raw;
        size_t step = len < left ? len + 1 : len;

        raw += step;
        left -= step;
        if (len == 0 || (len == 1 && name[0] == '.'))
            continue;
        if (len == 2 && name[0] == '.' && name[1] == '.') {
            used = parent_len(out, used);
            continue;
        }
        if (len > HX_MKROOT_NAME_MAX)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "the name '%.40s...' is longer than %d bytes",
                              name, HX_MKROOT_NAME_MAX);
        if (used + len + 1 > HX_MKROOT_PATH_MAX)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "the path '%.40s...' is longer than %d bytes",
                              out, HX_MKROOT_PATH_MAX);
        if (used > 0)
            out[used++] = '/';
        memcpy(out + used, name, len);
        used += len;
    }
    out[used] = '\0';
    path_r->len = used;
    return 0;
}

static int starts(const char *text, size_t len, const char *prefix)
{
    size_t n = strlen(prefix);

    return len >= n && !memcmp(text, prefix, n);
}

/* Whether a folder on the way is named like a whiteout. */
static int below_whiteout(const struct hx_path *path, int *meta_r)
{
    size_t at = 0, len;

    for (; at < path->len; at += len + 1) {
        len = hx_path_component(path->text + at, path->len - at);
        if (at + len == path->len)
            break;
        if (starts(path->text + at, len, WHITEOUT)) {
            *meta_r = starts(path->text + at, len, WHITEOUT_META);
            return 1;
        }
    }
    return 0;
}

int hx_path_classify(struct hx_path *path, enum hx_path_kind *kind_r,
                     struct hx_err *err)
{
    size_t parent = parent_len(path->text, path->len);
    char *name = path->text + (parent ? parent + 1 : 0);
    size_t len = path->len - (size_t)(name - path->text);
    int meta;

    *kind_r = HX_PATH_PLAIN;
    if (below_whiteout(path, &meta)) {
        if (!meta)
            return hx_err_set(err, HX_ERR_CORRUPT, "'%s' lies below a whiteout",
                              path->text);
        *kind_r = HX_PATH_IGNORED;
        return 0;
    }
    if (!starts(name, len, WHITEOUT))
        return 0;
    if (len == strlen(WHITEOUT_OPAQUE) && starts(name, len, WHITEOUT_OPAQUE)) {
        *kind_r = HX_PATH_OPAQUE;
        path->len = parent;
        path->text[parent] = '\0';
        return 0;
    }
    if (starts(name, len, WHITEOUT_META)) {
        *kind_r = HX_PATH_IGNORED;
        return 0;
    }
    name += strlen(WHITEOUT);
    len -= strlen(WHITEOUT);
    if (!len || !strcmp(name, ".") || !strcmp(name, ".."))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the whiteout '%s' names nothing that can be hidden",
                          path->text);
    memmove(name - strlen(WHITEOUT), name, len + 1);
    path->len -= strlen(WHITEOUT);
    *kind_r = HX_PATH_WHITEOUT;
    return 0;
}
