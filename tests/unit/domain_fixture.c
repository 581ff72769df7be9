/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/domain_fixture.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static char *args[] = { "nginx", "-g", "daemon off;", NULL };
static char *env[] = { "PATH=/usr/bin:/bin", "GREETING=h\303\251llo \"x\"",
                       NULL };

void domain_fixture_init(struct domain_fixture *fixture)
{
    const struct hx_container_spec container = {
        .name = "web",
        .image = "nginx:latest",
        .image_id = "sha256:0000",
        .root_disk = "/var/lib/hyper/disks/nginx.squashfs",
        .args = args,
        .env = env,
        .user = "www-data:www-data",
        .cwd = "/srv",
        .stop_signal = 3,
        .stop_timeout_ms = 10000,
    };

    *fixture = (struct domain_fixture){
        .spec = { .name = "web",
                  .type = HX_DOMAIN_PV,
                  .mem_kib = 64 << 10,
                  .vcpus = 1,
                  .containers = fixture->container,
                  .container_count = 1 },
        .container = { container, container },
        .netconf = { .bridge = "hyper0", .own = true },
        .net = { .bridge = "hyper0",
                 .own = true,
                 .at = { 0xac1e0002, 16 },
                 .mac = { 0x00, 0x16, 0x3e, 0x51, 0xe0, 0xf1 },
                 .gateway = 0xac1e0001,
                 .mtu = 1500 },
    };
    fixture->net.conf = &fixture->netconf;
}

void domain_fixture_plan(struct domain_fixture *fixture)
{
    struct hx_err err = { 0 };

    assert_int_equal(hx_disks_plan(&fixture->spec, &fixture->disks, &err), 0);
    for (size_t i = 0; i < fixture->disks.count; i++)
        snprintf(fixture->disks.disk[i].loop.path,
                 sizeof(fixture->disks.disk[i].loop.path), "/dev/loop%zu",
                 i + 3);
}
