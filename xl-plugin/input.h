/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our standard input as a container's, and our terminal's size as its own,
 * beside a pod in the foreground.
 */
#ifndef HX_INPUT_H
#define HX_INPUT_H

#include "xl-plugin/foreground.h"

/*
 * Starts a thread that lives as long as the process, and makes our terminal
 * raw when the container has one; hx_tty_restore() is the caller's to call.
 * *left_r is readable once the detach keys were typed; it is never closed.
 */
int hx_input_start(const struct hx_foreground *how, const struct hx_pod *pod,
                   int *left_r, struct hx_err *err);

/* docker's refusal: a container's terminal wants one of ours. */
int hx_input_check(bool tty, bool open_stdin, struct hx_err *err);

#endif
