/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/commands.h"

#include <string.h>

#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/suggest.h"

#define NAME_PREFIX "hyper-"

static const char *command_prefix = "xl hyper-";

const char *hx_command_prefix(void)
{
    return command_prefix;
}

void hx_command_set_prefix(const char *prefix)
{
    command_prefix = prefix;
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    while (words && *words) {
        size_t next = strcspn(words, " ");

        if (next == len && memcmp(words, word, len) == 0)
            return true;
        words += next + (words[next] == ' ');
    }
    return false;
}

const struct hx_command *hx_command_find(const char *name)
{
    if (strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) == 0)
        name += strlen(NAME_PREFIX);
    for (size_t i = 0; hx_commands[i]; i++) {
        if (strcmp(hx_commands[i]->name, name) == 0 ||
            has_word(hx_commands[i]->aliases, name))
            return hx_commands[i];
    }
    return NULL;
}

void hx_command_print_list(FILE *out, const char *name_prefix, int width)
{
    for (size_t i = 0; hx_commands[i]; i++) {
        const struct hx_command *c = hx_commands[i];
        int used = fprintf(out, " %s%s", name_prefix, c->name);

        fprintf(out, "%*s %s\n", used < width ? width - used : 0, "",
                c->summary);
    }
}

void hx_command_print_overview(FILE *out)
{
    fprintf(out,
            "Usage: %sCOMMAND [OPTION...] [ARGUMENT...]\n\n"
            "Docker images as Xen domains, each with a kernel of its own.\n\n"
            "Commands:\n",
            command_prefix);
    hx_command_print_list(out, "", 14);
    fprintf(out,
            "\n'%sCOMMAND --help' tells more about a command, "
            "'man xl-hyper' about all.\n",
            command_prefix);
}

int hx_command_fail(const struct hx_command *command, const struct hx_err *err)
{
    hx_complain("%s", err->msg);
    return (int)command->failure;
}

static int unknown_command(const char *name)
{
    const char *bare = name;
    struct hx_suggest suggest;

    if (strncmp(bare, NAME_PREFIX, strlen(NAME_PREFIX)) == 0)
        bare += strlen(NAME_PREFIX);
    suggest = (struct hx_suggest){ .word = bare };
    for (size_t i = 0; hx_commands[i]; i++)
        hx_suggest_try(&suggest, hx_commands[i]->name);
    if (suggest.best)
        hx_complain("there is no command '%s'; did you mean '%s%s'?", name,
                    command_prefix, suggest.best);
    else
        hx_complain("there is no command '%s'; see '%shelp'", name,
                    command_prefix);
    return HX_STATUS_USAGE;
}

/*
 * xl's own global options, which the shim hands on: -N asks for a dry run;
 * the others change how xl itself writes and locks, and nothing here.
 * Returns the index of the command's name, 0 for --help, -1 for nonsense.
 */
static int global_options(int argc, char **argv, bool *dry_run)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return 0;
        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        if (strcmp(argv[i], "--version") == 0) {
            argv[i] = (char *)"version";
            return i;
        }
        if (strspn(argv[i] + 1, "vfNtT") != strlen(argv[i] + 1)) {
            hx_complain("unknown option '%s'; see '%shelp'", argv[i],
                        command_prefix);
            return -1;
        }
        if (strchr(argv[i], 'N'))
            *dry_run = true;
    }
    return i;
}

static int run_command(const struct hx_command *command, int argc, char **argv,
                       bool dry_run)
{
    struct hx_err err = { 0 };
    char **args = NULL;
    int status;

    if (dry_run && !command->can_dry_run) {
        hx_complain("-N: %s has no dry run; only create and run have",
                    command->name);
        return HX_STATUS_USAGE;
    }
    if (dry_run) {
        args = calloc((size_t)argc + 2, sizeof(*args));
        if (!args) {
            hx_complain("out of memory");
            return (int)command->failure;
        }
        args[0] = argv[0];
        args[1] = (char *)"--dry-run";
        memcpy(args + 2, argv + 1, (size_t)(argc - 1) * sizeof(*args));
        argv = args;
        argc++;
    }
    status = command->run(command, argc, argv);
    free(args);
    if (hx_finish_output(&err) < 0 && status == HX_STATUS_OK)
        status = hx_command_fail(command, &err);
    return status;
}

static void choose_prefix(const char *program, const char *name)
{
    const char *slash = strrchr(program, '/');

    if (slash)
        program = slash + 1;
    if (strcmp(program, "hyper") == 0)
        command_prefix = "hyper ";
    else if (!name || strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
        command_prefix = "xl-hyper ";
}

int hx_command_main(int argc, char **argv)
{
    const struct hx_command *command;
    bool dry_run = false;
    int index;

    if (argc < 1)
        return HX_STATUS_USAGE;
    index = global_options(argc, argv, &dry_run);
    choose_prefix(argv[0], index > 0 && index < argc ? argv[index] : NULL);
    if (index < 0)
        return HX_STATUS_USAGE;
    if (index == 0) {
        char *help[] = { (char *)"help", NULL };

        return run_command(&hx_cmd_help, 1, help, false);
    }
    if (index >= argc) {
        /* No success, for the script whose variable was empty. */
        hx_command_print_overview(stderr);
        return HX_STATUS_USAGE;
    }
    command = hx_command_find(argv[index]);
    if (!command)
        return unknown_command(argv[index]);
    return run_command(command, argc - index, argv + index, dry_run);
}
