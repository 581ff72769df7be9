/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "image/manifest.h"
#include "image/pull/report.h"

#define MEMBERS_MAX    20000
#define NAME_MAX_BYTES 1024
#define LINKS_MAX      8
#define READ_BYTES     ((size_t)256 << 10)
/* As mkroot has it for a layer: past the first, by at most this factor. */
#define RATIO_FREE_BYTES (INT64_C(1) << 30)
#define RATIO_MAX        200

struct member {
    char *name;
    char *link;    /* of a symbolic or hard link: where it leads, as a name */
    int spooled;   /* file of its number in the temporary folder */
    size_t number; /* among all entries */
};

struct hx_archive {
    char *what;
    int fd;
    uint64_t total_bytes; /* of the file; 0 for a stream */
    int lazy;             /* a plain file: members can be read from it again */
    char *folder;
    int folder_fd; /* holds the folder's lock */
    struct member *members;
    size_t count, room;
};

/* Plain names: "./a//b" is "a/b"; NULL when it leaves the archive. */
static char *plain_name(const char *name)
{
    char *out = malloc(strlen(name) + 1), *end = out;

    if (!out)
        return NULL;
    while (*name) {
        size_t len = strcspn(name, "/");

        if (len == 2 && strncmp(name, "..", 2) == 0) {
            if (end == out) {
                free(out);
                return NULL;
            }
            while (end > out && *--end != '/')
                ;
        } else if (len && !(len == 1 && *name == '.')) {
            if (end > out)
                *end++ = '/';
            memcpy(end, name, len);
            end += len;
        }
        name += len;
        name += strspn(name, "/");
    }
    *end = '\0';
    return out;
}

/* Where a symbolic link in the folder of `name` leads. */
static char *link_name(const char *name, const char *target)
{
    const char *slash = strrchr(name, '/');
    _cleanup_free_ char *joined = NULL;

    if (target[0] == '/' || !slash)
        return plain_name(target);
    if (asprintf(&joined, "%.*s/%s", (int)(slash - name), name, target) < 0) {
        joined = NULL;
        return NULL;
    }
    return plain_name(joined);
}

/* The last member of a name counts, as when it were unpacked. */
static struct member *find(const struct hx_archive *archive, const char *name)
{
    for (int links = 0; links < LINKS_MAX; links++) {
        struct member *found = NULL;

        for (size_t i = archive->count; i > 0 && !found; i--) {
            if (strcmp(archive->members[i - 1].name, name) == 0)
                found = &archive->members[i - 1];
        }
        if (!found || !found->link)
            return found;
        name = found->link;
    }
    return NULL;
}

static int broken(const struct hx_archive *archive, struct archive *tar,
                  struct hx_err *err)
{
    const char *why = archive_error_string(tar);

    return hx_err_set(err, HX_ERR_CORRUPT,
                      "%s: it is no tar archive, or is not whole: %s",
                      archive->what, why ? why : "unreadable");
}

/* The outer reader: tar, and the filters that docker load takes.  One that
 * libarchive was built without warns here, and would start a program. */
static struct archive *new_reader(void)
{
    struct archive *tar = archive_read_new();

    if (tar && archive_read_support_format_tar(tar) == ARCHIVE_OK &&
        archive_read_support_filter_gzip(tar) == ARCHIVE_OK &&
        archive_read_support_filter_zstd(tar) == ARCHIVE_OK &&
        archive_read_support_filter_bzip2(tar) == ARCHIVE_OK &&
        archive_read_support_filter_xz(tar) == ARCHIVE_OK)
        return tar;
    archive_read_free(tar);
    return NULL;
}

static struct archive *open_reader(const struct hx_archive *archive,
                                   struct hx_err *err)
{
    struct archive *tar = new_reader();

    if (!tar) {
        hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", archive->what);
        return NULL;
    }
    if (archive_read_open_fd(tar, archive->fd, READ_BYTES) != ARCHIVE_OK) {
        broken(archive, tar, err);
        archive_read_free(tar);
        return NULL;
    }
    return tar;
}

/* The next header: 1, or 0 at the end. */
static int next_entry(const struct hx_archive *archive, struct archive *tar,
                      struct archive_entry **entry_r, struct hx_err *err)
{
    int r = archive_read_next_header(tar, entry_r);

    if (r == ARCHIVE_EOF)
        return 0;
    if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
        return broken(archive, tar, err);
    return 1;
}

/* What is unpacked goes to the disk before anything is known of it. */
static int check_bytes(const struct hx_archive *archive, struct archive *tar,
                       struct hx_err *err)
{
    int64_t packed = archive_filter_bytes(tar, -1);
    int64_t unpacked = archive_filter_bytes(tar, 0);

    /* Of a plain file only small members are copied. */
    if (archive->lazy)
        return 0;
    if (unpacked > (int64_t)HX_LAYERS_MAX_BYTES)
        return hx_err_set(err, HX_ERR_LIMIT, "%s: it is larger than %llu GiB",
                          archive->what,
                          (unsigned long long)(HX_LAYERS_MAX_BYTES >> 30));
    if (unpacked > RATIO_FREE_BYTES && unpacked / RATIO_MAX > packed)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s: it unpacks to more than %d times its size",
                          archive->what, RATIO_MAX);
    return 0;
}

/* The content of the current entry; holes stay holes. */
static int copy_out(const struct hx_archive *archive, struct archive *tar,
                    int fd, int64_t size, struct hx_err *err)
{
    for (;;) {
        const void *data;
        size_t len;
        la_int64_t at;
        int r = archive_read_data_block(tar, &data, &len, &at);

        if (r == ARCHIVE_EOF)
            break;
        if (r != ARCHIVE_OK)
            return broken(archive, tar, err);
        r = check_bytes(archive, tar, err);
        if (r < 0)
            return r;
        if (lseek(fd, at, SEEK_SET) < 0 || hx_write_all(fd, data, len) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "%s: writing a temporary file", archive->what);
        /* Bytes of the file, also of a compressed one. */
        hx_report_progress("reading", archive->what,
                           (uint64_t)archive_filter_bytes(tar, -1),
                           archive->total_bytes);
    }
    if (ftruncate(fd, size) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "%s: writing a temporary file", archive->what);
    return 0;
}

static int spool_name(const struct member *member, char name[24])
{
    return snprintf(name, 24, "%zu", member->number);
}

static int spool(const struct hx_archive *archive, struct archive *tar,
                 struct archive_entry *entry, struct member *member,
                 struct hx_err *err)
{
    _cleanup_close_ int fd = -1;
    char name[24];
    int rc;

    spool_name(member, name);
    fd = openat(archive->folder_fd, name,
                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "%s: writing a temporary file", archive->what);
    rc = copy_out(archive, tar, fd, archive_entry_size(entry), err);
    if (rc == 0)
        member->spooled = 1;
    return rc;
}

static int out_of_memory(const struct hx_archive *archive, struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", archive->what);
}

/* Room for one more; its name and number are set. */
static struct member *add_member(struct hx_archive *archive, const char *name,
                                 size_t number, struct hx_err *err)
{
    struct member *member;

    if (archive->count == MEMBERS_MAX || strlen(name) > NAME_MAX_BYTES) {
        hx_err_set(err, HX_ERR_LIMIT,
                   "%s: more than %d files, or a name of more than %d bytes",
                   archive->what, MEMBERS_MAX, NAME_MAX_BYTES);
        return NULL;
    }
    if (archive->count == archive->room) {
        size_t room = archive->room ? archive->room * 2 : 64;
        struct member *more = realloc(archive->members, room * sizeof(*more));

        if (!more) {
            out_of_memory(archive, err);
            return NULL;
        }
        archive->members = more;
        archive->room = room;
    }
    member = &archive->members[archive->count];
    *member = (struct member){ .name = plain_name(name), .number = number };
    if (!member->name) {
        hx_err_set(err, HX_ERR_CORRUPT, "%s: the name '%.100s' leaves the tar",
                   archive->what, name);
        return NULL;
    }
    archive->count++;
    return member;
}

static int take_entry(struct hx_archive *archive, struct archive *tar,
                      struct archive_entry *entry, size_t number,
                      struct hx_err *err)
{
    const char *name = archive_entry_pathname(entry);
    const char *hard = archive_entry_hardlink(entry);
    const char *soft = archive_entry_symlink(entry);
    struct member *member;

    if (!name || (!hard && !soft && archive_entry_filetype(entry) != AE_IFREG))
        return 0;
    member = add_member(archive, name, number, err);
    if (!member)
        return err ? -(int)err->code : -HX_ERR_LIMIT;
    if (hard || soft) {
        member->link = hard ? plain_name(hard) : link_name(member->name, soft);
        /* One that leads out leads nowhere. */
        if (!member->link)
            member->link = strdup(member->name);
        return member->link ? 0 : out_of_memory(archive, err);
    }
    if (archive->lazy &&
        archive_entry_size(entry) > (la_int64_t)HX_MANIFEST_MAX_BYTES)
        return 0;
    return spool(archive, tar, entry, member, err);
}

static int scan(struct hx_archive *archive, struct hx_err *err)
{
    struct archive *tar = open_reader(archive, err);
    struct archive_entry *entry;
    size_t number = 0;
    struct stat st;
    int rc;

    if (!tar)
        return err ? -(int)err->code : -HX_ERR_CORRUPT;
    if (fstat(archive->fd, &st) == 0 && S_ISREG(st.st_mode))
        archive->total_bytes = (uint64_t)st.st_size;
    hx_report_progress("reading", archive->what, 0, archive->total_bytes);
    while ((rc = next_entry(archive, tar, &entry, err)) > 0) {
        if (number == 0)
            archive->lazy = archive->total_bytes > 0 &&
                            archive_filter_code(tar, 0) == ARCHIVE_FILTER_NONE;
        rc = take_entry(archive, tar, entry, number++, err);
        if (rc < 0)
            break;
    }
    archive_read_free(tar);
    if (rc == 0 && number == 0)
        rc = hx_err_set(err, HX_ERR_CORRUPT, "%s: it is an empty archive",
                        archive->what);
    return rc;
}

int hx_archive_open_path(const char *path, int *fd_r, struct hx_err *err)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "%s: there is no such file; check the path", path);
    if (fd < 0 || fstat(fd, &st) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", path);
    if (S_ISDIR(st.st_mode))
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: a folder and no archive; an OCI layout in a "
                          "folder is named as oci:PATH",
                          path);
    *fd_r = hx_steal_fd(&fd);
    return 0;
}

int hx_archive_open(const struct hx_store *store, int fd, const char *what,
                    struct hx_archive **archive_r, struct hx_err *err)
{
    struct hx_archive *archive = calloc(1, sizeof(*archive));
    int rc;

    if (!archive)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    archive->fd = fd;
    archive->folder_fd = -1;
    archive->what = strdup(what);
    rc = archive->what ? 0 : hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    if (rc == 0)
        rc = hx_store_temp_folder(store, "spool", &archive->folder_fd,
                                  &archive->folder, err);
    if (rc == 0)
        rc = scan(archive, err);
    if (rc < 0) {
        hx_archive_free(archive);
        return rc;
    }
    *archive_r = archive;
    return 0;
}

void hx_archive_free(struct hx_archive *archive)
{
    if (!archive)
        return;
    if (archive->folder)
        hx_rm_rf(archive->folder, NULL);
    hx_cleanup_close(&archive->folder_fd);
    for (size_t i = 0; i < archive->count; i++) {
        free(archive->members[i].name);
        free(archive->members[i].link);
    }
    free(archive->members);
    free(archive->folder);
    free(archive->what);
    free(archive);
}

int hx_archive_has(const struct hx_archive *archive, const char *name)
{
    return find(archive, name) != NULL;
}

/* Reads a big member of a plain file, which the scan passed over. */
static int fetch(struct hx_archive *archive, struct member *member,
                 struct hx_err *err)
{
    struct archive_entry *entry;
    struct archive *tar;
    size_t number = 0;
    int rc;

    if (lseek(archive->fd, 0, SEEK_SET) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s", archive->what);
    tar = open_reader(archive, err);
    if (!tar)
        return err ? -(int)err->code : -HX_ERR_CORRUPT;
    while ((rc = next_entry(archive, tar, &entry, err)) > 0 &&
           number < member->number)
        number++;
    if (rc > 0)
        rc = spool(archive, tar, entry, member, err);
    else if (rc == 0)
        rc = hx_err_set(err, HX_ERR_CORRUPT, "%s: it changed while it was read",
                        archive->what);
    archive_read_free(tar);
    return rc;
}

int hx_archive_file(struct hx_archive *archive, const char *name, int *fd_r,
                    struct hx_err *err)
{
    struct member *member = find(archive, name);
    char number[24];
    int fd, rc;

    if (!member)
        return hx_err_set(err, HX_ERR_NOT_FOUND, "%s: it holds no file %.200s",
                          archive->what, name);
    if (!member->spooled) {
        rc = fetch(archive, member, err);
        if (rc < 0)
            return rc;
    }
    spool_name(member, number);
    fd = openat(archive->folder_fd, number, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "%s: reading a temporary file", archive->what);
    *fd_r = fd;
    return 0;
}

int hx_archive_read(struct hx_archive *archive, const char *name,
                    size_t max_bytes, struct hx_buf *out, struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf buf = HX_BUF_INIT(max_bytes);
    _cleanup_close_ int fd = -1;
    char chunk[16384];
    ssize_t n;
    int rc = hx_archive_file(archive, name, &fd, err);

    if (rc < 0)
        return rc;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        if (hx_buf_add(&buf, chunk, (size_t)n) < 0)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "%s: %.100s is larger than %zu bytes",
                              archive->what, name, max_bytes);
    }
    if (n < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "%s: reading a temporary file", archive->what);
    *out = buf;
    buf = (struct hx_buf){ 0 };
    return 0;
}
