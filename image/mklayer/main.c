/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mklayer: what a pod has written, as a layer.
 *
 * Started by `pull` with everything open: it is given file descriptors and
 * never a path.  What it says is one JSON object a line on standard output:
 *
 *     {"diff_id":"sha256:...","entries":n,"clean":true}   at the end, or
 *     {"error":{"code":"corrupt","message":"..."}}        with status 1
 *
 * "clean" tells whether the disk was unmounted when its guest ended.
 *
 * The process that is started reads the command line alone.  What reads the
 * disk is a child of it, behind the walls of image/walls.
 */
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "image/base/quit.h"
#include "image/mklayer/layer.h"
#include "image/walls/program.h"

#define MEMORY_BYTES (UINT64_C(512) << 20)
/* Headers of two million entries, and what gzip cannot make smaller. */
#define SPARE_BYTES   (UINT64_C(4) << 30)
#define CPU_S         600u
#define CPU_S_FOR_MIB 2u

static const char usage[] =
    "Usage: mklayer --disk-fd N --output-fd N --folder PATH\n"
    "\n"
    "Write what a pod has changed as a layer of an image, a tar with gzip.\n"
    "This program is started by 'xl hyper-commit'.\n"
    "\n"
    "  --disk-fd N       the pod's disk, an ext4, open for reading\n"
    "  --output-fd N     empty file, open for reading and writing\n"
    "  --folder PATH     the upper folder of an overlayfs on the disk\n"
    "  -h, --help        print this\n";

struct options {
    int disk_fd, output_fd;
    uint64_t disk_bytes;
    uint64_t disk_there_bytes; /* those that are no holes */
    const char *folder;
    int help;
};

/* -- the command line ------------------------------------------------------ */

static int parse_option(int option, const char *text, struct options *options,
                        struct hx_err *err)
{
    struct stat st;
    int rc;

    switch (option) {
    case 'd':
        rc = hx_program_fd("--disk-fd", text, &options->disk_fd, &st, err);
        if (rc == 0) {
            options->disk_bytes = (uint64_t)st.st_size;
            options->disk_there_bytes = (uint64_t)st.st_blocks * 512;
        }
        return rc;
    case 'o':
        return hx_program_output_fd(text, &options->output_fd, err);
    case 'f':
        options->folder = text;
        return 0;
    case 'h':
        options->help = 1;
        return 0;
    default:
        return hx_err_set(err, HX_ERR_USAGE,
                          "unknown option, or one without its value; see "
                          "mklayer --help");
    }
}

static int parse(int argc, char **argv, struct options *options,
                 struct hx_err *err)
{
    static const struct option longs[] = {
        { "disk-fd", required_argument, NULL, 'd' },
        { "output-fd", required_argument, NULL, 'o' },
        { "folder", required_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    int option, rc = 0;

    opterr = 0;
    while (rc == 0 &&
           (option = getopt_long(argc, argv, "h", longs, NULL)) != -1)
        rc = parse_option(option, optarg, options, err);
    if (rc < 0 || options->help)
        return rc;
    if (optind != argc || options->disk_fd < 0 || options->output_fd < 0 ||
        !options->folder)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--disk-fd, --output-fd and --folder are wanted, and "
                          "nothing else; see mklayer --help");
    return 0;
}

/* -- the walls ------------------------------------------------------------- */

static int write_layer(const void *what, struct hx_err *err)
{
    const struct options *options = what;
    struct hx_scratch *scratch = NULL;
    struct hx_layer_result result;
    int rc =
        hx_scratch_open(options->disk_fd, options->disk_bytes, &scratch, err);

    if (rc == 0)
        rc = hx_layer_write(scratch, options->folder, options->output_fd,
                            &result, err);
    if (rc == 0)
        hx_program_say(json_pack("{s:s,s:I,s:b}", "diff_id", result.diff_id,
                                 "entries", (json_int_t)result.entries, "clean",
                                 hx_scratch_is_clean(scratch)));
    hx_scratch_free(scratch);
    return rc;
}

static int run(const struct options *options, struct hx_err *err)
{
    const int fds[] = { options->disk_fd, options->output_fd };
    const struct hx_walls walls = {
        .program = "mklayer",
        .source = "pod",
        .fds = fds,
        .fd_count = 2,
        .output_fd = options->output_fd,
        .memory_bytes = MEMORY_BYTES,
        .file_bytes = HX_LAYER_CONTENT_MAX + SPARE_BYTES,
        .cpu_s =
            CPU_S + CPU_S_FOR_MIB * (unsigned)(options->disk_there_bytes >> 20),
    };

    return hx_program_run(&walls, write_layer, options, err);
}

int main(int argc, char **argv)
{
    struct options options = { .disk_fd = -1, .output_fd = -1 };
    struct hx_err err;
    int rc;

    signal(SIGPIPE, SIG_IGN);
    hx_err_clear(&err);
    rc = parse(argc, argv, &options, &err);
    if (rc == 0 && options.help)
        fputs(usage, stdout);
    else if (rc == 0)
        rc = run(&options, &err);
    hx_quit(hx_program_end(rc, &err));
}
