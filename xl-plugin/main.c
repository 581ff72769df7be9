/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl-hyper: pods on Xen from the command line.
 *
 *     xl hyper-create nginx:latest      through the shim
 *     xl-hyper create nginx:latest      from scripts, by its path
 *     hyper create nginx:latest         as docker's users like it
 */
#include "xl-plugin/commands.h"

int main(int argc, char **argv)
{
    return hx_command_main(argc, argv);
}
