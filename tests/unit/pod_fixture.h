/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pod's spec and folders of its own, for the tests of pods. */
#ifndef HX_TESTS_POD_FIXTURE_H
#define HX_TESTS_POD_FIXTURE_H

#include "domain-builder/pod-state.h"

struct pod_fixture {
    char root[64];
    char lib[80];
    char run[80];
    struct hx_pod_dirs dirs;
    struct hx_pod_spec spec; /* borrows from statics; may be changed */
    struct hx_container_spec container;
};

/* For cmocka's setup and teardown: *state is the fixture. */
int pod_fixture_setup(void **state);
int pod_fixture_teardown(void **state);

/* Makes a folder in the given state, unlocked; `dir_r` as hx_pod_dir_open. */
void pod_fixture_make(struct pod_fixture *fixture, const char *name,
                      enum hx_pod_state state, struct hx_pod_dir *dir_r);

#endif
