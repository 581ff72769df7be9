/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/steps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void held_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

/* A blocked signal is pending even when it is ignored (nohup). */
static int would_end_us(int sig)
{
    struct sigaction action;

    return sigaction(sig, NULL, &action) < 0 || action.sa_handler != SIG_IGN;
}

static int check_interrupted(struct hx_err *err)
{
    sigset_t held, pending;

    held_signals(&held);
    sigpending(&pending);
    for (int sig = 1; sig < NSIG; sig++)
        if (sigismember(&held, sig) == 1 && sigismember(&pending, sig) == 1 &&
            would_end_us(sig))
            return hx_err_set(err, HX_ERR_INTERRUPTED,
                              "interrupted by signal %d; all that was done is "
                              "undone",
                              sig);
    return 0;
}

/* Whether HX_FAIL_AT names this step; does not return with ":kill". */
static int check_injected(const char *name, struct hx_err *err)
{
    const char *at = getenv("HX_FAIL_AT");
    size_t len = strlen(name);

    if (!at || strncmp(at, name, len) != 0)
        return 0;
    if (strcmp(at + len, ":kill") == 0)
        raise(SIGKILL);
    if (at[len] != '\0')
        return 0;
    return hx_err_set(err, HX_ERR_SYSTEM,
                      "step '%s' fails because HX_FAIL_AT says so; unset it",
                      name);
}

static int run_held(const struct hx_step *steps, size_t count, void *ctx,
                    struct hx_err *err)
{
    size_t done = 0;
    int r = 0;

    while (r == 0 && done < count) {
        r = check_interrupted(err);
        if (r == 0)
            r = steps[done].act(ctx, err);
        if (r < 0)
            break;
        r = check_injected(steps[done].name, err);
        done++;
    }
    if (r == 0)
        return 0;
    while (done-- > 0)
        if (steps[done].undo)
            steps[done].undo(ctx);
    return r;
}

int hx_steps_run(const struct hx_step *steps, size_t count, void *ctx,
                 struct hx_err *err)
{
    sigset_t held, before;
    int r;

    held_signals(&held);
    sigprocmask(SIG_BLOCK, &held, &before);
    r = run_held(steps, count, ctx, err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return r;
}
