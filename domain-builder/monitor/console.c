/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>

#include "image/base/cleanup.h"
#include "image/base/clock.h"
#include "image/base/escape.h"
#include "image/base/file.h"

#define PANIC "Kernel panic - not syncing"

/* -- opening ----------------------------------------------------------------
 */

static int sys_err(const char *what, struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening the console: %s",
                      what);
}

static int open_log(struct hx_console *console, const struct hx_pod_dir *dir,
                    struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/console.log", dir->path) < 0) {
        path = NULL;
        return sys_err("its log", err);
    }
    return hx_bound_log_open(&console->log, path, HX_CONSOLE_LOG_MAX_BYTES,
                             err);
}

static void make_raw(int tty)
{
    struct termios mode;

    if (tcgetattr(tty, &mode) == 0) {
        cfmakeraw(&mode);
        tcsetattr(tty, TCSANOW, &mode);
    }
}

/* Makes `link` point to `target`, over what was there. */
static int put_link(const char *target, const char *link)
{
    _cleanup_free_ char *temp = NULL;

    if (asprintf(&temp, "%s.new", link) < 0) {
        temp = NULL;
        return -1;
    }
    unlink(temp);
    return symlink(target, temp) == 0 && rename(temp, link) == 0 ? 0 : -1;
}

static int open_terminal(struct hx_console *console, struct hx_err *err)
{
    char name[64];

    console->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (console->master < 0 || grantpt(console->master) < 0 ||
        unlockpt(console->master) < 0 ||
        ptsname_r(console->master, name, sizeof(name)) != 0)
        return sys_err("making a terminal", err);
    console->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (console->slave < 0)
        return sys_err(name, err);
    make_raw(console->slave);
    if (put_link(name, console->link) < 0)
        return sys_err(console->link, err);
    return 0;
}

static void read_memo(struct hx_console *console)
{
    _cleanup_buf_ struct hx_buf text = { 0 };

    if (hx_file_read(console->memo_path, HX_MEMO_TEXT_MAX, &text, NULL) == 0 &&
        text.data)
        hx_memo_parse(text.data, &console->memo);
}

static void write_memo(const struct hx_console *console)
{
    char text[HX_MEMO_TEXT_MAX];

    hx_memo_format(&console->memo, text);
    /* Without it a successor would only lose its place. */
    hx_file_write_atomic(console->memo_path, text, strlen(text), 0600, NULL);
}

int hx_console_open(struct hx_console *console, const struct hx_pod_dir *dir,
                    struct hx_err *err)
{
    int r;

    memset(console, 0, sizeof(*console));
    console->upstream = console->master = console->slave = -1;
    if (asprintf(&console->link, "%s/tty", dir->run_path) < 0)
        console->link = NULL;
    if (asprintf(&console->memo_path, "%s/console", dir->run_path) < 0)
        console->memo_path = NULL;
    if (!console->link || !console->memo_path)
        return sys_err("its names", err);
    read_memo(console);
    r = open_log(console, dir, err);
    if (r == 0)
        r = open_terminal(console, err);
    return r;
}

void hx_console_close(struct hx_console *console)
{
    hx_cleanup_close(&console->upstream);
    hx_cleanup_close(&console->master);
    hx_cleanup_close(&console->slave);
    console->upstream = console->master = console->slave = -1;
    hx_bound_log_close(&console->log);
    free(console->link);
    free(console->memo_path);
    console->link = console->memo_path = NULL;
}

/* -- upstream ---------------------------------------------------------------
 */

static void detach(struct hx_console *console)
{
    hx_cleanup_close(&console->upstream);
    console->upstream = -1;
    console->input_len = 0;
}

/* Opens xenconsoled's terminal and tells by what it is known again. */
static int open_tty(const char *path, struct hx_memo *memo_r)
{
    _cleanup_close_ int fd =
        open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || !isatty(fd))
        return -1;
    memo_r->device = st.st_rdev;
    memo_r->born_ns = (uint64_t)st.st_ctim.tv_sec * 1000000000u +
                      (uint64_t)st.st_ctim.tv_nsec;
    return hx_steal_fd(&fd);
}

bool hx_console_attach(struct hx_console *console, const char *tty)
{
    bool ours = strcmp(tty, console->link) == 0;
    struct hx_memo memo = { 0 };
    int fd;

    if (ours && console->upstream >= 0)
        return false; /* the echo of our own writing */
    if (ours)
        tty = console->memo.tty;
    if (!hx_memo_tty_valid(tty))
        return false;
    strcpy(memo.tty, tty);
    fd = open_tty(tty, &memo);
    if (fd < 0)
        return false;
    if (strcmp(tty, console->memo.tty) == 0 &&
        (memo.device != console->memo.device ||
         memo.born_ns != console->memo.born_ns)) {
        close(fd); /* somebody else's by now */
        return false;
    }
    make_raw(fd);
    detach(console);
    console->upstream = fd;
    console->memo = memo;
    write_memo(console);
    return true;
}

/* -- output -----------------------------------------------------------------
 */

static void to_ring(struct hx_console *console, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        console->ring[console->written++ % HX_CONSOLE_RING] = data[i];
}

/*
 * Shows what was not shown yet.  A terminal that nobody reads fills up; when
 * our ring has gone round meanwhile, what waits in the terminal is thrown
 * away too: who looks at it at last wants to see the newest.
 */
static void show(struct hx_console *console)
{
    if (console->written - console->shown > HX_CONSOLE_RING) {
        tcflush(console->slave, TCIFLUSH);
        console->shown = console->written - HX_CONSOLE_RING;
    }
    while (console->shown < console->written) {
        size_t at = console->shown % HX_CONSOLE_RING;
        size_t len = HX_CONSOLE_RING - at;
        ssize_t n;

        if (len > console->written - console->shown)
            len = (size_t)(console->written - console->shown);
        n = write(console->master, console->ring + at, len);
        if (n <= 0)
            return;
        console->shown += (uint64_t)n;
    }
}

void hx_console_add(struct hx_console *console, const char *data, size_t len)
{
    to_ring(console, data, len);
    show(console);
}

/* Whether anything was read. */
static bool read_output(struct hx_console *console)
{
    char data[4096];
    ssize_t n = read(console->upstream, data, sizeof(data));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        /* xenconsoled has gone; a new one says so, and may well get the
         * same name. */
        detach(console);
        console->memo.tty[0] = '\0';
        write_memo(console);
        return false;
    }
    hx_bound_log_write(&console->log, data, (size_t)n);
    hx_console_add(console, data, (size_t)n);
    return true;
}

/* -- input ------------------------------------------------------------------
 */

static void read_input(struct hx_console *console)
{
    ssize_t n = read(console->master, console->input, sizeof(console->input));

    if (n > 0 && console->upstream >= 0)
        console->input_len = (size_t)n;
}

static void write_input(struct hx_console *console)
{
    ssize_t n = write(console->upstream, console->input, console->input_len);

    if (n <= 0)
        return;
    console->input_len -= (size_t)n;
    memmove(console->input, console->input + n, console->input_len);
}

/* -- serving ----------------------------------------------------------------
 */

void hx_console_poll(const struct hx_console *console, struct pollfd fds[2])
{
    bool typed = console->input_len > 0;

    fds[0] = (struct pollfd){
        .fd = console->upstream,
        .events = (short)(POLLIN | (typed ? POLLOUT : 0)),
    };
    fds[1] = (struct pollfd){
        .fd = console->master,
        .events = (short)((typed ? 0 : POLLIN) |
                          (console->shown < console->written ? POLLOUT : 0)),
    };
}

void hx_console_serve(struct hx_console *console, const struct pollfd fds[2])
{
    if (fds[1].revents & POLLIN)
        read_input(console);
    if (fds[1].revents & POLLOUT)
        show(console);
    if (console->upstream >= 0 && console->input_len)
        write_input(console);
    if (console->upstream >= 0 &&
        (fds[0].revents & (POLLIN | POLLHUP | POLLERR)))
        read_output(console);
}

void hx_console_drain(struct hx_console *console, int quiet_ms, int max_ms)
{
    int64_t deadline_ms = hx_clock_monotonic_ms() + max_ms;

    for (;;) {
        struct pollfd pfd = { .fd = console->upstream, .events = POLLIN };
        int64_t left_ms = deadline_ms - hx_clock_monotonic_ms();
        int r;

        if (console->upstream < 0 || left_ms <= 0)
            break;
        r = poll(&pfd, 1, left_ms < quiet_ms ? (int)left_ms : quiet_ms);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        read_output(console);
    }
}

/* -- panic ------------------------------------------------------------------
 */

char *hx_console_panic(struct hx_console *console)
{
    size_t len = console->written < HX_CONSOLE_RING ? (size_t)console->written
                                                    : HX_CONSOLE_RING;
    _cleanup_free_ char *text = malloc(len + 1);
    char *at, *sentence;

    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i++)
        text[i] = console->ring[(console->written - len + i) % HX_CONSOLE_RING];
    text[len] = '\0';
    at = memmem(text, len, PANIC, strlen(PANIC));
    if (!at)
        return NULL;
    sentence = strndup(at, strcspn(at, "\r\n"));
    if (sentence && strlen(sentence) > 400)
        sentence[400] = '\0';
    if (sentence)
        hx_escape_in_place(sentence);
    return sentence;
}
