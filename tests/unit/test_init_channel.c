/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control channel: a vchan's rings, frames, and old and new peers. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include <xen/io/libxenvchan.h>

#include "pv-init/channel.h"
#include "pv-init/vchan.h"

/* -- a transport in memory ---------------------------------------------------
 */

static struct {
    uint8_t to_guest[200000], to_dom0[200000];
    size_t in_len, in_at, out_len, out_max;
    bool gone;
} line;

static ssize_t line_read(void *arg, void *data, size_t size)
{
    size_t n = line.in_len - line.in_at;

    (void)arg;
    if (line.gone)
        return -1;
    if (n > size)
        n = size;
    memcpy(data, line.to_guest + line.in_at, n);
    line.in_at += n;
    return (ssize_t)n;
}

static ssize_t line_write(void *arg, const void *data, size_t size)
{
    size_t n = line.out_max - line.out_len;

    (void)arg;
    if (line.gone)
        return -1;
    if (n > size)
        n = size;
    memcpy(line.to_dom0 + line.out_len, data, n);
    line.out_len += n;
    return (ssize_t)n;
}

static struct hx_init_channel channel;
static struct hx_ch_frame taken[64];
static unsigned taken_count;
static bool refusing;

static int take(void *arg, const struct hx_ch_frame *frame,
                const uint8_t *payload, struct hx_init_err *err)
{
    (void)arg;
    (void)payload;
    if (refusing)
        return hx_init_fail(err, "refused");
    if (taken_count < 64)
        taken[taken_count] = *frame;
    taken_count++;
    return 0;
}

static void start(void)
{
    const struct hx_init_transport transport = { line_read, line_write, NULL };

    memset(&line, 0, sizeof(line));
    line.out_max = sizeof(line.to_dom0);
    taken_count = 0;
    refusing = false;
    hx_init_channel_start(&channel, &transport);
}

static void give(const void *bytes, size_t len)
{
    memcpy(line.to_guest + line.in_len, bytes, len);
    line.in_len += len;
}

static void give_frame(unsigned type, uint64_t session, uint32_t payload)
{
    static const uint8_t zeros[HX_CH_PAYLOAD_MAX];
    const struct hx_ch_frame frame = { .type = (uint8_t)type,
                                       .session = session,
                                       .payload = payload };
    uint8_t header[HX_CH_HEADER_BYTES];

    hx_ch_encode(&frame, header);
    give(header, sizeof(header));
    give(zeros, payload);
}

static void run(void)
{
    while (hx_init_channel_run(&channel, take, NULL))
        ;
    hx_init_channel_flush(&channel);
}

/* -- what peers of other ages say; literal bytes, never to be changed --------
 */

/* A dom0 that speaks version 1: "hxch", 1 to 1. */
static const uint8_t hello_1[] = {
    8,   0,   0,   0,   1, 0, 0, 0, 0, 0, 0, 0,
    0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, /* payload: */
    'h', 'x', 'c', 'h', 1, 0, 1, 0,
};
/* One of a later day: 1 to 9, and four bytes that we do not know. */
static const uint8_t hello_9[] = {
    12,  0,   0,   0,   1, 0, 0, 0, 0,    0,    0,    0,
    0,   0,   0,   0,   0, 0, 0, 0, 0,    0,    0,    0, /* payload: */
    'h', 'x', 'c', 'h', 1, 0, 9, 0, 0xde, 0xad, 0xbe, 0xef,
};
/* One that has forgotten version 1. */
static const uint8_t hello_7[] = {
    8,   0,   0,   0,   1, 0, 0, 0, 0, 0, 0, 0,
    0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, /* payload: */
    'h', 'x', 'c', 'h', 7, 0, 9, 0,
};
/* TAKEN of stdout (1) of session 0x0102030405060708, offset 0x1234. */
static const uint8_t taken_1[] = {
    0, 0, 0, 0, 5,    1,    0, 0, 8, 7, 6, 5,
    4, 3, 2, 1, 0x34, 0x12, 0, 0, 0, 0, 0, 0,
};
/* DATA "hi" of stdin (0) of container 2, offset 256. */
static const uint8_t data_1[] = {
    2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0,   0,
    0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 'h', 'i',
};
/* Type 77, which nobody knows, with five bytes and all flags. */
static const uint8_t type_77[] = {
    5, 0, 0, 0, 77, 2, 0xff, 0xff, 0, 0,   0,   0,   0,   0,   0,
    0, 9, 0, 0, 0,  0, 0,    0,    0, 'w', 'h', 'a', 't', '?',
};

static void a_frozen_peer_is_understood(void **state)
{
    (void)state;
    start();
    give(hello_1, sizeof(hello_1));
    give(type_77, sizeof(type_77));
    give(data_1, sizeof(data_1));
    give(taken_1, sizeof(taken_1));
    run();
    assert_int_equal(channel.state, HX_INIT_CHANNEL_OPEN);
    assert_int_equal(channel.version, 1);
    /* The answer that version 1 was given, byte for byte. */
    assert_int_equal(line.out_len, sizeof(hello_1));
    assert_memory_equal(line.to_dom0, hello_1, sizeof(hello_1));
    assert_int_equal(taken_count, 4);
    assert_int_equal(taken[0].type, HX_CH_HELLO);
    assert_int_equal(taken[1].type, 77);
    assert_int_equal(taken[2].type, HX_CH_DATA);
    assert_int_equal(taken[2].session, 2);
    assert_int_equal(taken[2].value, 256);
    assert_int_equal(taken[2].payload, 2);
    assert_int_equal(taken[3].type, HX_CH_TAKEN);
    assert_int_equal(taken[3].stream, HX_CH_STDOUT);
    assert_true(taken[3].session == 0x0102030405060708u);
    assert_int_equal(taken[3].value, 0x1234);
}

static void a_newer_peer_is_understood(void **state)
{
    (void)state;
    start();
    give(hello_9, sizeof(hello_9));
    give(taken_1, sizeof(taken_1));
    run();
    assert_int_equal(channel.state, HX_INIT_CHANNEL_OPEN);
    assert_int_equal(channel.version, 1);
    assert_int_equal(taken_count, 2);
}

static void a_peer_of_another_age_is_told(void **state)
{
    struct hx_ch_frame bye;

    (void)state;
    start();
    give(hello_7, sizeof(hello_7));
    run();
    assert_int_equal(channel.state, HX_INIT_CHANNEL_CLOSED);
    assert_int_equal(taken_count, 0);
    assert_int_equal(hx_ch_decode(line.to_dom0, &bye), 0);
    assert_int_equal(bye.type, HX_CH_BYE);
    assert_non_null(strstr((char *)line.to_dom0 + HX_CH_HEADER_BYTES,
                           "dom0 speaks 7 to 9"));
}

/* -- frames ------------------------------------------------------------------
 */

/* Everything in one piece, or a byte at a time. */
static void pieces_make_frames(void **state)
{
    uint8_t bytes[256];
    size_t len = 0;

    (void)state;
    memcpy(bytes, hello_1, sizeof(hello_1));
    len += sizeof(hello_1);
    memcpy(bytes + len, data_1, sizeof(data_1));
    len += sizeof(data_1);
    memcpy(bytes + len, taken_1, sizeof(taken_1));
    len += sizeof(taken_1);
    start();
    for (size_t i = 0; i < len; i++) {
        give(bytes + i, 1);
        run();
    }
    assert_int_equal(taken_count, 3);
    assert_int_equal(taken[2].value, 0x1234);
}

static void wrong_frames_close(void **state)
{
    static const struct {
        uint8_t header[HX_CH_HEADER_BYTES];
        const char *says;
    } cases[] = {
        { { 1, 64, 0, 0, 3 }, "a frame that is none" },
        { { 0xff, 0xff, 0xff, 0xff, 3 }, "a frame that is none" },
        { { 0, 0, 0, 0, 3, 3 }, "a frame that is none" },
        { { 0, 0, 0, 0, 1 }, "a second HELLO" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start();
        give(hello_1, sizeof(hello_1));
        give(cases[i].header, HX_CH_HEADER_BYTES);
        give(taken_1, sizeof(taken_1));
        run();
        assert_int_equal(channel.state, HX_INIT_CHANNEL_CLOSED);
        assert_int_equal(taken_count, 1);
        assert_memory_equal(line.to_dom0 + line.out_len - strlen(cases[i].says),
                            cases[i].says, strlen(cases[i].says));
    }
}

static void the_first_frame_is_hello(void **state)
{
    uint8_t other[sizeof(hello_1)];

    (void)state;
    start();
    give(taken_1, sizeof(taken_1));
    run();
    assert_int_equal(channel.state, HX_INIT_CHANNEL_CLOSED);
    memcpy(other, hello_1, sizeof(other));
    other[HX_CH_HEADER_BYTES] = 'H';
    start();
    give(other, sizeof(other));
    run();
    assert_int_equal(channel.state, HX_INIT_CHANNEL_CLOSED);
    assert_int_equal(taken_count, 0);
}

static void what_the_taker_refuses_is_told(void **state)
{
    (void)state;
    start();
    give(hello_1, sizeof(hello_1));
    run();
    refusing = true;
    give(taken_1, sizeof(taken_1));
    run();
    assert_int_equal(channel.state, HX_INIT_CHANNEL_CLOSED);
    assert_memory_equal(line.to_dom0 + line.out_len - 7, "refused", 7);
}

static void bye_and_death_close(void **state)
{
    (void)state;
    start();
    give(hello_1, sizeof(hello_1));
    give_frame(HX_CH_BYE, 0, 4);
    run();
    assert_int_equal(channel.state, HX_INIT_CHANNEL_CLOSED);
    start();
    give(hello_1, sizeof(hello_1));
    run();
    line.gone = true;
    run();
    assert_int_equal(channel.state, HX_INIT_CHANNEL_CLOSED);
}

/* Who does not read is not heard, and costs no more than the queue. */
static void a_deaf_peer_is_not_heard(void **state)
{
    const struct hx_ch_frame data = { .type = HX_CH_DATA, .payload = 16000 };
    static const uint8_t bytes[16000];
    unsigned sent = 0;

    (void)state;
    start();
    give(hello_1, sizeof(hello_1));
    run();
    line.out_max = line.out_len;
    while (hx_init_channel_has_room(&channel, true, sizeof(bytes)) &&
           hx_init_channel_send(&channel, &data, bytes))
        sent++;
    assert_int_equal(sent, 2);
    give_frame(HX_CH_RESUME, 1, 0);
    run();
    assert_int_equal(taken_count, 2); /* the reserve is for its answer */
    while (hx_init_channel_send(
        &channel, &(struct hx_ch_frame){ .type = HX_CH_GONE }, NULL))
        assert_true(channel.out_len <= sizeof(channel.out));
    give_frame(HX_CH_RESUME, 2, 0);
    run();
    assert_int_equal(taken_count, 2);
    line.out_max = sizeof(line.to_dom0);
    run();
    run();
    assert_int_equal(taken_count, 3);
    assert_int_equal(channel.out_len, 0);
}

/* -- the vchan's rings, with the test as the client --------------------------
 */

static struct hx_init_vchan vchan;
static uint8_t page[4096] __attribute__((aligned(4096)));
static uint8_t left[HX_CH_RING_TO_GUEST_BYTES];
static uint8_t right[HX_CH_RING_TO_DOM0_BYTES];
static struct vchan_interface *ring = (struct vchan_interface *)page;

static void start_vchan(void)
{
    memset(page, 0, sizeof(page));
    vchan = HX_INIT_VCHAN_NONE;
    hx_init_vchan_init(&vchan, ring, left, right);
}

static void a_vchan_is_libxenvchans(void **state)
{
    (void)state;
    start_vchan();
    assert_int_equal(ring->left_order, 15);
    assert_int_equal(ring->right_order, 16);
    assert_int_equal(page[20], 2); /* cli_live */
    assert_int_equal(page[21], 1); /* srv_live */
    assert_int_equal(page[22], VCHAN_NOTIFY_WRITE);
    assert_int_equal(hx_init_vchan_read(&vchan, page, 0), 0);
    assert_int_equal(hx_init_vchan_write(&vchan, "x", 1), 0); /* nobody yet */
}

static void bytes_go_around_the_rings(void **state)
{
    static uint8_t out[100000], in[100000];
    uint32_t at = 0;
    size_t got = 0;

    (void)state;
    start_vchan();
    ring->cli_live = 1;
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (uint8_t)(i * 13 + i / 256);
    /* To dom0: pieces of an odd size, around the ring. */
    for (size_t sent = 0; got < sizeof(out);) {
        size_t want = sizeof(out) - sent < 7777 ? sizeof(out) - sent : 7777;

        sent += (size_t)hx_init_vchan_write(&vchan, out + sent, want);
        while (at != ring->right.prod)
            in[got++] = right[at++ % sizeof(right)];
        ring->right.cons = at;
    }
    assert_memory_equal(in, out, sizeof(out));
    /* To the guest. */
    got = 0;
    at = 0;
    for (size_t sent = 0; got < sizeof(out);) {
        ssize_t n;

        while (sent < sizeof(out) && at - ring->left.cons < sizeof(left))
            left[at++ % sizeof(left)] = out[sent++];
        ring->left.prod = at;
        n = hx_init_vchan_read(&vchan, in + got, 9999);
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_memory_equal(in, out, sizeof(out));
    /* Nothing there: an event is asked for. */
    ring->cli_notify = 0;
    assert_int_equal(hx_init_vchan_read(&vchan, in, 1), 0);
    assert_int_equal(ring->cli_notify, VCHAN_NOTIFY_WRITE);
}

static void a_full_ring_asks_for_an_event(void **state)
{
    static uint8_t bytes[HX_CH_RING_TO_DOM0_BYTES];

    (void)state;
    start_vchan();
    ring->cli_live = 1;
    ring->cli_notify = 0;
    /* Never quite full: some libxenvchans would not read it. */
    assert_int_equal(hx_init_vchan_write(&vchan, bytes, sizeof(bytes)),
                     sizeof(bytes) - 1);
    assert_int_equal(ring->cli_notify, VCHAN_NOTIFY_READ);
    assert_int_equal(hx_init_vchan_write(&vchan, bytes, 1), 0);
    ring->right.cons = 10;
    assert_int_equal(hx_init_vchan_write(&vchan, bytes, 100), 10);
}

static void mad_indices_close(void **state)
{
    uint8_t byte;

    (void)state;
    start_vchan();
    ring->cli_live = 1;
    ring->left.prod = HX_CH_RING_TO_GUEST_BYTES + 1;
    assert_int_equal(hx_init_vchan_read(&vchan, &byte, 1), -1);
    ring->right.cons = 5;
    assert_int_equal(hx_init_vchan_write(&vchan, "x", 1), -1);
}

static void a_second_client_is_told_from_the_first(void **state)
{
    uint8_t byte;

    (void)state;
    start_vchan();
    ring->cli_live = 1;
    assert_int_equal(hx_init_vchan_read(&vchan, &byte, 1), 0);
    assert_int_equal(hx_init_vchan_read(&vchan, &byte, 1), 0);
    ring->cli_live = 0; /* it dies, and before we look ... */
    ring->cli_live = 1;
    assert_int_equal(hx_init_vchan_read(&vchan, &byte, 1), -1);
    start_vchan();
    ring->cli_live = 0; /* it died before it was there */
    assert_int_equal(hx_init_vchan_read(&vchan, &byte, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frozen_peer_is_understood),
        cmocka_unit_test(a_newer_peer_is_understood),
        cmocka_unit_test(a_peer_of_another_age_is_told),
        cmocka_unit_test(pieces_make_frames),
        cmocka_unit_test(wrong_frames_close),
        cmocka_unit_test(the_first_frame_is_hello),
        cmocka_unit_test(what_the_taker_refuses_is_told),
        cmocka_unit_test(bye_and_death_close),
        cmocka_unit_test(a_deaf_peer_is_not_heard),
        cmocka_unit_test(a_vchan_is_libxenvchans),
        cmocka_unit_test(bytes_go_around_the_rings),
        cmocka_unit_test(a_full_ring_asks_for_an_event),
        cmocka_unit_test(mad_indices_close),
        cmocka_unit_test(a_second_client_is_told_from_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
