/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile made into a program, and what the program then does to a process
 * of ours. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-builder/caps.h"
#include "domain-builder/seccomp/profile.h"
#include "image/base/file.h"

#define SYS_ADMIN (1ull << 21)

static void compile_default(uint64_t caps, struct hx_buf *program)
{
    _cleanup_buf_ struct hx_buf json = HX_BUF_INIT(0);
    struct hx_err err = { 0 };

    assert_int_equal(hx_file_read("domain-builder/seccomp/default.json",
                                  1u << 20, &json, &err),
                     0);
    if (hx_seccomp_compile(json.data, json.len, "default", caps, program,
                           &err) < 0)
        fail_msg("%s", err.msg);
}

/* The errno of each call behind the filter; 0: it went well. */
struct seen {
    int unshare, clone3, vsock, inet, personality, odd_personality, keyctl,
        from_the_future, chroot, killed_by;
};

static int errno_of(long r)
{
    return r < 0 ? errno : 0;
}

static void try_calls(struct seen *seen)
{
    seen->unshare = errno_of(unshare(CLONE_NEWUTS));
    seen->clone3 = errno_of(syscall(SYS_clone3, NULL, 0));
    seen->vsock = errno_of(socket(AF_VSOCK, SOCK_STREAM, 0));
    seen->inet = errno_of(socket(AF_INET, SOCK_STREAM, 0));
    seen->personality = errno_of(personality(0xffffffff));
    seen->odd_personality = errno_of(personality(ADDR_NO_RANDOMIZE));
    seen->keyctl = errno_of(syscall(SYS_keyctl, 0, 0));
    seen->from_the_future = errno_of(syscall(1000));
    seen->chroot = errno_of(chroot("/no/such/folder"));
}

static void run_behind(const struct hx_buf *program, struct seen *seen)
{
    struct sock_fprog filter = {
        .len = (unsigned short)(program->len / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)(void *)program->data,
    };
    int fds[2], status;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    memset(seen, 0, sizeof(*seen));
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (prctl(PR_SET_SECCOMP, 2, &filter) < 0)
            _exit(1);
        try_calls(seen);
        _exit(write(fds[1], seen, sizeof(*seen)) != sizeof(*seen));
    }
    close(fds[1]);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        seen->killed_by = WTERMSIG(status);
    else
        assert_int_equal(read(fds[0], seen, sizeof(*seen)), sizeof(*seen));
    close(fds[0]);
}

static void the_default_one_is_dockers(void **state)
{
    _cleanup_buf_ struct hx_buf program = HX_BUF_INIT(0);
    struct seen seen;

    (void)state;
    compile_default(hx_caps_default, &program);
    assert_int_equal(program.len % sizeof(struct sock_filter), 0);
    assert_in_range(program.len / sizeof(struct sock_filter), 100, 4096);
    run_behind(&program, &seen);
    assert_int_equal(seen.killed_by, 0);
    assert_int_equal(seen.unshare, EPERM);
    assert_int_equal(seen.clone3, ENOSYS);
    assert_int_equal(seen.vsock, EPERM);
    assert_int_equal(seen.inet, 0);
    assert_int_equal(seen.personality, 0);
    assert_int_equal(seen.odd_personality, EPERM);
    assert_int_equal(seen.keyctl, EPERM);
    assert_int_equal(seen.from_the_future, ENOSYS);
    assert_int_not_equal(seen.chroot, EPERM);
}

static void capabilities_open_their_calls(void **state)
{
    _cleanup_buf_ struct hx_buf program = HX_BUF_INIT(0);
    struct seen seen;

    (void)state;
    compile_default(SYS_ADMIN, &program);
    run_behind(&program, &seen);
    assert_int_not_equal(seen.clone3, ENOSYS);
    assert_int_equal(seen.vsock, EPERM);
    assert_int_equal(seen.chroot, EPERM);
}

static const char *const head = "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
                                "\"syscalls\":[{\"names\":";

static void profiles_are_read_as_docker_reads_them(void **state)
{
    static const struct {
        const char *rest;
        int errnum; /* of unshare */
    } cases[] = {
        { "[\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\"}]}", EPERM },
        { "[\"no_such_call\",\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\","
          "\"errnoRet\":18}]}",
          EXDEV },
        { "[],\"name\":\"unshare\",\"action\":\"SCMP_ACT_ERRNO\"}]}", EPERM },
        { "[\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":18,"
          "\"includes\":{\"minKernel\":\"99.0\"}}]}",
          -1 },
        { "[\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":18,"
          "\"includes\":{\"minKernel\":\"4.8\",\"arches\":[\"amd64\"]}}]}",
          EXDEV },
        { "[\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":18,"
          "\"includes\":{\"arches\":[\"s390\"]}}]}",
          -1 },
        { "[\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":18,"
          "\"excludes\":{\"caps\":[\"CAP_CHOWN\"]}}]}",
          -1 },
        { "[\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":18,"
          "\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}}]}",
          EXDEV },
        /* One of two values of the same argument. */
        { "[\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":18,"
          "\"args\":[{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_EQ\"},"
          "{\"index\":0,\"value\":67108864,\"op\":\"SCMP_CMP_EQ\"}]}]}",
          EXDEV },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_buf_ struct hx_buf program = HX_BUF_INIT(0);
        struct hx_err err = { 0 };
        struct seen seen;
        char json[1024];

        snprintf(json, sizeof(json), "%s%s", head, cases[i].rest);
        if (hx_seccomp_compile(json, strlen(json), "p", hx_caps_default,
                               &program, &err) < 0)
            fail_msg("%s: %s", cases[i].rest, err.msg);
        run_behind(&program, &seen);
        if (cases[i].errnum < 0 ? seen.unshare == EXDEV
                                : seen.unshare != cases[i].errnum)
            fail_msg("%s: errno %d", cases[i].rest, seen.unshare);
        /* What is allowed by default is not hidden either. */
        assert_int_equal(seen.killed_by, 0);
    }
}

static void wrong_profiles_are_refused(void **state)
{
    static const struct {
        const char *json, *says;
        int code;
    } cases[] = {
        { "", "p", HX_ERR_USAGE },
        { "[]", "object", HX_ERR_USAGE },
        { "{}", "defaultAction", HX_ERR_USAGE },
        { "{\"defaultAction\":\"ALLOW\"}", "no meaning", HX_ERR_USAGE },
        { "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "listener",
          HX_ERR_UNSUPPORTED },
        { "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5000}",
          "no errno", HX_ERR_USAGE },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
          "\"architectures\":[\"SCMP_ARCH_PDP11\"]}",
          "PDP11", HX_ERR_USAGE },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
          "\"architectures\":[\"SCMP_ARCH_X86\"],\"archMap\":["
          "{\"architecture\":\"SCMP_ARCH_X86_64\"}]}",
          "leave one", HX_ERR_USAGE },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
          "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]}",
          "FLAG_LOG", HX_ERR_UNSUPPORTED },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[7]}",
          "no object", HX_ERR_USAGE },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
          "{\"names\":[\"read\"]}]}",
          "action", HX_ERR_USAGE },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
          "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\","
          "\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
          "arguments 0 to 5", HX_ERR_USAGE },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
          "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\","
          "\"args\":[{\"index\":0,\"value\":0,\"op\":\"==\"}]}]}",
          "\"op\"", HX_ERR_USAGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_buf_ struct hx_buf program = HX_BUF_INIT(0);
        struct hx_err err = { 0 };
        int r = hx_seccomp_compile(cases[i].json, strlen(cases[i].json), "p", 0,
                                   &program, &err);

        if (r != -cases[i].code || (int)err.code != cases[i].code ||
            !strstr(err.msg, cases[i].says))
            fail_msg("%s: %d, '%s'", cases[i].json, r, err.msg);
    }
}

/* -- capabilities ------------------------------------------------------------
 */

#define LIST(...) ((char *[]){ __VA_ARGS__, NULL })

static void capabilities_are_added_and_dropped_in_dockers_order(void **state)
{
    (void)state;
    assert_int_equal(hx_caps_default, 0xa80425fb);
    assert_int_equal(hx_caps_of(NULL, NULL, false), hx_caps_default);
    assert_int_equal(hx_caps_of(NULL, LIST("all"), true), HX_CAPS_ALL);
    assert_int_equal(hx_caps_of(LIST("sys_admin"), LIST("CAP_CHOWN"), false),
                     (hx_caps_default & ~1ull) | SYS_ADMIN);
    assert_int_equal(hx_caps_of(LIST("CAP_CHOWN"), LIST("CHOWN"), false),
                     hx_caps_default);
    assert_int_equal(hx_caps_of(LIST("CHOWN"), LIST("ALL"), false), 1);
    assert_int_equal(hx_caps_of(LIST("ALL"), LIST("CHOWN"), false),
                     HX_CAPS_ALL & ~1ull);
    assert_int_equal(hx_caps_of(LIST("ALL"), LIST("ALL"), false), HX_CAPS_ALL);
    assert_int_equal(hx_cap_number("cap_checkpoint_restore"), 40);
    assert_int_equal(hx_cap_number("CAP_"), -1);
    assert_string_equal(hx_cap_name(12), "NET_ADMIN");
    assert_null(hx_cap_name(41));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_one_is_dockers),
        cmocka_unit_test(capabilities_open_their_calls),
        cmocka_unit_test(profiles_are_read_as_docker_reads_them),
        cmocka_unit_test(wrong_profiles_are_refused),
        cmocka_unit_test(capabilities_are_added_and_dropped_in_dockers_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
