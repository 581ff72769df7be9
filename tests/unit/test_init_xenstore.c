/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pv-init's side of xenstore's wire protocol; the test is xenstored. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "pv-init/report.h"
#include "pv-init/xenstore.h"

struct link {
    struct hx_init_xs xs;
    int store;
    char taken[256];
    unsigned times;
};

static int open_link(void **state)
{
    struct link *link = calloc(1, sizeof(*link));
    int fds[2];

    if (!link || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
        return -1;
    hx_init_xs_init(&link->xs, fds[0]);
    link->store = fds[1];
    *state = link;
    return 0;
}

static int close_link(void **state)
{
    struct link *link = *state;

    if (link->xs.fd >= 0)
        close(link->xs.fd);
    close(link->store);
    free(link);
    return 0;
}

/* Exactly one message is waiting, of this type and with this payload. */
static uint32_t expect(struct link *link, uint32_t type, const char *payload,
                       size_t len)
{
    char buf[8192];
    struct xsd_sockmsg head;
    ssize_t n = read(link->store, buf, sizeof(buf));

    assert_true(n >= (ssize_t)sizeof(head));
    memcpy(&head, buf, sizeof(head));
    assert_int_equal(head.type, type);
    assert_int_equal(head.tx_id, 0);
    assert_int_equal(head.len, len);
    assert_int_equal(n, sizeof(head) + len);
    assert_memory_equal(buf + sizeof(head), payload, len);
    return head.req_id;
}

static void expect_nothing(struct link *link)
{
    char c;

    assert_int_equal(read(link->store, &c, 1), -1);
}

static void answer(struct link *link, uint32_t type, uint32_t req_id,
                   const char *payload, size_t len)
{
    struct xsd_sockmsg head = { type, req_id, 0, (uint32_t)len };

    assert_int_equal(write(link->store, &head, sizeof(head)), sizeof(head));
    assert_int_equal(write(link->store, payload, len), len);
}

static void taken(void *arg, const char *value)
{
    struct link *link = arg;

    snprintf(link->taken, sizeof(link->taken), "%s", value);
    link->times++;
}

#define BYTES(text) text, sizeof(text) - 1

static void one_request_is_under_way(void **state)
{
    struct link *link = *state;
    uint32_t id;

    hx_init_xs_write(&link->xs, "data/a", "1");
    hx_init_xs_write(&link->xs, "data/b", "two");
    hx_init_xs_write(&link->xs, "data/c", "");
    id = expect(link, XS_WRITE, BYTES("data/a\0001"));
    hx_init_xs_run(&link->xs);
    expect_nothing(link);
    answer(link, XS_WRITE, id, BYTES("OK\0"));
    hx_init_xs_run(&link->xs);
    id = expect(link, XS_WRITE, BYTES("data/b\0two"));
    expect_nothing(link);
    /* A refusal goes on with the next. */
    answer(link, XS_ERROR, id, BYTES("EACCES\0"));
    hx_init_xs_run(&link->xs);
    assert_int_equal(link->xs.lost, 1);
    id = expect(link, XS_WRITE, BYTES("data/c\0"));
    answer(link, XS_WRITE, id, BYTES("OK\0"));
    hx_init_xs_flush(&link->xs, 1000);
    assert_false(link->xs.under_way);
}

static void a_node_is_followed(void **state)
{
    struct link *link = *state;
    uint32_t id;

    hx_init_xs_follow(&link->xs, "hyper/request", taken, link);
    id = expect(link, XS_WATCH, BYTES("hyper/request\0hyper\0"));
    answer(link, XS_WATCH, id, BYTES("OK\0"));
    /* It fires at registration: the node is not there. */
    answer(link, XS_WATCH_EVENT, 0, BYTES("hyper/request\0hyper\0"));
    hx_init_xs_run(&link->xs);
    id = expect(link, XS_READ, BYTES("hyper/request\0"));
    answer(link, XS_ERROR, id, BYTES("ENOENT\0"));
    hx_init_xs_run(&link->xs);
    assert_int_equal(link->times, 0);
    assert_int_equal(link->xs.lost, 0);
    /* Values carry no NUL on the wire. */
    answer(link, XS_WATCH_EVENT, 0, BYTES("hyper/request\0hyper\0"));
    hx_init_xs_run(&link->xs);
    id = expect(link, XS_READ, BYTES("hyper/request\0"));
    answer(link, XS_READ, id, BYTES("1 kill 15"));
    answer(link, XS_WATCH_EVENT, 0, BYTES("hyper/request\0hyper\0"));
    hx_init_xs_run(&link->xs);
    assert_string_equal(link->taken, "1 kill 15");
    assert_int_equal(link->times, 1);
    expect(link, XS_READ, BYTES("hyper/request\0"));
}

static void answers_come_in_pieces(void **state)
{
    struct link *link = *state;
    struct xsd_sockmsg heads[2] = { { XS_WATCH, 2, 0, 3 },
                                    { XS_READ, 3, 0, 4096 } };
    static char stream[2 * sizeof(heads[0]) + 3 + 4096];
    size_t at = 0;

    memcpy(stream, &heads[0], sizeof(heads[0]));
    memcpy(stream + sizeof(heads[0]), "OK", 3);
    memcpy(stream + sizeof(heads[0]) + 3, &heads[1], sizeof(heads[1]));
    memset(stream + 2 * sizeof(heads[0]) + 3, 'v', 4096);
    hx_init_xs_follow(&link->xs, "n", taken, link);
    while (at < sizeof(stream)) {
        size_t piece = sizeof(stream) - at < 7 ? sizeof(stream) - at : 7;

        assert_int_equal(write(link->store, stream + at, piece), piece);
        at += piece;
        hx_init_xs_run(&link->xs);
    }
    assert_int_equal(link->times, 1);
    assert_int_equal(strlen(link->taken), sizeof(link->taken) - 1);
}

static void nonsense_ends_the_channel_only(void **state)
{
    struct link *link = *state;
    struct xsd_sockmsg head = { XS_READ, 3, 0, 4097 };

    hx_init_xs_write(&link->xs, "data/a", "1");
    assert_int_equal(write(link->store, &head, sizeof(head)), sizeof(head));
    hx_init_xs_run(&link->xs);
    assert_int_equal(hx_init_xs_fd(&link->xs), -1);
    hx_init_xs_write(&link->xs, "data/a", "2");
    hx_init_xs_run(&link->xs);
    hx_init_xs_flush(&link->xs, 60000); /* returns at once */
}

static void a_silent_store_is_not_waited_for(void **state)
{
    struct link *link = *state;
    uint64_t start_us = hx_init_now_us();

    hx_init_xs_write(&link->xs, "data/a", "1");
    hx_init_xs_flush(&link->xs, 50);
    assert_in_range(hx_init_now_us() - start_us, 45000, 5000000);
    /* And what does not fit the queue is dropped, not written past it. */
    for (int i = 0; i < 3000; i++)
        hx_init_xs_write(&link->xs, "data/a", "123456789");
    assert_true(link->xs.lost > 0);
    assert_true(link->xs.queue_len <= HX_INIT_XS_QUEUE_MAX);
}

static void reports(void **state)
{
    struct link *link = *state;
    struct hx_init_report report = { .xs = &link->xs };
    uint32_t id;

    report.stage_us[HX_INIT_STAGE_INIT] = 7;
    hx_init_report_error(&report, "first");
    hx_init_report_error(&report, "second");
    hx_init_report_exit(&report, 15, 137);
    hx_init_report_ack(&report, UINT64_MAX);
    hx_init_report_state(&report, "exited");
    id = expect(link, XS_WRITE, BYTES("data/hyper/error\0first"));
    answer(link, XS_WRITE, id, BYTES("OK\0"));
    hx_init_xs_run(&link->xs);
    expect(link, XS_WRITE, BYTES("data/hyper/exit/15\000137"));
    answer(link, XS_WRITE, id, BYTES("OK\0"));
    hx_init_xs_run(&link->xs);
    expect(link, XS_WRITE, BYTES("data/hyper/ack\00018446744073709551615"));
    answer(link, XS_WRITE, id, BYTES("OK\0"));
    hx_init_xs_run(&link->xs);
    expect(link, XS_WRITE, BYTES("data/hyper/stages\0init 7\n"));
    answer(link, XS_WRITE, id, BYTES("OK\0"));
    hx_init_xs_run(&link->xs);
    expect(link, XS_WRITE, BYTES("data/hyper/state\0exited"));
}

#define ON_LINK(test)                                                          \
    cmocka_unit_test_setup_teardown(test, open_link, close_link)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_LINK(one_request_is_under_way),
        ON_LINK(a_node_is_followed),
        ON_LINK(answers_come_in_pieces),
        ON_LINK(nonsense_ends_the_channel_only),
        ON_LINK(a_silent_store_is_not_waited_for),
        ON_LINK(reports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
