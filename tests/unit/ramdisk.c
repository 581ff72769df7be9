/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/ramdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUSYBOX "/bin/busybox" /* static: package busybox-static */

void ramdisk_must(int r, const char *what)
{
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        _exit(90);
    }
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    ramdisk_must(fd, path);
    ramdisk_must((int)write(fd, text, strlen(text)), path);
    close(fd);
    ramdisk_must(chmod(path, mode), path);
}

static void make_root(const char *root, const char *spoil)
{
    char command[1024];

    snprintf(command, sizeof(command),
             "mkdir -p %s/bin %s/etc %s/home/bob && cp " BUSYBOX " %s/bin && "
             "for a in sh cat id env pwd touch sleep echo ls test mknod stat "
             "hostname tty readlink grep mount seq tr kill stty; "
             "do ln -s busybox %s/bin/$a; done && chown 1000 %s/home/bob",
             root, root, root, root, root, root);
    ramdisk_must(system(command) == 0 ? 0 : -1, "making a root");
    snprintf(command, sizeof(command), "%s/etc/passwd", root);
    put(command, "root:x:0:0::/root:\nbob:x:1000:1000::/home/bob:\n", 0644);
    snprintf(command, sizeof(command), "%s/etc/group", root);
    put(command, "bob:x:1000:\nvideo:x:44:bob\n", 0644);
    snprintf(command, sizeof(command), "%s/bin/text", root);
    put(command, "neither ELF nor script\n", 0755);
    snprintf(command, sizeof(command), "%s/bin/closed", root);
    put(command, "#!/bin/sh\n", 0644);
    snprintf(command, sizeof(command), "%s/bin/lost", root);
    put(command, "#!/no/interpreter\n", 0755);
    if (spoil) {
        snprintf(command, sizeof(command), "cd %s && %s", root, spoil);
        ramdisk_must(system(command) == 0 ? 0 : -1, spoil);
    }
}

void ramdisk_enter(size_t containers, const char *spoil)
{
    char root[64];
    int old;

    ramdisk_must(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC), "unshare");
    ramdisk_must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    ramdisk_must(mount("t", "/mnt", "tmpfs", 0, NULL), "tmpfs");
    ramdisk_must(mkdir("/mnt/dev", 0755), "dev");
    ramdisk_must(mkdir("/mnt/proc", 0755), "proc");
    ramdisk_must(mkdir("/mnt/pod", 0755), "pod");
    ramdisk_must(mkdir("/mnt/cgroup", 0755), "cgroup");
    ramdisk_must(mount("/dev", "/mnt/dev", NULL, MS_BIND, NULL), "dev");
    ramdisk_must(mount("/proc", "/mnt/proc", NULL, MS_BIND, NULL), "proc");
    /* Static, and not built with sanitizers. */
    if (access(RAMDISK_PVINIT, X_OK) == 0)
        ramdisk_must(system("cp " RAMDISK_PVINIT " /mnt/init") == 0 ? 0 : -1,
                     "init");
    for (size_t i = 0; i < containers; i++) {
        snprintf(root, sizeof(root), "/mnt/pod/%zu", i);
        ramdisk_must(mkdir(root, 0755), root);
        strcat(root, "/root");
        ramdisk_must(mkdir(root, 0755), root);
        ramdisk_must(mount("r", root, "tmpfs", MS_NODEV, "mode=0755"), root);
        make_root(root, spoil);
    }
    old = open("/", O_PATH | O_CLOEXEC);
    ramdisk_must(old, "/");
    ramdisk_must(chdir("/mnt"), "/mnt");
    ramdisk_must(mount("/mnt", "/", NULL, MS_MOVE, NULL), "move");
    ramdisk_must(chroot("."), "chroot");
    ramdisk_must(chdir("/"), "/");
    close(old);
}

int ramdisk_setup(void **state)
{
    int status = 1;
    pid_t pid;

    (void)state;
    if (geteuid() != 0 || access(BUSYBOX, X_OK) < 0)
        return 0;
    pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS) < 0);
    waitpid(pid, &status, 0);
    *state = status == 0 ? (void *)BUSYBOX : NULL;
    return 0;
}
