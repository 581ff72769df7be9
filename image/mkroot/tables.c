/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of owners and of extended attributes.
 *
 * libsquashfs has writers for both.  The one of owners searches its table from
 * the start for each inode; the one of extended attributes writes 8 bytes past
 * its memory when an image has exactly 512 distinct sets (1.2.0).  An image
 * can be made for either, so we write the two ourselves.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "image/mkroot/limits.h"
#include "image/mkroot/siphash.h"
#include "image/mkroot/squash_private.h"

/* Twice as many slots as there can be owners. */
#define OWNER_SLOTS (1U << 17)

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing the root disk");
}

/* -- owners --------------------------------------------------------------- */

static uint32_t owner_slot(const struct hx_squash *squash, uint32_t id)
{
    uint32_t at =
        (uint32_t)hx_siphash(squash->owner_key, &id, sizeof(id)) % OWNER_SLOTS;

    while (squash->owner_slots[at] &&
           squash->owners[squash->owner_slots[at] - 1] != id)
        at = (at + 1) % OWNER_SLOTS;
    return at;
}

int hx_owners_index(struct hx_squash *squash, uint32_t id, uint16_t *index_r,
                    struct hx_err *err)
{
    uint32_t at;

    if (!squash->owners) {
        squash->owners = calloc(HX_MKROOT_OWNERS_MAX, sizeof(*squash->owners));
        squash->owner_slots = calloc(OWNER_SLOTS, sizeof(*squash->owner_slots));
        if (!squash->owners || !squash->owner_slots)
            return no_memory(err);
        if (getrandom(squash->owner_key, sizeof(squash->owner_key), 0) !=
            (ssize_t)sizeof(squash->owner_key))
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "getting random bytes");
    }
    at = owner_slot(squash, id);
    if (!squash->owner_slots[at]) {
        if (squash->owner_count == HX_MKROOT_OWNERS_MAX)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "the image has more than %d different owners",
                              HX_MKROOT_OWNERS_MAX);
        squash->owners[squash->owner_count++] = id;
        squash->owner_slots[at] = squash->owner_count;
    }
    *index_r = (uint16_t)(squash->owner_slots[at] - 1);
    return 0;
}

int hx_owners_write(struct hx_squash *squash, struct hx_err *err)
{
    int code;

    for (uint32_t i = 0; i < squash->owner_count; i++)
        squash->owners[i] = htole32(squash->owners[i]);
    squash->super.id_count = (uint16_t)squash->owner_count;
    code =
        sqfs_write_table(&squash->file.base, squash->compressor, squash->owners,
                         squash->owner_count * sizeof(*squash->owners),
                         &squash->super.id_table_start);
    if (code)
        return hx_squash_error(squash, code, "writing the owner table", err);
    return 0;
}

/* -- extended attributes -------------------------------------------------- */

int hx_xattrs_index(struct hx_squash *squash, uint32_t set, uint32_t *index_r,
                    struct hx_err *err)
{
    *index_r = UINT32_MAX;
    if (!set)
        return 0;
    if (!squash->xattr_index) {
        size_t count = squash->xattrs->count;

        squash->xattr_index = calloc(count + 1, sizeof(uint32_t));
        squash->xattr_sets = calloc(count, sizeof(uint32_t));
        if (!squash->xattr_index || !squash->xattr_sets)
            return no_memory(err);
    }
    if (!squash->xattr_index[set]) {
        squash->xattr_sets[squash->xattr_count++] = set;
        squash->xattr_index[set] = squash->xattr_count;
    }
    *index_r = squash->xattr_index[set] - 1;
    return 0;
}

static int write_set(struct hx_squash *squash, sqfs_meta_writer_t *writer,
                     uint32_t set, sqfs_xattr_id_t *id)
{
    struct hx_xattr xattr;
    sqfs_u64 block;
    sqfs_u32 offset, count = 0, bytes = 0;
    size_t at = 0;
    int code = 0;

    sqfs_meta_writer_get_position(writer, &block, &offset);
    while (!code && hx_xattr_table_next(squash->xattrs, set, &at, &xattr)) {
        sqfs_xattr_entry_t key = {
            .type = htole16((uint16_t)xattr.class),
            .size = htole16((uint16_t)xattr.name_len),
        };
        sqfs_xattr_value_t value = {
            .size = htole32((uint32_t)xattr.value_len),
        };

        code = sqfs_meta_writer_append(writer, &key, sizeof(key));
        if (!code)
            code = sqfs_meta_writer_append(writer, xattr.name, xattr.name_len);
        if (!code)
            code = sqfs_meta_writer_append(writer, &value, sizeof(value));
        if (!code)
            code =
                sqfs_meta_writer_append(writer, xattr.value, xattr.value_len);
        count++;
        bytes += (sqfs_u32)(sizeof(key) + xattr.name_len + sizeof(value) +
                            xattr.value_len);
    }
    id->xattr = htole64((block << 16) | offset);
    id->count = htole32(count);
    id->size = htole32(bytes);
    return code;
}

static int write_sets(struct hx_squash *squash, sqfs_xattr_id_t *ids)
{
    sqfs_meta_writer_t *writer =
        sqfs_meta_writer_create(&squash->file.base, squash->compressor, 0);
    int code = writer ? 0 : SQFS_ERROR_ALLOC;

    for (uint32_t i = 0; !code && i < squash->xattr_count; i++)
        code = write_set(squash, writer, squash->xattr_sets[i], &ids[i]);
    if (!code)
        code = sqfs_meta_writer_flush(writer);
    sqfs_destroy(writer);
    return code;
}

/*
 * A table like the others, but its list of locations has a header of its own:
 *
 *     0                   8        12      16
 *     | start of the sets | count | unused | location | location | ...
 */
static int write_ids(struct hx_squash *squash, sqfs_xattr_id_t *ids,
                     uint64_t sets_start)
{
    size_t bytes = squash->xattr_count * sizeof(*ids);
    size_t locations = (bytes + 8191) / 8192;
    sqfs_xattr_id_table_t *table;
    sqfs_u64 list_start;
    int code;

    table = calloc(1, sizeof(*table) + locations * sizeof(sqfs_u64));
    if (!table)
        return SQFS_ERROR_ALLOC;
    code = sqfs_write_table(&squash->file.base, squash->compressor, ids, bytes,
                            &list_start);
    if (!code)
        code = squash->file.base.read_at(&squash->file.base, list_start,
                                         table->locations,
                                         locations * sizeof(sqfs_u64));
    table->xattr_table_start = htole64(sets_start);
    table->xattr_ids = htole32(squash->xattr_count);
    /* The header takes the place of the bare list. */
    if (!code)
        code = squash->file.base.write_at(&squash->file.base, list_start, table,
                                          sizeof(*table) +
                                              locations * sizeof(sqfs_u64));
    squash->super.xattr_id_table_start = list_start;
    squash->super.flags &= (sqfs_u16)~SQFS_FLAG_NO_XATTRS;
    free(table);
    return code;
}

int hx_xattrs_write(struct hx_squash *squash, struct hx_err *err)
{
    uint64_t start = squash->file.size;
    sqfs_xattr_id_t *ids;
    int code;

    if (!squash->xattr_count)
        return 0;
    ids = calloc(squash->xattr_count, sizeof(*ids));
    if (!ids)
        return no_memory(err);
    code = write_sets(squash, ids);
    if (!code)
        code = write_ids(squash, ids, start);
    free(ids);
    if (code)
        return hx_squash_error(squash, code, "writing extended attributes",
                               err);
    return 0;
}
