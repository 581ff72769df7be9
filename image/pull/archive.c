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
#include "image/pull/blob.h"
#include "image/pull/report.h"
#include "image/pull/unpack.h"

#define MEMBERS_MAX    20000
#define NAME_MAX_BYTES 1024
#define LINKS_MAX      8
#define READ_BYTES     ((size_t)256 << 10)
/* As mkroot has it for a layer: past the first, by at most this factor. */
#define RATIO_FREE_BYTES (UINT64_C(1) << 30)
#define RATIO_MAX        200

struct member {
    char *name;
    char *link;    /* of a symbolic or hard link: where it leads, as a name */
    size_t number; /* among all entries */
    /* Once it was read: the file of its number in the temporary folder. */
    struct hx_packed *spooled;
    int stored; /* that file has become a blob of the store */
};

struct hx_archive {
    const struct hx_store *store;
    char *what;
    int fd;
    uint64_t total_bytes;    /* of the file; 0 for a stream */
    uint64_t unpacked_bytes; /* of members, in this pass */
    int lazy; /* a plain file: members can be read from it again */
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
static int count_bytes(struct hx_archive *archive, struct archive *tar,
                       size_t len, struct hx_err *err)
{
    uint64_t packed = (uint64_t)archive_filter_bytes(tar, -1);

    archive->unpacked_bytes += len;
    if (archive->unpacked_bytes > HX_LAYERS_MAX_BYTES)
        return hx_err_set(err, HX_ERR_LIMIT, "%s: it is larger than %llu GiB",
                          archive->what,
                          (unsigned long long)(HX_LAYERS_MAX_BYTES >> 30));
    if (archive->unpacked_bytes > RATIO_FREE_BYTES &&
        archive->unpacked_bytes / RATIO_MAX > packed)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s: it unpacks to more than %d times its size",
                          archive->what, RATIO_MAX);
    /* Bytes of the file, also of a compressed one. */
    hx_report_progress("reading", archive->what, packed, archive->total_bytes);
    return 0;
}

/* The next bytes of the current entry; of its last hole, too. */
static ssize_t read_some(const struct hx_archive *archive, struct archive *tar,
                         char *chunk, size_t size, uint64_t left,
                         struct hx_err *err)
{
    la_ssize_t n;

    if (size > left)
        size = (size_t)left;
    n = archive_read_data(tar, chunk, size);
    if (n < 0)
        return broken(archive, tar, err);
    if (n == 0) {
        memset(chunk, 0, size);
        n = (la_ssize_t)size;
    }
    return (ssize_t)n;
}

static void spool_name(const struct member *member, char name[24])
{
    snprintf(name, 24, "%zu", member->number);
}

static int open_spool(const struct hx_archive *archive,
                      const struct member *member, int flags, int *fd_r,
                      struct hx_err *err)
{
    char name[24];
    int fd;

    spool_name(member, name);
    fd = openat(archive->folder_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s: a temporary file",
                          archive->what);
    *fd_r = fd;
    return 0;
}

static int out_of_memory(const struct hx_archive *archive, struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", archive->what);
}

static int end_spool(const struct hx_archive *archive, struct member *member,
                     struct hx_pack *pack, struct hx_err *err)
{
    int rc;

    if (!member->spooled)
        member->spooled = malloc(sizeof(*member->spooled));
    if (!member->spooled)
        return out_of_memory(archive, err);
    rc = hx_pack_finish(pack, member->spooled, err);
    if (rc < 0)
        free(hx_steal_ptr(&member->spooled));
    return rc;
}

/* What becomes of a member that is read. */
enum intent {
    GUESS,    /* what looks like a layer is compressed */
    AS_IT_IS, /* nothing is */
    AS_LAYER, /* it is, unless it was before */
};

static enum hx_media choose_media(const void *head, size_t len,
                                  enum intent intent)
{
    enum hx_media media = hx_pack_media(head, len);

    if (intent == AS_IT_IS)
        return HX_MEDIA_UNKNOWN;
    return intent == AS_LAYER && media == HX_MEDIA_UNKNOWN ? HX_MEDIA_LAYER_TAR
                                                           : media;
}

/* The current entry, from the `n` bytes of it that are in the chunk. */
static int copy_in(struct hx_archive *archive, struct archive *tar, char *chunk,
                   ssize_t n, uint64_t left, struct hx_pack *pack,
                   struct hx_err *err)
{
    while (left) {
        int rc = count_bytes(archive, tar, (size_t)n, err);

        if (rc < 0)
            return rc;
        if (hx_pack_add(pack, chunk, (size_t)n, err) < 0)
            return hx_err_prefix(err, "%s", archive->what);
        left -= (uint64_t)n;
        n = read_some(archive, tar, chunk, READ_BYTES, left, err);
        if (n < 0)
            return (int)n;
    }
    return 0;
}

/* The current entry as a file of its own. */
static int spool(struct hx_archive *archive, struct archive *tar,
                 struct archive_entry *entry, struct member *member,
                 enum intent intent, struct hx_err *err)
{
    static char chunk[READ_BYTES];
    _cleanup_close_ int fd = -1;
    _cleanup_pack_ struct hx_pack *pack = NULL;
    uint64_t bytes = (uint64_t)archive_entry_size(entry);
    ssize_t n = read_some(archive, tar, chunk, sizeof(chunk), bytes, err);
    int rc;

    if (n < 0)
        return (int)n;
    rc = open_spool(archive, member, O_WRONLY | O_CREAT | O_TRUNC, &fd, err);
    if (rc == 0)
        rc =
            hx_pack_new(fd, choose_media(chunk, (size_t)n, intent), &pack, err);
    if (rc == 0)
        rc = copy_in(archive, tar, chunk, n, bytes, pack, err);
    return rc == 0 ? end_spool(archive, member, pack, err) : rc;
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
    return spool(archive, tar, entry, member, GUESS, err);
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
    archive->store = store;
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
        free(archive->members[i].spooled);
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
                 enum intent intent, struct hx_err *err)
{
    struct archive_entry *entry;
    struct archive *tar;
    size_t number = 0;
    int rc;

    archive->unpacked_bytes = 0;
    if (lseek(archive->fd, 0, SEEK_SET) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s", archive->what);
    tar = open_reader(archive, err);
    if (!tar)
        return err ? -(int)err->code : -HX_ERR_CORRUPT;
    while ((rc = next_entry(archive, tar, &entry, err)) > 0 &&
           number < member->number)
        number++;
    if (rc > 0)
        rc = spool(archive, tar, entry, member, intent, err);
    else if (rc == 0)
        rc = hx_err_set(err, HX_ERR_CORRUPT, "%s: it changed while it was read",
                        archive->what);
    archive_read_free(tar);
    return rc;
}

static int get(struct hx_archive *archive, const char *name, enum intent intent,
               struct member **member_r, struct hx_err *err)
{
    struct member *member = find(archive, name);

    if (!member)
        return hx_err_set(err, HX_ERR_NOT_FOUND, "%s: it holds no file %.200s",
                          archive->what, name);
    *member_r = member;
    return member->spooled ? 0 : fetch(archive, member, intent, err);
}

/* What was taken for a layer and compressed, as it was. */
static int unpacked(const struct hx_archive *archive,
                    const struct member *member, int from, int *fd_r,
                    struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int to = -1;
    int rc = hx_store_temp(archive->store, "unpacked", &to, &path, err);

    if (rc < 0)
        return rc;
    unlink(path);
    rc = hx_unpack(from, to, member->spooled->diff_id, err);
    if (rc == 0 && lseek(to, 0, SEEK_SET) < 0)
        rc = hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s", path);
    if (rc == 0)
        *fd_r = hx_steal_fd(&to);
    return rc;
}

int hx_archive_file(struct hx_archive *archive, const char *name, int *fd_r,
                    struct hx_err *err)
{
    struct member *member = NULL;
    _cleanup_close_ int fd = -1;
    int rc = get(archive, name, AS_IT_IS, &member, err);

    if (rc < 0)
        return rc;
    rc = member->stored ? hx_blob_open(archive->store,
                                       member->spooled->blob.digest, &fd, err)
                        : open_spool(archive, member, O_RDONLY, &fd, err);
    if (rc == 0 && *member->spooled->diff_id)
        return unpacked(archive, member, fd, fd_r, err);
    if (rc == 0)
        *fd_r = hx_steal_fd(&fd);
    return rc;
}

/* One that did not look like a layer, or was not to be one, becomes one. */
static int make_layer(const struct hx_archive *archive, struct member *member,
                      struct hx_err *err)
{
    static char chunk[READ_BYTES];
    _cleanup_close_ int from = -1, to = -1;
    _cleanup_pack_ struct hx_pack *pack = NULL;
    char name[24];
    ssize_t n;
    int rc = open_spool(archive, member, O_RDONLY, &from, err);

    if (rc < 0)
        return rc;
    spool_name(member, name);
    unlinkat(archive->folder_fd, name, 0);
    rc = open_spool(archive, member, O_WRONLY | O_CREAT | O_EXCL, &to, err);
    n = rc == 0 ? read(from, chunk, sizeof(chunk)) : 0;
    if (rc == 0)
        rc = hx_pack_new(to,
                         choose_media(chunk, n > 0 ? (size_t)n : 0, AS_LAYER),
                         &pack, err);
    for (; rc == 0 && n > 0; n = read(from, chunk, sizeof(chunk)))
        rc = hx_pack_add(pack, chunk, (size_t)n, err);
    if (rc == 0 && n < 0)
        rc = hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s: a temporary file",
                        archive->what);
    return rc == 0 ? end_spool(archive, member, pack, err) : rc;
}

/* It gets its name in the store when its bytes are on the disk. */
static int keep(const struct hx_archive *archive, struct member *member,
                struct hx_err *err)
{
    _cleanup_free_ char *path =
        hx_store_blob_path(archive->store, member->spooled->blob.digest);
    _cleanup_close_ int fd = -1;
    char name[24];
    int rc = path ? open_spool(archive, member, O_RDONLY, &fd, err)
                  : out_of_memory(archive, err);

    if (rc < 0)
        return rc;
    spool_name(member, name);
    if (fdatasync(fd) < 0 ||
        renameat(archive->folder_fd, name, AT_FDCWD, path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s", path);
    member->stored = 1;
    return 0;
}

int hx_archive_layer(struct hx_archive *archive, const char *name,
                     struct hx_packed *packed_r, struct hx_err *err)
{
    struct member *member = NULL;
    int rc = get(archive, name, AS_LAYER, &member, err);

    if (rc == 0 && member->spooled->blob.media == HX_MEDIA_UNKNOWN)
        rc = make_layer(archive, member, err);
    if (rc == 0 && !member->stored)
        rc = keep(archive, member, err);
    if (rc == 0)
        *packed_r = *member->spooled;
    return rc;
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
