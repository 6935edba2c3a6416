// Starts a probe command as posix_spawn(3) does, but as another user, which posix_spawn does not support.
#define _GNU_SOURCE
#include "CHeroLinux.h"

#include "CHeroRecord.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Shared by parent and child while the parent waits for the child to execute its program.
struct spawn_state {
    const struct hl_command *command;
    const char *oom_score;  // as digits; null: unchanged
    pid_t parent;
    volatile int step;
    volatile int error;
};

static _Noreturn void report_failure(struct spawn_state *state, int step) {
    state->error = errno;
    state->step = step;
    _exit(127);
}

// Raw system calls: the C library's functions would change all threads of the process whose memory the child shares.
static int change_user(const struct hl_command *command) {
    int is_root = (command->changes_user ? command->uid : geteuid()) == 0;
    if (command->limits_capabilities) {
        int must_succeed = is_root || !command->no_new_privileges;
        if (hero_drop_bounding_capabilities(command->capabilities, must_succeed) != 0) return -1;
    }
    if (command->changes_user) {
        if (syscall(SYS_setgroups, (long)command->group_count, command->groups) != 0) return -1;
        if (syscall(SYS_setresgid, command->gid, command->gid, command->gid) != 0) return -1;
        if (syscall(SYS_setresuid, command->uid, command->uid, command->uid) != 0) return -1;
        if (command->uid != 0 && syscall(SYS_setuid, 0) == 0) {
            errno = EPERM;
            return -1;
        }
    }
    if (command->limits_capabilities && hero_set_capabilities(command->capabilities, is_root) != 0) return -1;
    return command->no_new_privileges ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

// A score that may not be set stays as it is: a command with a worse score is better than none.
static void set_oom_score(const char *score) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    long ignored = write(file, score, strlen(score));
    (void)ignored;
    close(file);
}

static _Noreturn void execute(struct spawn_state *state) {
    const struct hl_command *command = state->command;
    if (setsid() < 0) report_failure(state, HL_STEP_PREPARE);
    if (command->dies_with_parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) report_failure(state, HL_STEP_PREPARE);
        // The parent has ended before the signal was requested.
        if (getppid() != state->parent) _exit(127);
    }
    if (state->oom_score != NULL) set_oom_score(state->oom_score);
    if (command->enters_sandbox && setns(command->sandbox, CLONE_NEWNS | CLONE_NEWNET) != 0) {
        report_failure(state, HL_STEP_SANDBOX);
    }
    if (dup2(command->null_device, 0) < 0 || dup2(command->output, 1) < 0 || dup2(command->errors, 2) < 0) {
        report_failure(state, HL_STEP_PREPARE);
    }
    // Where the call is missing, all descriptors of this process are close-on-exec.
    syscall(SYS_close_range, 3, ~0u, 0);
    if (change_user(command) != 0) report_failure(state, HL_STEP_USER);
    if (chdir(command->directory) != 0) report_failure(state, HL_STEP_DIRECTORY);
    // No signal is ignored or blocked in a command. This happens last, because no signal handler may run in the child.
    hero_reset_signals();
    int denied = 0;
    errno = ENOENT;
    for (const char *const *path = command->candidates; *path != NULL; path++) {
        execve(*path, command->arguments, command->environment);
        if (errno == EACCES) {
            denied = 1;
        } else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT) {
            report_failure(state, HL_STEP_EXECUTE);
        }
    }
    if (denied) errno = EACCES;
    report_failure(state, HL_STEP_EXECUTE);
}

int hl_spawn_command(const struct hl_command *command, int *step) {
    struct spawn_state state = {.command = command, .parent = getpid()};
    char score[16];
    if (command->sets_oom_score) {
        snprintf(score, sizeof score, "%d", command->oom_score);
        state.oom_score = score;
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // The child shares this process's memory and may only make system calls; the parent waits until it executes its
    // program or ends.
    pid_t pid = vfork();
    if (pid == 0) execute(&state);
    int error = pid < 0 ? errno : state.error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *step = pid < 0 ? HL_STEP_FORK : state.step;
    if (error == 0) return pid;
    if (pid > 0) hl_reap(pid);
    return -error;
}
