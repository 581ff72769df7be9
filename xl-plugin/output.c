/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "image/base/cleanup.h"
#include "image/base/escape.h"
#include "image/base/json.h"

int hx_print_json(json_t *document, struct hx_err *err)
{
    _cleanup_json_ json_t *doc = document;
    size_t flags = JSON_INDENT(4) | JSON_ENCODE_ANY;

    if (!doc)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing JSON");
    if (isatty(STDOUT_FILENO))
        flags |= JSON_ENSURE_ASCII;
    if (json_dumpf(doc, stdout, flags) < 0 || putchar('\n') == EOF)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing JSON");
    return 0;
}

void hx_print_line(FILE *out, const char *text)
{
    _cleanup_free_ char *safe = strdup(text);

    if (!safe)
        return;
    hx_escape_in_place(safe);
    fprintf(out, "%s\n", safe);
}

static int terminal_size(FILE *stream, struct winsize *size)
{
    return isatty(fileno(stream)) &&
           ioctl(fileno(stream), TIOCGWINSZ, size) == 0;
}

unsigned hx_terminal_width(FILE *stream)
{
    struct winsize size = { 0 };

    if (!terminal_size(stream, &size))
        return 0;
    return size.ws_col ? size.ws_col : 80;
}

unsigned hx_terminal_height(FILE *stream)
{
    struct winsize size = { 0 };

    if (!terminal_size(stream, &size))
        return 0;
    return size.ws_row ? size.ws_row : 24;
}

void hx_complain(const char *fmt, ...)
{
    char text[HX_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    hx_escape_in_place(text);
    /* What went to stdout before it shall stand before it. */
    fflush(stdout);
    fprintf(stderr, "xl-hyper: %s\n", text);
}

int hx_finish_output(struct hx_err *err)
{
    if (fflush(stdout) == EOF || ferror(stdout))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing the output");
    return 0;
}

json_t *hx_json_text(const char *text)
{
    _cleanup_free_ char *safe = NULL;
    json_t *string;

    if (!text)
        return json_null();
    string = json_string(text);
    if (string)
        return string;
    safe = strdup(text);
    if (!safe)
        return NULL;
    hx_escape_in_place(safe);
    return json_string(safe);
}
