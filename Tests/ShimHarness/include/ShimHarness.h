/// System calls for the shim tests that Swift cannot make. Negative results are errno values.
#ifndef SHIMHARNESS_H
#define SHIMHARNESS_H

/// Creates a memfd with these bytes; sealed if requested.
int harness_memfd(const void *bytes, long size, int sealed);

/// Starts a shim with the spec as descriptor 3 and the notice pipe (negative: none) as 4; returns its PID.
/// variable: its whole environment, NAME=value.
/// ignoring: ignores SIGINT, SIGUSR1 and SIGCHLD, which a child inherits.
int harness_spawn(
    const char *program, const char *name, const char *variable, int spec, int notice, int ignoring);

/// Starts `hpshim drain` with these arguments and these descriptors as 3, 4 and 5; returns its PID.
int harness_drain(
    const char *program, const char *keep, const char *size, const char *log, int stop_pipe, int output, int errors);

/// Creates a pipe with close-on-exec ends. The writer can also be read, as in a shim.
int harness_pipe(int *reader, int *writer);

/// Starts a shim that waits for the lock `lock`, releases the lock, and kills the shim with SIGKILL right after its
/// fork (after_record 0) or before it opens the gate (1). Returns the exit code of the remaining child, or a negative
/// errno.
int harness_kill_at_gate(const char *program, int spec, int lock, int after_record);

/// Starts a process of this user and group that exchanges two names while the caller runs. Returns its PID and sets the
/// counter for harness_exchange_count.
int harness_exchange(const char *one, const char *other, unsigned int user, const void **counter);

/// The number of exchanges so far.
unsigned long harness_exchange_count(const void *counter);

/// Waits for the exit of a child and reaps it; 1 when it has exited, 0 when the time ran out. status is the exit code,
/// or the negated signal.
int harness_wait(int pid, int timeout_ms, int *status);

/// Sends a signal through a pidfd; 0, or -ESRCH. Signal 0 tests whether the process exists.
int harness_signal(int pid, int signal);

/// Starts a process that traces a process (ptrace(2)) and never waits for it; returns its PID, or a negative errno.
int harness_trace(int pid);

/// Waits until a process that is not a child is gone; 1 when it is.
int harness_wait_gone(int pid, int timeout_ms);

/// Whether the lock on a file is free.
int harness_lock_is_free(const char *path);

/// From now on, this thread accesses files with the rights of this user. Only root may change the user.
void harness_set_file_user(unsigned int uid);

/// Locks a file; returns the descriptor that holds the lock.
int harness_lock(const char *path);

/// Releases a lock and closes its descriptor. `close` alone does not release it while a child of another test, between
/// fork and exec, has a copy of the descriptor.
void harness_unlock(int descriptor);

/// Sends a datagram from this process to a socket at a path; 0, or a negative errno.
int harness_send_datagram(const char *path, const void *bytes, long size);

/// The number of open descriptors of a process, or a negative errno.
int harness_count_descriptors(int pid);

int harness_mount_tmpfs(const char *path, const char *options);
int harness_unmount(const char *path);

#endif
