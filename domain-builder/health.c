/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/health.h"

#include <errno.h>
#include <stdlib.h>

#include "image/base/json.h"

void hx_health_release(struct hx_health_spec *health)
{
    hx_strv_free(&health->test);
    hx_strv_free(&health->args);
    *health = (struct hx_health_spec){ 0 };
}

int hx_health_own(struct hx_health_spec *health)
{
    char *const *test = health->test, *const *args = health->args;
    int r;

    health->test = health->args = NULL;
    r = hx_strv_add_all(&health->test, test);
    return hx_strv_add_all(&health->args, args) | r;
}

json_t *hx_health_for_guest(const struct hx_health_spec *health)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I}", "args",
                     hx_json_from_strv(health->args), "interval_ms",
                     (json_int_t)health->interval_ms, "timeout_ms",
                     (json_int_t)health->timeout_ms, "start_period_ms",
                     (json_int_t)health->start_period_ms, "retries",
                     (json_int_t)health->retries);
}

json_t *hx_health_to_json(const struct hx_health_spec *health)
{
    json_t *obj;

    if (!health->test)
        return json_null();
    obj = hx_health_for_guest(health);
    if (obj &&
        json_object_set_new(obj, "test", hx_json_from_strv(health->test)) == 0)
        return obj;
    json_decref(obj);
    return NULL;
}

static int get_number(const json_t *obj, const char *field, const char *what,
                      uint64_t least, unsigned *number_r, struct hx_err *err)
{
    uint64_t number = 0;
    int r = hx_json_u64(obj, field, what, HX_JSON_REQUIRED, &number, err);

    if (r < 0)
        return r;
    if (number < least || number > HX_HEALTH_MS_MAX)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: field \"%s\" of its health check is out of "
                          "range",
                          what, field);
    *number_r = (unsigned)number;
    return 0;
}

int hx_health_from_json(const json_t *obj, const char *what,
                        struct hx_health_spec *health, struct hx_err *err)
{
    int r;

    if (!obj)
        return 0;
    r = hx_json_strv(obj, "test", what, HX_JSON_REQUIRED, &health->test, err);
    if (r == 0)
        r = hx_json_strv(obj, "args", what, HX_JSON_REQUIRED, &health->args,
                         err);
    if (r == 0)
        r = get_number(obj, "interval_ms", what, 1, &health->interval_ms, err);
    if (r == 0)
        r = get_number(obj, "timeout_ms", what, 1, &health->timeout_ms, err);
    if (r == 0)
        r = get_number(obj, "start_period_ms", what, 0,
                       &health->start_period_ms, err);
    if (r == 0)
        r = get_number(obj, "retries", what, 1, &health->retries, err);
    if (r == 0 && (!health->test || !health->args))
        r = hx_err_set(err, HX_ERR_CORRUPT, "%s: its health check is empty",
                       what);
    return r;
}
