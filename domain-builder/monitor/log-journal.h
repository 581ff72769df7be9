/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a log's next writer must know when this one is killed: the file
 * RUN/UUID/N-journal.
 *
 * Before each batch of records goes to the log, the journal says where the log
 * ended, where the container's streams stood, and what the batch holds.  A
 * killed writer has written some of the batch's records, the last perhaps in
 * part: its successor counts the complete lines behind the noted end and so
 * knows of each stream what is in the log.
 *
 * The file is one struct, in one page: a write of it is not torn.  It counts
 * for one domain; the next domain of the pod begins its streams anew.
 */
#ifndef HX_LOG_JOURNAL_H
#define HX_LOG_JOURNAL_H

#include <stdint.h>

#include "image/base/err.h"

#define HX_JOURNAL_STREAMS     2
#define HX_JOURNAL_RECORDS_MAX 64

/* A record: the container's bytes in it, 0 to 16384, and the stream's number
 * in the top bit. */
#define HX_JOURNAL_RECORD(stream, len)                                         \
    ((uint16_t)((unsigned)(stream) << 15 | (unsigned)(len)))
#define HX_JOURNAL_STREAM(record) ((unsigned)(record) >> 15)
#define HX_JOURNAL_LEN(record)    ((unsigned)(record)&0x7fffu)

struct hx_journal {
    uint32_t magic;
    uint32_t domid;
    uint64_t inode; /* of the log, which may have become log.1 since */
    uint64_t size;  /* of the log before the batch */
    uint64_t offset[HX_JOURNAL_STREAMS]; /* before the batch */
    uint32_t count;
    uint16_t record[HX_JOURNAL_RECORDS_MAX];
};

/* Opens or makes the file; *fd_r is the caller's. */
int hx_journal_open(const char *path, int *fd_r, struct hx_err *err);

/* 0, or -1 with errno. */
int hx_journal_write(int fd, const struct hx_journal *journal);

/* 0, or -1 when the file holds no journal of this domain; *journal_r is
 * untouched then. */
int hx_journal_read(int fd, uint32_t domid, struct hx_journal *journal_r);

/* The first `lines` of the batch are in the log: moves the offsets behind
 * them. */
void hx_journal_settle(struct hx_journal *journal, uint64_t lines);

#endif
