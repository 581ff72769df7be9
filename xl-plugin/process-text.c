/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/process-text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const struct hx_column hx_process_columns[] = {
    { "UID", 0, 0 },  { "PID", 0, 0 },   { "PPID", 0, 0 },
    { "C", 0, 0 },    { "STIME", 0, 0 }, { "TTY", 0, 0 },
    { "TIME", 0, 0 }, { "CMD", 0, 20 },  { NULL, 0, 0 },
};

/* As ps: the hour for today, else the day, else the year. */
static void print_start(int64_t start_s, int64_t now_s, char text[16])
{
    time_t start = (time_t)start_s, now = (time_t)now_s;
    struct tm then, today;

    strcpy(text, "?");
    if (!localtime_r(&start, &then) || !localtime_r(&now, &today))
        return;
    strftime(text, 16,
             then.tm_year != today.tm_year   ? "%Y"
             : then.tm_yday != today.tm_yday ? "%b%d"
                                             : "%H:%M",
             &then);
}

static void print_time(uint64_t cpu_ms, char text[32])
{
    uint64_t s = cpu_ms / 1000, days = s / 86400;
    int len = 0;

    if (days > 0)
        len = snprintf(text, 32, "%llu-", (unsigned long long)days);
    snprintf(text + len, 32 - (size_t)len, "%02u:%02u:%02u",
             (unsigned)(s % 86400 / 3600), (unsigned)(s % 3600 / 60),
             (unsigned)(s % 60));
}

void hx_process_text(const struct hx_process *process, int64_t now_s,
                     struct hx_process_text *text_r)
{
    int64_t lived_s = now_s - process->start_s;
    uint64_t lived_ms = lived_s > 0 ? (uint64_t)lived_s * 1000 : 1000;

    if (process->uid == 0)
        strcpy(text_r->uid, "root");
    else
        snprintf(text_r->uid, sizeof(text_r->uid), "%u", process->uid);
    snprintf(text_r->pid, sizeof(text_r->pid), "%u", process->pid);
    snprintf(text_r->ppid, sizeof(text_r->ppid), "%u", process->ppid);
    /* What cannot be: it lies, or its clock has been set. */
    if (process->cpu_ms / lived_ms > 128)
        strcpy(text_r->c, "?");
    else
        snprintf(text_r->c, sizeof(text_r->c), "%llu",
                 (unsigned long long)(process->cpu_ms * 100 / lived_ms));
    print_start(process->start_s, now_s, text_r->stime);
    strcpy(text_r->tty, process->tty);
    print_time(process->cpu_ms, text_r->time);
}

int hx_process_rows(const struct hx_processes *processes, int64_t now_s,
                    struct hx_table *table)
{
    for (size_t i = 0; i < processes->count; i++) {
        struct hx_process_text t;
        const char *cells[] = { t.uid,   t.pid,
                                t.ppid,  t.c,
                                t.stime, t.tty,
                                t.time,  processes->list[i].command };

        hx_process_text(&processes->list[i], now_s, &t);
        if (hx_table_add(table, cells) < 0)
            return -1;
    }
    return 0;
}
