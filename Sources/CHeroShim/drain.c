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

// KEEP SIZE LOG, where the command line is that of drain mode.
static char **drain_arguments;

/// The C library gives these to whatever runs before main, and Swift's main has no other way to them.
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
    return drain_arguments[2][0] == '/' && strlen(drain_arguments[2]) < SHIM_PATH_SIZE - 256 ? drain_arguments[2] : NULL;
}

int shim_drain_set_up(void) {
    // Nobody but the kernel ends this process early: it is asked to leave by the end of its leash.
    uint64_t every = ~0ull;
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, sizeof every) != 0) return -errno;
    rights_protect_shim();
    prctl(PR_SET_NAME, "hpshim");
    setsid();
    umask(0);
    return 0;
}

int shim_lock_pipe(int descriptor) {
    struct stat facts;
    // What stands in for a pipe that cannot be reached is everybody's.
    if (fstat(descriptor, &facts) != 0 || !S_ISFIFO(facts.st_mode)) return 0;
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}
