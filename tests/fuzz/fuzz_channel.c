/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What dom0 reads from a guest over the control channel: frames in pieces of
 * any size, into a log's records, a container's input, an exec's command and
 * the words of a probe.
 * The first byte: bit 0, a HELLO stands before the rest; the others, the
 * pieces' size.
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain-builder/monitor/clients-input.h"
#include "domain-builder/monitor/json-record.h"
#include "domain-builder/monitor/link.h"
#include "domain-builder/pod-health.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXEC UINT64_C(0x10000)

struct guest {
    const uint8_t *data;
    size_t size, piece;
    struct hx_link link;
    struct hx_input input;
    struct hx_client *client;
    struct hx_client_session session;
    uint64_t next[2][HX_CH_STREAMS]; /* of container 0 and the exec */
    unsigned frames;
};

static ssize_t read_guest(void *ctx, void *data, size_t len)
{
    struct guest *guest = ctx;
    size_t n = guest->size < len ? guest->size : len;

    if (n == 0)
        return -1;
    if (n > guest->piece)
        n = guest->piece;
    memcpy(data, guest->data, n);
    guest->data += n;
    guest->size -= n;
    return (ssize_t)n;
}

static ssize_t write_guest(void *ctx, const void *data, size_t len)
{
    (void)ctx;
    (void)data;
    return (ssize_t)len;
}

/* A record is one line of JSON, whatever the bytes. */
static void log_it(const uint8_t *payload, size_t len)
{
    const struct timespec when = { 0 };
    struct hx_buf out = HX_BUF_INIT(1u << 20);
    json_t *doc;

    if (hx_json_record(&out, "stdout", payload, len, &when) < 0 ||
        memchr(out.data, '\n', out.len) != out.data + out.len - 1)
        abort();
    doc = json_loadb(out.data, out.len, JSON_ALLOW_NUL, NULL);
    if (!doc)
        abort();
    json_decref(doc);
    hx_buf_release(&out);
}

/* Of a report that makes sense the words are JSON, and no control character
 * but newline and tab. */
static void keep_health(const uint8_t *payload, size_t len)
{
    struct hx_ch_health health;
    char *text;
    json_t *string;

    if (hx_ch_health_decode(payload, len, &health) < 0)
        abort();
    text =
        hx_health_text(payload + HX_CH_HEALTH_BYTES, len - HX_CH_HEALTH_BYTES);
    string = json_string(text);
    if (!string || strlen(text) > HX_HEALTH_OUTPUT_MAX)
        abort();
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t')
            abort();
    }
    json_decref(string);
    free(text);
}

static void take(void *ctx, const struct hx_ch_frame *frame,
                 const uint8_t *payload)
{
    struct guest *guest = ctx;
    bool exec = frame->session == EXEC;
    uint64_t *next = &guest->next[exec][frame->stream];

    guest->frames++;
    if (frame->type == HX_CH_STATS)
        return;
    if (!exec && frame->session != 0)
        abort();
    if (frame->type == HX_CH_HEALTH) {
        keep_health(payload, frame->payload);
        return;
    }
    if (frame->type == HX_CH_DATA || frame->type == HX_CH_END) {
        if (frame->stream == HX_CH_STDIN || frame->value != *next)
            abort();
        *next += frame->type == HX_CH_DATA ? frame->payload : 0;
    }
    if (exec) {
        hx_client_session_take(&guest->session, frame, payload);
        if (guest->session.output[0].len > HX_CH_WINDOW ||
            guest->session.output[1].len > HX_CH_WINDOW ||
            guest->client->queue_len > HX_CLIENT_QUEUE_MAX)
            abort();
    } else if (frame->type == HX_CH_DATA) {
        log_it(payload, frame->payload);
        if (guest->frames % 3 == 0)
            hx_link_take(&guest->link, 0, frame->stream, *next, false);
    } else {
        hx_input_take(&guest->input, 0, frame, &guest->client, 1);
    }
}

static void begin(struct guest *guest, int fd)
{
    const struct hx_link_transport transport = { guest, read_guest,
                                                 write_guest };

    guest->client = hx_client_new(fd);
    if (!guest->client)
        abort();
    guest->client->input[0].attached = true;
    hx_link_begin(&guest->link, &transport, 1);
    hx_link_start(&guest->link, 0, HX_CH_STDOUT, 0);
    hx_link_start(&guest->link, 0, HX_CH_STDERR, 0);
    hx_link_add(&guest->link, EXEC, true);
    guest->session.id = EXEC;
    guest->session.client = guest->client;
}

/* As the guest's HELLO would have. */
static void greet(struct guest *guest)
{
    guest->link.version = HX_CH_VERSION;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guest guest;
    const struct hx_link_sink sink = { .ctx = &guest, .frame = take };
    char message[HX_CH_FRAME_MAX];
    int fds[2];

    if (size == 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds) < 0)
        return 0;
    memset(&guest, 0, sizeof(guest));
    guest.data = data + 1;
    guest.size = size - 1;
    guest.piece = 1 + (size_t)(data[0] >> 1) * 64;
    begin(&guest, fds[0]);
    if (data[0] & 1)
        greet(&guest);
    while (hx_link_read(&guest.link, &sink, NULL) == 0 &&
           hx_link_write(&guest.link, NULL) == 0) {
        while (recv(fds[1], message, sizeof(message), 0) > 0)
            hx_client_session_flush(&guest.session);
    }
    hx_link_end(&guest.link);
    hx_client_session_release(&guest.session);
    hx_client_free(guest.client);
    close(fds[1]);
    return 0;
}
