/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/xen_log.h"

#include <stdio.h>
#include <string.h>

#define SCRIPT_MARK "script: "

/*
 * Libxl writes "libxl_create.c:1234:domain_make: Domain 3:domain with name
 * ...".  The part for its developers goes: all up to the function's ": ", and
 * the domid, which means nothing while the domain is being made.
 */
static const char *skip_origin(const char *text)
{
    const char *colon, *end;

    colon = strstr(text, ".c:");
    if (colon && (end = strstr(colon, ": ")))
        text = end + 2;
    if (strncmp(text, "Domain ", 7) == 0) {
        end = text + 7 + strspn(text + 7, "0123456789");
        if (end > text + 7 && *end == ':')
            text = end + 1;
    }
    while (*text == ' ')
        text++;
    return text;
}

static void log_vmessage(xentoollog_logger *logger, xentoollog_level level,
                         int errnoval, const char *context, const char *format,
                         va_list al)
{
    struct hx_xen_log *log = (struct hx_xen_log *)logger;
    char raw[2 * HX_XEN_LOG_LINE_MAX];
    const char *text;
    int from_script;

    (void)context;
    if (level < XTL_ERROR)
        return;
    vsnprintf(raw, sizeof(raw), format, al);
    text = skip_origin(raw);
    from_script = strncmp(text, SCRIPT_MARK, strlen(SCRIPT_MARK)) == 0;
    if (log->line[0] && !(from_script && !log->from_script))
        return;
    if (from_script)
        text += strlen(SCRIPT_MARK);
    log->from_script = from_script;
    if (errnoval > 0 && !strstr(text, strerror(errnoval)))
        snprintf(log->line, sizeof(log->line), "%.400s: %s", text,
                 strerror(errnoval));
    else
        snprintf(log->line, sizeof(log->line), "%.500s", text);
    log->line[strcspn(log->line, "\n")] = '\0';
}

/* The host that holds the log frees it; xtl_logger_destroy calls this. */
static void log_destroy(xentoollog_logger *logger)
{
    (void)logger;
}

void hx_xen_log_init(struct hx_xen_log *log)
{
    *log = (struct hx_xen_log){
        .vtable = { .vmessage = log_vmessage, .destroy = log_destroy },
    };
}

void hx_xen_log_clear(struct hx_xen_log *log)
{
    log->line[0] = '\0';
    log->from_script = 0;
}
