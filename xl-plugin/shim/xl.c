/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The `xl` that stands before the real one in PATH.
 *
 *     xl [-vfNtT] hyper-COMMAND ...   becomes xl-hyper, or `exec`
 *     xl [-vfNtT] help                the real xl's help, then our commands
 *     anything else                   becomes the real xl, arguments untouched
 *
 * It links nothing but the C library and decides by looking at argv alone, so
 * that the stock commands are what they were.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Our process's number, set for the xl that it becomes. */
#define GUARD "XL_HYPER_SHIM"

/* As xl has them; none takes a value. */
#define GLOBAL_FLAGS "vfNtT"

static const char *const real_folders[] = {
    "/usr/sbin",      "/usr/bin",           "/sbin", "/bin", "/usr/local/sbin",
    "/usr/local/bin", "/opt/xensource/bin",
};

/* Index of the command in argv; argc when there is none. */
static int command_index(int argc, char **argv)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        const char *flags = argv[i] + 1;

        if (strcmp(flags, "-") == 0)
            return i + 1;
        if (strspn(flags, GLOBAL_FLAGS) != strlen(flags))
            return argc; /* for the real one to complain about */
    }
    return i;
}

static int is_ourself(const struct stat *st)
{
    struct stat self;

    return stat("/proc/self/exe", &self) == 0 && self.st_dev == st->st_dev &&
           self.st_ino == st->st_ino;
}

/* "FOLDER/NAME" when it is a program and not this one. */
static int try_program(const char *folder, size_t folder_len, const char *name,
                       char path[PATH_MAX])
{
    struct stat st;
    int n;

    if (folder_len == 0 || folder[0] != '/')
        return 0;
    n = snprintf(path, PATH_MAX, "%.*s/%s", (int)folder_len, folder, name);
    return n > 0 && n < PATH_MAX && stat(path, &st) == 0 &&
           S_ISREG(st.st_mode) && !is_ourself(&st) && access(path, X_OK) == 0;
}

/*
 * The next xl of PATH; then the places where distributions put it.  It is
 * called by this path and by its own name: Debian's is a link to a wrapper
 * that looks at the name it was called by.
 */
static int find_real(char path[PATH_MAX])
{
    const char *p = getenv("PATH");

    while (p && *p) {
        size_t len = strcspn(p, ":");

        if (try_program(p, len, "xl", path))
            return 1;
        p += len + (p[len] == ':');
    }
    for (size_t i = 0; i < sizeof(real_folders) / sizeof(*real_folders); i++) {
        if (try_program(real_folders[i], strlen(real_folders[i]), "xl", path))
            return 1;
    }
    return 0;
}

/* xl-hyper: beside this program, else in the usual folders. */
static int find_ours(char path[PATH_MAX])
{
    static const char *const folders[] = { "/usr/local/sbin", "/usr/sbin",
                                           "/usr/local/bin", "/usr/bin" };
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len > 0) {
        self[len] = '\0';
        if (strrchr(self, '/') &&
            try_program(self, (size_t)(strrchr(self, '/') - self), "xl-hyper",
                        path))
            return 1;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        if (try_program(folders[i], strlen(folders[i]), "xl-hyper", path))
            return 1;
    }
    return 0;
}

static int missing(const char *program, const char *hint)
{
    fprintf(stderr, "xl: %s was not found; %s\n", program, hint);
    return 127;
}

static int become(const char *path, char **argv)
{
    execv(path, argv);
    fprintf(stderr, "xl: starting %s: %s\n", path, strerror(errno));
    return errno == ENOENT ? 127 : 126;
}

/* A copy of this program would take us for the real one, and we it. */
static int became_a_copy(void)
{
    const char *guard = getenv(GUARD);

    return guard && strtol(guard, NULL, 10) == getpid();
}

static int become_next(const char *path, char **argv)
{
    char pid[32];

    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv(GUARD, pid, 1);
    return become(path, argv);
}

static int become_real(char **argv)
{
    char path[PATH_MAX];

    if (!find_real(path))
        return missing("the real xl", "install Xen's tools (Debian: "
                                      "xen-utils-common)");
    return become_next(path, argv);
}

/*
 * `exec` is quick because it has no libxl, and is tried without a look.  It
 * wants its command's name, global flags and all, as xl-hyper does.
 */
static void become_quick(const char *command, char **argv)
{
    static const char path[] = HX_PKGLIBDIR "/exec";
    char *first = argv[0];

    if (strcmp(command, "hyper-exec") != 0)
        return;
    argv[0] = (char *)path;
    execv(path, argv);
    argv[0] = first;
}

static int become_ours(char **argv)
{
    char path[PATH_MAX];

    if (!find_ours(path))
        return missing("xl-hyper", "install xl-hyper again");
    argv[0] = path;
    return become(path, argv);
}

/* The real help first; what it says of our commands is ours to add. */
static int help(char **argv)
{
    char *const lines[] = { (char *)"xl-hyper", (char *)"hyper-help",
                            (char *)"--xl", NULL };
    char path[PATH_MAX];
    int status = 0;
    pid_t pid;

    if (!find_real(path))
        return missing("the real xl", "see 'xl-hyper help' for the commands "
                                      "of xl-hyper");
    pid = fork();
    if (pid == 0) {
        int r = become_next(path, argv);

        _exit(r);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        fprintf(stderr, "xl: starting %s: %s\n", path, strerror(errno));
        return 126;
    }
    if (status != 0)
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (!find_ours(path))
        return 0;
    fputs("\nPods from Docker images (see 'xl hyper-help'):\n\n", stdout);
    fflush(stdout);
    return become(path, (char **)lines);
}

int main(int argc, char **argv)
{
    int index = command_index(argc, argv);

    if (became_a_copy())
        return missing("the real xl", "before it PATH has two copies of "
                                      "xl-hyper's; remove one");
    if (index < argc && strncmp(argv[index], "hyper-", 6) == 0) {
        become_quick(argv[index], argv);
        return become_ours(argv);
    }
    if (index < argc && strcmp(argv[index], "help") == 0 && index + 1 == argc)
        return help(argv);
    if (index < argc && strcmp(argv[index], "help") == 0 &&
        strncmp(argv[index + 1], "hyper-", 6) == 0) {
        char *ours[] = { argv[0], (char *)"hyper-help", argv[index + 1], NULL };

        return become_ours(ours);
    }
    return become_real(argv);
}
