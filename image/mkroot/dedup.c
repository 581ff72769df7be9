/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/dedup.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* -- hashing -------------------------------------------------------------- */

struct hx_hasher {
    const struct hx_fingerprint_key *key;
    EVP_MAC *mac;
    EVP_MAC_CTX *context;
};

int hx_fingerprint_key_init(struct hx_fingerprint_key *key, struct hx_err *err)
{
    if (getrandom(key->bytes, sizeof(key->bytes), 0) !=
        (ssize_t)sizeof(key->bytes))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "getting random bytes");
    return 0;
}

struct hx_hasher *hx_hasher_new(const struct hx_fingerprint_key *key)
{
    struct hx_hasher *hasher = calloc(1, sizeof(*hasher));

    if (!hasher)
        return NULL;
    hasher->key = key;
    hasher->mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
    if (hasher->mac)
        hasher->context = EVP_MAC_CTX_new(hasher->mac);
    if (!hasher->context) {
        hx_hasher_free(hasher);
        return NULL;
    }
    return hasher;
}

void hx_hasher_free(struct hx_hasher *hasher)
{
    if (!hasher)
        return;
    EVP_MAC_CTX_free(hasher->context);
    EVP_MAC_free(hasher->mac);
    free(hasher);
}

int hx_hasher_begin(struct hx_hasher *hasher)
{
    return EVP_MAC_init(hasher->context, hasher->key->bytes,
                        sizeof(hasher->key->bytes), NULL) == 1
               ? 0
               : -1;
}

int hx_hasher_add(struct hx_hasher *hasher, const void *data, size_t len)
{
    return EVP_MAC_update(hasher->context, data, len) == 1 ? 0 : -1;
}

int hx_hasher_end(struct hx_hasher *hasher, struct hx_fingerprint *hash_r)
{
    size_t len;

    return EVP_MAC_final(hasher->context, hash_r->bytes, &len,
                         sizeof(hash_r->bytes)) == 1
               ? 0
               : -1;
}

int hx_hasher_run(struct hx_hasher *hasher, const void *data, size_t len,
                  struct hx_fingerprint *hash_r)
{
    if (hx_hasher_begin(hasher) < 0 || hx_hasher_add(hasher, data, len) < 0)
        return -1;
    return hx_hasher_end(hasher, hash_r);
}

/* -- the table ------------------------------------------------------------ */

struct hx_dedup_slot {
    uint64_t hash;
    uint64_t check_and_value; /* 0 is a free slot: values are kept plus one */
};

#define VALUE_MASK ((UINT64_C(1) << HX_DEDUP_VALUE_BITS) - 1)

static void split(const struct hx_fingerprint *hash, uint64_t *low,
                  uint64_t *check)
{
    memcpy(low, hash->bytes, sizeof(*low));
    memcpy(check, hash->bytes + sizeof(*low), sizeof(*check));
    *check &= ~VALUE_MASK;
}

static struct hx_dedup_slot *slot_of(struct hx_dedup_slot *slots, size_t size,
                                     uint64_t low, uint64_t check)
{
    size_t i = (size_t)low & (size - 1);

    while (slots[i].check_and_value &&
           (slots[i].hash != low ||
            (slots[i].check_and_value & ~VALUE_MASK) != check))
        i = (i + 1) & (size - 1);
    return &slots[i];
}

int hx_dedup_find(const struct hx_dedup *dedup,
                  const struct hx_fingerprint *hash, uint64_t *value_r)
{
    const struct hx_dedup_slot *slot;
    uint64_t low, check;

    if (!dedup->size)
        return 0;
    split(hash, &low, &check);
    slot = slot_of(dedup->slots, dedup->size, low, check);
    if (!slot->check_and_value)
        return 0;
    *value_r = (slot->check_and_value & VALUE_MASK) - 1;
    return 1;
}

static int grow(struct hx_dedup *dedup)
{
    size_t size = dedup->size ? dedup->size * 2 : 256;
    struct hx_dedup_slot *slots = calloc(size, sizeof(*slots));

    if (!slots)
        return -1;
    for (size_t i = 0; i < dedup->size; i++) {
        const struct hx_dedup_slot *old = &dedup->slots[i];

        if (old->check_and_value)
            *slot_of(slots, size, old->hash,
                     old->check_and_value & ~VALUE_MASK) = *old;
    }
    free(dedup->slots);
    dedup->slots = slots;
    dedup->size = size;
    return 0;
}

int hx_dedup_add(struct hx_dedup *dedup, const struct hx_fingerprint *hash,
                 uint64_t value)
{
    uint64_t low, check;

    if (dedup->used >= dedup->size / 8 * 7 && grow(dedup) < 0)
        return -1;
    split(hash, &low, &check);
    *slot_of(dedup->slots, dedup->size, low, check) =
        (struct hx_dedup_slot){ low, check | (value + 1) };
    dedup->used++;
    return 0;
}

void hx_dedup_release(struct hx_dedup *dedup)
{
    free(dedup->slots);
    memset(dedup, 0, sizeof(*dedup));
}
