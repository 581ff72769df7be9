/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/change.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "image/base/buf.h"
#include "image/base/json.h"
#include "image/base/strv.h"

#define LINE_MAX_BYTES 65536

struct change {
    json_t *process;
    const char *line; /* all of it, for errors */
    const char *rest; /* what follows the instruction */
    int cmd_is_given; /* by a line before */
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "changing the image");
}

static int wrong(const struct change *change, const char *what,
                 struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_USAGE, "--change '%.200s': %s", change->line,
                      what);
}

/* -- words ------------------------------------------------------------------
 */

static const char *value_of(const struct change *change, const char *name,
                            size_t len)
{
    const json_t *env = json_object_get(change->process, "Env");
    json_t *pair;
    size_t i;

    json_array_foreach (env, i, pair) {
        const char *text = json_string_value(pair);

        if (text && strncmp(text, name, len) == 0 && text[len] == '=')
            return text + len + 1;
    }
    return "";
}

/* $NAME and ${NAME}, after the dollar; *at is then behind it. */
static int add_variable(const struct change *change, const char **at,
                        struct hx_buf *word, struct hx_err *err)
{
    const char *name = *at + (**at == '{');
    size_t len = 0;

    while (name[len] == '_' || isalnum((unsigned char)name[len]))
        len++;
    if (**at == '{' && (name[len] != '}' || len == 0))
        return wrong(change, "of variables only $NAME and ${NAME} are known",
                     err);
    if (len == 0)
        return hx_buf_adds(word, "$") < 0 ? no_memory(err) : 0;
    *at = name + len + (**at == '{');
    return hx_buf_adds(word, value_of(change, name, len)) < 0 ? no_memory(err)
                                                              : 0;
}

/* The next word, or up to the line's end; *at is then behind it.  1 when there
 * is one. */
static int next_word(const struct change *change, const char **at, int to_end,
                     struct hx_buf *word, struct hx_err *err)
{
    char quote = 0;
    int rc = 0;

    hx_buf_clear(word);
    *at += strspn(*at, " \t");
    if (!**at)
        return 0;
    while (rc == 0 && **at && (quote || to_end || !strchr(" \t", **at))) {
        char c = *(*at)++;

        if (c == quote)
            quote = 0;
        else if (!quote && (c == '"' || c == '\''))
            quote = c;
        else if (c == '$' && quote != '\'')
            rc = add_variable(change, at, word, err);
        else if (c == '\\' && quote != '\'' && **at)
            rc = hx_buf_add(word, (*at)++, 1) < 0 ? no_memory(err) : 0;
        else
            rc = hx_buf_add(word, &c, 1) < 0 ? no_memory(err) : 0;
    }
    if (rc == 0 && quote)
        rc = wrong(change, "a quote has no end", err);
    /* '' is a word, and empty. */
    if (rc == 0 && hx_buf_adds(word, "") < 0)
        rc = no_memory(err);
    return rc < 0 ? rc : 1;
}

typedef int each_word(const struct change *change, const char *word,
                      struct hx_err *err);

static int for_words(const struct change *change, each_word *each,
                     struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf word = HX_BUF_INIT(LINE_MAX_BYTES);
    const char *at = change->rest;
    int rc;

    while ((rc = next_word(change, &at, 0, &word, err)) > 0) {
        rc = each(change, word.data, err);
        if (rc < 0)
            break;
    }
    return rc;
}

/* -- fields -----------------------------------------------------------------
 */

static int set(const struct change *change, const char *field, json_t *value,
               struct hx_err *err)
{
    return json_object_set_new(change->process, field, value) < 0
               ? no_memory(err)
               : 0;
}

/* The object in a field, made when it is missing. */
static json_t *object_in(const struct change *change, const char *field)
{
    json_t *object = json_object_get(change->process, field);

    if (json_is_object(object))
        return object;
    object = json_object();
    return json_object_set_new(change->process, field, object) < 0 ? NULL
                                                                   : object;
}

static int add_key(const struct change *change, const char *field,
                   const char *key, json_t *value, struct hx_err *err)
{
    json_t *object = object_in(change, field);

    if (!object) {
        json_decref(value);
        return no_memory(err);
    }
    /* What is no UTF-8 is refused by jansson, too. */
    return json_object_set_new(object, key, value) < 0
               ? wrong(change, "this is no text (UTF-8)", err)
               : 0;
}

static int set_env(const struct change *change, const char *name,
                   const char *value, struct hx_err *err)
{
    json_t *env = json_object_get(change->process, "Env"), *old;
    json_t *pair = json_sprintf("%s=%s", name, value);
    size_t i, len = strlen(name) + 1;
    const char *text = json_string_value(pair);

    if (!pair || !text)
        return wrong(change, "this is no text (UTF-8)", err);
    if (!json_is_array(env)) {
        env = json_array();
        if (json_object_set_new(change->process, "Env", env) < 0) {
            json_decref(pair);
            return no_memory(err);
        }
    }
    json_array_foreach (env, i, old) {
        const char *other = json_string_value(old);

        if (other && strncmp(other, text, len) == 0)
            return json_array_set_new(env, i, pair) < 0 ? no_memory(err) : 0;
    }
    return json_array_append_new(env, pair) < 0 ? no_memory(err) : 0;
}

static int set_label(const struct change *change, const char *name,
                     const char *value, struct hx_err *err)
{
    return add_key(change, "Labels", name, json_string(value), err);
}

typedef int set_pair(const struct change *change, const char *name,
                     const char *value, struct hx_err *err);

/* NAME=VALUE...; or NAME VALUE, the old way, when the first has no '='. */
static int apply_pairs(const struct change *change, set_pair *one,
                       struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf word = HX_BUF_INIT(LINE_MAX_BYTES);
    _cleanup_free_ char *name = NULL;
    const char *at = change->rest;
    int rc = 0, count = 0;

    while (rc >= 0 && (rc = next_word(change, &at, 0, &word, err)) > 0) {
        char *equal = strchr(word.data, '=');

        if (equal == word.data)
            return wrong(change, "a name is missing before '='", err);
        if (equal) {
            *equal = '\0';
            rc = one(change, word.data, equal + 1, err);
        } else if (count) {
            return wrong(change, "a word is no NAME=VALUE", err);
        } else {
            name = strdup(word.data);
            if (!name)
                return no_memory(err);
            rc = next_word(change, &at, 1, &word, err);
            if (rc == 0)
                rc = wrong(change, "a value is missing", err);
            return rc < 0 ? rc : one(change, name, word.data, err);
        }
        count++;
    }
    return rc;
}

static int apply_env(struct change *change, struct hx_err *err)
{
    return apply_pairs(change, set_env, err);
}

static int apply_label(struct change *change, struct hx_err *err)
{
    return apply_pairs(change, set_label, err);
}

/* A JSON array of strings: 1, and 0 when the line is none. */
static int parse_array(const struct change *change, json_t **array_r)
{
    json_t *array = json_loads(change->rest, JSON_REJECT_DUPLICATES, NULL);
    json_t *text;
    size_t i;
    int ok = json_is_array(array);

    json_array_foreach (array, i, text)
        ok = ok && json_is_string(text);
    if (!ok) {
        json_decref(array);
        return 0;
    }
    *array_r = array;
    return 1;
}

/* What stands behind CMD or ENTRYPOINT; else the image's shell runs it. */
static int command_of(const struct change *change, json_t **command_r,
                      struct hx_err *err)
{
    json_t *shell = json_object_get(change->process, "Shell");

    if (parse_array(change, command_r))
        return 0;
    *command_r = json_array_size(shell) ? json_deep_copy(shell)
                                        : json_pack("[s, s]", "/bin/sh", "-c");
    if (*command_r &&
        json_array_append_new(*command_r, json_string(change->rest)) == 0)
        return 0;
    json_decref(*command_r);
    return wrong(change, "this is no text (UTF-8)", err);
}

static int apply_cmd(struct change *change, struct hx_err *err)
{
    json_t *command = NULL;
    int rc = command_of(change, &command, err);

    change->cmd_is_given = 1;
    return rc == 0 ? set(change, "Cmd", command, err) : rc;
}

static int apply_entrypoint(struct change *change, struct hx_err *err)
{
    json_t *command = NULL;
    int rc = command_of(change, &command, err);

    if (rc == 0 && !change->cmd_is_given)
        json_object_del(change->process, "Cmd");
    return rc == 0 ? set(change, "Entrypoint", command, err) : rc;
}

static int expose(const struct change *change, const char *word,
                  struct hx_err *err)
{
    static const char *const protocols[] = { "", "/tcp", "/udp", "/sctp" };
    size_t digits = strspn(word, "0123456789");
    long port = digits && digits < 6 ? strtol(word, NULL, 10) : 0;
    char key[16];

    for (size_t i = 0; port > 0 && port < 65536 && i < 4; i++) {
        if (strcasecmp(word + digits, protocols[i]) != 0)
            continue;
        snprintf(key, sizeof(key), "%ld%s", port, protocols[i ? i : 1]);
        return add_key(change, "ExposedPorts", key, json_object(), err);
    }
    return wrong(change,
                 "a port is a number up to 65535, with /tcp, /udp or "
                 "/sctp if need be",
                 err);
}

static int apply_expose(struct change *change, struct hx_err *err)
{
    return for_words(change, expose, err);
}

static int add_volume(const struct change *change, const char *word,
                      struct hx_err *err)
{
    return *word ? add_key(change, "Volumes", word, json_object(), err)
                 : wrong(change, "a volume has no name", err);
}

static int apply_volume(struct change *change, struct hx_err *err)
{
    _cleanup_json_ json_t *array = NULL;
    json_t *text;
    size_t i;
    int rc = 0;

    if (!parse_array(change, &array))
        return for_words(change, add_volume, err);
    json_array_foreach (array, i, text)
        if (rc == 0)
            rc = add_volume(change, json_string_value(text), err);
    return rc;
}

/* The rest of the line as one text. */
static int apply_text(struct change *change, const char *field,
                      struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf word = HX_BUF_INIT(LINE_MAX_BYTES);
    const char *at = change->rest;
    json_t *text;
    int rc = next_word(change, &at, 1, &word, err);

    if (rc < 0)
        return rc;
    text = json_string(word.data);
    return text ? set(change, field, text, err)
                : wrong(change, "this is no text (UTF-8)", err);
}

static int apply_user(struct change *change, struct hx_err *err)
{
    return apply_text(change, "User", err);
}

static int apply_stop_signal(struct change *change, struct hx_err *err)
{
    return apply_text(change, "StopSignal", err);
}

/* One that does not begin with '/' is below the one before. */
static int apply_working_dir(struct change *change, struct hx_err *err)
{
    _cleanup_json_ json_t *old =
        json_incref(json_object_get(change->process, "WorkingDir"));
    const char *before = json_string_value(old), *text;
    int rc = apply_text(change, "WorkingDir", err);
    size_t len;

    if (rc < 0)
        return rc;
    text = json_string_value(json_object_get(change->process, "WorkingDir"));
    if (*text == '/')
        return 0;
    before = before ? before : "";
    len = strlen(before);
    return set(change, "WorkingDir",
               json_sprintf("%s%s%s", before,
                            len && before[len - 1] == '/' ? "" : "/", text),
               err);
}

/* -- a document -------------------------------------------------------------
 */

int hx_change_merge(json_t *process, const json_t *document, struct hx_err *err)
{
    const char *field;
    json_t *value, *old, *copy;
    int rc = 0;

    json_object_foreach ((json_t *)document, field, value) {
        old = json_object_get(process, field);
        if (json_is_null(value)) {
            json_object_del(process, field);
            continue;
        }
        if (json_is_object(value)) {
            copy = json_is_object(old) ? json_incref(old) : json_object();
            rc = hx_change_merge(copy, value, err);
        } else {
            copy = json_deep_copy(value);
        }
        if (json_object_set_new(process, field, copy) < 0)
            return no_memory(err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* -- lines ------------------------------------------------------------------
 */

static int apply(struct change *change, const char *line, struct hx_err *err)
{
    static const struct {
        const char *name;
        int (*apply)(struct change *change, struct hx_err *err);
    } instructions[] = {
        { "CMD", apply_cmd },
        { "ENTRYPOINT", apply_entrypoint },
        { "ENV", apply_env },
        { "EXPOSE", apply_expose },
        { "LABEL", apply_label },
        { "USER", apply_user },
        { "VOLUME", apply_volume },
        { "WORKDIR", apply_working_dir },
        { "STOPSIGNAL", apply_stop_signal },
    };
    size_t len;

    change->line = line;
    line += strspn(line, " \t");
    len = strcspn(line, " \t");
    change->rest = line + len + strspn(line + len, " \t");
    if (strlen(line) > LINE_MAX_BYTES / 2)
        return wrong(change, "the line is too long", err);
    if (!*change->rest)
        return wrong(change, "nothing follows the instruction", err);
    for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
        if (strlen(instructions[i].name) == len &&
            strncasecmp(instructions[i].name, line, len) == 0)
            return instructions[i].apply(change, err);
    return wrong(change,
                 "an image can be changed by CMD, ENTRYPOINT, ENV, EXPOSE, "
                 "LABEL, USER, VOLUME, WORKDIR and STOPSIGNAL",
                 err);
}

int hx_change_apply(json_t *process, char *const *lines, struct hx_err *err)
{
    struct change change = { .process = process };
    int rc = 0;

    for (size_t i = 0; rc == 0 && lines && lines[i]; i++)
        rc = apply(&change, lines[i], err);
    return rc;
}
