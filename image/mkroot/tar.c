/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/mkroot/decimal.h"
#include "image/mkroot/limits.h"
#include "image/mkroot/pax.h"
#include "image/mkroot/sparse.h"
#include "image/mkroot/tarblock.h"

/* A special header's body; grows to what was needed. */
struct special {
    char *text; /* ends in a NUL that `len` does not count */
    size_t len;
    size_t size;
    int given;
};

struct hx_tar {
    struct hx_stream *stream;
    const unsigned char *data; /* the stream's bytes not used yet */
    size_t data_len;

    struct hx_tarblock header;
    struct hx_tar_meta meta; /* what the headers of an entry say together */
    struct special pax_text;
    struct special long_name;
    struct special long_link;
    struct hx_pax pax;
    struct hx_sparse sparse;
    struct hx_entry entry;

    int64_t content_left; /* of the entry, as the tar stores it */
    unsigned padding;     /* after it */
};

/* -- bytes ---------------------------------------------------------------- */

/* Some of the next bytes, at most `max`, without a copy: how many; 0 at the
 * end. */
static ssize_t take(struct hx_tar *tar, const unsigned char **data_r,
                    size_t max, struct hx_err *err)
{
    if (!tar->data_len) {
        const void *data;
        ssize_t n = hx_stream_read(tar->stream, &data, err);

        if (n <= 0)
            return n;
        tar->data = data;
        tar->data_len = (size_t)n;
    }
    if (max > tar->data_len)
        max = tar->data_len;
    *data_r = tar->data;
    tar->data += max;
    tar->data_len -= max;
    return (ssize_t)max;
}

static int truncated(struct hx_err *err)
{
    hx_err_set(err, HX_ERR_CORRUPT, "the tar is cut off");
    return -HX_ERR_CORRUPT;
}

/* The next `len` bytes, copied; how many there were until the end. */
static ssize_t take_copy(struct hx_tar *tar, void *out, size_t len,
                         struct hx_err *err)
{
    size_t got = 0;

    while (got < len) {
        const unsigned char *data;
        ssize_t n = take(tar, &data, len - got, err);

        if (n < 0)
            return n;
        if (n == 0)
            break;
        memcpy((char *)out + got, data, (size_t)n);
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* All `len` bytes; fewer are an error. */
static int take_all(struct hx_tar *tar, void *out, size_t len,
                    struct hx_err *err)
{
    ssize_t n = take_copy(tar, out, len, err);

    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : truncated(err);
}

static int skip(struct hx_tar *tar, uint64_t len, struct hx_err *err)
{
    while (len > 0) {
        const unsigned char *data;
        ssize_t n =
            take(tar, &data, len > SIZE_MAX ? SIZE_MAX : (size_t)len, err);

        if (n <= 0)
            return n < 0 ? (int)n : truncated(err);
        len -= (uint64_t)n;
    }
    return 0;
}

static unsigned padding_of(int64_t size)
{
    return (unsigned)(-(uint64_t)size % HX_TAR_BLOCK);
}

/* The last entry's may be missing: `umoci insert` leaves it out, and Go's
 * reader does without. */
static int skip_padding(struct hx_tar *tar, struct hx_err *err)
{
    unsigned char padding[HX_TAR_BLOCK];
    ssize_t n = take_copy(tar, padding, tar->padding, err);

    tar->padding = 0;
    return n < 0 ? (int)n : 0;
}

/* 1 and a header block; 0 at the end of the archive. */
static int take_header(struct hx_tar *tar, unsigned char block[HX_TAR_BLOCK],
                       struct hx_err *err)
{
    ssize_t n = take_copy(tar, block, HX_TAR_BLOCK, err);

    /* Some writers leave the end out. */
    if (n <= 0)
        return (int)n;
    if (n < HX_TAR_BLOCK)
        return truncated(err);
    if (!hx_tarblock_is_end(block))
        return 1;
    n = take_copy(tar, block, HX_TAR_BLOCK, err);
    if (n < 0)
        return (int)n;
    if (n == HX_TAR_BLOCK && !hx_tarblock_is_end(block))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the tar is damaged: it goes on after a block of "
                          "NULs");
    return 0;
}

/* -- special headers ------------------------------------------------------ */

static int read_special(struct hx_tar *tar, struct special *special,
                        struct hx_err *err)
{
    int64_t size = tar->header.size;
    int r;

    if (size < 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the tar is damaged: a header has a negative size");
    if (size > HX_MKROOT_TAR_SPECIAL_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "a PAX header or a name is larger than %d bytes",
                          HX_MKROOT_TAR_SPECIAL_MAX);
    if ((size_t)size >= special->size) {
        char *text = realloc(special->text, (size_t)size + 1);

        if (!text)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the tar");
        special->text = text;
        special->size = (size_t)size + 1;
    }
    special->len = (size_t)size;
    r = take_all(tar, special->text, special->len, err);
    if (r == 0)
        r = skip(tar, padding_of(size), err);
    special->text[special->len] = '\0';
    special->given = r == 0;
    return r;
}

/* 1 when the header was one that speaks for the next entry, 0 when it is the
 * entry's own. */
static int read_if_special(struct hx_tar *tar, struct hx_err *err)
{
    int r;

    switch (tar->header.type) {
    case 'x':
        r = read_special(tar, &tar->pax_text, err);
        if (r == 0)
            r = hx_pax_parse(&tar->pax, tar->pax_text.text, tar->pax_text.len,
                             err);
        break;
    case 'g':
        /* Global headers are ignored, as docker does. */
        if (tar->header.size < 0)
            return truncated(err);
        r = skip(tar, (uint64_t)tar->header.size + padding_of(tar->header.size),
                 err);
        break;
    case 'L':
        r = read_special(tar, &tar->long_name, err);
        break;
    case 'K':
        r = read_special(tar, &tar->long_link, err);
        break;
    default:
        return 0;
    }
    return r < 0 ? r : 1;
}

/* 1 and the next entry's own header, all others read; 0 at the end. */
static int read_headers(struct hx_tar *tar, unsigned char block[HX_TAR_BLOCK],
                        struct hx_err *err)
{
    int r;

    tar->long_name.given = tar->long_link.given = 0;
    hx_pax_clear(&tar->pax);
    for (int i = 0; i < HX_MKROOT_TAR_HEADERS_MAX; i++) {
        r = take_header(tar, block, err);
        if (r <= 0)
            return r;
        r = hx_tarblock_parse(block, &tar->header, err);
        if (r == 0)
            r = read_if_special(tar, err);
        if (r <= 0)
            return r < 0 ? r : 1;
    }
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "the tar has more than %d headers for one entry",
                      HX_MKROOT_TAR_HEADERS_MAX);
}

/* -- what an entry's headers say together --------------------------------- */

static int64_t pick(const struct hx_pax_number *pax, int64_t own)
{
    return pax->given ? pax->value : own;
}

static void merge(struct hx_tar *tar)
{
    const struct hx_tarblock *header = &tar->header;
    const struct hx_pax *pax = &tar->pax;
    size_t len;

    tar->meta = (struct hx_tar_meta){
        .name = pax->path ? pax->path : header->name,
        .link = pax->linkpath ? pax->linkpath : header->link,
        .type = header->type,
        .mode = header->mode,
        .uid = pick(&pax->uid, header->uid),
        .gid = pick(&pax->gid, header->gid),
        .size = pick(&pax->size, header->size),
        .mtime = pick(&pax->mtime, header->mtime),
        .major = header->major,
        .minor = header->minor,
        .xattrs = &pax->xattrs,
    };
    if (tar->long_name.given)
        tar->meta.name = tar->long_name.text;
    if (tar->long_link.given)
        tar->meta.link = tar->long_link.text;
    /* The first tars had no letter for folders. */
    len = strlen(tar->meta.name);
    if (tar->meta.type == '\0' && len && tar->meta.name[len - 1] == '/')
        tar->meta.type = '5';
}

/* Whether content follows the header, whatever its size says. */
static int has_content(char type)
{
    return type == '0' || type == '\0' || type == '7' || type == 'S';
}

/* -- sparse files --------------------------------------------------------- */

static int bad_map(struct hx_err *err)
{
    hx_err_set(err, HX_ERR_CORRUPT,
               "the tar is damaged: a sparse file's map is wrong");
    return -HX_ERR_CORRUPT;
}

/* The pairs of a block in GNU's old format, up to an empty one. */
static int add_old_pairs(struct hx_tar *tar, const unsigned char *pairs,
                         int count, struct hx_err *err)
{
    const size_t len = HX_TAR_SPARSE_NUMBER_BYTES;
    int64_t offset, bytes;
    int r = 0;

    for (; r == 0 && count > 0 && pairs[0]; count--, pairs += 2 * len) {
        if (hx_tarblock_number(pairs, len, &offset) < 0 ||
            hx_tarblock_number(pairs + len, len, &bytes) < 0)
            return bad_map(err);
        r = hx_sparse_add(&tar->sparse, offset, bytes, err);
    }
    return r;
}

static int read_old_sparse(struct hx_tar *tar, unsigned char *block,
                           struct hx_err *err)
{
    int more, r;

    if (hx_tarblock_number(block + HX_TAR_OLD_SPARSE_SIZE,
                           HX_TAR_SPARSE_NUMBER_BYTES, &tar->meta.size) < 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the tar is damaged: a sparse file has no size");
    more = block[HX_TAR_OLD_SPARSE_MORE];
    r = add_old_pairs(tar, block + HX_TAR_OLD_SPARSE_OFFSET,
                      HX_TAR_OLD_SPARSE_PAIRS, err);
    while (r == 0 && more) {
        r = take_all(tar, block, HX_TAR_BLOCK, err);
        if (r == 0)
            r = add_old_pairs(tar, block, HX_TAR_MORE_SPARSE_PAIRS, err);
        more = block[HX_TAR_MORE_SPARSE_MORE];
    }
    tar->sparse.used = 1;
    return r;
}

/* A line of the map in GNU's format 1.0, which lies before the content. */
static int take_map_number(struct hx_tar *tar, int64_t *number_r,
                           struct hx_err *err)
{
    char line[24];
    size_t len = 0;
    int r;

    for (; len < sizeof(line); len++) {
        if (tar->content_left-- <= 0)
            return truncated(err);
        r = take_all(tar, &line[len], 1, err);
        if (r < 0)
            return r;
        if (line[len] == '\n')
            break;
    }
    if (len == sizeof(line) || hx_decimal(line, len, number_r) < 0)
        return bad_map(err);
    return 0;
}

static int read_sparse_1_0(struct hx_tar *tar, struct hx_err *err)
{
    int64_t stored = tar->content_left, count, offset, len, rest;
    int r;

    r = take_map_number(tar, &count, err);
    for (int64_t i = 0; r == 0 && i < count; i++) {
        r = take_map_number(tar, &offset, err);
        if (r == 0)
            r = take_map_number(tar, &len, err);
        if (r == 0)
            r = hx_sparse_add(&tar->sparse, offset, len, err);
    }
    if (r < 0)
        return r;
    /* The map is padded to whole blocks. */
    rest = padding_of(stored - tar->content_left);
    if (rest > tar->content_left)
        return truncated(err);
    tar->content_left -= rest;
    tar->sparse.used = 1;
    return skip(tar, (uint64_t)rest, err);
}

static int read_pax_sparse(struct hx_tar *tar, struct hx_err *err)
{
    struct hx_pax *pax = &tar->pax;
    struct hx_sparse swap;

    if (pax->sparse_name)
        tar->meta.name = pax->sparse_name;
    tar->meta.size = pick(&pax->sparse_size, tar->meta.size);
    if (pax->sparse_major.given && pax->sparse_major.value == 1 &&
        pick(&pax->sparse_minor, 0) == 0)
        return read_sparse_1_0(tar, err);
    if (pick(&pax->sparse_major, 0) != 0 || pick(&pax->sparse_minor, 0) > 1 ||
        !pax->sparse.used)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "the sparse file '%.200s' is of an unknown format",
                          tar->meta.name);
    swap = tar->sparse;
    tar->sparse = pax->sparse;
    pax->sparse = swap;
    return 0;
}

static int is_pax_sparse(const struct hx_pax *pax)
{
    return pax->sparse.used || pax->sparse_major.given ||
           pax->sparse_minor.given || pax->sparse_size.given;
}

static int read_sparse(struct hx_tar *tar, unsigned char *block,
                       struct hx_err *err)
{
    int r = 0;

    hx_sparse_clear(&tar->sparse);
    if (tar->meta.type == 'S')
        r = read_old_sparse(tar, block, err);
    else if (has_content(tar->meta.type) && is_pax_sparse(&tar->pax))
        r = read_pax_sparse(tar, err);
    if (r == 0 && tar->sparse.used)
        r = hx_sparse_check(&tar->sparse, tar->meta.size, tar->content_left,
                            err);
    return r;
}

/* -- entries -------------------------------------------------------------- */

int hx_tar_next(struct hx_tar *tar, const struct hx_entry **entry_r,
                struct hx_err *err)
{
    unsigned char block[HX_TAR_BLOCK];
    int r;

    r = skip(tar, (uint64_t)tar->content_left, err);
    tar->content_left = 0;
    if (r == 0)
        r = skip_padding(tar, err);
    if (r == 0)
        r = read_headers(tar, block, err);
    if (r <= 0)
        return r;
    merge(tar);
    if (has_content(tar->meta.type)) {
        if (tar->meta.size < 0)
            return hx_err_set(err, HX_ERR_CORRUPT,
                              "entry '%.200s': its size is negative",
                              tar->meta.name);
        tar->content_left = tar->meta.size;
        tar->padding = padding_of(tar->content_left);
    }
    r = read_sparse(tar, block, err);
    if (r == 0)
        r = hx_entry_read(&tar->meta, &tar->entry, err);
    if (r < 0)
        return hx_err_prefix(err, "entry '%.200s'", tar->meta.name);
    *entry_r = &tar->entry;
    return 1;
}

/* The next `len` stored bytes to the sink. */
static int pass(struct hx_tar *tar, int64_t len, const struct hx_tar_sink *sink,
                struct hx_err *err)
{
    int r = 0;

    while (r == 0 && len > 0) {
        const unsigned char *data;
        ssize_t n = take(tar, &data, (size_t)len, err);

        if (n <= 0)
            return n < 0 ? (int)n : truncated(err);
        r = sink->write(sink->opaque, data, (size_t)n, err);
        tar->content_left -= n;
        len -= n;
    }
    return r;
}

static int pass_zeros(int64_t len, const struct hx_tar_sink *sink,
                      struct hx_err *err)
{
    return len > 0 ? sink->zeros(sink->opaque, (uint64_t)len, err) : 0;
}

int hx_tar_content(struct hx_tar *tar, const struct hx_tar_sink *sink,
                   struct hx_err *err)
{
    int64_t at = 0;
    int r = 0;

    if (!tar->sparse.used)
        return pass(tar, tar->content_left, sink, err);
    for (size_t i = 0; r == 0 && i < tar->sparse.count; i++) {
        const struct hx_sparse_part *part = &tar->sparse.parts[i];

        r = pass_zeros(part->offset - at, sink, err);
        if (r == 0)
            r = pass(tar, part->len, sink, err);
        at = part->offset + part->len;
    }
    return r < 0 ? r : pass_zeros(tar->meta.size - at, sink, err);
}

/* -- the whole ------------------------------------------------------------ */

int hx_tar_open(struct hx_stream *stream, struct hx_tar **tar_r,
                struct hx_err *err)
{
    struct hx_tar *tar = calloc(1, sizeof(*tar));

    if (!tar)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the tar");
    tar->stream = stream;
    *tar_r = tar;
    return 0;
}

void hx_tar_free(struct hx_tar *tar)
{
    if (!tar)
        return;
    free(tar->pax_text.text);
    free(tar->long_name.text);
    free(tar->long_link.text);
    hx_pax_release(&tar->pax);
    hx_sparse_release(&tar->sparse);
    free(tar);
}
