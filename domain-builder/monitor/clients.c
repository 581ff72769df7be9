/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/clients.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "domain-builder/monitor/clients-input.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"

/* Messages of one client in a row. */
#define TURN_MESSAGES 8

struct hx_clients {
    int fd; /* listens */
    struct hx_link *link;
    void (*tell_time)(void *ctx);
    void *ctx;
    size_t count;
    struct hx_client *client[HX_CLIENTS_MAX];
    struct hx_client_session session[HX_CH_SESSIONS_MAX];
    struct hx_input input[HX_ABI_CONTAINERS_MAX];
    struct {
        uint64_t number; /* ours; 0: free */
        uint64_t theirs;
        struct hx_client *client;
    } stats[HX_CLIENTS_STATS];
    uint64_t stats_number; /* the last one */
    uint8_t message[HX_CH_FRAME_MAX + 1];
};

/* -- opening ----------------------------------------------------------------
 */

/* Under another name until it listens: whoever sees the name can connect. */
static int listen_at(const char *path, int *fd_r, struct hx_err *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int len = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.new", path);

    if (len < 0 || (size_t)len >= sizeof(addr.sun_path))
        return hx_err_sys(err, HX_ERR_SYSTEM, ENAMETOOLONG, "making %s", path);
    unlink(addr.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        chmod(addr.sun_path, 0600) < 0 || listen(fd, HX_CLIENTS_MAX) < 0 ||
        rename(addr.sun_path, path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "making %s", path);
    *fd_r = hx_steal_fd(&fd);
    return 0;
}

int hx_clients_open(const char *path, struct hx_link *link,
                    void (*tell_time)(void *ctx), void *ctx,
                    struct hx_clients **clients_r, struct hx_err *err)
{
    struct hx_clients *clients = calloc(1, sizeof(*clients));
    int r;

    if (!clients)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "making %s", path);
    clients->link = link;
    clients->tell_time = tell_time;
    clients->ctx = ctx;
    r = listen_at(path, &clients->fd, err);
    if (r < 0) {
        free(clients);
        return r;
    }
    *clients_r = clients;
    return 0;
}

void hx_clients_close(struct hx_clients *clients)
{
    if (!clients)
        return;
    hx_clients_lost(clients);
    close(clients->fd);
    free(clients);
}

/* -- sessions ---------------------------------------------------------------
 */

static struct hx_client_session *find(struct hx_clients *clients, uint64_t id)
{
    for (size_t i = 0; id && i < HX_CH_SESSIONS_MAX; i++) {
        if (clients->session[i].id == id)
            return &clients->session[i];
    }
    return NULL;
}

static void forget(struct hx_clients *clients,
                   struct hx_client_session *session)
{
    hx_link_remove(clients->link, session->id);
    hx_client_session_release(session);
}

static void close_session(struct hx_clients *clients,
                          struct hx_client_session *session)
{
    const struct hx_ch_frame frame = { .type = HX_CH_CLOSE,
                                       .session = session->id };

    if (hx_link_is_up(clients->link))
        hx_link_send(clients->link, &frame, NULL);
    forget(clients, session);
}

static struct hx_client_session *add(struct hx_clients *clients,
                                     struct hx_client *client, uint64_t id,
                                     bool fresh)
{
    for (size_t i = 0; i < HX_CH_SESSIONS_MAX; i++) {
        struct hx_client_session *session = &clients->session[i];

        if (session->id)
            continue;
        if (!hx_link_add(clients->link, id, fresh))
            return NULL;
        session->id = id;
        session->client = client;
        return session;
    }
    return NULL;
}

/* -- from commands ----------------------------------------------------------
 */

static void take_open(struct hx_clients *clients, struct hx_client *client,
                      const struct hx_ch_frame *frame, const uint8_t *payload)
{
    struct hx_client_session *session = find(clients, frame->session);
    bool fresh = frame->type == HX_CH_OPEN;

    if (frame->session < HX_CH_SESSION_MIN) {
        hx_client_refuse(client, frame->session,
                         "such a number is no session's");
        return;
    }
    if (session &&
        (session->client != client || (fresh && !session->opening))) {
        hx_client_refuse(client, frame->session,
                         "the session is another command's");
        return;
    }
    if (!session)
        session = add(clients, client, frame->session, fresh);
    if (!session) {
        hx_client_refuse(client, frame->session,
                         "too many commands run in this pod at a time; try "
                         "again when one has ended");
        return;
    }
    session->opening = fresh && (frame->flags & HX_CH_FLAG_MORE);
    hx_link_send(clients->link, frame, payload);
}

/* Of a session that the client owns. */
static void take_owned(struct hx_clients *clients,
                       struct hx_client_session *session,
                       const struct hx_ch_frame *frame, const uint8_t *payload)
{
    bool makes_sense = true;

    if (frame->type == HX_CH_TAKEN)
        makes_sense = hx_link_taken(hx_link_find(clients->link, frame->session),
                                    frame->stream, frame->value);
    else if (frame->type == HX_CH_DATA || frame->type == HX_CH_END)
        makes_sense = frame->stream == HX_CH_STDIN;
    if (!makes_sense) {
        session->client->broken = true;
        return;
    }
    hx_link_send(clients->link, frame, payload);
    if (frame->type == HX_CH_CLOSE)
        forget(clients, session);
}

/* Of a container.  False: it does not fit yet. */
static bool take_attached(struct hx_clients *clients, struct hx_client *client,
                          const struct hx_ch_frame *frame,
                          const uint8_t *payload)
{
    struct hx_input *input = &clients->input[frame->session];

    switch (frame->type) {
    case HX_CH_DATA:
        return hx_input_data(input, clients->link, client, frame, payload);
    case HX_CH_END:
        hx_input_end(input, clients->link, client, frame);
        return true;
    case HX_CH_SIGNAL:
    case HX_CH_RESIZE:
        hx_link_send(clients->link, frame, payload);
        return true;
    case HX_CH_CLOSE:
        client->input[frame->session] = (struct hx_client_input){ 0 };
        return true;
    default:
        return true;
    }
}

static void take_attach(struct hx_clients *clients, struct hx_client *client,
                        uint64_t index)
{
    if (index >= clients->link->containers) {
        hx_client_refuse(client, index, "the pod has no such container");
        return;
    }
    client->input[index] = (struct hx_client_input){ .attached = true };
    hx_input_answer(&clients->input[index], index, client,
                    hx_clock_monotonic_ms());
}

static void take_stats(struct hx_clients *clients, struct hx_client *client,
                       const struct hx_ch_frame *frame, const uint8_t *payload)
{
    struct hx_ch_frame ours = *frame;
    size_t at;

    ours.session = ++clients->stats_number;
    at = ours.session % HX_CLIENTS_STATS;
    clients->stats[at].number = ours.session;
    clients->stats[at].theirs = frame->session;
    clients->stats[at].client = client;
    hx_link_send(clients->link, &ours, payload);
}

/* False: it cannot be taken yet. */
static bool take_from_client(struct hx_clients *clients,
                             struct hx_client *client,
                             const struct hx_ch_frame *frame,
                             const uint8_t *payload)
{
    struct hx_client_session *session;

    switch (frame->type) {
    case HX_CH_OPEN:
    case HX_CH_RESUME:
        take_open(clients, client, frame, payload);
        return true;
    case HX_CH_ATTACH:
        take_attach(clients, client, frame->session);
        return true;
    case HX_CH_STATS:
        take_stats(clients, client, frame, payload);
        return true;
    case HX_CH_CLOCK:
        clients->tell_time(clients->ctx);
        return true;
    case HX_CH_DATA:
    case HX_CH_END:
    case HX_CH_TAKEN:
    case HX_CH_SIGNAL:
    case HX_CH_RESIZE:
    case HX_CH_CLOSE:
        break;
    default: /* of a newer command */
        return true;
    }
    if (frame->session < clients->link->containers &&
        client->input[frame->session].attached)
        return take_attached(clients, client, frame, payload);
    session = find(clients, frame->session);
    if (session && session->client == client)
        take_owned(clients, session, frame, payload);
    else if (frame->type != HX_CH_CLOSE)
        hx_client_refuse(client, frame->session, "there is no such session");
    return true;
}

static void hold(struct hx_client *client, const struct hx_ch_frame *frame,
                 const uint8_t *payload)
{
    client->held_payload = malloc(frame->payload);
    if (!client->held_payload) {
        client->broken = true;
        return;
    }
    memcpy(client->held_payload, payload, frame->payload);
    client->held = *frame;
    client->holds = true;
}

/* What was held goes first.  True when nothing is held any more. */
static bool let_go(struct hx_clients *clients, struct hx_client *client)
{
    if (!client->holds)
        return true;
    if (!take_from_client(clients, client, &client->held, client->held_payload))
        return false;
    free(client->held_payload);
    client->held_payload = NULL;
    client->holds = false;
    return true;
}

static bool may_read(const struct hx_clients *clients,
                     const struct hx_client *client)
{
    return !client->broken && !client->holds &&
           client->queue_len < HX_CLIENT_QUEUE_SOFT &&
           hx_link_room(clients->link) >= HX_CH_FRAME_MAX;
}

static void read_client(struct hx_clients *clients, struct hx_client *client)
{
    struct hx_ch_frame frame;
    const uint8_t *payload = clients->message + HX_CH_HEADER_BYTES;

    for (int i = 0; i < TURN_MESSAGES && may_read(clients, client); i++) {
        if (!hx_client_receive(client, clients->message, &frame))
            return;
        if (!take_from_client(clients, client, &frame, payload))
            hold(client, &frame, payload);
    }
}

/* -- to commands ------------------------------------------------------------
 */

static void take_stats_answer(struct hx_clients *clients,
                              const struct hx_ch_frame *frame,
                              const uint8_t *payload)
{
    size_t at = frame->session % HX_CLIENTS_STATS;
    struct hx_ch_frame theirs = *frame;

    if (frame->session == 0 || clients->stats[at].number != frame->session)
        return;
    theirs.session = clients->stats[at].theirs;
    hx_client_send(clients->stats[at].client, &theirs, payload);
    clients->stats[at].number = 0;
}

void hx_clients_take(struct hx_clients *clients,
                     const struct hx_ch_frame *frame, const uint8_t *payload)
{
    struct hx_client_session *session;

    if (frame->type == HX_CH_STATS) {
        take_stats_answer(clients, frame, payload);
        return;
    }
    if (frame->session < clients->link->containers) {
        hx_input_take(&clients->input[frame->session], frame->session, frame,
                      clients->client, clients->count);
        for (size_t i = 0; i < clients->count; i++)
            let_go(clients, clients->client[i]);
        return;
    }
    session = find(clients, frame->session);
    if (!session)
        return;
    hx_client_session_take(session, frame, payload);
    if (frame->type == HX_CH_GONE)
        forget(clients, session);
}

/* -- coming and going -------------------------------------------------------
 */

static void drop_client(struct hx_clients *clients, size_t at)
{
    struct hx_client *client = clients->client[at];

    for (size_t i = 0; i < HX_CH_SESSIONS_MAX; i++) {
        if (clients->session[i].client == client)
            close_session(clients, &clients->session[i]);
    }
    for (size_t i = 0; i < HX_CLIENTS_STATS; i++) {
        if (clients->stats[i].client == client)
            clients->stats[i].number = 0;
    }
    hx_client_free(client);
    clients->client[at] = clients->client[--clients->count];
}

void hx_clients_lost(struct hx_clients *clients)
{
    for (size_t i = 0; i < HX_CH_SESSIONS_MAX; i++)
        hx_client_session_release(&clients->session[i]);
    while (clients->count)
        drop_client(clients, clients->count - 1);
    memset(clients->input, 0, sizeof(clients->input));
}

static void accept_clients(struct hx_clients *clients)
{
    while (clients->count < HX_CLIENTS_MAX) {
        int fd = accept4(clients->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
            return;
        clients->client[clients->count] = hx_client_new(fd);
        if (clients->client[clients->count])
            clients->count++;
        else
            close(fd);
    }
}

/* Whether something waits for a place in the client's socket. */
static bool waits(const struct hx_clients *clients,
                  const struct hx_client *client)
{
    if (client->queue_len)
        return true;
    for (size_t i = 0; i < HX_CH_SESSIONS_MAX; i++) {
        if (clients->session[i].client == client &&
            hx_client_session_waits(&clients->session[i]))
            return true;
    }
    return false;
}

static void flush(struct hx_clients *clients, struct hx_client *client)
{
    if (!hx_client_flush(client))
        return;
    for (size_t i = 0; i < HX_CH_SESSIONS_MAX; i++) {
        if (clients->session[i].client == client &&
            !hx_client_session_flush(&clients->session[i]))
            return;
    }
}

/* -- serving ----------------------------------------------------------------
 */

size_t hx_clients_poll(const struct hx_clients *clients, struct pollfd *fds)
{
    bool accepts =
        hx_link_is_up(clients->link) && clients->count < HX_CLIENTS_MAX;

    fds[0] =
        (struct pollfd){ .fd = accepts ? clients->fd : -1, .events = POLLIN };
    for (size_t i = 0; i < clients->count; i++) {
        const struct hx_client *client = clients->client[i];

        fds[1 + i] = (struct pollfd){
            .fd = client->fd,
            .events = (short)((may_read(clients, client) ? POLLIN : 0) |
                              (waits(clients, client) ? POLLOUT : 0)),
        };
    }
    return 1 + clients->count;
}

void hx_clients_serve(struct hx_clients *clients, const struct pollfd *fds,
                      size_t count)
{
    int64_t now = hx_clock_monotonic_ms();

    if (!hx_link_is_up(clients->link))
        return;
    /* Backwards: the place of one that goes is taken by the last. */
    for (size_t i = clients->count; i-- > 0;) {
        struct hx_client *client = clients->client[i];
        short revents = i + 1 < count ? fds[i + 1].revents : 0;

        if (revents & POLLOUT)
            flush(clients, client);
        if (let_go(clients, client) && (revents & POLLIN))
            read_client(clients, client);
        /* One that went while it is not read would be polled for ever. */
        if ((revents & (POLLHUP | POLLERR)) && !(revents & POLLIN))
            client->broken = true;
        for (size_t k = 0; k < clients->link->containers; k++)
            hx_input_answer(&clients->input[k], k, client, now);
        if (client->broken)
            drop_client(clients, i);
    }
    if (count && (fds[0].revents & POLLIN))
        accept_clients(clients);
}

int hx_clients_timeout_ms(const struct hx_clients *clients)
{
    int64_t now = hx_clock_monotonic_ms(), least = -1;

    for (size_t i = 0; i < clients->count; i++) {
        if (clients->client[i]->broken)
            return 0;
        for (size_t k = 0; k < clients->link->containers; k++) {
            const struct hx_client_input *own = &clients->client[i]->input[k];
            const struct hx_input *input = &clients->input[k];
            int64_t left = input->runs_ms + HX_CLIENTS_INPUT_MS - now;

            if (!own->attached || own->answered || !input->runs)
                continue;
            if (left < 0)
                left = 0;
            if (least < 0 || left < least)
                least = left;
        }
    }
    return (int)least;
}
