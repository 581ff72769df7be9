/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "image/base/file.h"
#include "image/pull/confdir.h"
#include "image/pull/endpoint.h"

#define PEM_MAX_BYTES ((size_t)1 << 20)

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "certs.d");
}

static int ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), want = strlen(suffix);

    return len > want && strcmp(name + len - want, suffix) == 0;
}

static int add_ca(const char *path, struct hx_buf *pem, struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int rc = hx_file_read(path, PEM_MAX_BYTES, &text, err);

    if (rc < 0)
        return rc;
    if (!text.data || !strstr(text.data, "-----BEGIN "))
        return hx_err_set(err, HX_ERR_USAGE, "%s: it holds no PEM certificate",
                          path);
    if (hx_buf_add(pem, text.data, text.len) < 0 || hx_buf_adds(pem, "\n") < 0)
        return hx_err_set(err, HX_ERR_LIMIT, "%s: too large", path);
    return 0;
}

/* NAME.cert, and the NAME.key that must be beside it. */
static int add_client(const char *folder, const char *name,
                      struct hx_http_tls *tls, struct hx_err *err)
{
    int stem = (int)(strlen(name) - strlen(".cert"));
    _cleanup_free_ char *cert = NULL, *key = NULL;

    if (asprintf(&cert, "%s/%s", folder, name) < 0) {
        cert = NULL;
        return no_memory(err);
    }
    if (asprintf(&key, "%s/%.*s.key", folder, stem, name) < 0) {
        key = NULL;
        return no_memory(err);
    }
    if (access(key, R_OK) < 0)
        return hx_err_sys(err, HX_ERR_USAGE, errno,
                          "%s has no key beside it: %s", cert, key);
    free(tls->cert_path);
    free(tls->key_path);
    tls->cert_path = hx_steal_ptr(&cert);
    tls->key_path = hx_steal_ptr(&key);
    return 0;
}

/* 1 when the folder is there, 0 when not. */
static int read_folder(const char *folder, struct hx_http_tls *tls,
                       struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf pem = HX_BUF_INIT(PEM_MAX_BYTES);
    _cleanup_closedir_ DIR *dir = opendir(folder);
    struct dirent *entry;
    int rc = 0;

    if (!dir)
        return 0;
    while (rc == 0 && (entry = readdir(dir))) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
            path = NULL;
            return no_memory(err);
        }
        if (ends_with(entry->d_name, ".crt"))
            rc = add_ca(path, &pem, err);
        else if (ends_with(entry->d_name, ".cert"))
            rc = add_client(folder, entry->d_name, tls, err);
    }
    if (rc < 0)
        return rc;
    if (pem.len)
        tls->ca_pem = hx_buf_detach(&pem);
    return 1;
}

int hx_endpoint_tls(const char *host_port, struct hx_http_tls *tls_r,
                    struct hx_err *err)
{
    _cleanup_free_ char *ours = NULL, *dockers = NULL;
    _cleanup_(hx_http_tls_release) struct hx_http_tls tls = { .verify = 1 };
    _cleanup_free_ char *root = hx_confdir_path("certs.d");
    int rc;

    if (!root || asprintf(&ours, "%s/%s", root, host_port) < 0 ||
        asprintf(&dockers, HX_SYSCONFDIR "/docker/certs.d/%s", host_port) < 0)
        return no_memory(err);
    rc = read_folder(ours, &tls, err);
    if (rc == 0)
        rc = read_folder(dockers, &tls, err);
    if (rc < 0)
        return rc;
    *tls_r = tls;
    tls = (struct hx_http_tls){ 0 };
    return rc;
}
