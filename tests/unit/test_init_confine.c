/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a container's processes are confined: what the configuration may ask
 * for, and what then holds in a process. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/confine.h"

#define DOCKER_CAPS 0xa80425fbull

static int parse(const char *json, json_t **doc_r, struct hx_init_confine *out,
                 struct hx_init_err *err)
{
    struct hx_init_fields at = { .what = "confine", .err = err };

    at.obj = *doc_r = json_loads(json, 0, NULL);
    assert_non_null(at.obj);
    return hx_init_confine_parse(&at, out);
}

static void nothing_said_is_dockers_default(void **state)
{
    struct hx_init_confine c;
    struct hx_init_err err = { "" };
    json_t *doc;

    (void)state;
    assert_int_equal(parse("{}", &doc, &c, &err), 0);
    assert_int_equal(c.capabilities, DOCKER_CAPS);
    assert_false(c.no_new_privs || c.privileged || c.unmasked);
    assert_null(c.filter);
    assert_int_equal(c.ulimit_count + c.sysctl_count + c.pids_max, 0);
    hx_init_confine_release(&c);
    json_decref(doc);
}

static void everything_is_read(void **state)
{
    struct hx_init_confine c;
    struct hx_init_err err = { "" };
    json_t *doc;

    (void)state;
    assert_int_equal(
        parse("{\"capabilities\":2199023255551,\"no_new_privs\":true,"
              "\"privileged\":true,\"oom_score_adj\":-500,\"pids_max\":7,"
              "\"cpu_quota_us\":150000,\"cpu_weight\":39,"
              /* return SECCOMP_RET_ALLOW, twice */
              "\"seccomp\":\"BgAAAAAA/38GAAAAAAD/fw==\","
              "\"ulimits\":[{\"name\":\"nofile\",\"soft\":10,\"hard\":20},"
              "             {\"name\":\"core\"}],"
              "\"sysctls\":[{\"name\":\"net/core/somaxconn\","
              "              \"value\":\"17\"}]}",
              &doc, &c, &err),
        0);
    assert_int_equal(c.capabilities, (1ull << 41) - 1);
    assert_true(c.no_new_privs && c.privileged && c.unmasked);
    assert_int_equal(c.oom_score_adj, -500);
    assert_int_equal(c.pids_max, 7);
    assert_int_equal(c.cpu_quota_us, 150000);
    assert_int_equal(c.cpu_weight, 39);
    assert_int_equal(c.filter_len, 2);
    assert_int_equal(c.filter[1].code, BPF_RET | BPF_K);
    assert_int_equal(c.filter[1].k, SECCOMP_RET_ALLOW);
    assert_int_equal(c.ulimit_count, 2);
    assert_int_equal(c.ulimits[0].resource, RLIMIT_NOFILE);
    assert_int_equal(c.ulimits[0].limit.rlim_cur, 10);
    assert_int_equal(c.ulimits[0].limit.rlim_max, 20);
    assert_true(c.ulimits[1].limit.rlim_max == RLIM_INFINITY);
    assert_string_equal(c.sysctls[0].name, "net/core/somaxconn");
    hx_init_confine_release(&c);
    json_decref(doc);
}

static void wrong_fields_are_named(void **state)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        { "{\"capabilities\":-1}", "\"capabilities\" is not a number" },
        { "{\"no_new_privs\":1}", "true or false" },
        { "{\"oom_score_adj\":-1001}", "from -1000 to 1000" },
        { "{\"oom_score_adj\":\"1\"}", "\"oom_score_adj\"" },
        { "{\"cpu_weight\":10001}", "\"cpu_weight\"" },
        { "{\"seccomp\":\"\"}", "\"seccomp\" is not a program" },
        { "{\"seccomp\":\"BgAAAAAA/38\"}", "\"seccomp\"" },
        { "{\"seccomp\":\"BgAAAAAA/w==\"}", "\"seccomp\"" },
        { "{\"seccomp\":\"BgAAAAA=/38=\"}", "\"seccomp\"" },
        { "{\"seccomp\":\"BgAAAA*A/38=\"}", "\"seccomp\"" },
        { "{\"ulimits\":[{\"name\":\"as\"}]}", "ulimits[0]: field \"name\"" },
        { "{\"ulimits\":[{\"name\":\"cpu\",\"hard\":1}]}", "at most the hard" },
        { "{\"ulimits\":[{\"name\":\"cpu\",\"soft\":-1}]}", "\"soft\"" },
        { "{\"sysctls\":[{\"name\":\"net/../x\",\"value\":\"\"}]}",
          "\"name\"" },
        { "{\"sysctls\":[{\"name\":\"/net\",\"value\":\"\"}]}", "\"name\"" },
        { "{\"sysctls\":[{\"name\":\"net\"}]}", "\"value\" is missing" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_init_confine c;
        struct hx_init_err err = { "" };
        json_t *doc;
        int r = parse(cases[i].json, &doc, &c, &err);

        if (r != -1 || !strstr(err.msg, cases[i].says))
            fail_msg("%s: returned %d, said '%s'", cases[i].json, r, err.msg);
        hx_init_confine_release(&c);
        json_decref(doc);
    }
}

/* -- in a process -------------------------------------------------------------
 */

struct seen {
    uint64_t effective, bounding;
    int dumpable, no_new_privs, mkdir_errno, seccomp_mode, oom_score_adj;
    unsigned nofile;
};

static uint64_t effective(void)
{
    struct __user_cap_header_struct head = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct data[2] = { { 0 } };

    syscall(SYS_capget, &head, data);
    return data[0].effective | (uint64_t)data[1].effective << 32;
}

static void look(struct seen *seen)
{
    struct rlimit limit;
    FILE *score = fopen("/proc/self/oom_score_adj", "r");
    unsigned i;

    memset(seen, 0, sizeof(*seen));
    seen->effective = effective();
    for (i = 0; i < 64; i++)
        seen->bounding |= (uint64_t)(prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
                          << i;
    seen->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    seen->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    seen->seccomp_mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
    seen->mkdir_errno = mkdir("/no/such/folder", 0) < 0 ? errno : 0;
    getrlimit(RLIMIT_NOFILE, &limit);
    seen->nofile = (unsigned)limit.rlim_cur;
    if (score && fscanf(score, "%d", &seen->oom_score_adj) != 1)
        seen->oom_score_adj = -1;
}

/* As process.c does it, around a change of the user. */
static void confined(const struct hx_init_confine *c, uid_t uid,
                     struct seen *seen)
{
    struct hx_init_err err = { "" };
    int fds[2], status;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        if (hx_init_confine_begin(c, &err) < 0 ||
            setresuid(uid, uid, uid) < 0 ||
            hx_init_confine_finish(c, uid, &err) < 0) {
            fprintf(stderr, "%s\n", err.msg);
            _exit(1);
        }
        look(seen);
        _exit(write(fds[1], seen, sizeof(*seen)) != sizeof(*seen));
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], seen, sizeof(*seen)), sizeof(*seen));
    close(fds[0]);
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static int need_root(void **state)
{
    *state = geteuid() == 0 ? (void *)"root" : NULL;
    return 0;
}

static void root_has_the_bounding_set_and_others_nothing(void **state)
{
    struct hx_init_confine c;
    struct seen seen;

    NEED(state);
    hx_init_confine_default(&c);
    confined(&c, 0, &seen);
    assert_int_equal(seen.effective, DOCKER_CAPS);
    assert_int_equal(seen.dumpable, 0);
    assert_int_equal(seen.bounding, DOCKER_CAPS);
    assert_int_equal(seen.no_new_privs, 0);
    confined(&c, 1000, &seen);
    assert_int_equal(seen.effective, 0);
    assert_int_equal(seen.bounding, DOCKER_CAPS);
}

/* Even the right to change the user may be dropped. */
static void all_capabilities_may_be_dropped(void **state)
{
    struct hx_init_confine c = { .oom_score_adj = 17 };
    struct hx_init_ulimit limit = { RLIMIT_NOFILE, { 11, 12 } };
    struct seen seen;

    NEED(state);
    c.ulimits = &limit;
    c.ulimit_count = 1;
    confined(&c, 1000, &seen);
    assert_int_equal(seen.effective | seen.bounding, 0);
    assert_int_equal(seen.nofile, 11);
    assert_int_equal(seen.oom_score_adj, 17);
}

static void a_filter_is_loaded_with_and_without_new_privileges(void **state)
{
    struct sock_filter no_mkdir[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct hx_init_confine c;
    struct seen seen;

    NEED(state);
    hx_init_confine_default(&c);
    confined(&c, 1000, &seen);
    assert_int_equal(seen.mkdir_errno, ENOENT);
    assert_int_equal(seen.seccomp_mode, 0);
    c.filter = no_mkdir;
    c.filter_len = 4;
    for (int with = 0; with < 2; with++) {
        c.no_new_privs = with;
        confined(&c, 1000, &seen);
        assert_int_equal(seen.mkdir_errno, EXDEV);
        assert_int_equal(seen.seccomp_mode, SECCOMP_MODE_FILTER);
        assert_int_equal(seen.no_new_privs, with);
    }
}

/* -- the cgroup ---------------------------------------------------------------
 */

static void assert_file(const char *folder, const char *name, const char *text)
{
    char path[128], found[64] = "";
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(found, sizeof(found), file));
    fclose(file);
    unlink(path);
    assert_string_equal(found, text);
}

static void limits_are_written_into_the_cgroup(void **state)
{
    static const char *const names[] = { "pids.max", "cpu.max", "cpu.weight" };
    struct hx_init_confine c = { .pids_max = 100,
                                 .cpu_quota_us = 150000,
                                 .cpu_weight = 39 };
    const struct hx_init_confine none = { 0 };
    char folder[] = "/tmp/hx-cgroup-XXXXXX", path[128];
    struct hx_init_err err = { "" };

    (void)state;
    assert_non_null(mkdtemp(folder));
    /* A kernel without the controllers. */
    assert_int_equal(hx_init_confine_cgroup(&none, folder, &err), 0);
    assert_int_equal(hx_init_confine_cgroup(&c, folder, &err), -1);
    assert_non_null(strstr(err.msg, "pids.max"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        fclose(fopen(path, "w"));
    }
    assert_int_equal(hx_init_confine_cgroup(&c, folder, &err), 0);
    assert_file(folder, "pids.max", "100");
    assert_file(folder, "cpu.max", "150000 100000");
    assert_file(folder, "cpu.weight", "39");
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_dockers_default),
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(root_has_the_bounding_set_and_others_nothing),
        cmocka_unit_test(all_capabilities_may_be_dropped),
        cmocka_unit_test(a_filter_is_loaded_with_and_without_new_privileges),
        cmocka_unit_test(limits_are_written_into_the_cgroup),
    };

    return cmocka_run_group_tests(tests, need_root, NULL);
}
