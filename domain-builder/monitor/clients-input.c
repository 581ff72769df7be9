/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/clients-input.h"

#include "domain-builder/monitor/clients.h"
#include "image/base/clock.h"

/*
 * How far the client's own stream is taken.  Its last byte lies at `last` of
 * the container's; of what the guest has not taken before that, at worst all
 * is this client's.  Exact when nobody else writes.
 */
static uint64_t taken_of(const struct hx_input *input,
                         const struct hx_client_input *own)
{
    uint64_t behind = own->last > input->taken ? own->last - input->taken : 0;

    return own->next - own->told > behind ? own->next - behind : own->told;
}

static void tell(const struct hx_input *input, size_t index,
                 struct hx_client *client)
{
    struct hx_client_input *own = &client->input[index];
    struct hx_ch_frame frame = { .type = HX_CH_TAKEN, .session = index };
    uint64_t taken;

    if (!own->writes || own->ended)
        return;
    taken = taken_of(input, own);
    own->ended = input->end_taken;
    if (taken == own->told && !own->ended)
        return;
    own->told = taken;
    frame.value = taken | (own->ended ? HX_CH_TAKEN_END : 0);
    hx_client_send(client, &frame, NULL);
}

void hx_input_answer(const struct hx_input *input, size_t index,
                     struct hx_client *client, int64_t when_ms)
{
    struct hx_client_input *own = &client->input[index];
    const struct hx_ch_frame taken = { .type = HX_CH_TAKEN,
                                       .session = index,
                                       .value = input->taken };
    bool none =
        input->ended || (input->runs && !input->known &&
                         when_ms - input->runs_ms >= HX_CLIENTS_INPUT_MS);

    if (!own->attached || own->answered || !(none || input->known))
        return;
    own->answered = true;
    if (none) {
        hx_client_refuse(client, index,
                         "the container has no standard input that is open");
        return;
    }
    own->writes = true;
    own->next = own->told = own->last = input->taken;
    hx_client_send(client, &taken, NULL);
}

static void take_taken(struct hx_input *input, uint64_t value)
{
    uint64_t offset = value & ~HX_CH_TAKEN_END;

    if (!input->known) {
        input->known = true;
        input->next = input->taken = offset;
    }
    /* A guest that lies about it harms its own input. */
    if (offset > input->taken && offset <= input->next)
        input->taken = offset;
    input->end_taken |= (value & HX_CH_TAKEN_END) != 0;
    input->ended |= input->end_taken;
}

void hx_input_take(struct hx_input *input, size_t index,
                   const struct hx_ch_frame *frame,
                   struct hx_client *const *clients, size_t count)
{
    switch (frame->type) {
    case HX_CH_OPENED:
        if (!input->runs)
            input->runs_ms = hx_clock_monotonic_ms();
        input->runs = true;
        return;
    case HX_CH_TAKEN:
        take_taken(input, frame->value);
        break;
    case HX_CH_ENDED:
        input->ended = input->end_taken = true;
        input->taken = input->next; /* nobody will read the rest */
        break;
    default:
        return;
    }
    for (size_t i = 0; i < count; i++) {
        tell(input, index, clients[i]);
        hx_input_answer(input, index, clients[i], hx_clock_monotonic_ms());
    }
}

bool hx_input_data(struct hx_input *input, struct hx_link *link,
                   struct hx_client *client, const struct hx_ch_frame *frame,
                   const uint8_t *payload)
{
    struct hx_client_input *own = &client->input[frame->session];
    struct hx_ch_frame data = *frame;

    if (!own->writes || input->ended || frame->payload == 0)
        return true;
    if (input->next + frame->payload > input->taken + HX_CH_WINDOW)
        return false;
    data.value = input->next;
    hx_link_send(link, &data, payload);
    input->next += frame->payload;
    own->next += frame->payload;
    own->last = input->next;
    return true;
}

void hx_input_end(struct hx_input *input, struct hx_link *link,
                  const struct hx_client *client,
                  const struct hx_ch_frame *frame)
{
    struct hx_ch_frame end = *frame;

    if (!client->input[frame->session].writes || input->ended)
        return;
    end.value = input->next;
    hx_link_send(link, &end, NULL);
    input->ended = true;
}
