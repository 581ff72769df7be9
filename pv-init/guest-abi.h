/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contract between dom0 and the HyperKernel: all that domain-builder/ and
 * pv-init/ agree on.  docs/guest-abi.md tells the same at length.
 *
 * Three ways lead across:
 *
 *   ramdisk    dom0 -> guest, once: a cpio behind the base ramdisk holds
 *              HX_ABI_CONFIG_PATH, a JSON object (below)
 *   xenstore   dom0 -> guest: requests, under /local/domain/ID/hyper
 *              (the guest reads it)
 *              guest -> dom0: state, exit codes, times, under
 *              /local/domain/ID/data/hyper (the guest owns it, so dom0
 *              believes nothing but what a parser of small fixed text takes)
 *   vchan      both: the processes' streams, and all that is asked and
 *              answered while the pod runs: channel-abi.h
 *
 * The console has the kernel's words and, in case of trouble, one line of
 * pv-init's.
 *
 * The configuration (fields without a default are required):
 *
 *   { "abi": 2,
 *     "seed": "64 hex digits",          for the kernel's random pool; or absent
 *     "hostname": "web",
 *     "dns": { "servers": ["10.0.0.1"], "search": [], "options": [] },
 *     "hosts": [ { "address": "10.0.0.9", "names": ["db"] } ],
 *     "interfaces": [
 *       { "name": "eth0", "mac": "00:16:3e:01:02:03", "mtu": 1500,
 *         "addresses": ["172.30.0.2/24", "fd00::2/64"],
 *         "routes": [ { "to": "0.0.0.0/0", "via": "172.30.0.1" } ] } ],
 *     "scratch": { "device": "xvdb", "fstype": "ext4" },     or absent
 *     "containers": [
 *       { "name": "web",
 *         "root": { "device": "xvda", "fstype": "squashfs" },
 *         "writable": "disk",           disk (scratch) | tmpfs | none
 *         "args": ["nginx", "-g", "daemon off;"],       at least one
 *         "env": ["PATH=/usr/bin:/bin"],
 *         "user": "", "cwd": "/",
 *         "stop_signal": 15, "stop_timeout_ms": 10000,
 *         "tty": false, "stdin": false,
 *         "health": {                   or absent: it is not looked at
 *           "args": ["sh", "-c", "wget -q localhost"],
 *           "interval_ms": 30000, "timeout_ms": 30000,      at least 1
 *           "start_period_ms": 0,
 *           "retries": 3 },                                 at least 1
 *         "confine": {                  or absent: Docker's defaults
 *           "capabilities": 2818844155,     bits 1 << CAP_...
 *           "no_new_privs": false, "privileged": false,
 *           "init": false,            a reaper of orphans is PID 1
 *           "unmasked": false,        /proc and /sys; default: "privileged"
 *           "seccomp": "BgAAAAAA/38=",      struct sock_filter[] in base64
 *           "oom_score_adj": 0,       -1000..1000
 *           "pids_max": 0, "cpu_quota_us": 0, "cpu_weight": 0,
 *           "ulimits": [ { "name": "nofile", "soft": 1024, "hard": 4096 } ],
 *           "sysctls": [ { "name": "net/core/somaxconn",
 *                          "value": "1024" } ] } } ] }
 *
 * All of "confine" is optional: no filter, no limits, and for "capabilities"
 * Docker's default set.  A quota is of each 100 ms; an absent soft or hard
 * limit is unlimited, and so is 0 of the cgroup's three.
 * "user" is the image's or the command line's text in one of Docker's six
 * forms; it is looked up by pv-init in the image's own passwd and group.
 * "stdin", by default false: the process reads what dom0 sends (channel-abi.h)
 * and else nothing.
 * "dns", "hosts", "interfaces" default to empty lists.  Unknown fields are
 * ignored, an "abi" other than the guest's is refused with a report.
 */
#ifndef HX_GUEST_ABI_H
#define HX_GUEST_ABI_H

#define HX_ABI_VERSION 2

/* In the ramdisk; 0600, and removed by pv-init once read. */
#define HX_ABI_CONFIG_PATH      "/hyper/pod.json"
#define HX_ABI_CONFIG_MAX_BYTES (4u << 20)

#define HX_ABI_CONTAINERS_MAX 16

/*
 * Requests, relative to /local/domain/ID.  dom0 writes one node,
 *
 *     hyper/request = "SEQ kill SIGNUM"          to every container's PID 1
 *                   | "SEQ stop TIMEOUT_MS"      stop signal, wait, KILL
 *
 * with SEQ rising from 1; pv-init watches it and answers with
 * data/hyper/ack = "SEQ".  `xl shutdown` (control/shutdown) means stop too,
 * with each container's own stop_timeout_ms; `xl reboot` the same, and the
 * domain's shutdown reason is then "reboot".
 */
#define HX_ABI_REQUEST "hyper/request"

/*
 * Reports, relative to /local/domain/ID; values are decimal or a word.
 *
 *   data/hyper/abi           "2"
 *   data/hyper/state         "booting" | "running" | "exited" | "failed"
 *   data/hyper/stages        lines "NAME MICROSECONDS\n": CLOCK_BOOTTIME when
 *                            the stage was done; names in HX_ABI_STAGES order
 *   data/hyper/error         one sentence, with state "failed", or beside an
 *                            exit code: why no process came to run (125 to
 *                            127), or that memory ran out (137); the first
 *                            such sentence of the pod stays
 *   data/hyper/exit/INDEX    exit code of container INDEX (0..): 0..255, or
 *                            128 + signal; 125 pv-init could not start it
 *                            (user, working directory), 126 not executable,
 *                            127 not found.  None with state "failed".
 *   data/hyper/ack           SEQ of the last request taken
 *
 * "exited" and "failed" are written last: the disks are unmounted, the output
 * is taken, the domain powers off next.  No value is longer than
 * HX_ABI_VALUE_MAX bytes.
 */
#define HX_ABI_DIR       "data/hyper"
#define HX_ABI_VALUE_MAX 1024
#define HX_ABI_STAGES    "init mounts root network exec exit"

/* "seed": fresh at every start of a pod. */
#define HX_ABI_SEED_BYTES 32
#define HX_ABI_SEED_LEN   (2 * HX_ABI_SEED_BYTES) /* hex digits */

#endif
