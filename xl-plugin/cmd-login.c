/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/secret.h"
#include "xl-plugin/session.h"

struct login_options {
    const char *user;
    bool password_stdin;
    bool logout;
};

enum { OPT_PASSWORD_STDIN = HX_OPT_OWN, OPT_LOGOUT };

static const struct hx_option options[] = {
    { 'u', "username", "NAME", "user name (default: asked for)" },
    { OPT_PASSWORD_STDIN, "password-stdin", NULL,
      "read the password from standard input" },
    { OPT_LOGOUT, "logout", NULL, "forget the login instead" },
    { 'p', "password", "PASSWORD", NULL },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct login_options *o = opaque;

    if (key == 'p')
        return hx_err_set(err, HX_ERR_USAGE,
                          "--password: everybody could read it in the list of "
                          "processes; use --password-stdin, or type it when "
                          "asked");
    if (key == 'u')
        o->user = value;
    else if (key == OPT_LOGOUT)
        o->logout = true;
    else
        o->password_stdin = true;
    return 0;
}

static int ask(const struct login_options *o, struct hx_buf *user,
               struct hx_buf *password, struct hx_err *err)
{
    int r = 0;

    if (o->user && hx_buf_adds(user, o->user) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "logging in");
    if (o->password_stdin) {
        if (!o->user)
            return hx_err_set(err, HX_ERR_USAGE,
                              "--password-stdin: say the user's name with -u");
        return hx_secret_read_stdin(password, err);
    }
    if (!o->user)
        r = hx_secret_prompt("Username: ", true, user, err);
    if (r == 0 && user->len == 0)
        r = hx_err_set(err, HX_ERR_USAGE,
                       "logging in: the user's name is empty");
    if (r == 0)
        r = hx_secret_prompt("Password: ", false, password, err);
    return r;
}

static int log_in(const struct login_options *o, const char *registry,
                  struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf user = HX_BUF_INIT(HX_SECRET_MAX_BYTES);
    struct hx_buf password = HX_BUF_INIT(HX_SECRET_MAX_BYTES);
    int r = ask(o, &user, &password, err);

    if (r == 0 && password.len == 0)
        r = hx_err_set(err, HX_ERR_USAGE, "logging in: the password is empty");
    if (r == 0)
        r = hx_registry_login(registry, user.data, password.data, err);
    hx_secret_forget(&password);
    return r;
}

static int log_out(const struct login_options *o, const char *registry,
                   struct hx_err *err)
{
    if (o->user || o->password_stdin)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--logout: a registry's login is forgotten whoever "
                          "it is for; leave -u and --password-stdin out");
    return hx_registry_logout(registry, err);
}

static int login_main(const struct hx_command *command, int argc, char **argv)
{
    struct login_options o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r;

    if (first <= 0)
        return hx_options_status(command, first, &err);
    r = o.logout ? log_out(&o, argv[first], &err)
                 : log_in(&o, argv[first], &err);
    if (r < 0)
        return hx_options_status(command, r, &err);
    puts(o.logout ? "Login forgotten" : "Login succeeded");
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_login = {
    .name = "login",
    .operands = "[REGISTRY]",
    .summary = "Log in to a registry",
    .details = "The default is Docker Hub.  The registry is asked whether it "
               "takes the password; then it is kept for later pulls.",
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = login_main,
};
