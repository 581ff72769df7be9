/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest that lies: PID 1 of a test domain, in pv-init's place.  The pod's
 * command names the lie, one of those in the table at the end:
 *
 *     xl hyper-create --name liar busybox lengths
 *
 * Each goes on until the domain is destroyed; tests/lab/80-hostile.sh looks at
 * what dom0 makes of it.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/libxenvchan.h>

/* linux-libc-dev's header uses it and defines it not. */
typedef uint16_t domid_t;
#include <xen/evtchn.h>

#include "pv-init/config.h"
#include "pv-init/console.h"
#include "pv-init/mounts.h"
#include "pv-init/power.h"
#include "pv-init/report.h"
#include "pv-init/vchan.h"

static struct hx_init_xs xs;
static struct hx_init_report report = { .xs = &xs };
static struct hx_init_vchan vchan;
static struct hx_init_config config;

static void __attribute__((noreturn)) give_up(const char *why)
{
    int console = open("/dev/console", O_WRONLY);

    dprintf(console, "hostile guest: %s\n", why);
    hx_init_power_off(false);
}

static void pause_ms(int ms)
{
    struct timespec ts = { .tv_sec = ms / 1000,
                           .tv_nsec = ms % 1000 * 1000000L };

    hx_init_xs_run(&xs);
    nanosleep(&ts, NULL);
}

/* -- a connection ------------------------------------------------------------
 */

static void new_vchan(void)
{
    struct hx_init_err err;

    hx_init_vchan_release(&vchan);
    if (hx_init_vchan_open(&vchan, &err) < 0)
        give_up(err.msg);
    hx_init_vchan_publish(&vchan, &xs);
}

static void wait_for_news(void)
{
    struct pollfd fds[] = {
        { .fd = vchan.evtchn, .events = POLLIN },
        { .fd = hx_init_xs_fd(&xs), .events = POLLIN },
    };

    poll(fds, 2, 200);
    if (fds[0].revents)
        hx_init_vchan_events(&vchan);
    hx_init_xs_run(&xs);
}

/* False when the client has gone. */
static bool write_all(const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = hx_init_vchan_write(&vchan, p, len);

        if (n < 0)
            return false;
        if (n == 0)
            wait_for_news();
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_all(void *data, size_t len)
{
    uint8_t *p = data;

    while (len > 0) {
        ssize_t n = hx_init_vchan_read(&vchan, p, len);

        if (n < 0)
            return false;
        if (n == 0)
            wait_for_news();
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_frame(const struct hx_ch_frame *frame, const void *payload)
{
    uint8_t header[HX_CH_HEADER_BYTES];

    hx_ch_encode(frame, header);
    return write_all(header, sizeof(header)) &&
           (!payload || write_all(payload, frame->payload));
}

static bool send_simple(enum hx_ch_type type, enum hx_ch_stream stream,
                        uint64_t session, uint64_t value, const char *text)
{
    struct hx_ch_frame frame = {
        .payload = text ? (uint32_t)strlen(text) : 0,
        .type = (uint8_t)type,
        .stream = (uint8_t)stream,
        .session = session,
        .value = value,
    };

    return send_frame(&frame, text);
}

static bool receive(struct hx_ch_frame *frame, uint8_t *payload)
{
    uint8_t header[HX_CH_HEADER_BYTES];

    return read_all(header, sizeof(header)) &&
           hx_ch_decode(header, frame) == 0 &&
           read_all(payload, frame->payload);
}

static bool say_hello(unsigned oldest, unsigned newest)
{
    struct hx_ch_frame frame = { .type = HX_CH_HELLO,
                                 .payload = HX_CH_HELLO_BYTES };
    uint8_t payload[HX_CH_HELLO_BYTES];

    hx_ch_put(payload, HX_CH_MAGIC, 4);
    hx_ch_put(payload + 4, oldest, 2);
    hx_ch_put(payload + 6, newest, 2);
    return send_frame(&frame, payload);
}

/* A new vchan, and what comes first on it is as it should be. */
static bool begin(void)
{
    static uint8_t payload[HX_CH_PAYLOAD_MAX];
    struct hx_ch_frame frame;

    new_vchan();
    return receive(&frame, payload) &&
           say_hello(HX_CH_VERSION_MIN, HX_CH_VERSION);
}

/* Until the client has had enough of it. */
static void listen_on(void)
{
    static uint8_t payload[HX_CH_PAYLOAD_MAX];
    struct hx_ch_frame frame;

    while (receive(&frame, payload))
        ;
}

/* -- lies on the channel -----------------------------------------------------
 */

static void lie_silent(void)
{
    new_vchan();
    for (;;)
        wait_for_news();
}

static void lie_lengths(void)
{
    struct hx_ch_frame frame = { .type = HX_CH_DATA,
                                 .stream = HX_CH_STDOUT,
                                 .payload = UINT32_MAX };

    if (begin() && send_frame(&frame, NULL))
        listen_on();
}

static void lie_streams(void)
{
    if (begin() && send_simple(HX_CH_DATA, 9, 0, 0, "text"))
        listen_on();
}

static void lie_offsets(void)
{
    static const uint64_t offsets[] = { UINT64_MAX, 1, HX_CH_WINDOW,
                                        HX_CH_TAKEN_END, UINT64_MAX - 3 };

    for (unsigned i = 0; i < HX_INIT_COUNT(offsets); i++) {
        if (begin() &&
            send_simple(HX_CH_DATA, HX_CH_STDOUT, 0, offsets[i], "text"))
            listen_on();
        if (begin() &&
            send_simple(HX_CH_END, HX_CH_STDOUT, 0, offsets[i], NULL))
            listen_on();
    }
}

/* All that the window allows, and then more. */
static void lie_windows(void)
{
    static char text[1025];
    uint64_t offset = 0;

    memset(text, 'x', sizeof(text) - 1);
    if (!begin())
        return;
    while (send_simple(HX_CH_DATA, HX_CH_STDERR, 0, offset, text))
        offset += sizeof(text) - 1;
}

static void lie_sessions(void)
{
    uint64_t session = 1;

    if (!begin())
        return;
    for (unsigned i = 0; i < 20000; i++) {
        static const enum hx_ch_type types[] = {
            HX_CH_DATA,  HX_CH_OPENED, HX_CH_ENDED, HX_CH_GONE,
            HX_CH_STATS, HX_CH_TAKEN,  HX_CH_END,   HX_CH_OPEN,
            HX_CH_CLOSE, HX_CH_RESUME, 77,          HX_CH_ATTACH,
        };

        session = session * 6364136223846793005u + 1442695040888963407u;
        if (!send_simple(types[i % HX_INIT_COUNT(types)], i % HX_CH_STREAMS,
                         session, session >> 3, "text"))
            return;
    }
    listen_on();
}

static void lie_credits(void)
{
    if (!begin())
        return;
    for (uint64_t session = 0; session < 32; session++) {
        if (!send_simple(HX_CH_TAKEN, HX_CH_STDIN, session, UINT64_MAX, NULL) ||
            !send_simple(HX_CH_TAKEN, HX_CH_STDOUT, session, 1u << 30, NULL))
            return;
    }
    listen_on();
}

static void lie_versions(void)
{
    static uint8_t payload[HX_CH_PAYLOAD_MAX];
    struct hx_ch_frame frame;

    new_vchan();
    if (receive(&frame, payload) && say_hello(200, 300))
        listen_on();
}

static void lie_short(void)
{
    new_vchan();
    if (send_simple(HX_CH_HELLO, 0, 0, 0, "h"))
        listen_on();
}

static void lie_bye(void)
{
    static char text[HX_CH_PAYLOAD_MAX];

    for (unsigned i = 0; i + 8 < sizeof(text); i += 8)
        memcpy(text + i, "\033]0;x\007\n\r", 8);
    if (begin() && send_simple(HX_CH_BYE, 0, 0, 0, text))
        listen_on();
}

/* Opens what is asked for, and then ends it in ways that cannot be. */
static void lie_exec(void)
{
    static uint8_t payload[HX_CH_PAYLOAD_MAX];
    struct hx_ch_frame frame;

    if (!begin())
        return;
    for (unsigned i = 0; receive(&frame, payload); i++) {
        uint64_t session = frame.session;

        if (frame.type != HX_CH_OPEN || frame.flags & HX_CH_FLAG_MORE)
            continue;
        send_simple(HX_CH_OPENED, 0, session, UINT64_MAX, NULL);
        if (i % 2 == 0) {
            send_simple(HX_CH_ENDED, 0, session, UINT64_C(1) << 40,
                        "\033[2J\033]0;owned\007ended");
        } else {
            send_simple(HX_CH_DATA, HX_CH_STDOUT, session, 0, "before");
            send_simple(HX_CH_DATA, HX_CH_STDOUT, session, 3, "again");
        }
    }
}

/* Takes every OPEN and never answers. */
static void lie_mute(void)
{
    if (begin())
        listen_on();
}

/* -- lies about the ring -----------------------------------------------------
 */

static void lie_indices(void)
{
    if (!begin())
        return;
    for (;;) {
        struct ioctl_evtchn_notify notify = { .port = vchan.port };

        vchan.ring->right.prod += 0x10000001;
        vchan.ring->left.cons -= 12345;
        ioctl(vchan.evtchn, IOCTL_EVTCHN_NOTIFY, &notify);
        pause_ms(1);
    }
}

static void lie_orders(void)
{
    static const uint16_t orders[] = { 31, 0, 65535, 21, 10, 11 };

    for (unsigned i = 0; i < HX_INIT_COUNT(orders); i++) {
        struct hx_init_err err;

        hx_init_vchan_release(&vchan);
        if (hx_init_vchan_open(&vchan, &err) < 0)
            give_up(err.msg);
        vchan.ring->left_order = orders[i];
        vchan.ring->right_order = orders[HX_INIT_COUNT(orders) - 1 - i];
        hx_init_vchan_publish(&vchan, &xs);
        for (unsigned j = 0; j < 20; j++)
            wait_for_news();
    }
}

static void lie_grants(void)
{
    new_vchan();
    for (unsigned i = 0; i < 24; i++)
        vchan.ring->grants[i] = i * 0x01010101u;
    for (unsigned j = 0; j < 50; j++)
        wait_for_news();
}

static void lie_refs(void)
{
    static char longest[2000];
    const char *const refs[] = {
        "0",         "-1",  "4294967295",  "99999999999999999999999",
        "../../0/x", "%n%", "\033[2Jtext", longest,
    };

    memset(longest, '7', sizeof(longest) - 1);
    for (unsigned i = 0; i < HX_INIT_COUNT(refs); i++) {
        hx_init_xs_write(&xs, HX_CH_XENSTORE_DIR "/event-channel",
                         refs[HX_INIT_COUNT(refs) - 1 - i]);
        hx_init_xs_write(&xs, HX_CH_XENSTORE_DIR "/ring-ref", refs[i]);
        for (unsigned j = 0; j < 10; j++)
            pause_ms(100);
    }
}

/* -- floods ------------------------------------------------------------------
 */

static void lie_storm(void)
{
    struct ioctl_evtchn_notify notify;

    if (!begin())
        return;
    notify.port = vchan.port;
    for (;;)
        ioctl(vchan.evtchn, IOCTL_EVTCHN_NOTIFY, &notify);
}

static void lie_flap(void)
{
    for (;;) {
        new_vchan();
        pause_ms(20);
    }
}

/* As many records as can be, each a byte and a newline. */
static void lie_log(void)
{
    static uint8_t payload[HX_CH_PAYLOAD_MAX];
    static char text[HX_CH_PAYLOAD_MAX];
    struct hx_ch_frame frame;
    uint64_t offset = 0, limit = 0;
    bool started = false;

    for (unsigned i = 0; i + 1 < sizeof(text); i++)
        text[i] = i % 2 ? '\n' : '\033';
    if (!begin())
        return;
    while (receive(&frame, payload)) {
        if (frame.type != HX_CH_TAKEN || frame.session != 0 ||
            frame.stream != HX_CH_STDOUT)
            continue;
        if (!started)
            offset = frame.value;
        started = true;
        limit = frame.value + HX_CH_WINDOW;
        while (limit - offset >= sizeof(text) - 1) {
            if (!send_simple(HX_CH_DATA, HX_CH_STDOUT, 0, offset, text))
                return;
            offset += sizeof(text) - 1;
        }
    }
}

/* Each says something new: another number, another status, escapes. */
static void lie_health(void)
{
    static uint8_t payload[HX_CH_PAYLOAD_MAX];
    struct hx_ch_health said = { .exit_code = HX_CH_HEALTH_NO_CODE };
    struct hx_ch_frame frame = { .type = HX_CH_HEALTH };

    memset(payload, '\033', sizeof(payload));
    if (!begin())
        return;
    do {
        said.status =
            (enum hx_ch_health_status)(frame.value % HX_CH_HEALTH_STATUSES);
        said.streak = UINT32_MAX;
        said.start_ns = said.end_ns = UINT64_MAX;
        hx_ch_health_encode(&said, payload);
        frame.value++;
        frame.payload = frame.value % 2
                            ? sizeof(payload)
                            : HX_CH_HEALTH_BYTES + HX_CH_HEALTH_OUTPUT_MAX;
    } while (send_frame(&frame, payload));
}

static void lie_xenstore(void)
{
    char path[64], value[512];

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (unsigned i = 0;; i++) {
        snprintf(path, sizeof(path), "data/hyper/%u/%u", i % 40, i);
        hx_init_xs_write(&xs, path, value);
        hx_init_xs_write(&xs, "data/hyper/state", i % 2 ? "running" : value);
        hx_init_xs_write(&xs, "data/hyper/exit/0", "0");
        hx_init_xs_write(&xs, "data/hyper/error", "\033[31mred\033[2J");
        hx_init_xs_write(&xs, HX_CH_XENSTORE_DIR "/ring-ref", "7");
        while (xs.queue_len > 0) {
            struct pollfd pfd = { .fd = hx_init_xs_fd(&xs), .events = POLLIN };

            poll(&pfd, 1, 100);
            hx_init_xs_run(&xs);
        }
    }
}

static void lie_text(void)
{
    hx_init_report_exit(&report, 0, 125);
    hx_init_xs_write(&xs, "data/hyper/error",
                     "\033]0;owned\007\033[2J\033[1;31mred\nsecond line\x9b");
    hx_init_report_state(&report, "failed");
    hx_init_report_close(&report);
    hx_init_power_off(false);
}

static const struct {
    const char *name;
    void (*lie)(void);
} lies[] = {
    { "silent", lie_silent },     { "lengths", lie_lengths },
    { "streams", lie_streams },   { "offsets", lie_offsets },
    { "windows", lie_windows },   { "sessions", lie_sessions },
    { "credits", lie_credits },   { "versions", lie_versions },
    { "short", lie_short },       { "bye", lie_bye },
    { "exec", lie_exec },         { "mute", lie_mute },
    { "indices", lie_indices },   { "orders", lie_orders },
    { "grants", lie_grants },     { "refs", lie_refs },
    { "storm", lie_storm },       { "flap", lie_flap },
    { "log", lie_log },           { "health", lie_health },
    { "xenstore", lie_xenstore }, { "text", lie_text },
};

static void read_config(void)
{
    int fd = open(HX_ABI_CONFIG_PATH, O_RDONLY | O_CLOEXEC);
    struct hx_init_err err;
    char *text = NULL;
    size_t len = 0;

    if (hx_init_read_fd(fd, HX_ABI_CONFIG_MAX_BYTES, &text, &len) < 0 ||
        hx_init_config_parse(text, len, &config, &err) < 0)
        give_up("no configuration");
    free(text);
    close(fd);
}

int main(void)
{
    struct hx_init_err err;

    if (getpid() != 1)
        return 1;
    if (hx_init_mounts_base(&err) < 0 || hx_init_xs_open(&xs, &err) < 0)
        give_up(err.msg);
    read_config();
    vchan = HX_INIT_VCHAN_NONE;
    hx_init_report_begin(&report);
    hx_init_report_state(&report, "running");
    for (;;) {
        for (unsigned i = 0; i < HX_INIT_COUNT(lies); i++) {
            if (strcmp(lies[i].name, config.containers[0].args[0]) == 0)
                lies[i].lie();
        }
        pause_ms(50);
    }
}
