/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scratch disks (checked by e2fsck), and loop devices where there are some. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-builder/loop.h"
#include "domain-builder/scratch.h"
#include "image/base/file.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/hx-disk-XXXXXX";

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

static void test_scratch_is_a_clean_ext4(void **state)
{
    static const uint64_t sizes[] = {
        HX_SCRATCH_MIN_BYTES, HX_SCRATCH_MIN_BYTES + 4095,
        UINT64_C(64) << 20,   UINT64_C(129) << 20,
        UINT64_C(1) << 30,    HX_SCRATCH_DEFAULT_BYTES,
    };
    char path[128], command[256];
    struct hx_err err = { 0 };
    struct stat st;

    (void)state;
    path_in("scratch.ext4", path);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unlink(path);
        assert_int_equal(hx_scratch_make(path, sizes[i], &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, sizes[i] / 4096 * 4096);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_true(st.st_blocks * 512 < 2 << 20);
        snprintf(command, sizeof(command), "e2fsck -fn %s >/dev/null 2>&1",
                 path);
        assert_int_equal(system(command), 0);
    }
}

/* Else the guest's kernel would write zeros over them for minutes. */
static void test_scratch_tables_count_as_zeroed(void **state)
{
    char path[128], command[300];
    struct hx_err err = { 0 };

    (void)state;
    path_in("zeroed.ext4", path);
    assert_int_equal(hx_scratch_make(path, UINT64_C(1) << 30, &err), 0);
    snprintf(command, sizeof(command),
             "test $(dumpe2fs %s 2>/dev/null | grep -c ITABLE_ZEROED) -eq 8",
             path);
    assert_int_equal(system(command), 0);
}

static void test_scratch_that_is_there_stays(void **state)
{
    struct hx_err err = { 0 };
    struct hx_buf text;
    char path[128];

    (void)state;
    path_in("old.ext4", path);
    assert_int_equal(hx_file_write_atomic(path, "mine", 4, 0600, &err), 0);
    assert_int_equal(hx_scratch_make(path, 64 << 20, &err), 0);
    assert_int_equal(hx_file_read(path, 100, &text, &err), 0);
    assert_string_equal(text.data, "mine");
    hx_buf_release(&text);
}

static void test_scratch_refused_leaves_nothing(void **state)
{
    struct hx_err err = { 0 };
    char path[128], temp[140];

    (void)state;
    path_in("none.ext4", path);
    snprintf(temp, sizeof(temp), "%s.new", path);
    assert_int_equal(hx_scratch_make(path, HX_SCRATCH_MIN_BYTES - 1, &err),
                     -HX_ERR_USAGE);
    assert_int_equal(hx_scratch_make(path, HX_SCRATCH_MAX_BYTES + 1, &err),
                     -HX_ERR_USAGE);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_not_equal(access(temp, F_OK), 0);
    path_in("nowhere/x.ext4", path);
    assert_int_equal(hx_scratch_make(path, 64 << 20, &err), -HX_ERR_SYSTEM);
}

/* A full disk: a file system of 1 MiB cannot take its blocks. */
static void test_scratch_on_a_full_disk(void **state)
{
    struct hx_err err = { 0 };
    char mount[128], path[160], command[256];
    int r;

    (void)state;
    path_in("full", mount);
    assert_int_equal(mkdir(mount, 0700), 0);
    snprintf(command, sizeof(command),
             "mount -t tmpfs -o size=16k tmpfs %s 2>/dev/null", mount);
    if (system(command) != 0)
        skip();
    snprintf(path, sizeof(path), "%s/scratch.ext4", mount);
    r = hx_scratch_make(path, 64 << 20, &err);
    snprintf(command, sizeof(command), "ls %s | grep -q .", mount);
    assert_int_not_equal(system(command), 0);
    snprintf(command, sizeof(command), "umount %s", mount);
    assert_int_equal(system(command), 0);
    assert_int_equal(r, -HX_ERR_NO_SPACE);
}

static void make_file(const char *name, char path[128])
{
    char zeros[8192] = "disk";

    path_in(name, path);
    assert_int_equal(
        hx_file_write_atomic(path, zeros, sizeof(zeros), 0600, NULL), 0);
}

/* Loop devices need root and a kernel that has them. */
static void need_loops(void)
{
    int fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        skip();
    close(fd);
}

static bool is_attached(const struct hx_loop *loop)
{
    char path[128];

    snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file",
             loop->path + strlen("/dev/"));
    return access(path, F_OK) == 0;
}

static void test_loop_of_an_image_is_shared(void **state)
{
    struct hx_loop one = HX_LOOP_INIT, two = HX_LOOP_INIT;
    struct hx_loop other = HX_LOOP_INIT;
    char path[128], second[128], link[128], text[4];
    struct hx_err err = { 0 };

    (void)state;
    need_loops();
    make_file("image", path);
    make_file("second", second);
    path_in("link", link);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(hx_loop_share(folder, path, &one, &err), 0);
    assert_int_equal(hx_loop_share(folder, link, &two, &err), 0);
    assert_string_equal(one.path, two.path);
    assert_int_equal(hx_loop_share(folder, second, &other, &err), 0);
    assert_string_not_equal(one.path, other.path);
    assert_int_equal(pread(two.fd, text, 4, 0), 4);
    assert_memory_equal(text, "disk", 4);
    assert_true(pwrite(one.fd, text, 4, 0) < 0);
    /* The kernel frees it when the last one lets go. */
    hx_loop_release(&one);
    assert_true(is_attached(&two));
    hx_loop_release(&two);
    assert_false(is_attached(&two));
    hx_loop_release(&other);
    hx_loop_release(&other);
}

/* A new file of the same name is another image. */
static void test_loop_of_a_replaced_file_is_not_shared(void **state)
{
    struct hx_loop one = HX_LOOP_INIT, two = HX_LOOP_INIT;
    struct hx_err err = { 0 };
    char path[128];

    (void)state;
    need_loops();
    make_file("image", path);
    assert_int_equal(hx_loop_share(folder, path, &one, &err), 0);
    make_file("image", path);
    assert_int_equal(hx_loop_share(folder, path, &two, &err), 0);
    assert_string_not_equal(one.path, two.path);
    hx_loop_release(&one);
    hx_loop_release(&two);
}

static void test_loop_of_a_scratch_disk_is_its_own(void **state)
{
    struct hx_loop one = HX_LOOP_INIT, two = HX_LOOP_INIT;
    struct hx_err err = { 0 };
    char path[128];

    (void)state;
    need_loops();
    make_file("scratch", path);
    assert_int_equal(hx_loop_open(path, &one, &err), 0);
    assert_int_equal(pwrite(one.fd, "DISK", 4, 0), 4);
    /* A writable device must not pass for an image's. */
    assert_int_equal(hx_loop_share(folder, path, &two, &err), 0);
    assert_string_not_equal(one.path, two.path);
    hx_loop_release(&one);
    hx_loop_release(&two);
}

static void test_loop_of_a_killed_process_is_freed(void **state)
{
    struct hx_loop loop = HX_LOOP_INIT;
    char path[128];
    int pipe_fds[2], status;
    pid_t pid;

    (void)state;
    need_loops();
    make_file("killed", path);
    assert_int_equal(pipe(pipe_fds), 0);
    pid = fork();
    if (pid == 0) {
        if (hx_loop_open(path, &loop, NULL) == 0 &&
            write(pipe_fds[1], &loop, sizeof(loop)) == sizeof(loop))
            raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(read(pipe_fds[0], &loop, sizeof(loop)), sizeof(loop));
    assert_false(is_attached(&loop));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void test_loop_refused(void **state)
{
    struct hx_loop loop = HX_LOOP_INIT;
    struct hx_err err = { 0 };
    char path[128];

    (void)state;
    path_in("absent", path);
    assert_int_equal(hx_loop_share(folder, path, &loop, &err),
                     -HX_ERR_NOT_FOUND);
    assert_int_equal(hx_loop_share(folder, folder, &loop, &err),
                     -HX_ERR_CORRUPT);
    assert_int_equal(hx_loop_open("/dev/null", &loop, &err), -HX_ERR_CORRUPT);
    assert_int_equal(loop.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scratch_is_a_clean_ext4),
        cmocka_unit_test(test_scratch_tables_count_as_zeroed),
        cmocka_unit_test(test_scratch_that_is_there_stays),
        cmocka_unit_test(test_scratch_refused_leaves_nothing),
        cmocka_unit_test(test_scratch_on_a_full_disk),
        cmocka_unit_test(test_loop_of_an_image_is_shared),
        cmocka_unit_test(test_loop_of_a_replaced_file_is_not_shared),
        cmocka_unit_test(test_loop_of_a_scratch_disk_is_its_own),
        cmocka_unit_test(test_loop_of_a_killed_process_is_freed),
        cmocka_unit_test(test_loop_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
