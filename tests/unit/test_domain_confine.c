/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a container is confined, from its spec to the record and the guest. */
#include "domain-builder/confine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain-builder/caps.h"
#include "image/base/json.h"
#include "pv-init/confine.h"
#include "tests/unit/unit.h"

static char *added[] = { "CAP_NET_ADMIN", NULL };
static char *dropped[] = { "ALL", NULL };
static char *security[] = { "no-new-privileges", "seccomp=/p", NULL };
static char *ulimits[] = { "nofile=10:20", "core=-1", NULL };
static char *sysctls[] = { "net.ipv4.conf.eth0/5.forwarding=1", NULL };

static struct hx_confine_spec full(void)
{
    return (struct hx_confine_spec){
        .no_new_privs = true,
        .unmasked = true,
        .init = true,
        .cap_add = added,
        .cap_drop = dropped,
        .security_opt = security,
        .seccomp = "BgAAAAAA/38=",
        .ulimits = ulimits,
        .sysctls = sysctls,
        .oom_score_adj = -7,
        .pids_limit = 100,
        .nano_cpus = 1500000000,
        .cpu_shares = 2,
    };
}

static void what_is_recorded_is_read_again(void **state)
{
    struct hx_confine_spec confine = full(), again = { 0 };
    json_t *doc = hx_confine_to_json(&confine), *twice;
    struct hx_err err = { 0 };

    (void)state;
    assert_non_null(doc);
    assert_int_equal(hx_confine_from_json(doc, "pod", &again, &err), 0);
    assert_string_equal(again.cap_drop[0], "ALL");
    assert_string_equal(again.seccomp, "BgAAAAAA/38=");
    assert_int_equal(again.oom_score_adj, -7);
    twice = hx_confine_to_json(&again);
    assert_true(json_equal(doc, twice));
    json_decref(twice);
    json_decref(doc);
    hx_confine_release(&again);
    assert_null(again.cap_add);
    assert_int_equal(hx_confine_own(&confine), 0);
    assert_string_equal(confine.sysctls[0],
                        "net.ipv4.conf.eth0/5.forwarding=1");
    hx_confine_release(&confine);
    /* A pod from before. */
    assert_int_equal(hx_confine_from_json(NULL, "pod", &again, &err), 0);
    assert_false(again.privileged);
}

static void wrong_records_are_refused(void **state)
{
    static const char *const cases[] = {
        "{\"privileged\":1}", "{\"oom_score_adj\":1001}", "{\"pids_limit\":-1}",
        "{\"cap_add\":[7]}",  "{\"seccomp\":7}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_confine_spec confine = { 0 };
        json_t *doc = json_loads(cases[i], 0, NULL);
        struct hx_err err = { 0 };

        assert_int_equal(hx_confine_from_json(doc, "pod", &confine, &err),
                         -HX_ERR_CORRUPT);
        hx_confine_release(&confine);
        json_decref(doc);
    }
}

static void tell_guest(const struct hx_confine_spec *confine,
                       struct hx_init_confine *out, json_t **doc_r)
{
    struct hx_init_err err = { "" };
    struct hx_init_fields at = { .what = "confine", .err = &err };

    at.obj = *doc_r = hx_confine_for_guest(confine, "BgAAAAAA/38GAAAAAAD/fw==");
    assert_non_null(at.obj);
    if (hx_init_confine_parse(&at, out) < 0)
        fail_msg("%s", err.msg);
}

static void the_guest_takes_it(void **state)
{
    struct hx_confine_spec confine = full();
    struct hx_init_confine guest;
    json_t *doc;

    (void)state;
    tell_guest(&confine, &guest, &doc);
    assert_int_equal(guest.capabilities, 1 << 12);
    assert_true(guest.no_new_privs && guest.unmasked && !guest.privileged);
    assert_true(guest.init);
    assert_int_equal(guest.filter_len, 1);
    assert_int_equal(guest.ulimits[0].limit.rlim_max, 20);
    assert_true(guest.ulimits[1].limit.rlim_cur == RLIM_INFINITY);
    assert_string_equal(guest.sysctls[0].name,
                        "net/ipv4/conf/eth0.5/forwarding");
    assert_string_equal(guest.sysctls[0].value, "1");
    assert_int_equal(guest.oom_score_adj, -7);
    assert_int_equal(guest.pids_max, 100);
    assert_int_equal(guest.cpu_quota_us, 150000);
    assert_int_equal(guest.cpu_weight, 1);
    hx_init_confine_release(&guest);
    json_decref(doc);
}

static void nothing_said_is_dockers_default(void **state)
{
    struct hx_confine_spec confine = { 0 };
    struct hx_init_confine guest;
    json_t *doc;

    (void)state;
    tell_guest(&confine, &guest, &doc);
    assert_int_equal(guest.capabilities, hx_caps_default);
    assert_false(guest.no_new_privs || guest.unmasked || guest.privileged);
    assert_int_equal(guest.filter_len, 2);
    assert_int_equal(guest.cpu_weight, 0);
    hx_init_confine_release(&guest);
    json_decref(doc);
    confine.privileged = true;
    confine.seccomp = HX_SECCOMP_UNCONFINED;
    tell_guest(&confine, &guest, &doc);
    assert_int_equal(guest.capabilities, HX_CAPS_ALL);
    assert_true(guest.unmasked && guest.privileged);
    assert_null(guest.filter);
    hx_init_confine_release(&guest);
    json_decref(doc);
}

static void shares_become_weights(void **state)
{
    static const struct {
        uint64_t shares;
        json_int_t weight;
    } cases[] = { { 2, 1 }, { 1024, 39 }, { 262144, 10000 } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_confine_spec confine = { .cpu_shares = cases[i].shares };
        json_t *doc = hx_confine_for_guest(&confine, NULL);

        assert_int_equal(json_integer_value(json_object_get(doc, "cpu_weight")),
                         cases[i].weight);
        json_decref(doc);
    }
}

static void limits_are_parsed(void **state)
{
    static const struct {
        const char *text;
        int64_t soft, hard; /* hard -2: refused */
    } cases[] = {
        { "nofile=1024", 1024, 1024 },
        { "nofile=1024:4096", 1024, 4096 },
        { "core=0", 0, 0 },
        { "core=-1", -1, -1 },
        { "stack=0:-1", 0, -1 },
        { "nofile=2:1", 0, -2 },
        { "nofile=-1:1", 0, -2 },
        { "nofile", 0, -2 },
        { "nofile=", 0, -2 },
        { "nofile=1:", 0, -2 },
        { "nofile=1:2:3", 0, -2 },
        { "nofile=-2", 0, -2 },
        { "nofile= 1", 0, -2 },
        { "nofile=+1", 0, -2 },
        { "nofile=99999999999999999999", 0, -2 },
        { "as=1", 0, -2 },
        { "no=1", 0, -2 },
        { "", 0, -2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_ulimit limit = { 0 };
        struct hx_err err = { 0 };
        int r = hx_ulimit_parse("--ulimit", cases[i].text, &limit, &err);

        if (r != (cases[i].hard == -2 ? -HX_ERR_USAGE : 0) ||
            (r == 0 &&
             (limit.soft != cases[i].soft || limit.hard != cases[i].hard)))
            fail_msg("'%s': %d, %s", cases[i].text, r, err.msg);
        if (r < 0)
            assert_non_null(strstr(err.msg, "--ulimit"));
    }
}

static void settings_are_a_containers(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "net.core.somaxconn=1", true },
        { "net.ipv4.ip_local_port_range=1024 65535", true },
        { "net.ipv4.conf.eth0/5.forwarding=1", true },
        { "kernel.msgmax=1", true },
        { "kernel.shm_rmid_forced=1", true },
        { "kernel.sem=1 2 3 4", true },
        { "fs.mqueue.msg_max=1", true },
        { "kernel.semaphore=1", false },
        { "kernel.hostname=x", false },
        { "vm.swappiness=1", false },
        { "network.x=1", false },
        { "net.core.somaxconn", false },
        { "net./../vm.swappiness=1", false },
        { "net.x//y=1", false },
        { "net..x=1", false },
        { "net.=1", false },
        { "=1", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_err err = { 0 };

        if (hx_sysctl_check("--sysctl", cases[i].text, &err) !=
            (cases[i].good ? 0 : -HX_ERR_USAGE))
            fail_msg("'%s': %s", cases[i].text, err.msg);
    }
}

static void the_default_program_is_a_file(void **state)
{
    char folder[] = "/tmp/hx-confine-XXXXXX", path[128], *program = NULL;
    struct hx_err err = { 0 };
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(hx_confine_load_seccomp(folder, &program, &err),
                     -HX_ERR_NOT_FOUND);
    snprintf(path, sizeof(path), "%s/seccomp-default.program", folder);
    file = fopen(path, "w");
    fputs("{\"program\": \"AAAA\"}\n", file);
    fclose(file);
    assert_int_equal(hx_confine_load_seccomp(folder, &program, &err), 0);
    assert_string_equal(program, "AAAA");
    free(program);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_recorded_is_read_again),
        cmocka_unit_test(wrong_records_are_refused),
        cmocka_unit_test(the_guest_takes_it),
        cmocka_unit_test(nothing_said_is_dockers_default),
        cmocka_unit_test(shares_become_weights),
        cmocka_unit_test(limits_are_parsed),
        cmocka_unit_test(settings_are_a_containers),
        cmocka_unit_test(the_default_program_is_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
