/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The folder of a pod: what was asked for, what came of it, and the locks
 * that tell the living from the dead.
 *
 *     LIB/pods/UUID/            0700, removed by hx_pod_dir_remove() alone
 *         pod.json              what was asked: the spec; replaced by
 *                               rename(2) when that is changed
 *         state.json            what came of it; replaced by rename
 *         lock                  flock: held by whoever changes the pod
 *         hold                  shared flock: readers of an --rm pod's end
 *         N-json.log, .1        the output of container N
 *         N-health.json         what its health checks found: pod-health.h
 *         console.log, .1       what else the console said
 *         monitor.log, .1       what monitors had to complain of
 *         scratch.ext4          the writable disk, the builder's
 *         request.lock, restart.lock
 *     LIB/pods/.names/NAME      symbolic link whose text is the UUID
 *     LIB/pods/.lock            flock: held while a name is given or taken
 *     RUN/UUID/                 0700, gone after a reboot
 *         monitor               fifo with a POSIX lock: see pod-monitor.h
 *         control               the monitor's socket
 *         tty, console, N-journal   for the next monitor
 *
 * LIB is /var/lib/hyper, RUN is /run/hyper.  A folder is made complete under
 * another name and then renamed, and renamed again before it is removed: a
 * folder named like a UUID always has both files.
 *
 * The life of a creator:
 *
 *     hx_pod_dir_create(dirs, spec, &dir, err)     "creating", locked
 *     hx_pod_dir_load(&dir, &pod, err)
 *     ... build; after each step that must not be forgotten:
 *         hx_pod_dir_save(&dir, &pod, err)
 *     pod.state = HX_POD_RUNNING; hx_pod_dir_save(...)
 *     hx_pod_dir_release(&dir)                     unlocks
 *
 * When it fails it undoes what it built and calls hx_pod_dir_remove().  When
 * it is killed, the lock is free and the state "creating": hx_pod_reconcile()
 * does the same.
 */
#ifndef HX_POD_STATE_H
#define HX_POD_STATE_H

#include "domain-builder/pod.h"
#include "pv-init/guest-abi.h"

#define HX_LIB_DIR "/var/lib/hyper"
#define HX_RUN_DIR "/run/hyper"

/* Where pods live; tests have others.  Borrowed strings, absolute. */
struct hx_pod_dirs {
    const char *lib;
    const char *run;
};

/* Of a host; defined beside hx_pod_find(). */
struct hx_pod_dirs hx_pod_dirs_of(const struct hx_host *host);

struct hx_pod_dir {
    char uuid[HX_POD_UUID_TEXT];
    char *path;     /* LIB/pods/UUID */
    char *run_path; /* RUN/UUID */
    int lock_fd;    /* -1: not locked */
};

/*
 * Makes the folder of a new pod with a fresh UUID, claims its name
 * and leaves it locked, with state "creating".  RUN/UUID is made too.  A spec
 * without a name gets one from its image ("nginx-3fa2").  HX_ERR_EXISTS when
 * the name is in use; HX_ERR_USAGE when it is none.  *dir_r is the caller's.
 */
int hx_pod_dir_create(const struct hx_pod_dirs *dirs,
                      const struct hx_pod_spec *spec, struct hx_pod_dir *dir_r,
                      struct hx_err *err);

/* Opens an existing folder, not locked; HX_ERR_NOT_FOUND. */
int hx_pod_dir_open(const struct hx_pod_dirs *dirs, const char *uuid,
                    struct hx_pod_dir *dir_r, struct hx_err *err);

/* Unlocks and frees; takes NULL or zeroed. */
void hx_pod_dir_release(struct hx_pod_dir *dir);

/*
 * Locks the folder against everybody else who changes the pod.  timeout_ms 0
 * tries once, -1 waits for ever.  HX_ERR_STATE: somebody has it.
 * HX_ERR_NOT_FOUND: the folder was removed meanwhile.  What was loaded before
 * may be old: load again.
 */
int hx_pod_dir_lock(struct hx_pod_dir *dir, int timeout_ms, struct hx_err *err);
void hx_pod_dir_unlock(struct hx_pod_dir *dir);

/*
 * Reads both files into *pod_r (the caller's, hx_pod_release).
 * The state is the recorded one: Xen was not asked.  HX_ERR_CORRUPT when a
 * file is broken.
 */
int hx_pod_dir_load(struct hx_pod_dir *dir, struct hx_pod *pod_r,
                    struct hx_err *err);

/*
 * Records all of *pod but its uuid and spec in state.json.  The caller has
 * the lock.  HX_POD_PAUSED is recorded as running: Xen alone knows.
 */
int hx_pod_dir_save(const struct hx_pod_dir *dir, const struct hx_pod *pod,
                    struct hx_err *err);

/* Records pod->spec in pod.json; as hx_pod_dir_save(), with *dir loaded. */
int hx_pod_dir_save_spec(const struct hx_pod_dir *dir, const struct hx_pod *pod,
                         struct hx_err *err);

/*
 * Removes folder, name and RUN/UUID.  The caller has the lock and has released
 * everything else (hx_pod_undo).  The lock is given up; *dir stays to be
 * released.  Idempotent.
 */
int hx_pod_dir_remove(const struct hx_pod_dirs *dirs, struct hx_pod_dir *dir,
                      struct hx_err *err);

/* Finishes what killed creators and removers left under other names.  Goes on
 * after a failure and returns the first one. */
int hx_pod_dir_sweep(const struct hx_pod_dirs *dirs, struct hx_err *err);

/* UUIDs of all folders, in no order; a list as in strv.h. */
int hx_pod_dir_list(const struct hx_pod_dirs *dirs, char ***uuids_r,
                    struct hx_err *err);

/* UUID of the pod with this very name; HX_ERR_NOT_FOUND. */
int hx_pod_dir_by_name(const struct hx_pod_dirs *dirs, const char *name,
                       char uuid_r[HX_POD_UUID_TEXT], struct hx_err *err);

/*
 * An --rm pod vanishes when it has ended, but not while somebody holds it:
 * he wants to know how it ended.  pod->hold is set, and hx_pod_release() lets
 * go; a holder that is killed lets go too.  The last holder calls
 * hx_pod_reconcile(host, uuid) afterwards, or the next command does.
 * HX_ERR_NOT_FOUND: it is being removed already.
 */
int hx_pod_dir_hold(const struct hx_pod_dir *dir, struct hx_pod *pod,
                    struct hx_err *err);

/* Lets go, before hx_pod_release(). */
void hx_pod_let_go(struct hx_pod *pod);

/*
 * The other side: true, and nobody holds the pod or ever will while *fd_r, the
 * caller's, is open.
 */
bool hx_pod_dir_seize(const struct hx_pod_dir *dir, int *fd_r);

/*
 * pod->stages: words "create.STEP=MICROSECONDS" (since the creation began) and
 * "guest.NAME=MICROSECONDS" (since the guest's kernel began; HX_ABI_STAGES),
 * separated by a space.  Appends one; 0 or -1 without memory.
 */
int hx_pod_add_stage(struct hx_pod *pod, const char *side, const char *name,
                     uint64_t us);

#endif
