/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/log-record.h"

#include <stdlib.h>
#include <string.h>

#include "xl-plugin/times.h"

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* NULL: not base64, or no memory. */
static char *decode(const char *text, size_t *len_r)
{
    size_t in = strlen(text), out = 0;
    char *bytes = malloc(in / 4 * 3 + 1);

    if (!bytes || in % 4 != 0)
        goto fail;
    for (size_t i = 0; i < in; i += 4) {
        int pad = i + 4 < in ? 0 : (text[i + 3] == '=') + (text[i + 2] == '=');
        uint32_t group = 0;

        for (int j = 0; j < 4; j++) {
            int digit = j < 4 - pad ? base64_digit(text[i + j]) : 0;

            if (digit < 0)
                goto fail;
            group = group << 6 | (uint32_t)digit;
        }
        for (int j = 0; j < 3 - pad; j++)
            bytes[out++] = (char)(group >> (16 - 8 * j));
    }
    *len_r = out;
    return bytes;

fail:
    free(bytes);
    return NULL;
}

static int read_record(struct hx_log_record *record)
{
    const json_t *log = json_object_get(record->doc, "log");
    const char *stream =
        json_string_value(json_object_get(record->doc, "stream"));
    const char *time = json_string_value(json_object_get(record->doc, "time"));
    const char *raw = json_string_value(
        json_object_get(json_object_get(record->doc, "attrs"), "raw"));

    if (!json_is_string(log) || !stream)
        return -1;
    record->stream =
        strcmp(stream, "stderr") == 0 ? HX_LOG_STDERR : HX_LOG_STDOUT;
    record->time_ns = hx_time_parse_rfc3339_ns(time);
    record->text = json_string_value(log);
    record->len = json_string_length(log);
    if (!raw)
        return 0;
    record->raw = decode(raw, &record->len);
    record->text = record->raw;
    return record->raw ? 0 : -1;
}

int hx_log_record_parse(const char *line, size_t len,
                        struct hx_log_record *record_r)
{
    struct hx_log_record record = { 0 };

    record.doc = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    if (!record.doc || read_record(&record) < 0) {
        hx_log_record_release(&record);
        return -1;
    }
    *record_r = record;
    return 0;
}

void hx_log_record_release(struct hx_log_record *record)
{
    json_decref(record->doc);
    free(record->raw);
    *record = (struct hx_log_record){ 0 };
}

bool hx_log_filter_takes(const struct hx_log_filter *filter,
                         const struct hx_log_record *record)
{
    if (record->stream == HX_LOG_STDERR ? filter->no_stderr : filter->no_stdout)
        return false;
    return record->time_ns >= filter->since_ns &&
           (!filter->until_ns || record->time_ns <= filter->until_ns);
}
