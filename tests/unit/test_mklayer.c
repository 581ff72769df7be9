/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a pod's disk to a layer: disks as domain-builder makes them, filled by
 * debugfs, which also writes what no file system would.
 */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-builder/scratch.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "image/mklayer/layer.h"
#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

#define DISK_BYTES (UINT64_C(32) << 20) /* with 2048 inodes */
#define FLIPS      200                  /* disks that are damaged at random */

static char work[64];
static int disk = -1, out = -1;
static struct hx_layer_result result;
static int clean;
static struct hx_err err;

static int setup(void **state)
{
    (void)state;
    snprintf(work, sizeof(work), "/tmp/mklayer-XXXXXX");
    out = memfd_create("layer", MFD_CLOEXEC);
    return mkdtemp(work) && out >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    hx_cleanup_close(&disk);
    hx_cleanup_close(&out);
    disk = out = -1;
    return hx_rm_rf(work, NULL);
}

/* -- disks ----------------------------------------------------------------- */

static void put_file(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", work, name);
    assert_int_equal(hx_file_write_atomic(path, text, strlen(text), 0644, NULL),
                     0);
}

/* A new disk, after these commands of debugfs in the upper folder.  The files
 * "empty", "hello" and "long" can be written. */
static void make_disk(const char *commands)
{
    static const char head[] = "mkdir 0\nmkdir 0/upper\ncd 0/upper\n";
    _cleanup_free_ char *all = NULL, *line = NULL;
    char path[128], text[20001];

    snprintf(path, sizeof(path), "%s/disk", work);
    unlink(path);
    assert_int_equal(hx_scratch_make(path, DISK_BYTES, &err), 0);
    memset(text, 'l', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    put_file("long", text);
    put_file("hello", "hello");
    put_file("empty", "");
    assert_true(asprintf(&all, "%s%s", head, commands) > 0);
    put_file("commands", all);
    assert_true(asprintf(&line,
                         "cd %s && PATH=$PATH:/sbin:/usr/sbin "
                         "E2FSPROGS_FAKE_TIME=1 debugfs -w -f commands disk "
                         ">said 2>&1",
                         work) > 0);
    assert_int_equal(system(line), 0);
    hx_cleanup_close(&disk);
    disk = open(path, O_RDWR | O_CLOEXEC);
    assert_true(disk >= 0);
}

static int make_layer(void)
{
    struct hx_scratch *scratch = NULL;
    struct stat st;
    int rc;

    assert_int_equal(fstat(disk, &st), 0);
    assert_int_equal(ftruncate(out, 0), 0);
    hx_err_clear(&err);
    rc = hx_scratch_open(disk, (uint64_t)st.st_size, &scratch, &err);
    if (rc == 0)
        rc = hx_layer_write(scratch, "0/upper", out, &result, &err);
    if (rc == 0)
        clean = hx_scratch_is_clean(scratch);
    hx_scratch_free(scratch);
    return rc;
}

/* -- layers as text -------------------------------------------------------- */

static char type_of(struct archive_entry *entry)
{
    switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
        return 'd';
    case AE_IFLNK:
        return 'l';
    case AE_IFCHR:
        return 'c';
    case AE_IFBLK:
        return 'b';
    case AE_IFIFO:
        return 'p';
    default:
        return archive_entry_hardlink(entry) ? 'h' : 'f';
    }
}

static void list_attributes(struct hx_buf *text, struct archive_entry *entry)
{
    const char *name;
    const void *value;
    size_t len;

    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &len) == ARCHIVE_OK)
        hx_buf_addf(text, " +%s=%.*s", name, (int)len, (const char *)value);
}

/* A line for each entry; the mode where it is not 0644 or 0755, the owner where
 * it is not root. */
static void list_entry(struct hx_buf *text, struct archive_entry *entry)
{
    char type = type_of(entry);
    unsigned mode = archive_entry_perm(entry);

    hx_buf_addf(text, "%c %s", type, archive_entry_pathname(entry));
    if (type == 'h')
        hx_buf_addf(text, " => %s", archive_entry_hardlink(entry));
    if (type == 'l')
        hx_buf_addf(text, " -> %s", archive_entry_symlink(entry));
    if (type == 'c' || type == 'b')
        hx_buf_addf(text, " %u:%u", (unsigned)archive_entry_rdevmajor(entry),
                    (unsigned)archive_entry_rdevminor(entry));
    if (type == 'f')
        hx_buf_addf(text, " %lld", (long long)archive_entry_size(entry));
    if (type == 'f' && mode != 0644)
        hx_buf_addf(text, " @%o", mode);
    if (archive_entry_uid(entry) || archive_entry_gid(entry))
        hx_buf_addf(text, " #%lld:%lld", (long long)archive_entry_uid(entry),
                    (long long)archive_entry_gid(entry));
    list_attributes(text, entry);
    hx_buf_adds(text, "\n");
}

static char *list_layer(void)
{
    struct archive *tar = archive_read_new();
    struct hx_buf text = HX_BUF_INIT(1 << 20);
    struct archive_entry *entry;

    assert_int_equal(archive_read_support_filter_gzip(tar), ARCHIVE_OK);
    assert_int_equal(archive_read_support_format_tar(tar), ARCHIVE_OK);
    assert_int_equal(lseek(out, 0, SEEK_SET), 0);
    assert_int_equal(archive_read_open_fd(tar, out, 4096), ARCHIVE_OK);
    while (archive_read_next_header(tar, &entry) == ARCHIVE_OK)
        list_entry(&text, entry);
    archive_read_free(tar);
    return hx_buf_detach(&text);
}

static void expect(const char *commands, const char *expected)
{
    _cleanup_free_ char *text = NULL;

    make_disk(commands);
    if (make_layer() < 0)
        fail_msg("%s", err.msg);
    text = list_layer();
    assert_string_equal(text, expected);
}

static void expect_error(const char *commands, enum hx_err_code code,
                         const char *words)
{
    int rc;

    make_disk(commands);
    rc = make_layer();
    if (rc != -(int)code || !strstr(err.msg, words))
        fail_msg("after %s: %d, %s", commands, rc, err.msg);
}

/* -- what a pod writes ----------------------------------------------------- */

static void test_nothing_was_written(void **state)
{
    (void)state;
    expect("", "");
    assert_int_equal(result.entries, 0);
    expect("rmdir ../upper\n", "");
}

static void test_files_and_folders_in_order(void **state)
{
    (void)state;
    expect("write hello b\nmkdir a\ncd a\nwrite long z\nmkdir y\ncd ..\n"
           "write hello B\nwrite empty empty\n",
           "f B 5\nd a/\nd a/y/\nf a/z 20000\nf b 5\nf empty 0\n");
    assert_int_equal(result.entries, 6);
    assert_true(clean);
}

static void test_types_and_owners(void **state)
{
    (void)state;
    expect("symlink s target\nmknod p p\nmknod c c 5 300\nmknod b b 8 1\n"
           "write hello f\nsif f uid 70000\nsif f gid 4294967294\n"
           "sif f mode 0104755\nwrite hello sock\nsif sock mode 0140755\n",
           "b b 8:1\nc c 5:300\nf f 5 @4755 #70000:4294967294\np p\n"
           "l s -> target\n");
}

static void test_a_long_symbolic_link(void **state)
{
    char target[301], commands[400], expected[400];

    (void)state;
    memset(target, 't', sizeof(target) - 1);
    target[sizeof(target) - 1] = '\0';
    snprintf(commands, sizeof(commands), "symlink s %s\n", target);
    snprintf(expected, sizeof(expected), "l s -> %s\n", target);
    expect(commands, expected);
}

static void test_whiteouts(void **state)
{
    (void)state;
    expect("mknod gone c 0 0\nmkdir dir\ncd dir\nmknod gone c 0 0\ncd ..\n"
           "ea_set dir trusted.overlay.opaque y\n"
           "ea_set dir trusted.overlay.origin x\n",
           "d dir/\nf dir/.wh..wh..opq 0 @0\nf dir/.wh.gone 0 @0\n"
           "f .wh.gone 0 @0\n");
}

static void test_attributes(void **state)
{
    (void)state;
    expect("write hello f\nea_set f user.a 1\nea_set f security.capability x\n"
           "ea_set f security.selinux label\nea_set f trusted.b 2\n"
           "mkdir d\nea_set d user.c 3\n",
           "d d/ +user.c=3\n"
           "f f 5 +user.a=1 +security.capability=x +trusted.b=2\n");
}

static void test_hard_links(void **state)
{
    (void)state;
    expect("write hello b\nln b a\nmkdir d\nln b d/c\nsif b links_count 3\n",
           "f a 5\nh b => a\nd d/\nh d/c => a\n");
}

/* A hole stays one: the tar has not its bytes. */
static void test_holes(void **state)
{
    struct stat st;

    (void)state;
    expect("write long f\nsif f size 3000000\nwrite empty all\n"
           "sif all size 5000000\n",
           "f all 5000000\nf f 3000000\n");
    assert_int_equal(fstat(out, &st), 0);
    assert_true(st.st_size < 2000);
}

static void test_the_same_disk_gives_the_same_layer(void **state)
{
    char first[HX_DIFF_ID_TEXT];

    (void)state;
    expect("write long f\n", "f f 20000\n");
    memcpy(first, result.diff_id, sizeof(first));
    expect("write long f\n", "f f 20000\n");
    assert_string_equal(result.diff_id, first);
}

static void test_a_killed_pod(void **state)
{
    (void)state;
    expect("write hello f\nssv state 0\n", "f f 5\n");
    assert_false(clean);
}

/* -- onto an image --------------------------------------------------------- */

/* The tar within the layer. */
static void unpack(struct hx_buf *tar)
{
    char name[64], part[4096];
    FILE *pipe;
    size_t n;

    snprintf(name, sizeof(name), "zcat </proc/%d/fd/%d", getpid(), out);
    pipe = popen(name, "r");
    assert_non_null(pipe);
    while ((n = fread(part, 1, sizeof(part), pipe)) > 0)
        assert_int_equal(hx_buf_add(tar, part, n), 0);
    assert_int_equal(pclose(pipe), 0);
}

static void test_mkroot_reads_it(void **state)
{
    struct hx_buf tar = HX_BUF_INIT(1 << 20), blob = HX_BUF_INIT(1 << 20);
    struct layer_fixture fixture;
    char part[4096];
    ssize_t n;

    (void)state;
    make_disk("mknod gone c 0 0\nwrite hello new\nmkdir dir\n"
              "ea_set dir trusted.overlay.opaque y\nmkdir dir/x\n"
              "ln new dir/link\nsif new links_count 2\n"
              "write empty hole\nsif hole size 5\n");
    assert_int_equal(make_layer(), 0);
    unpack(&tar);
    for (off_t at = 0; (n = pread(out, part, sizeof(part), at)) > 0; at += n)
        assert_int_equal(hx_buf_add(&blob, part, (size_t)n), 0);
    fixture_init(&fixture);
    fixture_add_text(&fixture, "f gone =1\nd dir\nf dir/old =1\nf kept =1\n");
    fixture_add_blob(&fixture, blob.data, blob.len, tar.data, tar.len);
    fixture_expect(&fixture, "d dir ~1\nf dir/link =hello ~1\nd dir/x ~1\n"
                             "f hole =\\x00\\x00\\x00\\x00\\x00 ~1\n"
                             "f kept =1\nh new => dir/link\n");
    fixture_release(&fixture);
    hx_buf_release(&tar);
    hx_buf_release(&blob);
}

/* -- what no file system writes -------------------------------------------- */

static void test_content_outside(void **state)
{
    (void)state;
    expect_error("write long f\nsif f block[5] 99999999\n", HX_ERR_CORRUPT,
                 "damaged");
    /* Two parts that are one; an index that leads to content. */
    expect_error("write long f\nsif f block[0] 0x0002f30a\n"
                 "sif f block[6] 0\nsif f block[7] 1\nsif f block[8] 100\n",
                 HX_ERR_CORRUPT, "overlap or lie outside");
    expect_error("write long f\nsif f block[1] 0x00010004\n", HX_ERR_CORRUPT,
                 "damaged");
    expect_error("write long f\nsif f flags 0\n", HX_ERR_UNSUPPORTED,
                 "without extents");
    expect_error("write long f\nsif f size 300000000000\n", HX_ERR_LIMIT,
                 "256 GiB");
}

static void test_folders_that_are_none(void **state)
{
    (void)state;
    expect_error("mkdir a\nln a b\n", HX_ERR_CORRUPT, "in two places");
    expect_error("mkdir a\nln . a/loop\n", HX_ERR_CORRUPT, "in two places");
    expect_error("mknod a/b p\n", HX_ERR_CORRUPT, "a name that cannot be one");
    expect_error("mkdir a\nsif a size 8192\n", HX_ERR_CORRUPT,
                 "a folder of another size");
    expect_error("mkdir a\nzap_block -f a -p 0xff 0\n", HX_ERR_CORRUPT,
                 "a folder's block");
    expect_error("mkdir a\nzap_block -f a -p 0 0\n", HX_ERR_CORRUPT,
                 "a folder's block");
    expect_error("write hello a\nsif a mode 040755\n", HX_ERR_CORRUPT,
                 "a folder");
    expect_error("mkdir .wh.a\n", HX_ERR_UNSUPPORTED, "removes a file");
}

/* Bytes of the disk that are these become those. */
static void patch(const char *from, const char *to, size_t len)
{
    char *map =
        mmap(NULL, DISK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, disk, 0);
    char *at;

    assert_ptr_not_equal(map, MAP_FAILED);
    at = memmem(map, DISK_BYTES, from, len);
    assert_non_null(at);
    memcpy(at, to, len);
    assert_int_equal(munmap(map, DISK_BYTES), 0);
}

static void test_names_that_are_none(void **state)
{
    (void)state;
    make_disk("write hello name-a\nwrite hello name-b\n");
    patch("name-b", "name-a", 6);
    assert_int_equal(make_layer(), -HX_ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "one name twice"));
    patch("name-a", "na\0e-c", 6);
    assert_int_equal(make_layer(), -HX_ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "a name that cannot be one"));
    patch("na\0e-c", "../../", 6);
    assert_int_equal(make_layer(), -HX_ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "a name that cannot be one"));
}

static void test_inodes_that_are_none(void **state)
{
    (void)state;
    expect_error("write hello a\nsif a links_count 0\n", HX_ERR_CORRUPT,
                 "is free");
    expect_error("write hello a\nsif a mode 0170000\n", HX_ERR_CORRUPT,
                 "of no known type");
    expect_error("symlink a target\nsif a size 5000\n", HX_ERR_CORRUPT,
                 "a symbolic link");
    expect_error("symlink a target\nsif a size 50\n", HX_ERR_CORRUPT,
                 "a symbolic link");
    expect_error("symlink a target\nsif a size 0\n", HX_ERR_CORRUPT,
                 "a symbolic link");
    expect_error("write hello a\nsif a file_acl 99999999\n", HX_ERR_CORRUPT,
                 "damaged");
}

static void test_hints_of_overlayfs(void **state)
{
    (void)state;
    expect_error("mkdir a\nea_set a trusted.overlay.redirect b\n",
                 HX_ERR_UNSUPPORTED, "overlayfs redirect");
    expect_error("write hello a\nea_set a trusted.overlay.metacopy b\n",
                 HX_ERR_UNSUPPORTED, "overlayfs metacopy");
}

static void test_depth(void **state)
{
    struct hx_buf commands = HX_BUF_INIT(1 << 20);

    (void)state;
    for (int i = 0; i < 1002; i++)
        hx_buf_adds(&commands, "mkdir d\ncd d\n");
    expect_error(commands.data, HX_ERR_LIMIT, "deeper than 1000");
    hx_buf_release(&commands);
}

static void test_file_systems_of_others(void **state)
{
    (void)state;
    expect_error("feature needs_recovery\n", HX_ERR_UNSUPPORTED, "a journal");
    expect_error("feature encrypt\n", HX_ERR_UNSUPPORTED, "features");
    expect_error("feature inline_data\n", HX_ERR_UNSUPPORTED, "features");
    make_disk("");
    assert_int_equal(ftruncate(disk, DISK_BYTES / 2), 0);
    assert_int_equal(make_layer(), -HX_ERR_CORRUPT);
    assert_int_equal(ftruncate(disk, 0), 0);
    assert_true(make_layer() < 0);
    assert_int_equal(ftruncate(disk, DISK_BYTES), 0);
    assert_int_equal(make_layer(), -HX_ERR_CORRUPT);
}

/* Bytes of metadata are changed at random, the same ones each time: there is
 * a layer or a sentence, and nothing is read for ever. */
static void test_damage_at_random(void **state)
{
    unsigned seed = 1;

    (void)state;
    make_disk("write long a\nmkdir d\ncd d\nwrite hello b\nsymlink s x\n"
              "ea_set b user.x y\nmknod w c 0 0\ncd ..\nln d/b c\n");
    for (int i = 0; i < FLIPS; i++) {
        unsigned char old[4], bad[4];
        off_t at[4];

        for (int k = 0; k < 4; k++) {
            at[k] = rand_r(&seed) % (400 * 1024);
            assert_int_equal(pread(disk, &old[k], 1, at[k]), 1);
            bad[k] = (unsigned char)rand_r(&seed);
            assert_int_equal(pwrite(disk, &bad[k], 1, at[k]), 1);
        }
        if (make_layer() < 0)
            assert_true(err.code && err.msg[0]);
        for (int k = 3; k >= 0; k--)
            assert_int_equal(pwrite(disk, &old[k], 1, at[k]), 1);
    }
}

/* -- the program ----------------------------------------------------------- */

/* Its exit status; what it says is in the file "said". */
static int run(const char *arguments)
{
    _cleanup_free_ char *line = NULL;
    const char *build = getenv("HX_BUILD");
    int status;

    assert_true(
        asprintf(&line, "%s/bin/mklayer %s >%s/said 8<>%s/layer 9<%s/disk",
                 build ? build : "build", arguments, work, work, work) > 0);
    status = system(line);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void says(const char *words)
{
    char path[128];
    struct hx_buf text;

    snprintf(path, sizeof(path), "%s/said", work);
    assert_int_equal(hx_file_read(path, 1 << 20, &text, NULL), 0);
    if (!text.data || !strstr(text.data, words))
        fail_msg("it said %s", text.data ? text.data : "nothing");
    hx_buf_release(&text);
}

static void test_program(void **state)
{
    (void)state;
    make_disk("write hello f\nmknod gone c 0 0\nea_set f user.a b\n");
    assert_int_equal(make_layer(), 0);
    assert_int_equal(run("--disk-fd 9 --output-fd 8 --folder 0/upper"), 0);
    says(result.diff_id);
    says("\"entries\":2,\"clean\":true}");
    /* The output has something in it by now. */
    assert_int_equal(run("--disk-fd 9 --output-fd 8 --folder 0/upper"), 1);
    says("not an empty file");
    assert_int_equal(run("--disk-fd 9"), 1);
    says("\"usage\"");
    assert_int_equal(run("--disk-fd 7 --output-fd 8 --folder 0/upper"), 1);
    says("not an open file");
    assert_int_equal(run("--help"), 0);
    says("Usage: mklayer");
}

static void test_program_says_what_is_wrong(void **state)
{
    (void)state;
    make_disk("mkdir a\nln a b\n");
    assert_int_equal(run("--disk-fd 9 --output-fd 8 --folder 0/upper"), 1);
    says("{\"error\":{\"code\":\"corrupt\",\"message\":\"the pod's disk is "
         "damaged: /b: a folder that is in two places\"}}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_was_written),
        TEST(test_files_and_folders_in_order),
        TEST(test_types_and_owners),
        TEST(test_a_long_symbolic_link),
        TEST(test_whiteouts),
        TEST(test_attributes),
        TEST(test_hard_links),
        TEST(test_holes),
        TEST(test_the_same_disk_gives_the_same_layer),
        TEST(test_a_killed_pod),
        TEST(test_mkroot_reads_it),
        TEST(test_content_outside),
        TEST(test_folders_that_are_none),
        TEST(test_names_that_are_none),
        TEST(test_inodes_that_are_none),
        TEST(test_hints_of_overlayfs),
        TEST(test_depth),
        TEST(test_file_systems_of_others),
        TEST(test_damage_at_random),
        TEST(test_program),
        TEST(test_program_says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
