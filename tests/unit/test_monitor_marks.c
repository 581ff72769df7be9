/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The marks on the console: found however the bytes are cut, and forged by
 * nobody. */
#include "domain-builder/monitor/marks.h"

#include <stdlib.h>
#include <string.h>

#include "domain-builder/monitor/memo.h"
#include "tests/unit/unit.h"

#define NONCE "0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdee"
#define START HX_ABI_MARK_HEAD NONCE HX_ABI_MARK_START
#define END   HX_ABI_MARK_HEAD NONCE HX_ABI_MARK_END

struct heard {
    char output[4096], other[4096];
    size_t output_len, other_len;
};

static void hear(void *ctx, bool output, const char *data, size_t len)
{
    struct heard *heard = ctx;
    char *to = output ? heard->output : heard->other;
    size_t *used = output ? &heard->output_len : &heard->other_len;

    assert_true(len > 0);
    assert_true(*used + len < sizeof(heard->output));
    memcpy(to + *used, data, len);
    *used += len;
}

/* Feeds `text` cut at `first` and `second`. */
static void feed(const char *text, size_t first, size_t second,
                 struct heard *heard, enum hx_marks_phase *phase_r)
{
    struct hx_marks marks;
    size_t len = strlen(text);

    memset(heard, 0, sizeof(*heard));
    hx_marks_init(&marks, NONCE, HX_MARKS_BEFORE);
    hx_marks_feed(&marks, text, first, hear, heard);
    hx_marks_feed(&marks, text + first, second - first, hear, heard);
    hx_marks_feed(&marks, text + second, len - second, hear, heard);
    hx_marks_flush(&marks, hear, heard);
    *phase_r = marks.phase;
}

struct row {
    const char *name, *text, *output, *other;
    enum hx_marks_phase phase;
};

static const struct row rows[] = {
    { "plain", "boot" START "hi\n" END "down", "hi\n", "bootdown",
      HX_MARKS_AFTER },
    { "nothing before", START "hi" END, "hi", "", HX_MARKS_AFTER },
    { "no output", "a" START END "b", "", "ab", HX_MARKS_AFTER },
    { "never started", "boot\nKernel panic", "", "boot\nKernel panic",
      HX_MARKS_BEFORE },
    { "never ended", "a" START "x\033", "x\033", "a", HX_MARKS_WITHIN },
    { "an end before the start", END "a" START "b" END, "b", END "a",
      HX_MARKS_AFTER },
    { "a second start", START "a" START "b" END, "a" START "b", "",
      HX_MARKS_AFTER },
    { "a second end", START "a" END "b" END, "a", "b" END, HX_MARKS_AFTER },
    { "another nonce", START "a" HX_ABI_MARK_HEAD OTHER HX_ABI_MARK_END "b" END,
      "a" HX_ABI_MARK_HEAD OTHER HX_ABI_MARK_END "b", "", HX_MARKS_AFTER },
    { "escapes", START "\033[31m\033\033_\033_hyper:\033" END "z",
      "\033[31m\033\033_\033_hyper:\033", "z", HX_MARKS_AFTER },
    { "a mark that breaks off, and a whole one",
      START "x" HX_ABI_MARK_HEAD NONCE ":end\033" END "y",
      "x" HX_ABI_MARK_HEAD NONCE ":end\033", "y", HX_MARKS_AFTER },
    { "a mark within a mark", START HX_ABI_MARK_HEAD NONCE ":e" END,
      HX_ABI_MARK_HEAD NONCE ":e", "", HX_MARKS_AFTER },
};

static void marks_are_found_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        size_t len = strlen(row->text);

        print_message("    %s\n", row->name);
        for (size_t first = 0; first <= len; first++) {
            for (size_t second = first; second <= len; second++) {
                enum hx_marks_phase phase;
                struct heard heard;

                feed(row->text, first, second, &heard, &phase);
                assert_string_equal(heard.output, row->output);
                assert_string_equal(heard.other, row->other);
                assert_int_equal(phase, row->phase);
            }
        }
    }
}

static void a_successor_goes_on(void **state)
{
    struct heard heard = { 0 };
    struct hx_marks marks;

    (void)state;
    hx_marks_init(&marks, NONCE, HX_MARKS_WITHIN);
    hx_marks_feed(&marks, "b" END "c", strlen("b" END "c"), hear, &heard);
    assert_string_equal(heard.output, "b");
    assert_string_equal(heard.other, "c");
}

static void bytes_that_are_no_text_pass(void **state)
{
    struct heard heard = { 0 };
    struct hx_marks marks;

    (void)state;
    hx_marks_init(&marks, NONCE, HX_MARKS_WITHIN);
    hx_marks_feed(&marks, "\0\377\0", 3, hear, &heard);
    assert_int_equal(heard.output_len, 3);
    assert_memory_equal(heard.output, "\0\377\0", 3);
}

static void only_a_beginning_is_withheld(void **state)
{
    struct heard heard = { 0 };
    struct hx_marks marks;

    (void)state;
    hx_marks_init(&marks, NONCE, HX_MARKS_WITHIN);
    hx_marks_feed(&marks, "prompt$ ", 8, hear, &heard);
    assert_string_equal(heard.output, "prompt$ ");
    hx_marks_feed(&marks, "\033", 1, hear, &heard);
    assert_string_equal(heard.output, "prompt$ ");
    hx_marks_feed(&marks, "[", 1, hear, &heard);
    assert_string_equal(heard.output, "prompt$ \033[");
}

/* -- the memo ----------------------------------------------------------------
 */

static void a_memo_comes_back(void **state)
{
    static const struct hx_memo memos[] = {
        { "/dev/pts/3", 34819, 1700000000123456789, HX_MARKS_WITHIN },
        { "", 0, 0, HX_MARKS_BEFORE },
        { "/dev/pts/999999999", UINT64_MAX, UINT64_MAX, HX_MARKS_AFTER },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(memos) / sizeof(memos[0]); i++) {
        char text[HX_MEMO_TEXT_MAX];
        struct hx_memo again;

        hx_memo_format(&memos[i], text);
        assert_int_equal(hx_memo_parse(text, &again), 0);
        assert_string_equal(again.tty, memos[i].tty);
        assert_true(again.device == memos[i].device);
        assert_true(again.born_ns == memos[i].born_ns);
        assert_int_equal(again.phase, memos[i].phase);
    }
}

static void what_is_no_memo_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "tty",
        "tty /dev/pts/1 1 1\n",
        "tty /dev/pts/1 1 1\nphase 3\n",
        "tty /dev/pts/1 1 1\nphase -1\n",
        "tty /dev/pts/1 1 1\nphase 1\nmore",
        "tty /dev/pts/../mem 1 1\nphase 1\n",
        "tty /dev/mem 1 1\nphase 1\n",
        "tty /dev/pts/1/../../sda 1 1\nphase 1\n",
        "tty /dev/pts/0123456789012345678901234567890123456789 1 1\nphase 1\n",
    };
    struct hx_memo memo = { .phase = HX_MARKS_AFTER };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(hx_memo_parse(texts[i], &memo), -1);
    assert_int_equal(memo.phase, HX_MARKS_AFTER);
}

static void only_terminals_are_opened(void **state)
{
    static const char *const bad[] = {
        "",
        "/dev/pts/",
        "/dev/pts/x",
        "/dev/pts/1x",
        "/dev/pts/-1",
        "/dev/pts/ 1",
        "dev/pts/1",
        "/dev/pts/1/",
        "/dev/pts/1\n",
        "/dev/pts/1234567890",
        "/dev/tty1",
        "/dev/pts/ptmx",
    };

    (void)state;
    assert_true(hx_memo_tty_valid("/dev/pts/0"));
    assert_true(hx_memo_tty_valid("/dev/pts/123456789"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(hx_memo_tty_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_are_found_at_every_cut),
        cmocka_unit_test(a_successor_goes_on),
        cmocka_unit_test(bytes_that_are_no_text_pass),
        cmocka_unit_test(only_a_beginning_is_withheld),
        cmocka_unit_test(a_memo_comes_back),
        cmocka_unit_test(what_is_no_memo_is_refused),
        cmocka_unit_test(only_terminals_are_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
