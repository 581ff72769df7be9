/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands: one table, and one file cmd-NAME.c for each entry.
 *
 * A command is described once, here and by its table of options; the help
 * text, the parser, the suggestions and the completion all read that.
 * To add a command: write cmd-NAME.c with a `const struct hx_command`, declare
 * it below, put it into the table in command-table.c, and write its man page.
 */
#ifndef HX_COMMANDS_H
#define HX_COMMANDS_H

#include <stdbool.h>
#include <stdio.h>

#include "image/base/err.h"

/* Exit statuses of our own making; docs/man/xl-hyper.1 explains them. */
enum hx_status {
    HX_STATUS_OK = 0,
    HX_STATUS_FAILED = 1,  /* the command could not do what it was asked */
    HX_STATUS_USAGE = 2,   /* the command line is wrong */
    HX_STATUS_LAUNCH = 125 /* create and run: any failure of ours */
};

/* What of `options.h` a command needs to describe itself. */
struct hx_option;

struct hx_command {
    const char *name;       /* "create": typed as "hyper-create" or "create" */
    const char *aliases;    /* further names, separated by blanks; or NULL */
    const char *operands;   /* "IMAGE [COMMAND [ARG...]]", or "" */
    const char *summary;    /* one line, a verb first */
    const char *details;    /* what --help says below the summary; or NULL */
    int min_operands;       /* fewer are refused */
    int max_operands;       /* more are refused; -1: any number */
    bool options_first;     /* options end at the first operand: what follows
                               belongs to the container's process */
    bool can_dry_run;       /* understands xl's global -N */
    enum hx_status failure; /* exit status when it cannot; usage errors too
                               with HX_STATUS_LAUNCH */
    const struct hx_option *options; /* ends in an entry of zeros; or NULL */

    /* argv[0] is the command's name.  Returns the exit status. */
    int (*run)(const struct hx_command *command, int argc, char **argv);
};

/* The table, in the order of `hyper-help`; ends in NULL. */
extern const struct hx_command *const hx_commands[];

extern const struct hx_command hx_cmd_create;
extern const struct hx_command hx_cmd_run;
extern const struct hx_command hx_cmd_list;
extern const struct hx_command hx_cmd_inspect;
extern const struct hx_command hx_cmd_logs;
extern const struct hx_command hx_cmd_exec;
extern const struct hx_command hx_cmd_attach;
extern const struct hx_command hx_cmd_stop;
extern const struct hx_command hx_cmd_kill;
extern const struct hx_command hx_cmd_start;
extern const struct hx_command hx_cmd_restart;
extern const struct hx_command hx_cmd_pause;
extern const struct hx_command hx_cmd_unpause;
extern const struct hx_command hx_cmd_wait;
extern const struct hx_command hx_cmd_rename;
extern const struct hx_command hx_cmd_update;
extern const struct hx_command hx_cmd_events;
extern const struct hx_command hx_cmd_recover;
extern const struct hx_command hx_cmd_cp;
extern const struct hx_command hx_cmd_top;
extern const struct hx_command hx_cmd_stats;
extern const struct hx_command hx_cmd_destroy;
extern const struct hx_command hx_cmd_pull;
extern const struct hx_command hx_cmd_push;
extern const struct hx_command hx_cmd_images;
extern const struct hx_command hx_cmd_rmi;
extern const struct hx_command hx_cmd_tag;
extern const struct hx_command hx_cmd_history;
extern const struct hx_command hx_cmd_image_inspect;
extern const struct hx_command hx_cmd_image_check;
extern const struct hx_command hx_cmd_image_prune;
extern const struct hx_command hx_cmd_commit;
extern const struct hx_command hx_cmd_save;
extern const struct hx_command hx_cmd_load;
extern const struct hx_command hx_cmd_login;
extern const struct hx_command hx_cmd_info;
extern const struct hx_command hx_cmd_version;
extern const struct hx_command hx_cmd_help;

/* By name or alias, with or without "hyper-"; NULL when there is none. */
const struct hx_command *hx_command_find(const char *name);

/*
 * The whole program: finds the command in argv and runs it.  Returns the exit
 * status.
 */
int hx_command_main(int argc, char **argv);

/*
 * How the user calls us, so that hints can be copied: "xl hyper-", "hyper "
 * or "xl-hyper ".  A command's name follows directly.
 */
const char *hx_command_prefix(void);
void hx_command_set_prefix(const char *prefix);

/* What hyper-help prints; and of it the lines of the commands alone, which
 * `xl help` shows too. */
void hx_command_print_overview(FILE *out);
void hx_command_print_list(FILE *out, const char *name_prefix, int width);

/*
 * Prints "xl-hyper: <sentence>" to stderr, and returns the exit status that
 * the command's failures have.
 */
int hx_command_fail(const struct hx_command *command, const struct hx_err *err);

#endif
