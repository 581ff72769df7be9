/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The joined ramdisk, read by the cpio program as well. */
#include "domain-builder/ramdisk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain-builder/cpio.h"
#include "image/base/buf.h"
#include "image/base/file.h"
#include "pv-init/guest-abi.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/hx-ramdisk-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return hx_rm_rf(folder, NULL);
}

static void path_in(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
}

/* What a command prints. */
static void output_of(const char *command, char *out, size_t size)
{
    FILE *pipe = popen(command, "r");
    size_t got;

    assert_non_null(pipe);
    got = fread(out, 1, size - 1, pipe);
    out[got] = '\0';
    assert_int_equal(pclose(pipe), 0);
}

static void test_cpio_reads_the_archive(void **state)
{
    struct hx_buf buf = HX_BUF_INIT(4096);
    struct hx_cpio cpio = { .out = &buf };
    char path[128], command[300], out[512];

    (void)state;
    assert_int_equal(hx_cpio_add_dir(&cpio, "d", 0700), 0);
    assert_int_equal(hx_cpio_add_file(&cpio, "d/a", 0600, "x", 1), 0);
    assert_int_equal(hx_cpio_add_file(&cpio, "d/bc", 0640, "hello", 5), 0);
    assert_int_equal(hx_cpio_add_file(&cpio, "d/empty", 0600, NULL, 0), 0);
    assert_int_equal(hx_cpio_end(&cpio), 0);
    assert_int_equal(buf.len % 4, 0);
    path_in("a.cpio", path);
    assert_int_equal(hx_file_write_atomic(path, buf.data, buf.len, 0600, NULL),
                     0);
    hx_buf_release(&buf);
    snprintf(command, sizeof(command), "cpio -t --quiet < %s", path);
    output_of(command, out, sizeof(out));
    assert_string_equal(out, "d\nd/a\nd/bc\nd/empty\n");
    snprintf(command, sizeof(command),
             "cd %s && cpio -id --quiet < %s && cat d/a d/bc d/empty && "
             "stat -c ' %%a' d d/bc",
             folder, path);
    output_of(command, out, sizeof(out));
    assert_string_equal(out, "xhello 700\n 640\n");
}

static void test_a_full_buffer_is_an_error(void **state)
{
    struct hx_buf buf = HX_BUF_INIT(120);
    struct hx_cpio cpio = { .out = &buf };

    (void)state;
    assert_int_equal(hx_cpio_add_file(&cpio, "a", 0600, "0123456789abcdef", 16),
                     -1);
    hx_buf_release(&buf);
}

/* A base of any length, so that the second archive has to be aligned. */
static void join(size_t base_len)
{
    static const char config[] = "{\"abi\":2}";
    struct hx_ramdisk ramdisk = HX_RAMDISK_INIT;
    struct hx_err err = { 0 };
    struct hx_buf all;
    char path[128], base[8] = "BASEBAS";
    struct stat st;
    size_t aligned = (base_len + 3) / 4 * 4;

    path_in("base", path);
    assert_int_equal(hx_file_write_atomic(path, base, base_len, 0600, NULL), 0);
    assert_int_equal(
        hx_ramdisk_make(path, config, strlen(config), &ramdisk, &err), 0);
    assert_int_equal(hx_file_read(ramdisk.path, 1 << 20, &all, &err), 0);
    assert_memory_equal(all.data, base, base_len);
    assert_memory_equal(all.data + aligned, "070701", 6);
    assert_non_null(memmem(all.data, all.len, config, strlen(config)));
    assert_non_null(memmem(all.data, all.len, "hyper/pod.json", 15));
    assert_non_null(memmem(all.data, all.len, "TRAILER!!!", 11));
    /* It never had a name. */
    assert_int_equal(fstat(ramdisk.fd, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    hx_buf_release(&all);
    hx_ramdisk_release(&ramdisk);
    assert_int_equal(ramdisk.fd, -1);
}

static void test_joined_behind_any_base(void **state)
{
    (void)state;
    for (size_t len = 0; len < 8; len++)
        join(len);
}

static void test_refused(void **state)
{
    struct hx_ramdisk ramdisk = HX_RAMDISK_INIT;
    struct hx_err err = { 0 };
    char path[128], *big;

    (void)state;
    path_in("none", path);
    assert_int_equal(hx_ramdisk_make(path, "{}", 2, &ramdisk, &err),
                     -HX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, path));
    big = calloc(1, HX_ABI_CONFIG_MAX_BYTES + 1);
    assert_non_null(big);
    assert_int_equal(
        hx_ramdisk_make(path, big, HX_ABI_CONFIG_MAX_BYTES + 1, &ramdisk, &err),
        -HX_ERR_LIMIT);
    path_in("base", path);
    assert_int_equal(
        hx_ramdisk_make(path, big, HX_ABI_CONFIG_MAX_BYTES, &ramdisk, &err), 0);
    hx_ramdisk_release(&ramdisk);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpio_reads_the_archive),
        cmocka_unit_test(test_a_full_buffer_is_an_error),
        cmocka_unit_test(test_joined_behind_any_base),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
