/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/inspect.h"
#include "xl-plugin/output.h"

const struct hx_option hx_inspect_options[] = {
    /* Nothing else is printed, but whoever asks for it shall have it. */
    { HX_OPT_JSON, "json", NULL, NULL },
    { 0 },
};

int hx_inspect_set(void *opaque, int key, const char *value, struct hx_err *err)
{
    (void)opaque;
    (void)key;
    (void)value;
    (void)err;
    return 0;
}

int hx_inspect_print(const struct hx_command *command, char *const *names,
                     hx_inspect_fn *document_of, void *from)
{
    json_t *list = json_array();
    struct hx_err err = { 0 };
    int status = HX_STATUS_OK;

    for (; list && *names; names++) {
        json_t *document = NULL;
        int r = document_of(from, *names, &document, &err);

        if (r == 0 && json_array_append_new(list, document) < 0)
            r = hx_err_set(&err, HX_ERR_SYSTEM, "inspecting %s: no memory",
                           *names);
        if (r < 0)
            status = hx_command_fail(command, &err);
    }
    if (hx_print_json(list, &err) < 0)
        status = hx_command_fail(command, &err);
    return status;
}
