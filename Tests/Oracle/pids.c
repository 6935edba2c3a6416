#define _GNU_SOURCE
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int reap_for_ever(void) {
    sigset_t every;
    sigfillset(&every);
    sigprocmask(SIG_BLOCK, &every, NULL);
    for (;;) {
        siginfo_t arrived;
        sigwaitinfo(&every, &arrived);
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
    }
}

/// The start time and the parent of a process; 0 when the process is gone.
static unsigned long long start_ticks(int pid, int *parent) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    long size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0) return 0;
    text[size] = 0;
    const char *rest = strrchr(text, ')');
    unsigned long long ticks = 0;
    if (rest == NULL || sscanf(rest, ") %*c %d", parent) != 1) return 0;
    static const char format[] =
        ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu";
    return sscanf(rest, format, &ticks) == 1
        ? ticks : 0;
}

static int signal_log;

static void log_signal(int number) {
    dprintf(signal_log, "SIGNAL %d %d\n", (int)getpid(), number);
}

/// Never exits and logs the signals that it receives.
static _Noreturn void run_bystander(void) {
    const char *folder = getenv("ORACLE_DIR");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/bystanders", folder ? folder : ".");
    signal_log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct sigaction action = {.sa_handler = log_signal};
    for (int number = 1; number <= 64; number++) {
        if (number != SIGCHLD) sigaction(number, &action, NULL);
    }
    // Closed, so that readers of the output of this program do not wait for this process.
    for (int descriptor = 0; descriptor < 3; descriptor++) close(descriptor);
    for (;;) pause();
}

/// Creates a process with this PID; returns its start time, or 0.
///
/// Each write is at offset 0, because the kernel ignores writes behind it (sysctl_writes_strict).
static unsigned long long make_process(int pid) {
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    char text[16];
    int size = snprintf(text, sizeof text, "%d", pid - 1);
    int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    if (last < 0) return 0;
    do {
        int parent = 0, child = 0;
        unsigned long long ticks = 0;
        if (kill(pid, 0) != 0 && errno == ESRCH && pwrite(last, text, (size_t)size, 0) == size) {
            child = fork();
            if (child == 0) {
                if (getpid() == pid) run_bystander();
                _exit(0);
            }
            if (child == pid) {
                while ((ticks = start_ticks(pid, &parent)) == 0) {}
                close(last);
                return ticks;
            }
            // Another process got the PID; try again when it is free.
            waitpid(child, NULL, 0);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begin.tv_sec < 10);
    close(last);
    return 0;
}

int recycle(char **pids) {
    // The last PID is restored, so that later processes get higher PIDs and not one that should stay free.
    char before[16];
    int last = open("/proc/sys/kernel/ns_last_pid", O_RDWR | O_CLOEXEC);
    long size = last < 0 ? -1 : read(last, before, sizeof before);
    if (size <= 0) return 1;
    for (; *pids; pids++) {
        int pid = atoi(*pids);
        unsigned long long ticks = make_process(pid);
        if (ticks == 0) return 1;
        printf("%d %llu\n", pid, ticks);
    }
    return pwrite(last, before, (size_t)size, 0) != size;
}

int snatch(const char *path) {
    int trace = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    if (trace < 0) return 1;
    lseek(trace, 0, SEEK_END);
    char text[4096];
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        long size = read(trace, text, sizeof text - 1);
        text[size > 0 ? size : 0] = 0;
        int pid, shim = 0, starter = 0;
        const char *start = strstr(text, "START ");
        if (start != NULL && sscanf(start, "START %d", &pid) == 1) {
            unsigned long long before = start_ticks(pid, &shim);
            if (shim > 1) start_ticks(shim, &starter);
            if (starter > 1) kill(starter, SIGKILL);
            if (shim > 1) kill(shim, SIGKILL);
            kill(pid, SIGKILL);
            unsigned long long after = make_process(pid);
            printf("%d %llu %llu\n", pid, before, after);
            return before == 0 || after == 0;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begin.tv_sec >= 60) return 2;
    }
}
