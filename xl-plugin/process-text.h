/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes in the columns of `ps -ef`, as docker top has them.  Pure. */
#ifndef HX_PROCESS_TEXT_H
#define HX_PROCESS_TEXT_H

#include <stdint.h>

#include "domain-builder/guest-processes.h"
#include "xl-plugin/table.h"

struct hx_process_text {
    char uid[16]; /* "root", or a number: dom0's names are not the pod's */
    char pid[16], ppid[16];
    char c[16];     /* per cent of one CPU, of its whole life */
    char stime[16]; /* "12:30", "Nov25" for another day, "2025" */
    char tty[24];
    char time[32]; /* CPU time used, "00:01:02" */
};

extern const struct hx_column hx_process_columns[];

/* now_s: Unix time.  A clock that the guest has wrong makes no numbers below
 * zero. */
void hx_process_text(const struct hx_process *process, int64_t now_s,
                     struct hx_process_text *text_r);

/* A row for each; 0, or -1 without memory. */
int hx_process_rows(const struct hx_processes *processes, int64_t now_s,
                    struct hx_table *table);

#endif
