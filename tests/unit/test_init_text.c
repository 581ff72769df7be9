/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pv-init's small texts: requests, stages, addresses, the files of
 * /etc, the environment. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/address.h"
#include "pv-init/console.h"
#include "pv-init/etcfiles.h"
#include "pv-init/process.h"
#include "pv-init/report.h"
#include "pv-init/request.h"
#include "pv-init/supervise.h"

static void requests(void **state)
{
    static const struct {
        const char *text;
        int result;
        struct hx_init_request want;
    } cases[] = {
        { "1 kill 9", 0, { 1, HX_INIT_KILL, 9, 0 } },
        { "18446744073709551615 kill 64",
          0,
          { UINT64_MAX, HX_INIT_KILL, 64, 0 } },
        { "7 stop 10000", 0, { 7, HX_INIT_STOP, 0, 10000 } },
        { "7 stop 0", 0, { 7, HX_INIT_STOP, 0, 0 } },
        { "7 stop 2147483647", 0, { 7, HX_INIT_STOP, 0, INT32_MAX } },
        { "", -1, { 0 } },
        { "1", -1, { 0 } },
        { "1 kill", -1, { 0 } },
        { "1 kill ", -1, { 0 } },
        { "1 kill 0", -1, { 0 } },
        { "1 kill 65", -1, { 0 } },
        { "0 kill 9", -1, { 0 } },
        { "-1 kill 9", -1, { 0 } },
        { "1 kill 9 ", -1, { 0 } },
        { "1 kill 9 9", -1, { 0 } },
        { "1  kill 9", -1, { 0 } },
        { " 1 kill 9", -1, { 0 } },
        { "1 kill +9", -1, { 0 } },
        { "1 Kill 9", -1, { 0 } },
        { "1 stop 2147483648", -1, { 0 } },
        { "18446744073709551616 kill 9", -1, { 0 } },
        { "1 reboot 0", -1, { 0 } },
        { "1 kill 9000000000000000000000000000000000000000000000000000000000",
          -1,
          { 0 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_init_request got = { 0 };

        if (hx_init_request_parse(cases[i].text, &got) != cases[i].result ||
            got.seq != cases[i].want.seq || got.verb != cases[i].want.verb ||
            got.signum != cases[i].want.signum ||
            got.timeout_ms != cases[i].want.timeout_ms)
            fail_msg("'%s'", cases[i].text);
    }
}

static void stages_are_lines_in_order(void **state)
{
    struct hx_init_report report = { 0 };
    char text[HX_ABI_VALUE_MAX];

    (void)state;
    hx_init_report_format_stages(&report, text, sizeof(text));
    assert_string_equal(text, "");
    report.stage_us[HX_INIT_STAGE_NETWORK] = 20;
    report.stage_us[HX_INIT_STAGE_ROOT] = 30;
    report.stage_us[HX_INIT_STAGE_EXIT] = UINT64_MAX;
    hx_init_report_format_stages(&report, text, sizeof(text));
    assert_string_equal(text, "root 30\nnetwork 20\n"
                              "exit 18446744073709551615\n");
}

static void the_names_are_the_contracts(void **state)
{
    struct hx_init_report report = { 0 };
    char text[HX_ABI_VALUE_MAX], names[128] = "", *save = NULL, *line;

    (void)state;
    for (int i = 0; i < HX_INIT_STAGES; i++)
        report.stage_us[i] = 1;
    hx_init_report_format_stages(&report, text, sizeof(text));
    for (line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        line[strcspn(line, " ")] = '\0';
        sprintf(names + strlen(names), "%s%s", names[0] ? " " : "", line);
    }
    assert_string_equal(names, HX_ABI_STAGES);
}

static void exit_codes(void **state)
{
    int status;

    (void)state;
    for (int want = 0; want < 256; want += 51) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(want);
        waitpid(pid, &status, 0);
        assert_int_equal(hx_init_exit_code(status), want);
    }
    if (fork() == 0) {
        kill(getpid(), SIGKILL);
        pause();
    }
    wait(&status);
    assert_int_equal(hx_init_exit_code(status), 137);
}

static void prefixes(void **state)
{
    struct hx_init_prefix net, a;

    (void)state;
    assert_int_equal(hx_init_prefix_parse("172.30.0.2/20", &net), 0);
    assert_int_equal(hx_init_address_parse("172.30.15.9", &a), 0);
    assert_true(hx_init_prefix_covers(&net, &a));
    assert_int_equal(hx_init_address_parse("172.30.16.9", &a), 0);
    assert_false(hx_init_prefix_covers(&net, &a));
    assert_int_equal(hx_init_address_parse("::ac1e:2", &a), 0);
    assert_false(hx_init_prefix_covers(&net, &a));
    assert_int_equal(hx_init_prefix_parse("0.0.0.0/0", &net), 0);
    assert_int_equal(hx_init_address_parse("8.8.8.8", &a), 0);
    assert_true(hx_init_prefix_covers(&net, &a));
    assert_int_equal(hx_init_prefix_parse("fd00:1::/31", &net), 0);
    hx_init_prefix_mask(&net);
    assert_int_equal(net.bytes[3], 0);
    assert_int_equal(hx_init_prefix_parse("1.2.3.4/", &net), -1);
    assert_int_equal(hx_init_prefix_parse("1.2.3.4/+8", &net), -1);
    assert_int_equal(hx_init_prefix_parse("1.2.3/8", &net), -1);
    assert_int_equal(hx_init_prefix_parse("/8", &net), -1);
}

static void decimal_numbers(void **state)
{
    uint64_t value = 5;

    (void)state;
    assert_int_equal(
        hx_init_parse_u64("18446744073709551615", UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(
        hx_init_parse_u64("18446744073709551616", UINT64_MAX, &value), -1);
    assert_int_equal(hx_init_parse_u64("7", 3, &value), -1);
    assert_int_equal(hx_init_parse_u64("3", 3, &value), 0);
    assert_int_equal(hx_init_parse_u64("", 3, &value), -1);
    assert_int_equal(hx_init_parse_u64("0x1", 99, &value), -1);
}

/* -- files of /etc -----------------------------------------------------------
 */

static void text_is(enum hx_init_etcfile which,
                    const struct hx_init_config *config, const char *want)
{
    char *text = hx_init_etcfile_text(which, config);

    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

#define LOCAL_HOSTS                                                            \
    "127.0.0.1\tlocalhost\n"                                                   \
    "::1\tlocalhost ip6-localhost ip6-loopback\n"                              \
    "fe00::0\tip6-localnet\n"                                                  \
    "ff00::0\tip6-mcastprefix\n"                                               \
    "ff02::1\tip6-allnodes\n"                                                  \
    "ff02::2\tip6-allrouters\n"

static void files_are_dockers(void **state)
{
    const char *servers[] = { "10.0.0.1", "10.0.0.2", NULL };
    const char *search[] = { "a.org", "b.org", NULL };
    const char *options[] = { "ndots:1", NULL };
    const char *names[] = { "db", "database", NULL };
    struct hx_init_host host = { "10.0.0.9", names };
    struct hx_init_prefix addresses[2];
    struct hx_init_interface interface = { .addresses = addresses,
                                           .address_count = 2 };
    struct hx_init_config config = { .hostname = "web.ex.org" };

    (void)state;
    text_is(HX_INIT_ETC_RESOLV_CONF, &config, "");
    text_is(HX_INIT_ETC_HOSTS, &config, LOCAL_HOSTS);
    text_is(HX_INIT_ETC_HOSTNAME, &config, "web.ex.org\n");

    hx_init_prefix_parse("172.30.0.2/24", &addresses[0]);
    hx_init_prefix_parse("fd00::2/64", &addresses[1]);
    config.dns_servers = servers;
    config.dns_search = search;
    config.dns_options = options;
    config.hosts = &host;
    config.host_count = 1;
    config.interfaces = &interface;
    config.interface_count = 1;
    text_is(HX_INIT_ETC_RESOLV_CONF, &config,
            "nameserver 10.0.0.1\nnameserver 10.0.0.2\n"
            "search a.org b.org\noptions ndots:1\n");
    text_is(HX_INIT_ETC_HOSTS, &config,
            LOCAL_HOSTS "10.0.0.9\tdb database\n"
                        "172.30.0.2\tweb.ex.org web\n"
                        "fd00::2\tweb.ex.org web\n");
}

/* -- environment --------------------------------------------------------------
 */

static void environment(void **state)
{
    const char *given[] = { "PATH=/x", "A=1", "HOME=", "A=2", NULL };
    struct hx_init_container_config config = { .env = given, .tty = true };
    char **env = hx_init_process_env(&config, "web", "/home/bob");
    const char *want[] = { "HOSTNAME=web", "TERM=xterm", "PATH=/x",
                           "A=1",          "A=2",        "HOME=/home/bob" };
    size_t i;

    (void)state;
    for (i = 0; i < 6; i++)
        assert_string_equal(env[i], want[i]);
    assert_null(env[6]);
    free(env[0]);
    free(env[1]);
    free(env[5]);
    free(env);

    config = (struct hx_init_container_config){ 0 };
    env = hx_init_process_env(&config, "web", "/");
    assert_string_equal(env[0], "PATH=" HX_INIT_PATH_DEFAULT);
    assert_string_equal(env[1], "HOSTNAME=web");
    assert_string_equal(env[2], "HOME=/");
    assert_null(env[3]);
    for (i = 0; i < 3; i++)
        free(env[i]);
    free(env);
}

static void errors_keep_their_reason(void **state)
{
    struct hx_init_err err;
    char name[2000];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    hx_init_fail_sys(&err, ENOENT, "opening %s", name);
    assert_int_equal(strlen(err.msg), HX_ABI_VALUE_MAX - 1);
    assert_string_equal(err.msg + HX_ABI_VALUE_MAX - 1 -
                            strlen(": No such file or directory"),
                        ": No such file or directory");
    hx_init_fail(&err, "a\nb\x1b\x9b");
    assert_string_equal(err.msg, "a?b??");
    hx_init_fail_prefix(&err, "container %s", "c");
    assert_string_equal(err.msg, "container c: a?b??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(stages_are_lines_in_order),
        cmocka_unit_test(the_names_are_the_contracts),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(decimal_numbers),
        cmocka_unit_test(files_are_dockers),
        cmocka_unit_test(environment),
        cmocka_unit_test(errors_keep_their_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
