/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest at the other end of two buffers, for the tests of its channel. */
#ifndef HX_TESTS_GUEST_FIXTURE_H
#define HX_TESTS_GUEST_FIXTURE_H

#include "domain-builder/monitor/link.h"
#include "image/base/buf.h"

struct guest_fixture {
    struct hx_link_transport transport; /* of dom0's side */
    struct hx_buf from, to;
    size_t read_at, seen_at;
    size_t step; /* bytes that a read or write moves at most; 0: any */
    size_t room; /* for what dom0 writes */
    bool left;
};

void guest_fixture_init(struct guest_fixture *guest);
void guest_fixture_release(struct guest_fixture *guest);

/* What the guest sends. */
void guest_sends(struct guest_fixture *guest, struct hx_ch_frame frame,
                 const void *payload);
void guest_hello(struct guest_fixture *guest, unsigned oldest, unsigned newest);
void guest_data(struct guest_fixture *guest, uint64_t session, unsigned stream,
                uint64_t offset, const char *text, size_t len);
void guest_frame(struct guest_fixture *guest, enum hx_ch_type type,
                 uint64_t session, unsigned stream, uint64_t value);

/* The next frame that it got; type 0: none. */
struct hx_ch_frame guest_gets(struct guest_fixture *guest);
/* Payload of the last one that it got. */
const char *guest_payload(const struct guest_fixture *guest,
                          const struct hx_ch_frame *frame);

#endif
