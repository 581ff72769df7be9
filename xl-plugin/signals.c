/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/signals.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Linux has 32 real-time signals from 32 on; the C library keeps two. */
#define GUEST_RTMIN 34
#define GUEST_RTMAX 64

static const struct {
    const char *name;
    int number;
} signals[] = {
    { "HUP", SIGHUP },       { "INT", SIGINT },       { "QUIT", SIGQUIT },
    { "ILL", SIGILL },       { "TRAP", SIGTRAP },     { "ABRT", SIGABRT },
    { "IOT", SIGABRT },      { "BUS", SIGBUS },       { "FPE", SIGFPE },
    { "KILL", SIGKILL },     { "USR1", SIGUSR1 },     { "SEGV", SIGSEGV },
    { "USR2", SIGUSR2 },     { "PIPE", SIGPIPE },     { "ALRM", SIGALRM },
    { "TERM", SIGTERM },     { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },
    { "CLD", SIGCHLD },      { "CONT", SIGCONT },     { "STOP", SIGSTOP },
    { "TSTP", SIGTSTP },     { "TTIN", SIGTTIN },     { "TTOU", SIGTTOU },
    { "URG", SIGURG },       { "XCPU", SIGXCPU },     { "XFSZ", SIGXFSZ },
    { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },     { "WINCH", SIGWINCH },
    { "IO", SIGIO },         { "POLL", SIGIO },       { "PWR", SIGPWR },
    { "SYS", SIGSYS },
};

/* "RTMIN", "RTMIN+3", "RTMAX-1"; 0 when it is none of them. */
static int realtime_signal(const char *name)
{
    int base, sign, offset = 0;
    char *end;

    if (strncasecmp(name, "RTMIN", 5) == 0) {
        base = GUEST_RTMIN;
        sign = '+';
    } else if (strncasecmp(name, "RTMAX", 5) == 0) {
        base = GUEST_RTMAX;
        sign = '-';
    } else {
        return 0;
    }
    name += 5;
    if (*name) {
        if (*name != sign || name[1] < '0' || name[1] > '9')
            return 0;
        offset = (int)strtol(name, &end, 10);
        if (*end || offset < GUEST_RTMIN - GUEST_RTMAX ||
            offset > GUEST_RTMAX - GUEST_RTMIN)
            return 0;
    }
    return base + offset;
}

int hx_signal_parse(const char *what, const char *text, int *signum_r,
                    struct hx_err *err)
{
    const char *name = text;
    int found = 0;

    if (*text >= '0' && *text <= '9') {
        char *end;
        long number = strtol(text, &end, 10);

        if (!*end && number >= 1 && number <= GUEST_RTMAX)
            found = (int)number;
    } else {
        if (strncasecmp(name, "SIG", 3) == 0)
            name += 3;
        for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
            if (strcasecmp(name, signals[i].name) == 0)
                found = signals[i].number;
        }
        if (!found)
            found = realtime_signal(name);
    }
    if (!found)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: '%.64s' is no signal; write TERM, SIGTERM or 15",
                          what, text);
    *signum_r = found;
    return 0;
}

const char *hx_signal_name(int signum)
{
    static char text[24];

    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        if (signals[i].number == signum) {
            snprintf(text, sizeof(text), "SIG%s", signals[i].name);
            return text;
        }
    }
    if (signum < GUEST_RTMIN || signum > GUEST_RTMAX)
        return "SIG?";
    if (signum == GUEST_RTMIN)
        return "SIGRTMIN";
    snprintf(text, sizeof(text), "SIGRTMIN+%d", signum - GUEST_RTMIN);
    return text;
}
