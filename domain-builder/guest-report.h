/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest says of itself in xenstore, data/hyper of guest-abi.h, and
 * what follows from it and from Xen about a pod's end.  Pure.
 *
 * The guest is hostile: a value is taken when it is exactly what the contract
 * allows, and else it is as if it had not been written.
 */
#ifndef HX_GUEST_REPORT_H
#define HX_GUEST_REPORT_H

#include "domain-builder/pod.h"
#include "pv-init/guest-abi.h"

enum hx_guest_state {
    HX_GUEST_SILENT, /* has not said a word */
    HX_GUEST_BOOTING,
    HX_GUEST_RUNNING,
    HX_GUEST_EXITED,
    HX_GUEST_FAILED
};

#define HX_GUEST_STAGES_MAX 8

struct hx_guest_report {
    enum hx_guest_state state;
    int exit_code[HX_ABI_CONTAINERS_MAX]; /* 0..255, or -1 */
    char error[512];                      /* printable; "" is none */
    struct {
        char name[16]; /* one of HX_ABI_STAGES */
        uint64_t us;
    } stages[HX_GUEST_STAGES_MAX];
    size_t stage_count;
};

void hx_guest_report_init(struct hx_guest_report *report);

/*
 * Takes one node: `key` relative to data/hyper ("state", "exit/0", ...).
 * Returns whether it was taken; what was refused leaves *report as it was.
 */
bool hx_guest_report_take(struct hx_guest_report *report, const char *key,
                          const char *value, size_t len);

/*
 * Takes every node of the contract, and none other, by `read`: the value of a
 * key and its length, valid until the next call, or NULL when there is none.
 * What can't be read leaves what *report had, so that the words of a domain
 * that is gone stay.
 */
typedef const char *hx_guest_report_reader(void *ctx, const char *key,
                                           size_t *len_r);
void hx_guest_report_read(struct hx_guest_report *report, size_t containers,
                          hx_guest_report_reader *read, void *ctx);

/* A decimal number of 0..max without sign, blank or leading zero; or -1. */
int hx_guest_number(const char *text, size_t len, uint64_t max,
                    uint64_t *number_r);

/* What Xen says of a pod's domain. */
enum hx_domain_fate {
    HX_DOMAIN_ALIVE,   /* runs, or is paused, or being saved */
    HX_DOMAIN_ENDED,   /* shut itself down; still there to be asked */
    HX_DOMAIN_CRASHED, /* the same, with the guest's kernel at fault */
    HX_DOMAIN_DYING,   /* being destroyed */
    HX_DOMAIN_GONE
};

/*
 * Records in *pod how it ended: state, end, exit_code, message and the guest's
 * stages; finished_at_ms is the caller's.  `witnessed`: somebody watched the
 * domain until it went.  `panic` is the kernel's last word on the console,
 * printable, or NULL.  Only HX_END_EXIT can have exit code 0:
 *
 *     exit codes of all containers known   exit, or failed when pv-init says
 *                                          why it is 125..127; the code is
 *                                          the first that is not 0; with 137
 *                                          its words are kept, too
 *     state "failed"                       failed, 125..127
 *     domain crashed                       crash, 125, or 137 when its kernel
 *                                          could not go on without memory
 *     domain shut down without a report    crash, 125
 *     domain gone, witnessed               destroyed, 137
 *     domain gone, nobody saw it           lost, 255
 *
 * 0 or HX_ERR_SYSTEM without memory.
 */
int hx_guest_report_end(const struct hx_guest_report *report,
                        enum hx_domain_fate fate, bool witnessed,
                        const char *panic, struct hx_pod *pod,
                        struct hx_err *err);

#endif
