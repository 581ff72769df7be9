/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hyper-top and hyper-stats show, and where hyper-stats has it from. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "domain-builder/pod-stats.h"
#include "pv-init/channel-abi.h"
#include "xl-plugin/process-text.h"
#include "xl-plugin/stats-text.h"

#define UUID "00112233-4455-6677-8899-aabbccddeeff"

static char work[32];

static int set_up(void **state)
{
    char path[256];

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    strcpy(work, "/tmp/hx-stats-XXXXXX");
    if (!mkdtemp(work))
        return -1;
    snprintf(path, sizeof(path), "%s/" UUID, work);
    return mkdir(path, 0700);
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", work);
    return system(command);
}

/* -- a monitor ---------------------------------------------------------------
 */

struct monitor {
    int listener;
    pthread_t thread;
    size_t value_bytes;   /* of each answer's payload */
    uint64_t memory;      /* what it says */
    uint64_t session_add; /* another number than was asked for */
    bool twice, silent;
};

static void answer(int fd, const struct monitor *m, const uint8_t *question)
{
    uint8_t data[HX_CH_HEADER_BYTES + 8 * HX_CH_STAT_COUNT] = { 0 };
    struct hx_ch_frame frame;

    hx_ch_decode(question, &frame);
    frame.session += m->session_add;
    frame.payload = (uint32_t)m->value_bytes;
    hx_ch_encode(&frame, data);
    hx_ch_put(data + HX_CH_HEADER_BYTES + 8 * HX_CH_STAT_MEMORY_BYTES,
              m->memory, 8);
    hx_ch_put(data + HX_CH_HEADER_BYTES + 8 * HX_CH_STAT_PIDS, 3, 8);
    send(fd, data, HX_CH_HEADER_BYTES + m->value_bytes, MSG_NOSIGNAL);
    if (m->twice)
        send(fd, data, HX_CH_HEADER_BYTES + m->value_bytes, MSG_NOSIGNAL);
}

static void *be_monitor(void *opaque)
{
    const struct monitor *m = opaque;
    uint8_t question[HX_CH_FRAME_MAX];
    int fd = accept(m->listener, NULL, NULL);

    while (recv(fd, question, sizeof(question), 0) > 0) {
        if (!m->silent)
            answer(fd, m, question);
    }
    close(fd);
    return NULL;
}

static struct hx_guest_stats ask(struct monitor *m, size_t containers)
{
    const struct hx_pod_dirs dirs = { .lib = work, .run = work };
    struct hx_guest_stats stats[2] = {
        { .uuid = UUID, .containers = containers },
        { .uuid = "00000000-0000-0000-0000-000000000000", .containers = 1 },
    };
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/" UUID "/control",
             work);
    unlink(address.sun_path);
    m->listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(
        bind(m->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    listen(m->listener, 1);
    pthread_create(&m->thread, NULL, be_monitor, m);
    hx_guest_stats_ask(&dirs, stats, 2, 300);
    pthread_join(m->thread, NULL);
    close(m->listener);
    assert_false(stats[1].answered);
    assert_true(stats[1].memory_bytes == HX_STAT_UNKNOWN);
    return stats[0];
}

static void guests_are_asked(void **state)
{
    const size_t all = 8 * HX_CH_STAT_COUNT;
    struct monitor m = { .value_bytes = all, .memory = 1000 };
    struct hx_guest_stats stats = ask(&m, 1);

    (void)state;
    assert_true(stats.answered);
    assert_int_equal(stats.memory_bytes, 1000);
    assert_int_equal(stats.pids, 3);
    /* Its containers together, each once. */
    m.twice = true;
    stats = ask(&m, 2);
    assert_true(stats.answered);
    assert_int_equal(stats.memory_bytes, 2000);
    assert_int_equal(stats.pids, 6);
    m.memory = HX_STAT_UNKNOWN - 1;
    stats = ask(&m, 2);
    assert_true(stats.memory_bytes == HX_STAT_UNKNOWN);
    assert_int_equal(stats.pids, 6);
}

static void guests_that_answer_nonsense_have_no_numbers(void **state)
{
    struct monitor silent = { .silent = true };
    struct monitor brief = { .value_bytes = 16 };
    struct monitor other = { .value_bytes = 8 * HX_CH_STAT_COUNT,
                             .session_add = 40 };

    (void)state;
    assert_false(ask(&silent, 1).answered);
    assert_false(ask(&brief, 1).answered);
    assert_false(ask(&other, 1).answered);
}

/* -- dom0's counters ----------------------------------------------------------
 */

static void put(const char *path, const char *text)
{
    char command[512];

    snprintf(command, sizeof(command),
             "mkdir -p $(dirname %s/%s); echo %s >%s/%s", work, path, text,
             work, path);
    assert_int_equal(system(command), 0);
}

static void devices_are_counted(void **state)
{
    struct hx_device_stats stats;

    (void)state;
    put("class/net/vif3.0/statistics/tx_bytes", "1000");
    put("class/net/vif3.0/statistics/rx_bytes", "20");
    put("bus/xen-backend/devices/vbd-3-51712/statistics/rd_sect", "4");
    put("bus/xen-backend/devices/vbd-3-51728/statistics/rd_sect", "2");
    put("bus/xen-backend/devices/vbd-3-51728/statistics/wr_sect", "1");
    put("bus/xen-backend/devices/vbd-33-51712/statistics/rd_sect", "99");
    hx_device_stats_read(work, 3, "vif3.0", &stats);
    assert_int_equal(stats.received_bytes, 1000);
    assert_int_equal(stats.sent_bytes, 20);
    assert_int_equal(stats.read_bytes, 6 * 512);
    assert_int_equal(stats.written_bytes, 512);
    hx_device_stats_read(work, 4, NULL, &stats);
    assert_int_equal(stats.read_bytes + stats.received_bytes, 0);
}

/* -- texts --------------------------------------------------------------------
 */

static struct hx_stats_sample sample(int64_t at_ns, uint64_t cpu_ns)
{
    return (struct hx_stats_sample){
        .at_ns = at_ns,
        .domain = { .running = true, .cpu_ns = cpu_ns, .mem_kib = 65536 },
        .devices = { 1500, 20, 4096, 0 },
        .guest = { .answered = true, .memory_bytes = 16 << 20, .pids = 4 },
    };
}

static void assert_row(const struct hx_stats_sample *before,
                       const struct hx_stats_sample *now, const char *expected)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(4096);
    struct hx_table table;

    hx_table_init(&table, hx_stats_columns);
    assert_int_equal(hx_stats_row(&table, "web", before, now), 0);
    assert_int_equal(hx_table_format(&table, 0, &text), 0);
    assert_string_equal(strchr(text.data, '\n') + 1, expected);
    hx_table_release(&table);
}

static void rows_of_stats(void **state)
{
    struct hx_stats_sample before = sample(0, 1000000000);
    struct hx_stats_sample now = sample(2000000000, 1500000000);

    (void)state;
    assert_row(&before, &now,
               "web   25.00%  16MiB / 64MiB      25.00%  1.5kB / 20B  "
               "4.1kB / 0B  4\n");
    assert_row(NULL, &now,
               "web   -      16MiB / 64MiB      25.00%  1.5kB / 20B  "
               "4.1kB / 0B  4\n");
    /* A guest that lies uses no more than its domain has. */
    now.guest.memory_bytes = UINT64_C(1) << 60;
    assert_int_equal(hx_stats_memory(&now), 64 << 20);
    now.guest.answered = false;
    assert_row(&before, &now,
               "web   25.00%  - / 64MiB          -      1.5kB / 20B  "
               "4.1kB / 0B  -\n");
    now.domain.running = false;
    assert_row(&before, &now,
               "web   -      -                  -      -        -          "
               "-\n");
    /* Another domain since: its time begins anew. */
    now = sample(3000000000, 5);
    assert_true(hx_stats_cpu(&before, &now) < 0);
}

static void objects_of_stats(void **state)
{
    struct hx_stats_sample before = sample(0, 0), now = sample(1000000000, 5);
    struct hx_pod pod = { .uuid = UUID, .spec = { .name = (char *)"web" } };
    json_t *object;

    (void)state;
    object = hx_stats_json(&pod, &before, &now, 1764115200123);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "PIDs")), 4);
    assert_int_equal(json_integer_value(json_object_get(object, "MemLimit")),
                     64 << 20);
    assert_string_equal(json_string_value(json_object_get(object, "Name")),
                        "web");
    json_decref(object);
    now.domain.running = false;
    object = hx_stats_json(&pod, NULL, &now, 0);
    assert_true(json_is_null(json_object_get(object, "PIDs")));
    assert_true(json_is_null(json_object_get(object, "CPUPerc")));
    assert_true(json_is_false(json_object_get(object, "Running")));
    json_decref(object);
}

static void processes_as_ps_has_them(void **state)
{
    const int64_t now_s = 1764160000; /* 2025-11-26 12:26:40 */
    static const struct {
        struct hx_process process;
        const char *uid, *c, *stime, *time;
    } cases[] = {
        { { .uid = 0, .start_s = now_s - 100, .cpu_ms = 25000 },
          "root",
          "25",
          "12:25",
          "00:00:25" },
        { { .uid = 101, .start_s = now_s - 86400, .cpu_ms = 3723000 },
          "101",
          "4",
          "Nov25",
          "01:02:03" },
        { { .start_s = now_s - 400 * 86400, .cpu_ms = 90061000 },
          "root",
          "0",
          "2024",
          "1-01:01:01" },
        /* By its own clock it begins tomorrow. */
        { { .start_s = now_s + 86400, .cpu_ms = 10 },
          "root",
          "1",
          "Nov27",
          "00:00:00" },
        { { .start_s = now_s, .cpu_ms = INT64_MAX / 1000 },
          "root",
          "?",
          "12:26",
          NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_process_text t;

        hx_process_text(&cases[i].process, now_s, &t);
        assert_string_equal(t.uid, cases[i].uid);
        assert_string_equal(t.c, cases[i].c);
        assert_string_equal(t.stime, cases[i].stime);
        if (cases[i].time)
            assert_string_equal(t.time, cases[i].time);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(guests_are_asked),
        TEST(guests_that_answer_nonsense_have_no_numbers),
        TEST(devices_are_counted),
        TEST(rows_of_stats),
        TEST(objects_of_stats),
        TEST(processes_as_ps_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
