/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/exec-stream.h"

#include <string.h>

/* A TAKEN for each write would double the frames; one for each quarter of the
 * window keeps the sender going. */
#define TELL_BYTES (HX_CH_WINDOW / 4)

size_t hx_ring_room(const struct hx_ring *ring)
{
    return HX_CH_WINDOW - (size_t)(ring->end - ring->start);
}

void hx_ring_add(struct hx_ring *ring, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t at = (size_t)(ring->end % HX_CH_WINDOW);
        size_t part = HX_CH_WINDOW - at < len ? HX_CH_WINDOW - at : len;

        memcpy(ring->bytes + at, data, part);
        ring->end += part;
        data += part;
        len -= part;
    }
}

size_t hx_ring_at(const struct hx_ring *ring, uint64_t offset,
                  const uint8_t **data_r)
{
    size_t at = (size_t)(offset % HX_CH_WINDOW);
    size_t len = (size_t)(ring->end - offset);

    *data_r = ring->bytes + at;
    return len < HX_CH_WINDOW - at ? len : HX_CH_WINDOW - at;
}

/* -- outputs --------------------------------------------------------------- */

int hx_exec_output_data(struct hx_exec_output *output, uint64_t offset,
                        const uint8_t *data, size_t len)
{
    uint64_t known;

    if (offset > output->ring.end)
        return -1;
    known = output->ring.end - offset;
    if (known >= len)
        return 0;
    if (output->ended || len - known > hx_ring_room(&output->ring))
        return -1;
    hx_ring_add(&output->ring, data + known, len - (size_t)known);
    return 0;
}

int hx_exec_output_end(struct hx_exec_output *output, uint64_t length)
{
    if (length != output->ring.end)
        return -1;
    output->ended = true;
    return 0;
}

bool hx_exec_output_done(const struct hx_exec_output *output)
{
    return output->ended && output->ring.start == output->ring.end;
}

bool hx_exec_output_due(const struct hx_exec_output *output, uint64_t *value_r)
{
    uint64_t start = output->ring.start;
    bool done = hx_exec_output_done(output);

    *value_r = start | (done ? HX_CH_TAKEN_END : 0);
    return output->must_tell || (done && !output->end_told) ||
           start - output->told >= TELL_BYTES ||
           (start != output->told && start == output->ring.end);
}

void hx_exec_output_told(struct hx_exec_output *output, uint64_t value)
{
    output->told = value & ~HX_CH_TAKEN_END;
    output->end_told = (value & HX_CH_TAKEN_END) != 0;
    output->must_tell = false;
}

void hx_exec_output_reconnect(struct hx_exec_output *output)
{
    output->ring.end = output->ring.start;
    output->ended = output->end_told;
    output->must_tell = true;
}

/* -- the input ------------------------------------------------------------- */

void hx_exec_input_shared(struct hx_exec_input *input, uint64_t value)
{
    uint64_t offset = value & ~HX_CH_TAKEN_END;
    struct hx_ring old = input->ring;

    if (!input->begun || offset <= input->sent)
        return;
    input->ring.start = input->ring.end = offset;
    while (input->sent < old.end) {
        const uint8_t *data;
        size_t len = hx_ring_at(&old, input->sent, &data);

        hx_ring_add(&input->ring, data, len);
        input->sent += len;
    }
    input->sent = offset;
}

int hx_exec_input_taken(struct hx_exec_input *input, uint64_t value)
{
    uint64_t offset = value & ~HX_CH_TAKEN_END;
    bool first = !input->granted;

    /* A container's stream may have been used before us; nothing is held
     * before we know. */
    if (!input->begun)
        input->ring.start = input->ring.end = offset;
    if (offset < input->ring.start || offset > input->ring.end)
        return -1;
    input->ring.start = offset;
    /* What an old connection had on its way may have arrived or not. */
    if (first || input->sent < offset)
        input->sent = offset;
    input->begun = input->granted = true;
    if (value & HX_CH_TAKEN_END) {
        input->closed = true;
        input->ring.start = input->sent = input->ring.end;
    }
    return 0;
}

size_t hx_exec_input_next(const struct hx_exec_input *input,
                          const uint8_t **data_r)
{
    size_t len = 0;

    /* No more than a window is held, so that what is held may be sent. */
    if (input->granted && !input->closed)
        len = hx_ring_at(&input->ring, input->sent, data_r);
    return len < HX_CH_PAYLOAD_MAX ? len : HX_CH_PAYLOAD_MAX;
}

bool hx_exec_input_end_due(const struct hx_exec_input *input)
{
    return input->granted && !input->closed && input->ended &&
           !input->end_sent && input->sent == input->ring.end;
}

bool hx_exec_input_wants(const struct hx_exec_input *input)
{
    return input->granted && !input->closed && !input->ended &&
           hx_ring_room(&input->ring) > 0;
}

void hx_exec_input_reconnect(struct hx_exec_input *input)
{
    input->granted = false;
    input->end_sent = false;
}
