/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/save-load.h"

#include <fcntl.h>
#include <stdio.h>

#include "image/base/json.h"
#include "image/fill.h"
#include "image/helper.h"

struct reader {
    const struct hx_progress *progress;
    void (*loaded)(const char *id, const char *reference, void *opaque);
    void *opaque;
};

static void take_line(const json_t *line, void *opaque)
{
    const struct reader *reader = opaque;
    const json_t *image = json_object_get(line, "image");
    const char *id = NULL, *reference = NULL;

    hx_fill_progress(json_object_get(line, "progress"), reader->progress);
    if (json_is_object(image) && reader->loaded &&
        hx_json_str(image, "id", "pull", HX_JSON_REQUIRED, &id, NULL) == 0 &&
        hx_json_str(image, "reference", "pull", HX_JSON_OPTIONAL, &reference,
                    NULL) == 0)
        reader->loaded(id, reference, reader->opaque);
}

/* The helper has its own 0 to 2; a copy of ours gets another number. */
static int run(char **args, char number[16], int fd,
               const struct reader *reader, struct hx_err *err)
{
    _cleanup_close_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    const struct hx_helper helper = { .program = "pull",
                                      .args = args,
                                      .fds = &copy,
                                      .fd_count = 1,
                                      .line = take_line,
                                      .opaque = (void *)reader };

    if (copy < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "starting pull");
    snprintf(number, 16, "%d", copy);
    return hx_helper_run(&helper, err);
}

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting pull");
}

int hx_image_save(struct hx_store *store, char *const *names, int oci, int fd,
                  const struct hx_progress *progress, struct hx_err *err)
{
    struct reader reader = { .progress = progress };
    size_t count = hx_strv_len(names), at = 0;
    _cleanup_free_ char **args = calloc(count + 8, sizeof(*args));
    char number[16];

    if (!args)
        return no_memory(err);
    args[at++] = (char *)"--store";
    args[at++] = store->root;
    args[at++] = (char *)"--save";
    args[at++] = number;
    if (oci)
        args[at++] = (char *)"--oci";
    args[at++] = (char *)"--";
    for (size_t i = 0; i < count; i++)
        args[at++] = names[i];
    return run(args, number, fd, &reader, err);
}

int hx_image_load(struct hx_store *store, int fd, const char *what,
                  const char *platform, const struct hx_progress *progress,
                  void (*loaded)(const char *id, const char *reference,
                                 void *opaque),
                  void *opaque, struct hx_err *err)
{
    struct reader reader = { progress, loaded, opaque };
    char number[16];
    char *args[] = { (char *)"--store",
                     store->root,
                     (char *)"--load",
                     number,
                     (char *)"--name",
                     (char *)what,
                     platform ? (char *)"--platform" : NULL,
                     (char *)platform,
                     NULL };

    return run(args, number, fd, &reader, err);
}
