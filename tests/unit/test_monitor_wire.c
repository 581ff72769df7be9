/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The monitor's connection to xenstored, with ourselves as xenstored: what is
 * to be answered is written before it is asked. */
#include "domain-builder/monitor/xen_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#include "tests/unit/unit.h"

struct scene {
    struct hx_wire wire;
    int peer;
};

static void setup(struct scene *scene)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    hx_wire_init(&scene->wire, fds[0]);
    scene->peer = fds[1];
}

static void teardown(struct scene *scene)
{
    hx_wire_close(&scene->wire);
    close(scene->peer);
}

static void say(struct scene *scene, uint32_t type, uint32_t req_id,
                const char *payload, size_t len)
{
    struct xsd_sockmsg head = { .type = type, .req_id = req_id };

    head.len = (uint32_t)len;
    assert_int_equal(write(scene->peer, &head, sizeof(head)), sizeof(head));
    assert_int_equal(write(scene->peer, payload, len), len);
}

static void fire(struct scene *scene, const char *path, const char *token)
{
    char payload[128];
    size_t path_len = strlen(path) + 1, token_len = strlen(token) + 1;

    memcpy(payload, path, path_len);
    memcpy(payload + path_len, token, token_len);
    say(scene, XS_WATCH_EVENT, 0, payload, path_len + token_len);
}

static void a_request_is_as_the_protocol_wants_it(void **state)
{
    struct xsd_sockmsg head;
    struct scene scene;
    char payload[64];

    (void)state;
    setup(&scene);
    say(&scene, XS_WRITE, 1, "OK", 3);
    assert_int_equal(hx_wire_write(&scene.wire, "/a/b", "value"), 0);
    assert_int_equal(read(scene.peer, &head, sizeof(head)), sizeof(head));
    assert_int_equal(head.type, XS_WRITE);
    assert_int_equal(head.req_id, 1);
    assert_int_equal(head.tx_id, 0);
    assert_int_equal(head.len, 10);
    assert_int_equal(read(scene.peer, payload, sizeof(payload)), 10);
    assert_memory_equal(payload, "/a/b\0value", 10);

    say(&scene, XS_WATCH, 2, "OK", 3);
    assert_int_equal(hx_wire_watch(&scene.wire, "/a", 7), 0);
    assert_int_equal(read(scene.peer, &head, sizeof(head)), sizeof(head));
    assert_int_equal(read(scene.peer, payload, sizeof(payload)), 5);
    assert_memory_equal(payload, "/a\0007\0", 5);
    teardown(&scene);
}

static void events_before_an_answer_are_kept(void **state)
{
    struct scene scene;

    (void)state;
    setup(&scene);
    fire(&scene, "/x", "0");
    fire(&scene, "/y", "2");
    say(&scene, XS_READ, 1, "three", 5);
    assert_int_equal(hx_wire_read(&scene.wire, "/a"), 0);
    assert_int_equal(scene.wire.len, 5);
    assert_string_equal(scene.wire.payload, "three");
    assert_int_equal(scene.wire.events, 1 | 4);
    teardown(&scene);
}

static void a_thousand_events_are_one_bit(void **state)
{
    static const char body[] = "/local/domain/1/data/hyper/x\0001";
    struct xsd_sockmsg head = { .type = XS_WATCH_EVENT, .len = sizeof(body) };
    static char flood[1000 * (sizeof(head) + sizeof(body))];
    struct scene scene;
    char *p = flood;

    (void)state;
    setup(&scene);
    for (int i = 0; i < 1000; i++) {
        p = (char *)memcpy(p, &head, sizeof(head)) + sizeof(head);
        p = (char *)memcpy(p, body, sizeof(body)) + sizeof(body);
    }
    assert_int_equal(write(scene.peer, flood, sizeof(flood)), sizeof(flood));
    hx_wire_take_events(&scene.wire, 50);
    assert_int_equal(scene.wire.received, 50);
    assert_int_equal(scene.wire.events, 2);
    hx_wire_take_events(&scene.wire, 5000);
    assert_int_equal(scene.wire.received, 1000);
    assert_false(scene.wire.lost);
    hx_wire_take_events(&scene.wire, 5000); /* does not wait */
    teardown(&scene);
}

static void a_refusal_is_an_errno(void **state)
{
    struct scene scene;

    (void)state;
    setup(&scene);
    say(&scene, XS_ERROR, 1, "ENOENT", 7);
    assert_int_equal(hx_wire_read(&scene.wire, "/a"), -1);
    assert_int_equal(errno, ENOENT);
    say(&scene, XS_ERROR, 2, "EWHATEVER", 10);
    assert_int_equal(hx_wire_read(&scene.wire, "/a"), -1);
    assert_int_equal(errno, EINVAL);
    assert_false(scene.wire.lost);
    teardown(&scene);
}

static void nonsense_is_the_end(void **state)
{
    static const struct {
        uint32_t type, req_id, len;
    } answers[] = {
        { XS_READ, 2, 0 },              /* to another question */
        { XS_WRITE, 1, 0 },             /* to another kind of question */
        { XS_READ, 1, 4097 },           /* longer than any */
        { XS_READ, 1, UINT32_MAX },     /* the same */
        { XS_WATCH_EVENT, 0, 1000000 }, /* the same */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct xsd_sockmsg head = { .type = answers[i].type,
                                    .req_id = answers[i].req_id,
                                    .len = answers[i].len };
        struct scene scene;

        setup(&scene);
        assert_int_equal(write(scene.peer, &head, sizeof(head)), sizeof(head));
        assert_int_equal(hx_wire_read(&scene.wire, "/a"), -1);
        assert_true(scene.wire.lost);
        assert_int_equal(hx_wire_read(&scene.wire, "/a"), -1);
        teardown(&scene);
    }
}

static void its_death_is_seen(void **state)
{
    struct scene scene;

    (void)state;
    setup(&scene);
    close(scene.peer);
    hx_wire_take_events(&scene.wire, 1);
    assert_true(scene.wire.lost);
    scene.peer = -1;
    teardown(&scene);
}

static void strange_tokens_are_no_bits(void **state)
{
    static const char *const tokens[] = { "32", "99", "x", "-1", "1x", "" };
    struct scene scene;

    (void)state;
    setup(&scene);
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
        fire(&scene, "/a", tokens[i]);
    say(&scene, XS_WATCH_EVENT, 0, "/a", 3); /* without one */
    say(&scene, XS_WATCH_EVENT, 0, "/a", 2); /* without a NUL even */
    say(&scene, XS_WATCH_EVENT, 0, "", 0);
    hx_wire_take_events(&scene.wire, 100);
    assert_int_equal(scene.wire.events, 0);
    assert_int_equal(scene.wire.received, 9);
    teardown(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_as_the_protocol_wants_it),
        cmocka_unit_test(events_before_an_answer_are_kept),
        cmocka_unit_test(a_thousand_events_are_one_bit),
        cmocka_unit_test(a_refusal_is_an_errno),
        cmocka_unit_test(nonsense_is_the_end),
        cmocka_unit_test(its_death_is_seen),
        cmocka_unit_test(strange_tokens_are_no_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
