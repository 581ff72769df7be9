/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pull: from a reference to an image in the store, and back with --push.
 *
 * Started by the image library (image/fill.c), which shows what it reports;
 * it answers in lines of JSON (image/helper.h) and prints nothing else.  All
 * that talks to networks or reads archives is in here, and the layers
 * themselves are read by `mkroot`.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "image/base/quit.h"
#include "image/base/strv.h"
#include "image/pull/check.h"
#include "image/pull/derive.h"
#include "image/pull/disk.h"
#include "image/pull/load.h"
#include "image/pull/login.h"
#include "image/pull/pull.h"
#include "image/pull/push.h"
#include "image/pull/report.h"
#include "image/pull/save.h"
#include "image/store.h"

static const char usage[] =
    "Usage: pull [OPTION]... REFERENCE\n"
    "       pull --login REGISTRY --user NAME    (password on stdin)\n"
    "       pull --logout REGISTRY\n"
    "       pull --check-disk ID                 (of a stored image)\n"
    "       pull --push REFERENCE\n"
    "       pull --check [--repair]              (the store)\n"
    "       pull --load FD [--name TEXT]         (an archive)\n"
    "       pull --save FD [--oci] REFERENCE...\n"
    "       pull --commit FD --base ID --folder PATH (a pod's disk)\n"
    "            [--made-by TEXT] [--author TEXT] [--message TEXT]\n"
    "            [--config FD] [--change LINE]... [REFERENCE]\n"
    "\n"
    "Fetch an image into the store.  This program is started by xl-hyper.\n"
    "\n"
    "  --store DIR          the store (" HX_STORE_DEFAULT ")\n"
    "  --platform OS/ARCH   instead of this host's\n"
    "  --no-engine          do not ask the local docker engine\n"
    "  --engine SOCKET      its socket (/var/run/docker.sock)\n"
    "  --connect-timeout S  seconds for a connection to stand (10)\n"
    "  --stall-timeout S    seconds a transfer may stand still (30)\n"
    "  -h, --help           print this\n";

enum {
    OPT_STORE = 256,
    OPT_PLATFORM,
    OPT_NO_ENGINE,
    OPT_ENGINE,
    OPT_CONNECT,
    OPT_STALL,
    OPT_LOGIN,
    OPT_USER,
    OPT_LOGOUT,
    OPT_CHECK_DISK,
    OPT_PUSH,
    OPT_CHECK,
    OPT_REPAIR,
    OPT_LOAD,
    OPT_NAME,
    OPT_SAVE,
    OPT_OCI,
    OPT_COMMIT,
    OPT_BASE,
    OPT_FOLDER,
    OPT_MADE_BY,
    OPT_AUTHOR,
    OPT_MESSAGE,
    OPT_CONFIG,
    OPT_CHANGE
};

static const struct option long_options[] = {
    { "store", required_argument, NULL, OPT_STORE },
    { "platform", required_argument, NULL, OPT_PLATFORM },
    { "no-engine", no_argument, NULL, OPT_NO_ENGINE },
    { "engine", required_argument, NULL, OPT_ENGINE },
    { "connect-timeout", required_argument, NULL, OPT_CONNECT },
    { "stall-timeout", required_argument, NULL, OPT_STALL },
    { "login", required_argument, NULL, OPT_LOGIN },
    { "user", required_argument, NULL, OPT_USER },
    { "logout", required_argument, NULL, OPT_LOGOUT },
    { "check-disk", required_argument, NULL, OPT_CHECK_DISK },
    { "push", required_argument, NULL, OPT_PUSH },
    { "check", no_argument, NULL, OPT_CHECK },
    { "repair", no_argument, NULL, OPT_REPAIR },
    { "load", required_argument, NULL, OPT_LOAD },
    { "name", required_argument, NULL, OPT_NAME },
    { "save", required_argument, NULL, OPT_SAVE },
    { "oci", no_argument, NULL, OPT_OCI },
    { "commit", required_argument, NULL, OPT_COMMIT },
    { "base", required_argument, NULL, OPT_BASE },
    { "folder", required_argument, NULL, OPT_FOLDER },
    { "made-by", required_argument, NULL, OPT_MADE_BY },
    { "author", required_argument, NULL, OPT_AUTHOR },
    { "message", required_argument, NULL, OPT_MESSAGE },
    { "config", required_argument, NULL, OPT_CONFIG },
    { "change", required_argument, NULL, OPT_CHANGE },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct command {
    struct hx_pull pull;
    const char *store;
    const char *login, *user, *logout, *push;
    const char *check_disk;
    int check, repair;
    int load_fd; /* or -1 */
    const char *load_name;
    struct hx_save save; /* with the descriptor -1 */
    struct hx_derive derive;
    int help;
};

static int descriptor(const char *text, int *fd_r, struct hx_err *err)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*end || end == text || value < 0 || value > 1 << 20)
        return hx_err_set(err, HX_ERR_USAGE,
                          "pull: '%.20s' is no file descriptor", text);
    *fd_r = (int)value;
    return 0;
}

static int seconds(const char *name, const char *text, long *out,
                   struct hx_err *err)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*end || value < 1 || value > 86400)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--%s: '%.20s' is no number of seconds", name, text);
    *out = value;
    return 0;
}

/* Of --commit. */
static int take_derive(int option, struct hx_derive *derive, struct hx_err *err)
{
    switch (option) {
    case OPT_COMMIT:
        return descriptor(optarg, &derive->disk_fd, err);
    case OPT_BASE:
        derive->base = optarg;
        return 0;
    case OPT_FOLDER:
        derive->folder = optarg;
        return 0;
    case OPT_MADE_BY:
        derive->made_by = optarg;
        return 0;
    case OPT_AUTHOR:
        derive->author = optarg;
        return 0;
    case OPT_MESSAGE:
        derive->message = optarg;
        return 0;
    case OPT_CONFIG:
        return descriptor(optarg, &derive->config_fd, err);
    case OPT_CHANGE:
        return hx_strv_add(&derive->changes, optarg) < 0
                   ? hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting")
                   : 0;
    default:
        return hx_err_set(err, HX_ERR_USAGE,
                          "pull: wrong option; see 'pull --help'");
    }
}

/* What is to be done other than a pull. */
static int take_mode(int option, struct command *command, struct hx_err *err)
{
    switch (option) {
    case OPT_LOGIN:
        command->login = optarg;
        return 0;
    case OPT_USER:
        command->user = optarg;
        return 0;
    case OPT_LOGOUT:
        command->logout = optarg;
        return 0;
    case OPT_CHECK_DISK:
        command->check_disk = optarg;
        return 0;
    case OPT_PUSH:
        command->push = optarg;
        return 0;
    case OPT_CHECK:
        command->check = 1;
        return 0;
    case OPT_REPAIR:
        command->repair = 1;
        return 0;
    case OPT_LOAD:
        return descriptor(optarg, &command->load_fd, err);
    case OPT_NAME:
        command->load_name = optarg;
        return 0;
    case OPT_SAVE:
        return descriptor(optarg, &command->save.fd, err);
    case OPT_OCI:
        command->save.oci = 1;
        return 0;
    case 'h':
        command->help = 1;
        return 0;
    default:
        return take_derive(option, &command->derive, err);
    }
}

static int take_option(int option, struct command *command, struct hx_err *err)
{
    struct hx_http_times *times = &command->pull.times;
    int rc;

    switch (option) {
    case OPT_STORE:
        command->store = optarg;
        return 0;
    case OPT_PLATFORM:
        command->pull.platform = optarg;
        return 0;
    case OPT_NO_ENGINE:
        command->pull.engine = NULL;
        return 0;
    case OPT_ENGINE:
        command->pull.engine = optarg;
        return 0;
    case OPT_CONNECT:
        rc = seconds("connect-timeout", optarg, &times->connect_ms, err);
        times->connect_ms *= 1000;
        return rc;
    case OPT_STALL:
        return seconds("stall-timeout", optarg, &times->stall_s, err);
    default:
        return take_mode(option, command, err);
    }
}

static int parse(int argc, char **argv, struct command *command,
                 struct hx_err *err)
{
    struct hx_derive *derive = &command->derive;
    int option, rc = 0, modes;

    opterr = 0;
    while (rc == 0 &&
           (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
        rc = take_option(option, command, err);
    if (rc < 0 || command->help)
        return rc;
    modes = (command->login != NULL) + (command->logout != NULL) +
            (command->check_disk != NULL) + (command->push != NULL) +
            command->check + (command->load_fd >= 0) +
            (derive->disk_fd >= 0 || argc - optind > 0);
    if (modes != 1 || (command->save.fd < 0 && argc - optind > 1) ||
        (command->save.fd >= 0 && argc == optind) ||
        command->repair > command->check ||
        (derive->disk_fd >= 0) != (derive->base && derive->folder) ||
        (command->login != NULL) != (command->user != NULL))
        return hx_err_set(err, HX_ERR_USAGE,
                          "pull: one reference, --login with --user, "
                          "--logout, --push, --check-disk, --check, --load, "
                          "--save or --commit; see 'pull --help'");
    command->pull.reference = derive->reference = argv[optind];
    command->save.names = argv + optind;
    command->save.times = derive->times = command->pull.times;
    return 0;
}

/* A decompressor of an outer archive must not take the whole memory.  The hard
 * limit is left: mkroot has one of its own. */
static void limit_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    static const rlim_t bytes = 512UL << 20;
    struct rlimit limit;

    if (getrlimit(RLIMIT_DATA, &limit) < 0 || limit.rlim_cur <= bytes)
        return;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_DATA, &limit);
#endif
}

static int run(struct command *command, struct hx_err *err)
{
    _cleanup_store_ struct hx_store store = { 0 };
    int rc;

    if (command->login)
        return hx_login(command->login, command->user, &command->pull.times,
                        err);
    if (command->logout)
        return hx_logout(command->logout, err);
    rc = hx_store_open(command->store, &store, err);
    if (rc < 0)
        return rc;
    if (command->check_disk)
        return hx_disk_check(&store, command->check_disk, err);
    if (command->push)
        return hx_push_run(&store, command->push, &command->pull.times, err);
    if (command->check)
        return hx_check_run(&store, command->repair, err);
    if (command->load_fd >= 0)
        return hx_load_run(&store, command->load_fd, command->load_name,
                           command->pull.platform, err);
    if (command->derive.disk_fd >= 0)
        return hx_derive_run(&store, &command->derive, err);
    if (command->save.fd >= 0)
        return hx_save_run(&store, &command->save, err);
    return hx_pull_run(&store, &command->pull, err);
}

int main(int argc, char **argv)
{
    struct command command = {
        .pull = { .engine = HX_ENGINE_SOCKET,
                  .times = { .connect_ms = 10000, .stall_s = 30 } },
        .load_fd = -1,
        .load_name = "archive",
        .save = { .fd = -1 },
        .derive = { .disk_fd = -1, .config_fd = -1 },
    };
    struct hx_err err = { 0 };
    int rc;

    signal(SIGPIPE, SIG_DFL);
    limit_memory();
    rc = parse(argc, argv, &command, &err);
    if (rc == 0 && command.help) {
        fputs(usage, stdout);
        return 0;
    }
    if (rc == 0)
        rc = run(&command, &err);
    if (rc < 0)
        hx_report_error(&err);
    hx_quit(rc < 0 ? 1 : 0);
}
