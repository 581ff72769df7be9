/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers written down as text, converted by mkroot's code, and the root disk
 * read back as text: for the tests of the converter.
 *
 * One line stands for one entry, in tar and disk alike:
 *
 *     d PATH              folder            f PATH =CONTENT     file
 *     l PATH -> TARGET    symbolic link     h PATH => TARGET    hard link
 *     c PATH 1:3          character device  b PATH 8:0          block device
 *     p PATH              fifo              s PATH              socket (disk)
 *
 * and may go on with
 *
 *     @MODE (octal)  #UID:GID  ~MTIME  +NAME=VALUE (extended attribute)
 *
 * which are left out on reading back where they are 0755 for folders, 0777 for
 * links, 0644 otherwise; 0:0; 0.  In paths, targets, contents and values
 * "\xHH" is a byte; reading back writes one for a space, a backslash and what
 * is not printable.  A content "*N" is N bytes that differ.
 *
 * The disk is listed by folder, sorted by name; the root only when it is not
 * 0755 0:0 0; each further name of a file as a hard link to the first one.
 */
#ifndef HX_TESTS_LAYER_FIXTURE_H
#define HX_TESTS_LAYER_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/buf.h"
#include "image/base/err.h"
#include "image/mkroot/convert.h"

/* -- tar ------------------------------------------------------------------ */

/* One header block as it is written, for what text cannot say. */
struct tar_entry {
    const char *name;
    const char *prefix; /* ustar's second part of the name */
    const char *link;
    char type;    /* '0' when 0; 'o' is an old tar's NUL */
    int64_t mode; /* 0644 when 0 */
    int64_t uid;
    int64_t gid;
    int64_t size; /* as it is in the header; the content is not written */
    int64_t mtime;
    int64_t major;
    int64_t minor;
    int gnu; /* GNU's magic in place of ustar's */
};

/* Appends one block.  Numbers that octal has no room for, and negative ones,
 * are written in base 256. */
void tar_header(struct hx_buf *tar, const struct tar_entry *entry);
/* Appends bytes, and NULs up to the next block. */
void tar_bytes(struct hx_buf *tar, const void *data, size_t len);
/* Appends a PAX header ('x', or 'g') from records "key=value", the last NULL;
 * each length is put before. */
void tar_pax(struct hx_buf *tar, char type, const char *const *records);
/* The same with one record of a value with any bytes. */
void tar_pax_binary(struct hx_buf *tar, const char *key, const void *value,
                    size_t len);
/* A GNU long name ('L') or long link ('K'). */
void tar_gnu_long(struct hx_buf *tar, char type, const char *text);
/* The two blocks of NULs. */
void tar_end(struct hx_buf *tar);

/* Appends the entries of a text; without the end. */
void tar_text(struct hx_buf *tar, const char *text);

/* -- conversion ----------------------------------------------------------- */

#define FIXTURE_LAYERS_MAX 64

struct layer_fixture {
    struct hx_layer layers[FIXTURE_LAYERS_MAX];
    size_t count;
    int disk_fd;
    struct hx_squash_options squash;
    struct hx_convert_result result;
    struct hx_err err;
};

void fixture_init(struct layer_fixture *fixture);
void fixture_release(struct layer_fixture *fixture);

/* The next layer up: any blob, with the diff_id of the tar in it. */
void fixture_add_blob(struct layer_fixture *fixture, const void *blob,
                      size_t blob_len, const void *tar, size_t tar_len);
/* A plain tar; the end is appended to it. */
void fixture_add_tar(struct layer_fixture *fixture, struct hx_buf *tar);
void fixture_add_text(struct layer_fixture *fixture, const char *text);

/* hx_convert_run; its return value. */
int fixture_convert(struct layer_fixture *fixture);

/* The disk as text, the caller's to free. */
char *fixture_read_disk(const struct layer_fixture *fixture);

/* Converts and compares; on failure says what was read. */
void fixture_expect(struct layer_fixture *fixture, const char *expected);
/* Converts and expects this code and a message that contains `words`. */
void fixture_expect_error(struct layer_fixture *fixture, enum hx_err_code code,
                          const char *words);

/* The same for layers that are texts, the lowest first, the last NULL. */
void expect_layers(const char *const *texts, const char *expected);
void expect_layers_error(const char *const *texts, enum hx_err_code code,
                         const char *words);

#endif
