/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's options for how a process is confined, the filter that is chosen,
 * and what hyper-inspect shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/base/json.h"
#include "tests/unit/unit.h"
#include "xl-plugin/confine-options.h"
#include "xl-plugin/confine-text.h"
#include "xl-plugin/seccomp.h"

static void options_are_dockers(void **state)
{
    static const struct {
        int key;
        int code; /* 0: taken */
        const char *value;
        const char *says;
    } cases[] = {
        { HX_CONFINE_CAP_ADD, 0, "NET_ADMIN", "" },
        { HX_CONFINE_CAP_ADD, 0, "cap_net_admin", "" },
        { HX_CONFINE_CAP_ADD, 0, "all", "" },
        { HX_CONFINE_CAP_ADD, HX_ERR_USAGE, "NET_ADMN", "mean NET_ADMIN?" },
        { HX_CONFINE_CAP_DROP, HX_ERR_USAGE, "cap_chwon", "mean CHOWN?" },
        { HX_CONFINE_CAP_DROP, HX_ERR_USAGE, "", "is no capability" },
        { HX_CONFINE_CAP_DROP, HX_ERR_USAGE,
          "gibberish-for-a-capability-of-no-kernel", "capabilities(7)" },
        { HX_CONFINE_SECURITY_OPT, 0, "no-new-privileges", "" },
        { HX_CONFINE_SECURITY_OPT, 0, "no-new-privileges:false", "" },
        { HX_CONFINE_SECURITY_OPT, HX_ERR_USAGE, "no-new-privileges=1",
          "true or false" },
        { HX_CONFINE_SECURITY_OPT, 0, "seccomp=/a/b", "" },
        { HX_CONFINE_SECURITY_OPT, HX_ERR_USAGE, "seccomp=", "seccomp=FILE" },
        { HX_CONFINE_SECURITY_OPT, HX_ERR_USAGE, "seccomp", "seccomp=FILE" },
        { HX_CONFINE_SECURITY_OPT, 0, "systempaths=unconfined", "" },
        { HX_CONFINE_SECURITY_OPT, HX_ERR_USAGE, "systempaths=x", "" },
        { HX_CONFINE_SECURITY_OPT, HX_ERR_UNSUPPORTED, "apparmor=x",
          "leave apparmor out" },
        { HX_CONFINE_ULIMIT, 0, "nofile=7", "" },
        { HX_CONFINE_ULIMIT, HX_ERR_USAGE, "nofiles=7", "names no limit" },
        { HX_CONFINE_SYSCTL, 0, "net.core.somaxconn=7", "" },
        { HX_CONFINE_SYSCTL, HX_ERR_USAGE, "vm.swappiness=7",
          "vm.swappiness is not a container's" },
        { HX_CONFINE_OOM_SCORE_ADJ, 0, "-1000", "" },
        { HX_CONFINE_OOM_SCORE_ADJ, HX_ERR_USAGE, "1001", "oom-score" },
        { HX_CONFINE_PIDS_LIMIT, 0, "-1", "" },
        { HX_CONFINE_PIDS_LIMIT, HX_ERR_USAGE, "x", "--pids-limit" },
        { HX_CONFINE_CPU_SHARES, 0, "1024", "" },
        { HX_CONFINE_CPU_SHARES, HX_ERR_USAGE, "1", "--cpu-shares" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_confine_options o = { 0 };
        struct hx_err err = { 0 };
        int r = hx_confine_option(&o, cases[i].key, cases[i].value, &err);

        if (r != -cases[i].code || !strstr(err.msg, cases[i].says))
            fail_msg("'%s': %d, '%s'", cases[i].value, r, err.msg);
        hx_confine_options_release(&o);
    }
}

static void cpus_are_billionths(void **state)
{
    static const struct {
        const char *text;
        int64_t nano; /* -1: refused */
    } cases[] = {
        { "1", 1000000000 }, { "1.5", 1500000000 },
        { ".5", 500000000 }, { "2.", 2000000000 },
        { "0", 0 },          { "0.01", 10000000 },
        { "0.009", -1 },     { "1.0000000001", -1 },
        { "12345", -1 },     { ".", -1 },
        { "", -1 },          { "1.5x", -1 },
        { "-1", -1 },        { "1e3", -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_confine_options o = { 0 };
        struct hx_err err = { 0 };
        int r = hx_confine_option(&o, HX_CONFINE_CPUS, cases[i].text, &err);

        if (r != (cases[i].nano < 0 ? -HX_ERR_USAGE : 0) ||
            (r == 0 && o.spec.nano_cpus != (uint64_t)cases[i].nano))
            fail_msg("'%s': %d, %s", cases[i].text, r, err.msg);
    }
}

static void a_pod_has_the_cpus_that_are_asked_for(void **state)
{
    struct hx_confine_options o = { .spec.nano_cpus = 1500000000 };
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_confine_check(&o, 2, &err), 0);
    assert_int_equal(hx_confine_check(&o, 1, &err), -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "--vcpus"));
}

/* -- the filter --------------------------------------------------------------
 */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char folder[] = "/tmp/hx-seccomp-XXXXXX";
static char daemon_json[64], profile[64], bad[64];

static int setup(void **state)
{
    const char *build = getenv("HX_BUILD");
    char programs[256];

    (void)state;
    snprintf(programs, sizeof(programs), "%s/bin", build ? build : "build");
    setenv("HX_LIBEXEC", programs, 1);
    assert_non_null(mkdtemp(folder));
    snprintf(daemon_json, sizeof(daemon_json), "%s/daemon.json", folder);
    snprintf(profile, sizeof(profile), "%s/profile", folder);
    snprintf(bad, sizeof(bad), "%s/bad", folder);
    write_file(profile, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
    write_file(bad, "{\"defaultAction\":\"SCMP_ACT_MAYBE\"}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(daemon_json);
    unlink(profile);
    unlink(bad);
    return rmdir(folder);
}

static char *choose(struct hx_confine_spec confine, const char *path, int code)
{
    struct hx_err err = { 0 };
    int r = hx_seccomp_choose(&confine, path, daemon_json, &err);

    if (r != -code)
        fail_msg("%d, '%s'", r, err.msg);
    return confine.seccomp;
}

static void assert_chosen(char *chosen, const char *expected)
{
    if (expected && !*expected) /* some program */
        assert_true(chosen && strlen(chosen) > 8 &&
                    strcmp(chosen, HX_SECCOMP_UNCONFINED) != 0);
    else if (expected)
        assert_string_equal(chosen, expected);
    else
        assert_null(chosen);
    free(chosen);
}

static void the_filter_is_chosen_as_docker_does(void **state)
{
    static char *admin[] = { "CAP_SYS_ADMIN", NULL };
    const struct hx_confine_spec plain = { 0 }, wider = { .cap_add = admin },
                                 privileged = { .privileged = true };

    (void)state;
    unlink(daemon_json);
    assert_chosen(choose(plain, NULL, 0), NULL);
    assert_chosen(choose(plain, "builtin", 0), NULL);
    assert_chosen(choose(plain, "unconfined", 0), HX_SECCOMP_UNCONFINED);
    assert_chosen(choose(plain, profile, 0), "");
    assert_chosen(choose(wider, NULL, 0), "");
    assert_chosen(choose(privileged, NULL, 0), HX_SECCOMP_UNCONFINED);
    assert_chosen(choose(privileged, profile, 0), "");
    choose(plain, bad, HX_ERR_USAGE);
    choose(plain, "/no/such/profile", HX_ERR_NOT_FOUND);
}

static void the_configuration_names_a_profile(void **state)
{
    const struct hx_confine_spec plain = { 0 };
    char json[128];

    (void)state;
    write_file(daemon_json, "{\"seccomp-profile\": \"unconfined\"}");
    assert_chosen(choose(plain, NULL, 0), HX_SECCOMP_UNCONFINED);
    assert_chosen(choose(plain, "builtin", 0), NULL);
    snprintf(json, sizeof(json), "{\"seccomp-profile\": \"%s\"}", profile);
    write_file(daemon_json, json);
    assert_chosen(choose(plain, NULL, 0), "");
    write_file(daemon_json, "{\"seccomp-profile\": \"\"}");
    assert_chosen(choose(plain, NULL, 0), NULL);
    write_file(daemon_json, "{\"seccomp-profile\": 7}");
    choose(plain, NULL, HX_ERR_CORRUPT);
    write_file(daemon_json, "{}");
    assert_chosen(choose(plain, NULL, 0), NULL);
}

/* -- hyper-inspect -----------------------------------------------------------
 */

static void inspect_has_dockers_fields(void **state)
{
    struct hx_confine_options o = { 0 };
    json_t *obj = json_object(), *want;
    struct hx_err err = { 0 };

    (void)state;
    hx_confine_option(&o, HX_CONFINE_CAP_ADD, "sys_time", &err);
    hx_confine_option(&o, HX_CONFINE_SECURITY_OPT, "no-new-privileges", &err);
    hx_confine_option(&o, HX_CONFINE_ULIMIT, "core=5", &err);
    hx_confine_option(&o, HX_CONFINE_ULIMIT, "nofile=1:2", &err);
    hx_confine_option(&o, HX_CONFINE_ULIMIT, "core=-1", &err);
    hx_confine_option(&o, HX_CONFINE_SYSCTL, "net.a=1 2", &err);
    hx_confine_option(&o, HX_CONFINE_CPUS, "0.5", &err);
    hx_confine_option(&o, HX_CONFINE_PIDS_LIMIT, "9", &err);
    assert_int_equal(hx_confine_inspect(&o.spec, obj), 0);
    want = json_loads(
        "{\"Privileged\":false,\"Init\":false,\"CapAdd\":[\"CAP_SYS_TIME\"],"
        "\"CapDrop\":null,"
        "\"SecurityOpt\":[\"no-new-privileges\"],"
        "\"Ulimits\":[{\"Name\":\"core\",\"Hard\":-1,"
        "\"Soft\":-1},"
        "{\"Name\":\"nofile\",\"Hard\":2,\"Soft\":1}],"
        "\"Sysctls\":{\"net.a\":\"1 2\"},\"OomScoreAdj\":0,"
        "\"PidsLimit\":9,\"NanoCpus\":500000000,"
        "\"CpuShares\":0}",
        0, NULL);
    assert_non_null(want);
    assert_true(json_equal(obj, want));
    json_decref(want);
    json_decref(obj);
    hx_confine_options_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_dockers),
        cmocka_unit_test(cpus_are_billionths),
        cmocka_unit_test(a_pod_has_the_cpus_that_are_asked_for),
        cmocka_unit_test(the_filter_is_chosen_as_docker_does),
        cmocka_unit_test(the_configuration_names_a_profile),
        cmocka_unit_test(inspect_has_dockers_fields),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
