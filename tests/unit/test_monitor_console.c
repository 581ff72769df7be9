/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The console between xenconsoled and its viewers, with terminals of our own
 * in the place of both; and the logs' bounds.
 */
#include "domain-builder/monitor/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>

#include "image/base/file.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

/* xenconsoled's side: a raw terminal, of which it keeps both ends. */
struct daemon {
    int master, slave;
    char tty[32];
};

struct scene {
    struct pod_fixture *fixture;
    struct hx_pod_dir dir;
    struct hx_console console;
    struct daemon daemon;
};

static void daemon_start(struct daemon *daemon)
{
    struct termios mode;

    daemon->master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(daemon->master >= 0);
    assert_int_equal(grantpt(daemon->master), 0);
    assert_int_equal(unlockpt(daemon->master), 0);
    assert_int_equal(
        ptsname_r(daemon->master, daemon->tty, sizeof(daemon->tty)), 0);
    daemon->slave = open(daemon->tty, O_RDWR | O_NOCTTY);
    assert_int_equal(tcgetattr(daemon->slave, &mode), 0);
    cfmakeraw(&mode);
    tcsetattr(daemon->slave, TCSANOW, &mode);
}

static void daemon_stop(struct daemon *daemon)
{
    close(daemon->master);
    close(daemon->slave);
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct hx_err err = { 0 };
    struct hx_pod pod;

    assert_non_null(scene);
    pod_fixture_setup((void **)&scene->fixture);
    pod_fixture_make(scene->fixture, "web", HX_POD_RUNNING, &scene->dir);
    assert_int_equal(hx_pod_dir_load(&scene->dir, &pod, &err), 0);
    hx_pod_release(&pod);
    daemon_start(&scene->daemon);
    assert_int_equal(hx_console_open(&scene->console, &scene->dir, &err), 0);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    hx_console_close(&scene->console);
    daemon_stop(&scene->daemon);
    hx_pod_dir_release(&scene->dir);
    pod_fixture_teardown((void **)&scene->fixture);
    free(scene);
    return 0;
}

/* Serves until there is nothing to do. */
static void serve(struct scene *scene)
{
    struct pollfd fds[2];

    for (;;) {
        hx_console_poll(&scene->console, fds);
        fds[1].events &= POLLIN; /* a full terminal stays full */
        if (poll(fds, 2, 50) <= 0)
            return;
        hx_console_serve(&scene->console, fds);
    }
}

static void guest_says(struct scene *scene, const char *text)
{
    size_t len = strlen(text);

    while (len) {
        size_t part = len < 1000 ? len : 1000;

        assert_int_equal(write(scene->daemon.master, text, part), part);
        serve(scene);
        text += part;
        len -= part;
    }
}

static void file_is(const struct scene *scene, const char *name,
                    const char *content)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", scene->dir.path, name);
    assert_int_equal(hx_file_read(path, 0, &text, NULL), 0);
    assert_string_equal(text.data ? text.data : "", content);
}

static int view(const struct scene *scene)
{
    int fd = open(scene->console.link, O_RDWR | O_NOCTTY | O_NONBLOCK);

    assert_true(fd >= 0);
    return fd;
}

/* All that is there to be seen. */
static size_t look(int viewer, char *text, size_t size)
{
    struct pollfd pfd = { .fd = viewer, .events = POLLIN };
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && len < size - 1 && poll(&pfd, 1, 50) > 0) {
        n = read(viewer, text + len, size - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    text[len] = '\0';
    return len;
}

static void the_kernels_words_go_to_their_log_and_to_viewers(void **state)
{
    struct scene *scene = *state;
    char text[512];
    int viewer;

    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    viewer = view(scene);
    guest_says(scene, "boot\n");
    hx_console_add(&scene->console, "hello\n", 6);
    guest_says(scene, "down\n");
    look(viewer, text, sizeof(text));
    assert_string_equal(text, "boot\nhello\ndown\n");
    file_is(scene, "console.log", "boot\ndown\n");
    close(viewer);
}

static void typing_reaches_the_guest(void **state)
{
    struct scene *scene = *state;
    char text[64];
    int viewer;

    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    viewer = view(scene);
    assert_int_equal(write(viewer, "ls\r\003", 4), 4);
    serve(scene);
    fcntl(scene->daemon.master, F_SETFL, O_NONBLOCK);
    look(scene->daemon.master, text, sizeof(text));
    assert_string_equal(text, "ls\r\003");
    close(viewer);
}

static void a_viewer_who_does_not_read_sees_the_newest_later(void **state)
{
    struct scene *scene = *state;
    char line[32], *text = malloc(1 << 20);
    size_t len, shown;
    int viewer, first = -1, next;

    assert_non_null(text);
    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    viewer = view(scene);
    for (int i = 0; i < 20000; i += 10) {
        char block[256] = "";

        for (int k = i; k < i + 10; k++) {
            sprintf(line, "line %d\n", k);
            strcat(block, line);
        }
        assert_int_equal(write(scene->daemon.master, block, strlen(block)),
                         strlen(block));
        do {
            struct pollfd fds[2];

            hx_console_poll(&scene->console, fds);
            fds[1].revents = 0;
            assert_true(poll(fds, 1, 1000) > 0);
            hx_console_serve(&scene->console, fds);
        } while (scene->console.written < (uint64_t)i * 8);
    }
    serve(scene);
    shown = 0;
    do {
        struct pollfd fds[2];

        len = look(viewer, text + shown, (1 << 20) - shown);
        shown += len;
        hx_console_poll(&scene->console, fds);
        poll(fds, 2, 0);
        hx_console_serve(&scene->console, fds);
    } while (len);
    assert_true(shown < 64 * 1024);
    assert_non_null(strstr(text, "line 19999\n"));
    /* Without a gap from where it begins. */
    for (char *p = strchr(text, '\n') + 1; *p; p = strchr(p, '\n') + 1) {
        assert_int_equal(sscanf(p, "line %d", &next), 1);
        if (first >= 0)
            assert_int_equal(next, first + 1);
        first = next;
    }
    assert_int_equal(first, 19999);
    free(text);
    close(viewer);
}

/* -- xenconsoled comes and goes ---------------------------------------------
 */

static void a_new_xenconsoled_is_followed(void **state)
{
    struct scene *scene = *state;

    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    guest_says(scene, "one\n");
    daemon_stop(&scene->daemon);
    serve(scene);
    assert_int_equal(scene->console.upstream, -1);
    daemon_start(&scene->daemon);
    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    guest_says(scene, "two\n");
    file_is(scene, "console.log", "one\ntwo\n");
}

static void our_own_name_is_an_echo(void **state)
{
    struct scene *scene = *state;

    assert_false(hx_console_attach(&scene->console, ""));
    assert_false(hx_console_attach(&scene->console, scene->console.link));
    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    assert_false(hx_console_attach(&scene->console, scene->console.link));
    assert_true(scene->console.upstream >= 0);
    guest_says(scene, "x");
    file_is(scene, "console.log", "x");
}

static void names_that_are_no_terminal_are_not_opened(void **state)
{
    struct scene *scene = *state;

    assert_false(hx_console_attach(&scene->console, "/dev/null"));
    assert_false(hx_console_attach(&scene->console, "/dev/pts/../null"));
    assert_false(hx_console_attach(&scene->console, "/dev/pts/ptmx"));
    assert_int_equal(scene->console.upstream, -1);
}

/* -- a monitor that was killed ----------------------------------------------
 */

static void a_successor_takes_up_the_console(void **state)
{
    struct scene *scene = *state;
    struct hx_err err = { 0 };
    _cleanup_free_ char *link = NULL;

    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    guest_says(scene, "one\n");
    link = strdup(scene->console.link);
    hx_console_close(&scene->console);
    assert_int_equal(write(scene->daemon.master, "two\n", 4), 4);
    assert_int_equal(hx_console_open(&scene->console, &scene->dir, &err), 0);
    assert_true(hx_console_attach(&scene->console, link));
    serve(scene);
    guest_says(scene, "three\n");
    file_is(scene, "console.log", "one\ntwo\nthree\n");
}

static void a_successor_leaves_somebody_elses_terminal_alone(void **state)
{
    struct scene *scene = *state;
    struct hx_err err = { 0 };
    char before[32];

    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    strcpy(before, scene->daemon.tty);
    hx_console_close(&scene->console);
    /* The terminal ends, and its name is another's. */
    daemon_stop(&scene->daemon);
    usleep(20000); /* the clock of st_ctime ticks every few milliseconds */
    daemon_start(&scene->daemon);
    if (strcmp(before, scene->daemon.tty) != 0)
        skip();
    assert_int_equal(hx_console_open(&scene->console, &scene->dir, &err), 0);
    assert_false(hx_console_attach(&scene->console, scene->console.link));
    assert_false(hx_console_attach(&scene->console, before));
    assert_int_equal(scene->console.upstream, -1);
}

/* -- the end ----------------------------------------------------------------
 */

static void draining_may_wait_for_nothing(void **state)
{
    struct scene *scene = *state;

    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    assert_int_equal(write(scene->daemon.master, "bye\n", 4), 4);
    hx_console_drain(&scene->console, 0, 60000);
    file_is(scene, "console.log", "bye\n");
}

static void draining_ends_when_nothing_comes(void **state)
{
    struct scene *scene = *state;

    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    assert_int_equal(write(scene->daemon.master, "bye\n", 4), 4);
    hx_console_drain(&scene->console, 30, 60000);
    file_is(scene, "console.log", "bye\n");
}

static void the_panic_is_told(void **state)
{
    struct scene *scene = *state;
    char *panic;

    assert_true(hx_console_attach(&scene->console, scene->daemon.tty));
    assert_null(hx_console_panic(&scene->console));
    guest_says(scene, "out\n[ 1.2] Kernel panic - not syncing: \033[2Jx\r\n"
                      "[ 1.3] CPU: 0\r\n");
    panic = hx_console_panic(&scene->console);
    assert_string_equal(panic, "Kernel panic - not syncing: ?[2Jx");
    free(panic);
}

/* -- the logs' bounds -------------------------------------------------------
 */

static void a_log_stays_within_its_bound(void **state)
{
    struct scene *scene = *state;
    struct hx_bound_log log;
    struct hx_err err = { 0 };
    char path[200];

    snprintf(path, sizeof(path), "%s/small", scene->dir.path);
    assert_int_equal(hx_bound_log_open(&log, path, 10, &err), 0);
    hx_bound_log_write(&log, "01234567", 8);
    file_is(scene, "small", "01234567");
    hx_bound_log_write(&log, "89abc", 5);
    file_is(scene, "small.1", "0123456789");
    file_is(scene, "small", "abc");
    hx_bound_log_write(&log, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 26);
    file_is(scene, "small.1", "HIJKLMNOPQ");
    file_is(scene, "small", "RSTUVWXYZ");
    hx_bound_log_close(&log);

    assert_int_equal(hx_bound_log_open(&log, path, 10, &err), 0);
    hx_bound_log_write(&log, "12", 2);
    file_is(scene, "small.1", "RSTUVWXYZ1");
    file_is(scene, "small", "2");
    hx_bound_log_close(&log);
    hx_bound_log_close(&log);
}

static void a_log_that_cannot_be_renamed_begins_anew(void **state)
{
    struct scene *scene = *state;
    struct hx_bound_log log;
    struct hx_err err = { 0 };
    char path[200], older[210];

    snprintf(path, sizeof(path), "%s/small", scene->dir.path);
    snprintf(older, sizeof(older), "%s.1/x", path);
    assert_int_equal(hx_mkdir_p(older, 0700, &err), 0);
    assert_int_equal(hx_bound_log_open(&log, path, 10, &err), 0);
    hx_bound_log_write(&log, "0123456789ab", 12);
    file_is(scene, "small", "ab");
    hx_bound_log_close(&log);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(the_kernels_words_go_to_their_log_and_to_viewers),
        SCENE(typing_reaches_the_guest),
        SCENE(a_viewer_who_does_not_read_sees_the_newest_later),
        SCENE(a_new_xenconsoled_is_followed),
        SCENE(our_own_name_is_an_echo),
        SCENE(names_that_are_no_terminal_are_not_opened),
        SCENE(a_successor_takes_up_the_console),
        SCENE(a_successor_leaves_somebody_elses_terminal_alone),
        SCENE(draining_may_wait_for_nothing),
        SCENE(draining_ends_when_nothing_comes),
        SCENE(the_panic_is_told),
        SCENE(a_log_stays_within_its_bound),
        SCENE(a_log_that_cannot_be_renamed_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
