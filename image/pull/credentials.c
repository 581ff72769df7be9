/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/credentials.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/pull/base64.h"
#include "image/pull/confdir.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define LOCK_WAIT_MS   10000
#define HUB_KEY        "https://index.docker.io/v1/"

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "credentials");
}

static void wipe(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void hx_credentials_release(struct hx_credentials *credentials)
{
    if (!credentials)
        return;
    free(hx_steal_ptr(&credentials->user));
    wipe(&credentials->password);
}

/* The host of a key: docker writes some with scheme and path. */
static size_t host_of_key(const char **key)
{
    const char *p = strstr(*key, "://");

    if (p)
        *key = p + 3;
    return strcspn(*key, "/");
}

static int is_hub(const char *host, size_t len)
{
    static const char *const names[] = { "docker.io", "index.docker.io",
                                         "registry-1.docker.io" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && strncasecmp(names[i], host, len) == 0)
            return 1;
    }
    return 0;
}

/* Whether a key of "auths" is for this registry.  What stands behind the
 * host narrows it to a part of the registry, but for the old "/v1/". */
static int key_matches(const char *key, const char *registry)
{
    const char *path;
    size_t len = host_of_key(&key);

    path = key + len;
    if (*path && strcmp(path, "/") != 0 && strcmp(path, "/v1/") != 0 &&
        strcmp(path, "/v2/") != 0 && strcmp(path, "/v1") != 0 &&
        strcmp(path, "/v2") != 0)
        return 0;
    if (is_hub(registry, strlen(registry)))
        return is_hub(key, len);
    return strlen(registry) == len && strncasecmp(key, registry, len) == 0;
}

static int decode(const char *auth, const char *what,
                  struct hx_credentials *found_r, struct hx_err *err)
{
    struct hx_credentials found = { 0 };
    size_t len = 0;
    char *text = hx_base64_decode(auth, &len), *colon = NULL;

    if (text && strlen(text) == len)
        colon = strchr(text, ':');
    if (!colon || colon == text) {
        wipe(&text);
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: an \"auth\" is not the base64 of USER:PASSWORD; "
                          "log in again with 'xl hyper-login'",
                          what);
    }
    found.user = strndup(text, (size_t)(colon - text));
    found.password = strdup(colon + 1);
    wipe(&text);
    if (!found.user || !found.password) {
        hx_credentials_release(&found);
        return no_memory(err);
    }
    *found_r = found;
    return 0;
}

/* "auth", or the older pair of "username" and "password". */
static int take_entry(const json_t *entry, const char *what,
                      struct hx_credentials *found_r, struct hx_err *err)
{
    const char *auth = NULL, *user = NULL, *password = NULL;
    struct hx_credentials found = { 0 };
    int rc = hx_json_str(entry, "auth", what, HX_JSON_OPTIONAL, &auth, err);

    if (rc == 0)
        rc = hx_json_str(entry, "username", what, HX_JSON_OPTIONAL, &user, err);
    if (rc == 0)
        rc = hx_json_str(entry, "password", what, HX_JSON_OPTIONAL, &password,
                         err);
    if (rc < 0)
        return rc;
    if (auth && *auth)
        return decode(auth, what, found_r, err);
    if (!user || !*user || !password)
        return 0;
    found.user = strdup(user);
    found.password = strdup(password);
    if (!found.user || !found.password) {
        hx_credentials_release(&found);
        return no_memory(err);
    }
    *found_r = found;
    return 0;
}

int hx_credentials_parse(const char *data, size_t len, const char *what,
                         const char *registry, struct hx_credentials *found_r,
                         struct hx_err *err)
{
    _cleanup_json_ json_t *doc = NULL;
    json_t *auths = NULL, *entry;
    const char *key;
    int rc = hx_json_parse(data, len, what, &doc, err);

    if (rc == 0)
        rc = hx_json_obj(doc, "auths", what, HX_JSON_OPTIONAL, &auths, err);
    if (rc < 0)
        return rc;
    json_object_foreach (auths, key, entry) {
        if (!key_matches(key, registry) || !json_is_object(entry))
            continue;
        rc = take_entry(entry, what, found_r, err);
        if (rc < 0 || found_r->user)
            return rc;
    }
    return 0;
}

/* A file that may be missing, or not ours to read, or empty. */
static int find_in_file(const char *path, const char *registry,
                        struct hx_credentials *found_r, struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int rc = hx_file_read(path, FILE_MAX_BYTES, &text, err);

    if (rc == -HX_ERR_NOT_FOUND || (rc == 0 && text.len == 0)) {
        hx_err_clear(err);
        return 0;
    }
    if (rc == 0)
        rc = hx_credentials_parse(text.data, text.len, path, registry, found_r,
                                  err);
    if (rc == -HX_ERR_CORRUPT && err)
        err->code = HX_ERR_USAGE;
    if (text.data)
        explicit_bzero(text.data, text.len);
    return rc == -HX_ERR_CORRUPT ? -HX_ERR_USAGE : rc;
}

static char *docker_config(void)
{
    const char *folder = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    const struct passwd *user;
    char *path = NULL;
    int n;

    if (!home || !*home) {
        user = getpwuid(getuid());
        home = user ? user->pw_dir : "/root";
    }
    if (folder && *folder)
        n = asprintf(&path, "%s/config.json", folder);
    else
        n = asprintf(&path, "%s/.docker/config.json", home);
    return n < 0 ? NULL : path;
}

int hx_credentials_find(const char *registry,
                        struct hx_credentials *credentials_r,
                        struct hx_err *err)
{
    _cleanup_free_ char *ours = hx_confdir_path("auth.json");
    _cleanup_free_ char *dockers = docker_config();
    struct hx_credentials found = { 0 };
    int rc;

    if (!ours || !dockers)
        return no_memory(err);
    rc = find_in_file(ours, registry, &found, err);
    /* Docker's may be another user's, or its folder a file: then it has
     * nothing for us. */
    if (rc == 0 && !found.user && access(dockers, R_OK) == 0)
        rc = find_in_file(dockers, registry, &found, err);
    if (rc == 0)
        *credentials_r = found;
    return rc;
}

/* auth.json for a change: its lock, and its content or an empty object. */
static int open_own(char **path_r, int *lock_r, json_t **doc_r,
                    struct hx_err *err)
{
    _cleanup_free_ char *path = hx_confdir_path("auth.json");
    _cleanup_free_ char *lock = hx_confdir_path("auth.json.lock");
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int rc;

    if (!path || !lock)
        return no_memory(err);
    *strrchr(lock, '/') = '\0';
    rc = hx_mkdir_p(lock, 0755, err);
    lock[strlen(lock)] = '/';
    if (rc == 0)
        rc = hx_lock(lock, 1, LOCK_WAIT_MS, lock_r, err);
    if (rc < 0)
        return rc;
    rc = hx_file_read(path, FILE_MAX_BYTES, &text, err);
    if (rc == -HX_ERR_NOT_FOUND || (rc == 0 && text.len == 0)) {
        hx_err_clear(err);
        *doc_r = json_object();
        rc = *doc_r ? 0 : no_memory(err);
    } else if (rc == 0) {
        rc = hx_json_parse(text.data, text.len, path, doc_r, err);
    }
    if (text.data)
        explicit_bzero(text.data, text.len);
    if (rc == 0)
        *path_r = hx_steal_ptr(&path);
    return rc;
}

/*
 * Under the lock, so that the temporary file can have a fixed name: what a
 * killed login left, with a password in it, goes with the next one.
 */
static int write_text(const char *path, const char *text, struct hx_err *err)
{
    _cleanup_free_ char *temp = NULL;
    _cleanup_close_ int fd = -1;
    int saved;

    if (asprintf(&temp, "%s.new", path) < 0) {
        temp = NULL;
        return no_memory(err);
    }
    unlink(temp);
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && hx_write_all(fd, text, strlen(text)) == 0 &&
        fsync(fd) == 0 && rename(temp, path) == 0)
        return 0;
    saved = errno;
    unlink(temp);
    return hx_err_sys(err, HX_ERR_SYSTEM, saved, "writing %s", path);
}

static int write_own(const char *path, const json_t *doc, struct hx_err *err)
{
    char *text = json_dumps(doc, JSON_INDENT(2));
    int rc;

    if (!text)
        return no_memory(err);
    rc = write_text(path, text, err);
    wipe(&text);
    return rc;
}

/* Removes every key for the registry; how many there were. */
static int drop_keys(json_t *auths, const char *registry)
{
    const char *key;
    json_t *entry;
    void *next;
    int dropped = 0;

    json_object_foreach_safe(auths, next, key, entry)
    {
        if (!key_matches(key, registry))
            continue;
        json_object_del(auths, key);
        dropped++;
    }
    return dropped;
}

static const char *key_for(const char *registry)
{
    return is_hub(registry, strlen(registry)) ? HUB_KEY : registry;
}

int hx_credentials_save(const char *registry, const char *user,
                        const char *password, struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    char *pair = NULL, *auth = NULL;
    _cleanup_close_ int lock = -1;
    _cleanup_json_ json_t *doc = NULL;
    json_t *auths;
    int rc = open_own(&path, &lock, &doc, err);

    if (rc < 0)
        return rc;
    if (!json_is_object(json_object_get(doc, "auths")))
        json_object_set_new(doc, "auths", json_object());
    auths = json_object_get(doc, "auths");
    drop_keys(auths, registry);
    if (asprintf(&pair, "%s:%s", user, password) < 0)
        pair = NULL;
    if (pair)
        auth = hx_base64_encode(pair, strlen(pair));
    if (!auth || json_object_set_new(auths, key_for(registry),
                                     json_pack("{s:s}", "auth", auth)) < 0)
        rc = no_memory(err);
    wipe(&pair);
    wipe(&auth);
    return rc < 0 ? rc : write_own(path, doc, err);
}

int hx_credentials_forget(const char *registry, struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int lock = -1;
    _cleanup_json_ json_t *doc = NULL;
    int rc = open_own(&path, &lock, &doc, err);

    if (rc < 0)
        return rc;
    if (drop_keys(json_object_get(doc, "auths"), registry) == 0)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "logging out of %.128s: %s has no login for it",
                          registry, path);
    return write_own(path, doc, err);
}
