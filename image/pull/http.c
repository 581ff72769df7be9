/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "image/base/clock.h"
#include "image/pull/proxy.h"
#include "image/pull/stop.h"
#include "image/pull/url.h"

#define HEADER_MAX_BYTES ((size_t)256 << 10)
#define CHALLENGES_MAX   16
#define STALL_BYTES      512L /* a second */
#define UPLOAD_PATIENCE  10   /* times the stall of a download */
/* curl hands out a body in small pieces; a sink gets it in larger ones, which
 * cost the file system half as much, or so often at least. */
#define HELD_MAX_BYTES ((size_t)128 << 10)
#define HELD_MAX_MS    100

struct hx_http {
    CURL *curl;
    struct hx_http_times times;
    CURLcode last;
    char held[HELD_MAX_BYTES]; /* for the sink */
};

/* One transfer: what the callbacks need. */
struct transfer {
    const struct hx_http_request *request;
    struct hx_http_reply *reply;
    CURL *curl;
    struct hx_err *err;
    time_t retry_at, server_time; /* 0: not said */
    uint64_t sent_bytes;          /* of the upload */
    char *held;                   /* what the sink has not got yet */
    size_t held_bytes;
    int64_t given_ms; /* when it got something last */
    int begun;
    int refused; /* a callback has set the error */
};

struct hx_http *hx_http_new(const struct hx_http_times *times)
{
    struct hx_http *http = calloc(1, sizeof(*http));

    if (!http)
        return NULL;
    http->times = *times;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        http->curl = curl_easy_init();
    if (!http->curl) {
        free(http);
        return NULL;
    }
    return http;
}

void hx_http_free(struct hx_http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    free(http);
}

const struct hx_http_times *hx_http_times(const struct hx_http *http)
{
    return &http->times;
}

void hx_http_tls_release(struct hx_http_tls *tls)
{
    if (!tls)
        return;
    free(tls->ca_pem);
    free(tls->cert_path);
    free(tls->key_path);
    *tls = (struct hx_http_tls){ 0 };
}

void hx_http_reply_release(struct hx_http_reply *reply)
{
    if (!reply)
        return;
    free(reply->content_type);
    free(reply->location);
    free(reply->content_digest);
    hx_strv_free(&reply->challenges);
    hx_buf_release(&reply->body);
    *reply = (struct hx_http_reply){ 0 };
}

/* A new answer begins: also after "100 Continue" and a proxy's own one. */
static void reset_reply(struct hx_http_reply *reply, size_t body_max)
{
    size_t header_bytes = reply->header_bytes;

    hx_http_reply_release(reply);
    *reply = (struct hx_http_reply){ .length_bytes = -1,
                                     .range_start = -1,
                                     .range_end = -1,
                                     .retry_after_s = -1,
                                     .header_bytes = header_bytes,
                                     .body = HX_BUF_INIT(body_max) };
}

/* The value of a header of that name, trimmed, as a copy; or NULL. */
static char *value_of(const char *line, size_t len, const char *name)
{
    size_t skip = strlen(name);

    if (len <= skip || strncasecmp(line, name, skip) != 0 || line[skip] != ':')
        return NULL;
    line += skip + 1;
    len -= skip + 1;
    while (len && strchr(" \t", *line)) {
        line++;
        len--;
    }
    while (len && strchr(" \t\r\n", line[len - 1]))
        len--;
    return strndup(line, len);
}

static void take_string(const char *line, size_t len, const char *name,
                        char **out)
{
    char *value = value_of(line, len, name);

    if (!value)
        return;
    free(*out);
    *out = value;
}

/* Digits alone; a date in Retry-After is not taken. */
static void take_number(const char *line, size_t len, const char *name,
                        const char *prefix, int64_t *out)
{
    _cleanup_free_ char *value = value_of(line, len, name);
    const char *p = value;

    if (!value || strncasecmp(p, prefix, strlen(prefix)) != 0)
        return;
    p += strlen(prefix);
    if (*p < '0' || *p > '9' || strspn(p, "0123456789") > 18)
        return;
    *out = strtoll(p, NULL, 10);
}

/* Retry-After as a date: from the server's own time, where it says that. */
static void take_retry_date(const char *line, size_t len, struct transfer *t)
{
    char *retry = value_of(line, len, "Retry-After");
    char *date = value_of(line, len, "Date");
    time_t at;

    if (retry && (*retry < '0' || *retry > '9') &&
        (at = curl_getdate(retry, NULL)) >= 0)
        t->retry_at = at;
    if (date && (at = curl_getdate(date, NULL)) >= 0)
        t->server_time = at;
    free(retry);
    free(date);
    if (t->retry_at > 0)
        t->reply->retry_after_s =
            t->retry_at - (t->server_time > 0 ? t->server_time : time(NULL));
}

static size_t on_header(char *line, size_t size, size_t count, void *opaque)
{
    struct transfer *t = opaque;
    size_t len = size * count;
    char *challenge;

    t->reply->header_bytes += len;
    if (t->reply->header_bytes > HEADER_MAX_BYTES) {
        hx_err_set(t->err, HX_ERR_LIMIT,
                   "the answer's header is larger than %zu KiB",
                   HEADER_MAX_BYTES >> 10);
        t->refused = 1;
        return 0;
    }
    if (len > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        reset_reply(t->reply, t->request->body_max_bytes
                                  ? t->request->body_max_bytes
                                  : HX_HTTP_BODY_MAX);
        t->retry_at = t->server_time = 0;
        return len;
    }
    take_string(line, len, "Content-Type", &t->reply->content_type);
    take_string(line, len, "Location", &t->reply->location);
    take_string(line, len, "Docker-Content-Digest", &t->reply->content_digest);
    take_number(line, len, "Content-Length", "", &t->reply->length_bytes);
    take_number(line, len, "Content-Range", "bytes ", &t->reply->range_start);
    take_number(line, len, "Range", "0-", &t->reply->range_end);
    take_number(line, len, "Range", "bytes=0-", &t->reply->range_end);
    take_number(line, len, "Retry-After", "", &t->reply->retry_after_s);
    take_retry_date(line, len, t);
    challenge = value_of(line, len, "WWW-Authenticate");
    if (challenge && hx_strv_len(t->reply->challenges) < CHALLENGES_MAX)
        (void)hx_strv_add(&t->reply->challenges, challenge);
    free(challenge);
    return len;
}

static int begin_once(struct transfer *t)
{
    if (t->begun)
        return 0;
    t->begun = 1;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->reply->status);
    if (t->reply->status / 100 != 2)
        t->reply->body.max = HX_HTTP_BODY_MAX;
    if (t->reply->status / 100 != 2 || !t->request->begin)
        return 0;
    if (t->request->begin(t->reply, t->request->opaque, t->err) < 0) {
        t->refused = 1;
        return -1;
    }
    return 0;
}

static int give_held(struct transfer *t)
{
    size_t len = t->held_bytes;

    t->held_bytes = 0;
    t->given_ms = hx_clock_monotonic_ms();
    if (!len || t->request->sink(t->held, len, t->request->opaque, t->err) >= 0)
        return 0;
    t->refused = 1;
    return -1;
}

/* What has been held for long goes on, also when nothing comes after it. */
static int give_old(struct transfer *t)
{
    return t->held_bytes && hx_clock_monotonic_ms() - t->given_ms >= HELD_MAX_MS
               ? give_held(t)
               : 0;
}

static int hold(struct transfer *t, const char *data, size_t len)
{
    while (len > 0) {
        size_t n = HELD_MAX_BYTES - t->held_bytes;

        if (n > len)
            n = len;
        memcpy(t->held + t->held_bytes, data, n);
        t->held_bytes += n;
        data += n;
        len -= n;
        if (t->held_bytes == HELD_MAX_BYTES && give_held(t) < 0)
            return -1;
    }
    return give_old(t);
}

static size_t on_body(char *data, size_t size, size_t count, void *opaque)
{
    struct transfer *t = opaque;
    size_t len = size * count;

    if (begin_once(t) < 0)
        return 0;
    if (t->reply->status / 100 == 2 && t->request->sink)
        return hold(t, data, len) < 0 ? 0 : len;
    if (hx_buf_add(&t->reply->body, data, len) < 0) {
        hx_err_set(t->err, HX_ERR_LIMIT, "the answer is larger than %zu bytes",
                   t->reply->body.max);
        t->refused = 1;
        return 0;
    }
    return len;
}

/* Loopback, link-local (cloud metadata lives there) and "this host". */
static int is_local_peer(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)addr;
        uint32_t ip = ntohl(in->sin_addr.s_addr);

        return (ip >> 24) == 127 || (ip >> 24) == 0 || (ip >> 16) == 0xa9fe;
    }
    if (addr->sa_family == AF_INET6) {
        const struct in6_addr *ip =
            &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
        struct sockaddr_in mapped = { .sin_family = AF_INET };

        if (IN6_IS_ADDR_V4MAPPED(ip)) {
            memcpy(&mapped.sin_addr, ip->s6_addr + 12, 4);
            return is_local_peer((const void *)&mapped);
        }
        return IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_LINKLOCAL(ip) ||
               IN6_IS_ADDR_UNSPECIFIED(ip);
    }
    return 1;
}

/* The same of a host that is written as an address. */
static int is_local_literal(const char *host)
{
    struct sockaddr_in in = { .sin_family = AF_INET };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
        return is_local_peer((const void *)&in);
    return inet_pton(AF_INET6, host, &in6.sin6_addr) == 1 &&
           is_local_peer((const void *)&in6);
}

static int refuse_local(const struct hx_http_request *request,
                        struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_REGISTRY,
                      "it sends us to an address of this machine (%.150s); "
                      "that is not followed",
                      request->url);
}

static curl_socket_t on_socket(void *opaque, curlsocktype purpose,
                               struct curl_sockaddr *addr)
{
    struct transfer *t = opaque;

    (void)purpose;
    if (is_local_peer(&addr->addr)) {
        refuse_local(t->request, t->err);
        t->refused = 1;
        return CURL_SOCKET_BAD;
    }
    return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name,
                                     const char *value, int *failed)
{
    _cleanup_free_ char *line = NULL;
    struct curl_slist *more = NULL;

    if (asprintf(&line, "%s: %s", name, value) < 0)
        line = NULL;
    if (line)
        more = curl_slist_append(list, line);
    if (!more)
        *failed = 1;
    return more ? more : list;
}

static void set_tls(CURL *curl, const struct hx_http_tls *tls)
{
    if (!tls)
        return;
    if (!tls->verify) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (tls->ca_pem) {
        struct curl_blob pem = { .data = tls->ca_pem,
                                 .len = strlen(tls->ca_pem),
                                 .flags = CURL_BLOB_NOCOPY };

        /* Beside these, curl goes on trusting its folder of system CAs. */
        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &pem);
    }
    if (tls->cert_path) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->cert_path);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key_path);
    }
}

static void set_credentials(CURL *curl, const struct hx_http_request *request)
{
    if (request->bearer) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request->bearer);
    } else if (request->user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, request->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD,
                         request->password ? request->password : "");
    }
}

/* Asked at least once a second, also while nothing comes. */
static int on_tick(void *opaque, curl_off_t down_total, curl_off_t down,
                   curl_off_t up_total, curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return hx_stop_is_set() || give_old(opaque) < 0;
}

static void set_limits(CURL *curl, const struct hx_http_times *times)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, times->connect_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, times->stall_s);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 262144L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "xl-hyper/" HX_VERSION);
    /* A password in ~/.netrc is no login of ours. */
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

static size_t on_read(char *to, size_t size, size_t count, void *opaque)
{
    struct transfer *t = opaque;
    const struct hx_http_upload *upload = t->request->upload;
    uint64_t left = upload->bytes - t->sent_bytes;
    uint64_t at = upload->start + t->sent_bytes;
    size_t len = size * count;
    ssize_t n;

    if (len > left)
        len = (size_t)left;
    if (upload->data) {
        memcpy(to, (const char *)upload->data + at, len);
        n = (ssize_t)len;
    } else {
        do {
            n = pread(upload->fd, to, len, (off_t)at);
        } while (n < 0 && errno == EINTR);
    }
    if (n < 0 || (n == 0 && len)) {
        hx_err_sys(t->err, HX_ERR_SYSTEM, n < 0 ? errno : EIO,
                   "reading what is to be sent");
        t->refused = 1;
        return CURL_READFUNC_ABORT;
    }
    t->sent_bytes += (uint64_t)n;
    if (upload->sent)
        upload->sent(t->sent_bytes, upload->opaque);
    return (size_t)n;
}

/* curl begins anew when a connection that it kept turns out to be dead. */
static int on_seek(void *opaque, curl_off_t offset, int origin)
{
    struct transfer *t = opaque;

    if (origin != SEEK_SET || offset < 0 ||
        (uint64_t)offset > t->request->upload->bytes)
        return CURL_SEEKFUNC_FAIL;
    t->sent_bytes = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static struct curl_slist *set_upload(struct hx_http *http, struct transfer *t,
                                     struct curl_slist *headers, int *failed)
{
    const struct hx_http_upload *upload = t->request->upload;
    CURL *curl = http->curl;

    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, t);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)upload->bytes);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                     http->times.stall_s * UPLOAD_PATIENCE);
    headers = add_header(headers, "Content-Type", upload->content_type, failed);
    if (upload->content_range)
        headers =
            add_header(headers, "Content-Range", upload->content_range, failed);
    return headers;
}

static struct curl_slist *set_method(struct hx_http *http, struct transfer *t,
                                     struct curl_slist *headers, int *failed)
{
    const char *method = t->request->method;
    CURL *curl = http->curl;

    if (t->request->upload)
        headers = set_upload(http, t, headers, failed);
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        return headers;
    }
    if (!t->request->upload) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    return headers;
}

/* The whole request; the slist is the caller's to free. */
static struct curl_slist *prepare(struct hx_http *http, struct transfer *t,
                                  const struct hx_url *url, char *words,
                                  int *failed)
{
    const struct hx_http_request *request = t->request;
    struct curl_slist *headers = NULL;
    CURL *curl = http->curl;

    curl_easy_reset(curl);
    set_limits(curl, &http->times);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    set_tls(curl, request->tls);
    set_credentials(curl, request);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(curl, CURLOPT_URL, url->text);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    if (request->unix_socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
    /* As docker does: this machine is never reached through a proxy. */
    if (url->loopback || request->unix_socket)
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (request->accept)
        headers = add_header(headers, "Accept", request->accept, failed);
    if (request->form) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->form);
    }
    if (request->method)
        headers = set_method(http, t, headers, failed);
    if (request->range_start) {
        char range[32];

        snprintf(range, sizeof(range), "%llu-",
                 (unsigned long long)request->range_start);
        curl_easy_setopt(curl, CURLOPT_RANGE, range);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    return headers;
}

static int explain(struct hx_http *http, const struct hx_url *url,
                   const char *words, struct hx_err *err)
{
    const char *why = *words ? words : curl_easy_strerror(http->last);

    switch (http->last) {
    case CURLE_OUT_OF_MEMORY:
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "asking %s", url->origin);
    case CURLE_ABORTED_BY_CALLBACK:
        return hx_stop_error(err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return hx_err_set(err, HX_ERR_NETWORK,
                          "%s: its certificate is not trusted (%s); put its "
                          "CA into " HX_SYSCONFDIR "/hyper/certs.d/%s/ca.crt",
                          url->host_port, why, url->host_port);
    case CURLE_SSL_CERTPROBLEM:
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: the client certificate in certs.d cannot be "
                          "used: %s",
                          url->host_port, why);
    case CURLE_COULDNT_RESOLVE_HOST:
        return hx_err_set(err, HX_ERR_NETWORK,
                          "the name %s cannot be resolved; check it, and this "
                          "host's DNS",
                          url->host);
    case CURLE_COULDNT_CONNECT:
        return hx_err_set(err, HX_ERR_NETWORK,
                          "%s cannot be reached (%s); is it running, and is "
                          "the address right?",
                          url->host_port, why);
    case CURLE_OPERATION_TIMEDOUT:
        return hx_err_set(err, HX_ERR_NETWORK, "%s: it answers too slowly: %s",
                          url->host_port, why);
    default:
        return hx_err_set(err, HX_ERR_NETWORK, "%s: %s", url->host_port, why);
    }
}

int hx_http_get(struct hx_http *http, const struct hx_http_request *request,
                struct hx_http_reply *reply_r, struct hx_err *err)
{
    struct transfer t = {
        .request = request,
        .reply = reply_r,
        .curl = http->curl,
        .err = err,
        .held = http->held,
    };
    char words[CURL_ERROR_SIZE] = "";
    _cleanup_url_ struct hx_url url = { 0 };
    struct curl_slist *headers;
    int failed = 0, rc;

    *reply_r = (struct hx_http_reply){ 0 };
    reset_reply(reply_r, HX_HTTP_BODY_MAX);
    http->last = CURLE_OK;
    rc = hx_url_parse(request->url, NULL, &url, err);
    /* An address is judged as it is written, with a proxy too: no_proxy may
     * name it in many ways.  A name is judged by where it leads. */
    if (rc == 0 && request->no_local_peer && is_local_literal(url.host))
        rc = refuse_local(request, err);
    if (rc < 0)
        return rc;
    headers = prepare(http, &t, &url, words, &failed);
    if (request->no_local_peer && !hx_proxy_is_used(&url)) {
        curl_easy_setopt(http->curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        curl_easy_setopt(http->curl, CURLOPT_OPENSOCKETDATA, &t);
        /* A connection made before was not asked about. */
        curl_easy_setopt(http->curl, CURLOPT_FRESH_CONNECT, 1L);
    }
    http->last = failed ? CURLE_OUT_OF_MEMORY : curl_easy_perform(http->curl);
    /* What came before it broke off counts. */
    if (!t.refused && give_held(&t) < 0)
        http->last = CURLE_WRITE_ERROR;
    if (http->last == CURLE_OK && begin_once(&t) < 0)
        http->last = CURLE_WRITE_ERROR;
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &reply_r->status);
    if (http->last == CURLE_OK)
        return 0;
    if (t.refused)
        return err ? -(int)err->code : -HX_ERR_REGISTRY;
    return explain(http, &url, words, err);
}

int hx_http_was_refused(const struct hx_http *http)
{
    return http->last == CURLE_COULDNT_CONNECT;
}

int hx_http_no_contact(const struct hx_http *http)
{
    switch (http->last) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return 1;
    default:
        return 0;
    }
}

int hx_http_is_final(const struct hx_http *http)
{
    curl_off_t resolved_us = 0;

    /* A resolver that is not there has taken its whole time already. */
    if (http->last == CURLE_OPERATION_TIMEDOUT &&
        curl_easy_getinfo(http->curl, CURLINFO_NAMELOOKUP_TIME_T,
                          &resolved_us) == CURLE_OK)
        return resolved_us == 0;
    switch (http->last) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_OUT_OF_MEMORY:
        return 1;
    default:
        return 0;
    }
}
