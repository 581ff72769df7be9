/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The image's passwd and group, and the user that is looked for: three texts
 * with a NUL between them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pv-init/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Three NULs behind it: each of the texts ends. */
    char *text = calloc(1, size + 3);
    const char *spec = text, *passwd, *group;
    struct hx_init_user user;
    struct hx_init_err err = { "" };

    if (!text)
        return 0;
    memcpy(text, data, size);
    passwd = spec + strlen(spec) + 1;
    group = passwd + strlen(passwd) + (passwd < text + size);
    if (hx_init_user_resolve(spec, passwd, group, &user, &err) == 0) {
        if (user.group_count < 1 || user.groups[0] != user.gid ||
            user.uid > INT32_MAX || user.gid > INT32_MAX || !user.home[0])
            abort();
    } else if (!err.msg[0]) {
        abort();
    }
    free(text);
    return 0;
}
