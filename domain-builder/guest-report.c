/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/guest-report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain-builder/pod-state.h"
#include "image/base/escape.h"

/* 31 years; a guest's clock has been running for less. */
#define STAGE_MAX_US UINT64_C(999999999999999)

/* Exit codes that are not the process's; see pod.h and docs/pods.md. */
#define EXIT_OURS      125
#define EXIT_SIGKILL   137
#define EXIT_DESTROYED 137 /* as by SIGKILL */
#define EXIT_LOST      255 /* as Docker's after a crash of the host */

void hx_guest_report_init(struct hx_guest_report *report)
{
    *report = (struct hx_guest_report){ 0 };
    for (int i = 0; i < HX_ABI_CONTAINERS_MAX; i++)
        report->exit_code[i] = -1;
}

int hx_guest_number(const char *text, size_t len, uint64_t max,
                    uint64_t *number_r)
{
    uint64_t number = 0;

    if (len == 0 || (len > 1 && text[0] == '0'))
        return -1;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';

        if (digit > 9 || digit > max || number > (max - digit) / 10)
            return -1;
        number = number * 10 + digit;
    }
    *number_r = number;
    return 0;
}

static bool is_word(const char *value, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(value, word, len) == 0;
}

/* -- one node ---------------------------------------------------------------
 */

static bool take_state(struct hx_guest_report *report, const char *value,
                       size_t len)
{
    static const struct {
        const char *word;
        enum hx_guest_state state;
    } words[] = {
        { "booting", HX_GUEST_BOOTING },
        { "running", HX_GUEST_RUNNING },
        { "exited", HX_GUEST_EXITED },
        { "failed", HX_GUEST_FAILED },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_word(value, len, words[i].word)) {
            report->state = words[i].state;
            return true;
        }
    }
    return false;
}

static bool take_exit(struct hx_guest_report *report, const char *index,
                      const char *value, size_t len)
{
    uint64_t which, code;

    if (hx_guest_number(index, strlen(index), HX_ABI_CONTAINERS_MAX - 1,
                        &which) < 0 ||
        hx_guest_number(value, len, 255, &code) < 0)
        return false;
    report->exit_code[which] = (int)code;
    return true;
}

static bool take_error(struct hx_guest_report *report, const char *value,
                       size_t len)
{
    if (memchr(value, '\0', len))
        return false;
    if (len >= sizeof(report->error))
        len = sizeof(report->error) - 1;
    memcpy(report->error, value, len);
    report->error[len] = '\0';
    hx_escape_in_place(report->error);
    return true;
}

/* Whether `name` is one of HX_ABI_STAGES. */
static bool stage_known(const char *name, size_t len)
{
    const char *word = HX_ABI_STAGES;

    while (*word) {
        size_t end = strcspn(word, " ");

        if (end == len && memcmp(word, name, len) == 0)
            return true;
        word += end + (word[end] == ' ');
    }
    return false;
}

/* "NAME MICROSECONDS" */
static bool take_stage(struct hx_guest_report *report, const char *line,
                       size_t len)
{
    const char *blank = memchr(line, ' ', len);
    size_t name_len = blank ? (size_t)(blank - line) : 0;
    uint64_t us;

    if (!blank || name_len >= sizeof(report->stages[0].name) ||
        report->stage_count == HX_GUEST_STAGES_MAX ||
        !stage_known(line, name_len) ||
        hx_guest_number(blank + 1, len - name_len - 1, STAGE_MAX_US, &us) < 0)
        return false;
    for (size_t i = 0; i < report->stage_count; i++) {
        if (is_word(line, name_len, report->stages[i].name))
            return false;
    }
    memcpy(report->stages[report->stage_count].name, line, name_len);
    report->stages[report->stage_count].name[name_len] = '\0';
    report->stages[report->stage_count++].us = us;
    return true;
}

static bool take_stages(struct hx_guest_report *report, const char *value,
                        size_t len)
{
    struct hx_guest_report fresh = { 0 };

    while (len) {
        const char *end = memchr(value, '\n', len);
        size_t line = end ? (size_t)(end - value) : len;

        if (!take_stage(&fresh, value, line))
            return false;
        line += end != NULL;
        value += line;
        len -= line;
    }
    memcpy(report->stages, fresh.stages, sizeof(report->stages));
    report->stage_count = fresh.stage_count;
    return true;
}

bool hx_guest_report_take(struct hx_guest_report *report, const char *key,
                          const char *value, size_t len)
{
    if (len > HX_ABI_VALUE_MAX)
        return false;
    if (strcmp(key, "state") == 0)
        return take_state(report, value, len);
    if (strncmp(key, "exit/", 5) == 0)
        return take_exit(report, key + 5, value, len);
    if (strcmp(key, "error") == 0)
        return take_error(report, value, len);
    if (strcmp(key, "stages") == 0)
        return take_stages(report, value, len);
    return false;
}

static void read_key(struct hx_guest_report *report, const char *key,
                     hx_guest_report_reader *read, void *ctx)
{
    size_t len = 0;
    const char *value = read(ctx, key, &len);

    if (value)
        hx_guest_report_take(report, key, value, len);
}

void hx_guest_report_read(struct hx_guest_report *report, size_t containers,
                          hx_guest_report_reader *read, void *ctx)
{
    for (size_t i = 0; i < containers && i < HX_ABI_CONTAINERS_MAX; i++) {
        char key[32];

        snprintf(key, sizeof(key), "exit/%zu", i);
        read_key(report, key, read, ctx);
    }
    read_key(report, "error", read, ctx);
    read_key(report, "stages", read, ctx);
    read_key(report, "state", read, ctx);
}

/* -- the end ----------------------------------------------------------------
 */

/* The code of the pod when all its containers have one, else -1. */
static int code_of_all(const struct hx_guest_report *report, size_t count)
{
    int code = 0;

    for (size_t i = 0; i < count; i++) {
        if (i >= HX_ABI_CONTAINERS_MAX || report->exit_code[i] < 0)
            return -1;
        if (code == 0)
            code = report->exit_code[i];
    }
    return count ? code : -1;
}

struct verdict {
    enum hx_pod_end end;
    int exit_code;
    const char *message;
};

static struct verdict judge_failed(const struct hx_guest_report *report)
{
    int code = report->exit_code[0];

    return (struct verdict){
        HX_END_FAILED,
        code >= EXIT_OURS && code <= 127 ? code : EXIT_OURS,
        report->error[0] ? report->error
                         : "the guest could not start the pod and gave no "
                           "reason; its console's log may tell",
    };
}

/* Linux' mm/oom_kill.c, when nobody is left whose end would free memory. */
static bool is_lack_of_memory(const char *panic)
{
    return panic && strstr(panic, "System is deadlocked on memory");
}

static struct verdict judge_crash(const char *panic)
{
    if (is_lack_of_memory(panic))
        return (struct verdict){ HX_END_CRASH, EXIT_SIGKILL,
                                 "the domain ran out of memory, and its kernel "
                                 "could not go on; give the domain more (-m)" };
    return (struct verdict){ HX_END_CRASH, EXIT_OURS,
                             panic ? panic : "the guest's kernel crashed" };
}

static struct verdict judge_end(const struct hx_guest_report *report,
                                size_t containers, enum hx_domain_fate fate,
                                bool witnessed, const char *panic)
{
    int code = code_of_all(report, containers);

    if (report->state == HX_GUEST_FAILED)
        return judge_failed(report);
    if (code >= EXIT_OURS && code <= 127 && report->error[0])
        return (struct verdict){ HX_END_FAILED, code, report->error };
    /* Of a killed one the guest says when it was for lack of memory. */
    if (code >= 0)
        return (struct verdict){ HX_END_EXIT, code,
                                 code == EXIT_SIGKILL && report->error[0]
                                     ? report->error
                                     : NULL };
    switch (fate) {
    case HX_DOMAIN_CRASHED:
        return judge_crash(panic);
    case HX_DOMAIN_ALIVE:
    case HX_DOMAIN_ENDED:
        return (struct verdict){ HX_END_CRASH, EXIT_OURS,
                                 "the guest shut down without reporting how "
                                 "its containers ended" };
    case HX_DOMAIN_DYING:
    case HX_DOMAIN_GONE:
    default:
        if (witnessed || fate == HX_DOMAIN_DYING)
            return (struct verdict){ HX_END_DESTROYED, EXIT_DESTROYED,
                                     "the domain was destroyed from outside" };
        return (struct verdict){ HX_END_LOST, EXIT_LOST,
                                 "the domain is gone, and nothing was there "
                                 "to see how it ended" };
    }
}

/* Reported stages replace those of an earlier look. */
static int add_stages(const struct hx_guest_report *report, struct hx_pod *pod)
{
    if (pod->stages && strstr(pod->stages, "guest."))
        return 0;
    for (size_t i = 0; i < report->stage_count; i++) {
        if (hx_pod_add_stage(pod, "guest", report->stages[i].name,
                             report->stages[i].us) < 0)
            return -1;
    }
    return 0;
}

int hx_guest_report_end(const struct hx_guest_report *report,
                        enum hx_domain_fate fate, bool witnessed,
                        const char *panic, struct hx_pod *pod,
                        struct hx_err *err)
{
    struct verdict verdict =
        judge_end(report, pod->spec.container_count, fate, witnessed, panic);
    char *message = verdict.message ? strdup(verdict.message) : NULL;

    if ((verdict.message && !message) || add_stages(report, pod) < 0) {
        free(message);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "recording a pod's end");
    }
    free(pod->message);
    pod->message = message;
    pod->state = HX_POD_EXITED;
    pod->end = verdict.end;
    pod->exit_code = verdict.exit_code;
    /* Its words of a killed one are about memory alone: see judge_end(). */
    pod->oom_killed = verdict.end == HX_END_EXIT && verdict.message;
    return 0;
}
