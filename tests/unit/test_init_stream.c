/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams: nothing lost or repeated, nothing waited for in vain. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "pv-init/console.h"
#include "pv-init/stream.h"

static struct hx_init_out out;
static struct hx_init_in in;
static struct hx_init_err err;

static void make_pipe(int fds[2])
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/* An output over a pipe; its writing end. */
static int start_out(void)
{
    int fds[2];

    make_pipe(fds);
    hx_init_out_start(&out, fds[0]);
    return fds[1];
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Sends one frame into `to`, at its offset; false when there is none. */
static bool send_one(uint8_t *to, struct hx_ch_frame *frame_r)
{
    const uint8_t *payload;

    if (!hx_init_out_next(&out, frame_r, &payload))
        return false;
    if (frame_r->payload > 0)
        memcpy(to + frame_r->value, payload, frame_r->payload);
    hx_init_out_sent(&out, frame_r);
    return true;
}

/* -- outputs -----------------------------------------------------------------
 */

static void nothing_is_sent_before_a_taken(void **state)
{
    struct hx_ch_frame frame;
    uint8_t got[64];
    int end = start_out();

    (void)state;
    put(end, "hello");
    out.readable = true;
    assert_true(hx_init_out_fill(&out));
    assert_false(send_one(got, &frame));
    assert_int_equal(hx_init_out_taken(&out, 0), 0);
    assert_true(send_one(got, &frame));
    assert_int_equal(frame.type, HX_CH_DATA);
    assert_int_equal(frame.payload, 5);
    assert_false(send_one(got, &frame));
    close(end);
    out.readable = true;
    hx_init_out_fill(&out);
    assert_true(send_one(got, &frame));
    assert_int_equal(frame.type, HX_CH_END);
    assert_int_equal(frame.value, 5);
    assert_false(send_one(got, &frame));
    assert_false(hx_init_out_done(&out));
    assert_int_equal(hx_init_out_taken(&out, 5), 0);
    assert_false(hx_init_out_done(&out));
    assert_int_equal(hx_init_out_taken(&out, 5 | HX_CH_TAKEN_END), 0);
    assert_true(hx_init_out_done(&out));
    hx_init_out_release(&out);
}

/* A window's worth is kept, and no more is read. */
static void a_window_bounds_what_is_kept(void **state)
{
    static char data[HX_CH_WINDOW];
    int end = start_out();

    (void)state;
    fcntl(end, F_SETPIPE_SZ, 1 << 18);
    memset(data, 'x', sizeof(data));
    assert_int_equal(write(end, data, sizeof(data)), sizeof(data));
    put(end, "more");
    hx_init_out_fill(&out);
    assert_int_equal(out.end - out.start, HX_CH_WINDOW);
    assert_false(hx_init_out_wants(&out));
    assert_int_equal(hx_init_out_taken(&out, 10), 0);
    hx_init_out_fill(&out);
    assert_int_equal(out.end, HX_CH_WINDOW + 4);
    assert_true(hx_init_out_wants(&out));
    assert_int_equal(hx_init_out_taken(&out, out.end), 0);
    assert_null(out.kept); /* given back */
    close(end);
    hx_init_out_release(&out);
}

/* What was taken is not sent again, what was sent only is. */
static void a_connection_goes_on_where_dom0_is(void **state)
{
    static uint8_t data[150000], got[sizeof(data)];
    size_t written = 0, taken = 0;
    struct hx_ch_frame frame;
    int end = start_out();
    bool over = false;

    (void)state;
    fcntl(end, F_SETFL, O_NONBLOCK);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    for (unsigned connection = 0; !over; connection++) {
        hx_init_out_reconnect(&out);
        assert_int_equal(hx_init_out_taken(&out, taken), 0);
        for (unsigned turn = 0; turn < 5 && !over; turn++) {
            ssize_t n = write(end, data + written, sizeof(data) - written);

            written += n > 0 ? (size_t)n : 0;
            if (written == sizeof(data) && end >= 0) {
                close(end);
                end = -1;
            }
            out.readable = true;
            hx_init_out_fill(&out);
            if (!send_one(got, &frame))
                continue;
            over = frame.type == HX_CH_END;
            /* The last one of a connection is lost on its way. */
            if (turn < 4)
                taken = (size_t)frame.value + frame.payload;
            if (turn % 2)
                assert_int_equal(hx_init_out_taken(&out, taken), 0);
        }
        assert_true(connection < 100);
    }
    assert_int_equal(frame.value, sizeof(data));
    assert_memory_equal(got, data, sizeof(data));
    /* The END again, when dom0 does not say that it has it. */
    hx_init_out_reconnect(&out);
    assert_int_equal(hx_init_out_taken(&out, sizeof(data)), 0);
    assert_true(send_one(got, &frame));
    assert_int_equal(frame.type, HX_CH_END);
    hx_init_out_release(&out);
}

static void a_wrong_taken_is_refused(void **state)
{
    int end = start_out();

    (void)state;
    put(end, "hello");
    hx_init_out_fill(&out);
    assert_int_equal(hx_init_out_taken(&out, 6), -1);
    assert_int_equal(hx_init_out_taken(&out, 5 | HX_CH_TAKEN_END), -1);
    assert_int_equal(hx_init_out_taken(&out, 3), 0);
    assert_int_equal(hx_init_out_taken(&out, 1), 0); /* late, no harm */
    assert_int_equal(out.start, 3);
    close(end);
    hx_init_out_release(&out);
}

static void a_foreign_holder_delays_no_end(void **state)
{
    int end = start_out();

    (void)state;
    put(end, "last words");
    hx_init_out_fill(&out);
    assert_true(out.fd >= 0); /* it lives */
    put(end, "!");
    hx_init_out_end(&out);
    hx_init_out_fill(&out);
    assert_int_equal(out.fd, -1); /* though `end` is open */
    assert_int_equal(out.end, 11);
    close(end);
    hx_init_out_release(&out);
}

/* A holder that goes on writing gets no more than a pipe's worth. */
static void an_endless_holder_is_cut(void **state)
{
    (void)state;
    hx_init_out_start(&out, open("/dev/zero", O_RDONLY | O_CLOEXEC));
    alarm(20);
    hx_init_out_end(&out);
    while (out.fd >= 0) {
        hx_init_out_fill(&out);
        assert_int_equal(hx_init_out_taken(&out, out.end), 0);
    }
    assert_int_equal(out.end, HX_INIT_STREAM_REST);
    alarm(0);
    hx_init_out_release(&out);
}

static void what_is_dropped_is_read_on(void **state)
{
    static char data[60000];
    int end = start_out();

    (void)state;
    hx_init_out_drop(&out);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(write(end, data, sizeof(data)), sizeof(data));
        out.readable = true;
        hx_init_out_fill(&out);
    }
    assert_null(out.kept);
    assert_false(hx_init_out_done(&out));
    close(end);
    out.readable = true;
    hx_init_out_fill(&out);
    assert_true(hx_init_out_done(&out));
    hx_init_out_release(&out);
}

/* -- inputs ------------------------------------------------------------------
 */

static int start_in(void)
{
    int fds[2];

    make_pipe(fds);
    hx_init_in_start(&in, fds[1], false);
    return fds[0];
}

static int data(uint64_t offset, const char *text)
{
    return hx_init_in_data(&in, offset, (const uint8_t *)text, strlen(text),
                           &err);
}

static void an_input_comes_in_order_and_once(void **state)
{
    char got[64] = "";
    int end = start_in();

    (void)state;
    assert_true(hx_init_in_due(&in)); /* the first one opens the window */
    assert_int_equal(hx_init_in_tell(&in), 0);
    assert_int_equal(data(0, "one"), 0);
    assert_int_equal(data(0, "one"), 0);   /* again */
    assert_int_equal(data(1, "netwo"), 0); /* and with something new */
    assert_int_equal(data(7, "gap"), -1);
    assert_non_null(strstr(err.msg, "gap"));
    hx_init_in_give(&in);
    assert_int_equal(read(end, got, sizeof(got)), 6);
    assert_string_equal(got, "onetwo");
    assert_true(hx_init_in_due(&in));
    assert_int_equal(hx_init_in_tell(&in), 6);
    assert_int_equal(hx_init_in_end(&in, 5, &err), -1);
    assert_int_equal(hx_init_in_end(&in, 6, &err), 0);
    hx_init_in_give(&in);
    assert_true(hx_init_in_due(&in));
    assert_true(hx_init_in_tell(&in) == (6 | HX_CH_TAKEN_END));
    assert_int_equal(read(end, got, sizeof(got)), 0);
    assert_int_equal(data(6, "late"), -1);
    close(end);
    hx_init_in_release(&in);
}

static void a_window_bounds_what_is_pending(void **state)
{
    static uint8_t bytes[HX_CH_WINDOW];
    int end = start_in();

    (void)state;
    fcntl(in.fd, F_SETPIPE_SZ, 4096);
    assert_int_equal(hx_init_in_data(&in, 0, bytes, sizeof(bytes), &err), 0);
    assert_int_equal(data(sizeof(bytes), "x"), -1);
    assert_non_null(strstr(err.msg, "window"));
    hx_init_in_give(&in);
    assert_true(in.blocked);
    assert_true(hx_init_in_wants(&in));
    assert_true(in.given >= 4096);
    /* END behind what is pending: it comes last. */
    assert_int_equal(hx_init_in_end(&in, sizeof(bytes), &err), 0);
    assert_false(hx_init_in_tell(&in) & HX_CH_TAKEN_END);
    while (in.fd >= 0) {
        uint8_t got[4096];

        assert_true(read(end, got, sizeof(got)) > 0);
        in.blocked = false;
        hx_init_in_give(&in);
    }
    assert_true(hx_init_in_tell(&in) == (sizeof(bytes) | HX_CH_TAKEN_END));
    assert_null(in.pending);
    close(end);
    hx_init_in_release(&in);
}

static void a_closed_reader_takes_everything(void **state)
{
    (void)state;
    close(start_in());
    assert_int_equal(data(0, "lost"), 0);
    hx_init_in_give(&in);
    assert_int_equal(in.fd, -1);
    assert_int_equal(data(4, "too"), 0);
    assert_int_equal(hx_init_in_tell(&in), 7);
    assert_int_equal(hx_init_in_end(&in, 7, &err), 0);
    assert_true(hx_init_in_tell(&in) == (7 | HX_CH_TAKEN_END));
    hx_init_in_release(&in);
}

static void a_terminals_input_ends_as_a_person_ends_it(void **state)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
    char got[64] = "";

    (void)state;
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        skip();
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    hx_init_in_start(&in, master, true);
    assert_int_equal(data(0, "a\nunfinished"), 0);
    assert_int_equal(hx_init_in_end(&in, 12, &err), 0);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    master = fcntl(master, F_DUPFD_CLOEXEC, 0); /* as the output holds it */
    hx_init_in_give(&in);
    assert_int_equal(in.fd, -1);
    assert_int_equal(read(slave, got, sizeof(got)), 2);
    assert_int_equal(read(slave, got, sizeof(got)), 10);
    assert_memory_equal(got, "unfinished", 10);
    assert_int_equal(read(slave, got, sizeof(got)), 0); /* the end */
    close(slave);
    close(master);
    hx_init_in_release(&in);
}

/* A raw console changes no byte; the pty stands for it. */
static void the_console_is_raw(void **state)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
    char got[16] = "";

    (void)state;
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        skip();
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    hx_init_console_make_raw(slave);
    assert_int_equal(hx_init_console_write(slave, "a\nb\t\x03", 5, -1), 0);
    assert_int_equal(read(master, got, sizeof(got)), 5);
    assert_memory_equal(got, "a\nb\t\x03", 5);
    close(slave);
    close(master);
}

static int ignore_pipes(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_before_a_taken),
        cmocka_unit_test(a_window_bounds_what_is_kept),
        cmocka_unit_test(a_connection_goes_on_where_dom0_is),
        cmocka_unit_test(a_wrong_taken_is_refused),
        cmocka_unit_test(a_foreign_holder_delays_no_end),
        cmocka_unit_test(an_endless_holder_is_cut),
        cmocka_unit_test(what_is_dropped_is_read_on),
        cmocka_unit_test(an_input_comes_in_order_and_once),
        cmocka_unit_test(a_window_bounds_what_is_pending),
        cmocka_unit_test(a_closed_reader_takes_everything),
        cmocka_unit_test(a_terminals_input_ends_as_a_person_ends_it),
        cmocka_unit_test(the_console_is_raw),
    };

    return cmocka_run_group_tests(tests, ignore_pipes, NULL);
}
