/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/base/escape.h"
#include "xl-plugin/commands.h"

/* What a guest may say of a failure; the first line counts. */
#define WORDS_BYTES 4096

static int not_running(const struct hx_pod *pod, struct hx_err *err)
{
    const char *prefix = hx_command_prefix();

    if (pod->state == HX_POD_PAUSED)
        return hx_err_set(err, HX_ERR_STATE,
                          "the pod %s is paused; let it go on first, with "
                          "'%sunpause %s'",
                          pod->spec.name, prefix, pod->spec.name);
    return hx_err_set(err, HX_ERR_STATE,
                      "the pod %s does not run, and only its own kernel reads "
                      "its files; start it first, with '%sstart %s'",
                      pod->spec.name, prefix, pod->spec.name);
}

int hx_guest_find(const char *name, struct hx_guest *guest_r,
                  struct hx_err *err)
{
    int r;

    *guest_r = (struct hx_guest){ 0 };
    r = hx_session_pods(&guest_r->host, err);
    if (r == 0)
        r = hx_pod_find(guest_r->host, name, &guest_r->pod, err);
    if (r == 0 && guest_r->pod.state != HX_POD_RUNNING)
        r = not_running(&guest_r->pod, err);
    return r;
}

void hx_guest_release(struct hx_guest *guest)
{
    hx_pod_release(&guest->pod);
    hx_host_close(guest->host);
    *guest = (struct hx_guest){ 0 };
}

/* No monitor answers: gives it one, if it still runs. */
static int tend(void *opaque, const char *uuid, struct hx_err *err)
{
    struct hx_guest *guest = opaque;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    int r = hx_pod_reconcile(guest->host, uuid, err);

    if (r == 0)
        r = hx_pod_find(guest->host, uuid, &pod, err);
    if (r == 0 && pod.state != HX_POD_RUNNING)
        r = not_running(&pod, err);
    return r;
}

/* A memory file that does not grow past `bytes`: more is a failed write. */
static int open_bounded(size_t bytes)
{
    _cleanup_close_ int fd =
        memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
        return -1;
    return hx_steal_fd(&fd);
}

/* What was written to it: the position tells how much. */
static int read_bounded(int fd, struct hx_buf *text)
{
    off_t end = lseek(fd, 0, SEEK_CUR), at = 0;
    char data[16384];

    while (at < end) {
        size_t part =
            end - at < (off_t)sizeof(data) ? (size_t)(end - at) : sizeof(data);
        ssize_t n = pread(fd, data, part, at);

        if (n <= 0 || hx_buf_add(text, data, (size_t)n) < 0)
            return -1;
        at += n;
    }
    return 0;
}

/* The guest's own sentence, cut and made safe; or that there is none. */
static int guest_failed(const struct hx_guest *guest,
                        const struct hx_exec *exec, int words_fd, int status,
                        struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf words = HX_BUF_INIT(WORDS_BYTES);
    const char *why = hx_exec_message(exec);

    if (!*why && read_bounded(words_fd, &words) == 0 && words.len > 0) {
        words.data[strcspn(words.data, "\n")] = '\0';
        hx_escape_in_place(words.data);
        why = words.data;
    }
    if (*why)
        return hx_err_set(err, HX_ERR_GUEST, "the pod %s says: %.900s",
                          guest->pod.spec.name, why);
    return hx_err_set(err, HX_ERR_GUEST,
                      "the pod %s could not do it: exit code %d",
                      guest->pod.spec.name, status);
}

struct counter {
    uint64_t bytes;
};

static bool count(void *opaque, const uint8_t *data, size_t len, uint8_t *out,
                  size_t *out_len_r)
{
    struct counter *counter = opaque;

    memcpy(out, data, len);
    *out_len_r = len;
    counter->bytes += len;
    return true;
}

int hx_guest_ask(struct hx_guest *guest, const struct hx_exec_spec *spec,
                 int in, int out, uint64_t *read_r, struct hx_err *err)
{
    const struct hx_exec_pod where = {
        .uuid = guest->pod.uuid,
        .name = guest->pod.spec.name,
        .dirs = hx_pod_dirs_of(guest->host),
        .tend = tend,
        .opaque = guest,
    };
    struct counter counter = { 0 };
    _cleanup_close_ int words = open_bounded(WORDS_BYTES);
    const struct hx_exec_io io = {
        .in = in,
        .out = out,
        .err = words,
        .wake = -1,
        .typed = count,
        .opaque = &counter,
    };
    struct hx_exec *exec = NULL;
    int r, status = 0;

    if (words < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "asking the pod %s",
                          guest->pod.spec.name);
    r = hx_exec_open(&where, spec, &exec, err);
    if (r == 0)
        r = hx_exec_run(exec, &io, &status, err);
    if (r == 0 && status != 0)
        r = guest_failed(guest, exec, words, status, err);
    hx_exec_free(exec);
    if (read_r)
        *read_r = counter.bytes;
    return r;
}

int hx_guest_tell(struct hx_guest *guest, const struct hx_exec_spec *spec,
                  struct hx_buf *text, struct hx_err *err)
{
    _cleanup_close_ int out = open_bounded(text->max);
    int r;

    if (out < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "asking the pod %s",
                          guest->pod.spec.name);
    r = hx_guest_ask(guest, spec, -1, out, NULL, err);
    if (r == -HX_ERR_SYSTEM && err && err->sys == EPERM)
        return hx_err_set(err, HX_ERR_GUEST,
                          "the pod %s sent more than %zu bytes as its answer",
                          guest->pod.spec.name, text->max);
    if (r == 0 && read_bounded(out, text) < 0)
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "asking the pod %s",
                       guest->pod.spec.name);
    return r;
}
