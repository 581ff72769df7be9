/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/commit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/base/cleanup.h"
#include "image/base/json.h"
#include "image/fill.h"
#include "image/helper.h"

struct reader {
    const struct hx_progress *progress;
    struct hx_committed result;
};

static void take_line(const json_t *line, void *opaque)
{
    struct reader *reader = opaque;
    const json_t *committed = json_object_get(line, "committed");
    const char *id = NULL;

    hx_fill_progress(json_object_get(line, "progress"), reader->progress);
    if (!json_is_object(committed) ||
        hx_json_str(committed, "id", "pull", HX_JSON_REQUIRED, &id, NULL) < 0 ||
        hx_json_bool(committed, "clean", "pull", HX_JSON_REQUIRED,
                     &reader->result.clean, NULL) < 0 ||
        !hx_digest_valid(id))
        return;
    hx_digest_copy(reader->result.id, id);
}

static int add(char ***args, const char *option, const char *value)
{
    if (!value)
        return 0;
    return hx_strv_add(args, option) < 0 || hx_strv_add(args, value) < 0 ? -1
                                                                         : 0;
}

static int add_fd(char ***args, const char *option, int fd)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", fd);
    return fd < 0 ? 0 : add(args, option, number);
}

/* A document may be longer than an argument can be. */
static int open_config(const json_t *config, int *fd_r)
{
    _cleanup_close_ int fd = memfd_create("config", MFD_CLOEXEC);

    if (fd < 0 || json_dumpfd(config, fd, JSON_COMPACT) < 0 ||
        lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    /* The helper has its own 0 to 2. */
    *fd_r = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *fd_r < 0 ? -1 : 0;
}

static int make_args(const struct hx_store *store,
                     const struct hx_commit_request *request, const int fds[2],
                     char ***args)
{
    if (add(args, "--store", store->root) < 0 ||
        add_fd(args, "--commit", fds[0]) < 0 ||
        add_fd(args, "--config", fds[1]) < 0 ||
        add(args, "--base", request->base) < 0 ||
        add(args, "--folder", request->folder) < 0 ||
        add(args, "--made-by", request->made_by) < 0 ||
        add(args, "--author", request->author) < 0 ||
        add(args, "--message", request->message) < 0)
        return -1;
    for (size_t i = 0; request->changes && request->changes[i]; i++) {
        if (add(args, "--change", request->changes[i]) < 0)
            return -1;
    }
    return add(args, "--", request->reference);
}

int hx_image_commit(struct hx_store *store,
                    const struct hx_commit_request *request,
                    const struct hx_progress *progress,
                    struct hx_committed *committed_r, struct hx_err *err)
{
    struct reader reader = { .progress = progress };
    _cleanup_strv_ char **args = NULL;
    _cleanup_close_ int disk = fcntl(request->disk_fd, F_DUPFD_CLOEXEC, 3);
    _cleanup_close_ int config = -1;
    int fds[2], rc;
    struct hx_helper helper = {
        .program = "pull", .fds = fds, .line = take_line, .opaque = &reader
    };

    if (disk < 0 ||
        (request->config && open_config(request->config, &config) < 0))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "starting pull");
    fds[0] = disk;
    fds[1] = config;
    helper.fd_count = config < 0 ? 1 : 2;
    if (make_args(store, request, fds, &args) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting pull");
    helper.args = args;
    rc = hx_helper_run(&helper, err);
    if (rc == 0 && !*reader.result.id)
        rc = hx_err_set(err, HX_ERR_SYSTEM, "'pull' named no image");
    if (rc == 0)
        *committed_r = reader.result;
    return rc;
}
