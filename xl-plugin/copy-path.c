/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/copy-path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/base/cleanup.h"

/* Absolute, without "." and ".." and doubled slashes, but with a "/" or "/."
 * at the end, which means something. */
static char *clean(const char *path)
{
    size_t len = strlen(path), used = 0;
    bool dot = strcmp(path, ".") == 0 ||
               (len > 1 && strcmp(path + len - 2, "/.") == 0);
    bool slash = len > 0 && path[len - 1] == '/';
    char *cleaned = malloc(len + 4);

    if (!cleaned)
        return NULL;
    for (; *path; path += *path == '/') {
        size_t part = strcspn(path, "/");

        if (part == 2 && memcmp(path, "..", 2) == 0) {
            while (used > 0 && cleaned[--used] != '/')
                ;
        } else if (part > 0 && !(part == 1 && *path == '.')) {
            cleaned[used++] = '/';
            memcpy(cleaned + used, path, part);
            used += part;
        }
        path += part;
    }
    strcpy(cleaned + used, used == 0 || slash ? "/" : dot ? "/." : "");
    return cleaned;
}

int hx_copy_operand_parse(const char *text, struct hx_copy_operand *operand_r,
                          struct hx_err *err)
{
    struct hx_copy_operand operand = { 0 };
    const char *colon = strchr(text, ':');

    if (strcmp(text, "-") == 0) {
        operand.is_pipe = true;
    } else if (colon && *text != '/' && *text != '.') {
        if (colon == text || !colon[1])
            return hx_err_set(err, HX_ERR_USAGE,
                              "'%.200s': it takes a pod, a colon and a path",
                              text);
        operand.pod = strndup(text, (size_t)(colon - text));
        operand.path = clean(colon + 1);
    } else if (!*text) {
        return hx_err_set(err, HX_ERR_USAGE,
                          "source and destination cannot be empty");
    } else {
        operand.path = strdup(text);
    }
    if (!operand.is_pipe && (!operand.path || (colon && !operand.path))) {
        hx_copy_operand_release(&operand);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "copying");
    }
    *operand_r = operand;
    return 0;
}

void hx_copy_operand_release(struct hx_copy_operand *operand)
{
    free(operand->pod);
    free(operand->path);
    *operand = (struct hx_copy_operand){ 0 };
}

int hx_copy_top(const char *path, char top_r[NAME_MAX + 1], struct hx_err *err)
{
    _cleanup_free_ char *real = NULL;
    size_t len = strlen(path), begin;

    if (strcmp(path, "..") == 0 ||
        (len > 2 && strcmp(path + len - 3, "/..") == 0)) {
        real = realpath(path, NULL);
        if (!real)
            return hx_err_sys(err, HX_ERR_NOT_FOUND, errno, "copying %s", path);
        path = real;
        len = strlen(path);
    }
    while (len > 0 && path[len - 1] == '/')
        len--;
    for (begin = len; begin > 0 && path[begin - 1] != '/';)
        begin--;
    if (len - begin > NAME_MAX)
        return hx_err_sys(err, HX_ERR_USAGE, ENAMETOOLONG, "copying %.200s",
                          path);
    snprintf(top_r, NAME_MAX + 1, "%.*s", (int)(len - begin), path + begin);
    if (len == begin)
        strcpy(top_r, ".");
    return 0;
}
