/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps and their undoing; what the hotplug helper is asked; libxl's words. */
#include "domain-builder/steps.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-builder/host.h"
#include "domain-builder/hotplug/request.h"
#include "domain-builder/xen_log.h"
#include "tests/unit/unit.h"

/* -- steps ------------------------------------------------------------------*/

struct trace {
    char text[64];
    char fails_at;
    int raises;
};

static void note(struct trace *trace, char c)
{
    size_t len = strlen(trace->text);

    trace->text[len] = c;
    trace->text[len + 1] = '\0';
}

static int act(struct trace *trace, char c, struct hx_err *err)
{
    if (trace->fails_at == c)
        return hx_err_set(err, HX_ERR_STATE, "%c fails", c);
    note(trace, c);
    if (trace->raises && c == 'b')
        raise(trace->raises);
    return 0;
}

static int act_a(void *ctx, struct hx_err *err)
{
    return act(ctx, 'a', err);
}

static int act_b(void *ctx, struct hx_err *err)
{
    return act(ctx, 'b', err);
}

static int act_c(void *ctx, struct hx_err *err)
{
    return act(ctx, 'c', err);
}

static void undo_a(void *ctx)
{
    note(ctx, 'A');
}

static void undo_c(void *ctx)
{
    note(ctx, 'C');
}

static const struct hx_step steps[] = {
    { "first", act_a, undo_a },
    { "second", act_b, NULL },
    { "third", act_c, undo_c },
};

static int run(struct trace *trace, struct hx_err *err)
{
    return hx_steps_run(steps, HX_STEPS_COUNT(steps), trace, err);
}

static void test_all_done(void **state)
{
    struct trace trace = { 0 };
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(run(&trace, &err), 0);
    assert_string_equal(trace.text, "abc");
}

static void test_undone_backwards(void **state)
{
    static const struct {
        char fails_at;
        const char *text;
    } cases[] = { { 'a', "" }, { 'b', "aA" }, { 'c', "abA" } };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct trace trace = { .fails_at = cases[i].fails_at };
        struct hx_err err = { 0 };

        assert_int_equal(run(&trace, &err), -HX_ERR_STATE);
        assert_string_equal(trace.text, cases[i].text);
    }
}

static void test_injected_failure(void **state)
{
    static const struct {
        const char *at;
        int r;
        const char *text;
    } cases[] = {
        { "first", -HX_ERR_SYSTEM, "aA" },
        { "third", -HX_ERR_SYSTEM, "abcCA" },
        { "thir", 0, "abc" },
        { "third2", 0, "abc" },
        { "", 0, "abc" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trace trace = { 0 };
        struct hx_err err = { 0 };

        setenv("HX_FAIL_AT", cases[i].at, 1);
        assert_int_equal(run(&trace, &err), cases[i].r);
        assert_string_equal(trace.text, cases[i].text);
    }
    unsetenv("HX_FAIL_AT");
}

static void test_injected_death(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct trace trace = { 0 };

        setenv("HX_FAIL_AT", "second:kill", 1);
        run(&trace, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Ctrl-C in the middle: undone first, and then it is Ctrl-C as ever. */
static void test_signal_undoes(void **state)
{
    int status, fds[2];
    char text[64] = "";
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        static struct trace trace = { .raises = SIGINT };
        struct hx_err err;
        sigset_t hold;

        signal(SIGINT, SIG_DFL);
        /* Hold it back here too, to see what run() returned. */
        sigemptyset(&hold);
        sigaddset(&hold, SIGINT);
        sigprocmask(SIG_BLOCK, &hold, NULL);
        if (run(&trace, &err) != -HX_ERR_INTERRUPTED ||
            write(fds[1], trace.text, strlen(trace.text)) < 0)
            _exit(1);
        sigprocmask(SIG_UNBLOCK, &hold, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "abA");
    close(fds[0]);
    close(fds[1]);
}

/* nohup: an ignored signal interrupts nothing. */
static void test_ignored_signal(void **state)
{
    struct trace trace = { .raises = SIGHUP };
    struct hx_err err = { 0 };

    (void)state;
    signal(SIGHUP, SIG_IGN);
    assert_int_equal(run(&trace, &err), 0);
    signal(SIGHUP, SIG_DFL);
    assert_string_equal(trace.text, "abc");
}

/* -- the hotplug helper's request -------------------------------------------*/

static void test_hotplug_taken(void **state)
{
    char *vbd_argv[] = { "hotplug", "add", NULL };
    char *vbd_env[] = { "XENBUS_PATH=backend/vbd/3/51712", NULL };
    char *vif_argv[] = { "hotplug", "offline", "type_if=vif", NULL };
    char *vif_env[] = { "vif=vif12.0", "XENBUS_PATH=backend/vif/12/0", NULL };
    struct hx_hotplug_request request;
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_hotplug_parse(vbd_argv, vbd_env, &request, &err), 0);
    assert_int_equal(request.kind, HX_HOTPLUG_VBD);
    assert_true(request.add);
    assert_string_equal(request.path, "backend/vbd/3/51712");
    assert_int_equal(hx_hotplug_parse(vif_argv, vif_env, &request, &err), 0);
    assert_int_equal(request.kind, HX_HOTPLUG_VIF);
    assert_false(request.add);
    assert_string_equal(request.vif, "vif12.0");
}

static void test_hotplug_refused(void **state)
{
    static const struct {
        char *action;
        char *type;
        char *path;
        char *vif;
    } cases[] = {
        { NULL, NULL, "XENBUS_PATH=backend/vbd/3/1", NULL },
        { "attach", NULL, "XENBUS_PATH=backend/vbd/3/1", NULL },
        { "add", NULL, "OTHER=1", NULL },
        { "add", NULL, "XENBUS_PATH=", NULL },
        { "add", NULL, "XENBUS_PATH=backend/vif/3/0", NULL },
        { "add", NULL, "XENBUS_PATH=backend/vbd/3", NULL },
        { "add", NULL, "XENBUS_PATH=backend/vbd/3/1/x", NULL },
        { "add", NULL, "XENBUS_PATH=backend/vbd/../1", NULL },
        { "add", NULL, "XENBUS_PATH=/local/domain/0/backend/vbd/3/1", NULL },
        { "add", NULL, "XENBUS_PATH=backend/vbd/3/12345678901", NULL },
        { "online", NULL, "XENBUS_PATH=backend/vif/3/0", "vif=vif3.0" },
        { "online", "type_if=tap", "XENBUS_PATH=backend/vif/3/0",
          "vif=vif3.0" },
        { "online", "type_if=vif", "XENBUS_PATH=backend/vif/3/0", NULL },
        { "online", "type_if=vif", "XENBUS_PATH=backend/vif/3/0", "vif=../x" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *argv[] = { "hotplug", cases[i].action, cases[i].type, NULL };
        char *env[] = { cases[i].path, cases[i].vif, NULL };
        struct hx_hotplug_request request;
        struct hx_err err = { 0 };

        assert_int_equal(hx_hotplug_parse(argv, env, &request, &err),
                         -HX_ERR_USAGE);
    }
}

/* -- libxl's words ----------------------------------------------------------*/

__attribute__((format(printf, 4, 5))) static void say(struct hx_xen_log *log,
                                                      xentoollog_level level,
                                                      int errnum,
                                                      const char *format, ...)
{
    va_list al;

    va_start(al, format);
    log->vtable.vmessage(&log->vtable, level, errnum, "libxl", format, al);
    va_end(al);
}

static void test_the_first_error_counts(void **state)
{
    struct hx_xen_log log;

    (void)state;
    hx_xen_log_init(&log);
    say(&log, XTL_WARN, -1, "only a warning");
    assert_string_equal(log.line, "");
    say(&log, XTL_ERROR, -1,
        "libxl_domain.c:93:libxl__domain_rename: Domain 7:domain with name "
        "\"%s\" already exists.",
        "web");
    say(&log, XTL_ERROR, -1,
        "libxl_create.c:1282:initiate_domain_create: Domain 7:cannot make "
        "domain: -6");
    assert_string_equal(log.line, "domain with name \"web\" already exists.");
    hx_xen_log_clear(&log);
    assert_string_equal(log.line, "");
}

static void test_the_helper_is_heard_best(void **state)
{
    struct hx_xen_log log;

    (void)state;
    hx_xen_log_init(&log);
    say(&log, XTL_ERROR, -1,
        "libxl_exec.c:117:libxl_report_child_exitstatus: hotplug online [12] "
        "exited with error status 1");
    say(&log, XTL_ERROR, -1,
        "libxl_device.c:1265:device_hotplug_child_death_cb: script: attaching "
        "vif7.0 to bridge br0: No such device");
    say(&log, XTL_ERROR, -1, "libxl_create.c:1:x: unable to add devices");
    assert_string_equal(log.line,
                        "attaching vif7.0 to bridge br0: No such device");
}

static void test_errno_is_told_once(void **state)
{
    struct hx_xen_log log;

    (void)state;
    hx_xen_log_init(&log);
    say(&log, XTL_ERROR, ENOENT, "opening x\nmore");
    assert_string_equal(log.line, "opening x");
    hx_xen_log_clear(&log);
    say(&log, XTL_ERROR, ENOENT, "opening x");
    assert_string_equal(log.line, "opening x: No such file or directory");
    hx_xen_log_clear(&log);
    say(&log, XTL_ERROR, ENOENT, "opening x: No such file or directory");
    assert_string_equal(log.line, "opening x: No such file or directory");
}

/* -- the host ---------------------------------------------------------------*/

static void test_host_without_xen(void **state)
{
    const struct hx_host_options options = { .run_dir = "/tmp/run///" };
    struct hx_host_info info;
    struct hx_host *host = NULL;
    struct hx_err err = { 0 };
    int r;

    (void)state;
    if (access("/proc/xen/privcmd", F_OK) == 0)
        skip();
    assert_int_equal(hx_host_open(&options, &host, &err), 0);
    assert_string_equal(hx_host_run_dir(host), "/tmp/run");
    assert_string_equal(hx_host_state_dir(host), HX_STATE_DIR_DEFAULT);
    r = hx_host_get_info(host, &info, &err);
    assert_int_equal(r, geteuid() ? -HX_ERR_PRIVILEGE : -HX_ERR_NO_XEN);
    hx_host_close(host);
    hx_host_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_done),
        cmocka_unit_test(test_undone_backwards),
        cmocka_unit_test(test_injected_failure),
        cmocka_unit_test(test_injected_death),
        cmocka_unit_test(test_signal_undoes),
        cmocka_unit_test(test_ignored_signal),
        cmocka_unit_test(test_hotplug_taken),
        cmocka_unit_test(test_hotplug_refused),
        cmocka_unit_test(test_the_first_error_counts),
        cmocka_unit_test(test_the_helper_is_heard_best),
        cmocka_unit_test(test_errno_is_told_once),
        cmocka_unit_test(test_host_without_xen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
