/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "image/base/clock.h"
#include "xl-plugin/listing.h"
#include "xl-plugin/output.h"
#include "xl-plugin/pod-text.h"
#include "xl-plugin/session.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/times.h"

static const struct hx_option options[] = {
    { 'a', "all", NULL, "list pods that have ended, too" },
    HX_LISTING_OPTIONS("names"),
    { 0 },
};

static bool is_listed(const struct hx_listing *o, const struct hx_pod *pod)
{
    return o->all || pod->state != HX_POD_EXITED || hx_pod_restarting(pod);
}

static int list_json(const struct hx_listing *o, const struct hx_pod *pods,
                     size_t count, struct hx_err *err)
{
    int64_t now_ms = hx_clock_unix_ms();
    json_t *list = json_array();

    for (size_t i = 0; list && i < count; i++) {
        if (is_listed(o, &pods[i]))
            json_array_append_new(list, hx_pod_list_json(&pods[i], now_ms));
    }
    return hx_print_json(list, err);
}

static int add_row(struct hx_table *table, const struct hx_pod *pod,
                   int64_t now_ms)
{
    const struct hx_pod_spec *spec = &pod->spec;
    char status[HX_POD_STATUS_TEXT], ip[HX_IP_TEXT], memory[HX_SIZE_TEXT];
    char vcpus[16], domid[16] = "";

    hx_pod_status_text(pod, now_ms, status);
    hx_pod_ip_text(pod, ip);
    hx_size_print_memory(spec->mem_kib, memory);
    snprintf(vcpus, sizeof(vcpus), "%u", spec->vcpus);
    if (pod->domid)
        snprintf(domid, sizeof(domid), "%u", (unsigned)pod->domid);
    return hx_table_add(
        table,
        (const char *[]){
            spec->name,
            spec->container_count ? spec->containers[0].image : NULL, status,
            hx_domain_type_name(spec->type), memory, vcpus, ip, domid });
}

static int list_table(const struct hx_listing *o, const struct hx_pod *pods,
                      size_t count, struct hx_err *err)
{
    static const struct hx_column columns[] = {
        { .title = "NAME", .shrinks_to = 12 },
        { .title = "IMAGE", .shrinks_to = 12 },
        { .title = "STATUS", .shrinks_to = 14 },
        { .title = "TYPE", .gives_way = 2 },
        { .title = "MEM", .gives_way = 3 },
        { .title = "VCPUS", .gives_way = 1 },
        { .title = "IP" },
        { .title = "DOMID", .gives_way = 4 },
        { 0 },
    };
    int64_t now_ms = hx_clock_unix_ms();
    struct hx_table table;
    int r = 0;

    hx_table_init(&table, columns);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (is_listed(o, &pods[i]))
            r = add_row(&table, &pods[i], now_ms);
    }
    return hx_listing_print(o, &table, r, "listing the pods", err);
}

static int list_names(const struct hx_listing *o, const struct hx_pod *pods,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_listed(o, &pods[i]))
            hx_print_line(stdout, pods[i].spec.name);
    }
    return 0;
}

static int list_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_listing o = { 0 };
    struct hx_err err = { 0 };
    struct hx_pod *pods = NULL;
    size_t count = 0;
    int first = hx_options_parse(command, argc, argv, hx_listing_set, &o, &err);
    int r;

    if (first <= 0)
        return hx_options_status(command, first, &err);
    r = hx_session_pods(&host, &err);
    if (r == 0)
        r = hx_pod_list(host, &pods, &count, &err);
    if (r == 0 && o.quiet)
        r = list_names(&o, pods, count);
    else if (r == 0 && o.json)
        r = list_json(&o, pods, count, &err);
    else if (r == 0)
        r = list_table(&o, pods, count, &err);
    hx_pod_list_free(pods, count);
    return r < 0 ? hx_command_fail(command, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_list = {
    .name = "list",
    .aliases = "ps ls",
    .operands = "",
    .summary = "List the running pods",
    .details = "On a terminal that is too narrow the columns VCPUS, TYPE, MEM "
               "and DOMID are left out, in this order, before anything is cut.",
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = list_main,
};
