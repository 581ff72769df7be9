/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrap: hx_domain_choose_type hx_pod_build hx_pod_undo hx_pod_spawn_monitor */
/* wrap: hx_pod_unpause */
/* What a creation that fails leaves behind, with a pretended Xen below. */
#include "domain-builder/pod.h"

#include <string.h>

#include "domain-builder/xen_domain.h"
#include "tests/unit/unit.h"
#include "tests/unit/xen_fixture.h"

static bool build_fails;

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
    memcpy(xen.uuid, pod->uuid, sizeof(xen.uuid));
    pod->domid = XEN_DOMID;
    return build_fails ? hx_err_set(err, HX_ERR_XEN, "building: no") : 0;
}

static int setup(void **state)
{
    build_fails = false;
    return xen_fixture_setup(state);
}

static int create(void)
{
    struct hx_pod pod = { 0 };
    struct hx_err err = { 0 };
    int r = hx_pod_create(xen.host, &xen.fixture->spec, &pod, &err);

    hx_pod_release(&pod);
    return r;
}

/* What the folder says, and nobody has it locked; -1: there is none. */
static int recorded(void)
{
    struct hx_pod_dir dir;
    struct hx_pod pod;
    int state;

    if (hx_pod_dir_open(&xen.fixture->dirs, xen.uuid, &dir, NULL) < 0)
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
    assert_int_equal(xen.undone, 0);
}

static void a_failed_one_leaves_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        build_fails = i == 0;
        xen.spawn_fails = i == 1;
        assert_true(create() < 0);
        assert_int_equal(xen.undone, i + 1);
        assert_true(xen.undone_scratch);
        assert_int_equal(recorded(), -1);
    }
}

static void what_cannot_be_undone_is_left_to_the_next(void **state)
{
    (void)state;
    xen.undo_fails = true;
    for (int i = 0; i < 2; i++) {
        build_fails = i == 0;
        xen.spawn_fails = i == 1;
        xen.fixture->spec.name = i ? "two" : "one";
        /* The first failure is told, not that of the undoing. */
        assert_int_equal(create(), i ? -HX_ERR_SYSTEM : -HX_ERR_XEN);
        assert_int_equal(recorded(), HX_POD_CREATING);
    }
}

#define SCENE(test)                                                            \
    cmocka_unit_test_setup_teardown(test, setup, xen_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_good_one_runs),
        SCENE(a_failed_one_leaves_nothing),
        SCENE(what_cannot_be_undone_is_left_to_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
