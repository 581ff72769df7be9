/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/power.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "pv-init/guest-abi.h"
#include "pv-init/xenstore.h"

int hx_init_power_helper(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    const char *name = slash ? slash + 1 : argv0;

    if (name && strcmp(name, "poweroff") == 0)
        return kill(1, SIGTERM) < 0;
    if (name && strcmp(name, "reboot") == 0)
        return kill(1, SIGINT) < 0;
    fputs("pv-init: runs as the first process of a HyperKernel domain, "
          "and nowhere else\n",
          stderr);
    return 2;
}

void hx_init_power_off(bool again)
{
    /* RB_AUTOBOOT tells Xen "reboot", and dom0 decides what becomes of it. */
    reboot(again ? RB_AUTOBOOT : RB_POWER_OFF);
    for (;;)
        pause();
}

/* Prepared while all was well: the handler only writes. */
static struct {
    int console, xenstore;
    char error[256], state[256];
    size_t error_len, state_len;
    char stack[16384];
} guard = { .console = -1, .xenstore = -1 };

#define GUARD_SENTENCE                                                         \
    "pv-init failed: an internal error; the domain was powered off"

static void tell(int fd, const char *data, size_t len)
{
    if (fd >= 0 && write(fd, data, len) < 0)
        return; /* nothing else can be done here */
}

/* Takes in the answers that come within the time: a request may only be sent
 * when the one before is answered (xenstore.h). */
static void await_answer(int timeout_ms)
{
    struct pollfd answered = { .fd = guard.xenstore, .events = POLLIN };
    char buf[256];

    if (guard.xenstore < 0 || poll(&answered, 1, timeout_ms) <= 0)
        return;
    while (read(guard.xenstore, buf, sizeof(buf)) > 0)
        ;
}

static void last_words(int signum)
{
    (void)signum;
    tell(guard.console, GUARD_SENTENCE "\r\n", strlen(GUARD_SENTENCE) + 2);
    await_answer(100); /* to whatever was under way */
    tell(guard.xenstore, guard.error, guard.error_len);
    await_answer(1000);
    tell(guard.xenstore, guard.state, guard.state_len);
    await_answer(1000);
    hx_init_power_off(false);
}

void hx_init_power_guard(int console, int xenstore)
{
    static const int mistakes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE,
                                    SIGABRT, SIGSYS, SIGTRAP };
    struct sigaction action = { .sa_handler = last_words,
                                .sa_flags = SA_ONSTACK | SA_RESETHAND };
    stack_t stack = { .ss_sp = guard.stack, .ss_size = sizeof(guard.stack) };
    unsigned i;

    guard.console = console;
    guard.xenstore = xenstore;
    guard.error_len = hx_init_xs_encode_write(
        guard.error, sizeof(guard.error), HX_ABI_DIR "/error", GUARD_SENTENCE);
    guard.state_len = hx_init_xs_encode_write(guard.state, sizeof(guard.state),
                                              HX_ABI_DIR "/state", "failed");
    sigaltstack(&stack, NULL);
    for (i = 0; i < HX_INIT_COUNT(mistakes); i++)
        sigaction(mistakes[i], &action, NULL);
}
