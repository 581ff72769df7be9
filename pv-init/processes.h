/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes of a container, for hyper-top.
 *
 * One line for each, its fields separated by a tab, in the order of their
 * numbers in the container:
 *
 *     PID  PPID  UID  START  CPU_MS  RSS_KIB  TTY  STATE  COMMAND
 *
 * PID and PPID count in the container's PID namespace (PPID 0: the parent is
 * outside), START is Unix time in seconds, TTY is as in "pts/0" or "?", STATE
 * one letter as in /proc/PID/stat.  COMMAND is the command line with blanks
 * between its words, or the program's name in brackets; control characters in
 * it are '?', other bytes as they are.
 */
#ifndef HX_INIT_PROCESSES_H
#define HX_INIT_PROCESSES_H

#include "pv-init/base.h"

/* Lines, and bytes of COMMAND; what is beyond is left out. */
#define HX_INIT_PROCESSES_MAX 4096u
#define HX_INIT_COMMAND_MAX   1024u

/*
 * Those in the cgroup "/INDEX" and below it, as `proc` (an open folder,
 * /proc of pv-init's own namespace) has them.  0, or -1 and a sentence.
 */
int hx_init_processes_list(int proc, unsigned index, int out,
                           struct hx_init_err *err);

#endif
