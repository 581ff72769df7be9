/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "image/base/clock.h"
#include "image/prune.h"
#include "xl-plugin/image-use.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/times.h"

#define UNTIL "until="

struct prune_options {
    bool all;
    bool force;
    int64_t until_ms; /* 0: any age */
};

struct pruning {
    const struct prune_options *options;
    struct hx_host *host;
    bool said; /* the title of the list */
};

enum { OPT_FILTER = HX_OPT_OWN };

static const struct hx_option options[] = {
    { 'a', "all", NULL,
      "remove all images that no pod uses, not only those without a name" },
    { OPT_FILTER, "filter", "until=TIME",
      "only images made before TIME: a duration before now (24h), Unix time or "
      "RFC 3339" },
    { 'f', "force", NULL, "do not ask" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct prune_options *o = opaque;

    if (key == 'a') {
        o->all = true;
        return 0;
    }
    if (key == 'f') {
        o->force = true;
        return 0;
    }
    if (strncmp(value, UNTIL, strlen(UNTIL)) != 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--filter: '%.64s' is not supported; until=TIME is",
                          value);
    return hx_time_parse_point("--filter until", value + strlen(UNTIL),
                               hx_clock_unix_ms(), &o->until_ms, err);
}

/* As docker: asks whoever is at standard input, and takes y alone. */
static bool is_agreed(const struct prune_options *o)
{
    char answer[16] = "";

    if (o->force)
        return true;
    printf("WARNING! This will remove all %s.\n"
           "Are you sure you want to continue? [y/N] ",
           o->all ? "images that no pod was made of" : "dangling images");
    fflush(stdout);
    if (!fgets(answer, sizeof(answer), stdin))
        putchar('\n');
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0;
}

static int in_use(const char *id, void *opaque, struct hx_err *err)
{
    const struct pruning *pruning = opaque;

    return hx_image_in_use(id, pruning->host, err);
}

/* One that does not say when it was made is older than anything. */
static int is_older(const struct hx_image_config *config, void *opaque)
{
    const struct pruning *pruning = opaque;

    return hx_time_parse_rfc3339(config->created) < pruning->options->until_ms;
}

static void say_removed(const char *name, const char *id, void *opaque)
{
    struct pruning *pruning = opaque;

    if (!pruning->said)
        puts("Deleted Images:");
    pruning->said = true;
    fputs(name ? "untagged: " : "deleted: ", stdout);
    hx_print_line(stdout, name ? name : id);
}

static int prune(const struct prune_options *o, struct hx_err *err)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_store_ struct hx_store store = { 0 };
    struct pruning pruning = { .options = o };
    struct hx_prune what = { .all = o->all,
                             .in_use = in_use,
                             .wanted = o->until_ms ? is_older : NULL,
                             .removed = say_removed,
                             .opaque = &pruning };
    char size[HX_SIZE_TEXT];
    uint64_t freed = 0;
    int r = hx_session_store(&store, err);

    if (r == 0)
        r = hx_session_pods(&host, err);
    pruning.host = host;
    if (r == 0)
        r = hx_image_prune(&store, &what, &freed, err);
    if (r < 0)
        return r;
    hx_size_print(freed, size);
    printf("%sTotal reclaimed space: %s\n", pruning.said ? "\n" : "", size);
    return 0;
}

static int image_prune_main(const struct hx_command *command, int argc,
                            char **argv)
{
    struct prune_options o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (!is_agreed(&o)) {
        hx_complain("nothing was removed: the question was not answered with "
                    "y; -f asks none");
        return HX_STATUS_FAILED;
    }
    if (prune(&o, &err) < 0)
        return hx_command_fail(command, &err);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_image_prune = {
    .name = "image-prune",
    .operands = "",
    .summary = "Remove images that no pod uses and nothing names",
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = image_prune_main,
};
