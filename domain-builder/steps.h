/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ordered steps, each undone when a later one fails.
 *
 *     static const struct hx_step steps[] = {
 *         { "bridge", make_bridge, NULL },
 *         { "address", take_address, give_address_back },
 *         ...
 *     };
 *     r = hx_steps_run(steps, HX_STEPS_COUNT(steps), &build, err);
 *
 * A step that fails has left nothing behind itself: its own `undo` is not
 * called, only those of the steps before it, last one first.
 *
 * SIGINT, SIGTERM and SIGHUP are held back while steps run and looked at
 * between two of them: then what was done is undone, HX_ERR_INTERRUPTED
 * returned, and the signal delivered as ever.
 *
 * For tests, the environment's HX_FAIL_AT=NAME lets the step NAME fail after
 * it was done (it is then undone too), and HX_FAIL_AT=NAME:kill ends the
 * process there with SIGKILL.
 */
#ifndef HX_STEPS_H
#define HX_STEPS_H

#include <stddef.h>

#include "image/base/err.h"

struct hx_step {
    const char *name; /* stable: tests and messages quote it */
    int (*act)(void *ctx, struct hx_err *err);
    void (*undo)(void *ctx); /* or NULL; may be called twice */
};

#define HX_STEPS_COUNT(steps) (sizeof(steps) / sizeof((steps)[0]))

int hx_steps_run(const struct hx_step *steps, size_t count, void *ctx,
                 struct hx_err *err);

#endif
