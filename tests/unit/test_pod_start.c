/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrap: hx_domains_get hx_pod_build hx_pod_undo hx_pod_spawn_monitor */
/* wrap: hx_pod_unpause hx_domain_rename hx_domain_pause hx_domain_unpause */
/* wrap: hx_boot_id hx_pod_spawn_restarter hx_domain_set_memory */
/* wrap: hx_domain_set_vcpus hx_monitor_pid */
/*
 * Starting an ended pod again, after a reboot of dom0 too; pausing, renaming
 * and updating it, with a pretended Xen below: what is recorded, and what a
 * failure or a kill leaves.
 */
#include "domain-builder/pod-start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-builder/boot-id.h"
#include "domain-builder/host.h"
#include "domain-builder/pod-life.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-names.h"
#include "domain-builder/pod-recover.h"
#include "domain-builder/pod-restart.h"
#include "domain-builder/resources.h"
#include "domain-builder/xen_control.h"
#include "domain-builder/xen_domain.h"
#include "domain-builder/xen_domains.h"
#include "image/base/file.h"
#include "pv-init/channel-abi.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

static struct scene {
    struct pod_fixture *fixture;
    struct hx_host *host;
    struct hx_pod_dir dir;
    struct hx_pod pod;
    bool alive, paused;
    bool build_fails, monitor_fails, undo_fails, name_taken;
    int built, undone, restarters;
    pid_t monitor;
    uint64_t mem_kib; /* asked of the domain */
    unsigned vcpus;
    char told[80]; /* by hx_pod_recover(), the last */
    int tellings;
    char domain_name[80];
    const char *boot_id;
} scene;

int __wrap_hx_domains_get(struct hx_domains *domains_r, struct hx_err *err);
int __wrap_hx_domains_get(struct hx_domains *domains_r, struct hx_err *err)
{
    (void)err;
    *domains_r = (struct hx_domains){ 0 };
    if (!scene.alive)
        return 0;
    domains_r->list = calloc(1, sizeof(*domains_r->list));
    domains_r->count = 1;
    memcpy(domains_r->list[0].uuid, scene.dir.uuid, sizeof(scene.dir.uuid));
    domains_r->list[0].domid = 5;
    domains_r->list[0].fate = HX_DOMAIN_ALIVE;
    domains_r->list[0].paused = scene.paused;
    return 0;
}

int __wrap_hx_pod_build(struct hx_host *host, struct hx_pod *pod,
                        uint64_t start_us, struct hx_err *err);
int __wrap_hx_pod_build(struct hx_host *host, struct hx_pod *pod,
                        uint64_t start_us, struct hx_err *err)
{
    (void)host;
    (void)start_us;
    assert_null(pod->ip);
    if (scene.build_fails)
        return hx_err_set(err, HX_ERR_XEN, "building: no");
    pod->domid = 5;
    pod->ip = strdup("172.30.0.7/24");
    scene.built++;
    scene.alive = true;
    return 0;
}

int __wrap_hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                       struct hx_err *err);
int __wrap_hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                       struct hx_err *err)
{
    (void)host;
    assert_string_equal(uuid, scene.dir.uuid);
    assert_false(scratch); /* what it wrote stays */
    if (scene.undo_fails)
        return hx_err_set(err, HX_ERR_XEN, "destroying: no");
    scene.undone++;
    scene.alive = false;
    return 0;
}

int __wrap_hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                                struct hx_err *err);
int __wrap_hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                                struct hx_err *err)
{
    (void)host;
    (void)pod;
    if (scene.monitor_fails)
        return hx_err_set(err, HX_ERR_SYSTEM, "monitor: no");
    scene.monitor = 99;
    return 0;
}

pid_t __wrap_hx_monitor_pid(const struct hx_pod_dir *dir);
pid_t __wrap_hx_monitor_pid(const struct hx_pod_dir *dir)
{
    (void)dir;
    return scene.monitor;
}

int __wrap_hx_domain_set_memory(struct hx_host *host, uint32_t domid,
                                uint64_t mem_kib, struct hx_err *err);
int __wrap_hx_domain_set_memory(struct hx_host *host, uint32_t domid,
                                uint64_t mem_kib, struct hx_err *err)
{
    (void)host;
    (void)err;
    assert_int_equal(domid, 5);
    scene.mem_kib = mem_kib;
    return 0;
}

int __wrap_hx_domain_set_vcpus(struct hx_host *host, uint32_t domid,
                               unsigned vcpus, struct hx_err *err);
int __wrap_hx_domain_set_vcpus(struct hx_host *host, uint32_t domid,
                               unsigned vcpus, struct hx_err *err)
{
    (void)host;
    (void)err;
    assert_int_equal(domid, 5);
    scene.vcpus = vcpus;
    return 0;
}

int __wrap_hx_pod_spawn_restarter(struct hx_host *host,
                                  const struct hx_pod *pod, struct hx_err *err);
int __wrap_hx_pod_spawn_restarter(struct hx_host *host,
                                  const struct hx_pod *pod, struct hx_err *err)
{
    (void)host;
    (void)err;
    assert_string_equal(pod->uuid, scene.dir.uuid);
    scene.restarters++;
    return 0;
}

int __wrap_hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                          struct hx_err *err);
int __wrap_hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                          struct hx_err *err)
{
    (void)host;
    (void)err;
    assert_int_equal(pod->domid, 5);
    return 0;
}

int __wrap_hx_domain_rename(struct hx_host *host, uint32_t domid,
                            const char *name, struct hx_err *err);
int __wrap_hx_domain_rename(struct hx_host *host, uint32_t domid,
                            const char *name, struct hx_err *err)
{
    (void)host;
    assert_int_equal(domid, 5);
    if (scene.name_taken && strcmp(name, "web") != 0)
        return hx_err_set(err, HX_ERR_EXISTS, "naming: no");
    snprintf(scene.domain_name, sizeof(scene.domain_name), "%s", name);
    return 0;
}

int __wrap_hx_domain_pause(struct hx_host *host, uint32_t domid,
                           struct hx_err *err);
int __wrap_hx_domain_pause(struct hx_host *host, uint32_t domid,
                           struct hx_err *err)
{
    (void)host;
    (void)err;
    assert_int_equal(domid, 5);
    scene.paused = true;
    return 0;
}

int __wrap_hx_domain_unpause(struct hx_host *host, uint32_t domid,
                             struct hx_err *err);
int __wrap_hx_domain_unpause(struct hx_host *host, uint32_t domid,
                             struct hx_err *err)
{
    (void)host;
    (void)err;
    assert_int_equal(domid, 5);
    scene.paused = false;
    return 0;
}

void __wrap_hx_boot_id(char id_r[HX_BOOT_ID_TEXT]);
void __wrap_hx_boot_id(char id_r[HX_BOOT_ID_TEXT])
{
    snprintf(id_r, HX_BOOT_ID_TEXT, "%s", scene.boot_id);
}

/* -- the scene ----------------------------------------------------------------
 */

static int setup(void **state)
{
    struct hx_host_options options = { 0 };

    (void)state;
    memset(&scene, 0, sizeof(scene));
    scene.boot_id = "this boot";
    pod_fixture_setup((void **)&scene.fixture);
    options.state_dir = scene.fixture->lib;
    options.run_dir = scene.fixture->run;
    assert_int_equal(hx_host_open(&options, &scene.host, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hx_pod_release(&scene.pod);
    hx_host_close(scene.host);
    hx_pod_dir_release(&scene.dir);
    pod_fixture_teardown((void **)&scene.fixture);
    return 0;
}

static struct hx_pod loaded(void)
{
    struct hx_err err = { 0 };
    struct hx_pod pod;

    assert_int_equal(hx_pod_dir_load(&scene.dir, &pod, &err), 0);
    return pod;
}

static void save(struct hx_pod *pod)
{
    struct hx_err err = { 0 };

    assert_int_equal(hx_pod_dir_lock(&scene.dir, 0, &err), 0);
    assert_int_equal(hx_pod_dir_save(&scene.dir, pod, &err), 0);
    hx_pod_dir_unlock(&scene.dir);
    hx_pod_release(pod);
}

/* One that ended by itself with 7, and has been reaped. */
static void make_ended(void)
{
    struct hx_pod pod;

    pod_fixture_make(scene.fixture, "web", HX_POD_EXITED, &scene.dir);
    pod = loaded();
    pod.end = HX_END_EXIT;
    pod.exit_code = 7;
    pod.reaped = true;
    pod.started_at_ms = 1000;
    pod.finished_at_ms = 2000;
    pod.restart_count = 3;
    pod.restart_delay_ms = 800;
    pod.stopper = HX_STOPPER_USER;
    pod.ip = strdup("172.30.0.2/24");
    save(&pod);
    scene.pod = loaded();
}

static void make_running(void)
{
    struct hx_pod pod;
    struct hx_err err = { 0 };

    pod_fixture_make(scene.fixture, "web", HX_POD_RUNNING, &scene.dir);
    pod = loaded();
    assert_int_equal(hx_pod_note_start(&pod, &err), 0);
    save(&pod);
    scene.alive = true;
    scene.pod = loaded();
}

static int start(void)
{
    struct hx_err err = { 0 };

    return hx_pod_start(scene.host, &scene.pod, &err);
}

static void is_as_it_was(bool reaped)
{
    struct hx_pod pod = loaded();

    assert_int_equal(pod.state, HX_POD_EXITED);
    assert_int_equal(pod.end, HX_END_EXIT);
    assert_int_equal(pod.exit_code, 7);
    assert_int_equal(pod.finished_at_ms, 2000);
    assert_int_equal(pod.restart_count, 3);
    assert_int_equal(pod.reaped, reaped);
    assert_string_equal(pod.ip, "172.30.0.2/24");
    hx_pod_release(&pod);
}

/* How often `word` stands in the journal. */
static int told(const char *word)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    const char *at;
    char path[200];
    int count = 0;

    snprintf(path, sizeof(path), "%s/events.json", scene.fixture->lib);
    if (hx_file_read(path, 1 << 20, &text, NULL) < 0)
        return 0;
    at = text.data;
    while ((at = memmem(at, text.len - (size_t)(at - text.data), word,
                        strlen(word)))) {
        count++;
        at += strlen(word);
    }
    return count;
}

/* -- starting -----------------------------------------------------------------
 */

static void an_ended_one_runs_again(void **state)
{
    struct hx_pod pod;

    (void)state;
    make_ended();
    assert_int_equal(start(), 0);
    assert_int_equal(scene.pod.state, HX_POD_RUNNING);
    pod = loaded();
    assert_int_equal(pod.state, HX_POD_RUNNING);
    assert_int_equal(pod.end, HX_END_NONE);
    assert_int_equal(pod.exit_code, -1);
    assert_int_equal(pod.restart_count, 0);
    assert_int_equal(pod.stopper, HX_STOPPER_NONE);
    assert_false(pod.reaped);
    assert_true(pod.started_at_ms > 2000);
    assert_int_equal(pod.finished_at_ms, 0);
    assert_string_equal(pod.ip, "172.30.0.7/24");
    assert_string_equal(pod.boot_id, "this boot");
    hx_pod_release(&pod);
    assert_int_equal(told("\"Action\":\"start\""), 1);
    /* As docker: again is no failure, and does nothing. */
    assert_int_equal(start(), 0);
    assert_int_equal(scene.built, 1);
}

static void a_failed_start_leaves_it_as_it_was(void **state)
{
    (void)state;
    make_ended();
    for (int i = 0; i < 2; i++) {
        scene.build_fails = i == 0;
        scene.monitor_fails = i == 1;
        assert_int_equal(start(), i ? -HX_ERR_SYSTEM : -HX_ERR_XEN);
        is_as_it_was(true);
        assert_false(scene.alive);
    }
    assert_int_equal(told("\"Action\":\"start\""), 0);
}

static void also_when_it_fails_behind_the_last_step(void **state)
{
    (void)state;
    make_ended();
    setenv("HX_FAIL_AT", "state", 1);
    assert_int_equal(start(), -HX_ERR_SYSTEM);
    unsetenv("HX_FAIL_AT");
    is_as_it_was(true);
}

static void what_cannot_be_undone_is_left_to_the_next(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    make_ended();
    scene.monitor_fails = scene.undo_fails = true;
    assert_int_equal(start(), -HX_ERR_SYSTEM);
    is_as_it_was(false);
    scene.undo_fails = false;
    assert_int_equal(hx_pod_reconcile(scene.host, NULL, &err), 0);
    is_as_it_was(true);
    assert_false(scene.alive);
}

static void a_killed_start_is_undone_by_the_next(void **state)
{
    static const char *const at[] = { "claim:kill", "build:kill",
                                      "monitor:kill", "unpause:kill" };
    struct hx_err err = { 0 };

    (void)state;
    make_ended();
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            setenv("HX_FAIL_AT", at[i], 1);
            start();
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        scene.alive = i > 0; /* what the child has built */
        is_as_it_was(false);
        assert_int_equal(hx_pod_reconcile(scene.host, NULL, &err), 0);
        is_as_it_was(true);
        assert_false(scene.alive);
    }
}

static void a_paused_one_is_not_started(void **state)
{
    (void)state;
    make_running();
    scene.paused = true;
    assert_int_equal(start(), -HX_ERR_STATE);
    assert_int_equal(scene.built, 0);
}

/* -- pausing ------------------------------------------------------------------
 */

static void pausing_twice_is_an_error(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    make_running();
    assert_int_equal(hx_pod_resume(scene.host, &scene.pod, &err),
                     -HX_ERR_STATE);
    assert_int_equal(hx_pod_pause(scene.host, &scene.pod, &err), 0);
    assert_int_equal(scene.pod.state, HX_POD_PAUSED);
    assert_true(scene.paused);
    assert_int_equal(hx_pod_pause(scene.host, &scene.pod, &err), -HX_ERR_STATE);
    assert_int_equal(hx_pod_resume(scene.host, &scene.pod, &err), 0);
    assert_false(scene.paused);
    assert_int_equal(told("\"Action\":\"pause\""), 1);
    assert_int_equal(told("\"Action\":\"unpause\""), 1);
}

/* Its clock stood still: the monitor is asked for the time at once. */
static void after_a_pause_the_clock_is_set(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    uint8_t message[HX_CH_FRAME_MAX];
    struct hx_ch_frame frame;
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd;

    (void)state;
    make_running();
    assert_int_equal(hx_mkdir_p(scene.dir.run_path, 0700, NULL), 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/control",
             scene.dir.run_path);
    assert_int_equal(
        bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    scene.paused = true;
    assert_int_equal(hx_pod_resume(scene.host, &scene.pod, NULL), 0);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(recv(fd, message, sizeof(message), 0), HX_CH_HEADER_BYTES);
    assert_int_equal(hx_ch_decode(message, &frame), 0);
    assert_int_equal(frame.type, HX_CH_CLOCK);
    assert_int_equal(frame.payload, 0);
    assert_int_equal(recv(fd, message, sizeof(message), 0), 0);
    close(fd);
    close(listener);
}

static void one_that_has_ended_cannot_be_paused(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    make_ended();
    assert_int_equal(hx_pod_pause(scene.host, &scene.pod, &err), -HX_ERR_STATE);
    assert_non_null(strstr(err.msg, "not running"));
}

/* -- renaming -----------------------------------------------------------------
 */

static int rename_to(const char *name)
{
    struct hx_err err = { 0 };

    return hx_pod_rename(scene.host, &scene.pod, name, &err);
}

static bool is_called(const char *name)
{
    char uuid[HX_POD_UUID_TEXT];

    return hx_pod_names_find(&scene.fixture->dirs, name, uuid) == 0 &&
           strcmp(uuid, scene.dir.uuid) == 0;
}

static void a_running_one_is_renamed_in_xen_too(void **state)
{
    struct hx_pod pod;

    (void)state;
    make_running();
    assert_int_equal(rename_to("shop"), 0);
    assert_string_equal(scene.pod.spec.name, "shop");
    pod = loaded();
    assert_string_equal(pod.spec.name, "shop");
    assert_int_equal(pod.state, HX_POD_RUNNING);
    hx_pod_release(&pod);
    assert_true(is_called("shop"));
    assert_false(is_called("web"));
    assert_string_equal(scene.domain_name, "shop");
    assert_int_equal(told("\"oldName\":\"web\""), 1);
}

static void bad_names_are_refused(void **state)
{
    struct hx_pod_dir other;

    (void)state;
    pod_fixture_make(scene.fixture, "db", HX_POD_EXITED, &other);
    make_running();
    assert_int_equal(rename_to("-x"), -HX_ERR_USAGE);
    assert_int_equal(rename_to("web"), -HX_ERR_USAGE);
    assert_int_equal(rename_to("db"), -HX_ERR_EXISTS);
    assert_true(is_called("web"));
    hx_pod_dir_release(&other);
}

static void a_name_that_another_domain_has_is_given_back(void **state)
{
    struct hx_pod pod;

    (void)state;
    make_running();
    scene.name_taken = true;
    assert_int_equal(rename_to("shop"), -HX_ERR_EXISTS);
    assert_true(is_called("web"));
    assert_false(is_called("shop"));
    pod = loaded();
    assert_string_equal(pod.spec.name, "web");
    assert_string_equal(pod.domain_name, "web");
    hx_pod_release(&pod);
}

/* Before pod.json was written, and after. */
static void a_killed_rename_is_put_right(void **state)
{
    static const char *const names[] = { "web", "shop" };

    (void)state;
    make_running();
    for (int i = 0; i < 2; i++) {
        struct hx_pod pod = loaded();
        struct hx_err err = { 0 };
        int lock;

        assert_int_equal(hx_pod_names_lock(&scene.fixture->dirs, &lock, &err),
                         0);
        hx_pod_names_put(&scene.fixture->dirs, "shop", scene.dir.uuid, &err);
        close(lock);
        free(pod.spec.name);
        pod.spec.name = strdup(names[i]);
        free(pod.domain_name);
        pod.domain_name = strdup("");
        assert_int_equal(hx_pod_dir_save_spec(&scene.dir, &pod, &err), 0);
        save(&pod);
        strcpy(scene.domain_name, i ? "web" : "shop");
        assert_int_equal(hx_pod_reconcile(scene.host, NULL, &err), 0);
        assert_int_equal(is_called("web"), i == 0);
        assert_int_equal(is_called("shop"), i == 1);
        assert_string_equal(scene.domain_name, names[i]);
        pod = loaded();
        assert_string_equal(pod.domain_name, names[i]);
        hx_pod_release(&pod);
    }
}

/* -- updating -----------------------------------------------------------------
 */

static int update(const struct hx_pod_update *update)
{
    struct hx_err err = { 0 };

    return hx_pod_update(scene.host, &scene.pod, update, &err);
}

static void a_running_one_is_changed_at_once(void **state)
{
    const struct hx_pod_update less = { .mem_kib = 40000, .vcpus = 1 };
    const struct hx_pod_update more = { .mem_kib = 65536, .vcpus = 2 };
    struct hx_pod pod;

    (void)state;
    make_running();
    assert_int_equal(update(&less), 0);
    assert_int_equal(scene.mem_kib, 40000);
    assert_int_equal(scene.vcpus, 1);
    pod = loaded();
    assert_int_equal(pod.spec.mem_kib, 40000);
    assert_int_equal(pod.spec.vcpus, 1);
    hx_pod_release(&pod);
    assert_int_equal(update(&more), 0);
    assert_int_equal(scene.mem_kib, 65536);
    assert_int_equal(scene.vcpus, 2);
    assert_int_equal(told("\"Action\":\"update\""), 2);
}

static void it_gets_no_more_than_it_was_built_with(void **state)
{
    static const struct hx_pod_update more[] = { { .mem_kib = 65537 },
                                                 { .vcpus = 3 } };

    (void)state;
    make_running();
    for (int i = 0; i < 2; i++)
        assert_int_equal(update(&more[i]), -HX_ERR_USAGE);
    assert_int_equal(scene.mem_kib + scene.vcpus, 0);
}

static void one_that_has_ended_gets_it_at_its_next_start(void **state)
{
    const struct hx_pod_update more = { .mem_kib = 99999, .vcpus = 9 };
    struct hx_pod pod;

    (void)state;
    make_ended();
    assert_int_equal(update(&more), 0);
    assert_int_equal(scene.mem_kib + scene.vcpus, 0);
    pod = loaded();
    assert_int_equal(pod.spec.mem_kib, 99999);
    assert_int_equal(pod.spec.vcpus, 9);
    assert_int_equal(pod.end, HX_END_EXIT);
    hx_pod_release(&pod);
}

static void an_rm_pod_gets_no_policy(void **state)
{
    const struct hx_pod_update always = { .set_restart = true,
                                          .restart = HX_RESTART_ALWAYS };

    (void)state;
    scene.fixture->spec.auto_remove = true;
    make_running();
    assert_int_equal(update(&always), -HX_ERR_STATE);
}

static void a_policy_taken_away_ends_the_restarting(void **state)
{
    const struct hx_pod_update no = { .set_restart = true };
    struct hx_pod pod;

    (void)state;
    scene.fixture->spec.restart = HX_RESTART_ALWAYS;
    make_ended();
    pod = loaded();
    pod.restart_at_ms = 5;
    save(&pod);
    assert_int_equal(update(&no), 0);
    pod = loaded();
    assert_false(hx_pod_restarting(&pod));
    assert_int_equal(pod.spec.restart, HX_RESTART_NO);
    hx_pod_release(&pod);
}

/* -- recovering ---------------------------------------------------------------
 */

static void tell(void *opaque, const struct hx_pod *pod, enum hx_recovered what,
                 const struct hx_err *err)
{
    (void)opaque;
    (void)err;
    scene.tellings++;
    snprintf(scene.told, sizeof(scene.told), "%s %d", pod->spec.name,
             (int)what);
}

/* What is told of the pod; -1: nothing. */
static int recover(void)
{
    struct hx_err err = { 0 };

    scene.tellings = 0;
    assert_int_equal(hx_pod_recover(scene.host, tell, NULL, &err), 0);
    if (scene.tellings == 0)
        return -1;
    assert_int_equal(scene.tellings, 1);
    assert_memory_equal(scene.told, "web ", 4);
    return atoi(scene.told + 4);
}

static void reboot(void)
{
    scene.alive = false;
    scene.monitor = 0;
    scene.boot_id = "next boot";
}

static void after_a_reboot_always_comes_back(void **state)
{
    (void)state;
    scene.fixture->spec.restart = HX_RESTART_ALWAYS;
    make_running();
    reboot();
    assert_int_equal(recover(), HX_RECOVERED_STARTED);
    assert_int_equal(scene.built, 1);
    assert_int_equal(told("\"Action\":\"die\""), 1);
    assert_int_equal(recover(), -1);
}

static void on_failure_does_not(void **state)
{
    struct hx_pod pod;

    (void)state;
    scene.fixture->spec.restart = HX_RESTART_ON_FAILURE;
    make_running();
    reboot();
    assert_int_equal(recover(), HX_RECOVERED_ENDED);
    assert_int_equal(scene.built, 0);
    pod = loaded();
    assert_int_equal(pod.end, HX_END_LOST);
    assert_false(hx_pod_restarting(&pod));
    hx_pod_release(&pod);
    assert_int_equal(recover(), -1);
}

static void who_was_stopped_comes_back_if_always(void **state)
{
    (void)state;
    scene.fixture->spec.restart = HX_RESTART_UNLESS_STOPPED;
    make_ended(); /* by the user */
    reboot();
    assert_int_equal(recover(), -1);
    hx_pod_dir_release(&scene.dir);
    hx_pod_release(&scene.pod);
    scene.fixture->spec.restart = HX_RESTART_ALWAYS;
    pod_fixture_make(scene.fixture, "other", HX_POD_EXITED, &scene.dir);
    assert_int_equal(hx_pod_reconcile(scene.host, NULL, NULL), 0);
    scene.tellings = 0;
    assert_int_equal(hx_pod_recover(scene.host, tell, NULL, NULL), 0);
    assert_int_equal(scene.tellings, 1);
    assert_memory_equal(scene.told, "other ", 6);
}

static void whom_the_host_has_stopped_comes_back_without_a_reboot(void **state)
{
    struct hx_pod pod;

    (void)state;
    scene.fixture->spec.restart = HX_RESTART_UNLESS_STOPPED;
    make_ended();
    pod = loaded();
    pod.stopper = HX_STOPPER_HOST;
    pod.end = HX_END_SHUTDOWN;
    strcpy(pod.boot_id, scene.boot_id);
    save(&pod);
    assert_int_equal(recover(), HX_RECOVERED_STARTED);
}

static void a_restart_of_another_boot_is_forgotten(void **state)
{
    struct hx_pod pod;

    (void)state;
    scene.fixture->spec.restart = HX_RESTART_ON_FAILURE;
    make_ended();
    pod = loaded();
    pod.restart_at_ms = 5;
    strcpy(pod.boot_id, "last boot");
    save(&pod);
    assert_int_equal(hx_pod_reconcile(scene.host, NULL, NULL), 0);
    assert_int_equal(scene.restarters, 0);
    pod = loaded();
    assert_false(hx_pod_restarting(&pod));
    hx_pod_release(&pod);
}

static void a_restart_that_nobody_sees_to_gets_somebody(void **state)
{
    struct hx_pod pod;

    (void)state;
    scene.fixture->spec.restart = HX_RESTART_ON_FAILURE;
    make_ended();
    pod = loaded();
    pod.restart_at_ms = 5;
    strcpy(pod.boot_id, scene.boot_id);
    save(&pod);
    assert_int_equal(recover(), HX_RECOVERED_RESTARTING);
    assert_int_equal(scene.restarters, 1);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(an_ended_one_runs_again),
        SCENE(a_failed_start_leaves_it_as_it_was),
        SCENE(also_when_it_fails_behind_the_last_step),
        SCENE(what_cannot_be_undone_is_left_to_the_next),
        SCENE(a_killed_start_is_undone_by_the_next),
        SCENE(a_paused_one_is_not_started),
        SCENE(pausing_twice_is_an_error),
        SCENE(after_a_pause_the_clock_is_set),
        SCENE(one_that_has_ended_cannot_be_paused),
        SCENE(a_running_one_is_renamed_in_xen_too),
        SCENE(bad_names_are_refused),
        SCENE(a_name_that_another_domain_has_is_given_back),
        SCENE(a_killed_rename_is_put_right),
        SCENE(a_running_one_is_changed_at_once),
        SCENE(it_gets_no_more_than_it_was_built_with),
        SCENE(one_that_has_ended_gets_it_at_its_next_start),
        SCENE(an_rm_pod_gets_no_policy),
        SCENE(a_policy_taken_away_ends_the_restarting),
        SCENE(after_a_reboot_always_comes_back),
        SCENE(on_failure_does_not),
        SCENE(who_was_stopped_comes_back_if_always),
        SCENE(whom_the_host_has_stopped_comes_back_without_a_reboot),
        SCENE(a_restart_of_another_boot_is_forgotten),
        SCENE(a_restart_that_nobody_sees_to_gets_somebody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
