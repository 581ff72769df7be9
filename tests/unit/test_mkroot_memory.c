/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a conversion of very many files takes: memory, as the largest resident
 * size of the program's processes that the kernel has counted, and processor
 * time.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/base/file.h"
#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

/* Of the largest process: two others, which wait, take 6 MiB of the 32 that a
 * pull may take. */
#define PEAK_MAX_KIB (26 * 1024)
/* As many as an image of 2 GB has. */
#define FILES 120000

/* As docs/root-disk.md has it. */
#define PEAK_KIB       (8 * 1024)
#define ENTRY_BYTES    120
#define UNSORTED_FILES 300000
/* Of processor time against that for sorted names: it is 1.2. */
#define RATIO_MAX 3

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* -- a layer that is written piece by piece -------------------------------- */

/* Not a buffer of all of it: a process begins with its parent's size. */
struct layer {
    int fd;
    EVP_MD_CTX *hash;
    struct hx_buf buf;
};

static void layer_begin(struct layer *layer)
{
    layer->fd = memfd_create("layer", 0);
    layer->hash = EVP_MD_CTX_new();
    layer->buf = (struct hx_buf)HX_BUF_INIT(1 << 20);
    assert_true(layer->fd >= 0 && layer->hash);
    assert_int_equal(EVP_DigestInit_ex(layer->hash, EVP_sha256(), NULL), 1);
}

static void layer_flush(struct layer *layer)
{
    struct hx_buf *buf = &layer->buf;

    assert_int_equal(EVP_DigestUpdate(layer->hash, buf->data, buf->len), 1);
    assert_int_equal(hx_write_all(layer->fd, buf->data, buf->len), 0);
    hx_buf_clear(buf);
}

/* The argument for --layer. */
static void layer_end(struct layer *layer, char *text, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    int len;

    tar_end(&layer->buf);
    layer_flush(layer);
    assert_int_equal(EVP_DigestFinal_ex(layer->hash, digest, NULL), 1);
    len = snprintf(
        text, size,
        "%d:application/vnd.oci.image.layer.v1.tar:sha256:", layer->fd);
    for (size_t i = 0; i < 32; i++)
        snprintf(text + len + 2 * i, size - (size_t)len - 2 * i, "%02x",
                 digest[i]);
    EVP_MD_CTX_free(layer->hash);
    hx_buf_release(&layer->buf);
}

/* -- the program ----------------------------------------------------------- */

struct run {
    long peak_kib;
    double cpu_s;
    unsigned long files;
};

static void become_mkroot(const char *layer, int disk, int out)
{
    const char *build = getenv("HX_BUILD");
    char program[4096], disk_text[16];

    snprintf(program, sizeof(program), "%s/bin/mkroot",
             build ? build : "build");
    snprintf(disk_text, sizeof(disk_text), "%d", disk);
    dup2(out, STDOUT_FILENO);
    execl(program, "mkroot", "--threads", "2", "--layer", layer, "--output-fd",
          disk_text, NULL);
    _exit(127);
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static struct run run(const char *layer)
{
    int disk = memfd_create("disk", 0), out = memfd_create("out", MFD_CLOEXEC);
    char said[65536] = "";
    struct run run = { 0 };
    const char *result;
    struct rusage usage;
    pid_t pid = fork();
    int status;

    if (pid == 0)
        become_mkroot(layer, disk, out);
    assert_int_equal(wait4(pid, &status, 0, &usage), pid);
    assert_true(pread(out, said, sizeof(said) - 1, 0) > 0);
    if (status != 0)
        fail_msg("status %d: %s", status, said);
    result = strstr(said, "\"files\":");
    assert_non_null(result);
    run.files = strtoul(result + strlen("\"files\":"), NULL, 10);
    run.peak_kib = usage.ru_maxrss;
    run.cpu_s = seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
    printf("%lu files: %ld KiB, %.2f s\n", run.files, run.peak_kib, run.cpu_s);
    close(disk);
    close(out);
    return run;
}

/* -- the images ------------------------------------------------------------ */

static void add_file(struct layer *layer, const char *name, const char *content)
{
    size_t len = strlen(content);

    tar_header(&layer->buf,
               &(struct tar_entry){ .name = name, .size = (int64_t)len });
    tar_bytes(&layer->buf, content, len);
    if (layer->buf.len > 256 * 1024)
        layer_flush(layer);
}

/* Each with content of its own. */
static void test_a_large_image(void **state)
{
    char text[256], name[100], content[16];
    struct layer layer;
    struct run large;

    (void)state;
    if (SANITIZED)
        skip();
    layer_begin(&layer);
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name),
                 "usr/lib/some-packages/package-%05u/a-file-of-some-kind-%08x",
                 i / 20, i);
        snprintf(content, sizeof(content), "%08x", i);
        add_file(&layer, name, content);
    }
    layer_end(&layer, text, sizeof(text));
    large = run(text);
    assert_true(large.files > FILES);
    assert_true(large.peak_kib <= PEAK_MAX_KIB);
    close(layer.fd);
}

/* All in one folder; `factor` is odd, and 1 when they are sorted. */
static struct run run_names(uint32_t factor)
{
    char text[256], name[100];
    struct layer layer;
    struct run names;

    layer_begin(&layer);
    for (uint32_t i = 0; i < UNSORTED_FILES; i++) {
        snprintf(name, sizeof(name), "folder/a-file-of-some-kind-%08x",
                 i * factor);
        add_file(&layer, name, "");
    }
    layer_end(&layer, text, sizeof(text));
    names = run(text);
    assert_int_equal(names.files, UNSORTED_FILES + 2);
    assert_true(names.peak_kib <=
                PEAK_KIB + (long)UNSORTED_FILES * ENTRY_BYTES / 1024);
    close(layer.fd);
    return names;
}

static void test_names_in_no_order(void **state)
{
    struct run sorted, unsorted;

    (void)state;
    if (SANITIZED)
        skip();
    sorted = run_names(1);
    unsorted = run_names(UINT32_C(2654435761));
    assert_true(unsorted.cpu_s <= RATIO_MAX * sorted.cpu_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_large_image),
        cmocka_unit_test(test_names_in_no_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
