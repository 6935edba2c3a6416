#define _GNU_SOURCE
#include "CHeroShim.h"
#include "rights.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// KEEP, SIZE and LOG, if the command line requests drain mode; else a null pointer.
static char **drain_arguments;

/// The C library passes the arguments to functions that run before main; the main function of Swift cannot access them.
__attribute__((constructor)) static void save_arguments(int count, char **arguments) {
    drain_arguments = count == 5 && strcmp(arguments[1], "drain") == 0 ? arguments + 2 : NULL;
}

int shim_drain_is_requested(void) {
    return drain_arguments != NULL;
}

int64_t shim_drain_number(int index) {
    char *end;
    errno = 0;
    long long number = strtoll(drain_arguments[index & 1], &end, 10);
    return errno != 0 || *end != 0 || end == drain_arguments[index & 1] ? -1 : number;
}

const char *shim_drain_path(void) {
    const char *path = drain_arguments[2];
    return path[0] == '/' && strlen(path) < SHIM_PATH_SIZE - 256 ? path : NULL;
}

int shim_drain_set_up(void) {
    // No signal but SIGKILL ends this process early: the stop pipe ends it.
    uint64_t every = ~0ull;
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, sizeof every) != 0) return -errno;
    rights_protect_shim();
    prctl(PR_SET_NAME, "hpshim");
    setsid();
    umask(0);
    if (chdir("/") != 0) return -errno;
    return 0;
}

int shim_lock_pipe(int descriptor) {
    struct stat facts;
    // /dev/null, which stands for a pipe that cannot be reached, is not locked.
    if (fstat(descriptor, &facts) != 0 || !S_ISFIFO(facts.st_mode)) return 0;
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}
