/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the monitor keeps of a container's health, honest or not, and what
 * others read of it. */
#include "domain-builder/monitor/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain-builder/pod-event.h"
#include "domain-builder/pod-view.h"
#include "image/base/file.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

/* wrap: hx_clock_monotonic_ms */
int64_t __wrap_hx_clock_monotonic_ms(void);
static int64_t now_ms = 1000000;
int64_t __wrap_hx_clock_monotonic_ms(void)
{
    return now_ms;
}

static char *probe[] = { "CMD", "true", NULL };

struct scene {
    struct pod_fixture *fixture;
    struct hx_pod_dir dir;
    struct hx_health health;
};

static void open_health(struct scene *scene)
{
    hx_health_open(&scene->health, &scene->fixture->dirs, &scene->dir,
                   &scene->fixture->spec, 0);
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    pod_fixture_setup((void **)&scene->fixture);
    scene->fixture->container.health = (struct hx_health_spec){
        .test = probe,
        .args = probe + 1,
        .interval_ms = 1,
        .timeout_ms = 1,
        .retries = 3,
    };
    pod_fixture_make(scene->fixture, "web", HX_POD_RUNNING, &scene->dir);
    open_health(scene);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    hx_health_close(&scene->health);
    hx_pod_dir_release(&scene->dir);
    pod_fixture_teardown((void **)&scene->fixture);
    free(scene);
    return 0;
}

static void says(struct scene *scene, uint64_t number,
                 enum hx_ch_health_status status, const void *output,
                 size_t len)
{
    static uint8_t payload[HX_CH_PAYLOAD_MAX];
    const struct hx_ch_health health = { status, 1, 7, 1000000001, 2000000002 };
    const struct hx_ch_frame frame = {
        .type = HX_CH_HEALTH,
        .value = number,
        .payload = (uint32_t)(HX_CH_HEALTH_BYTES + len),
    };

    hx_ch_health_encode(&health, payload);
    memcpy(payload + HX_CH_HEALTH_BYTES, output, len);
    hx_health_take(&scene->health, &frame, payload);
}

/* What is in the folder. */
static struct hx_health_record read_back(struct scene *scene)
{
    struct hx_health_record record;

    hx_health_record_load(&scene->dir, 0, &record);
    return record;
}

static unsigned events(struct scene *scene, const char *action)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    unsigned count = 0;
    char path[200];

    snprintf(path, sizeof(path), "%s/" HX_EVENTS_NAME, scene->fixture->lib);
    if (hx_file_read(path, 1u << 20, &text, NULL) < 0 || !text.data)
        return 0;
    for (const char *p = text.data; (p = strstr(p, action)); p++)
        count++;
    return count;
}

/* -- tests ------------------------------------------------------------------
 */

static void the_last_five_are_kept(void **state)
{
    struct scene *scene = *state;
    struct hx_health_record record = read_back(scene);
    char words[16];

    assert_int_equal(record.status, HX_HEALTH_STARTING);
    assert_int_equal(record.count, 0);
    for (unsigned i = 1; i <= 7; i++) {
        snprintf(words, sizeof(words), "word %u\n", i);
        says(scene, i, HX_CH_HEALTH_HEALTHY, words, strlen(words));
        hx_health_write(&scene->health, false);
    }
    record = read_back(scene);
    assert_int_equal(record.number, 7);
    assert_int_equal(record.status, HX_HEALTH_HEALTHY);
    assert_int_equal(record.count, 5);
    assert_string_equal(record.log[0].output, "word 3\n");
    assert_string_equal(record.log[4].output, "word 7\n");
    assert_int_equal(record.log[4].exit_code, 7);
    assert_int_equal(record.log[4].start_ns, 1000000001);
    assert_int_equal(record.log[4].end_ns, 2000000002);
    hx_health_record_release(&record);
}

/* The guest says the last one again to the next monitor. */
static void what_is_said_again_is_no_news(void **state)
{
    struct scene *scene = *state;
    struct hx_health_record record;

    says(scene, 5, HX_CH_HEALTH_UNHEALTHY, "a", 1);
    hx_health_write(&scene->health, false);
    hx_health_close(&scene->health);
    open_health(scene);
    says(scene, 5, HX_CH_HEALTH_HEALTHY, "b", 1);
    says(scene, 4, HX_CH_HEALTH_HEALTHY, "c", 1);
    says(scene, UINT64_MAX, HX_CH_HEALTH_HEALTHY, "d", 1);
    assert_int_equal(hx_health_timeout_ms(&scene->health), -1);
    says(scene, 6, HX_CH_HEALTH_UNHEALTHY, "e", 1);
    hx_health_write(&scene->health, false);
    record = read_back(scene);
    assert_int_equal(record.count, 2);
    assert_string_equal(record.log[1].output, "e");
    hx_health_record_release(&record);
    assert_int_equal(events(scene, "health_status: unhealthy"), 1);
}

static void words_are_made_harmless(void **state)
{
    static const char words[] = "a\tb\n\033[2Jc\0d\r\x9b\xff\xc2\x9b\xc3\xa9";
    static char many[HX_CH_PAYLOAD_MAX - HX_CH_HEALTH_BYTES];
    struct scene *scene = *state;
    struct hx_health_record record;

    says(scene, 1, HX_CH_HEALTH_HEALTHY, words, sizeof(words) - 1);
    memset(many, '\n', sizeof(many));
    says(scene, 2, HX_CH_HEALTH_HEALTHY, many, sizeof(many));
    says(scene, 3, HX_CH_HEALTH_HEALTHY, "", 0);
    hx_health_write(&scene->health, false);
    record = read_back(scene);
    assert_string_equal(record.log[0].output, "a\tb\n?[2Jc?d?????\xc3\xa9");
    assert_int_equal(strlen(record.log[1].output), HX_HEALTH_OUTPUT_MAX);
    assert_string_equal(record.log[2].output, "");
    hx_health_record_release(&record);
}

/* A flood costs ten writes and then one in a second; the last word is
 * written. */
static void a_flood_is_written_now_and_then(void **state)
{
    struct scene *scene = *state;
    struct hx_health_record record;
    uint64_t last = 0, number = 0;
    unsigned writes = 0;

    for (unsigned i = 0; i < 10000; i++) {
        number++;
        says(scene, number,
             number % 2 ? HX_CH_HEALTH_HEALTHY : HX_CH_HEALTH_UNHEALTHY, "x",
             1);
        hx_health_write(&scene->health, false);
        writes += !scene->health.dirty;
        now_ms++;
    }
    assert_in_range(writes, 15, 20); /* of 10 s */
    assert_in_range(events(scene, "health_status"), 5, 11);
    assert_in_range(hx_health_timeout_ms(&scene->health), 0, 1000);
    now_ms += hx_health_timeout_ms(&scene->health);
    hx_health_write(&scene->health, false);
    record = read_back(scene);
    last = record.number;
    hx_health_record_release(&record);
    assert_int_equal(last, number);
    /* The status that was told last comes to be right, too. */
    while (hx_health_timeout_ms(&scene->health) >= 0) {
        now_ms += hx_health_timeout_ms(&scene->health);
        hx_health_write(&scene->health, false);
    }
    assert_int_equal(scene->health.told, HX_HEALTH_UNHEALTHY);
}

static void each_change_is_an_event(void **state)
{
    struct scene *scene = *state;
    static const enum hx_ch_health_status said[] = {
        HX_CH_HEALTH_STARTING,  HX_CH_HEALTH_HEALTHY,   HX_CH_HEALTH_HEALTHY,
        HX_CH_HEALTH_UNHEALTHY, HX_CH_HEALTH_UNHEALTHY, HX_CH_HEALTH_HEALTHY,
    };

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        says(scene, i + 1, said[i], "", 0);
        hx_health_write(&scene->health, false);
    }
    assert_int_equal(events(scene, "\"Action\":\"health_status: healthy\""), 2);
    assert_int_equal(events(scene, "\"Action\":\"health_status: unhealthy\""),
                     1);
    assert_int_equal(events(scene, "health_status: starting"), 0);
}

static void what_makes_no_sense_is_skipped(void **state)
{
    const struct hx_ch_frame frame = { .value = 1, .payload = 32 };
    const uint8_t payload[32] = { HX_CH_HEALTH_STATUSES };
    struct scene *scene = *state;

    hx_health_take(&scene->health, &frame, payload);
    assert_int_equal(hx_health_timeout_ms(&scene->health), -1);
    /* A container without probes. */
    hx_health_close(&scene->health);
    scene->fixture->container.health.test = NULL;
    open_health(scene);
    says(scene, 1, HX_CH_HEALTH_HEALTHY, "x", 1);
    assert_int_equal(hx_health_timeout_ms(&scene->health), -1);
}

static void a_broken_file_is_as_good_as_none(void **state)
{
    static const char *const texts[] = { "",
                                         "{",
                                         "[]",
                                         "{}",
                                         "{\"status\":7,\"log\":{}}",
                                         "{\"status\":\"x\",\"log\":[1]}" };
    struct scene *scene = *state;
    char path[200];

    snprintf(path, sizeof(path), "%s/0-health.json", scene->dir.path);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hx_health_record record;

        assert_int_equal(
            hx_file_write_atomic(path, texts[i], strlen(texts[i]), 0600, NULL),
            0);
        record = read_back(scene);
        assert_int_equal(record.status, HX_HEALTH_STARTING);
        hx_health_record_release(&record);
    }
}

static void a_pod_is_as_ill_as_its_worst_container(void **state)
{
    struct scene *scene = *state;
    struct hx_container_spec all[4];
    const struct hx_pod_spec spec = { .containers = all, .container_count = 4 };
    struct hx_health_record record = { .number = 1 };
    struct hx_pod pod;

    for (size_t i = 0; i < 4; i++)
        all[i] = scene->fixture->container;
    all[3].health.test = NULL; /* has no say */
    for (size_t i = 0; i < 4; i++) {
        record.status = i == 3 ? HX_HEALTH_UNHEALTHY : HX_HEALTH_HEALTHY;
        hx_health_record_save(&scene->dir, i, &record, NULL);
    }
    assert_int_equal(hx_health_of_pod(&scene->dir, &spec), HX_HEALTH_HEALTHY);
    record.status = HX_HEALTH_STARTING;
    hx_health_record_save(&scene->dir, 1, &record, NULL);
    assert_int_equal(hx_health_of_pod(&scene->dir, &spec), HX_HEALTH_STARTING);
    record.status = HX_HEALTH_UNHEALTHY;
    hx_health_record_save(&scene->dir, 0, &record, NULL);
    assert_int_equal(hx_health_of_pod(&scene->dir, &spec), HX_HEALTH_UNHEALTHY);
    /* A pod's view has it, and the next run begins anew. */
    assert_int_equal(hx_pod_view_load(&scene->dir, &pod, NULL), 0);
    assert_int_equal(pod.health, HX_HEALTH_UNHEALTHY);
    hx_pod_release(&pod);
    hx_health_record_forget(&scene->dir, &spec);
    assert_int_equal(hx_health_of_pod(&scene->dir, &spec), HX_HEALTH_STARTING);
    all[0].health.test = all[1].health.test = all[2].health.test = NULL;
    assert_int_equal(hx_health_of_pod(&scene->dir, &spec), HX_HEALTH_NONE);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(the_last_five_are_kept),
        SCENE(what_is_said_again_is_no_news),
        SCENE(words_are_made_harmless),
        SCENE(a_flood_is_written_now_and_then),
        SCENE(each_change_is_an_event),
        SCENE(what_makes_no_sense_is_skipped),
        SCENE(a_broken_file_is_as_good_as_none),
        SCENE(a_pod_is_as_ill_as_its_worst_container),
    };

    return cmocka_run_group_tests_name("monitor_health", tests, NULL, NULL);
}
