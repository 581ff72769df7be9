/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has which address: leases, MAC addresses and IPv4 text. */
#include "domain-builder/lease.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/base/file.h"
#include "tests/unit/unit.h"

#define NET 0x0a000000u /* 10.0.0.0 */

struct fixture {
    char root[64];
    char run[80];
    char pods[80];
    struct hx_lease_place place;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    strcpy(fixture->root, "/tmp/hx-lease-XXXXXX");
    if (!mkdtemp(fixture->root))
        return -1;
    snprintf(fixture->run, sizeof(fixture->run), "%s/run", fixture->root);
    snprintf(fixture->pods, sizeof(fixture->pods), "%s/pods", fixture->root);
    mkdir(fixture->pods, 0700);
    fixture->place =
        (struct hx_lease_place){ fixture->run, fixture->pods, "br0" };
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    int r = hx_rm_rf(fixture->root, NULL);

    free(fixture);
    return r;
}

/* A pod's UUID; its folder is what makes its leases live. */
static const char *pod(struct fixture *fixture, unsigned number, bool lives)
{
    static char uuid[37];
    char path[160];

    snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-00000000%04x", number,
             number);
    snprintf(path, sizeof(path), "%s/%s", fixture->pods, uuid);
    if (lives)
        mkdir(path, 0700);
    else
        rmdir(path);
    return uuid;
}

static struct hx_lease_wish wish_of_pool(uint32_t first, uint32_t last)
{
    return (struct hx_lease_wish){ .first = first,
                                   .last = last,
                                   .mac = { 0, 0x16, 0x3e, 0, 0, 1 } };
}

static int take(struct fixture *fixture, const struct hx_lease_wish *wish,
                const char *uuid, uint32_t *address, struct hx_err *err)
{
    uint8_t mac[6];

    return hx_lease_take(&fixture->place, wish, uuid, address, mac, err);
}

static size_t leases(struct fixture *fixture)
{
    char path[160];
    size_t count = 0;
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/net/br0", fixture->run);
    dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

static void test_given_in_turn(void **state)
{
    struct hx_lease_wish wish = wish_of_pool(NET + 2, NET + 5);
    struct fixture *fixture = *state;
    struct hx_err err = { 0 };
    uint32_t address;

    /* Not lowest first: what was given back comes again last. */
    for (unsigned i = 0; i < 9; i++) {
        const char *uuid = pod(fixture, i, true);

        assert_int_equal(take(fixture, &wish, uuid, &address, &err), 0);
        assert_int_equal(address, NET + 2 + i % 4);
        assert_int_equal(leases(fixture), 2); /* address and MAC */
        assert_int_equal(hx_lease_release(fixture->run, uuid, &err), 0);
        assert_int_equal(leases(fixture), 0);
    }
}

static void test_excluded_and_exhausted(void **state)
{
    const uint32_t excluded[] = { NET, NET + 1, NET + 3, NET + 7 };
    struct hx_lease_wish wish = wish_of_pool(NET, NET + 7);
    struct fixture *fixture = *state;
    struct hx_err err = { 0 };
    uint32_t address, seen = 0;

    wish.excluded = excluded;
    wish.excluded_count = 4;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(
            take(fixture, &wish, pod(fixture, i, true), &address, &err), 0);
        seen |= 1u << (address - NET);
    }
    assert_int_equal(seen, 1u << 2 | 1u << 4 | 1u << 5 | 1u << 6);
    assert_int_equal(
        take(fixture, &wish, pod(fixture, 9, true), &address, &err),
        -HX_ERR_LIMIT);
    assert_non_null(strstr(err.msg, "10.0.0.0 to 10.0.0.7"));
    assert_int_equal(leases(fixture), 8);
}

static void test_wished_for_and_in_use(void **state)
{
    struct hx_lease_wish wish = { .address = NET + 9,
                                  .mac = { 2, 0, 0, 0, 0, 1 },
                                  .mac_given = true };
    struct fixture *fixture = *state;
    struct hx_err err = { 0 };
    uint32_t address;
    char owner[40];

    strcpy(owner, pod(fixture, 1, true));
    assert_int_equal(take(fixture, &wish, owner, &address, &err), 0);
    assert_int_equal(address, NET + 9);
    assert_int_equal(
        take(fixture, &wish, pod(fixture, 2, true), &address, &err),
        -HX_ERR_EXISTS);
    assert_non_null(strstr(err.msg, "10.0.0.9"));
    assert_non_null(strstr(err.msg, owner));
    /* The MAC alone in use: the address is given back. */
    wish.address = NET + 10;
    assert_int_equal(
        take(fixture, &wish, pod(fixture, 2, true), &address, &err),
        -HX_ERR_EXISTS);
    assert_non_null(strstr(err.msg, "02:00:00:00:00:01"));
    assert_int_equal(leases(fixture), 2);
}

static void test_lease_of_a_pod_that_is_gone(void **state)
{
    struct hx_lease_wish wish = wish_of_pool(NET + 2, NET + 2);
    struct fixture *fixture = *state;
    struct hx_err err = { 0 };
    uint32_t address;
    char path[160];

    assert_int_equal(
        take(fixture, &wish, pod(fixture, 1, true), &address, &err), 0);
    pod(fixture, 1, false);
    assert_int_equal(
        take(fixture, &wish, pod(fixture, 2, true), &address, &err), 0);
    assert_int_equal(address, NET + 2);
    /* What is no UUID is nobody's. */
    assert_int_equal(
        hx_lease_release(fixture->run, pod(fixture, 2, true), &err), 0);
    snprintf(path, sizeof(path), "%s/net/br0/10.0.0.2", fixture->run);
    assert_int_equal(symlink("../../../../etc", path), 0);
    assert_int_equal(
        take(fixture, &wish, pod(fixture, 3, true), &address, &err), 0);
}

static void test_mac_in_use_counts_up(void **state)
{
    struct hx_lease_wish wish = wish_of_pool(NET + 2, NET + 9);
    struct fixture *fixture = *state;
    struct hx_err err = { 0 };
    uint32_t address;
    uint8_t mac[6];

    wish.mac[3] = 0x7f;
    wish.mac[4] = wish.mac[5] = 0xff;
    assert_int_equal(hx_lease_take(&fixture->place, &wish,
                                   pod(fixture, 1, true), &address, mac, &err),
                     0);
    assert_memory_equal(mac, wish.mac, 6);
    assert_int_equal(hx_lease_take(&fixture->place, &wish,
                                   pod(fixture, 2, true), &address, mac, &err),
                     0);
    assert_memory_equal(mac, "\0\x16\x3e\0\0\0", 6);
}

static void test_release_takes_its_own_only(void **state)
{
    struct hx_lease_wish wish = wish_of_pool(NET + 2, NET + 9);
    struct fixture *fixture = *state;
    struct hx_err err = { 0 };
    uint32_t address;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(
            take(fixture, &wish, pod(fixture, i, true), &address, &err), 0);
    assert_int_equal(
        hx_lease_release(fixture->run, pod(fixture, 1, true), &err), 0);
    assert_int_equal(leases(fixture), 4);
    assert_int_equal(
        hx_lease_release(fixture->run, pod(fixture, 1, true), &err), 0);
    assert_int_equal(hx_lease_release("/nowhere", pod(fixture, 1, true), &err),
                     0);
    assert_int_equal(leases(fixture), 4);
}

/* Eight processes at once: nobody gets what another one has. */
static void test_taken_at_once(void **state)
{
    struct hx_lease_wish wish = wish_of_pool(NET + 1, NET + 40);
    struct fixture *fixture = *state;
    int status;

    for (unsigned p = 0; p < 8; p++)
        if (fork() == 0) {
            uint32_t address;
            int failed = 0;

            for (unsigned i = 0; i < 5; i++)
                failed |= take(fixture, &wish, pod(fixture, p * 5 + i, true),
                               &address, NULL) != 0;
            _exit(failed);
        }
    for (unsigned p = 0; p < 8; p++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(leases(fixture), 80);
}

/*
 * Eight heirs of every lease of pods that are gone: each address goes to one
 * of them, also when all see at once that it is free.
 */
static void test_taken_over_at_once(void **state)
{
    struct hx_lease_wish wish = wish_of_pool(NET + 1, NET + 40);
    struct fixture *fixture = *state;
    uint32_t address, given[40] = { 0 };
    int fds[2], status;

    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(
            take(fixture, &wish, pod(fixture, i, true), &address, NULL), 0);
    for (unsigned i = 0; i < 40; i++)
        pod(fixture, i, false);
    assert_int_equal(pipe(fds), 0);
    for (unsigned p = 0; p < 8; p++)
        if (fork() == 0) {
            int failed = 0;

            for (unsigned i = 0; i < 5; i++) {
                const char *uuid = pod(fixture, 100 + p * 5 + i, true);

                failed |= take(fixture, &wish, uuid, &address, NULL) != 0 ||
                          write(fds[1], &address, 4) != 4;
            }
            _exit(failed);
        }
    for (unsigned p = 0; p < 8; p++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(read(fds[0], &address, 4), 4);
        assert_in_range(address, NET + 1, NET + 40);
        assert_int_equal(given[address - NET - 1]++, 0);
    }
    close(fds[0]);
    close(fds[1]);
}

static void test_mac_text(void **state)
{
    static const char *const bad[] = {
        "",
        "00:16:3e:01:02",
        "00:16:3e:01:02:0",
        "00:16:3e:01:02:03:",
        "00-16-3e-01-02-03",
        "0g:16:3e:01:02:03",
        "01:16:3e:01:02:03", /* multicast */
        "ff:ff:ff:ff:ff:ff",
        "00:00:00:00:00:00",
        " 0:16:3e:01:02:03",
    };
    char text[HX_MAC_TEXT];
    uint8_t mac[6];

    (void)state;
    assert_true(hx_mac_parse("00:16:3E:aB:02:03", mac));
    assert_string_equal(hx_mac_format(mac, text), "00:16:3e:ab:02:03");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(hx_mac_parse(bad[i], mac));
    assert_true(hx_mac_from_uuid("0f3e2d1c-5b4a-4978-8695-a4b3c2d1e0f1", mac));
    assert_string_equal(hx_mac_format(mac, text), "00:16:3e:51:e0:f1");
    assert_false(hx_mac_from_uuid("0f3e2d1c", mac));
    assert_false(hx_mac_from_uuid("0f3e2d1c-5b4a-4978-8695-a4b3c2d1e0fz", mac));
}

static void test_ipv4_text(void **state)
{
    static const char *const bad[] = {
        "10.0.0.1",     "10.0.0.1/",    "10.0.0.1/33", "10.0.0.1/-1",
        "10.0.0.1/ 8",  "10.0.0/8",     "10.0.0.1/8x", "10.0.0.256/8",
        "010.0.0.1/8/", "10.0.0.1/008", "::1/8",       ""
    };
    struct hx_ipv4_net net;
    char text[HX_IPV4_TEXT];

    (void)state;
    assert_true(hx_ipv4_parse_net("255.255.255.255/32", &net));
    assert_string_equal(hx_ipv4_format_net(&net, text), "255.255.255.255/32");
    assert_true(hx_ipv4_parse_net("172.30.5.9/16", &net));
    assert_int_equal(hx_ipv4_first(&net), 0xac1e0000);
    assert_int_equal(hx_ipv4_last(&net), 0xac1effff);
    assert_true(hx_ipv4_contains(&net, 0xac1e1234));
    assert_false(hx_ipv4_contains(&net, 0xac1f0000));
    assert_true(hx_ipv4_parse_net("1.2.3.4/0", &net));
    assert_int_equal(hx_ipv4_last(&net), UINT32_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(hx_ipv4_parse_net(bad[i], &net));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_given_in_turn),
        test(test_excluded_and_exhausted),
        test(test_wished_for_and_in_use),
        test(test_lease_of_a_pod_that_is_gone),
        test(test_mac_in_use_counts_up),
        test(test_release_takes_its_own_only),
        test(test_taken_at_once),
        test(test_taken_over_at_once),
        cmocka_unit_test(test_mac_text),
        cmocka_unit_test(test_ipv4_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
