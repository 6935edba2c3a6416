/// What the tests of the shim need of the kernel and Swift cannot call. Negative answers are errno values.
#ifndef SHIMHARNESS_H
#define SHIMHARNESS_H

/// A memfd with these bytes, sealed when asked to be.
int harness_memfd(const void *bytes, long size, int sealed);

/// Starts a shim with the spec as descriptor 3 and the notice pipe (negative: none) as 4; answers its pid.
/// variable: all of its environment, NAME=value.
/// ignoring: with SIGINT, SIGUSR1 and SIGCHLD ignored, as a careless starter could pass them on.
int harness_spawn(
    const char *program, const char *name, const char *variable, int spec, int notice, int ignoring);

/// Starts `hpshim drain` with these words behind it and these descriptors as 3, 4 and 5; answers its pid.
int harness_drain(const char *program, const char *keep, const char *size, const char *log, int leash, int output, int errors);

/// A pipe whose ends do not pass to anybody; the writer can be read from as well, as a shim makes it.
int harness_pipe(int *reader, int *writer);

/// Starts a shim that waits for the lock held by `lock`, lets it go on, and kills it with SIGKILL: right after its fork
/// (after_record 0) or when it is about to open the gate (1). Answers the exit code of the child it leaves behind, or
/// a negative errno.
int harness_kill_at_gate(const char *program, int spec, int lock, int after_record);

/// Starts a process that exchanges two names for as long as we live, as this user and group. Answers its pid; *counter
/// becomes what harness_count reads.
int harness_exchange(const char *one, const char *other, unsigned int user, const void **counter);

/// How often they were exchanged by now.
unsigned long harness_exchange_count(const void *counter);

/// Waits for the end of a child of ours and reaps it; 1 when it ended, 0 when it still lives after the time.
/// status is the exit code, or the negated signal.
int harness_wait(int pid, int timeout_ms, int *status);

/// Sends a signal through a pidfd; 0, or -ESRCH. Signal 0 asks whether the process exists.
int harness_signal(int pid, int signal);

/// Waits until a process that is not our child is gone; 1 when it is.
int harness_wait_gone(int pid, int timeout_ms);

/// Whether the lock on the file is free.
int harness_lock_is_free(const char *path);

/// Takes the lock on the file; answers the descriptor that holds it.
int harness_lock(const char *path);

/// Sends a datagram to a socket at a path, as this process; 0, or a negative errno.
int harness_send_datagram(const char *path, const void *bytes, long size);

/// How many descriptors a process has open, or a negative errno.
int harness_count_descriptors(int pid);

int harness_mount_tmpfs(const char *path, const char *options);
int harness_unmount(const char *path);

#endif
