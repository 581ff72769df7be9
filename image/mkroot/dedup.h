/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Content seen before: from a keyed hash to where it lies.
 *
 * Two contents are taken for one when 76 bits of their hashes are the same,
 * without a look at the bytes.  The hash is Poly1305 under a key that is
 * random in each run and never leaves it, so nobody can make an image in which
 * that goes wrong; by chance it does once in 2^35 images of two million files.
 */
#ifndef HX_MKROOT_DEDUP_H
#define HX_MKROOT_DEDUP_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

#define HX_FINGERPRINT_BYTES 16

struct hx_fingerprint {
    unsigned char bytes[HX_FINGERPRINT_BYTES];
};

/* The key of a run, shared by threads; each has a hasher of its own. */
struct hx_fingerprint_key {
    unsigned char bytes[32];
};

int hx_fingerprint_key_init(struct hx_fingerprint_key *key, struct hx_err *err);

struct hx_hasher;

/* NULL when the crypto library cannot.  The key must outlive it. */
struct hx_hasher *hx_hasher_new(const struct hx_fingerprint_key *key);
void hx_hasher_free(struct hx_hasher *hasher);

/* In one piece, or in several; 0, or -1 when the crypto library fails. */
int hx_hasher_run(struct hx_hasher *hasher, const void *data, size_t len,
                  struct hx_fingerprint *hash_r);
int hx_hasher_begin(struct hx_hasher *hasher);
int hx_hasher_add(struct hx_hasher *hasher, const void *data, size_t len);
int hx_hasher_end(struct hx_hasher *hasher, struct hx_fingerprint *hash_r);

#define HX_DEDUP_VALUE_BITS 52

/* Zeroed is empty. */
struct hx_dedup {
    struct hx_dedup_slot *slots;
    size_t size; /* a power of two */
    size_t used;
};

/* 1 and the value of a content added before, 0 when it is new. */
int hx_dedup_find(const struct hx_dedup *dedup,
                  const struct hx_fingerprint *hash, uint64_t *value_r);

/* `value` has at most HX_DEDUP_VALUE_BITS.  0, or -1 without memory. */
int hx_dedup_add(struct hx_dedup *dedup, const struct hx_fingerprint *hash,
                 uint64_t value);

void hx_dedup_release(struct hx_dedup *dedup);

#endif
