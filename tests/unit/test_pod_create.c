/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrap: hx_domain_choose_type hx_pod_build hx_pod_undo hx_pod_spawn_monitor */
/* wrap: hx_pod_unpause */
/* What a creation that fails leaves behind, with a pretended Xen below. */
#include "domain-builder/pod.h"

#include <string.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/resources.h"
#include "domain-builder/xen_domain.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

static struct scene {
    struct pod_fixture *fixture;
    struct hx_host *host;
    char uuid[HX_POD_UUID_TEXT];
    bool build_fails, monitor_fails, undo_fails;
    int undone;
} scene;

int __wrap_hx_domain_choose_type(struct hx_host *host,
                                 const struct hx_pod_spec *spec,
                                 enum hx_domain_type *type_r,
                                 struct hx_err *err);
int __wrap_hx_domain_choose_type(struct hx_host *host,
                                 const struct hx_pod_spec *spec,
                                 enum hx_domain_type *type_r,
                                 struct hx_err *err)
{
    (void)host;
    (void)spec;
    (void)err;
    *type_r = HX_DOMAIN_PV;
    return 0;
}

int __wrap_hx_pod_build(struct hx_host *host, struct hx_pod *pod,
                        uint64_t start_us, struct hx_err *err);
int __wrap_hx_pod_build(struct hx_host *host, struct hx_pod *pod,
                        uint64_t start_us, struct hx_err *err)
{
    (void)host;
    (void)start_us;
    memcpy(scene.uuid, pod->uuid, sizeof(scene.uuid));
    return scene.build_fails ? hx_err_set(err, HX_ERR_XEN, "building: no") : 0;
}

int __wrap_hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                       struct hx_err *err);
int __wrap_hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                       struct hx_err *err)
{
    (void)host;
    assert_string_equal(uuid, scene.uuid);
    assert_true(scratch);
    scene.undone++;
    return scene.undo_fails ? hx_err_set(err, HX_ERR_XEN, "destroying: no") : 0;
}

int __wrap_hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                                struct hx_err *err);
int __wrap_hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                                struct hx_err *err)
{
    (void)host;
    (void)pod;
    return scene.monitor_fails ? hx_err_set(err, HX_ERR_SYSTEM, "monitor: no")
                               : 0;
}

int __wrap_hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                          struct hx_err *err);
int __wrap_hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                          struct hx_err *err)
{
    (void)host;
    (void)pod;
    (void)err;
    return 0;
}

static int setup(void **state)
{
    struct hx_host_options options = { 0 };

    (void)state;
    memset(&scene, 0, sizeof(scene));
    pod_fixture_setup((void **)&scene.fixture);
    options.state_dir = scene.fixture->lib;
    options.run_dir = scene.fixture->run;
    assert_int_equal(hx_host_open(&options, &scene.host, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hx_host_close(scene.host);
    pod_fixture_teardown((void **)&scene.fixture);
    return 0;
}

static int create(void)
{
    struct hx_pod pod = { 0 };
    struct hx_err err = { 0 };
    int r = hx_pod_create(scene.host, &scene.fixture->spec, &pod, &err);

    hx_pod_release(&pod);
    return r;
}

/* What the folder says, and nobody has it locked; -1: there is none. */
static int recorded(void)
{
    struct hx_pod_dir dir;
    struct hx_pod pod;
    int state;

    if (hx_pod_dir_open(&scene.fixture->dirs, scene.uuid, &dir, NULL) < 0)
        return -1;
    assert_int_equal(hx_pod_dir_lock(&dir, 0, NULL), 0);
    assert_int_equal(hx_pod_dir_load(&dir, &pod, NULL), 0);
    state = (int)pod.state;
    hx_pod_release(&pod);
    hx_pod_dir_release(&dir);
    return state;
}

static void a_good_one_runs(void **state)
{
    (void)state;
    assert_int_equal(create(), 0);
    assert_int_equal(recorded(), HX_POD_RUNNING);
    assert_int_equal(scene.undone, 0);
}

static void a_failed_one_leaves_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        scene.build_fails = i == 0;
        scene.monitor_fails = i == 1;
        assert_true(create() < 0);
        assert_int_equal(scene.undone, i + 1);
        assert_int_equal(recorded(), -1);
    }
}

static void what_cannot_be_undone_is_left_to_the_next(void **state)
{
    (void)state;
    scene.undo_fails = true;
    for (int i = 0; i < 2; i++) {
        scene.build_fails = i == 0;
        scene.monitor_fails = i == 1;
        scene.fixture->spec.name = i ? "two" : "one";
        /* The first failure is told, not that of the undoing. */
        assert_int_equal(create(), i ? -HX_ERR_SYSTEM : -HX_ERR_XEN);
        assert_int_equal(recorded(), HX_POD_CREATING);
    }
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_good_one_runs),
        SCENE(a_failed_one_leaves_nothing),
        SCENE(what_cannot_be_undone_is_left_to_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
