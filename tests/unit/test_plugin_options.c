/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parser made from a table, its suggestions, and the command table. */
#include <string.h>

#include "image/base/cleanup.h"
#include "tests/unit/unit.h"
#include "xl-plugin/options.h"
#include "xl-plugin/suggest.h"

enum { OPT_SIZE = HX_OPT_OWN, OPT_SIDE };

static const struct hx_option options[] = {
    { 'a', "all", NULL, "everything" },
    { 'n', "name", "NAME", "a name" },
    { OPT_SIZE, "size", "SIZE", "a size" },
    { OPT_SIDE, "side", NULL, "a flag" },
    { 'x', NULL, "X", "only a letter" },
    { 0 },
};

static const struct hx_command command = {
    .name = "thing",
    .operands = "POD [ARG...]",
    .summary = "Do a thing",
    .min_operands = 1,
    .max_operands = -1,
    .options = options,
};

struct seen {
    char text[256];
};

static int note(void *opaque, int key, const char *value, struct hx_err *err)
{
    struct seen *seen = opaque;
    size_t used = strlen(seen->text);

    if (value && strcmp(value, "refuse") == 0)
        return hx_err_set(err, HX_ERR_USAGE, "refused");
    snprintf(seen->text + used, sizeof(seen->text) - used,
             key < HX_OPT_LONG ? "%c=%s " : "%d=%s ",
             key < HX_OPT_LONG ? key : key - HX_OPT_OWN, value ? value : "");
    return 0;
}

/* Splits `line` at blanks and parses it. */
static int parse(const struct hx_command *cmd, const char *line,
                 struct seen *seen, struct hx_err *err, char ***argv_r)
{
    static char copy[256], *argv[32];
    int argc = 0;

    *seen = (struct seen){ 0 };
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    if (argv_r)
        *argv_r = argv;
    return hx_options_parse(cmd, argc, argv, note, seen, err);
}

static void test_options_are_read(void **state)
{
    static const struct {
        const char *line;
        const char *seen;
        int first;
    } cases[] = {
        { "thing pod", "", 1 },
        { "thing -a pod", "a= ", 2 },
        { "thing --all --name web pod", "a= n=web ", 4 },
        { "thing --name=web pod", "n=web ", 2 },
        { "thing -nweb -a pod", "n=web a= ", 3 },
        { "thing -an web pod", "a= n=web ", 3 },
        { "thing --na web pod", "n=web ", 3 },
        { "thing --size 3 --side pod", "0=3 1= ", 4 },
        { "thing -x 1 pod", "x=1 ", 3 },
        { "thing pod -a", "a= ", 2 }, /* permuted */
        { "thing -- -a", "", 2 },
        { "thing - pod", "", 1 },
        { "thing --name --all pod", "n=--all ", 3 }, /* as getopt has it */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_err err = { 0 };
        struct seen seen;

        assert_int_equal(parse(&command, cases[i].line, &seen, &err, NULL),
                         cases[i].first);
        assert_string_equal(seen.text, cases[i].seen);
    }
}

static void test_options_end_at_the_image(void **state)
{
    struct hx_command first = command;
    struct hx_err err = { 0 };
    struct seen seen;
    char **argv;
    int i;

    (void)state;
    first.options_first = true;
    i = parse(&first, "thing -a busybox ls -a --nope -n", &seen, &err, &argv);
    assert_int_equal(i, 2);
    assert_string_equal(seen.text, "a= ");
    assert_string_equal(argv[i], "busybox");
    assert_string_equal(argv[i + 2], "-a");
    assert_string_equal(argv[i + 4], "-n");
}

static void test_wrong_options_are_one_sentence(void **state)
{
    static const struct {
        const char *line;
        const char *sentence;
    } cases[] = {
        { "thing --al pod --nmae x",
          "unknown option '--nmae' (did you mean '--name'?); see 'xl "
          "hyper-thing --help'" },
        { "thing --zzzzzz pod",
          "unknown option '--zzzzzz'; see 'xl hyper-thing --help'" },
        { "thing --nmae=x pod",
          "unknown option '--nmae' (did you mean '--name'?); see 'xl "
          "hyper-thing --help'" },
        { "thing -z pod", "unknown option '-z'; see 'xl hyper-thing --help'" },
        { "thing -az pod", "unknown option '-z'; see 'xl hyper-thing --help'" },
        { "thing pod -z", "unknown option '-z'; see 'xl hyper-thing --help'" },
        { "thing --si pod",
          "option '--si' could be several; see 'xl hyper-thing --help'" },
        { "thing --all=3 pod",
          "option '--all' takes no value; see 'xl hyper-thing --help'" },
        { "thing --side=3 pod",
          "option '--side' takes no value; see 'xl hyper-thing --help'" },
        { "thing --help=3 pod",
          "option '--help' takes no value; see 'xl hyper-thing --help'" },
        { "thing pod --name",
          "option '--name' needs a value (NAME); see 'xl hyper-thing --help'" },
        { "thing pod --size",
          "option '--size' needs a value (SIZE); see 'xl hyper-thing --help'" },
        { "thing pod -x",
          "option '-x' needs a value (X); see 'xl hyper-thing --help'" },
        { "thing", "thing needs POD [ARG...]; see 'xl hyper-thing --help'" },
        { "thing -n refuse pod", "refused" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_err err = { 0 };
        struct seen seen;

        assert_int_equal(parse(&command, cases[i].line, &seen, &err, NULL),
                         -HX_ERR_USAGE);
        assert_string_equal(err.msg, cases[i].sentence);
    }
}

static void test_too_many_operands(void **state)
{
    struct hx_command one = command;
    struct hx_err err = { 0 };
    struct seen seen;

    (void)state;
    one.max_operands = 1;
    assert_int_equal(parse(&one, "thing a b", &seen, &err, NULL),
                     -HX_ERR_USAGE);
    assert_string_equal(err.msg, "unexpected argument 'b'; see 'xl hyper-thing "
                                 "--help'");
}

static void test_numbers(void **state)
{
    static const char *const bad[] = { "",   "a",   "1a",
                                       " 1", "+1",  "-1",
                                       "11", "1.0", "99999999999999999" };
    struct hx_err err = { 0 };
    long number = 7;

    (void)state;
    assert_int_equal(hx_options_number("-t", "10", 0, 10, &number, &err), 0);
    assert_int_equal(number, 10);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(hx_options_number("-t", bad[i], 0, 10, &number, &err),
                         -HX_ERR_USAGE);
    assert_int_equal(number, 10);
}

static const char *suggestion(const char *word, const char *const *candidates)
{
    struct hx_suggest suggest = { .word = word };

    for (; *candidates; candidates++)
        hx_suggest_try(&suggest, *candidates);
    return suggest.best ? suggest.best : "";
}

static void test_suggestions(void **state)
{
    static const char *const words[] = { "create", "run",  "list",
                                         "logs",   "rmi",  "login",
                                         "images", "stop", NULL };

    (void)state;
    assert_string_equal(suggestion("lsit", words), "list");
    assert_string_equal(suggestion("crate", words), "create");
    assert_string_equal(suggestion("creates", words), "create");
    assert_string_equal(suggestion("image", words), "images");
    assert_string_equal(suggestion("lo", words), "logs");
    assert_string_equal(suggestion("strop", words), "stop");
    assert_string_equal(suggestion("exec", words), "");
    assert_string_equal(suggestion("x", words), "");
    assert_string_equal(suggestion("", words), "");
    assert_int_equal(hx_edit_distance("", "abc"), 3);
    assert_int_equal(hx_edit_distance("ca", "ac"), 1);
    assert_int_equal(hx_edit_distance("kitten", "sitting"), 3);
}

/* What a mistake in a table would break for everybody. */
static void test_the_command_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; hx_commands[i]; i++) {
        const struct hx_command *c = hx_commands[i];
        size_t count = 0;

        assert_ptr_equal(hx_command_find(c->name), c);
        assert_non_null(c->run);
        assert_true(strlen(c->summary) <= 68);
        assert_true(c->failure == HX_STATUS_FAILED ||
                    c->failure == HX_STATUS_LAUNCH);
        for (const struct hx_option *o = c->options; o && o->key; o++) {
            assert_int_not_equal(o->key, 'h');
            assert_true(o->key >= HX_OPT_LONG || o->key < 128);
            for (const struct hx_option *p = o + 1; p->key; p++) {
                if (o->name && p->name)
                    assert_string_not_equal(o->name, p->name);
            }
            count++;
        }
        assert_true(count < 60);
    }
    assert_ptr_equal(hx_command_find("hyper-list"), &hx_cmd_list);
    assert_ptr_equal(hx_command_find("ps"), &hx_cmd_list);
    assert_ptr_equal(hx_command_find("rm"), &hx_cmd_destroy);
    assert_ptr_equal(hx_command_find("hyper-rm"), &hx_cmd_destroy);
    assert_null(hx_command_find("hyper-"));
    assert_null(hx_command_find("p"));
    assert_null(hx_command_find("ps ls"));
    assert_null(hx_command_find(""));
}

/*
 * The help texts, compared with tests/golden/help/NAME; HX_GOLDEN_UPDATE=1
 * writes them.
 */
static void test_help_texts(void **state)
{
    (void)state;
    for (size_t i = 0; hx_commands[i]; i++) {
        char path[128], *text = NULL, expected[16384] = "";
        size_t size = 0, got;
        FILE *out = open_memstream(&text, &size);
        FILE *golden;

        hx_options_help(hx_commands[i], out);
        fclose(out);
        for (char *line = text; *line; line += strcspn(line, "\n") + 1)
            assert_true(strcspn(line, "\n") < 80);
        snprintf(path, sizeof(path), "tests/golden/help/%s",
                 hx_commands[i]->name);
        if (getenv("HX_GOLDEN_UPDATE")) {
            golden = fopen(path, "w");
            assert_non_null(golden);
            fputs(text, golden);
        } else {
            golden = fopen(path, "r");
            assert_non_null(golden);
            got = fread(expected, 1, sizeof(expected) - 1, golden);
            expected[got] = '\0';
            assert_string_equal(text, expected);
        }
        fclose(golden);
        free(text);
    }
}

static bool has_whole_word(const char *text, const char *word)
{
    for (text = strstr(text, word); text; text = strstr(text + 1, word)) {
        if (text[strlen(word)] == ' ' || text[strlen(word)] == '\n')
            return true;
    }
    return false;
}

/* Each command has a page, and each option that --help shows is on it. */
static void test_every_option_is_in_the_manual(void **state)
{
    (void)state;
    for (size_t i = 0; hx_commands[i]; i++) {
        char path[128], text[32768], flag[64];
        const struct hx_option *o = hx_commands[i]->options;
        size_t got;
        FILE *page;

        snprintf(path, sizeof(path), "docs/man/xl-hyper-%s.1",
                 hx_commands[i]->name);
        page = fopen(path, "r");
        assert_non_null(page);
        got = fread(text, 1, sizeof(text) - 1, page);
        text[got] = '\0';
        fclose(page);
        for (; o && o->key; o++) {
            if (!o->help)
                continue;
            snprintf(flag, sizeof(flag), "Fl -%s", o->name);
            if (!has_whole_word(text, flag))
                fail_msg("%s does not tell of --%s", path, o->name);
            snprintf(flag, sizeof(flag), ".It Fl %c", o->key);
            if (o->key < HX_OPT_LONG && !strstr(text, flag))
                fail_msg("%s does not tell of -%c", path, o->key);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_are_read),
        cmocka_unit_test(test_options_end_at_the_image),
        cmocka_unit_test(test_wrong_options_are_one_sentence),
        cmocka_unit_test(test_too_many_operands),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_the_command_table_is_sound),
        cmocka_unit_test(test_help_texts),
        cmocka_unit_test(test_every_option_is_in_the_manual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
