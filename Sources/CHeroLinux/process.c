// Processes: identities, signals, statuses and starts.
#define _GNU_SOURCE
#include "CHeroLinux.h"

#include "CHeroFailpoints.h"
#include "CHeroRecord.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define PID_FS_MAGIC_NUMBER 0x50494446
#define SIGNAL_PROCESS_GROUP (1u << 2)

// From linux/pidfd.h of 6.15; Debian 12 has an older version.
struct pidfd_information {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t pid, tgid, ppid;
    uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
};
#define PIDFD_GET_INFORMATION _IOWR(0xFF, 11, struct pidfd_information)
#define PIDFD_INFORMATION_EXIT (1ull << 3)

int hl_pidfd_open(int pid) {
    long descriptor = syscall(SYS_pidfd_open, pid, 0);  // close-on-exec by itself
    return descriptor < 0 ? -errno : (int)descriptor;
}

int hl_pidfd_send_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int hl_pidfd_send_group_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, SIGNAL_PROCESS_GROUP) < 0 ? -errno : 0;
}

int hl_pidfd_reap(int pidfd, int *status) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int result;
    do {
        result = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return -errno;
    if (info.si_pid == 0) return 0;
    switch (info.si_code) {
    case CLD_EXITED: *status = W_EXITCODE(info.si_status & 0xff, 0); break;
    case CLD_DUMPED: *status = W_EXITCODE(0, info.si_status) | WCOREFLAG; break;
    default: *status = W_EXITCODE(0, info.si_status); break;
    }
    return 1;
}

int hl_pidfd_exit_status(int pidfd, int *status) {
    struct pidfd_information info;
    memset(&info, 0, sizeof info);
    info.mask = PIDFD_INFORMATION_EXIT;
    if (ioctl(pidfd, PIDFD_GET_INFORMATION, &info) < 0) return -errno;
    if (!(info.mask & PIDFD_INFORMATION_EXIT)) return 0;
    *status = info.exit_code;
    return 1;
}

int hl_status_exited(int status) { return WIFEXITED(status); }
int hl_status_code(int status) { return WEXITSTATUS(status); }
int hl_status_signal(int status) { return WTERMSIG(status); }
int hl_status_dumped(int status) { return WIFSIGNALED(status) && WCOREDUMP(status) ? 1 : 0; }

unsigned long hl_pidfs_inode(int pidfd) {
    struct statfs filesystem;
    struct stat file;
    if (fstatfs(pidfd, &filesystem) < 0 || filesystem.f_type != PID_FS_MAGIC_NUMBER) return 0;
    return fstat(pidfd, &file) < 0 ? 0 : (unsigned long)file.st_ino;
}

int hl_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0; }

int hl_raise_open_file_limit(unsigned long *soft_before) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *soft_before = limit.rlim_cur;
    if (limit.rlim_cur == limit.rlim_max) return 0;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

void hl_ignore_write_signals(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int hl_signal_descriptor(int with_children) {
    hl_ignore_write_signals();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (with_children) sigaddset(&set, SIGCHLD);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error != 0) return -error;
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int hl_next_zombie(void) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : info.si_pid;
}

int hl_next_stopped(void) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    return waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG) < 0 ? 0 : info.si_pid;
}

void hl_reap(int pid) {
    siginfo_t info;
    (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
}

int hl_memfd(void) {
    int descriptor = memfd_create("answer", MFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int hl_sealed_memfd(const void *bytes, long size) {
    int descriptor = memfd_create("spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -errno;
    long done = 0;
    while (done < size) {
        long count = pwrite(descriptor, (const char *)bytes + done, (size_t)(size - done), done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) goto failed;
        done += count;
    }
    if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0) {
        return descriptor;
    }
failed:;
    int error = errno == 0 ? EIO : errno;
    close(descriptor);
    return -error;
}

// A new process blocks no signal and ignores none, whatever this process does.
static int spawn_process(
    const char *path, char *const argv[], char *const environment[], const int (*moves)[2], int count, int last,
    short flags
) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    pid_t pid = 0;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return -error;
    error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | flags);
    for (int index = 0; index < count && error == 0; index++) {
        error = posix_spawn_file_actions_adddup2(&actions, moves[index][0], moves[index][1]);
    }
    // Descriptors that a library has not marked close-on-exec are closed. (A program that is named by a descriptor
    // needs that descriptor until it is executed.)
    if (error == 0 && strncmp(path, "/proc/self/fd/", 14) != 0) {
        error = posix_spawn_file_actions_addclosefrom_np(&actions, last + 1);
    }
    if (error == 0) error = posix_spawn(&pid, path, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error != 0 ? -error : (int)pid;
}

int hl_spawn_shim(const char *path, char *const argv[], int null, int spec, int notice) {
    // All sources are above 4 (the caller ensures that), so no duplicate overwrites a later source.
    const int moves[][2] = {{null, 0}, {null, 1}, {null, 2}, {spec, 3}, {notice, 4}};
    char *const nothing[] = {NULL};
    return spawn_process(path, argv, hero_failpoint_environment(nothing), moves, 5, 4, 0);
}

int hl_spawn_drain(const char *path, char *const argv[], int null, int stop_pipe, int output, int errors) {
    // As above: all sources are above their targets.
    const int moves[][2] = {
        {null, 0}, {null, 1}, {null, 2}, {stop_pipe, HERO_FD_STOP}, {output, HERO_FD_OUTPUT}, {errors, HERO_FD_ERROR},
    };
    char *const nothing[] = {NULL};
    return spawn_process(path, argv, hero_failpoint_environment(nothing), moves, 6, HERO_FD_ERROR, 0);
}

int hl_spawn_detached(const char *path, char *const argv[], char *const environment[], int null, int log) {
    const int moves[][2] = {{null, 0}, {log, 1}, {log, 2}};
    return spawn_process(path, argv, environment, moves, 3, 2, POSIX_SPAWN_SETSID);
}
