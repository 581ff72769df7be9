/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/daemon-config.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/base/strv.h"
#include "image/pull/confdir.h"
#include "image/pull/url.h"
#include "image/reference.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)

char *hx_confdir_path(const char *name)
{
    const char *folder = getenv("HX_CONFDIR");
    char *path = NULL;

    if (!folder || !*folder)
        folder = HX_SYSCONFDIR "/hyper";
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* A mirror is a scheme and a host; docker, too, takes no path. */
static int check_mirror(const char *text, const char *what, char ***mirrors,
                        struct hx_err *err)
{
    _cleanup_url_ struct hx_url url = { 0 };
    size_t origin;

    if (hx_url_parse(text, NULL, &url, NULL) < 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: registry-mirrors: '%.200s' is no URL like "
                          "https://mirror.example.com",
                          what, text);
    origin = strlen(url.origin);
    if (strncmp(url.text, url.origin, origin) == 0 &&
        strcmp(url.text + origin, "") != 0 &&
        strcmp(url.text + origin, "/") != 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: registry-mirrors: '%.200s' must end with the "
                          "host; a mirror has no path",
                          what, text);
    if (hx_strv_add(mirrors, url.origin) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    return 0;
}

struct block {
    int family;
    unsigned char address[16];
    unsigned bits;
};

static int parse_block(const char *text, struct block *block)
{
    char address[64];
    size_t len = strcspn(text, "/");
    unsigned max;
    int used = 0;

    if (text[len] != '/' || len >= sizeof(address))
        return 0;
    memcpy(address, text, len);
    address[len] = '\0';
    block->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    max = block->family == AF_INET6 ? 128 : 32;
    return inet_pton(block->family, address, block->address) == 1 &&
           sscanf(text + len + 1, "%3u%n", &block->bits, &used) == 1 &&
           text[len + 1 + (size_t)used] == '\0' && block->bits <= max;
}

static int check_insecure(const char *text, const char *what, char ***insecure,
                          struct hx_err *err)
{
    struct block block;

    /* Docker warns of a scheme, and takes the rest. */
    if (strncmp(text, "http://", 7) == 0)
        text += 7;
    else if (strncmp(text, "https://", 8) == 0)
        text += 8;
    if (!parse_block(text, &block) && hx_reference_check_domain(text, NULL) < 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: insecure-registries: '%.200s' is neither HOST, "
                          "HOST:PORT nor an address block like 10.0.0.0/8",
                          what, text);
    if (hx_strv_add(insecure, text) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    return 0;
}

typedef int check_item(const char *text, const char *what, char ***list,
                       struct hx_err *err);

static int take_list(const json_t *doc, const char *field, const char *what,
                     check_item *check, char ***list, struct hx_err *err)
{
    _cleanup_strv_ char **items = NULL;
    int rc = hx_json_strv(doc, field, what, HX_JSON_OPTIONAL, &items, err);

    for (size_t i = 0; rc == 0 && items && items[i]; i++)
        rc = check(items[i], what, list, err);
    return rc;
}

/* 0 is docker's word for no limit: ours holds then. */
static int take_downloads(const json_t *doc, const char *what,
                          unsigned *downloads, struct hx_err *err)
{
    uint64_t value = HX_DOWNLOADS_DEFAULT;
    int rc = hx_json_u64(doc, "max-concurrent-downloads", what,
                         HX_JSON_OPTIONAL, &value, err);

    *downloads = value == 0 || value > HX_DOWNLOADS_MAX ? HX_DOWNLOADS_MAX
                                                        : (unsigned)value;
    return rc;
}

int hx_daemon_config_parse(const char *data, size_t len, const char *what,
                           struct hx_daemon_config *config_r,
                           struct hx_err *err)
{
    _cleanup_daemon_config_ struct hx_daemon_config config = { 0 };
    _cleanup_json_ json_t *doc = NULL;
    int rc = hx_json_parse(data, len, what, &doc, err);

    if (rc == 0)
        rc = take_list(doc, "registry-mirrors", what, check_mirror,
                       &config.mirrors, err);
    if (rc == 0)
        rc = take_list(doc, "insecure-registries", what, check_insecure,
                       &config.insecure, err);
    if (rc == 0)
        rc = take_downloads(doc, what, &config.downloads, err);
    if (rc == 0)
        rc = hx_proxies_parse(doc, what, &config.proxies, err);
    if (rc < 0) {
        /* Not an image is wrong, but the administrator's file. */
        if (err && err->code == HX_ERR_CORRUPT)
            err->code = HX_ERR_USAGE;
        return rc == -HX_ERR_CORRUPT ? -HX_ERR_USAGE : rc;
    }
    *config_r = config;
    config = (struct hx_daemon_config){ 0 };
    return 0;
}

static int load(struct hx_daemon_config *config_r, struct hx_err *err)
{
    static const struct hx_daemon_config empty = { .downloads =
                                                       HX_DOWNLOADS_DEFAULT };
    _cleanup_free_ char *path = hx_confdir_path("daemon.json");
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int rc;

    if (!path)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "daemon.json");
    rc = hx_file_read(path, FILE_MAX_BYTES, &text, err);
    if (rc == -HX_ERR_NOT_FOUND) {
        hx_err_clear(err);
        *config_r = empty;
        return 0;
    }
    /* An empty file is what `touch` makes, and says nothing. */
    if (rc == 0 && text.len == 0) {
        *config_r = empty;
        return 0;
    }
    return rc < 0 ? rc
                  : hx_daemon_config_parse(text.data, text.len, path, config_r,
                                           err);
}

int hx_daemon_config_load(struct hx_daemon_config *config_r, struct hx_err *err)
{
    int rc = load(config_r, err);

    return rc < 0 ? rc : hx_proxies_use(&config_r->proxies, err);
}

void hx_daemon_config_release(struct hx_daemon_config *config)
{
    if (!config)
        return;
    hx_strv_free(&config->mirrors);
    hx_strv_free(&config->insecure);
    hx_proxies_release(&config->proxies);
}

static int in_block(const struct block *block, int family, const void *address)
{
    const unsigned char *a = address;
    unsigned whole = block->bits / 8, rest = block->bits % 8;
    unsigned mask = rest ? (0xff00U >> rest) & 0xff : 0;

    return family == block->family && memcmp(block->address, a, whole) == 0 &&
           (!rest || ((block->address[whole] ^ a[whole]) & mask) == 0);
}

/* Whether one of the host's addresses is in the block. */
static int host_in_block(const struct block *block, const char *host)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    int found = 0;

    if (getaddrinfo(host, NULL, &hints, &list) != 0)
        return 0;
    for (struct addrinfo *at = list; at && !found; at = at->ai_next) {
        if (at->ai_family == AF_INET)
            found = in_block(
                block, AF_INET,
                &((struct sockaddr_in *)(void *)at->ai_addr)->sin_addr);
        else if (at->ai_family == AF_INET6)
            found = in_block(
                block, AF_INET6,
                &((struct sockaddr_in6 *)(void *)at->ai_addr)->sin6_addr);
    }
    freeaddrinfo(list);
    return found;
}

int hx_daemon_config_is_insecure(const struct hx_daemon_config *config,
                                 const char *host_port, const char *host)
{
    struct block block;

    for (size_t i = 0; config->insecure && config->insecure[i]; i++) {
        const char *item = config->insecure[i];

        if (strcasecmp(item, host_port) == 0 || strcasecmp(item, host) == 0 ||
            (parse_block(item, &block) && host_in_block(&block, host)))
            return 1;
    }
    return 0;
}
