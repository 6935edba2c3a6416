// Tests which features this kernel has; no test leaves a trace.
#define _GNU_SOURCE
#include "CHeroLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SIGNAL_PROCESS_GROUP (1u << 2)

int hl_has_pidfd_wait(void) {
    int own = hl_pidfd_open(getpid());
    if (own < 0) return 0;
    siginfo_t info;
    // A process is no child of itself, so a kernel that supports the call returns ECHILD.
    int known = waitid(P_PIDFD, (id_t)own, &info, WEXITED | WNOHANG) == 0 || errno == ECHILD;
    close(own);
    return known;
}

int hl_has_group_signal(void) {
    int own = hl_pidfd_open(getpid());
    if (own < 0) return 0;
    long result = syscall(SYS_pidfd_send_signal, own, 0, NULL, SIGNAL_PROCESS_GROUP);
    // A process that leads no group gets an error, and a sandbox may forbid the call; only EINVAL means that the flag
    // is unknown.
    int known = result == 0 || errno != EINVAL;
    close(own);
    return known;
}

int hl_has_close_range(void) {
    return syscall(SYS_close_range, ~0u, ~0u, 0) == 0;
}

int hl_has_exit_info(void) {
    pid_t pid = vfork();
    if (pid == 0) _exit(7);
    if (pid < 0) return 0;
    int pidfd = hl_pidfd_open(pid);
    // The kernel reports the status only after the parent has reaped the child.
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    int status = 0;
    int known = pidfd >= 0 && hl_pidfd_exit_status(pidfd, &status) == 1 && status == W_EXITCODE(7, 0);
    if (pidfd >= 0) close(pidfd);
    return known;
}

int hl_resource_limit(int what, long long *soft, long long *hard) {
    struct rlimit limit;
    static const int resources[] = {
        RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_FSIZE, RLIMIT_STACK, RLIMIT_AS,
    };
    if (what < HL_LIMIT_FILES || what > HL_LIMIT_ADDRESS_SPACE) return -EINVAL;
    if (getrlimit(resources[what], &limit) != 0) return -errno;
    *soft = limit.rlim_cur == RLIM_INFINITY ? -1 : (long long)limit.rlim_cur;
    *hard = limit.rlim_max == RLIM_INFINITY ? -1 : (long long)limit.rlim_max;
    return 0;
}

int hl_has_access_list(const char *path) {
    return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}
