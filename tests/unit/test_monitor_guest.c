/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's side of the channel and pv-init's, as they are, at the two
 * ends of a socket: what a container puts out is in its log exactly once,
 * however often the monitor dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain-builder/monitor/json-log.h"
#include "domain-builder/monitor/link.h"
#include "image/base/file.h"
#include "image/base/json.h"
#include "pv-init/control.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

#define TEXT_BYTES 400000u

struct scene {
    struct pod_fixture *fixture;
    struct hx_pod_dir dir;
    struct hx_init_control guest;
    struct hx_link link;
    struct hx_json_log log;
    int fd; /* the monitor's end */
    bool ended, done;
    char *text;
    size_t written;
    int pipe; /* the container's stdout; -1: closed */
};

static ssize_t read_socket(void *ctx, void *data, size_t len)
{
    ssize_t n = recv(*(int *)ctx, data, len, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return 0;
    return n == 0 ? -1 : n;
}

static ssize_t write_socket(void *ctx, const void *data, size_t len)
{
    ssize_t n = send(*(int *)ctx, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n < 0 && errno == EAGAIN ? 0 : n;
}

static void take(void *ctx, const struct hx_ch_frame *frame,
                 const uint8_t *payload)
{
    struct scene *scene = ctx;

    if (frame->session != 0 || frame->stream != HX_CH_STDOUT)
        return;
    if (frame->type == HX_CH_DATA)
        hx_json_log_add(&scene->log, HX_JSON_STDOUT, payload, frame->payload);
    if (frame->type == HX_CH_END) {
        hx_json_log_end(&scene->log, HX_JSON_STDOUT);
        scene->ended = true;
    }
}

/* A monitor is there; the first one, or after the last one's death. */
static void start_monitor(struct scene *scene)
{
    const struct hx_link_transport transport = { &scene->fd, read_socket,
                                                 write_socket };
    struct hx_err err = { 0 };
    int fds[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
        0);
    scene->fd = fds[0];
    hx_init_control_attach(&scene->guest, fds[1]);
    assert_int_equal(hx_json_log_open(&scene->log, &scene->dir, 0, 7,
                                      HX_JSON_LOG_MAX_BYTES, &err),
                     0);
    hx_link_begin(&scene->link, &transport, 1);
    for (unsigned k = 0; k < HX_JSON_STREAMS; k++)
        hx_link_start(&scene->link, 0, HX_CH_STDOUT + k,
                      hx_json_log_offset(&scene->log, k));
    scene->ended = false;
}

static void kill_monitor(struct scene *scene)
{
    hx_link_end(&scene->link);
    hx_json_log_close(&scene->log);
    close(scene->fd);
}

static void run_monitor(struct scene *scene)
{
    const struct hx_link_sink sink = { .ctx = scene, .frame = take };
    struct hx_err err = { 0 };

    assert_int_equal(hx_link_read(&scene->link, &sink, &err), 0);
    hx_json_log_write(&scene->log, false);
    hx_link_take(&scene->link, 0, HX_CH_STDOUT,
                 hx_json_log_offset(&scene->log, HX_JSON_STDOUT), scene->ended);
    scene->ended = false;
    assert_int_equal(hx_link_write(&scene->link, &err), 0);
}

static void run_guest(struct scene *scene)
{
    struct pollfd fds[HX_INIT_CONTROL_FDS];
    size_t count = hx_init_control_poll(&scene->guest, fds);

    poll(fds, count, 0);
    hx_init_control_polled(&scene->guest, fds);
    for (int i = 0; i < 10 && hx_init_control_run(&scene->guest); i++)
        ;
}

static void run_container(struct scene *scene)
{
    ssize_t n;

    if (scene->pipe < 0)
        return;
    n = write(scene->pipe, scene->text + scene->written,
              TEXT_BYTES - scene->written < 3000 ? TEXT_BYTES - scene->written
                                                 : 3000);
    scene->written += n > 0 ? (size_t)n : 0;
    if (scene->written < TEXT_BYTES)
        return;
    close(scene->pipe);
    scene->pipe = -1;
    hx_init_session_end(&scene->guest.sessions.list[0], 0, NULL);
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct hx_init_started started = { .pid = 1, .in = -1, .out = { -1, -1 } };
    int fds[2];
    uint32_t seed = 7;

    assert_non_null(scene);
    pod_fixture_setup((void **)&scene->fixture);
    pod_fixture_make(scene->fixture, "web", HX_POD_RUNNING, &scene->dir);
    scene->text = malloc(TEXT_BYTES);
    assert_non_null(scene->text);
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        seed = seed * 1664525 + 1013904223;
        scene->text[i] =
            (char)(seed >> 28 == 0 ? '\n' : 'a' + (seed >> 24) % 26);
    }
    hx_init_control_init(&scene->guest);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    scene->pipe = fds[1];
    started.out[0] = fds[0];
    hx_init_session_start(&scene->guest.sessions.list[0], &started);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    kill_monitor(scene);
    if (scene->pipe >= 0)
        close(scene->pipe);
    hx_pod_dir_release(&scene->dir);
    pod_fixture_teardown((void **)&scene->fixture);
    free(scene->text);
    free(scene);
    return 0;
}

static void log_is_the_text(const struct scene *scene)
{
    struct hx_buf text = { 0 }, all = HX_BUF_INIT(16u << 20);
    struct hx_err err = { 0 };

    assert_int_equal(hx_file_read(scene->log.path, 16u << 20, &text, &err), 0);
    for (const char *line = text.data; line && *line;) {
        const char *end = strchr(line, '\n');
        json_t *doc;

        assert_non_null(end);
        doc = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_non_null(doc);
        hx_buf_adds(&all, json_string_value(json_object_get(doc, "log")));
        json_decref(doc);
        line = end + 1;
    }
    assert_int_equal(all.len, TEXT_BYTES);
    assert_memory_equal(all.data, scene->text, TEXT_BYTES);
    hx_buf_release(&text);
    hx_buf_release(&all);
}

/* The monitor dies every so many turns; 0: never. */
static void run_all(struct scene *scene, unsigned turns)
{
    start_monitor(scene);
    for (unsigned i = 1; i < 200000; i++) {
        run_container(scene);
        run_guest(scene);
        run_monitor(scene);
        if (turns && i % turns == 0) {
            kill_monitor(scene);
            run_guest(scene);
            start_monitor(scene);
        }
        if (scene->pipe < 0 &&
            hx_init_session_done(&scene->guest.sessions.list[0]))
            break;
    }
    assert_true(hx_init_session_done(&scene->guest.sessions.list[0]));
    log_is_the_text(scene);
}

static void all_output_is_logged(void **state)
{
    run_all(*state, 0);
}

static void and_once_when_the_monitor_dies_again_and_again(void **state)
{
    run_all(*state, 13);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(all_output_is_logged),
        SCENE(and_once_when_the_monitor_dies_again_and_again),
    };

    return cmocka_run_group_tests_name("monitor_guest", tests, NULL, NULL);
}
