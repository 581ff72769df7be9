/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/clock.h"
#include "xl-plugin/image-text.h"
#include "xl-plugin/listing.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/times.h"

static const struct hx_option options[] = {
    HX_LISTING_OPTIONS("ids"),
    { 0 },
};

static int images_json(const struct hx_image *images, size_t count,
                       struct hx_err *err)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < count; i++)
        json_array_append_new(list, hx_image_json(&images[i]));
    return hx_print_json(list, err);
}

static void print_id(const struct hx_listing *o, const struct hx_image *image)
{
    char id[HX_IMAGE_ID_SHORT];

    hx_image_id_short(image, id);
    hx_print_line(stdout, o->no_trunc ? image->id : id);
}

static int add_row(const struct hx_listing *o, struct hx_table *table,
                   const struct hx_image *image, int64_t now_ms)
{
    char repository[512], tag[160], id[HX_IMAGE_ID_SHORT];
    char created[HX_TIME_TEXT], size[HX_SIZE_TEXT];

    hx_image_repository(image, repository, sizeof(repository));
    hx_image_tag(image, tag, sizeof(tag));
    hx_image_id_short(image, id);
    hx_size_print(image->root_disk_bytes, size);
    hx_time_print_ago(hx_time_parse_rfc3339(image->config.created), now_ms,
                      created);
    return hx_table_add(table, (const char *[]){ repository, tag,
                                                 o->no_trunc ? image->id : id,
                                                 created, size });
}

static int images_table(const struct hx_listing *o,
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
    return hx_listing_print(o, &table, r, "listing the images", err);
}

static int images_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_listing o = { 0 };
    struct hx_err err = { 0 };
    struct hx_image *images = NULL;
    size_t count = 0;
    int first = hx_options_parse(command, argc, argv, hx_listing_set, &o, &err);
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
