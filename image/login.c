/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "image/helper.h"
#include "image/image.h"

#define HUB "docker.io"

int hx_registry_login(const char *registry, const char *user,
                      const char *password, struct hx_err *err)
{
    char *const args[] = { (char *)"--login",
                           (char *)(registry ? registry : HUB),
                           (char *)"--user", (char *)user, NULL };
    struct hx_helper helper = { .program = "pull",
                                .args = args,
                                .input = password };
    int rc = hx_helper_run(&helper, err);

    return rc < 0 ? hx_err_prefix(err, "logging in to %s",
                                  registry ? registry : HUB)
                  : 0;
}

int hx_registry_logout(const char *registry, struct hx_err *err)
{
    char *const args[] = { (char *)"--logout",
                           (char *)(registry ? registry : HUB), NULL };
    struct hx_helper helper = { .program = "pull", .args = args };

    return hx_helper_run(&helper, err);
}
