#define _GNU_SOURCE
#include "CHeroShim.h"
#include "rights.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

_Static_assert(SHIM_SIGTERM == SIGTERM && SHIM_SIGINT == SIGINT && SHIM_SIGHUP == SIGHUP, "signal");

static char **monitor_arguments;
/// The last argument if it is `0`: it is replaced by the crash report for the reconciler.
static char **crash_argument;
static char **process_environment;

/// The C library passes the arguments to functions that run before main; the main function of Swift cannot access them.
__attribute__((constructor)) static void save_arguments(int count, char **arguments, char **environment) {
    monitor_arguments = count > 2 && strcmp(arguments[1], "keep") == 0 ? arguments + 2 : NULL;
    process_environment = environment;
    crash_argument = monitor_arguments != NULL && strcmp(arguments[count - 1], "0") == 0 ? &arguments[count - 1] : NULL;
}

int shim_monitor_is_requested(void) {
    return monitor_arguments != NULL;
}

int shim_monitor_set_up(void) {
    // The monitor outlives its caller and must not keep the file system of its directory busy.
    if (chdir("/") != 0) return -errno;
    // If SIGCHLD is inherited as ignored, the kernel reaps children itself and their exit status is lost.
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (sigaction(SIGCHLD, &action, NULL) != 0) return -errno;
    // Standard error may be a closed pipe, or a file of the largest permitted size; the monitor continues without it.
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return -errno;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    // Not for the first process of a container, where a hangup has no meaning; there SIGHUP keeps its default, which
    // the kernel ignores for PID 1.
    if (getpid() != 1) sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) return -errno;
    // Without the monitor, no process restarts the reconciler: the monitor and the shims must be the last to be killed
    // (OM-2).
    rights_protect_shim();
    // Orphans are reparented to the monitor and reaped here, also outside a container.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int descriptor = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int shim_monitor_next_signal(int descriptor) {
    struct signalfd_siginfo arrived;
    while (read(descriptor, &arrived, sizeof arrived) == (long)sizeof arrived) {
        if (arrived.ssi_signo != SIGCHLD) return (int)arrived.ssi_signo;
    }
    return 0;
}

int64_t shim_monitor_watchdog_seconds(void) {
    static const char name[] = "HEROPROC_WATCHDOG=";
    for (char **variable = process_environment; *variable != NULL; variable++) {
        if (strncmp(*variable, name, sizeof name - 1) != 0) continue;
        int64_t seconds = 0;
        const char *digit = *variable + sizeof name - 1;
        if (*digit == 0) break;
        for (; *digit >= '0' && *digit <= '9' && seconds < 100000; digit++) seconds = seconds * 10 + (*digit - '0');
        // An invalid value selects the default timeout.
        return *digit == 0 ? seconds : HERO_WATCHDOG_SECONDS;
    }
    return HERO_WATCHDOG_SECONDS;
}

int shim_monitor_read_heartbeat(int descriptor) {
    char buffer[64];
    long size;
    int received = 0;
    while ((size = read(descriptor, buffer, sizeof buffer)) > 0)
        received = buffer[size - 1] == HERO_HEARTBEAT_EXIT ? 3 : 1;
    return received ? received : size == 0 ? -EPIPE : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int shim_monitor_is_crash_signal(int signal) {
    switch (signal) {
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGSYS: return 1;
    default: return 0;
    }
}

void shim_monitor_set_crashes(int crashes, int signal) {
    _Static_assert(HERO_CRASH_LIMIT < 10, "one digit");
    static char text[] = "0:00";
    if (crash_argument == NULL) return;
    text[0] = (char)('0' + crashes);
    text[2] = (char)('0' + signal / 10);
    text[3] = (char)('0' + signal % 10);
    *crash_argument = text;
}

int shim_monitor_start_reconciler(int *heartbeat_pipe) {
    int ends[2];
    // Without the pipe the reconciler still runs; only a hang is not detected.
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) ends[0] = ends[1] = -1;
    int pid = fork();
    if (pid != 0) {
        int error = errno;
        if (ends[1] >= 0) close(ends[1]);
        if (pid < 0 && ends[0] >= 0) close(ends[0]);
        *heartbeat_pipe = pid < 0 ? -1 : ends[0];
        return pid < 0 ? -error : pid;
    }
    rights_unprotect();
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    // A descriptor that the caller left open here must not be taken for the heartbeat pipe.
    if (ends[1] == HERO_FD_HEARTBEAT) fcntl(ends[1], F_SETFD, 0);
    else if (ends[1] < 0 || dup2(ends[1], HERO_FD_HEARTBEAT) < 0) close(HERO_FD_HEARTBEAT);
    // In its own process group the reconciler does not receive Ctrl-C directly; the monitor forwards it once.
    setpgid(0, 0);
    // SIGTERM and SIGINT stay blocked, so that a signal is pending until the program can handle it.
    sigset_t open;
    sigemptyset(&open);
    sigaddset(&open, SIGCHLD);
    sigaddset(&open, SIGHUP);
    sigprocmask(SIG_UNBLOCK, &open, NULL);
    execve(monitor_arguments[0], monitor_arguments, process_environment);
    _exit(127);
}

void shim_monitor_write_log(const char *text, long size) {
    long ignored = write(2, text, (unsigned long)size);
    (void)ignored;
}
