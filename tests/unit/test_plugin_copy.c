/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program `copy`: hostile tars, docker cp's rules, and that both ends of
 * hyper-cp understand each other. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pv-init/archive.h"
#include "pv-init/tar.h"
#include "xl-plugin/copy/extract.h"

static char work[64];
static char words[4096]; /* what `copy` said */

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
    strcpy(work, "/tmp/hx-copy-XXXXXX");
    if (!mkdtemp(work))
        return -1;
    return mkdir(at("to"), 0755);
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", work);
    return system(command);
}

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(at(name), "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *read_text(const char *name)
{
    static char data[4096];
    FILE *f = fopen(at(name), "r");

    if (!f)
        fail_msg("%s: %s", name, strerror(errno));
    data[fread(data, 1, sizeof(data) - 1, f)] = '\0';
    fclose(f);
    return data;
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

/* The program's exit status; `tar` is its input or output.  Locked in, it has
 * no /proc, without which leaks cannot be looked for. */
static int copy(const char *arguments)
{
    const char *build = getenv("HX_BUILD");
    char command[16384];
    int status;

    snprintf(command, sizeof(command),
             "ASAN_OPTIONS=detect_leaks=0 %s/bin/copy %s 2>%s/words ",
             build ? build : "build", arguments, work);
    status = system(command);
    snprintf(words, sizeof(words), "%s", read_text("words"));
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int extract_as(const char *option, const char *dest, const char *top)
{
    char arguments[16384];

    snprintf(arguments, sizeof(arguments),
             "extract %s '%s' '%s' <%s/tar >%s/size", option, at(dest), top,
             work, work);
    return copy(arguments);
}

static int extract(const char *dest, const char *top)
{
    return extract_as("", dest, top);
}

static void assert_said(const char *text)
{
    if (!strstr(words, text))
        fail_msg("expected '%s' in '%s'", text, words);
}

/* -- tars as a guest might send them ------------------------------------------
 */

static int open_tar(int flags)
{
    int fd = open(at("tar"), flags | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

static void begin(void)
{
    close(open_tar(O_WRONLY | O_CREAT | O_TRUNC));
}

static struct hx_init_tar_member member_of(const char *path, char type)
{
    struct hx_init_tar_member member = { .type = type, .mode = 0644 };

    snprintf(member.path, sizeof(member.path), "%s", path);
    return member;
}

static void add_member(const struct hx_init_tar_member *member,
                       const char *text)
{
    int fd = open_tar(O_WRONLY | O_APPEND);

    assert_int_equal(hx_init_tar_put_header(fd, member), 0);
    hx_init_write_all(fd, text, strlen(text));
    hx_init_tar_put_padding(fd, strlen(text));
    close(fd);
}

static void add(const char *path, char type, const char *link, const char *text)
{
    struct hx_init_tar_member member = member_of(path, type);

    snprintf(member.link, sizeof(member.link), "%s", link);
    member.size = strlen(text);
    add_member(&member, text);
}

static void finish(void)
{
    int fd = open_tar(O_WRONLY | O_APPEND);

    hx_init_tar_put_end(fd);
    close(fd);
}

/* A tar of one file beside a folder "d". */
static void make(const char *path, const char *text)
{
    begin();
    add("d", HX_INIT_TAR_FOLDER, "", "");
    add(path, HX_INIT_TAR_FILE, "", text);
    finish();
}

static void names_outside_are_refused(void **state)
{
    static const char *const bad[] = {
        "../f", "d/../../f", "d/../d/f", "/f", "/tmp/f", "f", "dd/f", "d/..",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        make(bad[i], "evil");
        assert_int_equal(extract("to", "d"), 1);
        assert_said("the pod's tar has a member");
        assert_false(is_there("f"));
        assert_false(is_there("to/f"));
    }
    assert_false(is_there("/tmp/f"));
}

/* The way out of a folder that a guest would take first. */
static void files_do_not_go_through_links(void **state)
{
    (void)state;
    mkdir(at("out"), 0755);
    write_text("out/victim", "mine");
    begin();
    add("d", HX_INIT_TAR_FOLDER, "", "");
    add("d/l", HX_INIT_TAR_SYMLINK, at("out"), "");
    add("d/l/victim", HX_INIT_TAR_FILE, "", "evil");
    finish();
    assert_int_equal(extract("to", "d"), 1);
    assert_string_equal(read_text("out/victim"), "mine");

    begin();
    add("d", HX_INIT_TAR_FOLDER, "", "");
    add("d/m", HX_INIT_TAR_SYMLINK, "../../out", "");
    add("d/m/new", HX_INIT_TAR_FOLDER, "", "");
    finish();
    assert_int_equal(extract("to", "d"), 1);
    assert_false(is_there("out/new"));

    /* The same with the link as the file's own name: it is replaced. */
    begin();
    add("d", HX_INIT_TAR_FOLDER, "", "");
    add("d/n", HX_INIT_TAR_SYMLINK, at("out/victim"), "");
    add("d/n", HX_INIT_TAR_FILE, "", "evil");
    finish();
    assert_int_equal(extract("to", "d"), 0);
    assert_string_equal(read_text("out/victim"), "mine");
    assert_string_equal(read_text("to/d/n"), "evil");
}

/* What the folder above was replaced by, in the same tar. */
static void a_link_does_not_take_a_folders_place(void **state)
{
    (void)state;
    mkdir(at("out"), 0755);
    begin();
    add("d", HX_INIT_TAR_FOLDER, "", "");
    add("d/x", HX_INIT_TAR_FOLDER, "", "");
    add("d/x", HX_INIT_TAR_SYMLINK, at("out"), "");
    add("d/x/f", HX_INIT_TAR_FILE, "", "evil");
    finish();
    assert_int_equal(extract("to", "d"), 1);
    assert_said("a folder of this name");
    assert_false(is_there("out/f"));

    begin();
    add("d", HX_INIT_TAR_SYMLINK, at("out"), "");
    add("d/f", HX_INIT_TAR_FILE, "", "evil");
    finish();
    assert_int_equal(extract("fresh", "d"), 1);
    assert_false(is_there("out/f"));
}

static void links_of_the_administrator_are_not_followed(void **state)
{
    (void)state;
    mkdir(at("out"), 0755);
    mkdir(at("to/d"), 0755);
    assert_int_equal(symlink("../../out", at("to/d/l")), 0);
    make("d/l/f", "new");
    assert_int_equal(extract("to", "d"), 1);
    assert_said("symbolic link");
    assert_false(is_there("out/f"));
    /* But the destination itself may be one. */
    assert_int_equal(symlink("out", at("way")), 0);
    make("d/f", "new");
    assert_int_equal(extract("way", "d"), 0);
    assert_string_equal(read_text("out/d/f"), "new");
}

static void hard_links_stay_inside(void **state)
{
    static const char *const bad[] = { "/etc/passwd", "../../etc/passwd",
                                       "../victim",   "d/../../victim",
                                       "victim",      "d/l/victim" };

    (void)state;
    write_text("victim", "mine");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin();
        add("d", HX_INIT_TAR_FOLDER, "", "");
        add("d/l", HX_INIT_TAR_SYMLINK, work, "");
        add("d/h", HX_INIT_TAR_HARDLINK, bad[i], "");
        add("d/h", HX_INIT_TAR_FILE, "", "evil");
        finish();
        assert_int_equal(extract("to", "d"), 1);
        assert_false(is_there("to/d/h"));
    }
    assert_string_equal(read_text("victim"), "mine");
}

static void devices_are_left_out_and_told(void **state)
{
    struct hx_init_tar_member device = member_of("d/sda", HX_INIT_TAR_BLOCKDEV);

    (void)state;
    device.major = 8;
    begin();
    add("d", HX_INIT_TAR_FOLDER, "", "");
    add_member(&device, "");
    add("d/f", HX_INIT_TAR_FILE, "", "text");
    finish();
    assert_int_equal(extract_as("-a", "to", "d"), 1);
    assert_said("1 devices of the pod were left out");
    assert_false(is_there("to/d/sda"));
    assert_string_equal(read_text("to/d/f"), "text");
}

static void no_program_becomes_anybody_else(void **state)
{
    struct hx_init_tar_member file = member_of("f", HX_INIT_TAR_FILE);

    (void)state;
    file.mode = 06755;
    file.uid = 1000;
    file.gid = 1001;
    begin();
    add_member(&file, "");
    finish();
    assert_int_equal(extract("to", "f"), 0);
    assert_int_equal(stat_of("to/f").st_mode, S_IFREG | 0755);
    assert_int_equal(stat_of("to/f").st_uid, geteuid());
    if (geteuid() != 0)
        return;
    assert_int_equal(extract_as("-a", "to", "f"), 0);
    assert_int_equal(stat_of("to/f").st_mode, S_IFREG | 06755);
    assert_int_equal(stat_of("to/f").st_uid, 1000);
    assert_int_equal(stat_of("to/f").st_gid, 1001);
}

/* They stand in our own sentences, and those on a terminal. */
static void names_cannot_move_the_cursor(void **state)
{
    (void)state;
    make("\033]0;evil\007/f", "x");
    assert_int_equal(extract("to", "d"), 1);
    assert_null(strpbrk(words, "\033\007"));
}

static void long_names_are_refused(void **state)
{
    char name[5000];
    int fd;
    struct hx_init_tar_member header = member_of("long", 'L');

    (void)state;
    memset(name, 'n', sizeof(name));
    memcpy(name, "d/", 2);
    name[2 + 256] = '\0';
    make(name, "x");
    assert_int_equal(extract("to", "d"), 1);

    /* 4999 bytes, and one that is said to have a gigabyte. */
    name[2 + 256] = 'n';
    name[4999] = '\0';
    for (size_t i = 100; i < 4999; i += 100)
        name[i] = '/';
    begin();
    header.size = 5000;
    fd = open_tar(O_WRONLY);
    hx_init_tar_put_header(fd, &header);
    hx_init_write_all(fd, name, 5000);
    hx_init_tar_put_padding(fd, 5000);
    close(fd);
    add("short", HX_INIT_TAR_FILE, "", "x");
    finish();
    assert_int_equal(extract("to", "d"), 1);
    begin();
    header.size = 1 << 30;
    add_member(&header, name);
    assert_int_equal(extract("to", "d"), 1);
}

/* Members without end: a bound of their number. */
static void members_are_counted(void **state)
{
    struct hx_destination dest;
    struct hx_extract how = { .dest = &dest, .top = "d", .members_max = 10 };
    struct hx_err err = { 0 };
    uint64_t bytes;
    char name[16];
    int fd;

    (void)state;
    begin();
    add("d", HX_INIT_TAR_FOLDER, "", "");
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "d/%u", i);
        add(name, HX_INIT_TAR_FILE, "", "");
    }
    finish();
    assert_int_equal(hx_destination_find(at("to"), "d", &dest, &err), 0);
    fd = open_tar(O_RDONLY);
    assert_int_equal(hx_extract(&how, fd, &bytes, &err), -HX_ERR_LIMIT);
    close(fd);
    hx_destination_release(&dest);
    assert_true(is_there("to/d/8"));
    assert_false(is_there("to/d/9"));
}

static void cut_and_damaged_tars_are_no_success(void **state)
{
    struct stat st;

    (void)state;
    make("d/f", "some text of a file");
    st = stat_of("tar");
    for (off_t len = st.st_size - 1024 - 500; len >= 0; len -= 300) {
        assert_int_equal(truncate(at("tar"), len), 0);
        assert_int_equal(extract("to", "d"), 1);
    }
    begin();
    assert_int_equal(extract("to", "d"), 1);
    assert_said("nothing");
    write_text("tar", "this is not a tar, whatever it may be");
    assert_int_equal(extract("to", "d"), 1);
    assert_int_equal(extract("to", "a/b"), 1);
    assert_int_equal(extract("to", ".."), 1);
    assert_int_equal(extract("to", ""), 1);
}

/* -- docker cp's rules --------------------------------------------------------
 */

static void a_copy_gets_its_name_by_what_is_there(void **state)
{
    (void)state;
    write_text("file", "old");
    begin();
    add("f", HX_INIT_TAR_FILE, "", "new");
    finish();
    assert_int_equal(extract("to", "f"), 0);
    assert_string_equal(read_text("to/f"), "new");
    assert_int_equal(extract("to/", "f"), 0);
    assert_int_equal(extract("to/name", "f"), 0);
    assert_string_equal(read_text("to/name"), "new");
    assert_int_equal(extract("file", "f"), 0);
    assert_string_equal(read_text("file"), "new");
    assert_int_equal(extract("no/", "f"), 1);
    assert_said("there is no such folder");
    assert_int_equal(extract("no/name", "f"), 1);
    assert_int_equal(extract("file/", "f"), 1);

    make("d/f", "in d");
    assert_int_equal(extract("to", "d"), 0);
    assert_string_equal(read_text("to/d/f"), "in d");
    assert_int_equal(extract("fresh/", "d"), 0);
    assert_string_equal(read_text("fresh/f"), "in d");
    assert_int_equal(extract("file", "d"), 1);
    assert_string_equal(read_text("file"), "new");
    assert_int_equal(extract("to/f", "d"), 1);

    begin();
    add(".", HX_INIT_TAR_FOLDER, "", "");
    add("./f", HX_INIT_TAR_FILE, "", "content");
    finish();
    assert_int_equal(extract("to", "."), 0);
    assert_string_equal(read_text("to/f"), "content");
    assert_int_equal(extract("fresher", "."), 0);
    assert_string_equal(read_text("fresher/f"), "content");
}

static void a_folder_that_is_there_stays_as_it_is(void **state)
{
    struct hx_init_tar_member folder = member_of("d", HX_INIT_TAR_FOLDER);

    (void)state;
    mkdir(at("to/d"), 0700);
    folder.mode = 0777;
    begin();
    add_member(&folder, "");
    finish();
    assert_int_equal(extract("to", "d"), 0);
    assert_int_equal(stat_of("to/d").st_mode & 07777, 0700);
}

/* -- both ends ----------------------------------------------------------------
 */

static void make_tree(void)
{
    const struct timespec times[2] = { { 5, 0 }, { 1234567890, 123456789 } };
    char longer[200] = "d/sub/";

    memset(longer + 6, 'n', sizeof(longer) - 7);
    strcpy(longer + sizeof(longer) - 4, "\xc3\xa4\xff");
    mkdir(at("d"), 0755);
    mkdir(at("d/sub"), 0750);
    write_text("d/f", "text");
    chmod(at("d/f"), 0640);
    utimensat(AT_FDCWD, at("d/f"), times, 0);
    write_text(longer, "long");
    assert_int_equal(link(at("d/f"), at("d/sub/hard")), 0);
    assert_int_equal(symlink("sub/../f", at("d/sym")), 0);
    mkfifo(at("d/fifo"), 0600);
    setxattr(at("d/f"), "user.note", "v\n\0", 3, 0);
    utimensat(AT_FDCWD, at("d/sub"), times, 0);
}

static void compare_trees(void)
{
    char command[512];

    snprintf(command, sizeof(command),
             "cd %s && diff <(cd d && find . -printf '%%P %%y %%m %%n %%s "
             "%%T@ %%l\\n' | sed 's/^ d .*//' | sort) <(cd to/d && find . "
             "-printf '%%P %%y %%m %%n %%s %%T@ %%l\\n' | sed 's/^ d .*//' | "
             "sort)",
             work);
    execlp("bash", "bash", "-c", command, (char *)NULL);
    _exit(127);
}

static void assert_same_trees(void)
{
    char value[8];
    int status;
    pid_t pid = fork();

    if (pid == 0)
        compare_trees();
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    if (getxattr(at("d/f"), "user.note", value, sizeof(value)) == 3)
        assert_int_equal(
            getxattr(at("to/d/f"), "user.note", value, sizeof(value)), 3);
}

static void what_a_guest_sends_is_understood(void **state)
{
    struct hx_init_err err;
    int fd;

    (void)state;
    make_tree();
    begin();
    fd = open_tar(O_WRONLY);
    if (hx_init_archive_get(at("d"), false, fd, &err) < 0)
        fail_msg("%s", err.msg);
    close(fd);
    if (extract_as("-a", "to", "d") != 0)
        fail_msg("%s", words);
    assert_same_trees();
}

static int create(const char *options, const char *path, const char *top)
{
    char arguments[16384];

    snprintf(arguments, sizeof(arguments), "create %s '%s' '%s' >%s/tar",
             options, at(path), top, work);
    return copy(arguments);
}

static void put_into_guest(const char *top)
{
    const struct hx_init_archive_put how = { at("to"), top, true };
    struct hx_init_err err;
    int fd = open_tar(O_RDONLY);

    if (hx_init_archive_put(&how, fd, &err) < 0)
        fail_msg("%s", err.msg);
    close(fd);
    umask(022);
}

static void a_guest_understands_what_is_sent(void **state)
{
    (void)state;
    make_tree();
    if (create("", "d", "d") != 0)
        fail_msg("%s", words);
    put_into_guest("d");
    assert_same_trees();
    if (create("", "d/.", ".") != 0)
        fail_msg("%s", words);
    put_into_guest(".");
    assert_string_equal(read_text("to/f"), "text");
}

static void links_to_be_sent(void **state)
{
    (void)state;
    mkdir(at("d"), 0755);
    write_text("d/f", "text");
    assert_int_equal(symlink("d", at("l")), 0);
    assert_int_equal(create("", "l", "l"), 0);
    put_into_guest("l");
    assert_true(S_ISLNK(stat_of("to/l").st_mode));
    unlink(at("to/l"));
    assert_int_equal(create("-L", "l", "l"), 0);
    put_into_guest("l");
    assert_string_equal(read_text("to/l/f"), "text");
    assert_int_equal(create("", "l/.", "."), 0);
    put_into_guest(".");
    assert_string_equal(read_text("to/f"), "text");
    assert_int_equal(create("", "no", "no"), 1);
    assert_said("No such file");
    assert_int_equal(create("", "d/f", "."), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(names_outside_are_refused),
        TEST(files_do_not_go_through_links),
        TEST(a_link_does_not_take_a_folders_place),
        TEST(links_of_the_administrator_are_not_followed),
        TEST(hard_links_stay_inside),
        TEST(devices_are_left_out_and_told),
        TEST(no_program_becomes_anybody_else),
        TEST(names_cannot_move_the_cursor),
        TEST(long_names_are_refused),
        TEST(members_are_counted),
        TEST(cut_and_damaged_tars_are_no_success),
        TEST(a_copy_gets_its_name_by_what_is_there),
        TEST(a_folder_that_is_there_stays_as_it_is),
        TEST(what_a_guest_sends_is_understood),
        TEST(a_guest_understands_what_is_sent),
        TEST(links_to_be_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
