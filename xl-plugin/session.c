/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/session.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "domain-builder/pod-state.h"
#include "xl-plugin/commands.h"
#include "xl-plugin/output.h"

int hx_session_host(struct hx_host **host_r, struct hx_err *err)
{
    return hx_host_open(NULL, host_r, err);
}

int hx_session_pods(struct hx_host **host_r, struct hx_err *err)
{
    struct hx_host *host = NULL;
    int r;

    r = hx_session_host(&host, err);
    if (r < 0)
        return r;
    r = hx_pod_reconcile(host, NULL, err);
    if (r == -HX_ERR_NO_XEN || r == -HX_ERR_PRIVILEGE) {
        hx_host_close(host);
        return r;
    }
    /* One pod that cannot be put right must not keep us from the others. */
    if (r < 0)
        hx_complain("%s", err->msg);
    *host_r = host;
    return 0;
}

int hx_session_store(struct hx_store *store_r, struct hx_err *err)
{
    struct hx_err why = { 0 };
    struct hx_store store = { 0 };
    int r = hx_store_open(NULL, &store, &why);

    /* Its folders are their owner's alone. */
    if (r == 0 && access(store.root, R_OK) < 0)
        r = hx_err_sys(&why, HX_ERR_SYSTEM, errno, "opening the image store %s",
                       store.root);
    if (r == 0) {
        *store_r = store;
        return 0;
    }
    hx_store_close(&store);
    return hx_err_set(err, why.code, "%s%s", why.msg,
                      why.code == HX_ERR_PRIVILEGE
                          ? "; this needs root: try it with sudo"
                          : "");
}

int hx_session_check_disks(const struct hx_pod *pod, struct hx_err *err)
{
    _cleanup_store_ struct hx_store store = { 0 };
    int r = hx_session_store(&store, err);

    for (size_t i = 0; r == 0 && i < pod->spec.container_count; i++) {
        const char *id = pod->spec.containers[i].image_id;

        if (!id || !hx_digest_valid(id))
            continue;
        r = hx_image_check_disk(&store, id, err);
        if (r == -HX_ERR_NOT_FOUND)
            r = 0;
    }
    return r < 0 ? hx_err_prefix(err, "starting the pod %s", pod->spec.name)
                 : 0;
}

static bool named_before(char *const *names, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(names[i], names[index]) == 0)
            return true;
    }
    return false;
}

int hx_session_each_pod(char *const *names, hx_pod_action *action,
                        const void *opaque)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_err err = { 0 };
    int status = HX_STATUS_OK;

    if (hx_session_pods(&host, &err) < 0) {
        hx_complain("%s", err.msg);
        return HX_STATUS_FAILED;
    }
    for (size_t i = 0; names[i]; i++) {
        _cleanup_pod_ struct hx_pod pod = { 0 };

        if (named_before(names, i))
            continue;
        if (hx_pod_find(host, names[i], &pod, &err) < 0 ||
            action(host, &pod, opaque, &err) < 0) {
            hx_complain("%s", err.msg);
            status = HX_STATUS_FAILED;
            continue;
        }
        hx_print_line(stdout, names[i]);
    }
    return status;
}

void hx_session_let_go(struct hx_host *host, struct hx_pod *pod)
{
    struct hx_err err = { 0 };

    if (!pod->spec.auto_remove)
        return;
    hx_pod_let_go(pod);
    if (hx_pod_reconcile(host, pod->uuid, &err) < 0)
        hx_complain("%s", err.msg);
}
