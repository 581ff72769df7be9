/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounting the disks of a pod, with the kernel's answers made up. */
/* wrap: mount nanosleep hx_init_mkdir_p */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "pv-init/root.h"
#include "tests/unit/unit.h"

static const struct hx_init_config pod = {
    .scratch = { .device = "xvdb", .fstype = "ext4" },
};

static struct {
    int failures; /* so many times mount() fails */
    int errnum;
    int mounts;
    int64_t slept_ns;
} scene;

int __wrap_mount(const char *source, const char *target, const char *fstype,
                 unsigned long flags, const void *data);
int __wrap_mount(const char *source, const char *target, const char *fstype,
                 unsigned long flags, const void *data)
{
    (void)target;
    (void)flags;
    (void)data;
    assert_string_equal(source, "/dev/xvdb");
    assert_string_equal(fstype, "ext4");
    if (scene.mounts++ >= scene.failures)
        return 0;
    errno = scene.errnum;
    return -1;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left_r);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left_r)
{
    (void)left_r;
    scene.slept_ns += time->tv_nsec;
    errno = 0;
    return 0;
}

int __wrap_hx_init_mkdir_p(const char *path);
int __wrap_hx_init_mkdir_p(const char *path)
{
    (void)path;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof(scene));
    return 0;
}

static void fails(const char *words)
{
    struct hx_init_err err = { 0 };

    assert_int_equal(hx_init_root_mount(&pod, &err), -1);
    if (!strstr(err.msg, words))
        fail_msg("%s", err.msg);
}

static void test_a_disk_that_opens_later(void **state)
{
    struct hx_init_err err = { 0 };

    (void)state;
    scene.failures = 3;
    scene.errnum = ENXIO;
    assert_int_equal(hx_init_root_mount(&pod, &err), 0);
    assert_int_equal(scene.mounts, 4);
}

static void test_a_disk_that_never_opens(void **state)
{
    (void)state;
    scene.failures = 1 << 20;
    scene.errnum = ENXIO;
    fails("the scratch disk: mounting disk xvdb (ext4): No such device");
    assert_in_range(scene.slept_ns, 500000000, 2000000000);
}

static void test_what_waiting_does_not_help(void **state)
{
    (void)state;
    scene.failures = 1;
    scene.errnum = ENODEV;
    fails("no filesystem ext4");
    scene.failures = 2;
    scene.errnum = EINVAL;
    fails("there is no sound ext4 on it");
    assert_int_equal(scene.mounts, 2);
    assert_int_equal(scene.slept_ns, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_disk_that_opens_later),
        TEST(test_a_disk_that_never_opens),
        TEST(test_what_waiting_does_not_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
