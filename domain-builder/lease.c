/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/cleanup.h"
#include "image/base/file.h"

#define LOCK_TIMEOUT_MS 10000
#define UUID_LEN        36
/* 23 bits of a UUID collide rarely; this many in a row do not. */
#define MAC_TRIES 256

struct lease_dir {
    const struct hx_lease_place *place;
    int fd;
    int lock;
    const char *uuid;
};

static int open_dir(const struct hx_lease_place *place, const char *uuid,
                    struct lease_dir *dir, struct hx_err *err)
{
    _cleanup_free_ char *path = NULL, *lock = NULL;
    int r;

    if (asprintf(&path, "%s/net/%s", place->run_dir, place->bridge) < 0 ||
        asprintf(&lock, "%s/.lock", path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "taking an address");
    r = hx_mkdir_p(path, 0755, err);
    if (r == 0)
        r = hx_lock(lock, 1, LOCK_TIMEOUT_MS, &dir->lock, err);
    if (r < 0)
        return r;
    dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir->fd < 0) {
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening %s", path);
        close(dir->lock);
        return r;
    }
    dir->place = place;
    dir->uuid = uuid;
    return 0;
}

static void close_dir(struct lease_dir *dir)
{
    close(dir->fd);
    close(dir->lock);
}

/* Whether the lease's owner has a folder; its UUID comes out of `name`. */
static bool owner_lives(const struct lease_dir *dir, const char *name,
                        char uuid_r[UUID_LEN + 1])
{
    char path[PATH_MAX];
    ssize_t len = readlinkat(dir->fd, name, uuid_r, UUID_LEN + 1);

    if (len != UUID_LEN) {
        uuid_r[0] = '\0';
        return false;
    }
    uuid_r[len] = '\0';
    if (strspn(uuid_r, "0123456789abcdef-") != UUID_LEN)
        return false;
    snprintf(path, sizeof(path), "%s/%s", dir->place->pods_dir, uuid_r);
    return access(path, F_OK) == 0;
}

/* 0: taken; 1: in use, by owner_r; negative: an error. */
static int take_name(const struct lease_dir *dir, const char *name,
                     char owner_r[UUID_LEN + 1], struct hx_err *err)
{
    if (symlinkat(dir->uuid, dir->fd, name) == 0)
        return 0;
    if (errno == EEXIST) {
        if (owner_lives(dir, name, owner_r))
            return 1;
        if (unlinkat(dir->fd, name, 0) == 0 &&
            symlinkat(dir->uuid, dir->fd, name) == 0)
            return 0;
    }
    return hx_err_sys(err, HX_ERR_SYSTEM, errno, "taking %s on bridge %s", name,
                      dir->place->bridge);
}

static int take_wished(const struct lease_dir *dir, const char *name,
                       const char *what, struct hx_err *err)
{
    char owner[UUID_LEN + 1];
    int r = take_name(dir, name, owner, err);

    if (r <= 0)
        return r;
    return hx_err_set(err, HX_ERR_EXISTS,
                      "%s %s on bridge %s is in use by pod %s; choose another "
                      "one or remove that pod",
                      what, name, dir->place->bridge, owner);
}

/* The address after the one given last. */
static uint32_t next_of(const struct lease_dir *dir,
                        const struct hx_lease_wish *wish)
{
    char text[HX_IPV4_TEXT];
    ssize_t len = pread(dir->lock, text, sizeof(text) - 1, 0);
    uint32_t last;

    if (len <= 0)
        return wish->first;
    text[len] = '\0';
    if (!hx_ipv4_parse(text, &last) || last < wish->first || last >= wish->last)
        return wish->first;
    return last + 1;
}

static void remember(const struct lease_dir *dir, const char *text)
{
    size_t len = strlen(text);

    /* Only a hint: a failure costs nothing but an early reuse. */
    if (ftruncate(dir->lock, 0) == 0 && pwrite(dir->lock, text, len, 0) < 0)
        return;
}

static bool is_excluded(const struct hx_lease_wish *wish, uint32_t address)
{
    for (size_t i = 0; i < wish->excluded_count; i++)
        if (wish->excluded[i] == address)
            return true;
    return false;
}

static int take_from_pool(const struct lease_dir *dir,
                          const struct hx_lease_wish *wish, uint32_t *address_r,
                          struct hx_err *err)
{
    uint32_t address = next_of(dir, wish);
    uint64_t count = (uint64_t)wish->last - wish->first + 1;
    char owner[UUID_LEN + 1], first[HX_IPV4_TEXT], text[HX_IPV4_TEXT];

    for (uint64_t i = 0; i < count; i++) {
        int r = 1;

        if (!is_excluded(wish, address))
            r = take_name(dir, hx_ipv4_format(address, text), owner, err);
        if (r < 0)
            return r;
        if (r == 0) {
            remember(dir, text);
            *address_r = address;
            return 0;
        }
        address = address == wish->last ? wish->first : address + 1;
    }
    return hx_err_set(err, HX_ERR_LIMIT,
                      "taking an address: all of %s to %s on bridge %s are in "
                      "use; remove a pod, or widen \"bip\" or \"fixed-cidr\" "
                      "in daemon.json",
                      hx_ipv4_format(wish->first, first),
                      hx_ipv4_format(wish->last, text), dir->place->bridge);
}

static int take_address(const struct lease_dir *dir,
                        const struct hx_lease_wish *wish, uint32_t *address_r,
                        struct hx_err *err)
{
    char text[HX_IPV4_TEXT];
    int r;

    if (!wish->address)
        return take_from_pool(dir, wish, address_r, err);
    r = take_wished(dir, hx_ipv4_format(wish->address, text), "address", err);
    if (r == 0)
        *address_r = wish->address;
    return r;
}

static void count_up(uint8_t mac[6])
{
    for (int i = 5; i >= 3; i--)
        if (++mac[i] != 0)
            break;
    mac[3] &= 0x7f;
}

static int take_mac(const struct lease_dir *dir,
                    const struct hx_lease_wish *wish, uint8_t mac_r[6],
                    struct hx_err *err)
{
    char owner[UUID_LEN + 1], text[HX_MAC_TEXT];
    uint8_t mac[6];
    int r;

    memcpy(mac, wish->mac, sizeof(mac));
    if (wish->mac_given) {
        r = take_wished(dir, hx_mac_format(mac, text), "MAC address", err);
    } else {
        r = 1;
        for (int i = 0; i < MAC_TRIES && r > 0; i++) {
            if (i > 0)
                count_up(mac);
            r = take_name(dir, hx_mac_format(mac, text), owner, err);
        }
        if (r > 0)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "taking a MAC address: none is free near %s on "
                              "bridge %s; give one with --mac",
                              text, dir->place->bridge);
    }
    if (r == 0)
        memcpy(mac_r, mac, sizeof(mac));
    return r;
}

int hx_lease_take(const struct hx_lease_place *place,
                  const struct hx_lease_wish *wish, const char *uuid,
                  uint32_t *address_r, uint8_t mac_r[6], struct hx_err *err)
{
    char text[HX_IPV4_TEXT];
    struct lease_dir dir;
    uint32_t address = 0;
    int r = open_dir(place, uuid, &dir, err);

    if (r < 0)
        return r;
    r = take_address(&dir, wish, &address, err);
    if (r == 0) {
        r = take_mac(&dir, wish, mac_r, err);
        if (r == 0)
            *address_r = address;
        else
            unlinkat(dir.fd, hx_ipv4_format(address, text), 0);
    }
    close_dir(&dir);
    return r;
}

/* Unlinks the entries of one bridge whose text is the UUID. */
static int release_in(int net_fd, const char *bridge, const char *uuid)
{
    char owner[UUID_LEN + 1];
    _cleanup_closedir_ DIR *dir = NULL;
    struct dirent *entry;
    int fd =
        openat(net_fd, bridge, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOTDIR || errno == ENOENT ? 0 : -1;
    dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return -1;
    }
    while ((entry = readdir(dir))) {
        ssize_t len;

        if (entry->d_name[0] == '.')
            continue;
        len = readlinkat(fd, entry->d_name, owner, sizeof(owner));
        if (len == UUID_LEN && memcmp(owner, uuid, UUID_LEN) == 0 &&
            unlinkat(fd, entry->d_name, 0) < 0 && errno != ENOENT)
            return -1;
    }
    return 0;
}

int hx_lease_release(const char *run_dir, const char *uuid, struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_closedir_ DIR *dir = NULL;
    struct dirent *entry;

    if (asprintf(&path, "%s/net", run_dir) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "giving an address back");
    dir = opendir(path);
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", path);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.' &&
            release_in(dirfd(dir), entry->d_name, uuid) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "giving back the address of pod %s in %s/%s",
                              uuid, path, entry->d_name);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hx_mac_parse(const char *text, uint8_t mac_r[6])
{
    static const uint8_t zero[6];
    uint8_t mac[6];

    if (strlen(text) != HX_MAC_TEXT - 1)
        return false;
    for (int i = 0; i < 6; i++) {
        int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

        if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
            return false;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    if ((mac[0] & 1) || memcmp(mac, zero, sizeof(mac)) == 0)
        return false;
    memcpy(mac_r, mac, sizeof(mac));
    return true;
}

char *hx_mac_format(const uint8_t mac[6], char text_r[HX_MAC_TEXT])
{
    snprintf(text_r, HX_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
             mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text_r;
}

bool hx_mac_from_uuid(const char *uuid, uint8_t mac_r[6])
{
    uint8_t tail[3];

    if (strlen(uuid) != UUID_LEN)
        return false;
    for (int i = 0; i < 3; i++) {
        int high = hex_digit(uuid[UUID_LEN - 6 + 2 * i]);
        int low = hex_digit(uuid[UUID_LEN - 5 + 2 * i]);

        if (high < 0 || low < 0)
            return false;
        tail[i] = (uint8_t)(high << 4 | low);
    }
    mac_r[0] = 0x00;
    mac_r[1] = 0x16;
    mac_r[2] = 0x3e;
    mac_r[3] = tail[0] & 0x7f;
    mac_r[4] = tail[1];
    mac_r[5] = tail[2];
    return true;
}
