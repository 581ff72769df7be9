/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of a container's processes: as the guest makes it from /proc, and as
 * dom0 takes it apart. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain-builder/guest-processes.h"
#include "pv-init/processes.h"

static char work[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(work, "/tmp/hx-processes-XXXXXX");
    return mkdtemp(work) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", work);
    return system(command);
}

static void write_of(unsigned pid, const char *name, const char *data,
                     size_t len)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%u", work, pid);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/%u/%s", work, pid, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fwrite(data, 1, len, f);
    fclose(f);
}

/* A process as /proc has it, of cgroup `cgroup`. */
static void process(unsigned pid, unsigned ppid, const char *inner,
                    const char *cgroup, const char *name)
{
    char text[512];

    snprintf(text, sizeof(text), "0::%s\n", cgroup);
    write_of(pid, "cgroup", text, strlen(text));
    snprintf(text, sizeof(text),
             "%u (%s) S %u 1 1 34816 1 4194304 1 2 3 4 150 50 0 0 20 0 1 0 "
             "100 1048576 25 18446744073709551615 1 1 0\n",
             pid, name, ppid);
    write_of(pid, "stat", text, strlen(text));
    snprintf(text, sizeof(text),
             "Name:\tx\nUid:\t101\t0\t0\t0\nNSpid:\t%u%s\nVmRSS:\t1 kB\n", pid,
             inner);
    write_of(pid, "status", text, strlen(text));
    write_of(pid, "cmdline", "", 0);
}

static const char *list(unsigned index)
{
    static char text[65536];
    struct hx_init_err err;
    int proc = open(work, O_RDONLY | O_DIRECTORY), out[2];
    ssize_t n;

    assert_int_equal(pipe(out), 0);
    assert_int_equal(hx_init_processes_list(proc, index, out[1], &err), 0);
    close(out[1]);
    n = read(out[0], text, sizeof(text) - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    close(out[0]);
    close(proc);
    return text;
}

static void only_the_containers_own_are_listed(void **state)
{
    struct hx_processes processes;
    struct hx_err err;
    const char *text;
    long page_kib = sysconf(_SC_PAGESIZE) / 1024;

    (void)state;
    process(1, 0, "", "/", "pv-init");
    process(30, 1, "\t1", "/0", "web");
    process(31, 30, "\t2\t1", "/0/below", "a) S (b\t");
    process(32, 1, "\t9", "/0", "exec");
    process(40, 1, "\t1", "/1", "other");
    process(41, 1, "\t1", "/01", "other");
    write_of(30, "cmdline", "nginx\0-g\0\033[2Jx\0", 15);
    text = list(0);
    if (hx_processes_parse(text, strlen(text), &processes, &err) < 0)
        fail_msg("%s in %s", err.msg, text);
    assert_int_equal(processes.count, 3);
    assert_int_equal(processes.list[0].pid, 1);
    assert_int_equal(processes.list[0].ppid, 0);
    assert_int_equal(processes.list[0].uid, 101);
    assert_int_equal(processes.list[0].cpu_ms,
                     200 * 1000 / sysconf(_SC_CLK_TCK));
    assert_int_equal(processes.list[0].rss_kib, 25 * page_kib);
    assert_string_equal(processes.list[0].tty, "pts/0");
    assert_int_equal(processes.list[0].state, 'S');
    assert_string_equal(processes.list[0].command, "nginx -g ?[2Jx");
    /* Its namespace is one further in; its parent is pid 1 of the container. */
    assert_int_equal(processes.list[1].ppid, 1);
    assert_string_equal(processes.list[1].command, "[a) S (b?]");
    assert_int_equal(processes.list[2].pid, 9);
    assert_int_equal(processes.list[2].ppid, 0);
    hx_processes_release(&processes);
    assert_int_equal(strlen(list(7)), 0);
}

static void long_command_lines_are_cut(void **state)
{
    struct hx_processes processes;
    struct hx_err err;
    char words[3000];
    const char *text;

    (void)state;
    memset(words, 'w', sizeof(words));
    process(30, 1, "\t1", "/0", "web");
    write_of(30, "cmdline", words, sizeof(words));
    text = list(0);
    assert_int_equal(hx_processes_parse(text, strlen(text), &processes, &err),
                     0);
    assert_int_equal(strlen(processes.list[0].command), HX_INIT_COMMAND_MAX);
    hx_processes_release(&processes);
}

static void what_is_taken_from_a_guest(void **state)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        { "", 0 },
        { "1\t0\t0\t5\t6\t7\t?\tS\tsh -c x\n", 0 },
        { "1\t0\t4294967295\t5\t6\t7\tpts/0\tZ\t\n", 0 },
        { "1\t0\t0\t5\t6\t7\t?\tS\tsh", -HX_ERR_GUEST },
        { "1\t0\t0\t5\t6\t7\t?\tS\n", -HX_ERR_GUEST },
        { "1\t0\t0\t5\t6\t7\n", -HX_ERR_GUEST },
        { "\n", -HX_ERR_GUEST },
        { "0\t0\t0\t5\t6\t7\t?\tS\tsh\n", -HX_ERR_GUEST },
        { "-1\t0\t0\t5\t6\t7\t?\tS\tsh\n", -HX_ERR_GUEST },
        { "1\t0\t0\t5\t6\t7\t\033[2J\tS\tsh\n", -HX_ERR_GUEST },
        { "1\t0\t0\t5\t6\t7\tpts/000000000000000000000\tS\tsh\n",
          -HX_ERR_GUEST },
        { "1\t0\t0\t5\t6\t7\t?\tSS\tsh\n", -HX_ERR_GUEST },
        { "1\t0\t0\t5\t6\t7\t?\t\033\tsh\n", -HX_ERR_GUEST },
        { "1\t0\t0\t5\t18446744073709551616\t7\t?\tS\tsh\n", -HX_ERR_GUEST },
        { "2147483648\t0\t0\t5\t6\t7\t?\tS\tsh\n", -HX_ERR_GUEST },
        { "1\t0\t0\t999999999999999\t6\t7\t?\tS\tsh\n", -HX_ERR_GUEST },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_processes processes = { 0 };
        struct hx_err err;

        if (hx_processes_parse(cases[i].text, strlen(cases[i].text), &processes,
                               &err) != cases[i].result)
            fail_msg("'%s'", cases[i].text);
        hx_processes_release(&processes);
    }
}

static void a_guest_cannot_make_it_long(void **state)
{
    static const char with_nul[] = "1\t0\t0\t5\t6\t7\t?\tS\ts\0h\n";
    static const char line[] = "1\t0\t0\t5\t6\t7\t?\tS\tsh\n";
    struct hx_processes processes = { 0 };
    struct hx_err err;
    size_t len = strlen(line);
    char *text = malloc((HX_PROCESSES_MAX + 1) * len);
    char wide[4000];

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i <= HX_PROCESSES_MAX; i++)
        memcpy(text + i * len, line, len);
    assert_int_equal(
        hx_processes_parse(text, HX_PROCESSES_MAX * len, &processes, &err), 0);
    hx_processes_release(&processes);
    assert_int_equal(hx_processes_parse(text, (HX_PROCESSES_MAX + 1) * len,
                                        &processes, &err),
                     -HX_ERR_GUEST);
    free(text);
    memset(wide, 'w', sizeof(wide));
    memcpy(wide, line, len - 1);
    wide[sizeof(wide) - 1] = '\n';
    assert_int_equal(hx_processes_parse(wide, sizeof(wide), &processes, &err),
                     -HX_ERR_GUEST);
    assert_int_equal(
        hx_processes_parse(with_nul, sizeof(with_nul) - 1, &processes, &err),
        -HX_ERR_GUEST);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_the_containers_own_are_listed),
        TEST(long_command_lines_are_cut),
        TEST(what_is_taken_from_a_guest),
        TEST(a_guest_cannot_make_it_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
