/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The containers' output: nothing lost, nothing waited for in vain. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/console.h"
#include "pv-init/relay.h"

static void make_pipe(int fds[2])
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/* One turn of the event loop; false when nothing would ever come. */
static bool turn(struct hx_init_relay *relay)
{
    struct pollfd fds[HX_INIT_RELAY_SOURCES + 1];
    size_t count = hx_init_relay_poll(relay, fds);

    if (count == 0 || poll(fds, count, 2000) <= 0)
        return false;
    hx_init_relay_run(relay);
    return true;
}

/* Takes what is in the pipe, without waiting. */
static size_t take(int fd, char *buf, size_t size)
{
    ssize_t n;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    n = read(fd, buf, size);
    return n < 0 ? 0 : (size_t)n;
}

static void a_slow_console_loses_nothing(void **state)
{
    static unsigned char data[300000], got[sizeof(data)];
    struct hx_init_relay relay;
    int console[2], out[2];
    size_t have = 0;
    pid_t writer;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 7 + i / 251);
    make_pipe(console);
    make_pipe(out);
    fcntl(console[1], F_SETPIPE_SZ, 4096);
    fcntl(console[1], F_SETFL, O_NONBLOCK);
    hx_init_relay_init(&relay, console[1]);
    writer = fork();
    if (writer == 0) {
        size_t at = 0;

        close(out[0]);
        while (at < sizeof(data)) {
            ssize_t n = write(out[1], data + at, sizeof(data) - at);

            if (n > 0)
                at += (size_t)n;
        }
        _exit(0);
    }
    close(out[1]);
    assert_int_equal(hx_init_relay_add(&relay, out[0], 0), 0);
    while (hx_init_relay_busy(&relay, 0)) {
        assert_true(turn(&relay));
        /* All of it: a pipe of one page is writable when it is empty. */
        have += take(console[0], (char *)got + have, sizeof(got) - have);
    }
    have += take(console[0], (char *)got + have, sizeof(got) - have);
    waitpid(writer, NULL, 0);
    assert_int_equal(have, sizeof(data));
    assert_memory_equal(got, data, sizeof(data));
    close(console[0]);
    close(console[1]);
}

static void a_foreign_holder_delays_no_end(void **state)
{
    struct hx_init_relay relay;
    int console[2], out[2];
    char got[64] = "";

    (void)state;
    make_pipe(console);
    make_pipe(out);
    fcntl(console[1], F_SETFL, O_NONBLOCK);
    hx_init_relay_init(&relay, console[1]);
    hx_init_relay_add(&relay, out[0], 3);
    assert_int_equal(write(out[1], "last words", 10), 10);
    hx_init_relay_run(&relay);
    assert_true(hx_init_relay_busy(&relay, 3)); /* it lives */
    assert_int_equal(write(out[1], "!", 1), 1);
    hx_init_relay_end(&relay, 3);
    hx_init_relay_run(&relay);
    assert_false(hx_init_relay_busy(&relay, 3)); /* though out[1] is open */
    assert_int_equal(take(console[0], got, sizeof(got) - 1), 11);
    assert_string_equal(got, "last words!");
    close(out[1]);
    close(console[0]);
    close(console[1]);
}

/* The end comes while the console is full: the rest follows when it is not. */
static void an_end_waits_for_the_console(void **state)
{
    static char data[40000], got[sizeof(data)];
    struct hx_init_relay relay;
    int console[2], out[2];
    size_t have = 0;

    (void)state;
    memset(data, 'x', sizeof(data));
    make_pipe(console);
    make_pipe(out);
    fcntl(console[1], F_SETPIPE_SZ, 4096);
    fcntl(console[1], F_SETFL, O_NONBLOCK);
    hx_init_relay_init(&relay, console[1]);
    hx_init_relay_add(&relay, out[0], 0);
    assert_int_equal(write(out[1], data, sizeof(data)), sizeof(data));
    hx_init_relay_run(&relay);
    hx_init_relay_end(&relay, 0);
    while (hx_init_relay_busy(&relay, 0)) {
        have += take(console[0], got + have, sizeof(got) - have);
        assert_true(turn(&relay));
    }
    have += take(console[0], got + have, sizeof(got) - have);
    assert_int_equal(have, sizeof(data));
    close(out[1]);
    close(console[0]);
    close(console[1]);
}

/* A holder that goes on writing gets no more than a pipe's worth. */
static void an_endless_holder_is_cut(void **state)
{
    struct hx_init_relay relay;
    int console = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)state;
    hx_init_relay_init(&relay, console);
    hx_init_relay_add(&relay, open("/dev/zero", O_RDONLY | O_CLOEXEC), 0);
    alarm(20);
    hx_init_relay_end(&relay, 0);
    hx_init_relay_run(&relay);
    assert_false(hx_init_relay_busy(&relay, 0));
    alarm(0);
    close(console);
}

static void sources_take_turns(void **state)
{
    struct hx_init_relay relay;
    int console[2], loud[2], soft[2];
    static char data[65536];
    char got[65536];
    size_t n;

    (void)state;
    memset(data, 'L', sizeof(data));
    make_pipe(console);
    make_pipe(loud);
    make_pipe(soft);
    fcntl(console[1], F_SETFL, O_NONBLOCK);
    hx_init_relay_init(&relay, console[1]);
    hx_init_relay_add(&relay, loud[0], 0);
    hx_init_relay_add(&relay, soft[0], 1);
    assert_true(write(loud[1], data, sizeof(data)) > 0);
    assert_int_equal(write(soft[1], "soft", 4), 4);
    turn(&relay);
    n = take(console[0], got, sizeof(got));
    assert_int_equal(n, HX_INIT_RELAY_CHUNK + 4);
    assert_memory_equal(got + HX_INIT_RELAY_CHUNK, "soft", 4);
    close(loud[0]);
    close(loud[1]);
    close(soft[0]);
    close(soft[1]);
    close(console[0]);
    close(console[1]);
}

static void a_broken_console_stops_nobody(void **state)
{
    struct hx_init_relay relay;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC), out[2];

    (void)state;
    make_pipe(out);
    hx_init_relay_init(&relay, full);
    hx_init_relay_add(&relay, out[0], 0);
    assert_int_equal(write(out[1], "x", 1), 1);
    close(out[1]);
    while (hx_init_relay_busy(&relay, 0))
        assert_true(turn(&relay));
    close(full);
}

static void there_are_places_for_all(void **state)
{
    struct hx_init_relay relay;
    int fds[2];

    (void)state;
    make_pipe(fds);
    hx_init_relay_init(&relay, -1);
    for (int i = 0; i < HX_INIT_RELAY_SOURCES; i++)
        assert_int_equal(hx_init_relay_add(&relay, fds[0], 0), 0);
    assert_int_equal(hx_init_relay_add(&relay, fds[0], 0), -1);
    assert_int_equal(errno, ENOSPC);
    close(fds[0]);
    close(fds[1]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_console_loses_nothing),
        cmocka_unit_test(a_foreign_holder_delays_no_end),
        cmocka_unit_test(an_end_waits_for_the_console),
        cmocka_unit_test(an_endless_holder_is_cut),
        cmocka_unit_test(sources_take_turns),
        cmocka_unit_test(a_broken_console_stops_nobody),
        cmocka_unit_test(there_are_places_for_all),
        cmocka_unit_test(the_console_is_raw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
