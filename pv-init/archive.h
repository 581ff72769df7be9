/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files out of and into a container as a tar, for images without a tar
 * program.  Names mean what they mean to `docker cp`.
 *
 * Both work on the root folder of the calling process: it has entered the
 * container's namespaces and root, so that no link leads out of there.  They
 * take as long as the other end of the pipe wants, and belong into a process
 * of their own.
 */
#ifndef HX_INIT_ARCHIVE_H
#define HX_INIT_ARCHIVE_H

#include <stdbool.h>

#include "pv-init/base.h"

/*
 * Writes what is at `path`, which is absolute, to `out`.  The members' names
 * begin with its last component; with "." for "/" and for a path that ends in
 * "/.", and then the folder's content is meant.  When the last component is a
 * symbolic link the link itself is written, unless `follow` or a slash at the
 * end say otherwise.
 *
 * Written are files, folders, symbolic and hard links, fifos and devices,
 * with owners, times to the nanosecond, and the attributes user.* and
 * security.capability.  Sockets are left out.  Folders of the kernel's own
 * file systems (proc, sysfs, ...) stay empty, and what lies in them is refused;
 * /dev stays empty unless `path` lies in it.
 *
 * 0, or -1 and a sentence.  What could not be read is left out, and told when
 * the rest is written; a file that shrank meanwhile is filled up with zeros,
 * and told, too.  One that grew is cut.
 */
int hx_init_archive_get(const char *path, bool follow, int out,
                        struct hx_init_err *err);

struct hx_init_archive_put {
    const char *dest; /* absolute */
    /*
     * What the names of all members begin with; it is replaced as `docker cp
     * TOP POD:DEST` would: in a DEST that is a folder TOP keeps its name ("."
     * is DEST itself), else it becomes DEST.  NULL: DEST is a folder, into
     * which the members go under their own names.
     */
    const char *top;
    bool keep_owner; /* user and group as in the tar; else the caller's */
};

/*
 * Reads a tar from `in`.  A file takes the place of what is there under its
 * name, but not of a folder, nor a folder that of anything else.  Members with
 * ".." in their names are refused.  0, or -1 and a sentence, and then what came
 * before is there.
 */
int hx_init_archive_put(const struct hx_init_archive_put *how, int in,
                        struct hx_init_err *err);

#endif
