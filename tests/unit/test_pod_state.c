/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folders of pods: what is kept, who may change it, what a killed
 * command leaves and the next one makes of it. */
#include "domain-builder/pod-state.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "domain-builder/pod-names.h"
#include "domain-builder/pod-record.h"
#include "domain-builder/pod-spec.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

static size_t entries_in(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    if (dir)
        closedir(dir);
    return count;
}

static void what_was_asked_is_kept(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_pod_dir dir, again;
    struct hx_err err = { 0 };
    struct hx_pod pod;
    struct stat st;

    assert_int_equal(
        hx_pod_dir_create(&fixture->dirs, &fixture->spec, &dir, &err), 0);
    assert_int_equal(hx_pod_dir_open(&fixture->dirs, dir.uuid, &again, &err),
                     0);
    assert_int_equal(hx_pod_dir_load(&again, &pod, &err), 0);
    assert_string_equal(pod.uuid, dir.uuid);
    assert_int_equal(pod.state, HX_POD_CREATING);
    assert_int_equal(pod.exit_code, -1);
    assert_true(pod.created_at_ms > 0);
    assert_string_equal(pod.spec.name, "web");
    assert_int_equal(pod.spec.type, HX_DOMAIN_PVH);
    assert_int_equal(pod.spec.mem_kib, 65536);
    assert_int_equal(pod.spec.vcpus, 2);
    assert_null(pod.spec.hostname);
    assert_string_equal(pod.spec.net.ip, "172.30.0.9/24");
    assert_null(pod.spec.net.mac);
    assert_int_equal(pod.spec.container_count, 1);
    assert_string_equal(pod.spec.containers[0].args[2], "daemon off;");
    assert_null(pod.spec.containers[0].args[3]);
    assert_string_equal(pod.spec.containers[0].env[1],
                        fixture->container.env[1]);
    assert_int_equal(pod.spec.containers[0].stop_signal, 15);
    assert_int_equal(stat(dir.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(dir.run_path, &st), 0);
    hx_pod_release(&pod);
    hx_pod_dir_release(&again);
    hx_pod_dir_release(&dir);
}

static void what_came_of_it_is_kept(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    struct hx_pod pod, again;
    struct hx_pod_dir dir;

    pod_fixture_make(fixture, "web", HX_POD_PAUSED, &dir);
    assert_int_equal(hx_pod_dir_load(&dir, &pod, &err), 0);
    assert_int_equal(pod.state, HX_POD_RUNNING);
    pod.state = HX_POD_EXITED;
    pod.end = HX_END_FAILED;
    pod.exit_code = 127;
    pod.domid = 31;
    pod.started_at_ms = 11;
    pod.finished_at_ms = 12;
    pod.reaped = true;
    pod.message = strdup("no such file: \"x\"");
    pod.ip = strdup("172.30.0.9/24");
    pod.vif = strdup("vif31.0");
    assert_int_equal(hx_pod_add_stage(&pod, "create", "disks", 1200), 0);
    assert_int_equal(hx_pod_add_stage(&pod, "guest", "init", 7), 0);
    assert_int_equal(hx_pod_dir_save(&dir, &pod, &err), 0);
    assert_int_equal(hx_pod_dir_load(&dir, &again, &err), 0);
    assert_int_equal(again.state, HX_POD_EXITED);
    assert_int_equal(again.end, HX_END_FAILED);
    assert_int_equal(again.exit_code, 127);
    assert_int_equal(again.domid, 31);
    assert_int_equal(again.started_at_ms, 11);
    assert_int_equal(again.finished_at_ms, 12);
    assert_true(again.reaped);
    assert_string_equal(again.message, "no such file: \"x\"");
    assert_string_equal(again.ip, "172.30.0.9/24");
    assert_null(again.gateway);
    assert_string_equal(again.vif, "vif31.0");
    assert_string_equal(again.stages, "create.disks=1200 guest.init=7");
    hx_pod_release(&again);
    hx_pod_release(&pod);
    hx_pod_dir_release(&dir);
}

/* A secret of the console, which pod.json once held. */
static void an_older_programs_pod_is_read(void **state)
{
    struct pod_fixture *fixture = *state;
    _cleanup_buf_ struct hx_buf text = { 0 };
    struct hx_err err = { 0 };
    struct hx_pod_dir dir;
    struct hx_pod pod;
    char path[200];
    FILE *out;

    pod_fixture_make(fixture, "web", HX_POD_RUNNING, &dir);
    snprintf(path, sizeof(path), "%s/pod.json", dir.path);
    assert_int_equal(hx_file_read(path, HX_POD_JSON_MAX_BYTES, &text, &err), 0);
    assert_int_equal(text.data[0], '{');
    out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "{\"nonce\": \"0123456789abcdef0123456789abcdef\", %.*s",
            (int)text.len - 1, (const char *)text.data + 1);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(hx_pod_dir_load(&dir, &pod, &err), 0);
    assert_string_equal(pod.spec.name, "web");
    hx_pod_release(&pod);
    hx_pod_dir_release(&dir);
}

static void a_name_is_one_pods(void **state)
{
    struct pod_fixture *fixture = *state;
    char uuid[HX_POD_UUID_TEXT];
    struct hx_pod_dir dir, other;
    struct hx_err err = { 0 };

    pod_fixture_make(fixture, "web", HX_POD_RUNNING, &dir);
    assert_int_equal(
        hx_pod_dir_create(&fixture->dirs, &fixture->spec, &other, &err),
        -HX_ERR_EXISTS);
    assert_non_null(strstr(err.msg, "web"));
    assert_int_equal(entries_in(fixture->run), 1);
    assert_int_equal(hx_pod_dir_by_name(&fixture->dirs, "web", uuid, &err), 0);
    assert_string_equal(uuid, dir.uuid);
    assert_int_equal(hx_pod_dir_by_name(&fixture->dirs, "we", uuid, &err),
                     -HX_ERR_NOT_FOUND);
    assert_int_equal(hx_pod_dir_by_name(&fixture->dirs, "../web", uuid, &err),
                     -HX_ERR_NOT_FOUND);

    assert_int_equal(hx_pod_dir_lock(&dir, 0, &err), 0);
    assert_int_equal(hx_pod_dir_remove(&fixture->dirs, &dir, &err), 0);
    assert_int_equal(hx_pod_dir_by_name(&fixture->dirs, "web", uuid, &err),
                     -HX_ERR_NOT_FOUND);
    assert_int_equal(
        hx_pod_dir_create(&fixture->dirs, &fixture->spec, &other, &err), 0);
    hx_pod_dir_release(&other);
    hx_pod_dir_release(&dir);
}

static void names_that_are_none_are_refused(void **state)
{
    static const char *const names[] = {
        "",
        ".",
        "..",
        "-x",
        "_x",
        ".x",
        "a/b",
        "a b",
        "a\n",
        "gr\303\274n",
        "x123456789012345678901234567890123456789012345678901234567890123",
    };
    struct pod_fixture *fixture = *state;
    struct hx_pod_dir dir;
    struct hx_err err;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fixture->spec.name = (char *)names[i];
        assert_int_equal(
            hx_pod_dir_create(&fixture->dirs, &fixture->spec, &dir, &err),
            -HX_ERR_USAGE);
    }
    assert_int_equal(entries_in(fixture->root), 0);
}

static void a_pod_without_a_name_gets_one(void **state)
{
    static const struct {
        const char *image, *begins;
    } cases[] = {
        { "127.0.0.1:5000/team/nginx:latest", "nginx-" },
        { "busybox", "busybox-" },
        { "a/--b c@sha256:00", "b-c-" },
        { "a/:x", "pod-" },
    };
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_pod_dir dir;
        struct hx_pod pod;

        fixture->spec.name = NULL;
        fixture->container.image = (char *)cases[i].image;
        assert_int_equal(
            hx_pod_dir_create(&fixture->dirs, &fixture->spec, &dir, &err), 0);
        assert_int_equal(hx_pod_dir_load(&dir, &pod, &err), 0);
        assert_memory_equal(pod.spec.name, cases[i].begins,
                            strlen(cases[i].begins));
        assert_memory_equal(pod.spec.name + strlen(cases[i].begins), pod.uuid,
                            4);
        hx_pod_release(&pod);
        hx_pod_dir_release(&dir);
    }
}

static void one_at_a_time_changes_a_pod(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_pod_dir dir, other;
    struct hx_err err = { 0 };

    pod_fixture_make(fixture, "web", HX_POD_RUNNING, &dir);
    assert_int_equal(hx_pod_dir_open(&fixture->dirs, dir.uuid, &other, &err),
                     0);
    assert_int_equal(hx_pod_dir_lock(&dir, 0, &err), 0);
    assert_int_equal(hx_pod_dir_lock(&other, 0, &err), -HX_ERR_STATE);
    hx_pod_dir_unlock(&dir);
    assert_int_equal(hx_pod_dir_lock(&other, 0, &err), 0);
    hx_pod_dir_unlock(&other);

    assert_int_equal(hx_pod_dir_lock(&dir, 0, &err), 0);
    assert_int_equal(hx_pod_dir_remove(&fixture->dirs, &dir, &err), 0);
    assert_int_equal(hx_pod_dir_lock(&other, 0, &err), -HX_ERR_NOT_FOUND);
    assert_int_equal(hx_pod_dir_remove(&fixture->dirs, &dir, &err), 0);
    hx_pod_dir_release(&other);
    hx_pod_dir_release(&dir);
}

/* Blocks until `dir` is unlocked, and tells what it then found. */
static void *lock_late(void *dir)
{
    return (void *)(intptr_t)hx_pod_dir_lock(dir, -1, NULL);
}

static void who_waited_for_a_removed_pod_gets_none(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_pod_dir dir, other;
    struct hx_err err = { 0 };
    pthread_t thread;
    void *result;

    pod_fixture_make(fixture, "web", HX_POD_RUNNING, &dir);
    assert_int_equal(hx_pod_dir_open(&fixture->dirs, dir.uuid, &other, &err),
                     0);
    assert_int_equal(hx_pod_dir_lock(&dir, 0, &err), 0);
    assert_int_equal(pthread_create(&thread, NULL, lock_late, &other), 0);
    usleep(50000); /* it can't be seen to block; too short only tests less */
    assert_int_equal(hx_pod_dir_remove(&fixture->dirs, &dir, &err), 0);
    pthread_join(thread, &result);
    assert_int_equal((intptr_t)result, -HX_ERR_NOT_FOUND);
    hx_pod_dir_release(&other);
    hx_pod_dir_release(&dir);
}

static void a_removed_pod_leaves_nothing(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    struct hx_pod_dir dir;
    char path[160];

    pod_fixture_make(fixture, "web", HX_POD_EXITED, &dir);
    assert_int_equal(hx_pod_dir_lock(&dir, 0, &err), 0);
    assert_int_equal(hx_pod_dir_remove(&fixture->dirs, &dir, &err), 0);
    assert_int_equal(entries_in(fixture->run), 0);
    sprintf(path, "%s/pods", fixture->lib);
    assert_int_equal(entries_in(path), 2); /* .lock .names */
    sprintf(path, "%s/pods/.names", fixture->lib);
    assert_int_equal(entries_in(path), 0);
    hx_pod_dir_release(&dir);
}

static void a_waiter_holds_a_pod(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_pod pod = { 0 }, late = { 0 };
    struct hx_err err = { 0 };
    struct hx_pod_dir dir;
    int fd = -1;

    pod_fixture_make(fixture, "web", HX_POD_EXITED, &dir);
    assert_int_equal(hx_pod_dir_hold(&dir, &pod, &err), 0);
    assert_int_equal(hx_pod_dir_hold(&dir, &late, &err), 0);
    assert_false(hx_pod_dir_seize(&dir, &fd));
    hx_pod_release(&pod);
    assert_false(hx_pod_dir_seize(&dir, &fd));
    hx_pod_release(&late);
    assert_true(hx_pod_dir_seize(&dir, &fd));
    assert_int_equal(hx_pod_dir_hold(&dir, &late, &err), -HX_ERR_NOT_FOUND);
    assert_null(late.hold);
    close(fd);
    hx_pod_dir_release(&dir);
}

/* -- killed creators and removers -------------------------------------------
 */

/* Renames the folder as a creator before its name, or a remover, has it. */
static void rename_to(struct pod_fixture *fixture, struct hx_pod_dir *dir,
                      const char *prefix)
{
    char path[200];

    sprintf(path, "%s/pods/%s%s", fixture->lib, prefix, dir->uuid);
    assert_int_equal(rename(dir->path, path), 0);
    free(dir->path);
    dir->path = strdup(path);
}

static void the_sweep_finishes_what_was_begun(void **state)
{
    static const char *const prefixes[] = { ".new-", ".old-" };
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    char path[160];

    for (int i = 0; i < 2; i++) {
        struct hx_pod_dir dir;

        pod_fixture_make(fixture, "web", HX_POD_CREATING, &dir);
        rename_to(fixture, &dir, prefixes[i]);
        assert_int_equal(hx_pod_dir_lock(&dir, 0, &err), 0);
        assert_int_equal(hx_pod_dir_sweep(&fixture->dirs, &err), 0);
        assert_int_equal(access(dir.path, F_OK), 0); /* somebody is at it */
        hx_pod_dir_unlock(&dir);
        assert_int_equal(hx_pod_dir_sweep(&fixture->dirs, &err), 0);
        assert_int_not_equal(access(dir.path, F_OK), 0);
        assert_int_equal(entries_in(fixture->run), 0);
        hx_pod_dir_release(&dir);
    }
    sprintf(path, "%s/pods/.names", fixture->lib);
    assert_int_equal(entries_in(path), 0);
}

static void a_folder_without_files_is_swept(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    char path[200];

    sprintf(path, "%s/pods/.new-01234567-89ab-4cde-8f01-23456789abcd",
            fixture->lib);
    assert_int_equal(hx_mkdir_p(path, 0700, &err), 0);
    assert_int_equal(hx_pod_dir_sweep(&fixture->dirs, &err), 0);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void what_cannot_be_swept_does_not_keep_the_rest(void **state)
{
    static const char *const broken[] = {
        ".new-01234567-89ab-4cde-8f01-23456789abcd",
        ".old-01234567-89ab-4cde-8f01-23456789abcd",
    };
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    struct hx_pod_dir dirs[4];
    char path[200];

    for (int i = 0; i < 2; i++) {
        sprintf(path, "%s/pods/%s/whose", fixture->lib, broken[i]);
        assert_int_equal(hx_mkdir_p(path, 0700, &err), 0);
    }
    for (int i = 0; i < 4; i++) {
        sprintf(path, "web%d", i);
        pod_fixture_make(fixture, path, HX_POD_CREATING, &dirs[i]);
        rename_to(fixture, &dirs[i], ".old-");
    }
    assert_int_equal(hx_pod_dir_sweep(&fixture->dirs, &err), -HX_ERR_SYSTEM);
    assert_int_equal(err.sys, ENOTEMPTY);
    for (int i = 0; i < 4; i++) {
        assert_int_not_equal(access(dirs[i].path, F_OK), 0);
        hx_pod_dir_release(&dirs[i]);
    }
}

/* Who sweeps meanwhile disturbs no creator and no remover. */
static void a_sweeper_meets_a_remover(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            if (hx_pod_dir_sweep(&fixture->dirs, NULL) < 0)
                _exit(1);
        }
    }
    for (int i = 0; i < 1000; i++) {
        struct hx_pod_dir dir;

        assert_int_equal(
            hx_pod_dir_create(&fixture->dirs, &fixture->spec, &dir, &err), 0);
        assert_int_equal(hx_pod_dir_remove(&fixture->dirs, &dir, &err), 0);
        hx_pod_dir_release(&dir);
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void a_name_of_no_folder_is_free(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_pod_dir dir, other;
    struct hx_err err = { 0 };

    pod_fixture_make(fixture, "web", HX_POD_CREATING, &dir);
    assert_int_equal(hx_rm_rf(dir.path, &err), 0);
    assert_int_equal(
        hx_pod_dir_create(&fixture->dirs, &fixture->spec, &other, &err), 0);
    hx_pod_dir_release(&other);
    hx_pod_dir_release(&dir);
}

/* Creators and removers are killed at random; afterwards sweep and undo leave
 * nothing, and every folder seen under its UUID can be loaded. */
static void killed_anywhere_it_stays_whole(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    char **uuids = NULL;
    char path[160];

    for (int round = 0; round < 100; round++) {
        pid_t pid = fork();

        if (pid == 0) {
            for (int i = 0;; i++) {
                struct hx_pod_dir dir;

                if (hx_pod_dir_create(&fixture->dirs, &fixture->spec, &dir,
                                      NULL) < 0)
                    _exit(1);
                if (hx_pod_dir_remove(&fixture->dirs, &dir, NULL) < 0)
                    _exit(2);
                hx_pod_dir_release(&dir);
            }
        }
        usleep((useconds_t)(random() % 8000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(hx_pod_dir_sweep(&fixture->dirs, &err), 0);
        assert_int_equal(hx_pod_dir_list(&fixture->dirs, &uuids, &err), 0);
        for (size_t i = 0; uuids && uuids[i]; i++) {
            struct hx_pod_dir dir;
            struct hx_pod pod;

            assert_int_equal(
                hx_pod_dir_open(&fixture->dirs, uuids[i], &dir, &err), 0);
            assert_int_equal(hx_pod_dir_lock(&dir, 0, &err), 0);
            assert_int_equal(hx_pod_dir_load(&dir, &pod, &err), 0);
            assert_int_equal(pod.state, HX_POD_CREATING);
            assert_int_equal(hx_pod_dir_remove(&fixture->dirs, &dir, &err), 0);
            hx_pod_release(&pod);
            hx_pod_dir_release(&dir);
        }
        hx_strv_free(&uuids);
        sprintf(path, "%s/pods", fixture->lib);
        assert_true(entries_in(path) <= 2);
        sprintf(path, "%s/pods/.names", fixture->lib);
        assert_true(entries_in(path) <= 1); /* a stale name is no name */
        assert_int_equal(entries_in(fixture->run), 0);
    }
}

/* -- broken files -----------------------------------------------------------
 */

static void broken_files_are_told(void **state)
{
    static const struct {
        const char *file, *text;
    } cases[] = {
        { "pod.json", "" },
        { "pod.json", "{}" },
        { "pod.json", "[1]" },
        { "pod.json", "{\"version\": 2}" },
        { "state.json", "" },
        { "state.json", "{\"version\":1,\"state\":\"gone\",\"end\":\"none\","
                        "\"domid\":1,\"exit_code\":0}" },
        { "state.json", "{\"version\":1,\"state\":\"exited\",\"end\":\"exit\","
                        "\"domid\":1,\"exit_code\":256}" },
        { "state.json", "{\"version\":1,\"state\":\"exited\",\"end\":\"exit\","
                        "\"domid\":70000,\"exit_code\":0}" },
        { "state.json", "{\"version\":1,\"state\":\"exited\",\"end\":\"exit\","
                        "\"domid\":1,\"exit_code\":0,\"ip\":7}" },
    };
    struct pod_fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_err err = { 0 };
        struct hx_pod_dir dir;
        struct hx_pod pod;
        char name[16], path[200];

        sprintf(name, "pod%zu", i);
        pod_fixture_make(fixture, name, HX_POD_RUNNING, &dir);
        sprintf(path, "%s/%s", dir.path, cases[i].file);
        assert_int_equal(hx_file_write_atomic(path, cases[i].text,
                                              strlen(cases[i].text), 0600,
                                              &err),
                         0);
        assert_int_equal(hx_pod_dir_load(&dir, &pod, &err), -HX_ERR_CORRUPT);
        assert_non_null(strstr(err.msg, cases[i].file));
        hx_pod_dir_release(&dir);
    }
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    static char *args[] = { "x", "\377", NULL };
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    struct hx_pod_dir dir;

    fixture->container.args = args;
    assert_int_equal(
        hx_pod_dir_create(&fixture->dirs, &fixture->spec, &dir, &err),
        -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "UTF-8"));
    assert_int_equal(entries_in(fixture->run), 0);
}

static void a_copied_spec_is_its_own(void **state)
{
    struct pod_fixture *fixture = *state;
    struct hx_err err = { 0 };
    struct hx_pod_spec copy;

    assert_int_equal(hx_pod_spec_copy(&fixture->spec, &copy, &err), 0);
    assert_string_equal(copy.name, fixture->spec.name);
    assert_ptr_not_equal(copy.name, fixture->spec.name);
    assert_ptr_not_equal(copy.containers, fixture->spec.containers);
    assert_string_equal(copy.containers[0].args[0], "nginx");
    assert_ptr_not_equal(copy.containers[0].args[0],
                         fixture->container.args[0]);
    assert_null(copy.hostname);
    hx_pod_spec_release(&copy);
    hx_pod_spec_release(&copy);
    hx_pod_spec_release(NULL);
}

#define WITH_FOLDERS(test)                                                     \
    cmocka_unit_test_setup_teardown(test, pod_fixture_setup,                   \
                                    pod_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDERS(what_was_asked_is_kept),
        WITH_FOLDERS(what_came_of_it_is_kept),
        WITH_FOLDERS(an_older_programs_pod_is_read),
        WITH_FOLDERS(a_name_is_one_pods),
        WITH_FOLDERS(names_that_are_none_are_refused),
        WITH_FOLDERS(a_pod_without_a_name_gets_one),
        WITH_FOLDERS(one_at_a_time_changes_a_pod),
        WITH_FOLDERS(who_waited_for_a_removed_pod_gets_none),
        WITH_FOLDERS(a_removed_pod_leaves_nothing),
        WITH_FOLDERS(a_waiter_holds_a_pod),
        WITH_FOLDERS(the_sweep_finishes_what_was_begun),
        WITH_FOLDERS(what_cannot_be_swept_does_not_keep_the_rest),
        WITH_FOLDERS(a_sweeper_meets_a_remover),
        WITH_FOLDERS(a_folder_without_files_is_swept),
        WITH_FOLDERS(a_name_of_no_folder_is_free),
        WITH_FOLDERS(killed_anywhere_it_stays_whole),
        WITH_FOLDERS(broken_files_are_told),
        WITH_FOLDERS(text_that_is_not_utf8_is_refused),
        WITH_FOLDERS(a_copied_spec_is_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
