/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "domain-builder/guest-processes.h"
#include "image/base/clock.h"
#include "xl-plugin/guest.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/process-text.h"
#include "xl-plugin/times.h"

struct top_options {
    bool json, no_trunc;
};

static const struct hx_option options[] = {
    { HX_OPT_NO_TRUNC, "no-trunc", NULL,
      "show command lines in full, however narrow the terminal" },
    { HX_OPT_JSON, "json", NULL, "print JSON" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct top_options *o = opaque;

    (void)value;
    (void)err;
    if (key == HX_OPT_JSON)
        o->json = true;
    else
        o->no_trunc = true;
    return 0;
}

static int print_table(const struct hx_processes *processes, bool no_trunc,
                       struct hx_err *err)
{
    struct hx_table table;
    int r;

    hx_table_init(&table, hx_process_columns);
    r = hx_process_rows(processes, hx_clock_unix_ms() / 1000, &table);
    if (r == 0)
        r = hx_table_print(&table, stdout,
                           no_trunc ? 0 : hx_terminal_width(stdout));
    hx_table_release(&table);
    return r < 0 ? hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "listing processes")
                 : 0;
}

static int print_json(const struct hx_processes *processes, struct hx_err *err)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < processes->count; i++) {
        const struct hx_process *p = &processes->list[i];
        char state[2] = { p->state, '\0' };

        json_array_append_new(
            list,
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:o}", "Pid",
                      (json_int_t)p->pid, "Ppid", (json_int_t)p->ppid, "Uid",
                      (json_int_t)p->uid, "Started", (json_int_t)p->start_s,
                      "CpuMs", (json_int_t)p->cpu_ms, "RssKiB",
                      (json_int_t)p->rss_kib, "Tty", p->tty, "State", state,
                      "Command", hx_json_text(p->command)));
    }
    return hx_print_json(list, err);
}

static int top(const struct top_options *o, const char *name,
               struct hx_err *err)
{
    static const struct hx_exec_spec spec = { .processes = true };
    _cleanup_(hx_guest_release) struct hx_guest guest = { 0 };
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(HX_PROCESSES_BYTES_MAX);
    struct hx_processes processes = { 0 };
    int r = hx_guest_find(name, &guest, err);

    if (r == 0)
        r = hx_guest_tell(&guest, &spec, &text, err);
    if (r == 0)
        r = hx_processes_parse(text.data ? text.data : "", text.len, &processes,
                               err);
    if (r == 0)
        r = o->json ? print_json(&processes, err)
                    : print_table(&processes, o->no_trunc, err);
    hx_processes_release(&processes);
    return r;
}

static int top_main(const struct hx_command *command, int argc, char **argv)
{
    struct top_options o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    signal(SIGPIPE, SIG_IGN);
    return top(&o, argv[first], &err) < 0 ? hx_command_fail(command, &err)
                                          : HX_STATUS_OK;
}

const struct hx_command hx_cmd_top = {
    .name = "top",
    .operands = "POD",
    .summary = "List the processes in a running pod",
    .min_operands = 1,
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = top_main,
};
