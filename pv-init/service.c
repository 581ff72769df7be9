/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/service.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pv-init/archive.h"
#include "pv-init/processes.h"

static int take_path(struct hx_init_fields *at, const char *field,
                     enum hx_init_service_kind kind,
                     struct hx_init_service *out)
{
    const char *path = hx_init_field_str_or(at, field, NULL);

    if (!path)
        return 0;
    if (out->kind != HX_INIT_SERVICE_NONE)
        return hx_init_fields_wrong(at, field, "alone: one thing at a time");
    if (path[0] != '/')
        return hx_init_fields_wrong(at, field, "an absolute path");
    out->kind = kind;
    out->path = path;
    return 0;
}

int hx_init_service_parse(struct hx_init_fields *at,
                          struct hx_init_service *out)
{
    *out = (struct hx_init_service){ 0 };
    if (take_path(at, "get", HX_INIT_SERVICE_GET, out) < 0 ||
        take_path(at, "put", HX_INIT_SERVICE_PUT, out) < 0)
        return -1;
    if (hx_init_field_bool_or(at, "processes", false)) {
        if (out->kind != HX_INIT_SERVICE_NONE)
            return hx_init_fields_wrong(at, "processes",
                                        "alone: one thing at a time");
        out->kind = HX_INIT_SERVICE_PROCESSES;
    }
    out->top = hx_init_field_str_or(at, "top", NULL);
    out->follow = hx_init_field_bool_or(at, "follow", false);
    out->keep_owner = hx_init_field_bool_or(at, "keep_owner", false);
    return at->failed ? -1 : 0;
}

static int put(const struct hx_init_service *service, struct hx_init_err *err)
{
    const struct hx_init_archive_put how = {
        .dest = service->path,
        .top = service->top,
        .keep_owner = service->keep_owner,
    };

    return hx_init_archive_put(&how, STDIN_FILENO, err);
}

static int list(const struct hx_init_service *service, struct hx_init_err *err)
{
    _init_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (proc < 0)
        return hx_init_fail(err, "listing processes: there is no /proc");
    return hx_init_processes_list(proc, service->container, STDOUT_FILENO, err);
}

void hx_init_service_run(const struct hx_init_service *service)
{
    struct hx_init_err err;
    int r;

    /* The last one with pv-init's name on it; pv-init hears by its end that
     * all is well so far. */
    close_range(STDERR_FILENO + 1, ~0U, 0);
    if (service->kind == HX_INIT_SERVICE_GET)
        r = hx_init_archive_get(service->path, service->follow, STDOUT_FILENO,
                                &err);
    else if (service->kind == HX_INIT_SERVICE_PUT)
        r = put(service, &err);
    else
        r = list(service, &err);
    if (r == 0)
        _exit(0);
    hx_init_write_all(STDERR_FILENO, err.msg, strlen(err.msg));
    hx_init_write_all(STDERR_FILENO, "\n", 1);
    _exit(1);
}
