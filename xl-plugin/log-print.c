/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/log-print.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "xl-plugin/times.h"

static int write_out(int out, const char *data, size_t len, struct hx_err *err)
{
    while (len > 0) {
        ssize_t n = write(out, data, len);

        if (n >= 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            /* Whoever gave us the descriptor made it non-blocking. */
            struct pollfd wait = { .fd = out, .events = POLLOUT };

            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "writing the container's output");
        }
    }
    return 0;
}

int hx_log_print(void *printer, const struct hx_log_record *record,
                 struct hx_err *err)
{
    struct hx_log_printer *p = printer;
    int fd = p->fd[record->stream];
    char time[HX_TIME_TEXT + 1];
    int r = 0;

    if (p->timestamps && !p->within_line[record->stream] && record->len > 0) {
        hx_time_print_ns(record->time_ns, time);
        strcat(time, " ");
        r = write_out(fd, time, strlen(time), err);
    }
    if (r == 0)
        r = write_out(fd, record->text, record->len, err);
    if (record->len > 0)
        p->within_line[record->stream] = record->text[record->len - 1] != '\n';
    return r;
}
