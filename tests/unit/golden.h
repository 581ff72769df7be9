/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparing with a file under tests/golden; HX_GOLDEN_UPDATE=1 writes it. */
#ifndef HX_TESTS_GOLDEN_H
#define HX_TESTS_GOLDEN_H

/* `name` is relative to tests/golden. */
void golden_compare(const char *name, const char *text);

#endif
