/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/blob.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/file.h"
#include "image/pull/claim.h"
#include "image/pull/report.h"

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing a blob");
}

static char *temp_path(const struct hx_store *store,
                       const struct hx_descriptor *descriptor)
{
    return hx_store_path(store, "tmp/blob-%s",
                         hx_digest_hex(descriptor->digest));
}

/* Size of the file of that name, or -1. */
static int64_t named_size(const char *path)
{
    struct stat st;

    return lstat(path, &st) < 0 ? -1 : (int64_t)st.st_size;
}

/*
 * 1 when the store has the blob.  One of another size is either damaged or
 * the descriptor lies: its digest tells.  Small ones are always hashed: of
 * configs and manifests nobody else would notice.
 */
static int is_stored(const struct hx_store *store,
                     const struct hx_descriptor *descriptor, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_blob_path(store, descriptor->digest);
    int64_t bytes;
    int rc;

    if (!path)
        return no_memory(err);
    bytes = named_size(path);
    if (bytes < 0)
        return 0;
    if ((uint64_t)bytes == descriptor->size_bytes &&
        descriptor->size_bytes > HX_MANIFEST_MAX_BYTES)
        return 1;
    rc = hx_blob_remove_damaged(store, descriptor->digest, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if ((uint64_t)bytes == descriptor->size_bytes)
        return 1;
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "blob %.19s: the manifest says %llu bytes, and it has "
                      "%lld",
                      descriptor->digest,
                      (unsigned long long)descriptor->size_bytes,
                      (long long)bytes);
}

static int is_done(void *opaque, struct hx_err *err)
{
    const struct hx_blob *blob = opaque;

    return is_stored(blob->store, &blob->descriptor, err);
}

/* Takes up what a pull before left: its bytes are hashed again. */
static int take_up(struct hx_blob *blob, struct hx_err *err)
{
    off_t bytes = 0;

    if (hx_hash_start(&blob->hash) < 0 ||
        hx_hash_add_file(&blob->hash, blob->fd, &bytes) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", blob->temp);
    if ((uint64_t)bytes > blob->descriptor.size_bytes)
        return hx_blob_restart(blob, err);
    blob->have_bytes = (uint64_t)bytes;
    if (lseek(blob->fd, bytes, SEEK_SET) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", blob->temp);
    return 0;
}

int hx_blob_begin(const struct hx_store *store,
                  const struct hx_descriptor *descriptor,
                  struct hx_blob *blob_r, struct hx_err *err)
{
    struct hx_blob blob = { .store = store,
                            .descriptor = *descriptor,
                            .fd = -1 };
    struct hx_claim claim = { .is_done = is_done, .opaque = &blob };
    char object[HX_SHORT_DIGEST];
    int rc = is_stored(store, descriptor, err);

    if (rc != 0)
        return rc;
    blob.temp = temp_path(store, descriptor);
    if (!blob.temp)
        return no_memory(err);
    claim.temp = blob.temp;
    claim.object = hx_short_digest(descriptor->digest, object);
    rc = hx_claim_take(&claim, &blob.fd, err);
    if (rc == 0)
        rc = take_up(&blob, err);
    if (rc != 0) {
        hx_blob_drop(&blob);
        return rc;
    }
    *blob_r = blob;
    return 0;
}

int hx_blob_write(struct hx_blob *blob, const void *data, size_t len,
                  struct hx_err *err)
{
    if (len > blob->descriptor.size_bytes - blob->have_bytes)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "blob %.19s: more bytes came than the %llu that its "
                          "manifest says",
                          blob->descriptor.digest,
                          (unsigned long long)blob->descriptor.size_bytes);
    if (hx_write_all(blob->fd, data, len) < 0 ||
        hx_hash_add(&blob->hash, data, len) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing blob %.19s to %s",
                          blob->descriptor.digest, blob->store->root);
    blob->have_bytes += len;
    return 0;
}

int hx_blob_restart(struct hx_blob *blob, struct hx_err *err)
{
    blob->have_bytes = 0;
    if (hx_hash_start(&blob->hash) < 0 || ftruncate(blob->fd, 0) < 0 ||
        lseek(blob->fd, 0, SEEK_SET) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s", blob->temp);
    return 0;
}

static int check(struct hx_blob *blob, struct hx_err *err)
{
    char digest[HX_DIGEST_TEXT_MAX];

    if (blob->have_bytes != blob->descriptor.size_bytes)
        return hx_err_set(
            err, HX_ERR_CORRUPT, "blob %.19s: %llu bytes came instead of %llu",
            blob->descriptor.digest, (unsigned long long)blob->have_bytes,
            (unsigned long long)blob->descriptor.size_bytes);
    if (hx_hash_digest(&blob->hash, digest) < 0)
        return no_memory(err);
    if (strcmp(digest, blob->descriptor.digest) != 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "blob %.19s: what came has the digest %s; nothing of "
                          "it was kept",
                          blob->descriptor.digest, digest);
    return 0;
}

static int keep(struct hx_blob *blob, struct hx_err *err)
{
    _cleanup_free_ char *path =
        hx_store_blob_path(blob->store, blob->descriptor.digest);

    if (!path)
        return no_memory(err);
    if (fdatasync(blob->fd) < 0 || rename(blob->temp, path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s", path);
    /* The name is gone with the rename; nothing is left to remove. */
    free(hx_steal_ptr(&blob->temp));
    return 0;
}

int hx_blob_finish(struct hx_blob *blob, struct hx_err *err)
{
    int rc = check(blob, err);

    if (rc == 0)
        rc = keep(blob, err);
    hx_blob_drop(blob);
    return rc;
}

void hx_blob_leave(struct hx_blob *blob)
{
    if (blob->have_bytes)
        free(hx_steal_ptr(&blob->temp));
    hx_blob_drop(blob);
}

void hx_blob_drop(struct hx_blob *blob)
{
    if (!blob)
        return;
    /* Only who has the lock may remove the file. */
    if (blob->temp && blob->fd >= 0)
        unlink(blob->temp);
    hx_cleanup_close(&blob->fd);
    blob->fd = -1;
    hx_hash_release(&blob->hash);
    free(hx_steal_ptr(&blob->temp));
}

int hx_blob_open(const struct hx_store *store, const char *digest, int *fd_r,
                 struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_blob_path(store, digest);
    int fd;

    if (!path)
        return no_memory(err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return hx_err_sys(err,
                          errno == ENOENT ? HX_ERR_NOT_FOUND : HX_ERR_SYSTEM,
                          errno, "reading %s", path);
    *fd_r = fd;
    return 0;
}

int hx_blob_open_growing(const struct hx_store *store,
                         const struct hx_descriptor *descriptor, int *fd_r,
                         struct hx_err *err)
{
    _cleanup_free_ char *temp = temp_path(store, descriptor);
    struct stat st;
    int fd = -1;

    if (hx_blob_open(store, descriptor->digest, &fd, NULL) == 0) {
        if (fstat(fd, &st) == 0 &&
            (uint64_t)st.st_size == descriptor->size_bytes) {
            *fd_r = fd;
            return 0;
        }
        close(fd);
    }
    if (!temp)
        return no_memory(err);
    *fd_r = open(temp, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd_r < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s", temp);
    return 1;
}

int hx_blob_put(const struct hx_store *store, const char *digest,
                const void *data, size_t len, struct hx_err *err)
{
    struct hx_descriptor descriptor = { .size_bytes = len };
    struct hx_blob blob;
    int rc;

    hx_digest_copy(descriptor.digest, digest);
    rc = hx_blob_begin(store, &descriptor, &blob, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = hx_blob_restart(&blob, err);
    if (rc == 0)
        rc = hx_blob_write(&blob, data, len, err);
    if (rc < 0) {
        hx_blob_drop(&blob);
        return rc;
    }
    return hx_blob_finish(&blob, err);
}

int hx_blob_remove_damaged(const struct hx_store *store, const char *digest,
                           struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_blob_path(store, digest);
    _cleanup_hash_ struct hx_hash hash = { 0 };
    char found[HX_DIGEST_TEXT_MAX];
    _cleanup_close_ int fd = -1;
    off_t bytes;
    int rc = hx_blob_open(store, digest, &fd, err);

    if (rc < 0)
        return rc;
    if (!path || hx_hash_start(&hash) < 0 ||
        hx_hash_add_file(&hash, fd, &bytes) < 0 ||
        hx_hash_digest(&hash, found) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading blob %.19s",
                          digest);
    if (strcmp(found, digest) == 0)
        return 0;
    if (unlink(path) < 0 && errno != ENOENT)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", path);
    return 1;
}
