/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hyper-exec as a program of its own: static, and without libxl, whose loading
 * takes 50 times as long as all that an exec does (docs/architecture.md).  `xl`
 * runs it in place of xl-hyper.
 */
#include "xl-plugin/commands.h"

const struct hx_command *const hx_commands[] = { &hx_cmd_exec, NULL };

int main(int argc, char **argv)
{
    return hx_command_main(argc, argv);
}
