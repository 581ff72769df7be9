/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/vchan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/io/libxenvchan.h>

/* linux-libc-dev's header uses it and defines it not. */
typedef uint16_t domid_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>

#define PAGE_BYTES  4096u
#define LEFT_ORDER  15
#define RIGHT_ORDER 16
#define LEFT_PAGES  (HX_CH_RING_TO_GUEST_BYTES / PAGE_BYTES)
#define RIGHT_PAGES (HX_CH_RING_TO_DOM0_BYTES / PAGE_BYTES)

_Static_assert(1u << LEFT_ORDER == HX_CH_RING_TO_GUEST_BYTES, "left");
_Static_assert(1u << RIGHT_ORDER == HX_CH_RING_TO_DOM0_BYTES, "right");

/*
 * cli_live: 2 no client yet, 1 one is there, 0 it has gone.  We turn 1 into
 * this one.  No client looks at it; so the 1 of a second client, which came
 * before we saw the first one go, is told from the 1 of the first.
 */
#define CLIENT_SEEN 3

/* -- making it ---------------------------------------------------------------
 */

/* Pages that domain 0 may map and write; NULL with errno. */
static void *share_pages(int gntalloc, uint32_t count, uint64_t *index_r,
                         uint32_t *refs_r)
{
    union {
        struct ioctl_gntalloc_alloc_gref gref;
        uint8_t room[sizeof(struct ioctl_gntalloc_alloc_gref) +
                     RIGHT_PAGES * sizeof(uint32_t)];
    } request = {
        .gref = { .domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = count }
    };
    void *pages;

    if (ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &request) < 0)
        return NULL;
    pages = mmap(NULL, (size_t)count * PAGE_BYTES, PROT_READ | PROT_WRITE,
                 MAP_SHARED, gntalloc, (off_t)request.gref.index);
    if (pages == MAP_FAILED)
        return NULL;
    memset(pages, 0, (size_t)count * PAGE_BYTES);
    *index_r = request.gref.index;
    memcpy(refs_r,
           request.room + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids),
           count * sizeof(uint32_t));
    return pages;
}

static int open_port(struct hx_init_vchan *vchan, struct hx_init_err *err)
{
    struct ioctl_evtchn_bind_unbound_port bind = { .remote_domain = 0 };
    int port;

    vchan->evtchn = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (vchan->evtchn < 0)
        return hx_init_fail_sys(err, errno, "opening /dev/xen/evtchn");
    port = ioctl(vchan->evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
    if (port < 0)
        return hx_init_fail_sys(err, errno, "making an event channel");
    vchan->port = (uint32_t)port;
    return 0;
}

/* When pv-init dies, the kernel tells the client that the server has. */
static int arm_notification(const struct hx_init_vchan *vchan, uint64_t index)
{
    struct ioctl_gntalloc_unmap_notify notify = {
        .index = index + offsetof(struct vchan_interface, srv_live),
        .action = UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT,
        .event_channel_port = vchan->port,
    };

    return ioctl(vchan->gntalloc, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &notify);
}

static int open_rings(struct hx_init_vchan *vchan)
{
    uint32_t grants[LEFT_PAGES + RIGHT_PAGES];
    uint64_t page_index, ignored;

    vchan->ring =
        share_pages(vchan->gntalloc, 1, &page_index, &vchan->ring_ref);
    if (!vchan->ring)
        return -1;
    vchan->left = share_pages(vchan->gntalloc, LEFT_PAGES, &ignored, grants);
    if (!vchan->left)
        return -1;
    vchan->right = share_pages(vchan->gntalloc, RIGHT_PAGES, &ignored,
                               grants + LEFT_PAGES);
    if (!vchan->right || arm_notification(vchan, page_index) < 0)
        return -1;
    hx_init_vchan_init(vchan, vchan->ring, vchan->left, vchan->right);
    memcpy(vchan->ring->grants, grants, sizeof(grants));
    return 0;
}

void hx_init_vchan_init(struct hx_init_vchan *vchan,
                        struct vchan_interface *ring, uint8_t *left,
                        uint8_t *right)
{
    vchan->ring = ring;
    vchan->left = left;
    vchan->right = right;
    vchan->left_cons = vchan->right_prod = 0;
    vchan->seen = false;
    ring->left_order = LEFT_ORDER;
    ring->right_order = RIGHT_ORDER;
    ring->cli_live = 2;
    ring->srv_live = 1;
    ring->cli_notify = VCHAN_NOTIFY_WRITE;
}

int hx_init_vchan_open(struct hx_init_vchan *vchan, struct hx_init_err *err)
{
    *vchan = HX_INIT_VCHAN_NONE;
    if (open_port(vchan, err) < 0)
        goto fail;
    vchan->gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
    if (vchan->gntalloc < 0) {
        hx_init_fail_sys(err, errno,
                         "opening /dev/xen/gntalloc (the kernel needs "
                         "CONFIG_XEN_GRANT_DEV_ALLOC)");
        goto fail;
    }
    if (open_rings(vchan) < 0) {
        hx_init_fail_sys(err, errno, "sharing %u pages with dom0",
                         1 + LEFT_PAGES + RIGHT_PAGES);
        goto fail;
    }
    return 0;
fail:
    hx_init_vchan_release(vchan);
    return hx_init_fail_prefix(err, "making the control channel");
}

void hx_init_vchan_publish(const struct hx_init_vchan *vchan,
                           struct hx_init_xs *xs)
{
    char value[16];

    snprintf(value, sizeof(value), "%u", vchan->port);
    hx_init_xs_write(xs, HX_CH_XENSTORE_DIR "/event-channel", value);
    snprintf(value, sizeof(value), "%u", vchan->ring_ref);
    hx_init_xs_write(xs, HX_CH_XENSTORE_DIR "/ring-ref", value);
}

static void send_event(const struct hx_init_vchan *vchan)
{
    struct ioctl_evtchn_notify notify = { .port = vchan->port };

    if (vchan->evtchn >= 0)
        ioctl(vchan->evtchn, IOCTL_EVTCHN_NOTIFY, &notify);
}

void hx_init_vchan_shut(struct hx_init_vchan *vchan)
{
    if (!vchan->ring)
        return;
    __atomic_store_n(&vchan->ring->srv_live, 0, __ATOMIC_SEQ_CST);
    send_event(vchan);
}

void hx_init_vchan_release(struct hx_init_vchan *vchan)
{
    if (vchan->ring)
        munmap(vchan->ring, PAGE_BYTES);
    if (vchan->left)
        munmap(vchan->left, HX_CH_RING_TO_GUEST_BYTES);
    if (vchan->right)
        munmap(vchan->right, HX_CH_RING_TO_DOM0_BYTES);
    hx_init_close_p(&vchan->gntalloc);
    hx_init_close_p(&vchan->evtchn);
    *vchan = HX_INIT_VCHAN_NONE;
}

void hx_init_vchan_events(struct hx_init_vchan *vchan)
{
    uint32_t port;

    /* Writing the port back lets it fire again. */
    while (read(vchan->evtchn, &port, sizeof(port)) == sizeof(port)) {
        if (write(vchan->evtchn, &port, sizeof(port)) != sizeof(port))
            return;
    }
}

/* -- the rings ---------------------------------------------------------------
 */

/* 1: one client is there; 0: none yet; -1: it has gone. */
static int client_state(struct hx_init_vchan *vchan)
{
    uint8_t *live = &vchan->ring->cli_live;
    uint8_t now = __atomic_load_n(live, __ATOMIC_SEQ_CST);
    uint8_t one = 1;

    if (now == 2)
        return 0;
    if (now == CLIENT_SEEN)
        return vchan->seen ? 1 : -1;
    if (now != 1 || vchan->seen)
        return -1;
    if (!__atomic_compare_exchange_n(live, &one, CLIENT_SEEN, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return -1;
    vchan->seen = true;
    return 1;
}

/* Asks the client for an event after its next action of this kind. */
static void request_event(struct hx_init_vchan *vchan, uint8_t kind)
{
    __atomic_fetch_or(&vchan->ring->cli_notify, kind, __ATOMIC_SEQ_CST);
}

/* An event after an action of ours, if the client asked for one. */
static void send_requested_event(struct hx_init_vchan *vchan, uint8_t kind)
{
    uint8_t asked = __atomic_fetch_and(&vchan->ring->srv_notify, (uint8_t)~kind,
                                       __ATOMIC_SEQ_CST);

    if (asked & kind)
        send_event(vchan);
}

/* Bytes to be read; more than the ring holds: the index makes no sense. */
static uint32_t bytes_ready(const struct hx_init_vchan *vchan)
{
    return __atomic_load_n(&vchan->ring->left.prod, __ATOMIC_SEQ_CST) -
           vchan->left_cons;
}

ssize_t hx_init_vchan_read(struct hx_init_vchan *vchan, void *data, size_t size)
{
    int state = client_state(vchan);
    uint32_t ready, at, first;

    if (state <= 0)
        return state;
    ready = bytes_ready(vchan);
    if (ready == 0) {
        request_event(vchan, VCHAN_NOTIFY_WRITE);
        /* What came in between brings no event. */
        ready = bytes_ready(vchan);
    }
    if (ready > HX_CH_RING_TO_GUEST_BYTES)
        return -1;
    if (size > ready)
        size = ready;
    if (size == 0)
        return 0;
    at = vchan->left_cons & (HX_CH_RING_TO_GUEST_BYTES - 1);
    first = HX_CH_RING_TO_GUEST_BYTES - at;
    if (first > size)
        first = (uint32_t)size;
    memcpy(data, vchan->left + at, first);
    memcpy((uint8_t *)data + first, vchan->left, size - first);
    vchan->left_cons += (uint32_t)size;
    __atomic_store_n(&vchan->ring->left.cons, vchan->left_cons,
                     __ATOMIC_SEQ_CST);
    send_requested_event(vchan, VCHAN_NOTIFY_READ);
    return (ssize_t)size;
}

static uint32_t bytes_unread(const struct hx_init_vchan *vchan)
{
    return vchan->right_prod -
           __atomic_load_n(&vchan->ring->right.cons, __ATOMIC_SEQ_CST);
}

ssize_t hx_init_vchan_write(struct hx_init_vchan *vchan, const void *data,
                            size_t size)
{
    /* One byte stays free: some libxenvchans take a full ring for a broken
     * one and read nothing from it. */
    const uint32_t room = HX_CH_RING_TO_DOM0_BYTES - 1;
    int state = client_state(vchan);
    uint32_t unread, at, first;

    if (state <= 0)
        return state;
    unread = bytes_unread(vchan);
    if (unread <= room && size > room - unread) {
        request_event(vchan, VCHAN_NOTIFY_READ);
        unread = bytes_unread(vchan);
    }
    if (unread > room)
        return -1;
    if (size > room - unread)
        size = room - unread;
    if (size == 0)
        return 0;
    at = vchan->right_prod & (HX_CH_RING_TO_DOM0_BYTES - 1);
    first = HX_CH_RING_TO_DOM0_BYTES - at;
    if (first > size)
        first = (uint32_t)size;
    memcpy(vchan->right + at, data, first);
    memcpy(vchan->right, (const uint8_t *)data + first, size - first);
    vchan->right_prod += (uint32_t)size;
    __atomic_store_n(&vchan->ring->right.prod, vchan->right_prod,
                     __ATOMIC_SEQ_CST);
    send_requested_event(vchan, VCHAN_NOTIFY_WRITE);
    return (ssize_t)size;
}
