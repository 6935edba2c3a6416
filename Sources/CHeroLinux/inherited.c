// The priority and the limits that a process inherits from its caller and that services must not inherit from it.
#define _GNU_SOURCE
#include "CHeroLinux.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IO_PRIORITY_OF_PROCESS 1

int hl_reset_priority(int *nice) {
    // The policy comes first: the nice value has no effect in others. Leaving SCHED_IDLE needs the same right as a
    // lower nice value.
    struct sched_param none = {0};
    int error = sched_getscheduler(0) == SCHED_OTHER || sched_setscheduler(0, SCHED_OTHER, &none) == 0 ? 0 : errno;
    if (setpriority(PRIO_PROCESS, 0, 0) != 0) error = errno;
    // The class "none" follows the nice value. A kernel without I/O priorities has nothing to reset.
    syscall(SYS_ioprio_set, IO_PRIORITY_OF_PROCESS, 0, 0);
    *nice = getpriority(PRIO_PROCESS, 0);
    return -error;
}

// The limits with the same value for the first process of every kernel (asm-generic/resource.h).
static const struct {
    const char *name;
    int resource;
    rlim_t soft;
} kernel_defaults[] = {
    {"cpu time", RLIMIT_CPU, RLIM_INFINITY},
    {"file size", RLIMIT_FSIZE, RLIM_INFINITY},
    {"data", RLIMIT_DATA, RLIM_INFINITY},
    {"stack", RLIMIT_STACK, 8 << 20},
    {"core", RLIMIT_CORE, 0},
    {"resident memory", RLIMIT_RSS, RLIM_INFINITY},
    {"address space", RLIMIT_AS, RLIM_INFINITY},
    {"realtime", RLIMIT_RTTIME, RLIM_INFINITY},
};

int hl_reset_limit(int index, const char **name, long long *soft) {
    if (index < 0 || index >= (int)(sizeof kernel_defaults / sizeof kernel_defaults[0])) return -ENOENT;
    *name = kernel_defaults[index].name;
    int resource = kernel_defaults[index].resource;
    struct rlimit wanted = {.rlim_cur = kernel_defaults[index].soft, .rlim_max = RLIM_INFINITY};
    struct rlimit now;
    int error = setrlimit(resource, &wanted) == 0 ? 0 : errno;
    if (getrlimit(resource, &now) != 0) return -errno;
    if (error != 0 && now.rlim_max != RLIM_INFINITY) {
        // Without the right to raise the hard limit, the soft limit gets as close as possible.
        now.rlim_cur = wanted.rlim_cur < now.rlim_max ? wanted.rlim_cur : now.rlim_max;
        if (setrlimit(resource, &now) != 0) return -errno;
    }
    *soft = now.rlim_cur == RLIM_INFINITY ? -1 : (long long)now.rlim_cur;
    return error != 0 && now.rlim_cur < wanted.rlim_cur ? -error : 0;
}

void hl_reset_process_limit(void) {
    // The kernel computes the default from the size of the machine. Only root may raise the hard limit, and the limit
    // does not concern root itself, only its services that run as another user.
    FILE *file = fopen("/proc/sys/kernel/threads-max", "re");
    unsigned long threads = 0;
    if (file == NULL) return;
    int count = fscanf(file, "%lu", &threads);
    fclose(file);
    struct rlimit now;
    if (count != 1 || geteuid() != 0 || getrlimit(RLIMIT_NPROC, &now) != 0 || now.rlim_cur >= threads / 2) return;
    now.rlim_cur = threads / 2;
    if (now.rlim_max < now.rlim_cur) now.rlim_max = now.rlim_cur;
    (void)setrlimit(RLIMIT_NPROC, &now);
}
