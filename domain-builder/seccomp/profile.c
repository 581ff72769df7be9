/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/seccomp/profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "domain-builder/caps.h"
#include "image/base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The x32 calls of a 64-bit process have this bit set. */
#define X32_BIT 0x40000000u

struct compiler {
    scmp_filter_ctx filter;
    uint64_t caps;
    uint32_t default_action;
    int newest; /* x86_64's number of the newest call that is named */
    const char *what;
    struct hx_err *err;
};

static int wrong(const struct compiler *c, const char *field, const char *value)
{
    return hx_err_set(c->err, HX_ERR_USAGE,
                      "%s: \"%s\" has no meaning in a seccomp profile: %.64s",
                      c->what, field, value);
}

/* -- words -------------------------------------------------------------------
 */

static int parse_action(const struct compiler *c, const char *field,
                        const char *word, uint64_t errnum, uint32_t *action_r)
{
    static const struct {
        const char *word;
        uint32_t action;
    } actions[] = {
        { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
        { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
        { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
        { "SCMP_ACT_LOG", SCMP_ACT_LOG },
    };

    if (strcmp(word, "SCMP_ACT_NOTIFY") == 0)
        return hx_err_set(c->err, HX_ERR_UNSUPPORTED,
                          "%s: SCMP_ACT_NOTIFY needs a listener, and there is "
                          "none in a pod; use another action",
                          c->what);
    if (errnum > 0xfff)
        return hx_err_set(c->err, HX_ERR_USAGE,
                          "%s: %llu is no errno; it must be 4095 at most",
                          c->what, (unsigned long long)errnum);
    if (strcmp(word, "SCMP_ACT_ERRNO") == 0)
        *action_r = SCMP_ACT_ERRNO((uint16_t)errnum);
    else if (strcmp(word, "SCMP_ACT_TRACE") == 0)
        *action_r = SCMP_ACT_TRACE((uint16_t)errnum);
    else {
        for (size_t i = 0; i < COUNT(actions); i++) {
            if (strcmp(word, actions[i].word) == 0) {
                *action_r = actions[i].action;
                return 0;
            }
        }
        return wrong(c, field, word);
    }
    return 0;
}

static int parse_arch(const struct compiler *c, const char *word,
                      uint32_t *arch_r)
{
    static const char prefix[] = "SCMP_ARCH_";
    char name[32] = "";

    for (size_t i = 0; strncmp(word, prefix, sizeof(prefix) - 1) == 0 &&
                       i < sizeof(name) - 1 && word[sizeof(prefix) - 1 + i];
         i++) {
        char ch = word[sizeof(prefix) - 1 + i];

        name[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch;
    }
    *arch_r = *name ? seccomp_arch_resolve_name(name) : 0;
    return *arch_r ? 0 : wrong(c, "architectures", word);
}

static int parse_op(const struct compiler *c, const char *word,
                    enum scmp_compare *op_r)
{
    static const struct {
        const char *word;
        enum scmp_compare op;
    } ops[] = {
        { "SCMP_CMP_NE", SCMP_CMP_NE },
        { "SCMP_CMP_LT", SCMP_CMP_LT },
        { "SCMP_CMP_LE", SCMP_CMP_LE },
        { "SCMP_CMP_EQ", SCMP_CMP_EQ },
        { "SCMP_CMP_GE", SCMP_CMP_GE },
        { "SCMP_CMP_GT", SCMP_CMP_GT },
        { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
    };

    for (size_t i = 0; i < COUNT(ops); i++) {
        if (strcmp(word, ops[i].word) == 0) {
            *op_r = ops[i].op;
            return 0;
        }
    }
    return wrong(c, "op", word);
}

/* -- architectures -----------------------------------------------------------
 */

static int add_arches(struct compiler *c, const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        uint32_t arch;
        int r;

        if (!json_is_string(item))
            return wrong(c, "architectures", "no string");
        if (parse_arch(c, json_string_value(item), &arch) < 0)
            return -HX_ERR_USAGE;
        r = seccomp_arch_add(c->filter, arch);
        if (r < 0 && r != -EEXIST)
            return hx_err_set(c->err, HX_ERR_UNSUPPORTED,
                              "%s: %s cannot be filtered beside x86_64",
                              c->what, json_string_value(item));
    }
    return 0;
}

static int add_arch_map(struct compiler *c, const json_t *map)
{
    const json_t *item;
    size_t i;

    json_array_foreach (map, i, item) {
        const char *arch =
            json_string_value(json_object_get(item, "architecture"));

        if (arch && strcmp(arch, "SCMP_ARCH_X86_64") == 0)
            return add_arches(c, json_object_get(item, "subArchitectures"));
    }
    return 0;
}

static int add_all_arches(struct compiler *c, const json_t *doc)
{
    json_t *list = NULL, *map = NULL;
    int r = hx_json_arr(doc, "architectures", c->what, HX_JSON_OPTIONAL, &list,
                        c->err);

    if (r == 0)
        r = hx_json_arr(doc, "archMap", c->what, HX_JSON_OPTIONAL, &map,
                        c->err);
    if (r < 0)
        return -HX_ERR_USAGE;
    if (json_array_size(list) > 0 && json_array_size(map) > 0)
        return hx_err_set(c->err, HX_ERR_USAGE,
                          "%s: it has both \"architectures\" and \"archMap\"; "
                          "leave one of them out",
                          c->what);
    r = add_arches(c, list);
    return r < 0 ? r : add_arch_map(c, map);
}

/* -- conditions on the container ---------------------------------------------
 */

static bool holds(const json_t *list, const char *word)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
            return true;
    }
    return false;
}

static bool has_cap(const struct compiler *c, const json_t *name)
{
    int number =
        json_is_string(name) ? hx_cap_number(json_string_value(name)) : -1;

    return number >= 0 && c->caps & 1ull << number;
}

static bool kernel_has(const json_t *version)
{
    unsigned major = 0, minor = 0;

    sscanf(json_string_value(version), "%u.%u", &major, &minor);
    return major < HX_SECCOMP_KERNEL_MAJOR ||
           (major == HX_SECCOMP_KERNEL_MAJOR &&
            minor <= HX_SECCOMP_KERNEL_MINOR);
}

/* All that is named has to be there. */
static bool is_included(const struct compiler *c, const json_t *rule)
{
    const json_t *when = json_object_get(rule, "includes"), *item;
    const json_t *arches = json_object_get(when, "arches");
    const json_t *kernel = json_object_get(when, "minKernel");
    size_t i;

    if (json_array_size(arches) > 0 && !holds(arches, "amd64"))
        return false;
    json_array_foreach (json_object_get(when, "caps"), i, item) {
        if (!has_cap(c, item))
            return false;
    }
    return !json_is_string(kernel) || kernel_has(kernel);
}

/* One of what is named is enough. */
static bool is_excluded(const struct compiler *c, const json_t *rule)
{
    const json_t *when = json_object_get(rule, "excludes"), *item;
    const json_t *kernel = json_object_get(when, "minKernel");
    size_t i;

    if (holds(json_object_get(when, "arches"), "amd64"))
        return true;
    json_array_foreach (json_object_get(when, "caps"), i, item) {
        if (has_cap(c, item))
            return true;
    }
    return json_is_string(kernel) && kernel_has(kernel);
}

/* -- rules -------------------------------------------------------------------
 */

#define ARGS_MAX 6

struct rule {
    uint32_t action;
    struct scmp_arg_cmp args[ARGS_MAX];
    unsigned arg_count;
    bool alternatives; /* two conditions on one argument */
};

static int parse_args(const struct compiler *c, const json_t *obj,
                      struct rule *rule)
{
    json_t *list = NULL, *item;
    unsigned seen = 0;
    size_t i;

    if (hx_json_arr(obj, "args", c->what, HX_JSON_OPTIONAL, &list, c->err) < 0)
        return -HX_ERR_USAGE;
    if (json_array_size(list) > ARGS_MAX)
        return wrong(c, "args", "more than six conditions");
    json_array_foreach (list, i, item) {
        uint64_t index = 0, one = 0, two = 0;
        enum scmp_compare op = SCMP_CMP_EQ;
        const char *word = NULL;

        if (hx_json_u64(item, "index", c->what, HX_JSON_REQUIRED, &index,
                        c->err) < 0 ||
            hx_json_u64(item, "value", c->what, HX_JSON_OPTIONAL, &one,
                        c->err) < 0 ||
            hx_json_u64(item, "valueTwo", c->what, HX_JSON_OPTIONAL, &two,
                        c->err) < 0 ||
            hx_json_str(item, "op", c->what, HX_JSON_REQUIRED, &word, c->err) <
                0 ||
            parse_op(c, word, &op) < 0)
            return -HX_ERR_USAGE;
        if (index >= ARGS_MAX)
            return wrong(c, "index", "a call has arguments 0 to 5");
        rule->alternatives = rule->alternatives || seen & 1u << index;
        seen |= 1u << index;
        rule->args[rule->arg_count++] =
            SCMP_CMP64((unsigned)index, op, one, two);
    }
    return 0;
}

static int add_rule(struct compiler *c, const char *name,
                    const struct rule *rule)
{
    int number = seccomp_syscall_resolve_name(name), r = 0;
    int native = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);

    if (number == __NR_SCMP_ERROR)
        return 0;
    if (native > c->newest)
        c->newest = native;
    /* libseccomp has no rule that says what holds anyhow. */
    if (rule->action == c->default_action)
        return 0;
    if (!rule->alternatives)
        r = seccomp_rule_add_array(c->filter, rule->action, number,
                                   rule->arg_count, rule->args);
    for (unsigned i = 0; r == 0 && rule->alternatives && i < rule->arg_count;
         i++)
        r = seccomp_rule_add_array(c->filter, rule->action, number, 1,
                                   &rule->args[i]);
    return r == 0 || r == -EEXIST
               ? 0
               : hx_err_sys(c->err, HX_ERR_USAGE, -r,
                            "%s: the rule for %.40s cannot be added", c->what,
                            name);
}

static int add_rules(struct compiler *c, const json_t *obj)
{
    const char *word = NULL, *name = NULL;
    json_t *names = NULL, *item;
    struct rule rule = { 0 };
    uint64_t errnum = EPERM;
    size_t i;
    int r;

    if (!json_is_object(obj))
        return wrong(c, "syscalls", "no object");
    if (hx_json_str(obj, "name", c->what, HX_JSON_OPTIONAL, &name, c->err) <
            0 ||
        hx_json_arr(obj, "names", c->what, HX_JSON_OPTIONAL, &names, c->err) <
            0 ||
        hx_json_str(obj, "action", c->what, HX_JSON_REQUIRED, &word, c->err) <
            0 ||
        hx_json_u64(obj, "errnoRet", c->what, HX_JSON_OPTIONAL, &errnum,
                    c->err) < 0)
        return -HX_ERR_USAGE;
    if (name && *name && json_array_size(names) > 0)
        return wrong(c, "name", "\"names\" is there as well");
    if (is_excluded(c, obj) || !is_included(c, obj))
        return 0;
    r = parse_action(c, "action", word, errnum, &rule.action);
    if (r == 0)
        r = parse_args(c, obj, &rule);
    if (r < 0)
        return r;
    if (name && *name)
        return add_rule(c, name, &rule);
    json_array_foreach (names, i, item) {
        if (!json_is_string(item))
            return wrong(c, "names", "no string");
        if (add_rule(c, json_string_value(item), &rule) < 0)
            return -HX_ERR_USAGE;
    }
    return 0;
}

/* -- the program -------------------------------------------------------------
 */

/* A C library asks for what is new first; EPERM would be believed. */
static int add_enosys(const struct compiler *c, struct hx_buf *program)
{
    const struct sock_filter stub[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)c->newest, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };

    if (c->default_action == SCMP_ACT_ALLOW ||
        c->default_action == SCMP_ACT_LOG || c->newest < 0)
        return 0;
    return hx_buf_add(program, stub, sizeof(stub));
}

static int export(const struct compiler *c, struct hx_buf *program)
{
    _cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
    size_t before = program->len;
    char data[4096];
    ssize_t n;
    int r = fd < 0 ? -errno : seccomp_export_bpf(c->filter, fd);

    if (r == 0 && (lseek(fd, 0, SEEK_SET) < 0 || add_enosys(c, program) < 0))
        r = -errno;
    while (r == 0 && (n = read(fd, data, sizeof(data))) > 0)
        r = hx_buf_add(program, data, (size_t)n) < 0 ? -errno : 0;
    if (r < 0)
        return hx_err_sys(c->err, HX_ERR_SYSTEM, -r, "compiling %s", c->what);
    if ((program->len - before) / sizeof(struct sock_filter) > BPF_MAXINSNS)
        return hx_err_set(c->err, HX_ERR_LIMIT,
                          "%s: it makes %zu instructions and the kernel takes "
                          "%d; name fewer system calls or architectures",
                          c->what,
                          (program->len - before) / sizeof(struct sock_filter),
                          BPF_MAXINSNS);
    return 0;
}

static int check_flags(const struct compiler *c, const json_t *doc)
{
    const json_t *flags = json_object_get(doc, "flags"), *item;
    size_t i;

    /* A process that has one thread has all of them filtered. */
    json_array_foreach (flags, i, item) {
        const char *flag = json_string_value(item);

        if (!flag || strcmp(flag, "SECCOMP_FILTER_FLAG_TSYNC") != 0)
            return hx_err_set(c->err, HX_ERR_UNSUPPORTED,
                              "%s: the flag %.64s is not possible in a pod; "
                              "leave it out",
                              c->what, flag ? flag : "that is no string");
    }
    return 0;
}

static int compile(struct compiler *c, const json_t *doc,
                   struct hx_buf *program)
{
    const char *word = NULL;
    json_t *rules = NULL, *item;
    uint64_t errnum = EPERM;
    size_t i;
    int r;

    if (hx_json_str(doc, "defaultAction", c->what, HX_JSON_REQUIRED, &word,
                    c->err) < 0 ||
        hx_json_u64(doc, "defaultErrnoRet", c->what, HX_JSON_OPTIONAL, &errnum,
                    c->err) < 0 ||
        hx_json_arr(doc, "syscalls", c->what, HX_JSON_OPTIONAL, &rules,
                    c->err) < 0)
        return -HX_ERR_USAGE;
    r = parse_action(c, "defaultAction", word, errnum, &c->default_action);
    if (r == 0)
        r = check_flags(c, doc);
    if (r < 0)
        return r;
    c->filter = seccomp_init(c->default_action);
    if (!c->filter)
        return hx_err_sys(c->err, HX_ERR_SYSTEM, ENOMEM, "compiling %s",
                          c->what);
    /* A tree in place of a list: ten comparisons and not four hundred. */
    seccomp_attr_set(c->filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    r = add_all_arches(c, doc);
    json_array_foreach (rules, i, item) {
        if (r == 0)
            r = add_rules(c, item);
    }
    if (r == 0)
        r = export(c, program);
    seccomp_release(c->filter);
    return r;
}

int hx_seccomp_compile(const char *json, size_t len, const char *what,
                       uint64_t caps, struct hx_buf *program,
                       struct hx_err *err)
{
    struct compiler c = {
        .caps = caps, .newest = -1, .what = what, .err = err
    };
    _cleanup_json_ json_t *doc = NULL;
    int r = hx_json_parse(json, len, what, &doc, err);

    if (r == 0)
        r = compile(&c, doc, program);
    /* The file is the administrator's: nothing is broken. */
    if (r == -HX_ERR_CORRUPT)
        r = -HX_ERR_USAGE;
    if (r == -HX_ERR_USAGE && err)
        err->code = HX_ERR_USAGE;
    return r;
}
