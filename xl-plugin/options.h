/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of a command: a table, from which the parser, the help text and the
 * completion are made.
 *
 *     static const struct hx_option list_options[] = {
 *         { 'a', "all", NULL, "list pods that have ended, too" },
 *         { HX_OPT_JSON, "json", NULL, "print JSON" },
 *         { 0 },
 *     };
 *
 *     static int list_option(void *opaque, int key, const char *value,
 *                            struct hx_err *err);
 *
 *     first = hx_options_parse(command, argc, argv, list_option, &o, &err);
 *     if (first <= 0)
 *         return hx_options_status(command, first, &err);
 *     ... argv[first] is the first operand ...
 *
 * -h and --help are every command's, and handled here.
 */
#ifndef HX_OPTIONS_H
#define HX_OPTIONS_H

#include <stdio.h>

#include "image/base/err.h"
#include "xl-plugin/commands.h"

/* Keys of options without a short letter begin here. */
#define HX_OPT_LONG 256
/* Shared by several commands. */
enum {
    HX_OPT_JSON = HX_OPT_LONG,
    HX_OPT_NO_TRUNC,
    HX_OPT_DRY_RUN,
    HX_OPT_OWN /* a command's own keys: from here */
};

struct hx_option {
    int key;          /* the short letter, or one from HX_OPT_LONG on */
    const char *name; /* the long name; NULL: only the letter */
    const char *arg;  /* what --help calls its argument; NULL: takes none */
    const char *help; /* without a full stop; NULL: understood but not shown */
};

/* Called for each option in turn; returns 0 or a negative HX_ERR_... code. */
typedef int hx_option_fn(void *opaque, int key, const char *value,
                         struct hx_err *err);

/*
 * Parses argv; operands of commands without options_first may stand before
 * options.  Returns the index of the first operand (argc when there is none),
 * 0 when help was asked for and printed, or a negative HX_ERR_USAGE.
 */
int hx_options_parse(const struct hx_command *command, int argc, char **argv,
                     hx_option_fn *set, void *opaque, struct hx_err *err);

/*
 * The exit status for hx_options_parse's 0 or negative answer; prints the
 * error.
 */
int hx_options_status(const struct hx_command *command, int answer,
                      const struct hx_err *err);

/* The text of --help. */
void hx_options_help(const struct hx_command *command, FILE *out);

/* A decimal number min..max, the whole of `value`; `what` names the option. */
int hx_options_number(const char *what, const char *value, long min, long max,
                      long *out_r, struct hx_err *err);

#endif
