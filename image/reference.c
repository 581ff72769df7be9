/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/reference.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "image/digest.h"

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN  "index.docker.io"
#define OFFICIAL       "library/"
#define DEFAULT_TAG    "latest"
#define PATH_MAX_BYTES 255
#define TAG_MAX_BYTES  128
#define PORT_MAX       65535

static int is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]+ ( ( [_.] | __ | [-]+ ) [a-z0-9]+ )* */
static int valid_component(const char *p, size_t len)
{
    const char *end = p + len;

    for (;;) {
        const char *start = p;

        while (p < end && is_lower_alnum(*p))
            p++;
        if (p == start)
            return 0;
        if (p == end)
            return 1;
        if (*p == '-') {
            while (p < end && *p == '-')
                p++;
        } else if (*p == '_' && p + 1 < end && p[1] == '_') {
            p += 2;
        } else if (*p == '_' || *p == '.') {
            p++;
        } else {
            return 0;
        }
    }
}

static int valid_path(const char *path)
{
    const char *p = path;

    if (strlen(path) > PATH_MAX_BYTES)
        return 0;
    for (;;) {
        size_t len = strcspn(p, "/");

        if (!valid_component(p, len))
            return 0;
        if (p[len] == '\0')
            return 1;
        p += len + 1;
    }
}

/* [A-Za-z0-9_][A-Za-z0-9_.-]{0,127} */
static int valid_tag(const char *tag)
{
    size_t len = strlen(tag);

    if (len == 0 || len > TAG_MAX_BYTES)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (is_alnum(tag[i]) || tag[i] == '_')
            continue;
        if (i == 0 || (tag[i] != '.' && tag[i] != '-'))
            return 0;
    }
    return 1;
}

static int valid_port(const char *p)
{
    unsigned long port = 0;

    if (*p == '\0')
        return 0;
    for (; *p; p++) {
        if (!isdigit((unsigned char)*p))
            return 0;
        port = port * 10 + (unsigned long)(*p - '0');
        if (port > PORT_MAX)
            return 0;
    }
    return port > 0;
}

/* Labels of letters, digits and inner dashes, joined by dots. */
static int valid_host_name(const char *p, size_t len)
{
    size_t label = 0;

    for (size_t i = 0; i < len; i++) {
        if (p[i] == '.') {
            if (label == 0 || p[i - 1] == '-')
                return 0;
            label = 0;
            continue;
        }
        if (!is_alnum(p[i]) && (p[i] != '-' || label == 0))
            return 0;
        label++;
    }
    return label > 0 && p[len - 1] != '-';
}

static int valid_domain(const char *domain)
{
    size_t len = strlen(domain), host;
    const char *rest;

    if (len == 0 || len > PATH_MAX_BYTES)
        return 0;
    if (domain[0] == '[') {
        host = 1 + strspn(domain + 1, "0123456789abcdefABCDEF:");
        if (host < 3 || domain[host] != ']')
            return 0;
        rest = domain + host + 1;
    } else {
        host = strcspn(domain, ":");
        if (!valid_host_name(domain, host))
            return 0;
        rest = domain + host;
    }
    return *rest == '\0' || (*rest == ':' && valid_port(rest + 1));
}

int hx_reference_check_domain(const char *text, struct hx_err *err)
{
    if (valid_domain(text))
        return 0;
    return hx_err_set(err, HX_ERR_USAGE,
                      "registry '%.128s': not a host name or HOST:PORT; write "
                      "it as in 'registry.example.com:5000'",
                      text);
}

static int bad(const char *text, const char *why, struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_USAGE,
                      "reference '%.128s': %s; write it as "
                      "[HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST]",
                      text, why);
}

/* Whether what stands before the first '/' is a registry (docker's rule). */
static int is_domain(const char *name, size_t len)
{
    if (len == strlen("localhost") && strncmp(name, "localhost", len) == 0)
        return 1;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '.' || name[i] == ':' || isupper((unsigned char)name[i]))
            return 1;
    }
    return 0;
}

/* Splits what is left of tag and digest into domain and path. */
static int set_name(struct hx_reference *ref, const char *name)
{
    const char *slash = strchr(name, '/');
    const char *rest = name;

    if (slash && is_domain(name, (size_t)(slash - name))) {
        ref->domain = strndup(name, (size_t)(slash - name));
        rest = slash + 1;
        if (ref->domain && strcmp(ref->domain, LEGACY_DOMAIN) == 0) {
            free(ref->domain);
            ref->domain = strdup(DEFAULT_DOMAIN);
        }
    } else {
        ref->domain = strdup(DEFAULT_DOMAIN);
    }
    if (!ref->domain)
        return -1;
    if (strcmp(ref->domain, DEFAULT_DOMAIN) == 0 && !strchr(rest, '/')) {
        if (asprintf(&ref->path, OFFICIAL "%s", rest) < 0)
            ref->path = NULL;
    } else {
        ref->path = strdup(rest);
    }
    return ref->path ? 0 : -1;
}

/* Why the name is wrong, in words, or NULL. */
static const char *name_fault(const struct hx_reference *ref)
{
    const char *p = ref->path;

    if (!valid_domain(ref->domain))
        return "the registry's name is not a host name or HOST:PORT";
    if (strlen(p) > PATH_MAX_BYTES)
        return "the name is longer than 255 characters";
    for (; *p; p++) {
        if (isupper((unsigned char)*p))
            return "the name must be in lower case";
    }
    if (!valid_path(ref->path))
        return "the name may hold lower-case letters, digits and single '.', "
               "'_' or '-' between them";
    if (strcmp(ref->domain, DEFAULT_DOMAIN) == 0 &&
        strncmp(ref->path, OFFICIAL, strlen(OFFICIAL)) == 0 &&
        strlen(ref->path) == strlen(OFFICIAL) + HX_DIGEST_HEX &&
        strspn(ref->path + strlen(OFFICIAL), "0123456789abcdef") ==
            HX_DIGEST_HEX)
        return "a name cannot be 64 hex digits, and no stored image has this "
               "id";
    return NULL;
}

/* Cuts "@digest" and ":tag" off `name`, which is ours to change. */
static int cut_tag_and_digest(const char *text, char *name,
                              struct hx_reference *ref, struct hx_err *err)
{
    char *at = strchr(name, '@'), *slash, *colon;

    if (at) {
        *at = '\0';
        if (hx_digest_check(at + 1, "the reference", err) < 0) {
            if (err && err->code == HX_ERR_UNSUPPORTED)
                return -HX_ERR_UNSUPPORTED;
            return bad(text, "what follows '@' is no sha256 digest", err);
        }
        ref->digest = strdup(at + 1);
        if (!ref->digest)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reference");
    }
    slash = strrchr(name, '/');
    colon = strchr(slash ? slash : name, ':');
    if (colon) {
        *colon = '\0';
        if (!valid_tag(colon + 1))
            return bad(text,
                       "a tag is letters, digits, '_', '.' and '-', at most "
                       "128, not beginning with '.' or '-'",
                       err);
        ref->tag = strdup(colon + 1);
    } else if (!ref->digest) {
        ref->tag = strdup(DEFAULT_TAG);
    }
    if (!ref->tag && (colon || !ref->digest))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reference");
    return 0;
}

int hx_reference_parse(const char *text, struct hx_reference *ref_r,
                       struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_free_ char *name = NULL;
    const char *fault;
    int rc;

    if (*text == '\0')
        return bad(text, "it is empty", err);
    if (strstr(text, "://"))
        return bad(text, "a reference has no scheme such as 'docker://'", err);
    name = strdup(text);
    if (!name)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reference");
    rc = cut_tag_and_digest(text, name, &ref, err);
    if (rc < 0)
        return rc;
    if (set_name(&ref, name) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reference");
    fault = name_fault(&ref);
    if (fault)
        return bad(text, fault, err);
    *ref_r = ref;
    ref = (struct hx_reference){ 0 };
    return 0;
}

void hx_reference_release(struct hx_reference *ref)
{
    if (!ref)
        return;
    free(ref->domain);
    free(ref->path);
    free(ref->tag);
    free(ref->digest);
    *ref = (struct hx_reference){ 0 };
}

static char *compose(const struct hx_reference *ref, const char *domain,
                     const char *path)
{
    char *text = NULL;

    if (asprintf(&text, "%s%s%s%s%s%s%s", domain, *domain ? "/" : "", path,
                 ref->tag ? ":" : "", ref->tag ? ref->tag : "",
                 ref->digest ? "@" : "", ref->digest ? ref->digest : "") < 0)
        return NULL;
    return text;
}

char *hx_reference_canonical(const struct hx_reference *ref)
{
    return compose(ref, ref->domain, ref->path);
}

char *hx_reference_familiar(const struct hx_reference *ref)
{
    const char *path = ref->path, *slash = strchr(path, '/');

    /* A path whose beginning looks like a registry needs its own before it. */
    if (strcmp(ref->domain, DEFAULT_DOMAIN) != 0 ||
        (slash && is_domain(path, (size_t)(slash - path))))
        return compose(ref, ref->domain, path);
    if (strncmp(path, OFFICIAL, strlen(OFFICIAL)) == 0 &&
        !strchr(path + strlen(OFFICIAL), '/'))
        path += strlen(OFFICIAL);
    return compose(ref, "", path);
}

static const struct {
    const char *prefix;
    enum hx_source_kind kind;
} schemes[] = {
    { "docker-archive:", HX_SOURCE_DOCKER_ARCHIVE },
    { "oci-archive:", HX_SOURCE_OCI_ARCHIVE },
    { "oci:", HX_SOURCE_OCI_FOLDER },
};

static int split_path(struct hx_source *source, const char *rest,
                      struct hx_err *err)
{
    const char *colon = strchr(rest, ':');

    if (!colon || access(rest, F_OK) == 0) {
        source->path = strdup(rest);
    } else {
        source->path = strndup(rest, (size_t)(colon - rest));
        source->member = strdup(colon + 1);
        if (!source->member)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reference");
        if (*source->member == '\0')
            return hx_err_set(err, HX_ERR_USAGE,
                              "reference '%.200s': nothing follows the last "
                              "':'; leave it out or name an image",
                              source->text);
    }
    if (!source->path)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reference");
    if (*source->path == '\0')
        return hx_err_set(err, HX_ERR_USAGE,
                          "reference '%.200s': a path must follow the ':'",
                          source->text);
    return 0;
}

int hx_source_parse(const char *text, struct hx_source *source_r,
                    struct hx_err *err)
{
    _cleanup_source_ struct hx_source source = { 0 };
    const char *rest = NULL;
    int rc;

    source.text = strdup(text);
    if (!source.text)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reference");
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            source.kind = schemes[i].kind;
            rest = text + strlen(schemes[i].prefix);
            break;
        }
    }
    rc = rest ? split_path(&source, rest, err)
              : hx_reference_parse(text, &source.ref, err);
    if (rc < 0)
        return rc;
    *source_r = source;
    source = (struct hx_source){ 0 };
    return 0;
}

void hx_source_release(struct hx_source *source)
{
    if (!source)
        return;
    hx_reference_release(&source->ref);
    free(source->text);
    free(source->path);
    free(source->member);
    *source = (struct hx_source){ 0 };
}
