/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "image/base/clock.h"
#include "image/base/json.h"
#include "xl-plugin/image-details-text.h"
#include "xl-plugin/listing.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/times.h"

#define CREATED_BY_WIDTH 45 /* docker's */
#define ID_SHORT         12

static const struct hx_option options[] = {
    HX_LISTING_OPTIONS("ids"),
    { 0 },
};

static const char *text_of(const json_t *step, const char *key)
{
    const char *text = json_string_value(json_object_get(step, key));

    return text ? text : "";
}

/* Ids as docker shortens them; "<missing>" stays as it is. */
static void print_id(const struct hx_listing *o, const json_t *step, char *text,
                     size_t size)
{
    const char *id = text_of(step, "Id");

    if (o->no_trunc || !hx_digest_valid(id))
        snprintf(text, size, "%s", id);
    else
        snprintf(text, size, "%.*s", ID_SHORT, hx_digest_hex(id));
}

static int add_row(const struct hx_listing *o, struct hx_table *table,
                   const json_t *step, int64_t now_ms)
{
    _cleanup_buf_ struct hx_buf command = HX_BUF_INIT(0);
    char id[HX_DIGEST_TEXT_MAX], created[HX_TIME_TEXT];
    char size[HX_SIZE_TEXT];
    const json_t *bytes = json_object_get(step, "Size");
    const char *by = text_of(step, "CreatedBy");

    print_id(o, step, id, sizeof(id));
    hx_time_print_ago(hx_time_parse_rfc3339(text_of(step, "Created")), now_ms,
                      created);
    if (json_is_integer(bytes))
        hx_size_print((uint64_t)json_integer_value(bytes), size);
    if (!o->no_trunc) {
        hx_text_cut(by, CREATED_BY_WIDTH, &command);
        by = command.data ? command.data : "";
    }
    return hx_table_add(table,
                        (const char *[]){ id, created, by,
                                          json_is_integer(bytes) ? size : NULL,
                                          text_of(step, "Comment") });
}

static int history_table(const struct hx_listing *o, const json_t *steps,
                         struct hx_err *err)
{
    static const struct hx_column columns[] = {
        { .title = "IMAGE" },
        { .title = "CREATED" },
        { .title = "CREATED BY", .shrinks_to = 16 },
        { .title = "SIZE" },
        { .title = "COMMENT", .gives_way = 1 },
        { 0 },
    };
    int64_t now_ms = hx_clock_unix_ms();
    struct hx_table table;
    json_t *step;
    size_t i;
    int r = 0;

    hx_table_init(&table, columns);
    json_array_foreach (steps, i, step) {
        if (r == 0)
            r = add_row(o, &table, step, now_ms);
    }
    return hx_listing_print(o, &table, r, "printing the history", err);
}

static void history_ids(const struct hx_listing *o, const json_t *steps)
{
    json_t *step;
    size_t i;

    json_array_foreach (steps, i, step) {
        char id[HX_DIGEST_TEXT_MAX];

        print_id(o, step, id, sizeof(id));
        puts(id);
    }
}

static int print_history(const struct hx_listing *o, json_t *steps,
                         struct hx_err *err)
{
    if (!steps)
        return hx_err_set(err, HX_ERR_SYSTEM, "history: no memory");
    if (o->json)
        return hx_print_json(json_incref(steps), err);
    if (!o->quiet)
        return history_table(o, steps, err);
    history_ids(o, steps);
    return 0;
}

static int history_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_details_ struct hx_image_details details = { 0 };
    _cleanup_store_ struct hx_store store = { 0 };
    _cleanup_json_ json_t *steps = NULL;
    struct hx_listing o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, hx_listing_set, &o, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_store(&store, &err) < 0 ||
        hx_image_details_load(&store, argv[first], &details, &err) < 0)
        return hx_command_fail(command, &err);
    steps = hx_image_history_json(&details);
    if (print_history(&o, steps, &err) < 0)
        return hx_command_fail(command, &err);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_history = {
    .name = "history",
    .operands = "IMAGE",
    .summary = "Show the steps that made an image",
    .details =
        "SIZE is that of the step's layer as its registry has it, which is "
        "compressed; '-' when that is not known.",
    .min_operands = 1,
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = history_main,
};
