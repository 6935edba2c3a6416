#define _GNU_SOURCE
#include "CHeroShim.h"

#include "CHeroFailpoints.h"

#include "decimal.h"
#include "rights.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The descriptors of the child in addition to 0, 1, 2 and the one for readiness. The gate and the record are closed on
/// exec; the service keeps the lock.
struct places {
    int lock;
    int gate;
    int record;
};

/// The first three numbers from 3 on that are not the one for readiness.
static struct places choose_places(int ready_number) {
    int numbers[3];
    int next = 3;
    for (int index = 0; index < 3; index++) {
        if (next == ready_number) next++;
        numbers[index] = next++;
    }
    return (struct places){.lock = numbers[0], .gate = numbers[1], .record = numbers[2]};
}

/// The message of a child that cannot execute its program.
struct failure {
    uint32_t stage;
    int32_t error;
};

static _Noreturn void fail(int gate, enum hero_stage stage) {
    struct failure failure = {.stage = stage, .error = errno};
    long ignored = send(gate, &failure, sizeof failure, MSG_NOSIGNAL);
    (void)ignored;
    _exit(127);
}

/// Closes a range of descriptors.
static void close_all(int first, unsigned int last) {
    if ((unsigned int)first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
    // Without close_range, only the shim's end of the gate matters: all other descriptors of the shim are
    // close-on-exec.
    for (int descriptor = first; descriptor < 80 && (unsigned int)descriptor <= last; descriptor++) close(descriptor);
}

/// Moves descriptors 1, 2, those of `places` and the one for readiness into place and closes all others. Descriptor 0 is
/// /dev/null already.
static int place_descriptors(const struct shim_child *child, int own_gate, const struct places *places) {
    // Above all numbers that are assigned below.
    int lowest = child->ready_number > 0 ? 70 : 10;
    int gate = fcntl(own_gate, F_DUPFD_CLOEXEC, lowest);
    int lock = fcntl(child->lock, F_DUPFD_CLOEXEC, lowest);
    int record = fcntl(child->record, F_DUPFD_CLOEXEC, lowest);
    int ready = child->ready_number > 0 ? fcntl(child->ready, F_DUPFD_CLOEXEC, lowest) : 0;
    if (gate < 0 || lock < 0 || record < 0 || ready < 0) return -1;
    if (dup2(child->output, 1) < 0 || dup2(child->error, 2) < 0 || dup2(lock, places->lock) < 0) return -1;
    if (dup3(gate, places->gate, O_CLOEXEC) < 0 || dup3(record, places->record, O_CLOEXEC) < 0) return -1;
    if (child->ready_number > 0 && dup2(ready, child->ready_number) < 0) return -1;
    int last = places->record;
    if (child->ready_number > last) {
        close_all(last + 1, (unsigned int)child->ready_number - 1);
        last = child->ready_number;
    }
    close_all(last + 1, ~0u);
    return 0;
}

/// Executes the file that is checked, even if its name is replaced meanwhile (FS-5). Returns HERO_STAGE_STRICT when a
/// user other than root and `own` could change the file, else HERO_STAGE_EXECUTE; both with errno.
///
/// The file is opened as the new user, so a path that this user cannot reach is refused (SP-1).
static enum hero_stage execute_strictly(const struct shim_child *child, const char *path, uid_t own) {
    int file = open(path, O_PATH | O_CLOEXEC);
    if (file < 0) return HERO_STAGE_EXECUTE;
    struct stat status;
    enum hero_stage stage = HERO_STAGE_EXECUTE;
    if (fstat(file, &status) == 0) {
        if (!S_ISREG(status.st_mode)) {
            errno = EACCES;
        } else if ((status.st_uid != 0 && status.st_uid != own) || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
            stage = HERO_STAGE_STRICT;
            errno = EPERM;
        } else {
            char *const *arguments = (char *const *)child->arguments;
            char *const *environment = (char *const *)child->environment;
            syscall(SYS_execveat, file, "", arguments, environment, AT_EMPTY_PATH);
            // A script: its interpreter opens the file again, but the descriptor is closed by then (execveat(2), BUGS).
            if (errno == ENOENT) execve(path, arguments, environment);
        }
    }
    int error = errno;
    close(file);
    errno = error;
    return stage;
}

/// Applies the rules of execvp(3): a missing candidate is skipped, a candidate without permission is remembered, and
/// any other error ends the search. A file of an unknown format is an error and is not run by sh. Returns the failed
/// stage, with errno.
static enum hero_stage execute(const struct shim_child *child, uid_t own) {
    int denied = 0;
    errno = ENOENT;
    for (const char *const *path = child->candidates; *path != NULL; path++) {
        if (child->strict_exec != 0) {
            if (execute_strictly(child, *path, own) == HERO_STAGE_STRICT) return HERO_STAGE_STRICT;
        } else {
            execve(*path, (char *const *)child->arguments, (char *const *)child->environment);
        }
        if (errno == EACCES) {
            denied = 1;
        } else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT) {
            return HERO_STAGE_EXECUTE;
        }
    }
    if (denied) errno = EACCES;
    return HERO_STAGE_EXECUTE;
}

/// Runs in the child, with system calls and its own stack only. Every step is required, and each has its own stage.
static _Noreturn void prepare_and_execute(const struct shim_child *child, int gate) {
    if (setsid() < 0) fail(gate, HERO_STAGE_SESSION);
    const struct places places = choose_places(child->ready_number);
    if (place_descriptors(child, gate, &places) != 0) fail(gate, HERO_STAGE_STDIO);
    gate = places.gate;
    umask((mode_t)child->umask);
    uid_t own = geteuid();
    // Before the limits, because the sandbox needs descriptors.
    enum hero_stage failed_stage = sandbox_enter(&child->confinement);
    // Before the privileges are dropped. The directory is entered and the program executed as the new user (SP-1).
    if (failed_stage == HERO_STAGE_NONE) {
        failed_stage = rights_apply_limits(child->rights, child->attributes, child->open_files_soft);
    }
    if (failed_stage == HERO_STAGE_NONE) failed_stage = rights_apply_priorities(child->attributes);
    if (failed_stage == HERO_STAGE_NONE) {
        failed_stage = rights_change_user(child->rights, child->groups, &child->confinement);
    }
    if (failed_stage != HERO_STAGE_NONE) fail(gate, failed_stage);
    if (chdir(child->working_directory) != 0) fail(gate, HERO_STAGE_DIRECTORY);
    if (hero_reset_signals() != 0) fail(gate, HERO_STAGE_SIGNALS);
    if (child->pid_digits != NULL) write_decimal(child->pid_digits, (uint64_t)getpid());

    // The program must not run before the shim has recorded its identity (SH-7), and not at all without a shim.
    char opened;
    long size;
    do {
        size = hero_is_disabled(HERO_GATE) ? 1 : read(gate, &opened, 1);
    } while (size < 0 && errno == EINTR);
    if (size != 1) _exit(HERO_CHILD_UNGATED);
    // The space is allocated already. If the write fails anyway, only the shim knows that the program executes.
    long ignored = pwrite(places.record, &child->release, sizeof child->release, HERO_RELEASE_OFFSET);
    (void)ignored;

    hero_failpoint(FP_ST_11);
    fail(gate, execute(child, own));
}

int shim_make_gate(struct shim_gate *gate) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    gate->shim = ends[0];
    gate->child = ends[1];
    return 0;
}

int shim_fork(const struct shim_child *child, const struct shim_gate *gate, int *pidfd, int *is_in_cgroup) {
    int descriptor = -1;
    struct clone_args arguments = {
        .flags = CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&descriptor,
        .exit_signal = SIGCHLD,
    };
    long pid = -1;
    *is_in_cgroup = child->cgroup >= 0;
    if (*is_in_cgroup) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)child->cgroup;
        pid = syscall(SYS_clone3, &arguments, sizeof arguments);
        arguments.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
        arguments.cgroup = 0;
    }
    if (pid < 0) {
        // Whatever the reason, the child can still be moved into the cgroup, or the failure is reported then.
        *is_in_cgroup = 0;
        pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    }
    if (pid < 0 && (errno == ENOSYS || errno == EPERM)) {
        // Old kernels do not have the call, and some sandboxes refuse it.
        pid = fork();
        if (pid > 0) descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
    }
    if (pid < 0) return -errno;
    if (pid == 0) {
        close(gate->shim);
        prepare_and_execute(child, gate->child);
    }
    *pidfd = descriptor;
    return (int)pid;
}

int shim_open_gate(int gate, uint32_t *stage, int32_t *error) {
    // A child that failed before the gate has sent its failure already; then the byte is not read.
    long ignored = send(gate, "", 1, MSG_NOSIGNAL);
    (void)ignored;
    struct failure failure = {0};
    long size;
    do {
        size = recv(gate, &failure, sizeof failure, MSG_WAITALL);
    } while (size < 0 && errno == EINTR);
    if (size != sizeof failure) return 0;
    *stage = failure.stage;
    *error = failure.error;
    return 1;
}
