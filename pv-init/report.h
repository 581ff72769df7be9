/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What dom0 is told: the nodes below data/hyper of guest-abi.h.
 *
 * All of it is sent without waiting; hx_init_report_close() waits, because
 * what is still on its way when the domain powers off is lost.
 */
#ifndef HX_INIT_REPORT_H
#define HX_INIT_REPORT_H

#include <stdbool.h>

#include "pv-init/base.h"
#include "pv-init/xenstore.h"

/* In the order of HX_ABI_STAGES. */
enum hx_init_stage {
    HX_INIT_STAGE_INIT,
    HX_INIT_STAGE_MOUNTS,
    HX_INIT_STAGE_ROOT,
    HX_INIT_STAGE_NETWORK,
    HX_INIT_STAGE_EXEC,
    HX_INIT_STAGE_EXIT,
    HX_INIT_STAGES
};

struct hx_init_report {
    struct hx_init_xs *xs; /* borrowed; NULL before there is a channel */
    uint64_t stage_us[HX_INIT_STAGES]; /* CLOCK_BOOTTIME; 0: not reached */
    bool has_error;
};

/* The first words: the version, and state "booting". */
void hx_init_report_begin(struct hx_init_report *report);

/* Takes the stage's time; sent with the next state. */
void hx_init_report_stage(struct hx_init_report *report,
                          enum hx_init_stage stage);

/* "booting", "running", "exited", "failed", with the stages until here. */
void hx_init_report_state(struct hx_init_report *report, const char *state);

/* The sentence; the first one stays. */
void hx_init_report_error(struct hx_init_report *report, const char *sentence);

void hx_init_report_exit(struct hx_init_report *report, unsigned index,
                         int code);
void hx_init_report_ack(struct hx_init_report *report, uint64_t seq);

/* Waits until dom0 has it all; bounded. */
void hx_init_report_close(struct hx_init_report *report);

/* The value of data/hyper/stages; pure. */
void hx_init_report_format_stages(const struct hx_init_report *report,
                                  char *buf, size_t size);

#endif
