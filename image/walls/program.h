/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the programs behind the walls have in common: descriptors on the command
 * line, one JSON object a line on standard output, and the way behind the walls
 * and back.
 */
#ifndef HX_WALLS_PROGRAM_H
#define HX_WALLS_PROGRAM_H

#include <jansson.h>
#include <sys/stat.h>

#include "image/base/err.h"
#include "image/walls/walls.h"

/* A decimal number from 0 to `max` and nothing else; else -1. */
int hx_program_number(const char *text, unsigned long max,
                      unsigned long *number_r);

/* The descriptor of a plain file, which `st` describes; HX_ERR_USAGE.  `option`
 * is how the error calls it. */
int hx_program_fd(const char *option, const char *text, int *fd_r,
                  struct stat *st, struct hx_err *err);

/* The same for --output-fd: an empty file, open for reading and writing. */
int hx_program_output_fd(const char *text, int *fd_r, struct hx_err *err);

/* Writes a line, at once.  Takes over `json`.  When nobody is there to read it,
 * nobody wants what is made either, and the process ends. */
void hx_program_say(json_t *json);

/*
 * Does `work` in a child behind the walls, which end it when the caller ends;
 * `walls` are as hx_walls_confine() wants them, and the caller has one thread.
 * The child returns from here too, with what `work` returned: both have to go
 * on to hx_program_end().
 */
int hx_program_run(const struct hx_walls *walls,
                   int (*work)(const void *what, struct hx_err *err),
                   const void *what, struct hx_err *err);

/* Says the error when `rc` is negative; the status to exit with. */
int hx_program_end(int rc, const struct hx_err *err);

#endif
