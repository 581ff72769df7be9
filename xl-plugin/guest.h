/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What commands ask of a running pod's guest, beside running a program in it:
 * files, processes.
 *
 *     struct hx_guest guest;
 *
 *     r = hx_guest_find("web", &guest, err);
 *     r = hx_guest_ask(&guest, &spec, in, out, &words, err);
 *     hx_guest_release(&guest);
 */
#ifndef HX_GUEST_H
#define HX_GUEST_H

#include "domain-builder/pod-exec.h"
#include "image/base/buf.h"
#include "xl-plugin/session.h"

struct hx_guest {
    struct hx_host *host;
    struct hx_pod pod;
};

/*
 * A pod that runs.  HX_ERR_STATE, with the way out, for one that does not.
 * *guest_r is for hx_guest_release(), also after a failure.
 */
int hx_guest_find(const char *name, struct hx_guest *guest_r,
                  struct hx_err *err);
void hx_guest_release(struct hx_guest *guest);

/*
 * Asks, and joins the session's streams to `in` and `out` (-1: none) until the
 * guest has ended it.  0 when it has done what was asked; else HX_ERR_GUEST
 * and its own sentence.  *typed_r, unless NULL, is the number of bytes that
 * came from `in`.  SIGPIPE is to be ignored.
 */
int hx_guest_ask(struct hx_guest *guest, const struct hx_exec_spec *spec,
                 int in, int out, uint64_t *read_r, struct hx_err *err);

/* The same without `in`; the output is text_r's, which bounds it: more is
 * HX_ERR_GUEST. */
int hx_guest_tell(struct hx_guest *guest, const struct hx_exec_spec *spec,
                  struct hx_buf *text, struct hx_err *err);

#endif
