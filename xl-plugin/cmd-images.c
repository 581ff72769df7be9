/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/clock.h"
#include "xl-plugin/image-text.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/table.h"
#include "xl-plugin/times.h"

struct images_options {
    bool quiet;
    bool json;
    bool no_trunc;
};

static const struct hx_option options[] = {
    { 'q', "quiet", NULL, "print ids only" },
    { HX_OPT_NO_TRUNC, "no-trunc", NULL, "print ids and names in full" },
    { HX_OPT_JSON, "json", NULL, "print JSON" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct images_options *o = opaque;

    (void)value;
    (void)err;
    if (key == 'q')
        o->quiet = true;
    else if (key == HX_OPT_NO_TRUNC)
        o->no_trunc = true;
    else
        o->json = true;
    return 0;
}

static int images_json(const struct hx_image *images, size_t count,
                       struct hx_err *err)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < count; i++)
        json_array_append_new(list, hx_image_json(&images[i]));
    return hx_print_json(list, err);
}

static void print_id(const struct images_options *o,
                     const struct hx_image *image)
{
    char id[HX_IMAGE_ID_SHORT];

    hx_image_id_short(image, id);
    hx_print_line(stdout, o->no_trunc ? image->id : id);
}

static int add_row(const struct images_options *o, struct hx_table *table,
                   const struct hx_image *image, int64_t now_ms)
{
    char repository[512], tag[160], id[HX_IMAGE_ID_SHORT];
    char since[HX_TIME_TEXT], created[HX_TIME_TEXT + 8] = "";
    char size[HX_SIZE_TEXT];
    int64_t created_ms = hx_time_parse_rfc3339(image->config.created);

    hx_image_repository(image, repository, sizeof(repository));
    hx_image_tag(image, tag, sizeof(tag));
    hx_image_id_short(image, id);
    hx_size_print(image->root_disk_bytes, size);
    if (created_ms) {
        hx_time_print_duration(now_ms > created_ms ? now_ms - created_ms : 0,
                               since);
        snprintf(created, sizeof(created), "%s ago", since);
    }
    return hx_table_add(table, (const char *[]){ repository, tag,
                                                 o->no_trunc ? image->id : id,
                                                 created, size });
}

static int images_table(const struct images_options *o,
                        const struct hx_image *images, size_t count,
                        struct hx_err *err)
{
    static const struct hx_column columns[] = {
        { .title = "REPOSITORY", .shrinks_to = 16 },
        { .title = "TAG", .shrinks_to = 8 },
        { .title = "IMAGE ID" },
        { .title = "CREATED", .gives_way = 1 },
        { .title = "SIZE" },
        { 0 },
    };
    int64_t now_ms = hx_clock_unix_ms();
    struct hx_table table;
    int r = 0;

    hx_table_init(&table, columns);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_row(o, &table, &images[i], now_ms);
    if (r == 0)
        r = hx_table_print(&table, stdout,
                           o->no_trunc ? 0 : hx_terminal_width(stdout));
    hx_table_release(&table);
    if (r < 0)
        return hx_err_set(err, HX_ERR_SYSTEM, "listing the images: no memory");
    return 0;
}

static int images_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_store_ struct hx_store store = { 0 };
    struct images_options o = { 0 };
    struct hx_err err = { 0 };
    struct hx_image *images = NULL;
    size_t count = 0;
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r;

    if (first <= 0)
        return hx_options_status(command, first, &err);
    r = hx_session_store(&store, &err);
    if (r == 0)
        r = hx_image_list(&store, &images, &count, &err);
    if (r == 0 && o.json)
        r = images_json(images, count, &err);
    else if (r == 0 && o.quiet)
        for (size_t i = 0; i < count; i++)
            print_id(&o, &images[i]);
    else if (r == 0)
        r = images_table(&o, images, count, &err);
    hx_image_list_free(images, count);
    return r < 0 ? hx_command_fail(command, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_images = {
    .name = "images",
    .operands = "",
    .summary = "List the images in the store",
    .details = "SIZE is that of the root disk, which is compressed.",
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = images_main,
};
