/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * registers SECONDS: keeps known values in every vector register while other
 * domains run, and fails when one has changed.
 *
 * An emulated host that mixes them up damages whatever memcpy() copies, which
 * shows as faults of anything, anywhere: better to be told here.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REGISTERS 16
#define BYTES     (REGISTERS * 16)

#define EACH(x)                                                                \
    x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13)  \
        x(14) x(15)
#define LOAD(n)    "movdqu " #n "*16(%0), %%xmm" #n "\n"
#define STORE(n)   "movdqu %%xmm" #n ", " #n "*16(%1)\n"
#define CLOBBER(n) , "xmm" #n

/* Some milliseconds of user mode: the scheduler's turns fall within. */
static void hold(const uint8_t *in, uint8_t *out)
{
    asm volatile(EACH(LOAD) "mov $3000000, %%rcx\n"
                            "1: dec %%rcx\n"
                            "jnz 1b\n" EACH(STORE)
                 :
                 : "r"(in), "r"(out)
                 : "rcx", "memory", "cc" EACH(CLOBBER));
}

int main(int argc, char **argv)
{
    time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
    uint64_t seed = (uint64_t)getpid() << 32 | 1;
    uint8_t in[BYTES], out[BYTES];
    unsigned long rounds = 0;

    for (; time(NULL) < end; rounds++) {
        for (size_t i = 0; i < sizeof(in); i += sizeof(seed)) {
            /* Knuth's MMIX generator. */
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            memcpy(in + i, &seed, sizeof(seed));
        }
        hold(in, out);
        if (memcmp(in, out, sizeof(in)) != 0) {
            printf("registers changed in round %lu\n", rounds);
            return 1;
        }
    }
    printf("%lu rounds\n", rounds);
    return rounds == 0;
}
