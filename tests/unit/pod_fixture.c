/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/pod_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/file.h"
#include "tests/unit/unit.h"

static char *args[] = { "nginx", "-g", "daemon off;", NULL };
static char *env[] = { "PATH=/bin", "GREETING=Gr\303\274\303\237e", NULL };

int pod_fixture_setup(void **state)
{
    struct pod_fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    strcpy(fixture->root, "/tmp/hx-pods-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    sprintf(fixture->lib, "%s/lib", fixture->root);
    sprintf(fixture->run, "%s/run", fixture->root);
    fixture->dirs = (struct hx_pod_dirs){ fixture->lib, fixture->run };
    fixture->container = (struct hx_container_spec){
        .name = "web",
        .image = "127.0.0.1:5000/team/nginx:latest",
        .image_id = "sha256:00",
        .root_disk = "/var/lib/hyper/roots/00.squashfs",
        .args = args,
        .env = env,
        .user = "",
        .cwd = "/",
        .stop_signal = 15,
        .stop_timeout_ms = 10000,
    };
    fixture->spec = (struct hx_pod_spec){
        .name = "web",
        .type = HX_DOMAIN_PVH,
        .mem_kib = 65536,
        .vcpus = 2,
        .scratch_bytes = UINT64_C(1) << 30,
        .net = { .ip = "172.30.0.9/24" },
        .containers = &fixture->container,
        .container_count = 1,
    };
    *state = fixture;
    return 0;
}

int pod_fixture_teardown(void **state)
{
    struct pod_fixture *fixture = *state;

    assert_int_equal(hx_rm_rf(fixture->root, NULL), 0);
    free(fixture);
    return 0;
}

void pod_fixture_make(struct pod_fixture *fixture, const char *name,
                      enum hx_pod_state state, struct hx_pod_dir *dir_r)
{
    struct hx_err err = { 0 };
    struct hx_pod pod;

    fixture->spec.name = (char *)name;
    assert_int_equal(
        hx_pod_dir_create(&fixture->dirs, &fixture->spec, dir_r, &err), 0);
    assert_int_equal(hx_pod_dir_load(dir_r, &pod, &err), 0);
    pod.state = state;
    assert_int_equal(hx_pod_dir_save(dir_r, &pod, &err), 0);
    hx_pod_release(&pod);
    hx_pod_dir_unlock(dir_r);
}
