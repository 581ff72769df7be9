/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tar that pv-init writes and reads for images without one. */
#include "tests/unit/unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pv-init/archive.h"
#include "pv-init/tar.h"

static char work[64];
static struct hx_init_err err;

static const char *at(const char *name)
{
    static char paths[8][8192];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", work, name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(work, "/tmp/hx-archive-XXXXXX");
    return mkdtemp(work) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", work);
    return system(command);
}

static void make_link(const char *target, const char *name)
{
    assert_int_equal(symlink(target, at(name)), 0);
}

static void write_file(const char *name, const void *data, size_t len)
{
    FILE *f = fopen(at(name), "w");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static void assert_text(const char *name, const char *want)
{
    char data[256] = { 0 };
    FILE *f = fopen(at(name), "r");

    if (!f)
        fail_msg("%s: %s", name, strerror(errno));
    data[fread(data, 1, sizeof(data) - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(data, want);
}

static bool is_there(const char *name)
{
    struct stat st;

    return lstat(at(name), &st) == 0;
}

static struct stat stat_of(const char *name)
{
    struct stat st;

    if (lstat(at(name), &st) < 0)
        fail_msg("%s: %s", name, strerror(errno));
    return st;
}

static int open_tar(int flags)
{
    int fd = open(at("tar"), flags | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

/* Writes the file `tar`. */
static int get(const char *path, bool follow)
{
    int fd = open_tar(O_WRONLY | O_CREAT | O_TRUNC);
    int r = hx_init_archive_get(path, follow, fd, &err);

    close(fd);
    return r;
}

static int put_as(const char *dest, const char *top, bool keep_owner)
{
    const struct hx_init_archive_put how = { dest, top, keep_owner };
    int fd = open_tar(O_RDONLY);
    int r = hx_init_archive_put(&how, fd, &err);

    close(fd);
    umask(022);
    return r;
}

static int put(const char *dest, const char *top)
{
    return put_as(dest, top, false);
}

/* The names in `tar` as another reader sees them, one a line, sorted by it. */
static const char *names(void)
{
    static char text[65536];
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    int r, used = 0;

    text[0] = '\0';
    archive_read_support_format_tar(a);
    assert_int_equal(archive_read_open_filename(a, at("tar"), 10240),
                     ARCHIVE_OK);
    while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        used += snprintf(text + used, sizeof(text) - (size_t)used, "%s\n",
                         archive_entry_pathname(entry));
        if (used >= (int)sizeof(text)) /* a long list is only counted */
            used = 0;
    }
    if (r != ARCHIVE_EOF)
        fail_msg("%s", archive_error_string(a));
    archive_read_free(a);
    return text;
}

static void names_begin_with_the_last_component(void **state)
{
    (void)state;
    mkdir(at("d"), 0755);
    write_text("d/f", "x");
    make_link("d", "l");
    assert_int_equal(get(at("d"), false), 0);
    assert_string_equal(names(), "d/\nd/f\n");
    assert_int_equal(get(at("d/"), false), 0);
    assert_string_equal(names(), "d/\nd/f\n");
    assert_int_equal(get(at("d/."), false), 0);
    assert_string_equal(names(), "./\n./f\n");
    assert_int_equal(get(at("d/f"), false), 0);
    assert_string_equal(names(), "f\n");
    assert_int_equal(get(at("l"), false), 0);
    assert_string_equal(names(), "l\n");
    assert_int_equal(get(at("l"), true), 0);
    assert_string_equal(names(), "l/\nl/f\n");
    assert_int_equal(get(at("l/"), false), 0);
    assert_string_equal(names(), "l/\nl/f\n");
    assert_int_equal(get(at("l/."), false), 0);
    assert_string_equal(names(), "./\n./f\n");
}

static void what_cannot_be_got_is_told(void **state)
{
    (void)state;
    write_text("f", "x");
    assert_int_equal(get(at("no"), false), -1);
    assert_non_null(strstr(err.msg, "No such file"));
    assert_int_equal(get(at("f/"), false), -1);
    assert_int_equal(get("f", false), -1);
    assert_int_equal(get(at(".."), false), -1);
    assert_int_equal(get("/proc/self/status", false), -1);
    assert_non_null(strstr(err.msg, "hyper-exec"));
}

/* All kinds, there and back. */
static void a_tree_comes_back_as_it_was(void **state)
{
    const struct timespec times[2] = { { 5, 0 }, { 1234567890, 123456789 } };
    char longer[300], data[40000];
    struct stat st;

    (void)state;
    mkdir(at("d"), 0755);
    mkdir(at("d/sub"), 0700);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 7 + i / 256);
    write_file("d/data", data, sizeof(data));
    write_text("d/empty", "");
    chmod(at("d/data"), 04751);
    utimensat(AT_FDCWD, at("d/data"), times, 0);
    memset(longer, 'n', sizeof(longer));
    memcpy(longer, "d/sub/", 6);
    strcpy(longer + 200, "\xc3\xa4\xff");
    write_text(longer, "long");
    make_link(longer, "d/link");
    assert_int_equal(link(at("d/data"), at("d/other")), 0);
    mkfifo(at("d/fifo"), 0600);
    chmod(at("d/fifo"), 0620);
    setxattr(at("d/data"), "user.note", "a=b\n\0c", 6, 0);
    utimensat(AT_FDCWD, at("d/sub"), times, 0);

    if (get(at("d"), false) < 0)
        fail_msg("%s", err.msg);
    mkdir(at("new"), 0755);
    if (put_as(at("new"), "d", true) < 0)
        fail_msg("%s", err.msg);
    st = stat_of("new/d/data");
    assert_int_equal(st.st_mode, S_IFREG | 04751);
    assert_int_equal(st.st_size, sizeof(data));
    assert_int_equal(st.st_mtim.tv_sec, 1234567890);
    assert_int_equal(st.st_mtim.tv_nsec, 123456789);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(st.st_ino, stat_of("new/d/other").st_ino);
    st = stat_of("new/d/sub");
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_int_equal(st.st_mtim.tv_nsec, 123456789);
    assert_int_equal(stat_of("new/d/fifo").st_mode, S_IFIFO | 0620);
    assert_int_equal(stat_of("new/d/empty").st_size, 0);
    snprintf(data, sizeof(data), "new/%s", longer);
    assert_text(data, "long");
    data[readlink(at("new/d/link"), data, sizeof(data) - 1)] = '\0';
    assert_string_equal(data, longer);
    if (getxattr(at("d/data"), "user.note", data, 64) == 6) {
        assert_int_equal(getxattr(at("new/d/data"), "user.note", data, 64), 6);
        assert_memory_equal(data, "a=b\n\0c", 6);
    }
}

/* As docker cp has it. */
static void what_is_put_gets_its_name_by_what_is_there(void **state)
{
    (void)state;
    mkdir(at("d"), 0755);
    write_text("d/f", "new");
    mkdir(at("to"), 0755);
    write_text("file", "old");
    make_link("file", "way");

    assert_int_equal(get(at("d/f"), false), 0);
    assert_int_equal(put(at("to"), "f"), 0);
    assert_text("to/f", "new");
    assert_int_equal(put(at("to/name"), "f"), 0);
    assert_text("to/name", "new");
    assert_int_equal(put(at("way"), "f"), 0);
    assert_text("file", "new");
    assert_true(S_ISLNK(stat_of("way").st_mode));
    assert_int_equal(put(at("no/"), "f"), -1);
    assert_int_equal(put(at("no/name"), "f"), -1);

    assert_int_equal(get(at("d"), false), 0);
    assert_int_equal(put(at("to"), "d"), 0);
    assert_text("to/d/f", "new");
    assert_int_equal(put(at("fresh"), "d"), 0);
    assert_text("fresh/f", "new");
    assert_int_equal(put(at("file"), "d"), -1);
    assert_non_null(strstr(err.msg, "is no folder"));

    assert_int_equal(get(at("d/."), false), 0);
    assert_int_equal(put(at("to"), "."), 0);
    assert_text("to/f", "new");
    assert_int_equal(put(at("fresher"), "."), 0);
    assert_text("fresher/f", "new");
    assert_int_equal(put(at("to"), NULL), 0);
    assert_int_equal(put(at("file"), NULL), -1);
}

static void a_folder_and_a_file_do_not_replace_each_other(void **state)
{
    (void)state;
    mkdir(at("d"), 0755);
    mkdir(at("d/x"), 0755);
    mkdir(at("to"), 0755);
    mkdir(at("to/d"), 0755);
    write_text("to/d/x", "file");
    assert_int_equal(get(at("d"), false), 0);
    assert_int_equal(put(at("to"), "d"), -1);
    assert_text("to/d/x", "file");
    rmdir(at("d/x"));
    write_text("d/x", "new");
    unlink(at("to/d/x"));
    mkdir(at("to/d/x"), 0755);
    assert_int_equal(get(at("d"), false), 0);
    assert_int_equal(put(at("to"), "d"), -1);
    assert_true(S_ISDIR(stat_of("to/d/x").st_mode));
}

/* A deep tree needs no memory to speak of, and as many descriptors as there
 * are. */
static void deep_trees_end_somewhere(void **state)
{
    int here = open(at("."), O_RDONLY | O_DIRECTORY);

    (void)state;
    for (unsigned i = 0; i < 2100; i++) {
        int next;

        assert_int_equal(mkdirat(here, "d", 0755), 0);
        next = openat(here, "d", O_RDONLY | O_DIRECTORY);
        close(here);
        here = next;
    }
    close(here);
    assert_int_equal(get(at("d"), false), -1);
    assert_non_null(strstr(err.msg, "name too long"));
    names();
}

/* What GNU tar writes of old: long names in members of their own. */
static void gnu_names_are_read(void **state)
{
    char name[300];
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();

    (void)state;
    memset(name, 'g', sizeof(name));
    name[200] = '/';
    name[299] = '\0';
    archive_write_set_format_gnutar(a);
    archive_write_open_filename(a, at("tar"));
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, 2);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    archive_write_data(a, "ok", 2);
    archive_entry_free(entry);
    archive_write_free(a);
    if (put(work, NULL) < 0)
        fail_msg("%s", err.msg);
    assert_text(name, "ok");
}

/* -- tars that nobody should send ---------------------------------------------
 */

static void begin(void)
{
    close(open_tar(O_WRONLY | O_CREAT | O_TRUNC));
}

static void add(const char *path, char type, const char *link, const char *text)
{
    struct hx_init_tar_member member = { .type = type, .mode = 0644 };
    int fd = open_tar(O_WRONLY | O_APPEND);

    strcpy(member.path, path);
    strcpy(member.link, link);
    member.size = strlen(text);
    assert_int_equal(hx_init_tar_put_header(fd, &member), 0);
    hx_init_write_all(fd, text, strlen(text));
    hx_init_tar_put_padding(fd, strlen(text));
    close(fd);
}

static void add_raw(const void *data, size_t len)
{
    int fd = open_tar(O_WRONLY | O_APPEND);

    hx_init_write_all(fd, data, len);
    close(fd);
}

static void finish(void)
{
    int fd = open_tar(O_WRONLY | O_APPEND);

    hx_init_tar_put_end(fd);
    close(fd);
}

static void dots_are_refused(void **state)
{
    static const char *const bad[] = { "../f", "d/../../f", "d/..", ".." };

    (void)state;
    mkdir(at("to"), 0755);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin();
        add(bad[i], HX_INIT_TAR_FILE, "", "x");
        finish();
        assert_int_equal(put(at("to"), NULL), -1);
        assert_non_null(strstr(err.msg, ".."));
    }
    assert_false(is_there("f"));
    begin();
    add("/f", HX_INIT_TAR_FILE, "", "below");
    add("h", HX_INIT_TAR_HARDLINK, "../f", "");
    finish();
    assert_int_equal(put(at("to"), NULL), -1);
    assert_text("to/f", "below");
}

static void only_the_member_asked_for_is_taken(void **state)
{
    (void)state;
    mkdir(at("to"), 0755);
    begin();
    add("d", HX_INIT_TAR_FOLDER, "", "");
    add("dd", HX_INIT_TAR_FILE, "", "x");
    finish();
    assert_int_equal(put(at("to"), "d"), -1);
    assert_false(is_there("to/dd"));
    assert_int_equal(put(at("to"), "a/b"), -1);
    assert_int_equal(put(at("to"), ".."), -1);
    assert_int_equal(put(at("to"), ""), -1);
}

/* A file does not go through a link in its place. */
static void links_are_replaced_and_not_written_through(void **state)
{
    (void)state;
    mkdir(at("to"), 0755);
    write_text("victim", "mine");
    begin();
    add("l", HX_INIT_TAR_SYMLINK, at("victim"), "");
    add("l", HX_INIT_TAR_FILE, "", "yours");
    finish();
    assert_int_equal(put(at("to"), NULL), 0);
    assert_text("victim", "mine");
    assert_text("to/l", "yours");
}

static void cut_tars_are_no_success(void **state)
{
    struct stat st;

    (void)state;
    mkdir(at("to"), 0755);
    begin();
    add("f", HX_INIT_TAR_FILE, "", "some text");
    finish();
    st = stat_of("tar");
    for (off_t len = st.st_size - 1024; len >= 0; len -= 100) {
        assert_int_equal(truncate(at("tar"), len), 0);
        assert_int_equal(put(at("to"), NULL), -1);
    }
    begin();
    finish();
    assert_int_equal(put(at("to"), "f"), -1);
    assert_non_null(strstr(err.msg, "empty"));
}

static void damage_is_found(void **state)
{
    char block[HX_INIT_TAR_BLOCK];
    struct hx_init_tar_member member = { .path = "f", .type = 'S' };
    int fd;

    (void)state;
    begin();
    memset(block, 'x', sizeof(block));
    add_raw(block, sizeof(block));
    assert_int_equal(put(work, NULL), -1);
    assert_non_null(strstr(err.msg, "this is no tar"));

    begin();
    fd = open_tar(O_WRONLY);
    hx_init_tar_put_header(fd, &member);
    close(fd);
    assert_int_equal(put(work, NULL), -1);
    assert_non_null(strstr(err.msg, "'S'"));

    /* A long name of a gigabyte. */
    begin();
    fd = open_tar(O_WRONLY);
    member.type = 'L';
    member.size = 1 << 30;
    hx_init_tar_put_header(fd, &member);
    close(fd);
    assert_int_equal(put(work, NULL), -1);
    assert_non_null(strstr(err.msg, "header of 1073741824 bytes"));
}

static void add_record(const char *record, size_t len)
{
    struct hx_init_tar_member member = { .path = "x", .type = 'x' };
    int fd = open_tar(O_WRONLY | O_APPEND);

    member.size = len;
    hx_init_tar_put_header(fd, &member);
    hx_init_write_all(fd, record, len);
    hx_init_tar_put_padding(fd, len);
    close(fd);
}

static void pax_records(void **state)
{
    static const struct {
        const char *record;
        int result;
    } cases[] = {
        { "11 path=abc\n", -1 },
        { "12 path=abc\n", 0 },
        { "13 path=abc\n", -1 },
        { "999999999 path=abc\n", -1 },
        { "12 path=abc", -1 },
        { "path=abc\n", -1 },
        { "6 abc\n", -1 },
        { "8 path=\n", -1 },
        { "10 size=x\n", -1 },
        { "31 size=99999999999999999999999\n", -1 },
        { "23 mtime=1234567890.25\n", 0 },
        { "14 mtime=-1.5\n", 0 },
        { "12 mtime=1.x\n", -1 },
        { "18 uid=4294967295\n", -1 },
        { "18 uid=4294967294\n", 0 },
        { "16 comment=word\n", 0 },
        { "22 GNU.sparse.major=1\n", -1 },
    };

    (void)state;
    mkdir(at("to"), 0755);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin();
        add_record(cases[i].record, strlen(cases[i].record));
        add("f", HX_INIT_TAR_FILE, "", "");
        finish();
        if (put(at("to"), NULL) != cases[i].result)
            fail_msg("'%s': %s", cases[i].record, err.msg);
    }
    assert_true(is_there("to/abc"));
}

static void times_before_1970_and_large_numbers(void **state)
{
    struct hx_init_tar_member member = {
        .path = "f",
        .type = HX_INIT_TAR_FILE,
        .mtime_s = -2,
        .mtime_ns = 750000000,
        .uid = 3000000,
        .gid = 4000000,
        .size = UINT64_C(9) << 30,
    };
    struct hx_init_tar_member got = { 0 };
    struct hx_init_tar_reader reader = { 0 };

    (void)state;
    begin();
    reader.in = open_tar(O_RDWR);
    assert_int_equal(hx_init_tar_put_header(reader.in, &member), 0);
    lseek(reader.in, 0, SEEK_SET);
    if (hx_init_tar_next(&reader, &got, &err) != 1)
        fail_msg("%s", err.msg);
    assert_int_equal(got.mtime_s, -2);
    assert_int_equal(got.mtime_ns, 750000000);
    assert_int_equal(got.uid, 3000000);
    assert_int_equal(got.gid, 4000000);
    assert_int_equal(got.size, UINT64_C(9) << 30);
    close(reader.in);
    hx_init_tar_release(&got);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(names_begin_with_the_last_component),
        TEST(what_cannot_be_got_is_told),
        TEST(a_tree_comes_back_as_it_was),
        TEST(what_is_put_gets_its_name_by_what_is_there),
        TEST(a_folder_and_a_file_do_not_replace_each_other),
        TEST(deep_trees_end_somewhere),
        TEST(gnu_names_are_read),
        TEST(dots_are_refused),
        TEST(only_the_member_asked_for_is_taken),
        TEST(links_are_replaced_and_not_written_through),
        TEST(cut_tars_are_no_success),
        TEST(damage_is_found),
        TEST(pax_records),
        TEST(times_before_1970_and_large_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
