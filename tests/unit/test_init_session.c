/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions in a pod that runs: execs, their streams, and connections that end
 * in the middle.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/live_pod.h"

/* -- execs -------------------------------------------------------------------
 */

static void an_exec_is_in_its_container(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    assert_int_equal(
        live_pod_run(
            "{\"container\":0,\"args\":[\"sh\",\"-c\",\"cat /proc/1/comm; "
            "echo $A $B $C $HOME; pwd; id; readlink /proc/1/root; "
            "grep CapEff /proc/self/status; hostname; exit 42\"],"
            "\"env\":[\"B=3\",\"C=4\"]}",
            out, sizeof(out), 2),
        42);
    assert_ptr_equal(strstr(out, "sleep\n1 3 4 /root\n/\nuid=0(root) gid=0"),
                     out);
    assert_non_null(strstr(out, "/\nCapEff:\t00000000a80425fb\nweb\n"));
    live_pod_finish();
}

/* dom0 may say what it has taken, nothing, before there is a process. */
static void what_is_taken_early_ends_nothing(void **state)
{
    char out[64];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    live_pod_open(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\","
                      "\"echo out; echo err >&2\"]}");
    peer_taken(&live_peer, S1, HX_CH_STDOUT, 0);
    peer_taken(&live_peer, S1, HX_CH_STDERR, 0);
    assert_int_equal(live_pod_collect(S1, out, sizeof(out), 2), 0);
    assert_non_null(strstr(out, "out\n"));
    assert_non_null(strstr(out, "err\n"));
    live_pod_finish();
}

static void exit_codes_are_dockers(void **state)
{
    static const struct {
        const char *request;
        int code;
        unsigned outs;
    } cases[] = {
        { "{\"container\":0,\"args\":[\"sh\",\"-c\",\"exit 7\"]}", 7, 2 },
        { "{\"container\":0,\"args\":[\"no-such\"]}", 127, 0 },
        { "{\"container\":0,\"args\":[\"/etc\"]}", 126, 0 },
        { "{\"container\":0,\"args\":[\"text\"]}", 126, 0 },
        { "{\"container\":0,\"args\":[\"sh\"],\"user\":\"nobody-here\"}", 125,
          0 },
        { "{\"container\":0,\"args\":[\"sh\"],\"cwd\":\"/no/such\"}", 125, 0 },
        { "{\"container\":3,\"args\":[\"sh\"]}", 125, 0 },
        { "{\"container\":0,\"args\":[]}", 125, 0 },
        { "{", 125, 0 },
        { "{\"container\":0,\"args\":[\"sh\",\"-c\",\"kill -9 $$\"]}", 137, 2 },
        { "{\"vm\":true,\"args\":[\"no-such\"]}", 127, 0 },
    };
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int code =
            live_pod_run(cases[i].request, out, sizeof(out), cases[i].outs);

        if (code != cases[i].code)
            fail_msg("%s: %d, not %d: %s", cases[i].request, code,
                     cases[i].code, (char *)live_peer.payload);
        /* Who did not start tells why. */
        assert_int_equal(live_peer.frame.payload == 0, cases[i].outs > 0);
    }
    live_pod_finish();
}

static void users_and_power_are_as_asked(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    assert_int_equal(
        live_pod_run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"id -u; "
                     "pwd; grep CapEff /proc/self/status\"],"
                     "\"user\":\"bob\",\"cwd\":\"/home/bob\"}",
                     out, sizeof(out), 2),
        0);
    assert_string_equal(out, "1000\n/home/bob\nCapEff:\t0000000000000000\n");
    assert_int_equal(
        live_pod_run("{\"container\":0,\"privileged\":true,\"args\":[\"sh\""
                     ",\"-c\",\"mount -t tmpfs x /home && echo yes\"]}",
                     out, sizeof(out), 2),
        0);
    assert_string_equal(out, "yes\n");
    live_pod_finish();
}

/* All of the domain, with the image's programs; and what is mounted there
 * reaches no one else. */
static void with_vm_all_of_the_domain_is_seen(void **state)
{
    char request[512], out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    snprintf(request, sizeof(request),
             "{\"vm\":true,\"args\":[\"sh\",\"-c\",\"test -d /proc/%d && "
             "echo sees; pwd; grep bob /etc/passwd; test -c /dev/null && "
             "test -d /sys/kernel && test -x /bin/text && "
             "mount -t tmpfs x /home && ls /home && echo mounted; "
             "grep Seccomp: /proc/self/status\"]}",
             (int)live_pod);
    assert_int_equal(live_pod_run(request, out, sizeof(out), 2), 0);
    assert_string_equal(out, "sees\n/\nbob:x:1000:1000::/home/bob:\nmounted\n"
                             "Seccomp:\t0\n");
    assert_int_equal(
        live_pod_run("{\"container\":0,\"args\":[\"ls\",\"/home\"]}", out,
                     sizeof(out), 2),
        0);
    assert_string_equal(out, "bob\n");
    assert_int_equal(
        live_pod_run("{\"vm\":true,\"tty\":true,\"args\":[\"tty\"]}", out,
                     sizeof(out), 1),
        0);
    assert_string_equal(out, "/dev/pts/0\r\n");
    live_pod_finish();
}

static void with_vm_the_container_may_have_ended(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD("\"tty\":false,", "exit 3"));
    peer_taken(&live_peer, 0, HX_CH_STDOUT, 0);
    peer_taken(&live_peer, 0, HX_CH_STDERR, 0);
    assert_int_equal(live_pod_collect(0, out, sizeof(out), 2), 3);
    assert_int_equal(
        live_pod_run("{\"vm\":true,\"args\":[\"sh\",\"-c\",\"id -u\"]}", out,
                     sizeof(out), 2),
        0);
    assert_string_equal(out, "0\n");
    live_pod_finish();
}

static void stdin_ends_and_bytes_are_bytes(void **state)
{
    static uint8_t data[300000], got[sizeof(data)];
    uint64_t sent = 0, window = 0;
    size_t have = 0;
    bool ended = false;

    NEED(state);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    live_pod_begin(LIVE_POD_SLEEPS);
    live_pod_open(S1, "{\"container\":0,\"args\":[\"cat\"],\"stdin\":true}");
    live_pod_await(HX_CH_OPENED, S1);
    assert_true(live_peer.frame.value > 1);
    while (!ended) {
        struct hx_ch_frame frame;

        while (!peer_next(&live_peer))
            assert_true(peer_read(&live_peer));
        frame = live_peer.frame;
        if (frame.type == HX_CH_TAKEN)
            window = (frame.value & ~HX_CH_TAKEN_END) + HX_CH_WINDOW;
        else if (frame.type == HX_CH_DATA) {
            assert_int_equal(frame.value, have);
            memcpy(got + have, live_peer.payload, frame.payload);
            have += frame.payload;
            peer_taken(&live_peer, S1, frame.stream, have);
        }
        ended = frame.type == HX_CH_ENDED;
        while (sent < sizeof(data) && sent + 10000 <= window) {
            live_pod_say(HX_CH_DATA, S1, sent, data + sent, 10000);
            sent += 10000;
            if (sent == sizeof(data))
                live_pod_say(HX_CH_END, S1, sent, NULL, 0);
        }
    }
    assert_int_equal(live_peer.frame.value, 0);
    assert_int_equal(have, sizeof(data));
    assert_memory_equal(got, data, sizeof(data));
    live_pod_finish();
}

static void a_terminal_has_a_size_and_an_end(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    live_pod_open(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\",\"tty; "
                      "echo $TERM; stty size; read a; stty size; cat; "
                      "echo over\"],\"tty\":true,\"stdin\":true,\"rows\":30,"
                      "\"columns\":100}");
    live_pod_await(HX_CH_OPENED, S1);
    live_pod_say(HX_CH_RESIZE, S1, 50 << 16 | 132, NULL, 0);
    live_pod_say(HX_CH_DATA, S1, 0, "go\nlast", 7);
    live_pod_say(HX_CH_END, S1, 7, NULL, 0);
    assert_int_equal(live_pod_collect(S1, out, sizeof(out), 1), 0);
    /* What is typed is echoed, perhaps between these lines. */
    assert_non_null(strstr(out, "/dev/pts/0\r\n"));
    assert_non_null(strstr(out, "xterm\r\n"));
    assert_non_null(strstr(out, "50 132\r\n"));
    assert_non_null(strstr(out, "over\r\n"));
    live_pod_finish();
}

static void signals_reach_the_group(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    live_pod_open(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\",\"trap 'echo "
                      "one; exit 5' TERM; echo up; while :; do sleep 0.05; "
                      "done\"]}");
    live_pod_await(HX_CH_DATA, S1);
    peer_taken(&live_peer, S1, HX_CH_STDOUT, 3);
    live_pod_say(HX_CH_SIGNAL, S1, 15, NULL, 0);
    assert_int_equal(live_pod_collect(S1, out, sizeof(out), 2), 5);
    assert_string_equal(out, "one\n");
    live_pod_open(S2, "{\"container\":0,\"args\":[\"sh\",\"-c\","
                      "\"sleep 50; echo never\"]}");
    live_pod_await(HX_CH_OPENED, S2);
    peer_send(&live_peer,
              (struct hx_ch_frame){ .type = HX_CH_SIGNAL,
                                    .flags = HX_CH_FLAG_GROUP,
                                    .session = S2,
                                    .value = 9 },
              NULL);
    assert_int_equal(live_pod_collect(S2, out, sizeof(out), 2), 137);
    assert_string_equal(out, "");
    live_pod_finish();
}

static void a_containers_end_ends_its_execs(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    live_pod_open(S1, "{\"container\":0,\"args\":[\"sleep\",\"50\"]}");
    live_pod_await(HX_CH_OPENED, S1);
    live_pod_say(HX_CH_SIGNAL, 0, 9, NULL, 0);
    assert_int_equal(live_pod_collect(S1, out, sizeof(out), 2), 137);
    assert_int_equal(live_pod_run("{\"container\":0,\"args\":[\"sh\"]}", out,
                                  sizeof(out), 0),
                     125);
    assert_non_null(
        strstr((char *)live_peer.payload, "container c does not run"));
    live_pod_finish();
}

static void sessions_are_bounded(void **state)
{
    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    for (unsigned i = 0; i <= HX_CH_SESSIONS_MAX; i++)
        live_pod_open(S1 + i, "{\"container\":0,\"args\":[\"sleep\",\"50\"]}");
    live_pod_await(HX_CH_ENDED, S1 + HX_CH_SESSIONS_MAX);
    assert_int_equal(live_peer.frame.value, 125);
    live_pod_say(HX_CH_CLOSE, S1, 0, NULL, 0);
    live_pod_open(S2, "{\"container\":0,\"args\":[\"sleep\",\"50\"]}");
    live_pod_await(HX_CH_OPENED, S2);
    live_pod_finish();
}

static void a_long_request_comes_in_pieces(void **state)
{
    static char value[40000], json[41000];
    char out[64];
    size_t len, at;

    NEED(state);
    memset(value, 'v', sizeof(value) - 1);
    snprintf(json, sizeof(json),
             "{\"container\":0,\"args\":[\"sh\",\"-c\",\"echo ${#LONG}\"],"
             "\"env\":[\"LONG=%s\"]}",
             value);
    len = strlen(json);
    live_pod_begin(LIVE_POD_SLEEPS);
    for (at = 0; at < len; at += 16000) {
        size_t n = len - at < 16000 ? len - at : 16000;

        peer_send(
            &live_peer,
            (struct hx_ch_frame){ .type = HX_CH_OPEN,
                                  .session = S1,
                                  .flags = at + n < len ? HX_CH_FLAG_MORE : 0,
                                  .payload = (uint32_t)n },
            json + at);
    }
    assert_int_equal(live_pod_collect(S1, out, sizeof(out), 2), 0);
    assert_string_equal(out, "39999\n");
    live_pod_finish();
}

/* -- connections -------------------------------------------------------------
 */

/* Every line once, though the connection ends after each few frames. */
static void a_new_connection_goes_on_where_it_was(void **state)
{
    static char all[400000];
    char line[16], *at = all;
    uint64_t taken = 0;
    bool ended = false;

    NEED(state);
    live_pod_begin(LIVE_POD("\"tty\":false,", "seq 1 30000; exit 3"));
    for (unsigned turn = 0; !ended; turn++) {
        unsigned frames = 0;

        if (turn > 0)
            live_pod_join();
        peer_taken(&live_peer, 0, HX_CH_STDERR, 0);
        peer_taken(&live_peer, 0, HX_CH_STDOUT, taken);
        while (!ended && frames++ < 4) {
            live_pod_await(HX_CH_DATA, 0);
            assert_int_equal(live_peer.frame.value, taken);
            memcpy(all + taken, live_peer.payload, live_peer.frame.payload);
            taken += live_peer.frame.payload;
            /* Every second one is told; the others are known from the log. */
            if (frames % 2)
                peer_taken(&live_peer, 0, HX_CH_STDOUT, taken);
            ended = taken >= 6 && !memcmp(all + taken - 6, "30000\n", 6);
        }
    }
    peer_taken(&live_peer, 0, HX_CH_STDOUT, taken);
    live_pod_await(HX_CH_ENDED, 0);
    assert_int_equal(live_peer.frame.value, 3);
    for (int i = 1; i <= 30000; i++) {
        snprintf(line, sizeof(line), "%d\n", i);
        assert_int_equal(strncmp(at, line, strlen(line)), 0);
        at += strlen(line);
    }
    assert_int_equal(at - all, taken);
    live_pod_finish();
}

static void an_exec_is_resumed_or_gone(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    live_pod_open(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\",\"echo one; "
                      "read a; echo $a; exit 6\"],\"stdin\":true}");
    live_pod_await(HX_CH_DATA, S1);
    live_pod_join();
    live_pod_say(HX_CH_RESUME, S2, 0, NULL, 0);
    live_pod_await(HX_CH_GONE, S2);
    live_pod_say(HX_CH_RESUME, S1, 0, NULL, 0);
    live_pod_await(HX_CH_OPENED, S1);
    peer_taken(&live_peer, S1, HX_CH_STDOUT, 0);
    peer_taken(&live_peer, S1, HX_CH_STDERR, 0);
    live_pod_say(HX_CH_DATA, S1, 0, "two\n", 4);
    assert_int_equal(live_pod_collect(S1, out, sizeof(out), 2), 6);
    assert_string_equal(out, "one\ntwo\n");
    live_pod_say(HX_CH_CLOSE, S1, 0, NULL, 0);
    live_pod_say(HX_CH_RESUME, S1, 0, NULL, 0);
    live_pod_await(HX_CH_GONE, S1);
    live_pod_finish();
}

static void who_is_closed_goes_on(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    live_pod_open(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\","
                      "\"read a; seq 1 40000 && touch /done\"],"
                      "\"stdin\":true}");
    live_pod_await(HX_CH_OPENED, S1);
    live_pod_say(HX_CH_CLOSE, S1, 0, NULL, 0);
    assert_int_equal(
        live_pod_run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"until "
                     "test -e /done; do sleep 0.05; done\"]}",
                     out, sizeof(out), 2),
        0);
    live_pod_finish();
}

static void a_stalled_reader_blocks_no_other(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    live_pod_open(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\","
                      "\"while :; do echo loud; done\"]}");
    live_pod_await(HX_CH_DATA, S1);
    assert_int_equal(
        live_pod_run("{\"container\":0,\"args\":[\"echo\",\"soft\"]}", out,
                     sizeof(out), 2),
        0);
    assert_string_equal(out, "soft\n");
    live_pod_finish();
}

static void a_container_has_a_stdin(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD("\"stdin\":true,\"tty\":false,", "cat; exit 8"));
    live_pod_await(HX_CH_TAKEN, 0);
    peer_taken(&live_peer, 0, HX_CH_STDOUT, 0);
    peer_taken(&live_peer, 0, HX_CH_STDERR, 0);
    live_pod_say(HX_CH_DATA, 0, 0, "given\n", 6);
    live_pod_say(HX_CH_END, 0, 6, NULL, 0);
    assert_int_equal(live_pod_collect(0, out, sizeof(out), 2), 8);
    assert_string_equal(out, "given\n");
    live_pod_finish();
}

static void a_detached_exec_says_nothing(void **state)
{
    char out[8192];

    NEED(state);
    live_pod_begin(LIVE_POD_SLEEPS);
    assert_int_equal(
        live_pod_run("{\"container\":0,\"detach\":true,\"args\":[\"sh\","
                     "\"-c\",\"echo quiet; exit 3\"]}",
                     out, sizeof(out), 0),
        3);
    assert_string_equal(out, "");
    assert_int_equal(
        live_pod_run("{\"container\":0,\"detach\":true,\"tty\":true,"
                     "\"args\":[\"sh\",\"-c\",\"tty && exit 4\"]}",
                     out, sizeof(out), 0),
        4);
    assert_string_equal(out, "");
    live_pod_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exec_is_in_its_container),
        cmocka_unit_test(what_is_taken_early_ends_nothing),
        cmocka_unit_test(exit_codes_are_dockers),
        cmocka_unit_test(users_and_power_are_as_asked),
        cmocka_unit_test(with_vm_all_of_the_domain_is_seen),
        cmocka_unit_test(with_vm_the_container_may_have_ended),
        cmocka_unit_test(stdin_ends_and_bytes_are_bytes),
        cmocka_unit_test(a_terminal_has_a_size_and_an_end),
        cmocka_unit_test(signals_reach_the_group),
        cmocka_unit_test(a_containers_end_ends_its_execs),
        cmocka_unit_test(sessions_are_bounded),
        cmocka_unit_test(a_long_request_comes_in_pieces),
        cmocka_unit_test(a_new_connection_goes_on_where_it_was),
        cmocka_unit_test(an_exec_is_resumed_or_gone),
        cmocka_unit_test(who_is_closed_goes_on),
        cmocka_unit_test(a_stalled_reader_blocks_no_other),
        cmocka_unit_test(a_container_has_a_stdin),
        cmocka_unit_test(a_detached_exec_says_nothing),
    };

    return cmocka_run_group_tests(tests, ramdisk_setup, NULL);
}
