/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/boot-id.h"

#include <string.h>

#include "image/base/file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

void hx_boot_id(char id_r[HX_BOOT_ID_TEXT])
{
    _cleanup_buf_ struct hx_buf text = { 0 };

    id_r[0] = '\0';
    if (hx_file_read(BOOT_ID, 64, &text, NULL) < 0 ||
        text.len < HX_BOOT_ID_TEXT - 1)
        return;
    memcpy(id_r, text.data, HX_BOOT_ID_TEXT - 1);
    id_r[HX_BOOT_ID_TEXT - 1] = '\0';
}
