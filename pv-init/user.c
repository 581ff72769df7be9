/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/user.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pv-init/mounts.h"

/* Docker's bound: what is above is refused, not wrapped. */
#define ID_MAX INT32_MAX

/* A piece of a line; not terminated. */
struct span {
    const char *text;
    size_t len;
};

static bool span_is(struct span span, const char *text)
{
    return strlen(text) == span.len && memcmp(span.text, text, span.len) == 0;
}

/* The next line of *text_p, without its end; false when there is none. */
static bool next_line(const char **text_p, struct span *line)
{
    const char *text = *text_p;

    if (!*text)
        return false;
    line->text = text;
    line->len = strcspn(text, "\n");
    *text_p = text + line->len + (text[line->len] == '\n');
    return true;
}

/* The first part of *rest up to `separator`, which is taken off *rest. */
static struct span cut(struct span *rest, char separator)
{
    const char *end = memchr(rest->text, separator, rest->len);
    struct span part = *rest;

    if (end) {
        part.len = (size_t)(end - rest->text);
        rest->text = end + 1;
        rest->len -= part.len + 1;
    } else {
        rest->text += rest->len;
        rest->len = 0;
    }
    return part;
}

static bool span_id(struct span span, uint32_t *id_r)
{
    char text[16];
    uint64_t value;

    if (span.len >= sizeof(text))
        return false;
    memcpy(text, span.text, span.len);
    text[span.len] = '\0';
    if (hx_init_parse_u64(text, ID_MAX, &value) < 0)
        return false;
    *id_r = (uint32_t)value;
    return true;
}

/* What stands before or behind the colon: a number, or a name. */
struct who {
    const char *name; /* as it was written */
    bool is_number;
    uint32_t id;
};

static int parse_who(const char *text, const char *what, struct who *out,
                     struct hx_init_err *err)
{
    size_t len = strlen(text);
    uint64_t value;

    out->name = text;
    out->is_number = len > 0 && strspn(text, "0123456789") == len;
    if (!out->is_number)
        return 0;
    if (hx_init_parse_u64(text, ID_MAX, &value) < 0)
        return hx_init_fail(err, "%s %.64s is not within 0..%d", what, text,
                            ID_MAX);
    out->id = (uint32_t)value;
    return 0;
}

/* A line of passwd: name:password:uid:gid:gecos:home:shell. */
struct passwd_entry {
    struct span name, home;
    uint32_t uid, gid;
};

/* A line whose numbers are none is no entry: never let it become root's. */
static bool parse_passwd(struct span line, struct passwd_entry *out)
{
    struct span uid, gid;

    out->name = cut(&line, ':');
    cut(&line, ':');
    uid = cut(&line, ':');
    gid = cut(&line, ':');
    cut(&line, ':');
    out->home = cut(&line, ':');
    return out->name.len > 0 && span_id(uid, &out->uid) &&
           span_id(gid, &out->gid);
}

static bool find_user(const char *passwd, const struct who *who,
                      struct passwd_entry *out)
{
    struct span line;

    while (next_line(&passwd, &line)) {
        if (!parse_passwd(line, out))
            continue;
        if (who->is_number ? out->uid == who->id
                           : span_is(out->name, who->name))
            return true;
    }
    return false;
}

/* A line of group: name:password:gid:member,member. */
struct group_entry {
    struct span name, members;
    uint32_t gid;
};

static bool parse_group(struct span line, struct group_entry *out)
{
    struct span gid;

    out->name = cut(&line, ':');
    cut(&line, ':');
    gid = cut(&line, ':');
    out->members = line;
    return out->name.len > 0 && span_id(gid, &out->gid);
}

static bool find_group(const char *group, const struct who *who,
                       struct group_entry *out)
{
    struct span line;

    while (next_line(&group, &line)) {
        if (!parse_group(line, out))
            continue;
        if (who->is_number ? out->gid == who->id
                           : span_is(out->name, who->name))
            return true;
    }
    return false;
}

static bool has_member(struct span members, struct span name)
{
    while (members.len > 0) {
        struct span member = cut(&members, ',');

        if (member.len == name.len &&
            memcmp(member.text, name.text, name.len) == 0)
            return true;
    }
    return false;
}

static int add_group(struct hx_init_user *user, gid_t gid,
                     struct hx_init_err *err)
{
    size_t i;

    for (i = 0; i < user->group_count; i++) {
        if (user->groups[i] == gid)
            return 0;
    }
    if (user->group_count == HX_INIT_GROUPS_MAX)
        return hx_init_fail(err,
                            "user: more than %d groups; the image's "
                            "/etc/group lists more than pv-init takes",
                            HX_INIT_GROUPS_MAX);
    user->groups[user->group_count++] = gid;
    return 0;
}

static int add_memberships(struct hx_init_user *user, const char *group,
                           struct span name, struct hx_init_err *err)
{
    struct group_entry entry;
    struct span line;

    while (next_line(&group, &line)) {
        if (parse_group(line, &entry) && has_member(entry.members, name) &&
            add_group(user, entry.gid, err) < 0)
            return -1;
    }
    return 0;
}

static void set_home(struct hx_init_user *user, struct span home)
{
    if (home.len == 0 || home.len >= sizeof(user->home))
        return;
    memcpy(user->home, home.text, home.len);
    user->home[home.len] = '\0';
}

/* The explicit group of "user:group". */
static int resolve_group(const char *text, const char *group, gid_t *gid_r,
                         struct hx_init_err *err)
{
    struct group_entry entry;
    struct who who;

    if (parse_who(text, "group", &who, err) < 0)
        return -1;
    if (find_group(group, &who, &entry))
        *gid_r = entry.gid;
    else if (who.is_number)
        *gid_r = who.id;
    else
        return hx_init_fail(err,
                            "unable to find group %.64s: no matching entries "
                            "in the image's /etc/group",
                            text);
    return 0;
}

int hx_init_user_resolve(const char *spec, const char *passwd,
                         const char *group, struct hx_init_user *out,
                         struct hx_init_err *err)
{
    char copy[256], *group_text;
    struct passwd_entry entry = { 0 };
    bool matched;
    struct who who;

    memset(out, 0, sizeof(*out));
    strcpy(out->home, "/");
    if (strlen(spec) >= sizeof(copy))
        return hx_init_fail(err, "user: the name is longer than %zu bytes",
                            sizeof(copy) - 1);
    strcpy(copy, spec);
    group_text = strchr(copy, ':');
    if (group_text)
        *group_text++ = '\0';

    /* No user at all means root, by number. */
    if (parse_who(copy[0] ? copy : "0", "user", &who, err) < 0)
        return -1;
    matched = find_user(passwd, &who, &entry);
    if (matched) {
        out->uid = entry.uid;
        out->gid = entry.gid;
        set_home(out, entry.home);
    } else if (who.is_number) {
        out->uid = who.id;
    } else {
        return hx_init_fail(err,
                            "unable to find user %.64s: no matching entries "
                            "in the image's /etc/passwd",
                            copy);
    }

    if (group_text && group_text[0]) {
        if (resolve_group(group_text, group, &out->gid, err) < 0)
            return -1;
        return add_group(out, out->gid, err);
    }
    if (add_group(out, out->gid, err) < 0)
        return -1;
    return matched ? add_memberships(out, group, entry.name, err) : 0;
}

/* A missing file is an empty one. */
static int read_user_file(int root_fd, const char *path, char **text_r,
                          struct hx_init_err *err)
{
    /* O_NONBLOCK: a fifo of that name must not be waited on. */
    _init_close_ int fd =
        hx_init_open_in(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    size_t len;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *text_r = calloc(1, 1);
        return *text_r ? 0 : hx_init_fail_sys(err, ENOMEM, "user");
    }
    if (fd < 0 || hx_init_read_fd(fd, HX_INIT_USER_FILE_MAX, text_r, &len) < 0)
        return hx_init_fail_sys(err, errno, "reading the image's /%s", path);
    return 0;
}

int hx_init_user_find(int root_fd, const char *spec, struct hx_init_user *out,
                      struct hx_init_err *err)
{
    _init_free_ char *passwd = NULL, *group = NULL;

    if (read_user_file(root_fd, "etc/passwd", &passwd, err) < 0 ||
        read_user_file(root_fd, "etc/group", &group, err) < 0)
        return -1;
    return hx_init_user_resolve(spec, passwd, group, out, err);
}
