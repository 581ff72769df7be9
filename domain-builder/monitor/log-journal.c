/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/log-journal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "image/base/cleanup.h"

#define MAGIC      UINT32_C(0x68786a31) /* "hxj1": of this very layout */
#define PAGE_BYTES 4096

_Static_assert(sizeof(struct hx_journal) <= PAGE_BYTES,
               "a journal that is not torn is within one page");

int hx_journal_open(const char *path, int *fd_r, struct hx_err *err)
{
    _cleanup_close_ int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int errnum;

    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening %s", path);
    /* So that no later write can fail for lack of space. */
    errnum = posix_fallocate(fd, 0, PAGE_BYTES);
    if (errnum)
        return hx_err_sys(err, HX_ERR_SYSTEM, errnum, "making %s", path);
    *fd_r = hx_steal_fd(&fd);
    return 0;
}

int hx_journal_write(int fd, const struct hx_journal *journal)
{
    struct hx_journal marked = *journal;
    ssize_t n;

    marked.magic = MAGIC;
    do
        n = pwrite(fd, &marked, sizeof(marked), 0);
    while (n < 0 && errno == EINTR);
    if (n >= 0 && n != (ssize_t)sizeof(marked))
        errno = EIO;
    return n == (ssize_t)sizeof(marked) ? 0 : -1;
}

int hx_journal_read(int fd, uint32_t domid, struct hx_journal *journal_r)
{
    struct hx_journal journal;

    if (pread(fd, &journal, sizeof(journal), 0) != (ssize_t)sizeof(journal) ||
        journal.magic != MAGIC || journal.domid != domid ||
        journal.count > HX_JOURNAL_RECORDS_MAX)
        return -1;
    *journal_r = journal;
    return 0;
}

void hx_journal_settle(struct hx_journal *journal, uint64_t lines)
{
    for (uint32_t i = 0; i < journal->count && i < lines; i++)
        journal->offset[HX_JOURNAL_STREAM(journal->record[i])] +=
            HX_JOURNAL_LEN(journal->record[i]);
    journal->count = 0;
}
