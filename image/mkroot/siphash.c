/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/siphash.h"

#include <endian.h>
#include <string.h>

struct sip {
    uint64_t a, b, c, d;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
    return (x << n) | (x >> (64 - n));
}

static inline void sip_round(struct sip *v)
{
    v->a += v->b;
    v->c += v->d;
    v->b = rotl(v->b, 13) ^ v->a;
    v->d = rotl(v->d, 16) ^ v->c;
    v->a = rotl(v->a, 32);
    v->c += v->b;
    v->a += v->d;
    v->b = rotl(v->b, 17) ^ v->c;
    v->d = rotl(v->d, 21) ^ v->a;
    v->c = rotl(v->c, 32);
}

static inline void sip_word(struct sip *v, uint64_t word)
{
    v->d ^= word;
    sip_round(v);
    v->a ^= word;
}

uint64_t hx_siphash(const uint64_t key[2], const void *data, size_t len)
{
    struct sip v = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };
    const unsigned char *p = data;
    uint64_t word, last = (uint64_t)len << 56;
    size_t left = len;

    for (; left >= 8; left -= 8, p += 8) {
        memcpy(&word, p, 8);
        sip_word(&v, le64toh(word));
    }
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)p[i] << (8 * i);
    sip_word(&v, last);
    v.c ^= 0xff;
    sip_round(&v);
    sip_round(&v);
    sip_round(&v);
    return v.a ^ v.b ^ v.c ^ v.d;
}
