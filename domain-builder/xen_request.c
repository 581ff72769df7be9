/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/xen_request.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <xenstore.h>

#include "domain-builder/guest-report.h"
#include "domain-builder/xen_domains.h"
#include "domain-builder/xen_host.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"

#define TOKEN "hyper-request"

/* A guest waits for its devices for 30 s, and a busy host takes its time. */
#define BOOT_TIMEOUT_MS 60000

struct request {
    struct xs_handle *xs;
    uint32_t domid;
    const char *uuid;
    uint64_t seq; /* of the last request */
    char vm[64];
    char node[64];
    char dir[64]; /* of the guest's reports */
    char ack[80];
    char state[80];
};

/* The number at the beginning of a node, or 0. */
static uint64_t read_seq(struct xs_handle *xs, xs_transaction_t transaction,
                         const char *path)
{
    unsigned int len = 0;
    _cleanup_free_ char *value = xs_read(xs, transaction, path, &len);
    uint64_t seq = 0;

    if (value && memchr(value, ' ', len))
        len = (unsigned)((char *)memchr(value, ' ', len) - value);
    if (!value || hx_guest_number(value, len, UINT64_MAX - 1, &seq) < 0)
        return 0;
    return seq;
}

/* Whether the domain is there, and is the pod's. */
static bool is_there(const struct request *request,
                     xs_transaction_t transaction)
{
    unsigned int len = 0;
    _cleanup_free_ char *vm =
        xs_read(request->xs, transaction, request->vm, &len);

    return vm && strncmp(vm, "/vm/", 4) == 0 &&
           strcmp(vm + 4, request->uuid) == 0;
}

/*
 * In a transaction: xenstored makes the folder of a domain that is gone anew
 * for whoever writes into it, and nobody would ever remove it.  0; or 1 when
 * `last` is not the last request any more.
 */
static int send_request(struct request *request, const char *verb,
                        unsigned argument, const uint64_t *last,
                        struct hx_err *err)
{
    bool there, is_last, written, ended;
    xs_transaction_t transaction;
    char text[64];
    uint64_t seq;

    do {
        transaction = xs_transaction_start(request->xs);
        if (transaction == XBT_NULL)
            return hx_err_sys(err, HX_ERR_NO_XEN, errno,
                              "asking domain %u to %s", request->domid, verb);
        there = is_there(request, transaction);
        seq = read_seq(request->xs, transaction, request->node);
        is_last = !last || *last == seq;
        snprintf(text, sizeof(text), "%" PRIu64 " %s %u", seq + 1, verb,
                 argument);
        written = there && is_last &&
                  xs_write(request->xs, transaction, request->node, text,
                           (unsigned)strlen(text));
        ended = xs_transaction_end(request->xs, transaction, !written);
    } while (!ended && errno == EAGAIN);
    if (!there)
        return hx_err_set(err, HX_ERR_STATE,
                          "asking domain %u to %s: it is gone", request->domid,
                          verb);
    if (!is_last)
        return 1;
    if (!written || !ended)
        return hx_err_sys(err, HX_ERR_NO_XEN, errno,
                          "asking domain %u to %s: writing %s", request->domid,
                          verb, request->node);
    request->seq = seq + 1;
    return 0;
}

/* A guest takes requests once its containers run. */
static bool is_booting(const struct request *request)
{
    unsigned int len = 0;
    _cleanup_free_ char *state =
        xs_read(request->xs, XBT_NULL, request->state, &len);

    return !state || strcmp(state, "booting") == 0;
}

static bool has_ended(const struct request *request)
{
    struct hx_domain domain = { 0 };
    struct hx_xen_ctl *ctl = NULL;
    bool ended;

    if (hx_xen_ctl_open(&ctl, NULL) < 0)
        return false;
    ended = hx_xen_ctl_get(ctl, request->domid, &domain, NULL) == 0 &&
            domain.fate != HX_DOMAIN_ALIVE;
    hx_xen_ctl_close(ctl);
    return ended;
}

/*
 * A guest may write to the nodes as fast as it can: it costs us our own few
 * seconds, and no memory.  timeout_ms counts from the end of the boot.
 */
static int await_ack(const struct request *request, const char *verb,
                     int timeout_ms, struct hx_err *err)
{
    int64_t boot_deadline_ms = hx_clock_monotonic_ms() + BOOT_TIMEOUT_MS;
    int64_t deadline_ms = hx_clock_monotonic_ms() + timeout_ms;

    for (;;) {
        struct pollfd pfd = { .fd = xs_fileno(request->xs), .events = POLLIN };
        int64_t left_ms;
        char **event;

        while ((event = xs_check_watch(request->xs)))
            free(event);
        /* Or a higher one: a later request took the place of ours. */
        if (read_seq(request->xs, XBT_NULL, request->ack) >= request->seq ||
            has_ended(request))
            return 0;
        if (hx_clock_monotonic_ms() < boot_deadline_ms && is_booting(request))
            deadline_ms = hx_clock_monotonic_ms() + timeout_ms;
        left_ms = deadline_ms - hx_clock_monotonic_ms();
        if (left_ms <= 0)
            return hx_err_set(err, HX_ERR_GUEST,
                              "asking domain %u to %s: the guest has not "
                              "answered for %d ms; it hangs "
                              "('xl hyper-destroy -f' removes it)",
                              request->domid, verb, timeout_ms);
        poll(&pfd, 1, (int)left_ms);
    }
}

/* What the guest has not taken yet would be lost by the next writing. */
static int send_in_turn(struct request *request, const char *verb,
                        unsigned argument, int timeout_ms, struct hx_err *err)
{
    int r;

    do {
        uint64_t last = read_seq(request->xs, XBT_NULL, request->node);

        request->seq = last;
        r = await_ack(request, verb, timeout_ms, err);
        if (r == 0)
            r = send_request(request, verb, argument, &last, err);
    } while (r > 0);
    return r;
}

int hx_xen_request(struct hx_host *host, uint32_t domid, const char *uuid,
                   const char *verb, unsigned argument, int timeout_ms,
                   struct hx_err *err)
{
    struct request request = { .domid = domid, .uuid = uuid };
    int r = hx_xen_store(host, &request.xs, err);

    if (r < 0)
        return r;
    snprintf(request.vm, sizeof(request.vm), "/local/domain/%u/vm", domid);
    snprintf(request.node, sizeof(request.node),
             "/local/domain/%u/" HX_ABI_REQUEST, domid);
    snprintf(request.dir, sizeof(request.dir), "/local/domain/%u/" HX_ABI_DIR,
             domid);
    snprintf(request.ack, sizeof(request.ack), "%s/ack", request.dir);
    snprintf(request.state, sizeof(request.state), "%s/state", request.dir);
    if (timeout_ms <= 0)
        return send_request(&request, verb, argument, NULL, err);
    if (!xs_watch(request.xs, request.dir, TOKEN) ||
        !xs_watch(request.xs, "@releaseDomain", TOKEN))
        r = hx_err_sys(err, HX_ERR_NO_XEN, errno,
                       "asking domain %u to %s: watching xenstore", domid,
                       verb);
    if (r == 0)
        r = send_in_turn(&request, verb, argument, timeout_ms, err);
    if (r == 0)
        r = await_ack(&request, verb, timeout_ms, err);
    xs_unwatch(request.xs, request.dir, TOKEN);
    xs_unwatch(request.xs, "@releaseDomain", TOKEN);
    return r;
}
