/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's health in the guest: Docker's rules, and what dom0 is told. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pv-init/control.h"
#include "tests/unit/channel_peer.h"

#define S HX_CH_HEALTH_STARTING
#define H HX_CH_HEALTH_HEALTHY
#define U HX_CH_HEALTH_UNHEALTHY

/* -- the rules ---------------------------------------------------------------
 */

static void the_rules_are_dockers(void **state)
{
    /* Exit codes of probes, one after the other; 'x' in the start period. */
    static const struct {
        const char *probes; /* '0', '1', or 'x': fails in the start period */
        enum hx_ch_health_status status;
        unsigned streak;
    } cases[] = {
        { "", S, 0 },     { "0", H, 0 },    { "1", S, 1 },    { "11", S, 2 },
        { "111", U, 3 },  { "1111", U, 4 }, { "1110", H, 0 }, { "110", H, 0 },
        { "011", H, 2 },  { "0111", U, 3 }, { "xxxx", S, 0 }, { "xx111", U, 3 },
        { "0xxx", U, 3 }, /* it has started: nothing is excused */
        { "xx0", H, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_ch_health health = { .status = S };

        for (const char *p = cases[i].probes; *p; p++)
            hx_init_health_judge(&health, *p == '0' ? 0 : 1, 3, *p == 'x');
        if (health.status != cases[i].status ||
            health.streak != cases[i].streak)
            fail_msg("%s: %u, %u", cases[i].probes, health.status,
                     health.streak);
    }
}

static void a_killed_probe_has_failed(void **state)
{
    struct hx_ch_health health = { .status = H };

    (void)state;
    hx_init_health_judge(&health, HX_CH_HEALTH_NO_CODE, 1, false);
    assert_int_equal(health.status, U);
    assert_int_equal(health.exit_code, HX_CH_HEALTH_NO_CODE);
}

/* -- what crosses ------------------------------------------------------------
 */

static void a_report_crosses_whole(void **state)
{
    const struct hx_ch_health all[] = {
        { U, 7, HX_CH_HEALTH_NO_CODE, UINT64_C(0x1122334455667788), 9 },
        { H, 0, 0, 1, UINT64_MAX },
        { S, UINT32_MAX, 255, 0, 0 },
    };
    uint8_t payload[HX_CH_HEALTH_BYTES];
    struct hx_ch_health back;

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        hx_ch_health_encode(&all[i], payload);
        assert_int_equal(hx_ch_health_decode(payload, sizeof(payload), &back),
                         0);
        assert_int_equal(back.status, all[i].status);
        assert_int_equal(back.streak, all[i].streak);
        assert_int_equal(back.exit_code, all[i].exit_code);
        assert_true(back.start_ns == all[i].start_ns);
        assert_true(back.end_ns == all[i].end_ns);
    }
    assert_int_equal(hx_ch_health_decode(payload, sizeof(payload) - 1, &back),
                     -1);
    payload[0] = HX_CH_HEALTH_STATUSES;
    assert_int_equal(hx_ch_health_decode(payload, sizeof(payload), &back), -1);
    payload[0] = H;
    hx_ch_put(payload + 8, 256, 4);
    assert_int_equal(hx_ch_health_decode(payload, sizeof(payload), &back), -1);
    hx_ch_put(payload + 8, (uint32_t)-2, 4);
    assert_int_equal(hx_ch_health_decode(payload, sizeof(payload), &back), -1);
}

/* The bytes themselves, which older and newer peers agree on. */
static void the_form_is_frozen(void **state)
{
    static const uint8_t bytes[HX_CH_HEALTH_BYTES] = {
        2, 0, 0,    0, 3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        5, 0, 0x01, 0, 0, 0, 0, 0, 6,    0,    0,    0,    0, 0, 0, 0,
    };
    const struct hx_ch_health health = { U, 3, -1, 0x10005, 6 };
    uint8_t payload[HX_CH_HEALTH_BYTES];

    (void)state;
    assert_int_equal(HX_CH_HEALTH, 17);
    hx_ch_health_encode(&health, payload);
    assert_memory_equal(payload, bytes, sizeof(bytes));
}

/* -- telling -----------------------------------------------------------------
 */

static struct hx_init_control control;
static struct peer peer;

static void join(void)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    if (peer.fd > 0)
        close(peer.fd);
    hx_init_control_attach(&control, ends[1]);
    peer.fd = ends[0];
    peer.len = 0;
    peer_hello(&peer);
}

/* The reports that come of one run of the loop. */
static unsigned reports(void)
{
    struct pollfd readable = { .fd = peer.fd, .events = POLLIN };
    unsigned count = 0;

    hx_init_control_run(&control);
    while (poll(&readable, 1, 0) > 0)
        assert_true(peer_read(&peer));
    while (peer_next(&peer))
        count += peer.frame.type == HX_CH_HEALTH;
    return count;
}

/* However many there were before somebody listens, the last one is told; and
 * it is told anew to who comes next. */
static void only_the_last_report_is_told_and_told_again(void **state)
{
    struct hx_init_health *health = calloc(1, sizeof(*health));

    (void)state;
    assert_non_null(health);
    hx_init_control_init(&control);
    hx_init_probe_init(&health->probe);
    control.healths.list[2] = health;
    join();
    assert_int_equal(reports(), 0);
    for (unsigned i = 0; i < 100; i++) {
        health->number++;
        health->due = true;
    }
    memcpy(health->output, "words", 5);
    health->output_len = 5;
    assert_int_equal(reports(), 1);
    assert_int_equal(reports(), 0);
    join();
    assert_int_equal(reports(), 1);
    close(peer.fd);
    peer.fd = 0;
    free(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rules_are_dockers),
        cmocka_unit_test(a_killed_probe_has_failed),
        cmocka_unit_test(a_report_crosses_whole),
        cmocka_unit_test(the_form_is_frozen),
        cmocka_unit_test(only_the_last_report_is_told_and_told_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
