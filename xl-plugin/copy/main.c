/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * copy: hyper-cp's end in dom0.
 *
 * Started by hyper-cp with one end of an exec session as its standard input
 * or output: reads a guest's tar and writes files, or the other way round.  A
 * program of its own, because what a guest sends is hostile, and because it
 * locks itself into the destination.  What goes wrong is a sentence on
 * standard error, and status 1; 2 when the reader of the tar has gone.
 */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xl-plugin/copy/confine.h"
#include "xl-plugin/copy/create.h"
#include "xl-plugin/copy/extract.h"

static const char usage[] =
    "Usage: copy extract [-a] DEST TOP\n"
    "       copy create [-L] SRC TOP\n"
    "\n"
    "Write the tar on standard input as DEST and print its size in bytes, or\n"
    "write SRC as a tar to standard output.  All names in it begin with TOP.\n"
    "Started by xl-hyper.\n"
    "\n"
    "  -a          owners, attributes and all bits of the mode as in the tar\n"
    "  -L          SRC may be a link and means what it leads to\n"
    "  -h, --help  print this\n";

/* The pod's side took no more: why, is known there. */
#define STATUS_HUNG_UP 2

struct command {
    bool as_is, follow, help;
};

static int extract(const struct command *command, char *const *operands,
                   struct hx_err *err)
{
    struct hx_destination dest;
    uint64_t bytes = 0;
    const struct hx_extract how = {
        .dest = &dest,
        .top = operands[1],
        .as_is = command->as_is,
    };
    int r = hx_destination_find(operands[0], operands[1], &dest, err);

    if (r < 0)
        return r;
    r = hx_confine(dest.base, err);
    if (r == 0)
        r = hx_extract(&how, STDIN_FILENO, &bytes, err);
    if (r == 0)
        printf("%llu\n", (unsigned long long)bytes);
    hx_destination_release(&dest);
    return r;
}

static int create(const struct command *command, char *const *operands,
                  struct hx_err *err)
{
    const struct hx_create how = {
        .path = operands[0],
        .top = operands[1],
        .follow = command->follow,
    };

    return hx_create(&how, STDOUT_FILENO, err);
}

static int run(int argc, char **argv, struct command *command,
               struct hx_err *err)
{
    static const struct option long_options[] = {
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool is_extract = argc > 1 && strcmp(argv[1], "extract") == 0;
    bool is_create = argc > 1 && strcmp(argv[1], "create") == 0;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "aLh", long_options, NULL)) !=
           -1) {
        if (option == 'h')
            command->help = true;
        else if (option == 'a' && is_extract)
            command->as_is = true;
        else if (option == 'L' && is_create)
            command->follow = true;
        else
            return hx_err_set(err, HX_ERR_USAGE,
                              "copy: wrong option; see 'copy --help'");
    }
    if (command->help)
        return 0;
    if ((!is_extract && !is_create) || argc - optind != 3)
        return hx_err_set(err, HX_ERR_USAGE,
                          "copy: wrong arguments; see 'copy --help'");
    return (is_extract ? extract : create)(command, argv + optind + 1, err);
}

int main(int argc, char **argv)
{
    struct command command = { 0 };
    struct hx_err err = { 0 };
    int r;

    /* A write into a broken pipe shall be told, not fatal; files get their
     * modes from the tar; and libarchive wants names in UTF-8. */
    signal(SIGPIPE, SIG_IGN);
    umask(0);
    setlocale(LC_CTYPE, "C.UTF-8");
    r = run(argc, argv, &command, &err);
    if (r == 0 && command.help)
        fputs(usage, stdout);
    if (r == 0)
        return 0;
    fprintf(stderr, "%s\n", err.msg);
    return err.code == HX_ERR_GUEST ? STATUS_HUNG_UP : 1;
}
