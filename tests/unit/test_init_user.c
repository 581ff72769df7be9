/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who a process runs as: Docker's forms, and files that mean harm. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pv-init/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "\n"
                             "# a comment\n"
                             "broken:x:zero:0::/broken:/bin/sh\n"
                             "short:x\n"
                             ":x:5:5::/noname:\n"
                             "bob:x:1000:1000:Bob:/home/bob:/bin/sh\n"
                             "twin:x:1000:2000::/home/twin:\n"
                             "bob:x:7:7::/second:\n"
                             "www:x:33:33:www::\n"
                             "1000:x:44:44::/digits:\n"
                             "huge:x:4294967296:0::/:\n"
                             "last:x:60:61::/last:/bin/sh";
static const char group[] = "root:x:0:\n"
                            "bob:x:1000:\n"
                            "www:x:33:bob,twin\n"
                            "video:x:44:www,bob\n"
                            "video:x:45:\n"
                            "again:x:1000:bob\n"
                            "bad:x:many:bob\n"
                            "55:x:66:\n"
                            "empty:x:70:,\n"
                            "tail:x:71:last";

static void all_forms(void **state)
{
    static const struct {
        const char *spec;
        unsigned uid, gid;
        const char *groups, *home;
    } cases[] = {
        { "", 0, 0, "0", "/root" },
        { "root", 0, 0, "0", "/root" },
        { "bob", 1000, 1000, "1000 33 44", "/home/bob" },
        { "1000", 1000, 1000, "1000 33 44", "/home/bob" },
        { "twin", 1000, 2000, "2000 33", "/home/twin" },
        { "www", 33, 33, "33 44", "/" },
        { "last", 60, 61, "61 71", "/last" },
        { "4242", 4242, 0, "0", "/" },
        { "bob:www", 1000, 33, "33", "/home/bob" },
        { "1000:33", 1000, 33, "33", "/home/bob" },
        { "4242:video", 4242, 44, "44", "/" },
        { "bob:777", 1000, 777, "777", "/home/bob" },
        { "bob:", 1000, 1000, "1000 33 44", "/home/bob" },
        { ":www", 0, 33, "33", "/root" },
        /* A number is a number, also where a name looks like one. */
        { "bob:55", 1000, 55, "55", "/home/bob" },
        { "2147483647", 2147483647, 0, "0", "/" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_init_user user;
        struct hx_init_err err;
        char groups[256] = "";

        assert_int_equal(
            hx_init_user_resolve(cases[i].spec, passwd, group, &user, &err), 0);
        for (size_t j = 0; j < user.group_count; j++)
            sprintf(groups + strlen(groups), "%s%u", j ? " " : "",
                    user.groups[j]);
        if (user.uid != cases[i].uid || user.gid != cases[i].gid ||
            strcmp(groups, cases[i].groups) != 0 ||
            strcmp(user.home, cases[i].home) != 0)
            fail_msg("'%s': %u:%u groups %s home %s", cases[i].spec, user.uid,
                     user.gid, groups, user.home);
    }
}

static void unknown_ones_are_errors(void **state)
{
    static const struct {
        const char *spec, *says;
    } cases[] = {
        { "nobody-here", "unable to find user nobody-here" },
        { "bob:nogroup", "unable to find group nogroup" },
        { "broken", "unable to find user broken" },
        { "short", "unable to find user short" },
        { "huge", "unable to find user huge" },
        { "bob:bad", "unable to find group bad" },
        { "-1", "unable to find user -1" },
        { "2147483648", "not within" },
        { "99999999999999999999", "not within" },
        { "bob:2147483648", "not within" },
        { "bob\x1b[2J", "unable to find user bob?[2J" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_init_user user;
        struct hx_init_err err = { "" };

        if (hx_init_user_resolve(cases[i].spec, passwd, group, &user, &err) !=
                -1 ||
            !strstr(err.msg, cases[i].says))
            fail_msg("'%s': said '%s'", cases[i].spec, err.msg);
    }
}

static void a_scratch_image_has_only_numbers(void **state)
{
    struct hx_init_user user;
    struct hx_init_err err;

    (void)state;
    assert_int_equal(hx_init_user_resolve("", "", "", &user, &err), 0);
    assert_int_equal(user.uid, 0);
    assert_string_equal(user.home, "/");
    assert_int_equal(hx_init_user_resolve("10:20", "", "", &user, &err), 0);
    assert_int_equal(user.gid, 20);
    assert_int_equal(hx_init_user_resolve("root", "", "", &user, &err), -1);
}

static void groups_are_bounded(void **state)
{
    struct hx_init_user user;
    struct hx_init_err err;
    static char many[400 * 24];

    (void)state;
    for (int i = 0; i < 400; i++)
        sprintf(many + strlen(many), "g%d:x:%d:bob\n", i, 5000 + i);
    assert_int_equal(hx_init_user_resolve("bob", passwd, many, &user, &err),
                     -1);
    assert_non_null(strstr(err.msg, "more than 256 groups"));
}

/* -- the image's files ------------------------------------------------------
 */

struct tree {
    char path[64], outside[64];
    int fd;
};

static void put(const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_tree(void **state)
{
    static struct tree tree;
    char path[128];

    strcpy(tree.path, "/tmp/hx-init-user-XXXXXX");
    strcpy(tree.outside, "/tmp/hx-init-out-XXXXXX");
    if (!mkdtemp(tree.path) || !mkdtemp(tree.outside))
        return -1;
    snprintf(path, sizeof(path), "%s/etc", tree.path);
    mkdir(path, 0755);
    put(tree.outside, "passwd", "root:x:0:0::/outside:\nevil:x:0:0::/:\n");
    tree.fd = open(tree.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *state = &tree;
    return tree.fd < 0 ? -1 : 0;
}

static int drop_tree(void **state)
{
    struct tree *tree = *state;
    char command[256];

    close(tree->fd);
    snprintf(command, sizeof(command), "rm -rf '%s' '%s'", tree->path,
             tree->outside);
    return system(command);
}

static void links_stay_inside(void **state)
{
    struct tree *tree = *state;
    char path[128], target[128];
    struct hx_init_user user;
    struct hx_init_err err;

    /* Absolute, as seen from the image: there is no such file in it. */
    snprintf(path, sizeof(path), "%s/etc/passwd", tree->path);
    snprintf(target, sizeof(target), "%s/passwd", tree->outside);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(hx_init_user_find(tree->fd, "evil", &user, &err), -1);
    assert_int_equal(hx_init_user_find(tree->fd, "", &user, &err), 0);
    assert_string_equal(user.home, "/");

    unlink(path);
    snprintf(target, sizeof(target), "../../../..%s/passwd", tree->outside);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(hx_init_user_find(tree->fd, "evil", &user, &err), -1);

    /* One that leads to a file of the image is followed. */
    unlink(path);
    put(tree->path, "users", "bob:x:12:13::/b:\n");
    assert_int_equal(symlink("/users", path), 0);
    assert_int_equal(hx_init_user_find(tree->fd, "bob", &user, &err), 0);
    assert_int_equal(user.uid, 12);
}

static void odd_files_are_refused(void **state)
{
    struct tree *tree = *state;
    struct hx_init_user user;
    struct hx_init_err err;
    char path[128];

    snprintf(path, sizeof(path), "%s/etc/passwd", tree->path);
    assert_int_equal(mkfifo(path, 0644), 0);
    assert_int_equal(hx_init_user_find(tree->fd, "", &user, &err), -1);
    assert_non_null(strstr(err.msg, "etc/passwd"));

    unlink(path);
    put(tree->path, "etc/passwd", "");
    assert_int_equal(truncate(path, (1 << 20) + 1), 0);
    assert_int_equal(hx_init_user_find(tree->fd, "", &user, &err), -1);
    assert_non_null(strstr(err.msg, strerror(EFBIG)));
    /* At the bound, and all NUL bytes: nobody is found in it. */
    assert_int_equal(truncate(path, 1 << 20), 0);
    assert_int_equal(hx_init_user_find(tree->fd, "", &user, &err), 0);

    unlink(path);
    assert_int_equal(symlink("/proc/self/fd/0", path), 0);
    assert_int_equal(hx_init_user_find(tree->fd, "5", &user, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms),
        cmocka_unit_test(unknown_ones_are_errors),
        cmocka_unit_test(a_scratch_image_has_only_numbers),
        cmocka_unit_test(groups_are_bounded),
        cmocka_unit_test_setup_teardown(links_stay_inside, make_tree,
                                        drop_tree),
        cmocka_unit_test_setup_teardown(odd_files_are_refused, make_tree,
                                        drop_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
