/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One writer for one object of the store: the temporary file that is named
 * after it, locked.  Who comes second waits, and then finds the object done.
 */
#ifndef HX_PULL_CLAIM_H
#define HX_PULL_CLAIM_H

#include "image/base/err.h"

struct hx_claim {
    const char *temp;   /* path in tmp/ */
    const char *object; /* how it is called in progress and errors */
    /* 1 when the object is there and nothing is to be done, 0 when not. */
    int (*is_done)(void *opaque, struct hx_err *err);
    void *opaque;
};

/*
 * 1: the object is there; 0: *fd_r is the temporary file, locked, with what a
 * killed writer left in it.  HX_ERR_STATE when another writer holds it and
 * has written nothing for a quarter of an hour.
 */
int hx_claim_take(const struct hx_claim *claim, int *fd_r, struct hx_err *err);

/* The same without waiting: HX_CLAIM_HELD when another writer is at it. */
#define HX_CLAIM_HELD 2
int hx_claim_try(const struct hx_claim *claim, int *fd_r, struct hx_err *err);

#endif
