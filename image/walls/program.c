/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/walls/program.h"

#define FD_MAX (1u << 20)

int hx_program_number(const char *text, unsigned long max,
                      unsigned long *number_r)
{
    char *end;

    if (*text < '0' || *text > '9')
        return -1;
    errno = 0;
    *number_r = strtoul(text, &end, 10);
    return errno || *end || *number_r > max ? -1 : 0;
}

static int plain_file(const char *text, int *fd_r, struct stat *st)
{
    unsigned long fd;

    if (hx_program_number(text, FD_MAX, &fd) < 0 || fstat((int)fd, st) < 0 ||
        !S_ISREG(st->st_mode))
        return -1;
    *fd_r = (int)fd;
    return 0;
}

int hx_program_fd(const char *option, const char *text, int *fd_r,
                  struct stat *st, struct hx_err *err)
{
    if (plain_file(text, fd_r, st) < 0)
        return hx_err_set(err, HX_ERR_USAGE, "%s %s: not an open file", option,
                          text);
    return 0;
}

int hx_program_output_fd(const char *text, int *fd_r, struct hx_err *err)
{
    struct stat st;

    if (plain_file(text, fd_r, &st) < 0 || st.st_size != 0 ||
        (fcntl(*fd_r, F_GETFL) & O_ACCMODE) != O_RDWR)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--output-fd %s: not an empty file that is open for "
                          "reading and writing",
                          text);
    return 0;
}

void hx_program_say(json_t *json)
{
    if (!json)
        return;
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    if (fflush(stdout) == EOF)
        _exit(1);
    json_decref(json);
}

/* Libraries look for their files when they are first used. */
static int warm_up(struct hx_err *err)
{
    static char lines[BUFSIZ];
    /* Nothing of the host's openssl.cnf is wanted. */
    int ready = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int ok =
        ready == 1 && hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;

    EVP_MD_CTX_free(hash);
    json_object_seed(0);
    setvbuf(stdout, lines, _IOFBF, sizeof(lines));
    return ok ? 0 : hx_err_set(err, HX_ERR_SYSTEM, "SHA-256 cannot be started");
}

int hx_program_run(const struct hx_walls *walls,
                   int (*work)(const void *what, struct hx_err *err),
                   const void *what, struct hx_err *err)
{
    int rc = warm_up(err);
    pid_t pid;

    if (rc < 0)
        return rc;
    pid = hx_walls_confine(walls, err);
    if (pid < 0)
        return (int)pid;
    if (pid == 0) {
        rc = work(what, err);
        if (rc < 0)
            hx_walls_name(walls, err);
        return rc;
    }
    rc = hx_walls_await(pid, walls, err);
    /* It may have died in the middle of a line. */
    if (rc < 0)
        putchar('\n');
    return rc;
}

int hx_program_end(int rc, const struct hx_err *err)
{
    if (rc < 0)
        hx_program_say(json_pack("{s:{s:s,s:s}}", "error", "code",
                                 hx_err_name(err->code), "message", err->msg));
    return rc != 0 || ferror(stdout) ? 1 : 0;
}
