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
/// The last argument, where it is `0`: the place for what a reconciler is told.
static char **crash_argument;
static char **process_environment;
static int version_is_requested;

/// The C library gives these to whatever runs before main, and Swift's main has no other way to them.
__attribute__((constructor)) static void save_arguments(int count, char **arguments, char **environment) {
    monitor_arguments = count > 2 && strcmp(arguments[1], "keep") == 0 ? arguments + 2 : NULL;
    process_environment = environment;
    version_is_requested = count == 2 && strcmp(arguments[1], "version") == 0;
    crash_argument = monitor_arguments != NULL && strcmp(arguments[count - 1], "0") == 0 ? &arguments[count - 1] : NULL;
}

int shim_monitor_is_requested(void) {
    return monitor_arguments != NULL;
}

int shim_version_is_requested(void) {
    return version_is_requested;
}

int shim_print_version(void) {
    // One digit each: the versions count changes of the formats, not releases.
    _Static_assert(HERO_SPEC_VERSION < 10 && HERO_VERSION < 10, "digits");
    char text[] = "hpshim: protocol 0, records 0\n";
    text[17] += HERO_SPEC_VERSION;
    text[28] += HERO_VERSION;
    return write(1, text, sizeof text - 1) == sizeof text - 1 ? 0 : HERO_SHIM_NO_RECORD;
}

int shim_monitor_set_up(void) {
    // Started by whoever ignores SIGCHLD, the kernel would reap what we wait for.
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (sigaction(SIGCHLD, &action, NULL) != 0) return -errno;
    sigset_t heard;
    sigemptyset(&heard);
    sigaddset(&heard, SIGCHLD);
    sigaddset(&heard, SIGTERM);
    sigaddset(&heard, SIGINT);
    // Nobody's hangup is meant for the first process of a container, and it would end any other.
    if (getpid() != 1) sigaddset(&heard, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &heard, NULL) != 0) return -errno;
    // Without us nobody would bring the reconciler back: of all that heroproc is, we and the shims are the last to go (OM-2).
    rights_protect_shim();
    // What loses its parent below us comes to us and is reaped here, wherever that is.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int descriptor = signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
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
        // What is no number is no reason to be killed for, nor to be kept for ever.
        return *digit == 0 ? seconds : HERO_WATCHDOG_SECONDS;
    }
    return HERO_WATCHDOG_SECONDS;
}

int shim_monitor_read_heartbeat(int descriptor) {
    char beats[64];
    long size;
    int heard = 0;
    while ((size = read(descriptor, beats, sizeof beats)) > 0) heard = 1;
    return heard ? 1 : size == 0 ? -EPIPE : errno == EAGAIN || errno == EINTR ? 0 : -errno;
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

int shim_monitor_start_reconciler(int *beats) {
    int ends[2];
    // Without it the reconciler is kept all the same; only one that hangs is not found out.
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) ends[0] = ends[1] = -1;
    int pid = fork();
    if (pid != 0) {
        int error = errno;
        if (ends[1] >= 0) close(ends[1]);
        if (pid < 0 && ends[0] >= 0) close(ends[0]);
        *beats = pid < 0 ? -1 : ends[0];
        return pid < 0 ? -error : pid;
    }
    rights_unprotect();
    // Whatever a starter has left open there is not what the program would take it for.
    if (ends[1] == HERO_FD_HEARTBEAT) fcntl(ends[1], F_SETFD, 0);
    else if (ends[1] < 0 || dup2(ends[1], HERO_FD_HEARTBEAT) < 0) close(HERO_FD_HEARTBEAT);
    // Ctrl-C is then for us alone, and passed on once.
    setpgid(0, 0);
    // SIGTERM and SIGINT stay blocked: one that comes before the program can take it waits there.
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
