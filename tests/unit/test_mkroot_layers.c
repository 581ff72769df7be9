/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules by which layers become one tree: docs/root-disk.md, case by case.
 * See layer_fixture.h for how the lines read. */
#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

struct rule {
    const char *name;
    const char *layers[6]; /* the lowest first */
    const char *expected;
};

static void check(const struct rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("           %s\n", rules[i].name);
        expect_layers(rules[i].layers, rules[i].expected);
    }
}

#define CHECK(rules) check(rules, sizeof(rules) / sizeof((rules)[0]))

static void test_one_layer(void **state)
{
    static const struct rule rules[] = {
        { "no layer", { NULL }, "" },
        { "an empty layer", { "" }, "" },
        { "every type",
          { "d d\nf d/f =hi\nl d/l -> f\nh d/h => d/f\nc d/c 1:3\nb d/b 8:1\n"
            "p d/p" },
          "d d\nb d/b 8:1\nc d/c 1:3\nf d/f =hi\nh d/h => d/f\nl d/l -> f\n"
          "p d/p\n" },
        { "modes with setuid, setgid and sticky",
          { "d t @1777\nf s @4755\nf g @2711\nf all @7777\nf none @0" },
          "f all @7777\nf g @2711\nf none\nf s @4755\nd t @1777\n" },
        { "owners of 32 bits",
          { "f a #0:0\nf b #1000:65536\nf c #4294967294:4294967294" },
          "f a\nf b #1000:65536\nf c #4294967294:4294967294\n" },
        { "times from 1970 to 2106; outside of it the nearest",
          { "f a ~1\nf b ~4294967295\nf c ~4294967296\nf d ~-5" },
          "f a ~1\nf b ~4294967295\nf c ~4294967295\nf d\n" },
        { "the root's attributes",
          { "d ./ @0700 #1:2 ~3 +user.a=b\nf ./x" },
          "d / @0700 #1:2 ~3 +user.a=b\nf x\n" },
        { "a missing parent is a plain folder of root's",
          { "f a/b/c =x #5:6 ~7" },
          "d a\nd a/b\nf a/b/c =x #5:6 ~7\n" },
        { "a parent that comes after its content",
          { "f a/b =x\nd a @0700 ~9" },
          "d a @0700 ~9\nf a/b =x\n" },
        { "a symbolic link's mode is always 0777",
          { "l a -> b @0600" },
          "l a -> b\n" },
        { "large device numbers",
          { "c a 4095:1048575\nb b 259:256\nc z 0:0" },
          "c a 4095:1048575\nb b 259:256\nc z 0:0\n" },
        { "empty, small and large files",
          { "f a =\nf b =*1\nf c =*131071\nf d =*131072\nf e =*131073\n"
            "f f =*400000" },
          "f a\nf b =\\x00\nf c =*131071\nf d =*131072\nf e =*131073\n"
          "f f =*400000\n" },
        { "names of any bytes",
          { "f \\x20\nf a\\xff\\xfe\nf b\\x0a\nf c\\x1b[2J\nf \\xc3\\xa4\n"
            "d d\\x5c\nf d\\x5c/e" },
          "f \\x20\nf a\\xff\\xfe\nf b\\x0a\nf c\\x1b[2J\nd d\\x5c\n"
          "f d\\x5c/e\nf \\xc3\\xa4\n" },
    };

    (void)state;
    CHECK(rules);
}

static void test_what_comes_later_wins(void **state)
{
    static const struct rule rules[] = {
        { "file over file, within a layer",
          { "f a =one @0600\nf a =two" },
          "f a =two\n" },
        { "file over file, across layers",
          { "f a =one @0600", "f a =two" },
          "f a =two\n" },
        { "a folder's attributes, within a layer",
          { "d a @0700 #1:1 ~1 +user.x=1\nf a/f\nd a @0750" },
          "d a @0750\nf a/f\n" },
        { "a folder's attributes, across layers",
          { "d a @0700 #1:1 ~1 +user.x=1\nf a/f", "d a @0750 +user.y=2" },
          "d a @0750 +user.y=2\nf a/f\n" },
        { "a folder no upper layer names keeps its attributes",
          { "d a @0700 #1:1 ~1", "f a/b =x" },
          "d a @0700 #1:1 ~1\nf a/b =x\n" },
        { "the root's attributes, across layers",
          { "d ./ @0700", "d ./ @0711 ~2" },
          "d / @0711 ~2\n" },
        { "file over folder, within a layer",
          { "d a\nf a/b =x\nf a =y" },
          "f a =y\n" },
        { "file over folder, across layers",
          { "d a\nd a/b\nf a/b/c =x", "f a =y" },
          "f a =y\n" },
        { "folder over file, within a layer",
          { "f a =x\nd a\nf a/b =y" },
          "d a\nf a/b =y\n" },
        { "folder over file, across layers",
          { "f a =x", "d a\nf a/b =y" },
          "d a\nf a/b =y\n" },
        { "folder over file over folder: the first content is gone",
          { "d a\nf a/old =x", "f a =y", "d a\nf a/new =z" },
          "d a\nf a/new =z\n" },
        { "the same within one layer",
          { "d a\nf a/old =x\nf a =y\nd a\nf a/new =z" },
          "d a\nf a/new =z\n" },
        { "file over symbolic link, which is not followed",
          { "f t =t\nl a -> t", "f a =new" },
          "f a =new\nf t =t\n" },
        { "folder over a symbolic link to a folder, which is not followed",
          { "d t\nf t/x =x\nl a -> t", "d a\nf a/y =y" },
          "d a\nf a/y =y\nd t\nf t/x =x\n" },
        { "symbolic link over folder",
          { "d a\nf a/x =x\nd t", "l a -> t" },
          "l a -> t\nd t\n" },
        { "device over file over fifo",
          { "p a", "f a =x", "c a 1:3" },
          "c a 1:3\n" },
        { "content of the middle layer, of three",
          { "f a =1\nf b =1\nf c =1", "f a =2\nf b =2", "f a =3" },
          "f a =3\nf b =2\nf c =1\n" },
        { "a parent that is a file becomes a folder",
          { "f a =x", "f a/b =y" },
          "d a\nf a/b =y\n" },
        { "and within a layer", { "f a =x\nf a/b =y" }, "d a\nf a/b =y\n" },
    };

    (void)state;
    CHECK(rules);
}

static void test_whiteouts(void **state)
{
    static const struct rule rules[] = {
        { "hides a file", { "f a =x\nf b =y", "f .wh.a" }, "f b =y\n" },
        { "hides a folder with all in it",
          { "d a\nd a/b\nf a/b/c =x", "f .wh.a" },
          "" },
        { "hides in a folder",
          { "d a\nf a/x =x\nf a/y =y", "f a/.wh.x" },
          "d a\nf a/y =y\n" },
        { "does not hide its own layer's file, when it comes first",
          { "f a =old", "f .wh.a\nf a =new" },
          "f a =new\n" },
        { "nor when it comes last",
          { "f a =old", "f a =new\nf .wh.a" },
          "f a =new\n" },
        { "a folder that comes again is a new one, whiteout first",
          { "d a @0700\nf a/old =x", "f .wh.a\nd a\nf a/new =y" },
          "d a\nf a/new =y\n" },
        { "whiteout last",
          { "d a @0700\nf a/old =x", "d a\nf a/new =y\nf .wh.a" },
          "d a\nf a/new =y\n" },
        { "and when only its content names it, whiteout first",
          { "d a @0700\nf a/old =x", "f .wh.a\nf a/new =y" },
          "d a\nf a/new =y\n" },
        { "whiteout last",
          { "d a @0700\nf a/old =x", "f a/new =y\nf .wh.a" },
          "d a\nf a/new =y\n" },
        { "a symbolic link to a folder that becomes a folder, whiteout first",
          { "d t\nl a -> t", "f .wh.a\nf a/new =y" },
          "d a\nf a/new =y\nd t\n" },
        { "whiteout last",
          { "d t\nl a -> t", "f a/new =y\nf .wh.a" },
          "d a\nf a/new =y\nd t\n" },
        { "hides a symbolic link, not what it points to",
          { "f t =t\nl a -> t", "f .wh.a" },
          "f t =t\n" },
        { "in the lowest layer hides nothing",
          { "f a =x\nf .wh.a\nf .wh.b" },
          "f a =x\n" },
        { "of what is not there",
          { "f a =x", "f .wh.b\nf c/.wh.d\nf a/.wh.e" },
          "f a =x\n" },
        { "is undone by a layer above",
          { "f a =1", "f .wh.a", "f a =3" },
          "f a =3\n" },
        { "hides what a layer between has put",
          { "f a =1", "f a =2", "f .wh.a" },
          "" },
        { "of a name that a folder above has taken",
          { "d a\nf a/x =1", "f .wh.a", "d a @0700" },
          "d a @0700\n" },
        { "leaves the other names of a hard link",
          { "f a =x\nh b => a", "f .wh.a" },
          "f b =x\n" },
        { "may be of any type",
          { "f a =x\nf b =y", "d .wh.a\nl .wh.b -> x" },
          "" },
        { "of a name with odd bytes",
          { "f \\xff =x\nf .w =y", "f .wh.\\xff\nf .wh..w" },
          "" },
        { "AUFS's own files are passed over",
          { "f a =x\nd .wh..wh.plnk\nf .wh..wh.plnk/1.2 =y\nf .wh..wh.aufs\n"
            "d d/.wh..wh.orph" },
          "f a =x\n" },
    };

    (void)state;
    CHECK(rules);
}

static void test_opaque_folders(void **state)
{
    static const struct rule rules[] = {
        { "hides what lies below, and keeps its own layer's, first",
          { "d a\nf a/old =x\nd a/d\nf a/d/f =x",
            "d a @0700\nf a/.wh..wh..opq\nf a/new =y" },
          "d a @0700\nf a/new =y\n" },
        { "last",
          { "d a\nf a/old =x\nd a/d\nf a/d/f =x",
            "d a @0700\nf a/new =y\nf a/.wh..wh..opq" },
          "d a @0700\nf a/new =y\n" },
        { "before the folder itself",
          { "d a\nf a/old =x", "f a/.wh..wh..opq\nd a @0700\nf a/new =y" },
          "d a @0700\nf a/new =y\n" },
        { "keeps the folder's attributes when the layer does not name it",
          { "d a @0700\nf a/old =x", "f a/.wh..wh..opq" },
          "d a @0700\n" },
        { "a folder below that comes again is a new one",
          { "d a\nd a/d @0700\nf a/d/old =x",
            "f a/d/new =y\nf a/.wh..wh..opq" },
          "d a\nd a/d\nf a/d/new =y\n" },
        { "the whole root",
          { "d a\nf a/x =1\nf y =2", "f z =3\nf .wh..wh..opq" },
          "f z =3\n" },
        { "of a folder that is not there",
          { "f b =x", "f a/.wh..wh..opq" },
          "f b =x\n" },
        { "of what is a file below",
          { "f a =x", "d a\nf a/.wh..wh..opq\nf a/b =y" },
          "d a\nf a/b =y\n" },
        { "two opaque folders, one in the other, of two layers",
          { "d a\nd a/b\nf a/b/1 =1\nf a/2 =2",
            "d a\nd a/b\nf a/b/.wh..wh..opq\nf a/b/3 =3",
            "d a\nf a/.wh..wh..opq\nd a/b\nf a/b/4 =4" },
          "d a\nd a/b\nf a/b/4 =4\n" },
        { "a layer in between that has filled it",
          { "d a\nf a/1 =1", "d a\nf a/2 =2", "f a/.wh..wh..opq",
            "d a\nf a/3 =3" },
          "d a\nf a/3 =3\n" },
        { "does not act on the folder a symbolic link becomes",
          { "d t\nf t/keep =x\nl a -> t", "d a\nf a/.wh..wh..opq\nf a/n =y" },
          "d a\nf a/n =y\nd t\nf t/keep =x\n" },
        { "nor when it comes before that folder",
          { "d t\nf t/keep =x\nl a -> t", "f a/.wh..wh..opq\nd a\nf a/n =y" },
          "d a\nf a/n =y\nd t\nf t/keep =x\n" },
        { "acts through a symbolic link no layer replaces",
          { "d t\nf t/old =x\nl a -> t", "f a/.wh..wh..opq\nf a/n =y" },
          "l a -> t\nd t\nf t/n =y\n" },
    };

    (void)state;
    CHECK(rules);
}

static void test_hard_links(void **state)
{
    static const struct rule rules[] = {
        { "share content and attributes, the later entry's",
          { "f a =x @0600 #1:2 ~3 +user.a=b\nh b => a @0777 #9:9 ~9" },
          "f a =x @0777 #9:9 ~9 +user.a=b\nh b => a\n" },
        { "and its extended attributes, when it has any",
          { "f a =x +user.a=b\nh b => a +user.c=d" },
          "f a =x +user.c=d\nh b => a\n" },
        { "of links of links",
          { "f a =x\nh b => a\nh c => b\nh d/e => c" },
          "f a =x\nh b => a\nh c => a\nd d\nh d/e => a\n" },
        { "to an absolute target and to one with dots",
          { "d d\nf d/a =x\nh b => /d/a\nh c => ./d/../d/a" },
          "f b =x\nh c => b\nd d\nh d/a => b\n" },
        { "to a symbolic link, which is not followed",
          { "f t =x\nl a -> t\nh b => a" },
          "l a -> t\nh b => a\nf t =x\n" },
        { "to a device, a fifo",
          { "c a 1:3\nh b => a\np p\nh q => p" },
          "c a 1:3\nh b => a\np p\nh q => p\n" },
        { "through a folder that is a symbolic link",
          { "d t\nf t/a =x\nl s -> t\nh b => s/a" },
          "f b =x\nl s -> t\nd t\nh t/a => b\n" },
        { "to a file of the layer below",
          { "f a =x", "h b => a" },
          "f a =x\nh b => a\n" },
        { "to a file of the layer below that a layer above replaces",
          { "f a =x", "h b => a", "f a =new" },
          "f a =new\nf b =x\n" },
        { "to a file of the layer below that a layer above hides",
          { "f a =x", "h b => a", "f .wh.a" },
          "f b =x\n" },
        { "to a file its own layer replaces later",
          { "f a =x", "h b => a\nf a =new" },
          "f a =new\nf b =x\n" },
        { "to a file its own layer has replaced",
          { "f a =x", "f a =new\nh b => a" },
          "f a =new\nh b => a\n" },
        { "to a file its own layer hides, whichever comes first",
          { "f a =x\nf b =y", "h c => a\nf .wh.a\nf .wh.b\nh d => b" },
          "f c =x\nf d =y\n" },
        { "to a file in a folder its own layer hides",
          { "d a\nf a/x =x", "h c => a/x\nf .wh.a" },
          "f c =x\n" },
        { "within a layer, with the target hidden above",
          { "f a =x\nh b => a", "f a =new" },
          "f a =new\nf b =x\n" },
        { "within a layer, with all names hidden above",
          { "f a =x\nh b => a", "f .wh.a\nf b =y" },
          "f b =y\n" },
        { "a copied-up file is no longer linked",
          { "f a =x\nh b => a", "f b =x" },
          "f a =x\nf b =x\n" },
        { "replaces what was there",
          { "f a =x\nd b\nf b/c =y", "h b => a" },
          "f a =x\nh b => a\n" },
        { "to a file in the folder it replaces",
          { "d b\nf b/c =y", "h b => b/c" },
          "f b =y\n" },
        { "to itself, as tar writes for a file named twice",
          { "f a =x\nh a => a" },
          "f a =x\n" },
        { "content of three layers down, kept by one name only",
          { "f a =deep", "h b => a", "h c => b\nf .wh.b", "f a =1\nf .wh.b" },
          "f a =1\nf c =deep\n" },
    };

    (void)state;
    CHECK(rules);
}

static void test_parents_that_are_links(void **state)
{
    static const struct rule rules[] = {
        { "a merged /usr: the upper layer's lib/x goes through the link",
          { "d usr\nd usr/lib\nl lib -> usr/lib", "f lib/x =x" },
          "l lib -> usr/lib\nd usr\nd usr/lib\nf usr/lib/x =x\n" },
        { "within one layer",
          { "d usr\nd usr/lib\nl lib -> usr/lib\nf lib/x =x" },
          "l lib -> usr/lib\nd usr\nd usr/lib\nf usr/lib/x =x\n" },
        { "it replaces what the link leads to",
          { "d usr\nd usr/lib\nf usr/lib/x =old\nl lib -> usr/lib",
            "f lib/x =new" },
          "l lib -> usr/lib\nd usr\nd usr/lib\nf usr/lib/x =new\n" },
        { "an absolute link begins at the image's root",
          { "d run\nd var\nl var/run -> /run", "f var/run/pid =1" },
          "d run\nf run/pid =1\nd var\nl var/run -> /run\n" },
        { "dots in a link stop at the root",
          { "l a -> ../../../b\nd b", "f a/x =1" },
          "l a -> ../../../b\nd b\nf b/x =1\n" },
        { "a link with dots begins in its own folder",
          { "d a\nd a/b\nl a/b/l -> ../t\nd a/t", "f a/b/l/x =1" },
          "d a\nd a/b\nl a/b/l -> ../t\nd a/t\nf a/t/x =1\n" },
        { "links through links",
          { "d d\nl a -> b\nl b -> c\nl c -> d", "f a/x =1" },
          "l a -> b\nl b -> c\nl c -> d\nd d\nf d/x =1\n" },
        { "a link to nowhere gets its folder",
          { "l a -> b/c", "f a/x =1" },
          "l a -> b/c\nd b\nd b/c\nf b/c/x =1\n" },
        { "a folder entry replaces the link, and its content stays in it",
          { "d usr\nd usr/lib\nl lib -> usr/lib", "d lib\nf lib/x =x" },
          "d lib\nf lib/x =x\nd usr\nd usr/lib\n" },
        { "the link comes with the middle layer",
          { "d a\nf a/1 =1\nd b\nf b/2 =2", "l a -> b", "f a/3 =3" },
          "l a -> b\nd b\nf b/2 =2\nf b/3 =3\n" },
        { "the link goes with the middle layer",
          { "d t\nl a -> t\nf a/1 =1", "d a", "f a/2 =2" },
          "d a\nf a/2 =2\nd t\nf t/1 =1\n" },
        { "what seemed hidden by its path is not: the content is fetched",
          { "d t\nl a -> t\nf a/1 =low", "d a\nf a/1 =up" },
          "d a\nf a/1 =up\nd t\nf t/1 =low\n" },
        { "a whiteout goes through the link",
          { "d usr\nd usr/lib\nf usr/lib/x =x\nl lib -> usr/lib",
            "f lib/.wh.x" },
          "l lib -> usr/lib\nd usr\nd usr/lib\n" },
        { "but not through one its own layer replaces",
          { "d t\nf t/x =x\nl a -> t", "d a\nf a/.wh.x" },
          "d a\nd t\nf t/x =x\n" },
        { "upper lib/x by one path hides lower usr/lib/x by the other",
          { "d usr\nd usr/lib\nl lib -> usr/lib\nf usr/lib/x =1", "f lib/x =2",
            "f usr/lib/x =3" },
          "l lib -> usr/lib\nd usr\nd usr/lib\nf usr/lib/x =3\n" },
    };

    (void)state;
    CHECK(rules);
}

static void test_extended_attributes(void **state)
{
    static const struct rule rules[] = {
        { "the classes that squashfs has, in order",
          { "f a +user.b=2 +user.a=1 +security.x=3 +trusted.y=4" },
          "f a +user.a=1 +user.b=2 +trusted.y=4 +security.x=3\n" },
        { "a capability, with its NUL bytes",
          { "f a +security.capability=\\x01\\x00\\x00\\x02\\x00\\x20\\x00\\x00"
            "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00" },
          "f a +security.capability=\\x01\\x00\\x00\\x02\\x00\\x20\\x00\\x00"
          "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\n" },
        { "what is dropped",
          { "f a +security.selinux=x +system.nfs4_acl=x +user.k=v "
            "+system.posix_acl_access=x +trusted.overlay.opaque=y "
            "+other.class=x +user.=x +nodot=x" },
          "f a +user.k=v\n" },
        { "what only looks like it",
          { "f a +security.selinux2=x +trusted.overlayed=y" },
          "f a +trusted.overlayed=y +security.selinux2=x\n" },
        { "every type has them",
          { "d d +user.a=1\nl l -> x +trusted.a=1\nc c 1:3 +trusted.a=1\n"
            "p p +trusted.a=1\nf f +user.a=1" },
          "c c 1:3 +trusted.a=1\nd d +user.a=1\nf f +user.a=1\n"
          "l l -> x +trusted.a=1\np p +trusted.a=1\n" },
        { "a file of an upper layer does not inherit them",
          { "f a =x +user.a=1", "f a =y" },
          "f a =y\n" },
    };

    (void)state;
    CHECK(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_layer),
        cmocka_unit_test(test_what_comes_later_wins),
        cmocka_unit_test(test_whiteouts),
        cmocka_unit_test(test_opaque_folders),
        cmocka_unit_test(test_hard_links),
        cmocka_unit_test(test_parents_that_are_links),
        cmocka_unit_test(test_extended_attributes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
