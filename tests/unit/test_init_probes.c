/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Health checks in a pod that runs. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/unit/live_pod.h"

/* A pod whose probe is `script`; each 50 ms. */
#define PROBED(script, timeout, retries)                                       \
    LIVE_POD("\"tty\":false,\"health\":{\"args\":[\"sh\",\"-c\",\"" script     \
             "\"],\"interval_ms\":50,\"timeout_ms\":" timeout                  \
             ",\"start_period_ms\":0,\"retries\":" retries "},",               \
             "echo up; exec sleep 50")

/* The next report, and what the probe has said. */
static struct hx_ch_health next_report(const char **output)
{
    const struct hx_ch_frame *frame = live_pod_await(HX_CH_HEALTH, 0);
    struct hx_ch_health health;

    assert_int_equal(
        hx_ch_health_decode(live_peer.payload, frame->payload, &health), 0);
    assert_true(health.end_ns >= health.start_ns);
    *output = (const char *)live_peer.payload + HX_CH_HEALTH_BYTES;
    return health;
}

static void a_probe_runs_beside_the_container(void **state)
{
    struct hx_ch_health health;
    const char *output;
    uint64_t number;
    char out[64];

    NEED(state);
    live_pod_begin(
        PROBED("cat /proc/1/comm; echo $A >&2; test ! -e /ill", "5000", "2"));
    health = next_report(&output);
    assert_int_equal(health.status, HX_CH_HEALTH_HEALTHY);
    assert_int_equal(health.exit_code, 0);
    assert_non_null(strstr(output, "sleep\n"));
    assert_non_null(strstr(output, "1\n"));
    assert_int_equal(live_pod_run("{\"container\":0,\"args\":[\"sh\",\"-c\","
                                  "\"> /ill\"]}",
                                  out, sizeof(out), 2),
                     0);
    do
        health = next_report(&output);
    while (health.streak < 2);
    assert_int_equal(health.status, HX_CH_HEALTH_UNHEALTHY);
    assert_int_equal(health.exit_code, 1);
    number = live_peer.frame.value;
    /* Who comes next is told again. */
    live_pod_join();
    next_report(&output);
    assert_true(live_peer.frame.value >= number);
    assert_int_equal(
        live_pod_run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"rm /ill\"]}",
                     out, sizeof(out), 2),
        0);
    do
        health = next_report(&output);
    while (health.status != HX_CH_HEALTH_HEALTHY);
    assert_int_equal(health.streak, 0);
    live_pod_finish();
}

/* With all of its process group; and the next one comes. */
static void a_probe_that_takes_too_long_is_killed(void **state)
{
    struct hx_ch_health health;
    const char *output;
    char out[8192];

    NEED(state);
    live_pod_begin(PROBED("echo words; sleep 47 & sleep 48", "300", "2"));
    health = next_report(&output);
    assert_int_equal(health.status, HX_CH_HEALTH_STARTING);
    assert_int_equal(health.exit_code, HX_CH_HEALTH_NO_CODE);
    assert_string_equal(output, "Health check exceeded timeout (300ms)");
    health = next_report(&output);
    assert_int_equal(health.status, HX_CH_HEALTH_UNHEALTHY);
    assert_int_equal(health.streak, 2);
    assert_true(health.end_ns - health.start_ns >= 300000000u);
    /* At most those of the one that runs now. */
    assert_int_equal(
        live_pod_run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"cat "
                     "/proc/[0-9]*/cmdline | tr '\\\\000' ' '\"]}",
                     out, sizeof(out), 2),
        0);
    output = strstr(out, "sleep 47");
    assert_true(!output || !strstr(output + 1, "sleep 47"));
    live_pod_finish();
}

static void a_probe_that_cannot_run_has_failed(void **state)
{
    struct hx_ch_health health;
    const char *output;

    NEED(state);
    live_pod_begin(LIVE_POD("\"tty\":false,\"health\":{\"args\":[\"no-such\"],"
                            "\"interval_ms\":50,\"timeout_ms\":5000,"
                            "\"start_period_ms\":60000,\"retries\":1},",
                            "exec sleep 50"));
    health = next_report(&output);
    assert_int_equal(health.exit_code, HX_CH_HEALTH_NO_CODE);
    assert_non_null(strstr(output, "executable file not found"));
    /* In the start period. */
    assert_int_equal(health.status, HX_CH_HEALTH_STARTING);
    assert_int_equal(health.streak, 0);
    live_pod_finish();
}

static void a_loud_probe_is_cut(void **state)
{
    struct hx_ch_health health;
    const char *output;

    NEED(state);
    live_pod_begin(
        PROBED("head -c 1000000 /dev/zero | tr '\\\\000' x", "20000", "1"));
    health = next_report(&output);
    assert_int_equal(health.exit_code, 0);
    assert_int_equal(strlen(output), HX_CH_HEALTH_OUTPUT_MAX);
    assert_string_equal(output + HX_CH_HEALTH_OUTPUT_MAX - 4, "x...");
    live_pod_finish();
}

/* No probes of what does not run. */
static void probes_end_with_the_container(void **state)
{
    struct pollfd readable = { .events = POLLIN };
    const char *output;

    NEED(state);
    live_pod_begin(PROBED("true", "5000", "1"));
    next_report(&output);
    peer_taken(&live_peer, 0, HX_CH_STDOUT, 0);
    peer_taken(&live_peer, 0, HX_CH_STDERR, 0);
    live_pod_say(HX_CH_SIGNAL, 0, SIGKILL, NULL, 0);
    for (unsigned i = 0; i < 2; i++) {
        live_pod_await(HX_CH_END, 0);
        peer_taken(&live_peer, 0, live_peer.frame.stream,
                   live_peer.frame.value | HX_CH_TAKEN_END);
    }
    live_pod_await(HX_CH_ENDED, 0);
    readable.fd = live_peer.fd;
    while (peer_next(&live_peer))
        assert_int_not_equal(live_peer.frame.type, HX_CH_HEALTH);
    assert_int_equal(poll(&readable, 1, 500), 0);
    live_pod_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_probe_runs_beside_the_container),
        cmocka_unit_test(a_probe_that_takes_too_long_is_killed),
        cmocka_unit_test(a_probe_that_cannot_run_has_failed),
        cmocka_unit_test(a_loud_probe_is_cut),
        cmocka_unit_test(probes_end_with_the_container),
    };

    return cmocka_run_group_tests(tests, ramdisk_setup, NULL);
}
