/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/file.h"
#include "tests/unit/unit.h"

void golden_compare(const char *name, const char *text)
{
    struct hx_buf expected = HX_BUF_INIT(1u << 20);
    struct hx_err err = { 0 };
    char path[256];

    snprintf(path, sizeof(path), "tests/golden/%s", name);
    if (getenv("HX_GOLDEN_UPDATE")) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
        return;
    }
    if (hx_file_read(path, 1u << 20, &expected, &err) < 0)
        fail_msg("%s (HX_GOLDEN_UPDATE=1 makes it)", err.msg);
    assert_string_equal(text, expected.data ? expected.data : "");
    hx_buf_release(&expected);
}
