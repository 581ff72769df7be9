/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/times.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS INT64_C(1000000000)
#define YEAR_MAX  2261 /* the last that 63 bits of nanoseconds hold */

void hx_time_print_rfc3339(int64_t ms, char text[HX_TIME_TEXT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (ms <= 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900) {
        snprintf(text, HX_TIME_TEXT, "0001-01-01T00:00:00Z");
        return;
    }
    snprintf(text, HX_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
             (unsigned)tm.tm_mday, (unsigned)tm.tm_hour, (unsigned)tm.tm_min,
             (unsigned)tm.tm_sec, (unsigned)(ms % 1000));
}

/* ".123456789" as nanoseconds, as far as there are digits; moves *p behind. */
static int64_t take_fraction(const char **p)
{
    int64_t ns = 0, unit = SECOND_NS / 10;

    if (**p != '.')
        return 0;
    for (++*p; **p >= '0' && **p <= '9'; ++*p, unit /= 10)
        ns += (**p - '0') * unit;
    return ns;
}

/* "Z" or "+02:00", in seconds; -1: neither. */
static int take_zone(const char *p, int *seconds_r)
{
    int hours, minutes, end = 0;

    if (strcmp(p, "Z") == 0) {
        *seconds_r = 0;
        return 0;
    }
    if ((*p != '+' && *p != '-') ||
        sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 || p[1 + end])
        return -1;
    *seconds_r = (hours * 3600 + minutes * 60) * (*p == '-' ? -1 : 1);
    return 0;
}

int64_t hx_time_parse_rfc3339_ns(const char *text)
{
    struct tm tm = { 0 };
    const char *p;
    int64_t s, ns;
    int zone;

    p = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!p || tm.tm_year < 70 || tm.tm_year > YEAR_MAX - 1900)
        return 0;
    ns = take_fraction(&p);
    if (take_zone(p, &zone) < 0)
        return 0;
    s = (int64_t)timegm(&tm) - zone;
    return s > 0 ? s * SECOND_NS + ns : 0;
}

int64_t hx_time_parse_rfc3339(const char *text)
{
    return hx_time_parse_rfc3339_ns(text) / SECOND_NS * 1000;
}

void hx_time_print_ns(int64_t ns, char text[HX_TIME_TEXT])
{
    time_t seconds = (time_t)(ns / SECOND_NS);
    struct tm tm = { 0 };

    gmtime_r(&seconds, &tm);
    snprintf(text, HX_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
             (unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
             (unsigned)tm.tm_mday, (unsigned)tm.tm_hour, (unsigned)tm.tm_min,
             (unsigned)tm.tm_sec, (unsigned)(ns % SECOND_NS));
}

/* -- points in time ------------------------------------------------------- */

#define DIGITS    "0123456789"
#define MAX_POINT INT64_C(253402300799) /* 9999-12-31T23:59:59Z, seconds */

/* "12" or "12.5" in units of `unit_ms`; what follows, or NULL. */
static const char *decimal(const char *text, double unit_ms, double *ms_r)
{
    size_t whole = strspn(text, DIGITS);
    size_t len = whole;

    if (whole == 0)
        return NULL;
    if (text[len] == '.')
        len += 1 + strspn(text + len + 1, DIGITS);
    if (len > 20)
        return NULL;
    *ms_r = strtod(text, NULL) * unit_ms;
    return text + len;
}

/* Go's durations, which docker takes: "1h30m", "1.5s", "200ms". */
static bool parse_duration(const char *text, int64_t *ms_r)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {
        { "ms", 1 },
        { "s", 1000 },
        { "m", 60000 },
        { "h", 3600000 },
    };
    double sum = 0;

    do {
        double number = 0;
        const char *unit = decimal(text, 1, &number);
        size_t i = 0, len = unit ? strspn(unit, "hms") : 0;

        while (i < 4 && (len != strlen(units[i].name) ||
                         strncmp(unit, units[i].name, len) != 0))
            i++;
        if (i == 4)
            return false;
        sum += number * units[i].ms;
        text = unit + len;
    } while (*text);
    if (sum > (double)MAX_POINT * 1000)
        return false;
    *ms_r = (int64_t)sum;
    return true;
}

static bool parse_local(const char *text, int64_t *ms_r)
{
    static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M",
                                         "%Y-%m-%dT%H:%M:%S" };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = { .tm_isdst = -1 };
        const char *end = strptime(text, forms[i], &tm);

        if (end && !*end) {
            *ms_r = (int64_t)mktime(&tm) * 1000;
            return *ms_r > 0;
        }
    }
    return false;
}

int hx_time_parse_point(const char *what, const char *text, int64_t now_ms,
                        int64_t *ms_r, struct hx_err *err)
{
    double number = 0;
    const char *end = decimal(text, 1000, &number);
    int64_t ms = hx_time_parse_rfc3339(text);

    if (end && !*end && number <= (double)MAX_POINT * 1000)
        *ms_r = (int64_t)number;
    else if (ms > 0 || parse_local(text, &ms))
        *ms_r = ms;
    else if (parse_duration(text, &ms))
        *ms_r = now_ms - ms;
    else
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: '%.64s' is no time; write 10m for ten minutes "
                          "ago, or 2026-01-31T12:00:00",
                          what, text);
    return 0;
}

int hx_time_parse_duration(const char *what, const char *text, int64_t *ms_r,
                           struct hx_err *err)
{
    int64_t ms = 0;

    if (strcmp(text, "0") != 0 && !parse_duration(text, &ms))
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: '%.40s' is no length of time; write 30s, 1m30s "
                          "or 500ms",
                          what, text);
    *ms_r = ms;
    return 0;
}

void hx_time_print_duration(int64_t ms, char text[HX_TIME_TEXT])
{
    long long s = ms / 1000, m = s / 60, h = (m + 30) / 60;

    if (s < 1)
        snprintf(text, HX_TIME_TEXT, "Less than a second");
    else if (s == 1)
        snprintf(text, HX_TIME_TEXT, "1 second");
    else if (s < 60)
        snprintf(text, HX_TIME_TEXT, "%lld seconds", s);
    else if (m == 1)
        snprintf(text, HX_TIME_TEXT, "About a minute");
    else if (m < 60)
        snprintf(text, HX_TIME_TEXT, "%lld minutes", m);
    else if (h == 1)
        snprintf(text, HX_TIME_TEXT, "About an hour");
    else if (h < 48)
        snprintf(text, HX_TIME_TEXT, "%lld hours", h);
    else if (h < 24 * 7 * 2)
        snprintf(text, HX_TIME_TEXT, "%lld days", h / 24);
    else if (h < 24 * 30 * 2)
        snprintf(text, HX_TIME_TEXT, "%lld weeks", h / 24 / 7);
    else if (h < 24 * 365 * 2)
        snprintf(text, HX_TIME_TEXT, "%lld months", h / 24 / 30);
    else
        snprintf(text, HX_TIME_TEXT, "%lld years", h / 24 / 365);
}

void hx_time_print_ago(int64_t then_ms, int64_t now_ms, char text[HX_TIME_TEXT])
{
    size_t len;

    snprintf(text, HX_TIME_TEXT, "N/A");
    if (!then_ms)
        return;
    hx_time_print_duration(now_ms > then_ms ? now_ms - then_ms : 0, text);
    len = strlen(text);
    snprintf(text + len, HX_TIME_TEXT - len, " ago");
}
