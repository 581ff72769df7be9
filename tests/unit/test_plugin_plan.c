/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's rules: what an image and a command line mean together. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "domain-builder/pod-spec.h"
#include "image/base/cleanup.h"
#include "tests/unit/unit.h"
#include "xl-plugin/create-options.h"
#include "xl-plugin/env.h"
#include "xl-plugin/names.h"
#include "xl-plugin/plan.h"

#define LIST(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static char *caller[] = { (char *)"HOME=/root",
                          (char *)"EMPTY=", (char *)"LANG=C.UTF-8", NULL };

static struct hx_image make_image(void)
{
    return (struct hx_image){
        .id = "sha256:aa",
        .reference = (char *)"docker.io/library/web:1.2",
        .familiar = (char *)"web:1.2",
        .root_disk = (char *)"/disks/aa.squashfs",
    };
}

/* -- argv ------------------------------------------------------------------ */

static void test_argv(void **state)
{
    static const struct {
        const char *entrypoint[3], *cmd[3], *args[3];
        const char *option;
        const char *argv; /* NULL: refused */
    } cases[] = {
        { { 0 }, { "ls", "-l" }, { 0 }, NULL, "ls -l" },
        { { "/ep" }, { "ls" }, { 0 }, NULL, "/ep ls" },
        { { "/ep", "x" }, { "ls" }, { "a", "b" }, NULL, "/ep x a b" },
        { { 0 }, { "ls" }, { "a" }, NULL, "a" },
        { { "/ep" }, { 0 }, { 0 }, NULL, "/ep" },
        { { "/ep" }, { "ls" }, { 0 }, "/mine", "/mine" },
        { { "/ep" }, { "ls" }, { "a" }, "/mine", "/mine a" },
        { { "/ep" }, { "ls" }, { "a" }, "", "a" },
        { { "/ep" }, { "ls" }, { 0 }, "", NULL },
        { { 0 }, { 0 }, { 0 }, NULL, NULL },
        { { 0 }, { 0 }, { "" }, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_image image = make_image();
        struct hx_create_options o;
        struct hx_pod_spec spec = { 0 };
        struct hx_err err = { 0 };
        char argv[128] = "";
        int r;

        image.config.entrypoint = (char **)cases[i].entrypoint;
        image.config.cmd = (char **)cases[i].cmd;
        hx_create_options_init(&o);
        o.image = "web";
        o.args = (char **)cases[i].args;
        o.entrypoint = cases[i].option;
        r = hx_plan_pod(&o, &image, caller, 1, &spec, &err);
        if (!cases[i].argv) {
            assert_int_equal(r, -HX_ERR_USAGE);
            assert_non_null(strstr(err.msg, "web:1.2"));
            assert_non_null(strstr(err.msg, "command"));
            continue;
        }
        assert_int_equal(r, 0);
        for (char **a = spec.containers[0].args; *a; a++) {
            strcat(argv, *argv ? " " : "");
            strcat(argv, *a);
        }
        assert_string_equal(argv, cases[i].argv);
        hx_pod_spec_release(&spec);
    }
}

/* -- environment ----------------------------------------------------------- */

static void assert_env(char **env, const char *expected)
{
    char text[1024] = "";

    for (; env && *env; env++) {
        strcat(text, *text ? "|" : "");
        strcat(text, *env);
    }
    assert_string_equal(text, expected);
}

static void test_env_settings(void **state)
{
    char **env = NULL;
    struct hx_err err = { 0 };

    (void)state;
    hx_strv_add(&env, "A=1");
    hx_strv_add(&env, "B=2");
    assert_int_equal(hx_env_apply(&env, "A=x=y", caller, &err), 0);
    assert_int_equal(hx_env_apply(&env, "LANG", caller, &err), 0);
    assert_int_equal(hx_env_apply(&env, "EMPTY", caller, &err), 0);
    assert_int_equal(hx_env_apply(&env, "B", caller, &err), 0);
    assert_int_equal(hx_env_apply(&env, "C=", caller, &err), 0);
    assert_env(env, "A=x=y|LANG=C.UTF-8|EMPTY=|C=");
    assert_int_equal(hx_env_apply(&env, "=x", caller, &err), -HX_ERR_USAGE);
    assert_int_equal(hx_env_apply(&env, "", caller, &err), -HX_ERR_USAGE);
    /* Nothing to remove from. */
    hx_strv_free(&env);
    assert_int_equal(hx_env_apply(&env, "B", caller, &err), 0);
    assert_env(env, "");
    hx_strv_free(&env);
}

static void test_env_file_lines(void **state)
{
    char **env = NULL;
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(
        hx_env_apply_text(&env,
                          "\xef\xbb\xbf# comment\n\nONE=1\n  TWO=two words \n"
                          "QUOTED=\"x\"\nLANG\nNOBODY_HAS_THIS\nCR=1\r\nLAST=#",
                          "file", caller, &err),
        0);
    assert_env(env, "ONE=1|TWO=two words |QUOTED=\"x\"|LANG=C.UTF-8|CR=1|"
                    "LAST=#");
    assert_int_equal(hx_env_apply_text(&env, "A=1\n=2\n", "file", caller, &err),
                     -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "file line 2"));
    assert_int_equal(hx_env_apply_text(&env, "A B=1", "file", caller, &err),
                     -HX_ERR_USAGE);
    assert_int_equal(hx_env_apply_text(&env, "NAME ", "file", caller, &err),
                     -HX_ERR_USAGE);
    hx_strv_free(&env);
}

static void test_env_files(void **state)
{
    char path[] = "/tmp/hx-env-XXXXXX";
    char **env = NULL;
    struct hx_err err = { 0 };
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, "A=1\0B", 5), 5);
    assert_int_equal(hx_env_apply_file(&env, path, caller, &err),
                     -HX_ERR_USAGE);
    assert_int_equal(ftruncate(fd, 3), 0);
    assert_int_equal(hx_env_apply_file(&env, path, caller, &err), 0);
    assert_env(env, "A=1");
    assert_int_equal(ftruncate(fd, HX_ENV_FILE_MAX_BYTES + 1), 0);
    assert_int_equal(hx_env_apply_file(&env, path, caller, &err),
                     -HX_ERR_LIMIT);
    unlink(path);
    assert_int_equal(hx_env_apply_file(&env, path, caller, &err),
                     -HX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "--env-file"));
    hx_strv_free(&env);
    close(fd);
}

static void test_env_of_a_pod(void **state)
{
    struct hx_image image = make_image();
    struct hx_pod_spec spec = { 0 };
    struct hx_create_options o;
    struct hx_err err = { 0 };

    (void)state;
    image.config.env = LIST("PATH=/img", "A=image", "BARE", "=odd");
    image.config.cmd = LIST("x");
    hx_create_options_init(&o);
    o.image = "web";
    o.name = "my_web.1";
    o.env = LIST("A=mine", "B=1");
    o.tty = true;
    assert_int_equal(hx_plan_pod(&o, &image, caller, 1, &spec, &err), 0);
    assert_env(spec.containers[0].env,
               "PATH=/img|A=mine|B=1|HOSTNAME=my-web-1|TERM=xterm");
    hx_pod_spec_release(&spec);

    o.env = LIST("PATH", "HOSTNAME=own", "TERM=vt100");
    o.hostname = "other";
    assert_int_equal(hx_plan_pod(&o, &image, caller, 1, &spec, &err), 0);
    assert_env(spec.containers[0].env,
               "A=image|HOSTNAME=own|TERM=vt100|" HX_ENV_DEFAULT_PATH);
    assert_string_equal(spec.hostname, "other");
    hx_pod_spec_release(&spec);
}

/* -- the rest of a pod ----------------------------------------------------- */

static void test_defaults_of_a_pod(void **state)
{
    struct hx_image image = make_image();
    struct hx_pod_spec spec = { 0 };
    const struct hx_container_spec *c;
    struct hx_create_options o;
    struct hx_err err = { 0 };

    (void)state;
    image.config.cmd = LIST("x");
    hx_create_options_init(&o);
    o.image = "web";
    assert_int_equal(hx_plan_pod(&o, &image, caller, 0xabcdef12, &spec, &err),
                     0);
    assert_string_equal(spec.name, "web-cdef12");
    assert_string_equal(spec.hostname, "web-cdef12");
    assert_int_equal(spec.type, HX_DOMAIN_AUTO);
    assert_int_equal(spec.mem_kib, 65536);
    assert_int_equal(spec.vcpus, 1);
    assert_false(spec.net.none);
    assert_null(spec.net.bridge);
    assert_null(spec.net.ip);
    assert_false(spec.auto_remove);
    assert_int_equal(spec.container_count, 1);
    c = &spec.containers[0];
    assert_string_equal(c->image, "web:1.2");
    assert_string_equal(c->image_id, "sha256:aa");
    assert_string_equal(c->root_disk, "/disks/aa.squashfs");
    assert_string_equal(c->user, "");
    assert_string_equal(c->cwd, "/");
    assert_int_equal(c->stop_signal, 15);
    assert_int_equal(c->stop_timeout_ms, 10000);
    assert_int_equal(c->writable, HX_WRITABLE_DISK);
    hx_pod_spec_release(&spec);
}

static void test_image_and_options_of_the_process(void **state)
{
    struct hx_image image = make_image();
    struct hx_pod_spec spec = { 0 };
    struct hx_create_options o;
    struct hx_err err = { 0 };

    (void)state;
    image.config.cmd = LIST("x");
    image.config.user = (char *)"www";
    image.config.working_dir = (char *)"srv/app";
    image.config.stop_signal = (char *)"SIGQUIT";
    hx_create_options_init(&o);
    o.image = "web";
    assert_int_equal(hx_plan_pod(&o, &image, caller, 1, &spec, &err), 0);
    assert_string_equal(spec.containers[0].user, "www");
    assert_string_equal(spec.containers[0].cwd, "/srv/app");
    assert_int_equal(spec.containers[0].stop_signal, 3);
    hx_pod_spec_release(&spec);

    o.user = "0:0";
    o.workdir = "/tmp";
    o.stop_signal = 10;
    o.stop_timeout_ms = 0;
    o.read_only = true;
    o.network = "none";
    o.auto_remove = true;
    assert_int_equal(hx_plan_pod(&o, &image, caller, 1, &spec, &err), 0);
    assert_string_equal(spec.containers[0].user, "0:0");
    assert_string_equal(spec.containers[0].cwd, "/tmp");
    assert_int_equal(spec.containers[0].stop_signal, 10);
    assert_int_equal(spec.containers[0].stop_timeout_ms, 0);
    assert_int_equal(spec.containers[0].writable, HX_WRITABLE_NONE);
    assert_int_equal(spec.scratch_bytes, 0);
    assert_true(spec.net.none);
    assert_null(spec.net.bridge);
    assert_true(spec.auto_remove);
    hx_pod_spec_release(&spec);

    o.stop_signal = 0;
    image.config.stop_signal = (char *)"SIGNOPE";
    assert_int_equal(hx_plan_pod(&o, &image, caller, 1, &spec, &err),
                     -HX_ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "--stop-signal"));
}

static void test_text_that_is_not_utf8_is_refused(void **state)
{
    struct hx_image image = make_image();
    struct hx_pod_spec spec = { 0 };
    struct hx_create_options o;
    struct hx_err err = { 0 };

    (void)state;
    image.config.cmd = LIST("x");
    hx_create_options_init(&o);
    o.image = "web";
    o.args = LIST("echo", "\xff");
    assert_int_equal(hx_plan_pod(&o, &image, caller, 1, &spec, &err),
                     -HX_ERR_USAGE);
    o.args = NULL;
    o.env = LIST("A=\xc3");
    assert_int_equal(hx_plan_pod(&o, &image, caller, 1, &spec, &err),
                     -HX_ERR_USAGE);
    o.env = NULL;
    o.workdir = "/\xfe";
    assert_int_equal(hx_plan_pod(&o, &image, caller, 1, &spec, &err),
                     -HX_ERR_USAGE);
}

/* -- names ----------------------------------------------------------------- */

static void test_default_names(void **state)
{
    static const struct {
        const char *reference;
        const char *name;
    } cases[] = {
        { "nginx", "nginx-00002a" },
        { "docker.io/library/nginx:latest", "nginx-00002a" },
        { "127.0.0.1:5000/team/web:1.2", "web-00002a" },
        { "web@sha256:0123", "web-00002a" },
        { "host:5000/a/b:tag@sha256:ff/ff", "b-00002a" },
        { "docker-archive:/tmp/alpine-3.10.tar", "alpine-3.10.tar-00002a" },
        { "oci:/tmp/_-x\xc3\xa9 y", "xy-00002a" },
        { "/tmp/", "pod-00002a" },
        { "", "pod-00002a" },
        { "a23456789012345678901234567890123456789012345678901234567890123456",
          "a2345678901234567890123456789012345678901234567890123456-00002a" },
    };
    char name[HX_POD_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        hx_pod_name_default(cases[i].reference, 0xff00002a, name);
        assert_string_equal(name, cases[i].name);
        assert_true(hx_pod_name_valid(name));
    }
}

static void test_host_names(void **state)
{
    static const char *const good[] = { "a", "web-1", "a.b.c", "0", "A-b" };
    static const char *const bad[] = {
        "",
        "-a",
        "a-",
        "a..b",
        ".a",
        "a.",
        "a_b",
        "a b",
        "a.-b",
        "\xc3\xa9",
        "a234567890123456789012345678901234567890123456789012345678901234",
    };
    char hostname[HX_HOSTNAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(hx_hostname_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(hx_hostname_valid(bad[i]));
    hx_hostname_default("my_web.1--", hostname);
    assert_string_equal(hostname, "my-web-1");
    assert_true(hx_hostname_valid(hostname));
}

/* -- options --------------------------------------------------------------- */

static void test_option_values(void **state)
{
    static const struct {
        int key;
        const char *value;
        const char *refused; /* part of the sentence; NULL: taken */
    } cases[] = {
        { HX_CREATE_NAME, "web", NULL },
        { HX_CREATE_NAME, "a b", "--name" },
        { HX_CREATE_NAME, "", "--name" },
        { HX_CREATE_NAME, "-x", "--name" },
        { HX_CREATE_TYPE, "pv", NULL },
        { HX_CREATE_TYPE, "PV", "--type" },
        { HX_CREATE_TYPE, "hvm", "QEMU" },
        { 'm', "32", NULL },
        { 'm', "lots", "--memory" },
        { 'm', "1m", "32m" },
        { HX_CREATE_VCPUS, "128", NULL },
        { HX_CREATE_VCPUS, "129", "--vcpus" },
        { HX_CREATE_VCPUS, "0", "--vcpus" },
        { HX_CREATE_HOSTNAME, "a.b", NULL },
        { HX_CREATE_HOSTNAME, "a_b", "--hostname" },
        { 'w', "/x", NULL },
        { 'w', "x", "--workdir" },
        { 'w', "", "--workdir" },
        { HX_CREATE_NETWORK, "none", NULL },
        { HX_CREATE_NETWORK, "xenbr0", NULL },
        { HX_CREATE_NETWORK, "host", "--network" },
        { HX_CREATE_NETWORK, "a/b", "--network" },
        { HX_CREATE_NETWORK, "a2345678901234567", "--network" },
        { HX_CREATE_IP, "172.30.0.9", NULL },
        { HX_CREATE_IP, "172.30.0.9/24", NULL },
        { HX_CREATE_IP, "172.30.0.9/0", "--ip" },
        { HX_CREATE_IP, "172.30.0.9/33", "--ip" },
        { HX_CREATE_IP, "300.1.1.1", "--ip" },
        { HX_CREATE_IP, "1.2.3", "--ip" },
        { HX_CREATE_IP, "fd00::1", "--ip" },
        { HX_CREATE_IP, "", "--ip" },
        { HX_CREATE_MAC, "00:16:3e:01:02:aF", NULL },
        { HX_CREATE_MAC, "01:16:3e:01:02:03", "--mac" },
        { HX_CREATE_MAC, "00:16:3e:01:02", "--mac" },
        { HX_CREATE_MAC, "00:16:3e:01:02:3", "--mac" },
        { HX_CREATE_MAC, "00:16:3e:01:02:0345", "--mac" },
        { HX_CREATE_MAC, "zz", "--mac" },
        { HX_CREATE_PULL, "never", NULL },
        { HX_CREATE_PULL, "maybe", "--pull" },
        { HX_CREATE_STOP_SIGNAL, "QUIT", NULL },
        { HX_CREATE_STOP_SIGNAL, "NOPE", "--stop-signal" },
        { HX_CREATE_STOP_TIMEOUT, "0", NULL },
        { HX_CREATE_STOP_TIMEOUT, "-1", "--stop-timeout" },
        { HX_CREATE_SCRATCH, "1g", NULL },
        { HX_CREATE_SCRATCH, "1k", "--scratch" },
        { 'p', "80:80", "publishing ports is not possible yet" },
        { 'v', "/a:/b", "volumes" },
        { 'i', NULL, NULL },
        { HX_CREATE_RESTART, "no", NULL },
        { HX_CREATE_RESTART, "always", NULL },
        { HX_CREATE_RESTART, "unless-stopped", NULL },
        { HX_CREATE_RESTART, "on-failure", NULL },
        { HX_CREATE_RESTART, "on-failure:3", NULL },
        { HX_CREATE_RESTART, "on-failure:", "--restart" },
        { HX_CREATE_RESTART, "on-failure:-1", "--restart" },
        { HX_CREATE_RESTART, "always:3", "--restart" },
        { HX_CREATE_RESTART, "sometimes", "--restart" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_create_options o;
        struct hx_err err = { 0 };
        int r;

        hx_create_options_init(&o);
        r = hx_create_option(&o, cases[i].key, cases[i].value, &err);
        if (cases[i].refused) {
            assert_true(r < 0);
            assert_non_null(strstr(err.msg, cases[i].refused));
        } else {
            assert_int_equal(r, 0);
        }
        hx_create_options_release(&o);
    }
}

static void test_option_combinations(void **state)
{
    struct hx_create_options o;
    struct hx_err err = { 0 };

    (void)state;
    hx_create_options_init(&o);
    assert_int_equal(hx_create_options_check(&o, &err), 0);
    o.network = "none";
    assert_int_equal(hx_create_options_check(&o, &err), 0);
    o.ip = "1.2.3.4";
    assert_int_equal(hx_create_options_check(&o, &err), -HX_ERR_USAGE);
    o.network = "xenbr0";
    assert_int_equal(hx_create_options_check(&o, &err), 0);
    o.console = o.json = true;
    assert_int_equal(hx_create_options_check(&o, &err), -HX_ERR_USAGE);
    /* docker's name for the default network */
    assert_int_equal(hx_create_option(&o, HX_CREATE_NETWORK, "bridge", &err),
                     0);
    assert_null(o.network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argv),
        cmocka_unit_test(test_env_settings),
        cmocka_unit_test(test_env_file_lines),
        cmocka_unit_test(test_env_files),
        cmocka_unit_test(test_env_of_a_pod),
        cmocka_unit_test(test_defaults_of_a_pod),
        cmocka_unit_test(test_image_and_options_of_the_process),
        cmocka_unit_test(test_text_that_is_not_utf8_is_refused),
        cmocka_unit_test(test_default_names),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_option_values),
        cmocka_unit_test(test_option_combinations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
