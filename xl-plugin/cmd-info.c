/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <unistd.h>

#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/sizes.h"

static const struct hx_option options[] = {
    { HX_OPT_JSON, "json", NULL, "print JSON" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    (void)key;
    (void)value;
    (void)err;
    *(int *)opaque = 1;
    return 0;
}

/* What is known without Xen is shown without Xen. */
struct info {
    struct hx_host *host;
    struct hx_store store;
    char kernel[PATH_MAX];
    char ramdisk[PATH_MAX];
    struct hx_host_info xen;
    struct hx_err xen_err;
    struct hx_err store_err;
    size_t pods, running;
    size_t images;
    bool pods_known;
};

static void gather_pods(struct info *info)
{
    struct hx_pod *pods = NULL;
    size_t count = 0;

    if (hx_pod_reconcile(info->host, NULL, &info->xen_err) < 0 ||
        hx_pod_list(info->host, &pods, &count, &info->xen_err) < 0)
        return;
    info->pods_known = true;
    info->pods = count;
    for (size_t i = 0; i < count; i++)
        info->running +=
            pods[i].state == HX_POD_RUNNING || pods[i].state == HX_POD_PAUSED;
    hx_pod_list_free(pods, count);
}

static int gather(struct info *info, struct hx_err *err)
{
    struct hx_image *images = NULL;
    int r;

    r = hx_session_host(&info->host, err);
    if (r < 0)
        return r;
    snprintf(info->kernel, sizeof(info->kernel), "%s/vmlinux",
             hx_host_pkglib_dir(info->host));
    snprintf(info->ramdisk, sizeof(info->ramdisk), "%s/initrd.cpio",
             hx_host_pkglib_dir(info->host));
    if (hx_host_get_info(info->host, &info->xen, &info->xen_err) == 0)
        gather_pods(info);
    if (hx_session_store(&info->store, &info->store_err) == 0 &&
        hx_image_list(&info->store, &images, &info->images, &info->store_err) ==
            0)
        hx_image_list_free(images, info->images);
    return 0;
}

static void print_path(const char *title, const char *path)
{
    printf("%-14s %s%s\n", title, path,
           access(path, R_OK) == 0 ? "" : " (missing)");
}

static void print_text(const struct info *info)
{
    char total[HX_SIZE_TEXT], spare[HX_SIZE_TEXT];

    printf("%-14s %s\n", "Version:", HX_VERSION);
    print_path("Kernel:", info->kernel);
    print_path("Ramdisk:", info->ramdisk);
    printf("%-14s %s\n", "Store:", hx_host_state_dir(info->host));
    printf("%-14s %s\n", "Run folder:", hx_host_run_dir(info->host));
    print_path("Configuration:", hx_host_daemon_json(info->host));
    if (info->store_err.code)
        printf("%-14s unknown: %s\n", "Images:", info->store_err.msg);
    else
        printf("%-14s %zu\n", "Images:", info->images);
    if (info->xen_err.code) {
        printf("%-14s unknown: %s\n", "Xen:", info->xen_err.msg);
        return;
    }
    hx_size_print_memory(info->xen.total_mem_kib, total);
    hx_size_print_memory(info->xen.free_mem_kib, spare);
    printf("%-14s %zu, %zu of them running\n", "Pods:", info->pods,
           info->running);
    printf("%-14s %s\n", "Xen:", info->xen.xen_version);
    printf("%-14s %s%s\n", "Domain types:", info->xen.can_pv ? "pv" : "",
           info->xen.can_pvh ? info->xen.can_pv ? " pvh" : "pvh" : "");
    printf("%-14s %s, %s of it free for domains\n", "Memory:", total, spare);
    printf("%-14s %u\n", "CPUs:", info->xen.cpus);
}

static json_t *xen_json(const struct info *info)
{
    if (!info->xen.xen_version[0])
        return json_null();
    return json_pack("{s:o, s:b, s:b, s:I, s:I, s:I}", "Version",
                     hx_json_text(info->xen.xen_version), "Pv",
                     info->xen.can_pv, "Pvh", info->xen.can_pvh, "TotalMemKiB",
                     (json_int_t)info->xen.total_mem_kib, "FreeMemKiB",
                     (json_int_t)info->xen.free_mem_kib, "Cpus",
                     (json_int_t)info->xen.cpus);
}

static json_t *count_json(bool known, size_t count)
{
    return known ? json_integer((json_int_t)count) : json_null();
}

static json_t *info_json(const struct info *info)
{
    return json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
        "Version", HX_VERSION, "GuestAbi", hx_host_guest_abi(), "Kernel",
        info->kernel, "Ramdisk", info->ramdisk, "Store",
        hx_host_state_dir(info->host), "RunDir", hx_host_run_dir(info->host),
        "Configuration", hx_host_daemon_json(info->host), "Xen", xen_json(info),
        "Pods", count_json(info->pods_known, info->pods), "PodsRunning",
        count_json(info->pods_known, info->running), "Images",
        count_json(!info->store_err.code, info->images), "Error",
        hx_json_text(info->xen_err.code ? info->xen_err.msg : NULL));
}

static int info_main(const struct hx_command *command, int argc, char **argv)
{
    static struct info info; /* too large for the stack */
    struct hx_err err = { 0 };
    int json = 0, status = HX_STATUS_OK;
    int first = hx_options_parse(command, argc, argv, set_option, &json, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (gather(&info, &err) < 0)
        return hx_command_fail(command, &err);
    if (!json)
        print_text(&info);
    else if (hx_print_json(info_json(&info), &err) < 0)
        status = hx_command_fail(command, &err);
    /* Everything was shown, but this is no host for pods. */
    if (info.xen_err.code)
        status = HX_STATUS_FAILED;
    hx_store_close(&info.store);
    hx_host_close(info.host);
    return status;
}

const struct hx_command hx_cmd_info = {
    .name = "info",
    .operands = "",
    .summary = "Show the host: paths, Xen and what it can do, memory, counts",
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = info_main,
};
