/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/kernel.h"

#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "pv-init/base.h"

#define NS_PER_S     1000000000u
#define TOLERANCE_NS (NS_PER_S / 10)

void hx_init_kernel_set_clock(uint64_t unix_ns)
{
    struct timespec now = { 0 }, wanted = {
        .tv_sec = (time_t)(unix_ns / NS_PER_S),
        .tv_nsec = (long)(unix_ns % NS_PER_S),
    };
    uint64_t now_ns, off_ns;

    clock_gettime(CLOCK_REALTIME, &now);
    now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    off_ns = now_ns > unix_ns ? now_ns - unix_ns : unix_ns - now_ns;
    if (off_ns > TOLERANCE_NS)
        clock_settime(CLOCK_REALTIME, &wanted);
}

void hx_init_kernel_add_entropy(const void *data, size_t len)
{
    struct {
        struct rand_pool_info head;
        uint32_t bytes[HX_INIT_SEED_MAX / sizeof(uint32_t)];
    } seed = { { 0 }, { 0 } };
    _init_close_ int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

    if (len > HX_INIT_SEED_MAX)
        len = HX_INIT_SEED_MAX;
    if (fd < 0 || len == 0)
        return;
    seed.head.entropy_count = (int)(8 * len);
    seed.head.buf_size = (int)len;
    memcpy(seed.bytes, data, len);
    ioctl(fd, RNDADDENTROPY, &seed);
    explicit_bzero(&seed, sizeof(seed));
}
