/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pv-init/guest-abi.h"

/* A xenstored that does not answer for so long will not answer at all. */
#define CLOSE_TIMEOUT_MS 5000

#define TEXT_OF(macro)   TEXT_OF_1(macro)
#define TEXT_OF_1(value) #value
#define ABI_VERSION_TEXT TEXT_OF(HX_ABI_VERSION)

static void send_value(struct hx_init_report *report, const char *node,
                       const char *value)
{
    char path[64];

    if (!report->xs)
        return;
    snprintf(path, sizeof(path), HX_ABI_DIR "/%s", node);
    hx_init_xs_write(report->xs, path, value);
}

void hx_init_report_begin(struct hx_init_report *report)
{
    send_value(report, "abi", ABI_VERSION_TEXT);
    send_value(report, "state", "booting");
}

void hx_init_report_stage(struct hx_init_report *report,
                          enum hx_init_stage stage)
{
    report->stage_us[stage] = hx_init_now_us();
}

void hx_init_report_format_stages(const struct hx_init_report *report,
                                  char *buf, size_t size)
{
    static const char names[][8] = { "init",    "mounts", "root",
                                     "network", "exec",   "exit" };
    size_t len = 0;
    unsigned i;

    buf[0] = '\0';
    for (i = 0; i < HX_INIT_STAGES && len < size; i++) {
        if (report->stage_us[i] > 0)
            len += (size_t)snprintf(buf + len, size - len, "%s %" PRIu64 "\n",
                                    names[i], report->stage_us[i]);
    }
}

void hx_init_report_state(struct hx_init_report *report, const char *state)
{
    char stages[HX_ABI_VALUE_MAX];

    /* Before the state: who waits for it then finds the stages complete. */
    hx_init_report_format_stages(report, stages, sizeof(stages));
    send_value(report, "stages", stages);
    send_value(report, "state", state);
}

void hx_init_report_error(struct hx_init_report *report, const char *sentence)
{
    if (report->has_error)
        return;
    report->has_error = true;
    send_value(report, "error", sentence);
}

void hx_init_report_exit(struct hx_init_report *report, unsigned index,
                         int code)
{
    char node[32], value[16];

    snprintf(node, sizeof(node), "exit/%u", index);
    snprintf(value, sizeof(value), "%d", code);
    send_value(report, node, value);
}

void hx_init_report_ack(struct hx_init_report *report, uint64_t seq)
{
    char value[32];

    snprintf(value, sizeof(value), "%" PRIu64, seq);
    send_value(report, "ack", value);
}

void hx_init_report_close(struct hx_init_report *report)
{
    if (report->xs)
        hx_init_xs_flush(report->xs, CLOSE_TIMEOUT_MS);
}
