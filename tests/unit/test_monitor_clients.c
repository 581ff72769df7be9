/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands on the monitor's socket, with a guest of ours behind it.
 */
#include "domain-builder/monitor/clients.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "image/base/file.h"
#include "tests/unit/guest_fixture.h"
#include "tests/unit/unit.h"

#define EXEC UINT64_C(0x1234567890)

struct scene {
    char folder[64], path[80];
    struct guest_fixture guest;
    struct hx_link link;
    struct hx_clients *clients;
    unsigned clocks;
};

/* What a command got. */
struct got {
    struct hx_ch_frame frame; /* type 0: nothing; 255: the socket has ended */
    uint8_t payload[HX_CH_PAYLOAD_MAX];
};

static void tell_time(void *ctx)
{
    ((struct scene *)ctx)->clocks++;
}

static void take(void *ctx, const struct hx_ch_frame *frame,
                 const uint8_t *payload)
{
    hx_clients_take(((struct scene *)ctx)->clients, frame, payload);
}

/* One turn of the monitor's loop. */
static void turn(struct scene *scene)
{
    const struct hx_link_sink sink = { .ctx = scene, .frame = take };
    static struct pollfd fds[HX_CLIENTS_FDS];
    size_t count = hx_clients_poll(scene->clients, fds);

    poll(fds, count, 0);
    assert_int_equal(hx_link_read(&scene->link, &sink, NULL), 0);
    hx_clients_serve(scene->clients, fds, count);
    assert_int_equal(hx_link_write(&scene->link, NULL), 0);
}

static void turns(struct scene *scene)
{
    for (int i = 0; i < 20; i++)
        turn(scene);
}

static void begin(struct scene *scene)
{
    hx_link_begin(&scene->link, &scene->guest.transport, 2);
    guest_hello(&scene->guest, 1, 1);
    turn(scene);
    while (guest_gets(&scene->guest).type)
        ;
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct hx_err err = { 0 };

    assert_non_null(scene);
    strcpy(scene->folder, "/tmp/hx-clients-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof(scene->path), "%s/control", scene->folder);
    guest_fixture_init(&scene->guest);
    assert_int_equal(hx_clients_open(scene->path, &scene->link, tell_time,
                                     scene, &scene->clients, &err),
                     0);
    begin(scene);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    hx_clients_close(scene->clients);
    hx_link_end(&scene->link);
    guest_fixture_release(&scene->guest);
    hx_rm_rf(scene->folder, NULL);
    free(scene);
    return 0;
}

/* -- commands ---------------------------------------------------------------
 */

static int command(const struct scene *scene)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

    strcpy(addr.sun_path, scene->path);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

static bool says(int fd, struct hx_ch_frame frame, const void *payload)
{
    uint8_t message[HX_CH_FRAME_MAX];

    hx_ch_encode(&frame, message);
    if (frame.payload)
        memcpy(message + HX_CH_HEADER_BYTES, payload, frame.payload);
    return send(fd, message, HX_CH_HEADER_BYTES + frame.payload,
                MSG_NOSIGNAL) >= 0;
}

static void says_frame(int fd, enum hx_ch_type type, uint64_t session,
                       unsigned stream, uint64_t value)
{
    assert_true(says(fd,
                     (struct hx_ch_frame){ .type = (uint8_t)type,
                                           .stream = (uint8_t)stream,
                                           .session = session,
                                           .value = value },
                     NULL));
}

static void says_data(int fd, uint64_t session, uint64_t offset,
                      const char *text)
{
    assert_true(says(fd,
                     (struct hx_ch_frame){ .type = HX_CH_DATA,
                                           .session = session,
                                           .value = offset,
                                           .payload = (uint32_t)strlen(text) },
                     text));
}

static void opens(int fd, uint64_t session)
{
    assert_true(says(fd,
                     (struct hx_ch_frame){
                         .type = HX_CH_OPEN, .session = session, .payload = 2 },
                     "{}"));
}

static struct got gets(int fd)
{
    uint8_t message[HX_CH_FRAME_MAX + 1];
    struct got got = { 0 };
    ssize_t n = recv(fd, message, sizeof(message), 0);

    if (n < 0) {
        assert_true(errno == EAGAIN || errno == ECONNRESET);
        got.frame.type = errno == EAGAIN ? 0 : 255;
        return got;
    }
    if (n == 0) {
        got.frame.type = 255;
        return got;
    }
    assert_true(n >= (ssize_t)HX_CH_HEADER_BYTES);
    assert_int_equal(hx_ch_decode(message, &got.frame), 0);
    assert_int_equal(n, HX_CH_HEADER_BYTES + got.frame.payload);
    memcpy(got.payload, message + HX_CH_HEADER_BYTES, got.frame.payload);
    return got;
}

/* The next frame is this one. */
static struct got gets_type(int fd, enum hx_ch_type type, uint64_t session,
                            uint64_t value)
{
    struct got got = gets(fd);

    assert_int_equal(got.frame.type, type);
    assert_int_equal(got.frame.session, session);
    assert_int_equal(got.frame.value, value);
    return got;
}

static struct hx_ch_frame guest_gets_type(struct scene *scene,
                                          enum hx_ch_type type,
                                          uint64_t session, uint64_t value)
{
    struct hx_ch_frame frame = guest_gets(&scene->guest);

    assert_int_equal(frame.type, type);
    assert_int_equal(frame.session, session);
    assert_int_equal(frame.value, value);
    return frame;
}

/* -- exec -------------------------------------------------------------------
 */

static void an_exec_goes_through(void **state)
{
    struct scene *scene = *state;
    int fd = command(scene);
    struct got got;

    opens(fd, EXEC);
    turns(scene);
    guest_gets_type(scene, HX_CH_OPEN, EXEC, 0);
    guest_frame(&scene->guest, HX_CH_OPENED, EXEC, 0, 7);
    guest_frame(&scene->guest, HX_CH_TAKEN, EXEC, HX_CH_STDIN, 0);
    guest_data(&scene->guest, EXEC, HX_CH_STDOUT, 0, "hello", 5);
    guest_frame(&scene->guest, HX_CH_END, EXEC, HX_CH_STDOUT, 5);
    guest_sends(
        &scene->guest,
        (struct hx_ch_frame){
            .type = HX_CH_ENDED, .session = EXEC, .value = 126, .payload = 3 },
        "why");
    turns(scene);
    gets_type(fd, HX_CH_OPENED, EXEC, 7);
    gets_type(fd, HX_CH_TAKEN, EXEC, 0);
    got = gets_type(fd, HX_CH_DATA, EXEC, 0);
    assert_memory_equal(got.payload, "hello", 5);
    gets_type(fd, HX_CH_END, EXEC, 5);
    got = gets_type(fd, HX_CH_ENDED, EXEC, 126);
    assert_memory_equal(got.payload, "why", 3);
    says_data(fd, EXEC, 0, "input");
    says_frame(fd, HX_CH_TAKEN, EXEC, HX_CH_STDOUT, HX_CH_TAKEN_END | 5);
    says_frame(fd, HX_CH_SIGNAL, EXEC, 0, 15);
    turns(scene);
    guest_gets_type(scene, HX_CH_DATA, EXEC, 0);
    guest_gets_type(scene, HX_CH_TAKEN, EXEC, HX_CH_TAKEN_END | 5);
    guest_gets_type(scene, HX_CH_SIGNAL, EXEC, 15);
    close(fd);
    turns(scene);
    guest_gets_type(scene, HX_CH_CLOSE, EXEC, 0);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
    assert_null(hx_link_find(&scene->link, EXEC));
}

static void anothers_session_is_gone(void **state)
{
    struct scene *scene = *state;
    int first = command(scene), second = command(scene);

    opens(first, EXEC);
    turns(scene);
    guest_gets_type(scene, HX_CH_OPEN, EXEC, 0);
    opens(second, EXEC);
    opens(second, HX_CH_SESSION_MIN - 1);
    says_data(second, EXEC, 0, "evil");
    says_frame(second, HX_CH_RESUME, EXEC, 0, 0);
    says_frame(second, HX_CH_SIGNAL, 0, 0, 9); /* without ATTACH */
    says_frame(second, HX_CH_CLOSE, EXEC, 0, 0);
    turns(scene);
    gets_type(second, HX_CH_GONE, EXEC, 0);
    gets_type(second, HX_CH_GONE, HX_CH_SESSION_MIN - 1, 0);
    gets_type(second, HX_CH_GONE, EXEC, 0);
    gets_type(second, HX_CH_GONE, EXEC, 0);
    gets_type(second, HX_CH_GONE, 0, 0);
    assert_int_equal(gets(second).frame.type, 0);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
    close(second);
    turns(scene);
    assert_non_null(hx_link_find(&scene->link, EXEC));
    close(first);
}

static void one_session_too_many_is_refused(void **state)
{
    struct scene *scene = *state;
    int fd = command(scene);
    struct got got;

    for (unsigned i = 0; i <= HX_CH_SESSIONS_MAX; i++) {
        opens(fd, EXEC + i);
        turn(scene);
    }
    turns(scene);
    got = gets_type(fd, HX_CH_GONE, EXEC + HX_CH_SESSIONS_MAX, 0);
    assert_non_null(memmem(got.payload, got.frame.payload, "too many", 8));
    close(fd);
}

static void a_session_is_resumed_or_opened_again(void **state)
{
    struct scene *scene = *state;
    int fd = command(scene);

    says_frame(fd, HX_CH_RESUME, EXEC, 0, 0);
    says_frame(fd, HX_CH_TAKEN, EXEC, HX_CH_STDOUT, 1000);
    turns(scene);
    guest_gets_type(scene, HX_CH_RESUME, EXEC, 0);
    guest_gets_type(scene, HX_CH_TAKEN, EXEC, 1000);
    guest_data(&scene->guest, EXEC, HX_CH_STDOUT, 1000, "more", 4);
    turns(scene);
    gets_type(fd, HX_CH_DATA, EXEC, 1000);
    guest_frame(&scene->guest, HX_CH_GONE, EXEC, 0, 0);
    turns(scene);
    gets_type(fd, HX_CH_GONE, EXEC, 0);
    opens(fd, EXEC);
    turns(scene);
    guest_gets_type(scene, HX_CH_OPEN, EXEC, 0);
    guest_data(&scene->guest, EXEC, HX_CH_STDOUT, 0, "new", 3);
    turns(scene);
    gets_type(fd, HX_CH_DATA, EXEC, 0);
    close(fd);
}

/* -- who does not read ------------------------------------------------------
 */

static void one_that_does_not_read_holds_up_nobody(void **state)
{
    struct scene *scene = *state;
    int slow = command(scene), quick = command(scene);
    uint64_t next[2] = { 0, 0 };
    struct got got;

    opens(slow, EXEC);
    opens(quick, EXEC + 1);
    turns(scene);
    /* The whole windows, byte by byte and by turns. */
    for (unsigned i = 0; i < HX_CH_WINDOW; i++) {
        guest_data(&scene->guest, EXEC, HX_CH_STDOUT, i, "o", 1);
        guest_data(&scene->guest, EXEC, HX_CH_STDERR, i, "e", 1);
    }
    guest_frame(&scene->guest, HX_CH_END, EXEC, HX_CH_STDOUT, HX_CH_WINDOW);
    guest_frame(&scene->guest, HX_CH_END, EXEC, HX_CH_STDERR, HX_CH_WINDOW);
    guest_frame(&scene->guest, HX_CH_ENDED, EXEC, 0, 0);
    guest_data(&scene->guest, EXEC + 1, HX_CH_STDOUT, 0, "hi", 2);
    while (scene->guest.read_at < scene->guest.from.len)
        turn(scene);
    gets_type(quick, HX_CH_DATA, EXEC + 1, 0);
    do {
        got = gets(slow);
        turn(scene);
        if (got.frame.type == HX_CH_DATA) {
            unsigned k = got.frame.stream - HX_CH_STDOUT;

            assert_int_equal(got.frame.value, next[k]);
            assert_int_equal(got.payload[0], k ? 'e' : 'o');
            next[k] += got.frame.payload;
        } else if (got.frame.type == HX_CH_END) {
            assert_int_equal(next[got.frame.stream - HX_CH_STDOUT],
                             HX_CH_WINDOW);
        }
    } while (got.frame.type != HX_CH_ENDED);
    assert_int_equal(next[0], HX_CH_WINDOW);
    assert_int_equal(next[1], HX_CH_WINDOW);
    close(slow);
    close(quick);
}

static void one_that_asks_and_does_not_read_is_not_read(void **state)
{
    struct scene *scene = *state;
    int fd = command(scene);
    unsigned asked = 0, answers = 0;

    for (unsigned i = 0; i < 100000; i++) {
        if (!says(fd,
                  (struct hx_ch_frame){ .type = HX_CH_SIGNAL,
                                        .session = EXEC + 9 },
                  NULL)) {
            turns(scene);
            if (!says(fd,
                      (struct hx_ch_frame){ .type = HX_CH_SIGNAL,
                                            .session = EXEC + 9 },
                      NULL))
                break;
        }
        asked++;
    }
    assert_in_range(asked, 100, 99999);
    for (unsigned i = 0; i < 100 * asked && answers < asked; i++) {
        answers += gets(fd).frame.type == HX_CH_GONE;
        turn(scene);
    }
    assert_int_equal(answers, asked);
    close(fd);
}

static void a_guest_that_does_not_read_stops_commands_and_no_more(void **state)
{
    struct scene *scene = *state;
    int fd = command(scene);
    char text[1001];
    unsigned sent = 0, came = 0;

    memset(text, 'x', sizeof(text));
    text[1000] = '\0';
    opens(fd, EXEC);
    turns(scene);
    guest_gets_type(scene, HX_CH_OPEN, EXEC, 0);
    scene->guest.room = 0;
    for (unsigned i = 0; i < 10000; i++) {
        if (!says(fd,
                  (struct hx_ch_frame){
                      .type = HX_CH_DATA, .session = EXEC, .payload = 1000 },
                  text)) {
            turns(scene);
            if (hx_link_room(&scene->link) < HX_CH_FRAME_MAX)
                break;
            continue;
        }
        sent++;
    }
    assert_true(hx_link_room(&scene->link) < HX_CH_FRAME_MAX);
    assert_int_equal(gets(fd).frame.type, 0);
    scene->guest.room = SIZE_MAX;
    for (unsigned i = 0; i < sent; i++) {
        turn(scene);
        while (guest_gets(&scene->guest).type == HX_CH_DATA)
            came++;
    }
    assert_int_equal(came, sent);
    close(fd);
}

/* -- attach -----------------------------------------------------------------
 */

static void two_may_write_to_a_container(void **state)
{
    struct scene *scene = *state;
    int first = command(scene), second = command(scene);

    says_frame(first, HX_CH_ATTACH, 1, 0, 0);
    turns(scene);
    assert_int_equal(gets(first).frame.type, 0); /* it does not run yet */
    guest_frame(&scene->guest, HX_CH_OPENED, 1, 0, 1);
    guest_frame(&scene->guest, HX_CH_TAKEN, 1, HX_CH_STDIN, 50);
    turns(scene);
    gets_type(first, HX_CH_TAKEN, 1, 50);
    says_frame(second, HX_CH_ATTACH, 1, 0, 0);
    turns(scene);
    gets_type(second, HX_CH_TAKEN, 1, 50);
    says_data(first, 1, 50, "abc");
    turns(scene);
    says_data(second, 1, 50, "de");
    turns(scene);
    says_data(first, 1, 53, "f");
    says_frame(first, HX_CH_RESIZE, 1, 0, 24 << 16 | 80);
    turns(scene);
    guest_gets_type(scene, HX_CH_DATA, 1, 50);
    guest_gets_type(scene, HX_CH_DATA, 1, 53);
    guest_gets_type(scene, HX_CH_DATA, 1, 55);
    guest_gets_type(scene, HX_CH_RESIZE, 1, 24 << 16 | 80);
    guest_frame(&scene->guest, HX_CH_TAKEN, 1, HX_CH_STDIN, 55);
    turns(scene);
    gets_type(first, HX_CH_TAKEN, 1, 53);
    gets_type(second, HX_CH_TAKEN, 1, 52);
    guest_frame(&scene->guest, HX_CH_TAKEN, 1, HX_CH_STDIN, 56);
    turns(scene);
    gets_type(first, HX_CH_TAKEN, 1, 54);
    says_frame(second, HX_CH_END, 1, HX_CH_STDIN, 52);
    turns(scene);
    guest_gets_type(scene, HX_CH_END, 1, 56);
    assert_int_equal(gets(second).frame.type, 0);
    guest_frame(&scene->guest, HX_CH_TAKEN, 1, HX_CH_STDIN,
                HX_CH_TAKEN_END | 56);
    turns(scene);
    gets_type(first, HX_CH_TAKEN, 1, HX_CH_TAKEN_END | 54);
    gets_type(second, HX_CH_TAKEN, 1, HX_CH_TAKEN_END | 52);
    says_data(first, 1, 54, "late");
    turns(scene);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
    close(first);
    close(second);
}

static void what_does_not_fit_is_held(void **state)
{
    struct scene *scene = *state;
    int fd = command(scene);
    char *text = calloc(1, HX_CH_PAYLOAD_MAX + 1);
    const uint64_t window = HX_CH_WINDOW;

    assert_non_null(text);
    memset(text, 'x', HX_CH_PAYLOAD_MAX);
    guest_frame(&scene->guest, HX_CH_OPENED, 0, 0, 1);
    guest_frame(&scene->guest, HX_CH_TAKEN, 0, HX_CH_STDIN, 0);
    says_frame(fd, HX_CH_ATTACH, 0, 0, 0);
    for (unsigned i = 0; i < 5; i++) {
        turns(scene);
        says_data(fd, 0, (uint64_t)i * HX_CH_PAYLOAD_MAX, text);
    }
    turns(scene);
    for (unsigned i = 0; i < 4; i++)
        guest_gets_type(scene, HX_CH_DATA, 0, (uint64_t)i * HX_CH_PAYLOAD_MAX);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
    guest_frame(&scene->guest, HX_CH_TAKEN, 0, HX_CH_STDIN, HX_CH_PAYLOAD_MAX);
    turns(scene);
    guest_gets_type(scene, HX_CH_DATA, 0, window);
    free(text);
    close(fd);
}

static void a_container_without_input_says_so(void **state)
{
    struct scene *scene = *state;
    int fd = command(scene), late;

    guest_frame(&scene->guest, HX_CH_OPENED, 0, 0, 1);
    says_frame(fd, HX_CH_ATTACH, 0, 0, 0);
    says_frame(fd, HX_CH_ATTACH, 2, 0, 0); /* there are two */
    turns(scene);
    gets_type(fd, HX_CH_GONE, 2, 0);
    while (hx_clients_timeout_ms(scene->clients) > 0)
        poll(NULL, 0, hx_clients_timeout_ms(scene->clients));
    turns(scene);
    gets_type(fd, HX_CH_GONE, 0, 0);
    assert_int_equal(hx_clients_timeout_ms(scene->clients), -1);
    says_frame(fd, HX_CH_SIGNAL, 0, 0, 15);
    turns(scene);
    guest_gets_type(scene, HX_CH_SIGNAL, 0, 15);
    /* And at once, to those who come later or to one that has ended. */
    late = command(scene);
    guest_frame(&scene->guest, HX_CH_ENDED, 1, 0, 0);
    says_frame(late, HX_CH_ATTACH, 0, 0, 0);
    says_frame(late, HX_CH_ATTACH, 1, 0, 0);
    turns(scene);
    gets_type(late, HX_CH_GONE, 0, 0);
    gets_type(late, HX_CH_GONE, 1, 0);
    close(fd);
    close(late);
}

/* -- the rest ---------------------------------------------------------------
 */

static void stats_find_who_asked(void **state)
{
    struct scene *scene = *state;
    int first = command(scene), second = command(scene);
    struct hx_ch_frame frame;

    says_frame(first, HX_CH_STATS, 1, 0, 0);
    turns(scene);
    says_frame(second, HX_CH_STATS, 1, 0, 1);
    turns(scene);
    frame = guest_gets(&scene->guest);
    assert_int_equal(frame.value, 0);
    guest_frame(&scene->guest, HX_CH_STATS, guest_gets(&scene->guest).session,
                0, 1);
    guest_frame(&scene->guest, HX_CH_STATS, frame.session, 0, 0);
    guest_frame(&scene->guest, HX_CH_STATS, frame.session, 0, 0);
    guest_frame(&scene->guest, HX_CH_STATS, 0, 0, 0);
    guest_frame(&scene->guest, HX_CH_STATS, UINT64_MAX, 0, 0);
    turns(scene);
    gets_type(first, HX_CH_STATS, 1, 0);
    gets_type(second, HX_CH_STATS, 1, 1);
    assert_int_equal(gets(first).frame.type, 0);
    says_frame(first, HX_CH_CLOCK, 0, 0, 0);
    says_frame(first, 200, 0, 0, 0); /* of a newer command */
    turns(scene);
    assert_int_equal(scene->clocks, 1);
    assert_int_equal(gets(first).frame.type, 0);
    close(first);
    close(second);
}

static void nonsense_ends_a_client(void **state)
{
    static const struct hx_ch_frame nonsense[] = {
        { .type = HX_CH_TAKEN, .stream = 1, .session = EXEC, .value = 1 },
        { .type = HX_CH_TAKEN, .session = EXEC },
        { .type = HX_CH_DATA, .stream = 1, .session = EXEC },
    };
    struct scene *scene = *state;
    int fd;

    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        fd = command(scene);
        opens(fd, EXEC);
        says(fd, nonsense[i], NULL);
        turns(scene);
        assert_int_equal(gets(fd).frame.type, 255);
        guest_gets_type(scene, HX_CH_OPEN, EXEC, 0);
        guest_gets_type(scene, HX_CH_CLOSE, EXEC, 0);
        close(fd);
    }
    fd = command(scene);
    assert_int_equal(send(fd, "hello", 5, 0), 5);
    turns(scene);
    assert_int_equal(gets(fd).frame.type, 255);
    close(fd);
}

static void a_lost_guest_ends_all_clients(void **state)
{
    struct scene *scene = *state;
    int fd = command(scene), late;

    opens(fd, EXEC);
    turns(scene);
    hx_clients_lost(scene->clients);
    hx_link_end(&scene->link);
    assert_int_equal(gets(fd).frame.type, 255);
    close(fd);
    /* Who comes while there is none waits. */
    late = command(scene);
    says_frame(late, HX_CH_RESUME, EXEC, 0, 0);
    hx_link_begin(&scene->link, &scene->guest.transport, 2);
    turns(scene);
    scene->guest.seen_at = scene->guest.to.len;
    guest_hello(&scene->guest, 1, 1);
    turns(scene);
    guest_gets_type(scene, HX_CH_RESUME, EXEC, 0);
    close(late);
}

static void there_is_room_for_many(void **state)
{
    struct scene *scene = *state;
    int fds[HX_CLIENTS_MAX + 1];

    for (unsigned i = 0; i <= HX_CLIENTS_MAX; i++) {
        fds[i] = command(scene);
        turn(scene);
        says_frame(fds[i], HX_CH_ATTACH, 9, 0, 0);
    }
    turns(scene);
    for (unsigned i = 0; i < HX_CLIENTS_MAX; i++)
        gets_type(fds[i], HX_CH_GONE, 9, 0);
    assert_int_equal(gets(fds[HX_CLIENTS_MAX]).frame.type, 0);
    close(fds[5]);
    turns(scene);
    gets_type(fds[HX_CLIENTS_MAX], HX_CH_GONE, 9, 0);
    for (unsigned i = 0; i <= HX_CLIENTS_MAX; i++) {
        if (i != 5)
            close(fds[i]);
    }
}

static void the_socket_is_its_owners(void **state)
{
    struct scene *scene = *state;
    struct hx_clients *next = NULL;
    struct stat st;

    assert_int_equal(stat(scene->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    /* A successor takes over the name. */
    assert_int_equal(hx_clients_open(scene->path, &scene->link, tell_time,
                                     scene, &next, NULL),
                     0);
    hx_clients_close(scene->clients);
    scene->clients = next;
    close(command(scene));
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(an_exec_goes_through),
        SCENE(anothers_session_is_gone),
        SCENE(one_session_too_many_is_refused),
        SCENE(a_session_is_resumed_or_opened_again),
        SCENE(one_that_does_not_read_holds_up_nobody),
        SCENE(one_that_asks_and_does_not_read_is_not_read),
        SCENE(a_guest_that_does_not_read_stops_commands_and_no_more),
        SCENE(two_may_write_to_a_container),
        SCENE(what_does_not_fit_is_held),
        SCENE(a_container_without_input_says_so),
        SCENE(stats_find_who_asked),
        SCENE(nonsense_ends_a_client),
        SCENE(a_lost_guest_ends_all_clients),
        SCENE(there_is_room_for_many),
        SCENE(the_socket_is_its_owners),
    };

    return cmocka_run_group_tests_name("monitor_clients", tests, NULL, NULL);
}
