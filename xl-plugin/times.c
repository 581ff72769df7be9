/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/times.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t hx_time_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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

int64_t hx_time_parse_rfc3339(const char *text)
{
    int hours = 0, minutes = 0;
    struct tm tm = { 0 };
    const char *p;
    int64_t ms;

    p = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!p || tm.tm_year < 70)
        return 0;
    if (*p == '.')
        p += 1 + strspn(p + 1, "0123456789");
    if (*p == '+' || *p == '-') {
        if (sscanf(p + 1, "%2d:%2d", &hours, &minutes) != 2)
            return 0;
        if (*p == '-') {
            hours = -hours;
            minutes = -minutes;
        }
    } else if (*p != 'Z') {
        return 0;
    }
    ms = (int64_t)timegm(&tm) - hours * 3600 - minutes * 60;
    return ms > 0 ? ms * 1000 : 0;
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
