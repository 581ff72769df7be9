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
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/mklayer/layer.h"
#include "image/walls/walls.h"

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

/* A decimal number that is an open file's. */
static int parse_fd(const char *name, const char *text, int *fd_r,
                    struct stat *st, struct hx_err *err)
{
    char *end;
    long fd = strtol(text, &end, 10);

    if (end == text || *end || fd < 0 || fd > 1 << 20 ||
        fstat((int)fd, st) < 0 || !S_ISREG(st->st_mode))
        return hx_err_set(err, HX_ERR_USAGE, "%s %s: not an open file", name,
                          text);
    *fd_r = (int)fd;
    return 0;
}

static int parse_option(int option, const char *text, struct options *options,
                        struct hx_err *err)
{
    struct stat st;
    int rc;

    switch (option) {
    case 'd':
        rc = parse_fd("--disk-fd", text, &options->disk_fd, &st, err);
        if (rc == 0) {
            options->disk_bytes = (uint64_t)st.st_size;
            options->disk_there_bytes = (uint64_t)st.st_blocks * 512;
        }
        return rc;
    case 'o':
        rc = parse_fd("--output-fd", text, &options->output_fd, &st, err);
        if (rc == 0 && (st.st_size || (fcntl(options->output_fd, F_GETFL) &
                                       O_ACCMODE) != O_RDWR))
            rc = hx_err_set(err, HX_ERR_USAGE,
                            "--output-fd %s: not an empty file that is open "
                            "for reading and writing",
                            text);
        return rc;
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

/* -- what it says ---------------------------------------------------------- */

/* Takes over `json`. */
static void say(json_t *json)
{
    if (!json)
        return;
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    if (fflush(stdout) == EOF)
        _exit(1);
    json_decref(json);
}

static void say_error(const struct hx_err *err)
{
    say(json_pack("{s:{s:s,s:s}}", "error", "code", hx_err_name(err->code),
                  "message", err->msg));
}

/* -- the walls ------------------------------------------------------------- */

/* Libraries look for their files when they are first used. */
static int warm_up(struct hx_err *err)
{
    static char lines[BUFSIZ];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int ok = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;

    EVP_MD_CTX_free(hash);
    json_object_seed(0);
    setvbuf(stdout, lines, _IOFBF, sizeof(lines));
    return ok ? 0 : hx_err_set(err, HX_ERR_SYSTEM, "SHA-256 cannot be started");
}

/* In the child: its exit status. */
static int write_layer(const struct options *options, struct hx_err *err)
{
    struct hx_scratch *scratch = NULL;
    struct hx_layer_result result;
    int rc =
        hx_scratch_open(options->disk_fd, options->disk_bytes, &scratch, err);

    if (rc == 0)
        rc = hx_layer_write(scratch, options->folder, options->output_fd,
                            &result, err);
    if (rc == 0)
        say(json_pack("{s:s,s:I,s:b}", "diff_id", result.diff_id, "entries",
                      (json_int_t)result.entries, "clean",
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
    pid_t pid;
    int rc = warm_up(err);

    if (rc < 0)
        return rc;
    pid = hx_walls_confine(&walls, err);
    if (pid < 0)
        return (int)pid;
    if (pid == 0) {
        rc = write_layer(options, err);
        if (rc < 0)
            hx_walls_name(&walls, err);
        return rc;
    }
    rc = hx_walls_await(pid, &walls, err);
    /* It may have died in the middle of a line. */
    if (rc < 0)
        putchar('\n');
    return rc;
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
    if (rc < 0)
        say_error(&err);
    return rc != 0 || ferror(stdout) ? 1 : 0;
}
