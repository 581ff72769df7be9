/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration as pv-init reads it: what is taken, and what is refused
 * with which words. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pv-init/config.h"

static const char full[] =
    "{\"abi\": 2, \"seed\": \"0123456789abcdef0123456789abcdef"
    "0123456789abcdef0123456789ABCDEF\","
    " \"hostname\": \"web\", \"future\": {\"x\": []},"
    " \"dns\": {\"servers\": [\"10.0.0.1\", \"fe80::1%eth0\"],"
    "  \"search\": [\"ex.org\", \".\"], \"options\": [\"ndots:1\"]},"
    " \"hosts\": [{\"address\": \"10.0.0.9\", \"names\": [\"db\", \"d2\"]}],"
    " \"interfaces\": [{\"name\": \"eth0\", \"mac\": \"00:16:3e:01:02:0A\","
    "  \"mtu\": 1400, \"addresses\": [\"172.30.0.2/24\", \"fd00::2/64\"],"
    "  \"routes\": [{\"to\": \"0.0.0.0/0\", \"via\": \"172.30.0.1\"},"
    "               {\"to\": \"10.9.8.7/16\"}]}],"
    " \"scratch\": {\"device\": \"xvdb\", \"fstype\": \"ext4\"},"
    " \"containers\": [{\"name\": \"web\", \"writable\": \"disk\","
    "  \"root\": {\"device\": \"xvda\", \"fstype\": \"squashfs\"},"
    "  \"args\": [\"nginx\", \"\"], \"env\": [\"A=\", \"B=c=d\"],"
    "  \"user\": \"www:33\", \"cwd\": \"/srv\", \"stop_signal\": 64,"
    "  \"stop_timeout_ms\": 0, \"tty\": true, \"stdin\": true}]}";

static void everything_is_read(void **state)
{
    struct hx_init_config c;
    struct hx_init_err err;

    (void)state;
    assert_int_equal(hx_init_config_parse(full, strlen(full), &c, &err), 0);
    assert_string_equal(c.hostname, "web");
    assert_true(c.has_seed);
    assert_memory_equal(c.seed, "\x01\x23\x45", 3);
    assert_memory_equal(c.seed + 29, "\xab\xcd\xef", 3);
    /* Only there. */
    assert_string_equal(json_string_value(json_object_get(c.doc, "seed")), "");
    assert_string_equal(c.dns_servers[1], "fe80::1%eth0");
    assert_string_equal(c.dns_search[1], ".");
    assert_string_equal(c.dns_options[0], "ndots:1");
    assert_int_equal(c.host_count, 1);
    assert_string_equal(c.hosts[0].names[1], "d2");
    assert_null(c.hosts[0].names[2]);
    assert_int_equal(c.interface_count, 1);
    assert_int_equal(c.interfaces[0].mac[5], 0x0a);
    assert_int_equal(c.interfaces[0].mtu, 1400);
    assert_int_equal(c.interfaces[0].address_count, 2);
    assert_int_equal(c.interfaces[0].addresses[1].family, AF_INET6);
    assert_int_equal(c.interfaces[0].addresses[1].bits, 64);
    assert_int_equal(c.interfaces[0].route_count, 2);
    assert_true(c.interfaces[0].routes[0].has_via);
    assert_false(c.interfaces[0].routes[1].has_via);
    /* The kernel refuses a target with host bits. */
    assert_memory_equal(c.interfaces[0].routes[1].to.bytes, "\x0a\x09\0\0", 4);
    assert_string_equal(c.scratch.device, "xvdb");
    assert_int_equal(c.container_count, 1);
    assert_string_equal(c.containers[0].args[1], "");
    assert_null(c.containers[0].args[2]);
    assert_string_equal(c.containers[0].env[1], "B=c=d");
    assert_int_equal(c.containers[0].writable, HX_INIT_WRITABLE_DISK);
    assert_int_equal(c.containers[0].stop_signal, 64);
    assert_int_equal(c.containers[0].stop_timeout_ms, 0);
    assert_true(c.containers[0].tty);
    assert_true(c.containers[0].has_stdin);
    hx_init_config_release(&c);
    hx_init_config_release(&c);
    hx_init_config_release(NULL);
}

/* `full` with one piece replaced by another; the caller's to free. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(full, from);
    char *text = malloc(sizeof(full) + strlen(to));

    assert_non_null(at);
    assert_non_null(text);
    sprintf(text, "%.*s%s%s", (int)(at - full), full, to, at + strlen(from));
    return text;
}

static void wrong_fields_are_named(void **state)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        { "\"abi\": 2", "\"abi\": 1", "of version 1" },
        { "\"abi\": 2", "\"abi\": \"1\"", "\"abi\" is not a number" },
        { "\"abi\": 2,", "", "\"abi\" is missing" },
        { "ABCDEF\"", "ABCDEF0\"", "\"seed\" is not 64 hex digits" },
        { "ABCDEF\"", "ABCDE\"", "\"seed\"" },
        { "ABCDEF\"", "ABCDEG\"", "\"seed\"" },
        { "\"seed\": \"", "\"seed\": 1, \"x\": \"", "\"seed\"" },
        { "\"hostname\": \"web\"", "\"hostname\": \"\"", "\"hostname\"" },
        { "\"hostname\": \"web\"", "\"hostname\": \"a b\"", "\"hostname\"" },
        { "\"hostname\": \"web\"", "\"hostname\": \"-a\"", "\"hostname\"" },
        { "\"hostname\": \"web\"", "\"hostname\": \"a\\n\"", "\"hostname\"" },
        { "\"stdin\": true", "\"stdin\": 1", "\"stdin\"" },
        { "\"hostname\": \"web\"", "\"hostname\": null",
          "\"hostname\" is missing" },
        { "\"hostname\": \"web\"", "\"hostname\": \"a\\u0000b\"", "not JSON" },
        { "10.0.0.1", "10.0.0.256", "dns: field \"servers\"" },
        { "%eth0", "%e\\nth0", "\"servers\"" },
        { "ex.org", "ex\\norg", "\"search\"" },
        { "ndots:1", "ndots 1", "\"options\"" },
        { "{\"servers\"", "7, \"x\": {\"servers\"",
          "\"dns\" is not an object" },
        { "10.0.0.9", "ten", "hosts[0]: field \"address\"" },
        { "[\"db\", \"d2\"]", "[]", "hosts[0]: field \"names\"" },
        { "\"d2\"", "\"d 2\"", "hosts[0]: field \"names\"" },
        { "\"d2\"", "2", "list of strings" },
        { "\"eth0\"", "\"lo\"", "interfaces[0]: field \"name\"" },
        { "\"eth0\"", "\"..\"", "interfaces[0]: field \"name\"" },
        { "\"eth0\"", "\"e/0\"", "interfaces[0]: field \"name\"" },
        { "\"eth0\"", "\"abcdefghijklmnop\"", "interfaces[0]: field \"name\"" },
        { "02:0A", "02", "\"mac\"" },
        { "00:16", "01:16", "\"mac\"" },
        { "00:16", "0g:16", "\"mac\"" },
        { "1400", "67", "\"mtu\" is not a number from 68 to 65535" },
        { "1400", "1279", "as IPv6 needs" },
        { "1400", "-1", "\"mtu\"" },
        { "172.30.0.2/24", "172.30.0.2/33", "\"addresses\"" },
        { "172.30.0.2/24", "172.30.0.2", "\"addresses\"" },
        { "fd00::2/64", "fd00::2/129", "\"addresses\"" },
        { "\"via\": \"172.30.0.1\"", "\"via\": \"fd00::1\"", "family" },
        { "\"via\": \"172.30.0.1\"", "\"via\": \"\"", "routes[0]" },
        { "10.9.8.7/16", "10.9.8.7/", "routes[1]: field \"to\"" },
        { "\"xvdb\"", "\"../sda\"", "scratch: field \"device\"" },
        { "\"ext4\"", "\"\"", "scratch: field \"fstype\"" },
        { "\"scratch\"", "\"other\"", "no scratch disk" },
        { "\"containers\"", "\"none\"", "\"containers\"" },
        { "\"name\": \"web\"", "\"name\": \"a/b\"", "containers[0]" },
        { "\"name\": \"web\"", "\"name\": \".\"", "containers[0]" },
        { "\"disk\"", "\"both\"", "disk, tmpfs or none" },
        { "\"xvda\"", "\"XVDA\"", "root: field \"device\"" },
        { "[\"nginx\", \"\"]", "[]", "\"args\"" },
        { "[\"nginx\", \"\"]", "\"nginx\"", "\"args\" is not a list" },
        { "\"A=\"", "\"A\"", "\"env\"" },
        { "\"A=\"", "\"=A\"", "\"env\"" },
        { "\"/srv\"", "\"srv\"", "absolute path" },
        { "\"stop_signal\": 64", "\"stop_signal\": 65", "from 1 to 64" },
        { "\"stop_signal\": 64", "\"stop_signal\": 0", "from 1 to 64" },
        { "\"stop_timeout_ms\": 0", "\"x\": 0",
          "\"stop_timeout_ms\" is missing" },
        { "\"tty\": true",
          "\"health\": {\"args\": [], \"interval_ms\": 1, \"timeout_ms\": 1, "
          "\"start_period_ms\": 0, \"retries\": 1}, \"tty\": true",
          "health: field \"args\"" },
        { "\"tty\": true",
          "\"health\": {\"args\": [\"x\"], \"interval_ms\": 0, \"timeout_ms\": "
          "1, \"start_period_ms\": 0, \"retries\": 1}, \"tty\": true",
          "health: field \"interval_ms\"" },
        { "\"tty\": true",
          "\"health\": {\"args\": [\"x\"], \"interval_ms\": 1, \"timeout_ms\": "
          "1, \"start_period_ms\": 0, \"retries\": 0}, \"tty\": true",
          "\"retries\" is not" },
        { "\"tty\": true", "\"health\": 1, \"tty\": true", "\"health\"" },
        { "true", "1", "true or false" },
        { "\"user\": \"www:33\"", "\"user\": 33", "\"user\" is not a string" },
        { "\"user\"", "\"cwd\"", "not JSON" }, /* a key given twice */
        { "true}]}", "true}]", "not JSON" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = changed(cases[i].from, cases[i].to);
        struct hx_init_config c;
        struct hx_init_err err = { "" };
        int r;

        r = hx_init_config_parse(text, strlen(text), &c, &err);
        if (r != -1 || !strstr(err.msg, cases[i].says))
            fail_msg("%s -> %s: returned %d, said '%s'", cases[i].from,
                     cases[i].to, r, err.msg);
        hx_init_config_release(&c);
        free(text);
    }
}

static void numbers_and_doubles_are_bounded(void **state)
{
    static const struct {
        int count;
        bool same;
        int result;
        const char *says;
    } cases[] = {
        { 16, false, 0, "" },
        { 17, false, -1, "a list of at most 16" },
        { 2, true, -1, "two containers are named c0" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_init_config c;
        struct hx_init_err err = { "" };
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        fputs("{\"abi\":2,\"hostname\":\"h\",\"containers\":[", out);
        for (int n = 0; n < cases[i].count; n++)
            fprintf(out,
                    "%s{\"name\":\"c%d\",\"root\":{\"device\":\"xvda\","
                    "\"fstype\":\"erofs\"},\"writable\":\"none\","
                    "\"args\":[\"a\"],\"user\":\"\",\"cwd\":\"/\","
                    "\"stop_signal\":15,\"stop_timeout_ms\":1,"
                    "\"tty\":false}",
                    n ? "," : "", cases[i].same ? 0 : n);
        fputs("]}", out);
        fclose(out);
        assert_int_equal(hx_init_config_parse(text, len, &c, &err),
                         cases[i].result);
        assert_non_null(strstr(err.msg, cases[i].says));
        hx_init_config_release(&c);
        free(text);
    }
}

static void interfaces_differ(void **state)
{
    char *text = changed("\"interfaces\": [",
                         "\"interfaces\": [{\"name\": \"eth1\", \"mac\": "
                         "\"00:16:3e:01:02:0a\"},");
    struct hx_init_config c;
    struct hx_init_err err;

    (void)state;
    assert_int_equal(hx_init_config_parse(text, strlen(text), &c, &err), -1);
    assert_non_null(strstr(err.msg, "same name or MAC"));
    hx_init_config_release(&c);
    free(text);
}

/* Whatever the bytes are, the sentence is fit for a terminal. */
static void errors_are_printable(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "7",
        "{\"abi\":2}",
        "\xff\xfe",
        "{\"\x1b[2J\":}",
        "{\"abi\":2,\"abi\":2}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hx_init_config c;
        struct hx_init_err err;

        assert_int_equal(
            hx_init_config_parse(texts[i], strlen(texts[i]), &c, &err), -1);
        for (const char *p = err.msg; *p; p++)
            assert_in_range((unsigned char)*p, 0x20, 0x7e);
        hx_init_config_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(numbers_and_doubles_are_bounded),
        cmocka_unit_test(interfaces_differ),
        cmocka_unit_test(errors_are_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
