/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/cleanup.h"
#include "xl-plugin/suggest.h"

/* Room for the widest table; a table past it is a bug that a test finds. */
#define OPTIONS_MAX 64

#define HELP_WIDTH 79

struct parser {
    char letters[2 * OPTIONS_MAX + 4];
    struct option longs[OPTIONS_MAX + 2];
};

static void parser_init(struct parser *p, const struct hx_command *command)
{
    const struct hx_option *o = command->options;
    char *letter = p->letters;
    struct option *l = p->longs;

    /* ':' makes a missing argument tell from an unknown option. */
    if (command->options_first)
        *letter++ = '+';
    *letter++ = ':';
    *letter++ = 'h';
    *l++ = (struct option){ "help", no_argument, NULL, 'h' };
    for (size_t i = 0; o && o[i].key && i < OPTIONS_MAX; i++) {
        if (o[i].key < HX_OPT_LONG) {
            *letter++ = (char)o[i].key;
            if (o[i].arg)
                *letter++ = ':';
        }
        if (o[i].name) {
            *l++ = (struct option){ o[i].name,
                                    o[i].arg ? required_argument : no_argument,
                                    NULL, o[i].key };
        }
    }
    *letter = '\0';
    *l = (struct option){ 0 };
}

static int usage_error(const struct hx_command *command, struct hx_err *err,
                       const char *what)
{
    return hx_err_set(err, HX_ERR_USAGE, "%s; see '%s%s --help'", what,
                      hx_command_prefix(), command->name);
}

static const struct hx_option *option_by_key(const struct hx_command *command,
                                             int key)
{
    const struct hx_option *o = command->options;

    while (o && o->key && o->key != key)
        o++;
    return o && o->key ? o : NULL;
}

/* How an option is called in a message: "--name" or "-n". */
static void option_title(const struct hx_option *o, char title[64])
{
    if (o->name)
        snprintf(title, 64, "--%s", o->name);
    else
        snprintf(title, 64, "-%c", o->key);
}

static int unknown_long(const struct hx_command *command, const char *word,
                        struct hx_err *err)
{
    struct hx_suggest suggest = { .word = word };
    const struct hx_option *o = command->options;
    char text[192];

    hx_suggest_try(&suggest, "help");
    for (; o && o->key; o++) {
        if (o->name && o->help)
            hx_suggest_try(&suggest, o->name);
    }
    if (suggest.best)
        snprintf(text, sizeof(text),
                 "unknown option '--%s' (did you mean '--%s'?)", word,
                 suggest.best);
    else
        snprintf(text, sizeof(text), "unknown option '--%s'", word);
    return usage_error(command, err, text);
}

/*
 * getopt's '?': an unknown letter, a flag that was given a value (both tell
 * their key in optopt), or a long option that fits none or several names.
 */
static int refused(const struct hx_command *command, const char *typed,
                   struct hx_err *err)
{
    static const struct hx_option help = { 'h', "help", NULL, NULL };
    const struct hx_option *o = option_by_key(command, optopt);
    char title[64], text[128], word[64];
    int matches;

    if (optopt == 'h')
        o = &help;
    if (o) {
        option_title(o, title);
        snprintf(text, sizeof(text), "option '%s' takes no value", title);
        return usage_error(command, err, text);
    }
    if (optopt) {
        snprintf(text, sizeof(text), "unknown option '-%c'", optopt);
        return usage_error(command, err, text);
    }
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(typed + 2, "="),
             typed + 2);
    matches = strncmp("help", word, strlen(word)) == 0;
    for (o = command->options; o && o->key; o++)
        matches += o->name && strncmp(o->name, word, strlen(word)) == 0;
    if (matches < 2)
        return unknown_long(command, word, err);
    snprintf(text, sizeof(text), "option '--%s' could be several", word);
    return usage_error(command, err, text);
}

static int missing_argument(const struct hx_command *command,
                            struct hx_err *err)
{
    const struct hx_option *o = option_by_key(command, optopt);
    char title[64], text[128];

    option_title(o, title);
    snprintf(text, sizeof(text), "option '%s' needs a value (%s)", title,
             o->arg);
    return usage_error(command, err, text);
}

static int check_operands(const struct hx_command *command, int argc,
                          char **argv, int first, struct hx_err *err)
{
    char text[160];

    if (argc - first < command->min_operands) {
        snprintf(text, sizeof(text), "%s needs %s", command->name,
                 command->operands);
        return usage_error(command, err, text);
    }
    if (command->max_operands >= 0 && argc - first > command->max_operands) {
        snprintf(text, sizeof(text), "unexpected argument '%.64s'",
                 argv[first + command->max_operands]);
        return usage_error(command, err, text);
    }
    return first;
}

int hx_options_parse(const struct hx_command *command, int argc, char **argv,
                     hx_option_fn *set, void *opaque, struct hx_err *err)
{
    struct parser parser;
    int key, r;

    parser_init(&parser, command);
    optind = 0; /* makes glibc start anew */
    opterr = 0;
    while ((key = getopt_long(argc, argv, parser.letters, parser.longs,
                              NULL)) != -1) {
        if (key == 'h') {
            hx_options_help(command, stdout);
            return 0;
        }
        if (key == ':')
            return missing_argument(command, err);
        if (key == '?')
            return refused(command, argv[optind - 1], err);
        r = set(opaque, key, optarg, err);
        if (r < 0)
            return r;
    }
    return check_operands(command, argc, argv, optind, err);
}

int hx_options_status(const struct hx_command *command, int answer,
                      const struct hx_err *err)
{
    int status;

    if (answer >= 0)
        return HX_STATUS_OK;
    status = hx_command_fail(command, err);
    if (err->code == HX_ERR_USAGE && status != HX_STATUS_LAUNCH)
        return HX_STATUS_USAGE;
    return status;
}

/* -- help ------------------------------------------------------------------ */

/* Prints words of `text`, each line indented, broken at HELP_WIDTH. */
static void print_wrapped(FILE *out, const char *text, int indent, int column)
{
    while (*text) {
        int len = (int)strcspn(text, " \n");

        if (column > indent && column + 1 + len > HELP_WIDTH) {
            fputc('\n', out);
            column = 0;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        if (column < indent) {
            fprintf(out, "%*s", indent - column, "");
            column = indent;
        }
        fprintf(out, "%.*s", len, text);
        column += len;
        text += len;
        if (*text == '\n') {
            fputc('\n', out);
            column = 0;
        }
        if (*text)
            text++;
    }
    fputc('\n', out);
}

#define HELP_COLUMN 26

static void print_option(FILE *out, const struct hx_option *o)
{
    char left[96] = "";
    int len = 0;

    if (o->key < HX_OPT_LONG)
        len = snprintf(left, sizeof(left), "  -%c", o->key);
    if (o->name)
        len += snprintf(left + len, sizeof(left) - (size_t)len, "%s--%s",
                        len ? ", " : "      ", o->name);
    if (o->arg)
        len += snprintf(left + len, sizeof(left) - (size_t)len, " %s", o->arg);
    fputs(left, out);
    if (len + 2 > HELP_COLUMN) {
        fputc('\n', out);
        len = 0;
    }
    print_wrapped(out, o->help, HELP_COLUMN, len);
}

void hx_options_help(const struct hx_command *command, FILE *out)
{
    static const struct hx_option help = { 'h', "help", NULL, "print this" };
    const struct hx_option *o = command->options;

    fprintf(out, "Usage: %s%s [OPTION...]%s%s\n\n", hx_command_prefix(),
            command->name, *command->operands ? " " : "", command->operands);
    print_wrapped(out, command->summary, 0, 0);
    if (command->details) {
        fputc('\n', out);
        print_wrapped(out, command->details, 0, 0);
    }
    fputs("\nOptions:\n", out);
    for (; o && o->key; o++) {
        if (o->help)
            print_option(out, o);
    }
    print_option(out, &help);
    if (command->aliases)
        fprintf(out, "\nOther names: %s\n", command->aliases);
}

int hx_options_number(const char *what, const char *value, long min, long max,
                      long *out_r, struct hx_err *err)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(value, &end, 10);
    if (errno || end == value || *end || value[0] == ' ' || value[0] == '+' ||
        number < min || number > max)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: '%.64s' is not a number from %ld to %ld", what,
                          value, min, max);
    *out_r = number;
    return 0;
}
