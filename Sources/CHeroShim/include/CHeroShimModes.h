/// The modes of hpshim other than the supervision of one start.
#ifndef CHEROSHIMMODES_H
#define CHEROSHIMMODES_H

#include <stdint.h>

#pragma clang assume_nonnull begin

// MARK: Version (version.c)

/// 1 when the command line is `version`; shim_print_version prints the versions and returns the exit code.
int shim_version_is_requested(void);
int shim_print_version(void);

// MARK: Monitor mode (monitor.c)

/// 1 when the command line is `keep PROGRAM ARGUMENTS`.
int shim_monitor_is_requested(void);

/// Blocks the signals that the monitor handles (SIGCHLD, SIGTERM, SIGINT, SIGHUP) and makes the process a subreaper.
/// Returns a signalfd, or an error.
int shim_monitor_set_up(void);

/// The next pending signal, or 0 when there is none. SIGCHLD is not returned.
int shim_monitor_next_signal(int descriptor);

/// Starts the reconciler in its own process group, with SIGTERM and SIGINT blocked. Returns its PID or an error, and
/// sets the read end of its heartbeat pipe (HERO_FD_HEARTBEAT), or -1.
int shim_monitor_start_reconciler(int *heartbeat_pipe);

/// Replaces the last argument, if it is `0`, by `C:SS` for the next starts: the number of recent crashes (0 to
/// HERO_CRASH_LIMIT) and the signal of the last one (0: none).
void shim_monitor_set_crashes(int crashes, int signal);

/// Whether a signal means that the program crashed. SIGKILL does not, because other processes and the OOM killer send
/// it.
int shim_monitor_is_crash_signal(int signal);

/// The watchdog timeout in seconds; 0 means no limit.
int64_t shim_monitor_watchdog_seconds(void);

/// Reads heartbeats: 1 for any (3 if the last one announces an exit that is no crash), 0 for none, negative at the end.
int shim_monitor_read_heartbeat(int descriptor);

/// Writes a line to standard error.
void shim_monitor_write_log(const char *text, long size);

// MARK: Drain mode (drain.c)

/// 1 when the command line is `drain KEEP SIZE LOG`.
int shim_drain_is_requested(void);

/// The argument KEEP (0) or SIZE (1); negative when it is not a number.
int64_t shim_drain_number(int index);

/// The argument LOG; a null pointer when it is not an absolute path or too long.
const char *_Nullable shim_drain_path(void);

/// Blocks all signals, so that only the stop pipe or SIGKILL ends the process.
int shim_drain_set_up(void);

/// 0 when no other process has locked this pipe or it is not a pipe; -EAGAIN otherwise. The lock lasts until the exit.
int shim_lock_pipe(int descriptor);

// MARK: The fork server (fork_server.c)

/// 1 when the command line is `fork-server PADDING`.
int shim_fork_server_is_requested(void);

/// Forks a shim for each request until the reconciler is gone. Returns only in the shims, each with its spec in place;
/// their parent is the reconciler.
void shim_serve_requests(void);

#pragma clang assume_nonnull end

#endif
