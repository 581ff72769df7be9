/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xl-hyper's commands, apart from commands.c: the program `exec` has its own
 * table, and links none of the others. */
#include "xl-plugin/commands.h"

/* clang-format off */
const struct hx_command *const hx_commands[] = {
    &hx_cmd_create,
    &hx_cmd_run,
    &hx_cmd_list,
    &hx_cmd_inspect,
    &hx_cmd_logs,
    &hx_cmd_exec,
    &hx_cmd_attach,
    &hx_cmd_stop,
    &hx_cmd_kill,
    &hx_cmd_start,
    &hx_cmd_restart,
    &hx_cmd_pause,
    &hx_cmd_unpause,
    &hx_cmd_wait,
    &hx_cmd_rename,
    &hx_cmd_update,
    &hx_cmd_cp,
    &hx_cmd_top,
    &hx_cmd_stats,
    &hx_cmd_events,
    &hx_cmd_recover,
    &hx_cmd_destroy,
    &hx_cmd_pull,
    &hx_cmd_push,
    &hx_cmd_images,
    &hx_cmd_rmi,
    &hx_cmd_tag,
    &hx_cmd_history,
    &hx_cmd_image_inspect,
    &hx_cmd_image_check,
    &hx_cmd_image_prune,
    &hx_cmd_commit,
    &hx_cmd_save,
    &hx_cmd_load,
    &hx_cmd_login,
    &hx_cmd_info,
    &hx_cmd_version,
    &hx_cmd_help,
    NULL,
};
/* clang-format on */
