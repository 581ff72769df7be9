/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/event-text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image/base/strv.h"

static const char *const keys[] = { "event", "container", "type", "image" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int hx_event_filter_add(struct hx_event_choice *choice, const char *filter,
                        struct hx_err *err)
{
    size_t len = strcspn(filter, "=");
    bool known = false;

    for (size_t i = 0; i < COUNT(keys); i++)
        known |= strlen(keys[i]) == len && strncmp(keys[i], filter, len) == 0;
    if (!known || filter[len] != '=' || !filter[len + 1])
        return hx_err_set(err, HX_ERR_USAGE,
                          "--filter: '%.64s' is no filter; write event=die, "
                          "container=NAME, type=container or image=NAME",
                          filter);
    if (hx_strv_add(&choice->filters, filter) < 0)
        return hx_err_set(err, HX_ERR_SYSTEM, "--filter: no memory");
    return 0;
}

static const char *text_of(const json_t *obj, const char *field)
{
    const char *text = json_string_value(json_object_get(obj, field));

    return text ? text : "";
}

static const json_t *attributes_of(const json_t *event)
{
    return json_object_get(json_object_get(event, "Actor"), "Attributes");
}

int64_t hx_event_time_ms(const json_t *event)
{
    int64_t ns = json_integer_value(json_object_get(event, "timeNano"));

    return ns > 0 ? ns / 1000000 : 0;
}

/* -- choosing --------------------------------------------------------------
 */

/* "exec_start" stands for "exec_start: COMMAND", and "health_status" for
 * "health_status: healthy", too, as for docker. */
static bool is_action(const char *action, const char *wanted)
{
    size_t len = strlen(wanted);

    return strcmp(action, wanted) == 0 ||
           ((strncmp(wanted, "exec_", 5) == 0 ||
             strcmp(wanted, "health_status") == 0) &&
            !strchr(wanted, ':') && strncmp(action, wanted, len) == 0 &&
            action[len] == ':');
}

static bool fits(const json_t *event, const char *key, const char *value)
{
    const char *uuid = text_of(json_object_get(event, "Actor"), "ID");
    const json_t *attributes = attributes_of(event);

    if (strncmp(key, "event=", 6) == 0)
        return is_action(text_of(event, "Action"), value);
    if (strncmp(key, "type=", 5) == 0)
        return strcmp(text_of(event, "Type"), value) == 0;
    if (strncmp(key, "image=", 6) == 0)
        return strcmp(text_of(attributes, "image"), value) == 0;
    return strcmp(text_of(attributes, "name"), value) == 0 ||
           strcmp(uuid, value) == 0 ||
           (strlen(value) >= 4 && strncmp(uuid, value, strlen(value)) == 0);
}

/* Whether the filters of one key let it pass; without one they do. */
static bool key_fits(char *const *filters, const char *key, const json_t *event)
{
    size_t len = strlen(key);
    bool named = false;

    for (; filters && *filters; filters++) {
        if (strncmp(*filters, key, len) != 0 || (*filters)[len] != '=')
            continue;
        if (fits(event, *filters, *filters + len + 1))
            return true;
        named = true;
    }
    return !named;
}

bool hx_event_wanted(const struct hx_event_choice *choice, const json_t *event)
{
    int64_t ms = hx_event_time_ms(event);
    bool wanted = ms > 0 && ms >= choice->since_ms &&
                  (choice->until_ms == 0 || ms <= choice->until_ms);

    for (size_t i = 0; wanted && i < COUNT(keys); i++)
        wanted = key_fits(choice->filters, keys[i], event);
    return wanted;
}

/* -- printing --------------------------------------------------------------
 */

/* RFC 3339 in local time with nanoseconds, as docker has it. */
static void print_time(FILE *out, int64_t ns)
{
    time_t seconds = (time_t)(ns / 1000000000);
    char text[32] = "", zone[8] = "";
    struct tm tm;

    if (localtime_r(&seconds, &tm)) {
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        strftime(zone, sizeof(zone), "%z", &tm);
    }
    fprintf(out, "%s.%09d%.3s:%s", text, (int)(ns % 1000000000), zone,
            strlen(zone) == 5 ? zone + 3 : "00");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_attributes(FILE *out, const json_t *attributes)
{
    const char *names[32] = { 0 };
    const char *name;
    json_t *value;
    size_t count = 0;

    json_object_foreach ((json_t *)attributes, name, value) {
        if (count < COUNT(names) && json_is_string(value))
            names[count++] = name;
    }
    qsort(names, count, sizeof(names[0]), by_name);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%s=%s", i ? ", " : " (", names[i],
                text_of(attributes, names[i]));
    if (count)
        fputc(')', out);
}

char *hx_event_text(const json_t *event)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    print_time(out, json_integer_value(json_object_get(event, "timeNano")));
    fprintf(out, " %s %s %s", text_of(event, "Type"), text_of(event, "Action"),
            text_of(json_object_get(event, "Actor"), "ID"));
    print_attributes(out, attributes_of(event));
    return fclose(out) == 0 ? text : NULL;
}
