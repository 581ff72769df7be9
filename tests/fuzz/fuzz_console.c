/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What dom0 reads of a guest's xenstore: its reports; and the monitor's memo
 * of the console.  The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/guest-report.h"
#include "domain-builder/monitor/memo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "KEY\0VALUE", over and over. */
static void try_report(const uint8_t *data, size_t size)
{
    struct hx_guest_report report;
    struct hx_pod pod = { .spec.container_count = 2 };

    hx_guest_report_init(&report);
    while (size) {
        const uint8_t *nul = memchr(data, 0, size);
        const char *key = (const char *)data;
        size_t value_len;

        if (!nul)
            break;
        size -= (size_t)(nul + 1 - data);
        data = nul + 1;
        nul = memchr(data, '\n', size);
        value_len = nul ? (size_t)(nul - data) : size;
        hx_guest_report_take(&report, key, (const char *)data, value_len);
        size -= value_len;
        data += value_len;
    }
    if (hx_guest_report_end(&report, HX_DOMAIN_ENDED, true, NULL, &pod, NULL) <
            0 ||
        pod.exit_code < 0 || pod.exit_code > 255 ||
        (pod.exit_code == 0 && pod.end != HX_END_EXIT) ||
        (pod.message && strpbrk(pod.message, "\033\n\r\007")))
        abort();
    pod.spec.container_count = 0;
    hx_pod_release(&pod);
}

static void try_memo(const uint8_t *data, size_t size)
{
    char text[256], again[HX_MEMO_TEXT_MAX];
    struct hx_memo memo, same;

    if (size >= sizeof(text))
        size = sizeof(text) - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    if (hx_memo_parse(text, &memo) < 0)
        return;
    hx_memo_format(&memo, again);
    if (hx_memo_parse(again, &same) < 0 || strcmp(memo.tty, same.tty) != 0 ||
        memo.device != same.device || memo.born_ns != same.born_ns)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2)
        try_report(data + 1, size - 1);
    else
        try_memo(data + 1, size - 1);
    return 0;
}
