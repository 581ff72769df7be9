/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/guest_fixture.h"

#include <string.h>

#include "tests/unit/unit.h"

static ssize_t read_guest(void *ctx, void *data, size_t len)
{
    struct guest_fixture *guest = ctx;
    size_t n = guest->from.len - guest->read_at;

    if (n == 0)
        return guest->left ? -1 : 0;
    n = n < len ? n : len;
    if (guest->step && n > guest->step)
        n = guest->step;
    memcpy(data, guest->from.data + guest->read_at, n);
    guest->read_at += n;
    return (ssize_t)n;
}

static ssize_t write_guest(void *ctx, const void *data, size_t len)
{
    struct guest_fixture *guest = ctx;
    size_t n = len < guest->room ? len : guest->room;

    if (guest->step && n > guest->step)
        n = guest->step;
    assert_int_equal(hx_buf_add(&guest->to, data, n), 0);
    guest->room -= n;
    return (ssize_t)n;
}

void guest_fixture_init(struct guest_fixture *guest)
{
    *guest = (struct guest_fixture){ .room = SIZE_MAX };
    guest->from.max = guest->to.max = 64u << 20;
    guest->transport =
        (struct hx_link_transport){ guest, read_guest, write_guest };
}

void guest_fixture_release(struct guest_fixture *guest)
{
    hx_buf_release(&guest->from);
    hx_buf_release(&guest->to);
}

void guest_sends(struct guest_fixture *guest, struct hx_ch_frame frame,
                 const void *payload)
{
    uint8_t header[HX_CH_HEADER_BYTES];

    hx_ch_encode(&frame, header);
    hx_buf_add(&guest->from, header, sizeof(header));
    hx_buf_add(&guest->from, payload, frame.payload);
}

void guest_hello(struct guest_fixture *guest, unsigned oldest, unsigned newest)
{
    uint8_t payload[HX_CH_HELLO_BYTES + 3] = { 0 };

    hx_ch_put(payload, HX_CH_MAGIC, 4);
    hx_ch_put(payload + 4, oldest, 2);
    hx_ch_put(payload + 6, newest, 2);
    guest_sends(
        guest,
        (struct hx_ch_frame){ .type = HX_CH_HELLO, .payload = sizeof(payload) },
        payload);
}

void guest_data(struct guest_fixture *guest, uint64_t session, unsigned stream,
                uint64_t offset, const char *text, size_t len)
{
    guest_sends(guest,
                (struct hx_ch_frame){ .type = HX_CH_DATA,
                                      .stream = (uint8_t)stream,
                                      .session = session,
                                      .value = offset,
                                      .payload = (uint32_t)len },
                text);
}

void guest_frame(struct guest_fixture *guest, enum hx_ch_type type,
                 uint64_t session, unsigned stream, uint64_t value)
{
    guest_sends(guest,
                (struct hx_ch_frame){ .type = (uint8_t)type,
                                      .stream = (uint8_t)stream,
                                      .session = session,
                                      .value = value },
                NULL);
}

struct hx_ch_frame guest_gets(struct guest_fixture *guest)
{
    struct hx_ch_frame frame = { 0 };

    if (guest->to.len - guest->seen_at < HX_CH_HEADER_BYTES)
        return frame;
    assert_int_equal(
        hx_ch_decode((const uint8_t *)guest->to.data + guest->seen_at, &frame),
        0);
    guest->seen_at += HX_CH_HEADER_BYTES + frame.payload;
    assert_true(guest->seen_at <= guest->to.len);
    return frame;
}

const char *guest_payload(const struct guest_fixture *guest,
                          const struct hx_ch_frame *frame)
{
    return guest->to.data + guest->seen_at - frame->payload;
}
