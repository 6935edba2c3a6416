#define _GNU_SOURCE
#include "ShimHarness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

int harness_memfd(const void *bytes, long size, int sealed) {
    int descriptor = memfd_create("spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -errno;
    if (write(descriptor, bytes, (size_t)size) != size) return -EIO;
    if (sealed) fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return descriptor;
}

int harness_spawn(
    const char *program, const char *name, const char *variable, int spec, int notice, int ignoring) {
    // Duplicated above the target numbers, so that no descriptor is overwritten.
    int source = fcntl(spec, F_DUPFD_CLOEXEC, 10);
    int notices = notice < 0 ? -1 : fcntl(notice, F_DUPFD_CLOEXEC, 10);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, source, 3);
    if (notices >= 0) posix_spawn_file_actions_adddup2(&actions, notices, 4);
    char *direct[] = {(char *)name, NULL};
    char *through_env[] = {"env", "--ignore-signal=INT,USR1,CHLD", (char *)program, NULL};
    char *environment[] = {(char *)variable, NULL};
    pid_t pid;
    const char *path = ignoring ? "/usr/bin/env" : program;
    int error = posix_spawn(&pid, path, &actions, NULL, ignoring ? through_env : direct, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(source);
    if (notices >= 0) close(notices);
    return error != 0 ? -error : pid;
}

int harness_exchange(const char *one, const char *other, unsigned int user, const void **counter) {
    void *shared = mmap(NULL, sizeof(unsigned long), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return -errno;
    volatile unsigned long *count = shared;
    *counter = shared;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0) return pid < 0 ? -errno : pid;
    // A child of a process with threads: only system calls are allowed, and all descriptors are closed.
    syscall(SYS_close_range, 0, ~0u, 0);
    if (user != geteuid()) {
        if (syscall(SYS_setgroups, 0, NULL) != 0) _exit(1);
        if (syscall(SYS_setresgid, user, user, user) != 0 || syscall(SYS_setresuid, user, user, user) != 0) _exit(1);
    }
    while (getppid() == parent) {
        for (int turn = 0; turn < 256; turn++) {
            if (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0) *count += 1;
        }
    }
    _exit(0);
}

unsigned long harness_exchange_count(const void *counter) {
    return *(const volatile unsigned long *)counter;
}

int harness_drain(
    const char *program, const char *keep, const char *size, const char *log, int stop_pipe, int output, int errors) {
    int descriptors[] = {stop_pipe, output, errors};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // Duplicated above the target numbers, so that no descriptor is overwritten.
    for (int i = 0; i < 3; i++) descriptors[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, 10);
    for (int i = 0; i < 3; i++) posix_spawn_file_actions_adddup2(&actions, descriptors[i], 3 + i);
    char *arguments[] = {"hpshim", "drain", (char *)keep, (char *)size, (char *)log, NULL};
    char *environment[] = {NULL};
    pid_t pid;
    int error = posix_spawn(&pid, program, &actions, NULL, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 3; i++) close(descriptors[i]);
    return error != 0 ? -error : pid;
}

int harness_pipe(int *reader, int *writer) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    *writer = open(path, O_RDWR | O_CLOEXEC);
    close(ends[1]);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    *reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    close(ends[0]);
    return *reader < 0 || *writer < 0 ? -errno : 0;
}

/// Runs a traced process to its next stop of this kind; 0, or a negative errno when it exits before.
static int run_to_event(pid_t pid, int event, long call) {
    for (;;) {
        int status;
        if (waitpid(pid, &status, __WALL) != pid) return -errno;
        if (!WIFSTOPPED(status)) return -ESRCH;
        if (event != 0 && status >> 8 == (SIGTRAP | event << 8)) return 0;
        if (call >= 0 && WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info info;
            if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) return -errno;
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY && (long)info.entry.nr == call) return 0;
        }
        ptrace(call >= 0 ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, 0);
    }
}

int harness_kill_at_gate(const char *program, int spec, int lock, int after_record) {
    pid_t shim = harness_spawn(program, "hpshim", "A=", spec, -1, 0);
    if (shim < 0) return shim;
    int result = 0, status;
    unsigned long child = 0;
    if (ptrace(PTRACE_SEIZE, shim, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD) != 0) result = -errno;
    close(lock);
    if (result == 0) result = run_to_event(shim, PTRACE_EVENT_FORK, -1);
    if (result == 0) ptrace(PTRACE_GETEVENTMSG, shim, 0, &child);
    if (result == 0 && after_record) {
        ptrace(PTRACE_SYSCALL, shim, 0, 0);
        result = run_to_event(shim, 0, SYS_sendto);
    }
    harness_signal(shim, SIGKILL);
    waitpid(shim, &status, __WALL);
    if (child == 0) return result;
    // The child is attached since the fork and was stopped until now.
    for (;;) {
        if (waitpid((pid_t)child, &status, __WALL) != (pid_t)child) return -errno;
        if (!WIFSTOPPED(status)) break;
        ptrace(PTRACE_CONT, (pid_t)child, 0, 0);
    }
    if (result < 0) return result;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EINVAL;
}

int harness_wait(int pid, int timeout_ms, int *status) {
    int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
    if (descriptor < 0) return -errno;
    struct pollfd ended = {.fd = descriptor, .events = POLLIN};
    int ready = poll(&ended, 1, timeout_ms);
    close(descriptor);
    if (ready <= 0) return 0;
    int raw;
    if (waitpid(pid, &raw, 0) != pid) return -errno;
    *status = WIFEXITED(raw) ? WEXITSTATUS(raw) : -WTERMSIG(raw);
    return 1;
}

int harness_signal(int pid, int signal) {
    int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
    if (descriptor < 0) return -errno;
    int result = syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0) != 0 ? -errno : 0;
    close(descriptor);
    return result;
}

int harness_trace(int pid) {
    int ends[2];
    if (pipe(ends) != 0) return -errno;
    int tracer = fork();
    if (tracer == 0) {
        int result = ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 ? 0 : -errno;
        long ignored = write(ends[1], &result, sizeof result);
        (void)ignored;
        if (result != 0) _exit(1);
        for (;;) pause();
    }
    int result = -EIO;
    close(ends[1]);
    if (tracer > 0 && read(ends[0], &result, sizeof result) != sizeof result) result = -EIO;
    close(ends[0]);
    if (tracer > 0 && result != 0) waitpid(tracer, NULL, 0);
    return tracer < 0 ? -errno : result != 0 ? result : tracer;
}

int harness_wait_gone(int pid, int timeout_ms) {
    int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
    if (descriptor < 0) return 1;
    struct pollfd ended = {.fd = descriptor, .events = POLLIN};
    int ready = poll(&ended, 1, timeout_ms);
    close(descriptor);
    return ready > 0;
}

int harness_lock(const char *path) {
    int descriptor = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return -errno;
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

void harness_set_file_user(unsigned int uid) { setfsuid(uid); }

void harness_unlock(int descriptor) {
    flock(descriptor, LOCK_UN);
    close(descriptor);
}

int harness_lock_is_free(const char *path) {
    int descriptor = harness_lock(path);
    if (descriptor < 0) return 0;
    harness_unlock(descriptor);
    return 1;
}

int harness_send_datagram(const char *path, const void *bytes, long size) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    long sent = sendto(descriptor, bytes, (size_t)size, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    close(descriptor);
    return sent == size ? 0 : -error;
}

int harness_count_descriptors(int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *directory = opendir(path);
    if (directory == NULL) return -errno;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

int harness_mount_tmpfs(const char *path, const char *options) {
    return mount("tmpfs", path, "tmpfs", 0, options) != 0 ? -errno : 0;
}

int harness_unmount(const char *path) {
    return umount2(path, MNT_DETACH) != 0 ? -errno : 0;
}
