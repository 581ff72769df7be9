/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/store-cap.h"

#include <string.h>

#include "image/base/clock.h"
#include "image/base/file.h"
#include "image/base/json.h"
#include "image/prune.h"
#include "xl-plugin/image-use.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/times.h"

#define KEY              "image-store-max-size"
#define DAEMON_MAX_BYTES (1u << 20)

int hx_store_cap_read(const char *daemon_json, uint64_t *bytes_r,
                      struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_json_ json_t *doc = NULL;
    const char *size = NULL;
    uint64_t kib = 0;
    int r = hx_file_read(daemon_json, DAEMON_MAX_BYTES, &text, err);

    /* An empty file is what `touch` makes, and says nothing. */
    if (r == -HX_ERR_NOT_FOUND || (r == 0 && text.len == 0)) {
        hx_err_clear(err);
        *bytes_r = 0;
        return 0;
    }
    if (r == 0)
        r = hx_json_parse(text.data, text.len, daemon_json, &doc, err);
    if (r == 0)
        r = hx_json_str(doc, KEY, daemon_json, HX_JSON_OPTIONAL, &size, err);
    if (r == 0 && size)
        r = hx_size_parse_kib("\"" KEY "\"", size, &kib, err);
    if (r < 0)
        return r;
    *bytes_r = kib << 10;
    return 0;
}

static void say_removed(const char *name, const char *id, int64_t used_at_s,
                        void *opaque)
{
    int64_t age_ms = hx_clock_unix_ms() - used_at_s * 1000;
    char since[HX_TIME_TEXT];

    (void)opaque;
    hx_time_print_duration(age_ms > 0 ? age_ms : 0, since);
    if (name)
        hx_complain("the image store is over its limit: removed %.300s, last "
                    "used %s ago",
                    name, since);
    else
        hx_complain("the image store is over its limit: deleted %s", id);
}

static int apply(struct hx_store *store, struct hx_host *host,
                 const struct hx_image *image, struct hx_err *err)
{
    struct hx_store_cap cap = { .keep_id = image->id,
                                .in_use = hx_image_in_use,
                                .removed = say_removed,
                                .opaque = host };
    char has[HX_SIZE_TEXT], may[HX_SIZE_TEXT];
    uint64_t needed = 0;
    int r = hx_store_cap_read(hx_host_daemon_json(host), &cap.max_bytes, err);

    if (r < 0 || !cap.max_bytes)
        return r;
    r = hx_image_cap(store, &cap, &needed, err);
    if (r < 0 || needed <= cap.max_bytes)
        return r;
    hx_size_print(needed, has);
    hx_size_print(cap.max_bytes, may);
    hx_complain("the image store holds %s, which is more than its limit of %s, "
                "and all of it is in use",
                has, may);
    return 0;
}

void hx_store_cap_apply(struct hx_store *store, const struct hx_image *image,
                        int64_t since_s)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_err err = { 0 };

    /* An image that was there before has made nothing larger. */
    if (image->pulled_at_s < since_s)
        return;
    if (hx_session_host(&host, &err) < 0 || apply(store, host, image, &err) < 0)
        hx_complain("keeping the image store to its limit: %s", err.msg);
}
