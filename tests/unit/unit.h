/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmocka, with what it needs before it, in the order it needs it. */
#ifndef HX_TESTS_UNIT_H
#define HX_TESTS_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* Skips a test without what its group's setup looked for, and left *state NULL
 * for. */
#define NEED(state)                                                            \
    do {                                                                       \
        if (!*(state))                                                         \
            skip();                                                            \
    } while (0)

#endif
