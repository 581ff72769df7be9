/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/memo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool hx_memo_tty_valid(const char *path)
{
    static const char pts[] = "/dev/pts/";
    const char *number = path + sizeof(pts) - 1;
    size_t digits;

    if (strncmp(path, pts, sizeof(pts) - 1) != 0)
        return false;
    digits = strspn(number, "0123456789");
    return digits >= 1 && digits <= 9 && number[digits] == '\0';
}

void hx_memo_format(const struct hx_memo *memo, char text_r[HX_MEMO_TEXT_MAX])
{
    snprintf(text_r, HX_MEMO_TEXT_MAX, "tty %s %" PRIu64 " %" PRIu64 "\n",
             memo->tty[0] ? memo->tty : "-", memo->device, memo->born_ns);
}

int hx_memo_parse(const char *text, struct hx_memo *memo_r)
{
    struct hx_memo memo = { 0 };
    int end = -1;

    if (sscanf(text, "tty %31s %" SCNu64 " %" SCNu64 "\n%n", memo.tty,
               &memo.device, &memo.born_ns, &end) != 3 ||
        end < 0 || text[end] != '\0')
        return -1;
    if (strcmp(memo.tty, "-") == 0)
        memo.tty[0] = '\0';
    else if (!hx_memo_tty_valid(memo.tty))
        return -1;
    *memo_r = memo;
    return 0;
}
