/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mkroot: layers in, root disk out.
 *
 * Started by `pull` with everything open: it is given file descriptors and
 * never a path.  What it says is one JSON object a line on standard output:
 *
 *     {"progress":{"layer":0,"done_bytes":n,"total_bytes":m}}   now and then,
 *                                                  and at the layer's end
 *     {"written":true}                          the disk is; its digest follows
 *     {"bytes":n,"files":n,"sha256":"..."}                      at the end, or
 *     {"error":{"code":"corrupt","message":"..."}}              with status 1
 *
 * The process that is started reads the command line alone.  What reads the
 * layers is a child of it, behind the walls of image/walls.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "image/base/cleanup.h"
#include "image/base/quit.h"
#include "image/mkroot/convert.h"
#include "image/mkroot/limits.h"
#include "image/walls/program.h"

/* What is larger goes back to the system when it is freed: the chunks of what
 * grows with an image do, the buffers of blocks need not. */
#define LARGE_BYTES (128 * 1024)

#define PROGRESS_INTERVAL_NS 100000000

/* Two million entries and the widest window of zstd take 360 MiB. */
#define MEMORY_BYTES (UINT64_C(512) << 20)
/* Inodes, listings and tables of the disk, beside content. */
#define TABLES_BYTES (UINT64_C(1) << 30)
/* A hundred times what the layers of ordinary images take. */
#define CPU_S         600u
#define CPU_S_FOR_MIB 2u

static const char usage[] =
    "Usage: mkroot --output-fd N [OPTION]... [--layer FD:MEDIATYPE:DIFFID]...\n"
    "\n"
    "Write the root disk of an image, a squashfs, from its layers' blobs.\n"
    "Layers are given from the lowest to the uppermost.  This program is\n"
    "started by 'xl hyper-pull'.\n"
    "\n"
    "  --output-fd N         empty file, open for reading and writing\n"
    "  --layer FD:TYPE:ID[:BYTES]\n"
    "                        open blob, its media type, and the layer's\n"
    "                        diff_id, sha256:<64 hex digits>; BYTES that it\n"
    "                        will have, when it is still being written\n"
    "  --grown-fd N          pipe: a byte comes when such a blob has grown,\n"
    "                        its end when none will any more\n"
    "  --compressor NAME     lz4 (the default), zstd or gzip\n"
    "  --level N             of zstd or gzip\n"
    "  --block-size BYTES    a power of two from 4096 to 1048576\n"
    "                        (65536)\n"
    "  --threads N           threads that compress (one less than CPUs);\n"
    "                        the result does not depend on it\n"
    "  -h, --help            print this\n";

struct options {
    struct hx_layer *layers;
    struct hx_convert convert;
    int grown_fd;
    int help;
};

/* -- the command line ----------------------------------------------------- */

/* The layer types of OCI and Docker, whatever their compression is called;
 * the blob's first bytes decide on that. */
static int is_layer_type(const char *type)
{
    static const char *const types[] = {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (!strcmp(type, types[i]))
            return 1;
    return 0;
}

/* sha256:HEX, and what follows it. */
static int set_diff_id(struct hx_layer *layer, const char *text,
                       const char **end_r)
{
    static const char prefix[] = "sha256:";

    if (strncmp(text, prefix, strlen(prefix)) != 0)
        return -1;
    text += strlen(prefix);
    if (strspn(text, "0123456789abcdef") != HX_DIFF_ID_HEX)
        return -1;
    memcpy(layer->diff_id, text, HX_DIFF_ID_HEX);
    *end_r = text + HX_DIFF_ID_HEX;
    return 0;
}

static int parse_layer(char *text, struct hx_layer *layer, struct hx_err *err)
{
    char *type = strchr(text, ':');
    char *id = type ? strchr(type + 1, ':') : NULL;
    unsigned long bytes = 0;
    const char *end;
    struct stat st;
    int r;

    if (!id)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--layer %s: not FD:MEDIATYPE:DIFFID", text);
    *type++ = '\0';
    *id++ = '\0';
    r = hx_program_fd("--layer", text, &layer->fd, &st, err);
    if (r < 0)
        return r;
    if (!is_layer_type(type))
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "the media type %s of a layer is not supported; the "
                          "OCI and Docker types for tar, gzip and zstd are",
                          type);
    if (set_diff_id(layer, id, &end) < 0 ||
        (*end &&
         (*end != ':' || hx_program_number(end + 1, LONG_MAX, &bytes) < 0)))
        return hx_err_set(err, HX_ERR_USAGE,
                          "the diff_id %s of a layer is not sha256: and 64 hex "
                          "digits, with a size behind it or none",
                          id);
    layer->growing.bytes = bytes;
    layer->blob_bytes = bytes ? bytes : (uint64_t)st.st_size;
    return 0;
}

static int parse_pipe(const char *text, int *fd_r, struct hx_err *err)
{
    unsigned long fd;
    struct stat st;

    if (hx_program_number(text, 1 << 20, &fd) < 0 || fd == 0 ||
        fstat((int)fd, &st) < 0 || !S_ISFIFO(st.st_mode))
        return hx_err_set(err, HX_ERR_USAGE, "--grown-fd %s: not a pipe", text);
    *fd_r = (int)fd;
    return 0;
}

static int parse_option(int option, char *text, struct options *options,
                        struct hx_err *err)
{
    struct hx_squash_options *squash = &options->convert.squash;
    unsigned long n = 0;

    switch (option) {
    case 'h':
        options->help = 1;
        return 0;
    case 'o':
        return hx_program_output_fd(text, &options->convert.output_fd, err);
    case 'l':
        return parse_layer(
            text, &options->layers[options->convert.layer_count++], err);
    case 'g':
        return parse_pipe(text, &options->grown_fd, err);
    case 'c':
        squash->compressor = text;
        return 0;
    case 'L':
        if (hx_program_number(text, 22, &n) < 0 || n == 0)
            return hx_err_set(err, HX_ERR_USAGE, "--level %s: not 1 to 22",
                              text);
        squash->level = (unsigned)n;
        return 0;
    case 'b':
        if (hx_program_number(text, 1 << 20, &n) < 0 || n < 4096 || n & (n - 1))
            return hx_err_set(err, HX_ERR_USAGE,
                              "--block-size %s: not a power of two from 4096 "
                              "to 1048576",
                              text);
        squash->block_bytes = (uint32_t)n;
        return 0;
    case 't':
        if (hx_program_number(text, 64, &n) < 0 || n == 0)
            return hx_err_set(err, HX_ERR_USAGE, "--threads %s: not 1 to 64",
                              text);
        squash->threads = (unsigned)n;
        return 0;
    default:
        return hx_err_set(err, HX_ERR_USAGE,
                          "unknown option, or one without its value; see "
                          "mkroot --help");
    }
}

/* One pipe tells of all blobs. */
static int check_growing(struct options *options, struct hx_err *err)
{
    for (size_t i = 0; i < options->convert.layer_count; i++) {
        if (options->layers[i].growing.bytes && !options->grown_fd)
            return hx_err_set(err, HX_ERR_USAGE,
                              "--grown-fd is missing; see mkroot --help");
        options->layers[i].growing.fd = options->grown_fd;
    }
    return 0;
}

static int parse(int argc, char **argv, struct options *options,
                 struct hx_err *err)
{
    static const struct option longs[] = {
        { "output-fd", required_argument, NULL, 'o' },
        { "layer", required_argument, NULL, 'l' },
        { "grown-fd", required_argument, NULL, 'g' },
        { "compressor", required_argument, NULL, 'c' },
        { "level", required_argument, NULL, 'L' },
        { "block-size", required_argument, NULL, 'b' },
        { "threads", required_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    int option, r = 0;

    opterr = 0;
    options->convert.output_fd = -1;
    options->layers = calloc((size_t)argc, sizeof(*options->layers));
    if (!options->layers)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting");
    while (r == 0 && (option = getopt_long(argc, argv, "h", longs, NULL)) != -1)
        r = parse_option(option, optarg, options, err);
    if (r < 0 || options->help)
        return r;
    if (optind != argc)
        return hx_err_set(err, HX_ERR_USAGE,
                          "'%s' is no option; see mkroot --help", argv[optind]);
    if (options->convert.output_fd < 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--output-fd is missing; see mkroot --help");
    options->convert.layers = options->layers;
    return check_growing(options, err);
}

/* -- what it says --------------------------------------------------------- */

struct told {
    struct timespec last;
    size_t ended; /* the layer whose end was told, from 1 */
};

static void progress(size_t layer, uint64_t done_bytes, uint64_t total_bytes,
                     void *opaque)
{
    struct told *told = opaque;
    int end = done_bytes == total_bytes && told->ended != layer + 1;
    struct timespec now;
    int64_t passed;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    passed = (int64_t)(now.tv_sec - told->last.tv_sec) * 1000000000 +
             now.tv_nsec - told->last.tv_nsec;
    if (passed < PROGRESS_INTERVAL_NS && !end)
        return;
    told->last = now;
    if (end)
        told->ended = layer + 1;
    hx_program_say(json_pack("{s:{s:I,s:I,s:I}}", "progress", "layer",
                             (json_int_t)layer, "done_bytes",
                             (json_int_t)done_bytes, "total_bytes",
                             (json_int_t)total_bytes));
}

static void written(void *opaque)
{
    (void)opaque;
    hx_program_say(json_pack("{s:b}", "written", 1));
}

static unsigned cpus(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    /* Unpacking takes one; more than a few only cost memory. */
    return n < 2 ? 1 : n > 8 ? 8 : (unsigned)n - 1;
}

/* -- the walls ------------------------------------------------------------ */

/* Bounds for these layers, from those that limits.h has for any. */
static struct hx_walls walls_for(const struct options *options, int *fds)
{
    const struct hx_convert *convert = &options->convert;
    struct hx_walls walls = { .program = "mkroot",
                              .source = "image",
                              .fds = fds,
                              .fd_count = convert->layer_count + 1,
                              .output_fd = convert->output_fd,
                              .pipe_fd = options->grown_fd,
                              .threads = convert->squash.threads + 1,
                              .memory_bytes = MEMORY_BYTES };
    uint64_t blobs = 0, content = 0;

    fds[convert->layer_count] = convert->output_fd;
    if (options->grown_fd)
        fds[walls.fd_count++] = options->grown_fd;
    for (size_t i = 0; i < convert->layer_count; i++) {
        uint64_t bytes = convert->layers[i].blob_bytes;

        if (bytes > HX_MKROOT_TAR_BYTES_MAX)
            bytes = HX_MKROOT_TAR_BYTES_MAX;
        fds[i] = convert->layers[i].fd;
        blobs += bytes;
        content += bytes * HX_MKROOT_RATIO_MAX + HX_MKROOT_RATIO_FREE_BYTES;
    }
    if (content > HX_MKROOT_DATA_BYTES_MAX)
        content = HX_MKROOT_DATA_BYTES_MAX;
    walls.file_bytes = content + TABLES_BYTES;
    walls.cpu_s = CPU_S + CPU_S_FOR_MIB * (unsigned)(blobs >> 20);
    return walls;
}

static int convert(const void *what, struct hx_err *err)
{
    struct hx_convert_result result;
    int r = hx_convert_run(what, &result, err);

    if (r == 0)
        hx_program_say(json_pack(
            "{s:I,s:I,s:s}", "bytes", (json_int_t)result.bytes, "files",
            (json_int_t)result.files, "sha256", result.sha256));
    return r;
}

static int run(const struct options *options, struct hx_err *err)
{
    const struct hx_convert *what = &options->convert;
    _cleanup_free_ int *fds = calloc(what->layer_count + 2, sizeof(*fds));
    struct hx_walls walls;

    if (!fds)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting");
    walls = walls_for(options, fds);
    /* Or the C library takes the size of what was freed last. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    return hx_program_run(&walls, convert, what, err);
}

int main(int argc, char **argv)
{
    struct told told = { 0 };
    struct options options = {
        .convert = { .squash = { .compressor = "lz4",
                                 .block_bytes = 64 * 1024,
                                 .threads = cpus() },
                     .progress = progress,
                     .written = written,
                     .opaque = &told },
    };
    struct hx_err err;
    int r;

    signal(SIGPIPE, SIG_IGN);
    hx_err_clear(&err);
    r = parse(argc, argv, &options, &err);
    if (r == 0 && options.help)
        fputs(usage, stdout);
    else if (r == 0)
        r = run(&options, &err);
    free(options.layers);
    hx_quit(hx_program_end(r, &err));
}
