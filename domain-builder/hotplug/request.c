/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/hotplug/request.h"

#include <ctype.h>
#include <string.h>

#include "domain-builder/netdev.h"
#include "image/base/strv.h"

/* "backend/KIND/DOMID/DEVID", and nothing that could lead elsewhere. */
static bool path_valid(const char *path, const char *kind)
{
    size_t len = strlen(kind);
    const char *p = path;

    if (strncmp(p, "backend/", 8) != 0)
        return false;
    p += 8;
    if (strncmp(p, kind, len) != 0 || p[len] != '/')
        return false;
    p += len + 1;
    for (int i = 0; i < 2; i++) {
        size_t digits = strspn(p, "0123456789");

        if (digits == 0 || digits > 10)
            return false;
        p += digits;
        if (*p++ != (i == 0 ? '/' : '\0'))
            return false;
    }
    return true;
}

static int parse_action(char *const argv[], struct hx_hotplug_request *request,
                        struct hx_err *err)
{
    static const struct {
        const char *word;
        enum hx_hotplug_kind kind;
        bool add;
    } actions[] = {
        { "add", HX_HOTPLUG_VBD, true },
        { "remove", HX_HOTPLUG_VBD, false },
        { "online", HX_HOTPLUG_VIF, true },
        { "offline", HX_HOTPLUG_VIF, false },
    };

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(argv[1], actions[i].word) != 0)
            continue;
        request->kind = actions[i].kind;
        request->add = actions[i].add;
        return 0;
    }
    return hx_err_set(err, HX_ERR_USAGE,
                      "hotplug: unknown action '%s'; libxl calls this with "
                      "add, remove, online or offline",
                      argv[1]);
}

int hx_hotplug_parse(char *const argv[], char *const env[],
                     struct hx_hotplug_request *request_r, struct hx_err *err)
{
    struct hx_hotplug_request request = { 0 };
    size_t argc = hx_strv_len(argv);
    const char *kind;
    int r;

    if (argc < 2)
        return hx_err_set(err, HX_ERR_USAGE,
                          "hotplug: no action; libxl runs this for the disks "
                          "and vifs of pods");
    r = parse_action(argv, &request, err);
    if (r < 0)
        return r;
    kind = request.kind == HX_HOTPLUG_VIF ? "vif" : "vbd";
    request.path = hx_env_get(env, "XENBUS_PATH");
    if (!request.path || !path_valid(request.path, kind))
        return hx_err_set(err, HX_ERR_USAGE,
                          "hotplug: XENBUS_PATH is '%s' and not "
                          "backend/%s/DOMID/DEVID",
                          request.path ? request.path : "", kind);
    if (request.kind == HX_HOTPLUG_VIF) {
        if (argc < 3 || strcmp(argv[2], "type_if=vif") != 0)
            return hx_err_set(err, HX_ERR_USAGE,
                              "hotplug: only vifs are handled, not '%s'",
                              argc < 3 ? "" : argv[2]);
        request.vif = hx_env_get(env, "vif");
        if (!request.vif || !hx_netdev_name_valid(request.vif))
            return hx_err_set(err, HX_ERR_USAGE,
                              "hotplug: the environment names no valid vif");
    }
    *request_r = request;
    return 0;
}
