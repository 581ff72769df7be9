/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of a log, written where they came from: to stdout or to stderr. */
#ifndef HX_LOG_PRINT_H
#define HX_LOG_PRINT_H

#include <stdbool.h>

#include "image/base/err.h"
#include "xl-plugin/log-record.h"

struct hx_log_printer {
    int fd[2];           /* for stdout and stderr */
    bool timestamps;     /* before each line */
    bool within_line[2]; /* the printer's own */
};

/*
 * An hx_follow_sink; `printer` is a struct hx_log_printer.  Writes the bytes as
 * they are.  HX_ERR_SYSTEM with `sys` EPIPE when nobody reads any more.
 */
int hx_log_print(void *printer, const struct hx_log_record *record,
                 struct hx_err *err);

#endif
