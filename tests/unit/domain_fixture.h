/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pods as a builder sees them: a spec, its disks attached, its network. */
#ifndef HX_TESTS_DOMAIN_FIXTURE_H
#define HX_TESTS_DOMAIN_FIXTURE_H

#include "domain-builder/disks.h"
#include "domain-builder/network.h"
#include "domain-builder/pod.h"

#define FIXTURE_UUID "0f3e2d1c-5b4a-4978-8695-a4b3c2d1e0f1"
#define FIXTURE_SEED                                                           \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct domain_fixture {
    struct hx_pod_spec spec;
    struct hx_container_spec container[2];
    struct hx_netconf netconf;
    struct hx_network net;
    struct hx_disks disks;
};

/* A small pod of one container on hyper0; a test changes what it likes. */
void domain_fixture_init(struct domain_fixture *fixture);
/* Plans the disks of the spec as it now is, with devices named. */
void domain_fixture_plan(struct domain_fixture *fixture);

#endif
