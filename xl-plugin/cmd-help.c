/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "xl-plugin/options.h"
#include "xl-plugin/output.h"

#define NAME_WIDTH 21 /* as in `xl help` */

enum { OPT_XL = HX_OPT_OWN, OPT_WORDS };

static const struct hx_option options[] = {
    { OPT_XL, "xl", NULL, NULL },       /* the shim: lines for `xl help` */
    { OPT_WORDS, "words", NULL, NULL }, /* the completion */
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    (void)value;
    (void)err;
    *(int *)opaque = key;
    return 0;
}

static void print_words(const char *words)
{
    while (words && *words) {
        size_t len = strcspn(words, " ");

        printf("%.*s\n", (int)len, words);
        words += len + (words[len] == ' ');
    }
}

/* Names, or the options of one command, one in a line. */
static void print_all_words(const struct hx_command *command)
{
    const struct hx_option *o;

    for (size_t i = 0; !command && hx_commands[i]; i++) {
        puts(hx_commands[i]->name);
        print_words(hx_commands[i]->aliases);
    }
    if (!command)
        return;
    puts("--help");
    for (o = command->options; o && o->key; o++) {
        if (!o->help)
            continue;
        if (o->name)
            printf("--%s%s\n", o->name, o->arg ? "=" : "");
        if (o->key < HX_OPT_LONG)
            printf("-%c%s\n", o->key, o->arg ? "=" : "");
    }
}

static int help_main(const struct hx_command *command, int argc, char **argv)
{
    const struct hx_command *about = NULL;
    struct hx_err err = { 0 };
    int option = 0;
    int first =
        hx_options_parse(command, argc, argv, set_option, &option, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (argv[first]) {
        about = hx_command_find(argv[first]);
        if (!about) {
            hx_complain("there is no command '%s'; see '%shelp'", argv[first],
                        hx_command_prefix());
            return HX_STATUS_USAGE;
        }
    }
    if (option == OPT_XL)
        hx_command_print_list(stdout, "hyper-", NAME_WIDTH);
    else if (option == OPT_WORDS)
        print_all_words(about);
    else if (about)
        hx_options_help(about, stdout);
    else
        hx_command_print_overview(stdout);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "List the commands, or tell more about one",
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = help_main,
};
