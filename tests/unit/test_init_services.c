/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pv-init does itself for sessions: files, processes, figures. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/mounts.h"
#include "pv-init/stats.h"
#include "tests/unit/live_pod.h"

static void sh(const char *script, const char *expected)
{
    char out[8192], request[512];

    snprintf(request, sizeof(request),
             "{\"container\":0,\"args\":[\"sh\",\"-c\",\"%s\"]}", script);
    assert_int_equal(live_pod_run(request, out, sizeof(out), 2), 0);
    assert_string_equal(out, expected);
}

/* Out of the container, and into it again under another name. */
static void files_go_both_ways(void **state)
{
    static char tar[16384], out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    sh("mkdir /d && echo text >/d/f && chown 7:8 /d/f && ln -s /d/f /l", "");
    assert_int_equal(
        live_pod_run("{\"container\":0,\"get\":\"/d\"}", tar, sizeof(tar), 2),
        0);
    assert_non_null(memmem(tar, sizeof(tar), "text\n", 5));

    live_pod_open(S1, "{\"container\":0,\"put\":\"/new\",\"top\":\"d\","
                      "\"stdin\":true,\"keep_owner\":true}");
    live_pod_await(HX_CH_OPENED, S1);
    live_pod_say(HX_CH_DATA, S1, 0, tar, 8192);
    live_pod_say(HX_CH_END, S1, 8192, NULL, 0);
    assert_int_equal(live_pod_collect(S1, out, sizeof(out), 2), 0);
    assert_string_equal(out, "");
    sh("cat /new/f; stat -c %u:%g /new/f", "text\n7:8\n");
    live_pod_finish();
}

static void what_cannot_be_done_is_told(void **state)
{
    static const struct {
        const char *request, *words;
        int code;
        unsigned outs;
    } cases[] = {
        { "{\"container\":0,\"get\":\"/no\"}", "/no: No such file", 1, 2 },
        { "{\"container\":0,\"put\":\"/no/way\",\"top\":\"f\","
          "\"stdin\":true}",
          "the tar ends too early", 1, 2 },
        { "{\"container\":0,\"put\":\"/no\",\"stdin\":true}",
          "/no is no folder", 1, 2 },
        { "{\"container\":0,\"get\":\"no\"}", NULL, 125, 0 },
        { "{\"container\":0,\"get\":\"/x\",\"put\":\"/x\"}", NULL, 125, 0 },
        { "{\"container\":0,\"get\":\"/x\",\"tty\":true}", NULL, 125, 0 },
        { "{\"container\":0,\"get\":\"/x\",\"args\":[\"sh\"]}", NULL, 125, 0 },
        { "{\"container\":0,\"put\":\"/x\"}", NULL, 125, 0 },
        { "{\"vm\":true,\"processes\":true}", NULL, 125, 0 },
        { "{\"container\":5,\"get\":\"/\"}", NULL, 125, 0 },
    };
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int code;

        live_pod_open(S1 + i, cases[i].request);
        if (strstr(cases[i].request, "stdin")) {
            live_pod_await(HX_CH_OPENED, S1 + i);
            live_pod_say(HX_CH_END, S1 + i, 0, NULL, 0);
        }
        code = live_pod_collect(S1 + i, out, sizeof(out), cases[i].outs);
        if (code != cases[i].code)
            fail_msg("%s: %d, %s", cases[i].request, code, out);
        if (cases[i].words && !strstr(out, cases[i].words))
            fail_msg("%s: %s", cases[i].request, out);
        live_pod_say(HX_CH_CLOSE, S1 + i, 0, NULL, 0);
    }
    live_pod_finish();
}

/* Links that lead out of the container lead nowhere else. */
static void links_stay_in_the_container(void **state)
{
    static char tar[16384];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    sh("mkdir /d && ln -s /../../../proc/1/root/d /l && echo in >/d/f", "");
    assert_int_equal(
        live_pod_run("{\"container\":0,\"get\":\"/l/f\"}", tar, sizeof(tar), 2),
        0);
    assert_non_null(memmem(tar, sizeof(tar), "in\n", 3));
    live_pod_finish();
}

static void processes_are_listed(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    if (access(HX_INIT_CGROUP "/cgroup.procs", F_OK) < 0) {
        live_pod_finish();
        skip();
    }
    assert_int_equal(live_pod_run("{\"container\":0,\"processes\":true}", out,
                                  sizeof(out), 2),
                     0);
    assert_ptr_equal(strstr(out, "1\t0\t0\t"), out);
    assert_non_null(strstr(out, "\tsleep 50\n"));
    live_pod_finish();
}

static void stats_are_read_from_the_kernels_texts(void **state)
{
    uint64_t in, out;

    (void)state;
    assert_int_equal(hx_init_stats_named("anon 1\nfile 22\n", "file"), 22);
    assert_int_equal(hx_init_stats_named("low 0\noom_kill 3\n", "oom_kill"), 3);
    assert_true(hx_init_stats_named("xfile 1\n", "file") == UINT64_MAX);
    assert_int_equal(hx_init_stats_sum("202:0 rbytes=5 wbytes=6 rios=1\n"
                                       "202:16 rbytes=7 wbytes=1\n",
                                       "rbytes"),
                     12);
    hx_init_stats_net("Inter-|   Receive  |  Transmit\n"
                      " face |bytes    packets\n"
                      "    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n"
                      "  eth0: 7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n"
                      "  eth1:1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n",
                      &in, &out);
    assert_int_equal(in, 8);
    assert_int_equal(out, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_go_both_ways),
        cmocka_unit_test(what_cannot_be_done_is_told),
        cmocka_unit_test(links_stay_in_the_container),
        cmocka_unit_test(processes_are_listed),
        cmocka_unit_test(stats_are_read_from_the_kernels_texts),
    };

    return cmocka_run_group_tests(tests, ramdisk_setup, NULL);
}
