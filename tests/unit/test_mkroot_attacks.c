/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers made to break out, to hide, or to eat the machine: each ends as one
 * sentence or as a harmless tree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/mkroot/limits.h"
#include "image/mkroot/tree.h"
#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

/* wrap: hx_tree_init */
int __real_hx_tree_init(struct hx_tree *tree, struct hx_err *err);
int __wrap_hx_tree_init(struct hx_tree *tree, struct hx_err *err);

/* How many steps every tree has already gone: walking 100 million takes its
 * time. */
static uint64_t steps_gone;

int __wrap_hx_tree_init(struct hx_tree *tree, struct hx_err *err)
{
    int rc = __real_hx_tree_init(tree, err);

    tree->step_count = steps_gone;
    return rc;
}

struct attack {
    const char *name;
    const char *layers[4]; /* the lowest first */
    const char *expected;  /* the tree, or words of the error */
    enum hx_err_code code; /* HX_ERR_NONE: a tree */
};

static void check(const struct attack *attacks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("           %s\n", attacks[i].name);
        if (attacks[i].code)
            expect_layers_error(attacks[i].layers, attacks[i].code,
                                attacks[i].expected);
        else
            expect_layers(attacks[i].layers, attacks[i].expected);
    }
}

#define CHECK(attacks) check(attacks, sizeof(attacks) / sizeof((attacks)[0]))

static void test_leaving_the_root(void **state)
{
    static const struct attack attacks[] = {
        { "dots before the path",
          { "f ../../../etc/passwd =x" },
          "d etc\nf etc/passwd =x\n",
          0 },
        { "dots within the path",
          { "f a/../../../b/./c//d =x" },
          "d b\nd b/c\nf b/c/d =x\n",
          0 },
        { "an absolute path",
          { "f //etc//passwd =x" },
          "d etc\nf etc/passwd =x\n",
          0 },
        { "a symbolic link outside, and a file through it",
          { "l x -> ../../../../tmp\nf x/evil =1" },
          "d tmp\nf tmp/evil =1\nl x -> ../../../../tmp\n",
          0 },
        { "across layers",
          { "l x -> /tmp", "f x/evil =1" },
          "d tmp\nf tmp/evil =1\nl x -> /tmp\n",
          0 },
        { "through a chain of links with dots",
          { "d a\nd a/b\nl a/b/up -> ../../..\nf a/b/up/evil =1" },
          "d a\nd a/b\nl a/b/up -> ../../..\nf evil =1\n",
          0 },
        { "a file in place of the root",
          { "f ./ =x" },
          "the root folder",
          HX_ERR_CORRUPT },
        { "a symbolic link in place of the root",
          { "l /. -> /tmp" },
          "the root folder",
          HX_ERR_CORRUPT },
        { "by dots",
          { "d a\nl a/.. -> /tmp" },
          "the root folder",
          HX_ERR_CORRUPT },
        { "a hard link in place of the root",
          { "f a =x\nh ./ => a" },
          "the root folder",
          HX_ERR_CORRUPT },
        { "a hard link to the outside",
          { "h a => ../../../etc/passwd" },
          "the hard link 'a' points to 'etc/passwd', which is not in the "
          "image",
          HX_ERR_CORRUPT },
        { "a hard link through a symbolic link to the outside",
          { "l d -> ../../../etc\nh a => d/passwd" },
          "points to 'd/passwd', which is not in the image",
          HX_ERR_CORRUPT },
        { "a hard link to a symbolic link, and a file through that",
          { "l s -> /tmp\nh h => s\nf h/evil =1" },
          "l h -> /tmp\nh s => h\nd tmp\nf tmp/evil =1\n",
          0 },
        { "a hard link to a folder",
          { "d d\nh a => d" },
          "which is a folder",
          HX_ERR_CORRUPT },
        { "a hard link to the root",
          { "h a => /" },
          "which is a folder",
          HX_ERR_CORRUPT },
        { "a hard link to nothing",
          { "h a => ." },
          "which is a folder",
          HX_ERR_CORRUPT },
        { "hard links in a ring",
          { "h a => b\nh b => a" },
          "the hard link 'a' points to 'b', which is not in the image",
          HX_ERR_CORRUPT },
        { "a hard link to itself",
          { "h a => a" },
          "the hard link 'a' points to 'a', which is not in the image",
          HX_ERR_CORRUPT },
        { "a hard link to what an upper layer brings",
          { "h a => b", "f b =x" },
          "layer 1 of 2: the hard link 'a' points to 'b'",
          HX_ERR_CORRUPT },
        { "a hard link to what a lower layer hides",
          { "f b =x", "f .wh.b", "h a => b" },
          "layer 3 of 3: the hard link 'a' points to 'b'",
          HX_ERR_CORRUPT },
    };

    (void)state;
    CHECK(attacks);
}

static void test_symbolic_links_in_a_ring(void **state)
{
    static const struct attack attacks[] = {
        { "to itself",
          { "l a -> a\nf a/x =1" },
          "more than 40 symbolic links",
          HX_ERR_CORRUPT },
        { "of two",
          { "l a -> b\nl b -> a", "f a/x =1" },
          "40",
          HX_ERR_CORRUPT },
        { "that grows with each round",
          { "l a -> a/b/c/d/e\nf a/x =1" },
          "40",
          HX_ERR_CORRUPT },
        { "below a whiteout", { "l a -> a", "f a/.wh.x" }, "l a -> a\n", 0 },
        { "below a hard link's target",
          { "l a -> a\nh b => a/x" },
          "which is not in the image",
          HX_ERR_CORRUPT },
        { "that nothing goes through", { "l a -> a" }, "l a -> a\n", 0 },
    };

    (void)state;
    CHECK(attacks);
}

static void test_whiteouts_as_weapons(void **state)
{
    static const struct attack attacks[] = {
        { "a bare one", { "f a/.wh." }, "names nothing", HX_ERR_CORRUPT },
        { "of the folder itself",
          { "f a/.wh.." },
          "names nothing",
          HX_ERR_CORRUPT },
        { "of the folder above",
          { "f a/.wh..." },
          "names nothing",
          HX_ERR_CORRUPT },
        { "as a folder",
          { "f .wh.a/b =x" },
          "'.wh.a/b' lies below a whiteout",
          HX_ERR_CORRUPT },
        { "that is a hard link's target",
          { "f a =1", "f .wh.a\nh b => .wh.a" },
          "which is not in the image",
          HX_ERR_CORRUPT },
        { "through a symbolic link to the outside",
          { "d etc\nf etc/keep =x\nl a -> ../../etc", "f a/.wh.other" },
          "l a -> ../../etc\nd etc\nf etc/keep =x\n",
          0 },
        { "through dots",
          { "d etc\nf etc/passwd =x", "f ../../etc/.wh.passwd" },
          "d etc\n",
          0 },
        { "of a whiteout", { "f a =x", "f .wh..wh.a" }, "f a =x\n", 0 },
        { "whose name is one by dots", { "f b =x", "f a/../.wh.b" }, "", 0 },
    };

    (void)state;
    CHECK(attacks);
}

static void test_whiteouts_by_way_of_links(void **state)
{
    static const struct attack attacks[] = {
        { "in one layer",
          { "l a -> b/.wh.c\nf a/x =1" },
          "a whiteout's name",
          HX_ERR_CORRUPT },
        { "across layers",
          { "l a -> .wh..wh..opq", "f a/x =1" },
          "a whiteout's name",
          HX_ERR_CORRUPT },
        { "that nothing goes through",
          { "l a -> .wh.c\nf x =1" },
          "l a -> .wh.c\nf x =1\n",
          0 },
    };

    (void)state;
    CHECK(attacks);
}

static void test_names(void **state)
{
    char text[2 * HX_MKROOT_PATH_MAX], expected[300], *at;
    const char *layers[2] = { text, NULL };

    (void)state;
    /* The longest name there may be, and one more. */
    snprintf(text, sizeof(text), "f %0255d", 0);
    snprintf(expected, sizeof(expected), "f %0255d\n", 0);
    expect_layers(layers, expected);
    snprintf(text, sizeof(text), "f %0256d", 0);
    expect_layers_error(layers, HX_ERR_LIMIT, "longer than 255 bytes");

    /* The longest path: 2048 folders of one letter. */
    at = stpcpy(text, "f ");
    for (int i = 0; i < 2047; i++)
        at = stpcpy(at, "a/");
    stpcpy(at, "b");
    {
        struct layer_fixture fixture;

        fixture_init(&fixture);
        fixture_add_text(&fixture, text);
        if (fixture_convert(&fixture) < 0)
            fail_msg("%s", fixture.err.msg);
        assert_int_equal(fixture.result.files, 2049);
        fixture_release(&fixture);
    }
    stpcpy(at, "bc");
    expect_layers_error(layers, HX_ERR_LIMIT, "longer than 4095 bytes");
}

/* Deeper than any path, by way of links. */
static void test_depth(void **state)
{
    char text[16384], *at = text;
    const char *layers[2] = { text, NULL };

    (void)state;
    for (int round = 0; round < 3; round++) {
        at += sprintf(at, "d ");
        if (round)
            at += sprintf(at, "l%d/", round - 1);
        for (int i = 0; i < 1000; i++)
            at += sprintf(at, "a/");
        at += sprintf(at, "\nl l%d -> ", round);
        if (round)
            at += sprintf(at, "l%d/", round - 1);
        for (int i = 0; i < 1000; i++)
            at += sprintf(at, "a/");
        at += sprintf(at, "\n");
    }
    expect_layers_error(layers, HX_ERR_LIMIT, "deeper than 2048 folders");
}

/* A long chain of links, each longer than the one before. */
static void test_links_that_add_up(void **state)
{
    char text[65536], *at = text;
    const char *layers[2] = { text, NULL };

    (void)state;
    sprintf(text, "l a -> %0256d\nf a/x =1", 0);
    expect_layers_error(layers, HX_ERR_LIMIT, "more than 255 bytes");
    for (int i = 0; i < 39; i++) {
        at += sprintf(at, "l %d -> %d", i, i + 1);
        for (int k = 0; k < 300; k++)
            at += sprintf(at, "/d");
        at += sprintf(at, "\n");
    }
    at += sprintf(at, "f 0/x =1");
    expect_layers_error(layers, HX_ERR_CORRUPT, "too long together");
}

/* Each of these makes a short path a long walk, again and again. */
static void test_walks_without_end(void **state)
{
    static const struct attack attacks[] = {
        { "an entry",
          { "l a -> b/./b/./b/./b\nl b -> ././././.\nf a/x =1" },
          "more than 100000000 folders",
          HX_ERR_LIMIT },
        { "a whiteout",
          { "l a -> b/./b/./b/./b\nl b -> ././././.", "f a/.wh.x" },
          "more than 100000000 folders",
          HX_ERR_LIMIT },
        { "an opaque mark",
          { "l a -> b/./b/./b/./b\nl b -> ././././.", "f a/.wh..wh..opq" },
          "more than 100000000 folders",
          HX_ERR_LIMIT },
        { "a hard link's target",
          { "l a -> b/./b/./b/./b\nl b -> ././././.\nf f =1\nh h => a/f" },
          "more than 100000000 folders",
          HX_ERR_LIMIT },
        { "short walks", { "d a\nf a/x =1" }, "d a\nf a/x =1\n", 0 },
    };

    (void)state;
    steps_gone = HX_MKROOT_STEPS_MAX - 20;
    CHECK(attacks);
    steps_gone = 0;
}

/* One folder of many files, hidden many times: a second of work, and a minute
 * when each mark looks at each file. */
static void test_opaque_marks_without_end(void **state)
{
    struct hx_buf low = HX_BUF_INIT(1 << 30), high = HX_BUF_INIT(1 << 30);
    struct layer_fixture fixture;
    char line[64];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(line, sizeof(line), "p a/%d", i);
        tar_text(&low, line);
        tar_text(&high, "f a/.wh..wh..opq");
    }
    tar_text(&high, "f a/x =1");
    fixture_init(&fixture);
    fixture_add_tar(&fixture, &low);
    fixture_add_tar(&fixture, &high);
    alarm(30);
    fixture_expect(&fixture, "d a\nf a/x =1\n");
    alarm(0);
    fixture_release(&fixture);
    hx_buf_release(&low);
    hx_buf_release(&high);
}

static void test_duplicates(void **state)
{
    static const struct attack attacks[] = {
        { "of every kind",
          { "f a =1\nd a\nl a -> b\nf a =2\nf b =3\nh a => b\nd a\nf a/x =4" },
          "d a\nf a/x =4\nf b =3\n",
          0 },
        { "by other spellings",
          { "f a/b =1\nf ./a//b =2\nf a/./b =3\nf /a/c/../b =4" },
          "d a\nf a/b =4\n",
          0 },
        { "under a symbolic link's two names",
          { "d t\nl s -> t\nf s/x =1\nf t/x =2\nf s/x =3" },
          "l s -> t\nd t\nf t/x =3\n",
          0 },
    };

    (void)state;
    CHECK(attacks);
}

/* A file takes the place of a folder that holds the entry's own way. */
static void test_replacing_the_way(void **state)
{
    static const struct attack attacks[] = {
        { "a link over the folder it leads through",
          { "d a\nd a/b\nl a/b/c -> /a\nl a/b -> /a/b/c\nf a/b/x =1" },
          "40",
          HX_ERR_CORRUPT },
        { "a hard link over its target's folder",
          { "d a\nf a/f =1\nh a => a/f\nf a/g =2" },
          "d a\nf a/g =2\n",
          0 },
    };

    (void)state;
    CHECK(attacks);
}

static void test_layers_that_are_too_many(void **state)
{
    struct hx_layer *layers = calloc(10000, sizeof(*layers));
    struct layer_fixture fixture;
    struct hx_convert convert = { .layers = layers, .layer_count = 10000 };

    (void)state;
    assert_non_null(layers);
    fixture_init(&fixture);
    fixture_add_text(&fixture, "f a =x");
    for (int i = 0; i < 10000; i++)
        layers[i] = fixture.layers[0];
    assert_int_equal(hx_convert_run(&convert, &fixture.result, &fixture.err),
                     -HX_ERR_LIMIT);
    assert_non_null(strstr(fixture.err.msg, "more than 1024 layers"));
    fixture_release(&fixture);
    free(layers);
}

/* Holes cost nothing in the tar: their sum is bounded all the same. */
static void test_files_that_are_too_large(void **state)
{
    struct hx_buf tar = HX_BUF_INIT(1 << 20);
    struct layer_fixture fixture;

    (void)state;
    fixture_init(&fixture);
    for (int i = 0; i < 3; i++) {
        tar_pax(&tar, 'x',
                (const char *const[]){ "GNU.sparse.size=300000000000",
                                       "GNU.sparse.map=0,0", NULL });
        tar_header(&tar, &(struct tar_entry){ .name = "s" });
    }
    fixture_add_tar(&fixture, &tar);
    fixture_expect_error(&fixture, HX_ERR_LIMIT, "larger than 256 GiB");
    fixture_release(&fixture);
    hx_buf_release(&tar);
}

static void test_attributes_that_are_too_large(void **state)
{
    char *value = calloc(1, 1 << 20), name[400];
    struct hx_buf tar = HX_BUF_INIT(1 << 24);
    struct layer_fixture fixture;

    (void)state;
    assert_non_null(value);
    tar_pax_binary(&tar, "SCHILY.xattr.user.a", value, 65536);
    tar_header(&tar, &(struct tar_entry){ .name = "a" });
    fixture_init(&fixture);
    fixture_add_tar(&fixture, &tar);
    assert_int_equal(fixture_convert(&fixture), 0);
    fixture_release(&fixture);

    hx_buf_clear(&tar);
    tar_pax_binary(&tar, "SCHILY.xattr.user.a", value, 65537);
    tar_header(&tar, &(struct tar_entry){ .name = "a" });
    fixture_init(&fixture);
    fixture_add_tar(&fixture, &tar);
    fixture_expect_error(&fixture, HX_ERR_LIMIT, "'user.a' is larger");
    fixture_release(&fixture);

    hx_buf_clear(&tar);
    snprintf(name, sizeof(name), "SCHILY.xattr.user.%0251d", 0);
    tar_pax_binary(&tar, name, value, 1);
    tar_header(&tar, &(struct tar_entry){ .name = "a" });
    fixture_init(&fixture);
    fixture_add_tar(&fixture, &tar);
    fixture_expect_error(&fixture, HX_ERR_LIMIT, "is larger");
    fixture_release(&fixture);

    hx_buf_clear(&tar);
    tar_pax_binary(&tar, "SCHILY.xattr.user.a", value, (1 << 20) - 20);
    tar_header(&tar, &(struct tar_entry){ .name = "a" });
    fixture_init(&fixture);
    fixture_add_tar(&fixture, &tar);
    fixture_expect_error(&fixture, HX_ERR_LIMIT, "larger than 1048576 bytes");
    fixture_release(&fixture);
    hx_buf_release(&tar);
    free(value);
}

static void test_headers_without_an_entry(void **state)
{
    struct hx_buf tar = HX_BUF_INIT(1 << 20);
    struct layer_fixture fixture;

    (void)state;
    for (int i = 0; i < 17; i++)
        tar_gnu_long(&tar, 'L', "x");
    fixture_init(&fixture);
    fixture_add_tar(&fixture, &tar);
    fixture_expect_error(&fixture, HX_ERR_CORRUPT, "more than 16 headers");
    fixture_release(&fixture);
    hx_buf_release(&tar);
}

static void test_a_message_has_no_terminal_escapes(void **state)
{
    static const char *const layers[] = { "h \\x1b[2J\\x0aroot => \\x07",
                                          NULL };

    (void)state;
    expect_layers_error(layers, HX_ERR_CORRUPT,
                        "the hard link '?[2J?root' points to '?'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaving_the_root),
        cmocka_unit_test(test_symbolic_links_in_a_ring),
        cmocka_unit_test(test_whiteouts_as_weapons),
        cmocka_unit_test(test_whiteouts_by_way_of_links),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_links_that_add_up),
        cmocka_unit_test(test_walks_without_end),
        cmocka_unit_test(test_opaque_marks_without_end),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_replacing_the_way),
        cmocka_unit_test(test_layers_that_are_too_many),
        cmocka_unit_test(test_files_that_are_too_large),
        cmocka_unit_test(test_attributes_that_are_too_large),
        cmocka_unit_test(test_headers_without_an_entry),
        cmocka_unit_test(test_a_message_has_no_terminal_escapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
