/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/guest-processes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/cleanup.h"
#include "image/base/escape.h"

#define LINE_BYTES_MAX 2048
/* Year 9999: what a clock of a guest may say at most. */
#define START_S_MAX 253402300799u

/* The next field of a line, up to a tab, which is consumed. */
static const char *next_field(char **line)
{
    return strsep(line, "\t");
}

static bool take_number(char **line, uint64_t max, uint64_t *number_r)
{
    const char *text = next_field(line);
    uint64_t number = 0;

    if (!text || !*text)
        return false;
    for (; *text; text++) {
        unsigned digit = (unsigned char)*text - '0';

        if (digit > 9 || digit > max || number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *number_r = number;
    return true;
}

static bool take_numbers(char **line, struct hx_process *process)
{
    uint64_t pid, ppid, uid, start;

    if (!take_number(line, INT32_MAX, &pid) || pid == 0 ||
        !take_number(line, INT32_MAX, &ppid) ||
        !take_number(line, UINT32_MAX, &uid) ||
        !take_number(line, START_S_MAX, &start) ||
        !take_number(line, INT64_MAX / 1000, &process->cpu_ms) ||
        !take_number(line, INT64_MAX / 1024, &process->rss_kib))
        return false;
    process->pid = (uint32_t)pid;
    process->ppid = (uint32_t)ppid;
    process->uid = (uint32_t)uid;
    process->start_s = (int64_t)start;
    return true;
}

static bool take_words(char **line, struct hx_process *process)
{
    const char *tty = next_field(line), *state = next_field(line);

    if (!tty || !state || !*line || !*tty ||
        strlen(tty) >= sizeof(process->tty) || strlen(state) != 1 ||
        !strchr("RSDZTtWXxKPI", *state))
        return false;
    for (const char *p = tty; *p; p++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789/?", *p))
            return false;
    }
    strcpy(process->tty, tty);
    process->state = *state;
    return true;
}

/* One line without its newline, which is torn apart; 0, or an errno. */
static int take_line(char *line, struct hx_process *process)
{
    if (!take_numbers(&line, process) || !line || !take_words(&line, process))
        return EINVAL;
    process->command = strdup(line);
    if (!process->command)
        return ENOMEM;
    hx_escape_in_place(process->command);
    return 0;
}

static int wrong(size_t number, struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_GUEST,
                      "listing processes: line %zu of what the guest sent is "
                      "not as it should be",
                      number + 1);
}

static int parse(const char *data, size_t len, struct hx_processes *processes,
                 struct hx_err *err)
{
    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        size_t line_len = end ? (size_t)(end - data) : len;
        char line[LINE_BYTES_MAX];
        int r;

        if (processes->count == HX_PROCESSES_MAX)
            return hx_err_set(err, HX_ERR_GUEST,
                              "listing processes: the guest has sent more than "
                              "%u",
                              HX_PROCESSES_MAX);
        if (!end || line_len >= sizeof(line) || memchr(data, '\0', line_len))
            return wrong(processes->count, err);
        memcpy(line, data, line_len);
        line[line_len] = '\0';
        r = take_line(line, &processes->list[processes->count]);
        if (r == ENOMEM)
            return hx_err_sys(err, HX_ERR_SYSTEM, r, "listing processes");
        if (r != 0)
            return wrong(processes->count, err);
        processes->count++;
        data += line_len + 1;
        len -= line_len + 1;
    }
    return 0;
}

int hx_processes_parse(const char *data, size_t len,
                       struct hx_processes *processes_r, struct hx_err *err)
{
    struct hx_processes processes = { 0 };
    size_t lines = 1;
    int r;

    for (size_t i = 0; i < len && lines < HX_PROCESSES_MAX; i++)
        lines += data[i] == '\n';
    processes.list = calloc(lines, sizeof(*processes.list));
    if (!processes.list)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "listing processes");
    r = parse(data, len, &processes, err);
    if (r < 0)
        hx_processes_release(&processes);
    else
        *processes_r = processes;
    return r;
}

void hx_processes_release(struct hx_processes *processes)
{
    for (size_t i = 0; i < processes->count; i++)
        free(processes->list[i].command);
    free(processes->list);
    *processes = (struct hx_processes){ 0 };
}
