/// The system calls of the shim that Swift cannot make, and the code between fork and exec.
///
/// Every function returns what the kernel returns: a result that is not negative, or a negative errno. Only shim_map
/// and shim_thread_start allocate memory, and both belong to the start. Only shim_exit ends the process. This header
/// includes no system header, so that its feature macros cannot conflict with those of other modules.
#ifndef CHEROSHIM_H
#define CHEROSHIM_H

#include <stdint.h>

#include "CHeroRecord.h"
#include "CHeroShimConfinement.h"
#include "CHeroShimModes.h"

#pragma clang assume_nonnull begin

// Numbers of the platform that the shim compares with (process.c checks them).
enum {
    SHIM_ENOENT = 2,
    SHIM_EINTR = 4,
    SHIM_EIO = 5,
    SHIM_ECHILD = 10,
    SHIM_EAGAIN = 11,
    SHIM_EEXIST = 17,
    SHIM_EMSGSIZE = 90,
    SHIM_EISDIR = 21,
    SHIM_ENOSPC = 28,
    SHIM_EFBIG = 27,
    SHIM_SIGHUP = 1,
    SHIM_SIGINT = 2,
    SHIM_SIGKILL = 9,
    SHIM_SIGTERM = 15
};

/// A log error that is not an errno: the rest of the file system is kept free (LG-8).
#define SHIM_DISK_NEARLY_FULL 4096

/// A log error that is not an errno: the log was written too slowly (LG-3).
#define SHIM_DISK_TOO_SLOW 4097

/// The name of an error that a log can have, or a null pointer.
const char *_Nullable shim_error_name(int error);

// MARK: This process (process.c)

/// Sets up the process as a shim: name, own session, subreaper, no terminal, all signals blocked, and no descriptors
/// except 0 to 2 and the two it was started with. Returns a signalfd for SIGCHLD and HERO_SIGNAL_KILL_TREE, or an
/// error.
int shim_set_up(void);

/// Called after the start: prevents other processes of the same user from reading the memory of the shim, and prevents
/// core dumps (SH-12). Not before the start, because the program must not inherit these settings and because the start
/// reads /proc/self.
void shim_harden(void);

/// Ends the process without running exit handlers.
_Noreturn void shim_exit(int code);

/// Maps the spec behind HERO_FD_SPEC read-only and sets its size; a null pointer unless it is a memfd that can neither
/// shrink nor be written any more. Any other file could change or fault while it is mapped.
const void *_Nullable shim_map_spec(long *size);

/// Zeroed memory for the start, or a null pointer. shim_unmap releases it.
void *_Nullable shim_map(long size);
void shim_unmap(const void *memory, long size);

/// Returns pages to the kernel; they read as zero afterwards.
void shim_discard(void *memory, long size);

/// Called after the start: releases the static memory and the stack pages that only the start has used. Memory that the
/// second thread may use is released only if there is no second thread (is_alone).
void shim_release_start_memory(int is_alone);

/// Called after a burst of output: releases the output buffers.
void shim_release_output_memory(void);

/// Sends a notice to the reconciler, if there is a notice pipe. It waits for the reader for at most one second.
void shim_send_notice(const struct hero_notice *notice);

/// CLOCK_BOOTTIME of the machine (in any time namespace), CLOCK_MONOTONIC (stops in suspension), CLOCK_REALTIME, in ns.
int64_t shim_boottime(void);
int64_t shim_monotonic(void);
/// The offset of CLOCK_BOOTTIME in this time namespace (time_namespaces(7)), in ns.
int64_t shim_boot_offset(void);
int64_t shim_realtime(void);
void shim_sleep_ms(int milliseconds);

/// Waits until one of the descriptors is readable or has ended (negative ones are skipped), or for timeout_ms
/// (negative: no limit). Returns a bit per ready descriptor, bit 0 for the first.
int shim_poll(const int *descriptors, int count, int64_t timeout_ms);

/// Reads all signals from the signalfd; 1 when HERO_SIGNAL_KILL_TREE was among them.
int shim_read_signals(int descriptor);

/// A process, and its parent when it was listed.
struct shim_process {
    int32_t pid;
    int32_t parent;
};

// MARK: The log thread (thread.c), for programs that must not wait for a slow log

/// Starts the thread, with all signals blocked; 0 or an error. There is never more than one.
int shim_thread_start(void (*body)(void *), void *memory);

/// Waits for the end of the thread.
void shim_thread_join(void);

/// The lock of the state that both threads share. It is never held during file operations.
void shim_lock(void);
void shim_unlock(void);

/// With the lock held: signals a change, or waits for one (negative: no limit). 0 when the time ran out first.
void shim_signal_change(void);
int shim_wait_for_change(int64_t timeout_ms);

// MARK: Static memory (memory.c); no page is allocated until it is used

char *shim_input(void);                         // SHIM_INPUT_SIZE bytes, behind SHIM_MAX_LINE_SIZE free bytes
char *shim_output(void);                        // SHIM_OUTPUT_SIZE bytes for lines that are written to the log
char *shim_partial_line(int stream);            // SHIM_MAX_LINE_SIZE bytes: an unfinished line of stream 0 or 1
char *shim_scratch(int index);                  // 0 and 1, SHIM_PATH_SIZE bytes each: paths and lines of the log writer
char *shim_start_scratch(void);                 // SHIM_PATH_SIZE bytes: the same for the start
char *shim_allocate_static(long size);          // never freed; fits all paths of a spec and a line prefix
struct shim_process *shim_process_table(void);  // SHIM_TABLE_SIZE entries
char *shim_message(void);                       // SHIM_MESSAGE_SIZE bytes: a datagram of the service

enum {
    SHIM_MAX_LINE_SIZE = 16384,  // a longer line is stored in parts, as container runtimes do
    SHIM_INPUT_SIZE = 262144,
    SHIM_OUTPUT_SIZE = 524288,
    SHIM_PATH_SIZE = 4352,  // PATH_MAX and space for a suffix
    SHIM_TABLE_SIZE = 16384,
    SHIM_MESSAGE_SIZE = 4096     // a longer one is not read (systemd's limit)
};

// MARK: Bytes (inline, for the copy loop)

static inline const char *_Nullable shim_first_newline(const char *from, long size) {
    return (const char *)__builtin_memchr(from, '\n', (unsigned long)size);
}

static inline const char *_Nullable shim_first_nul(const char *from, long size) {
    return (const char *)__builtin_memchr(from, 0, (unsigned long)size);
}

/// Whether the bytes at from begin with a text.
static inline int shim_has_prefix(const char *from, long size, const char *text, long length) {
    return size >= length && __builtin_memcmp(from, text, (unsigned long)length) == 0;
}

static inline void shim_copy(char *to, const char *from, long size) {
    __builtin_memcpy(to, from, (unsigned long)size);
}

static inline long shim_length(const char *text) {
    return (long)__builtin_strlen(text);
}

// MARK: Files (files.c)

/// The identity and the size of a file.
struct shim_file {
    uint64_t device;
    uint64_t inode;
    int64_t size;
};

/// The size of a file system and the space that this user may still use, in bytes.
struct shim_free_space {
    int64_t total;  // 0 when the file system does not report it
    int64_t free;
};

int shim_read_free_space(int descriptor, struct shim_free_space *space);

void shim_close(int descriptor);
int shim_open_record(const char *path);                    // read and write, 0600, created if missing, no symlink
int shim_open_lock(const char *path);                      // read-only: inherited by the service
int shim_try_lock(int descriptor);                         // 0, or -EAGAIN while another process holds it
int shim_stat(int descriptor, struct shim_file *file);
int shim_lstat(const char *path, struct shim_file *file);  // does not follow a symlink
long shim_read_at(int descriptor, void *bytes, long size, long offset);
long shim_write_at(int descriptor, const void *bytes, long size, long offset);
long shim_read(int descriptor, void *bytes, long size);
long shim_write(int descriptor, const void *bytes, long size);
long shim_pending_bytes(int descriptor);                   // bytes in a pipe
int shim_truncate(int descriptor, int64_t size);
int shim_create_log(const char *path);                     // must not exist; 0640
int shim_open_log(const char *path);                       // an existing regular file of this user with one link
int shim_create_script(const char *path);                  // must not exist; 0500
int shim_share_script(int descriptor, uint32_t gid);       // 0550: this group may read and execute it
int shim_touch(int descriptor);                            // triggers IN_ATTRIB and changes nothing
int shim_make_directory(const char *path);                 // 0700
int shim_rename(const char *from, const char *to);
int shim_remove(const char *path);                         // a file, a link or an empty directory

/// A pipe with a non-blocking reader. The writer is opened for reading too, so that writers get no SIGPIPE when the
/// shim is lost. Without /proc the writer is a plain one.
int shim_make_pipe(int *reader, int *writer);

/// Enlarges the pipe to 1 MiB, the limit for ordinary processes.
void shim_widen_pipe(int descriptor);

// MARK: Other processes (process_tree.c)

/// How a child exited.
struct shim_exit_info {
    int32_t pid;
    int32_t kind;  // enum hero_exit_kind
    int32_t status;
    int32_t core_dumped;
    int64_t user_time_us;
    int64_t system_time_us;
    int64_t max_rss_kib;
};

/// 1 and the data of a child that has exited but is not reaped; 0 when there is none; -ECHILD without children.
int shim_peek_exit(struct shim_exit_info *ended);

/// Waits for the exit of this child and reaps it.
int shim_reap(int pid);

int shim_own_pid(void);
int shim_is_root(void);
uint32_t shim_own_user(void);
int shim_open_pidfd(int pid);                         // a pidfd
int shim_signal(int pidfd, int signal);
int shim_signal_and_continue(int pidfd, int signal);  // the signal, then SIGCONT

/// The identity of a process. With a negative pidfd the function opens one for the moment.
int shim_identify(int pid, int pidfd, struct hero_identity *identity);

/// The parent of a process, from /proc.
int shim_parent_of(int pid);

/// 1 when a process is a descendant of root, 0 when it is not, or an error when that is unknown, usually because the
/// process is gone. A descendant stays a descendant, because root is the reaper of its orphans.
int shim_is_descendant(int pid, int root);

/// 1 when the process of a pidfd has exited.
int shim_has_exited(int pidfd);

/// 1 while the process exists or is a zombie; its PID cannot be reused until it is reaped.
int shim_exists(int pidfd);

/// The PID of the process that traces a process (ptrace(2)); 0 when none does.
int shim_tracer_of(int pid);

/// 1 when the shim has children and all of them have exited. A traced process that has exited is reported to its parent
/// only after its tracer has reaped it.
int shim_has_only_zombies(void);

/// Appends the children of all threads of a process to table; returns the new count. -ENOENT when the process is gone
/// or the kernel does not list children.
int shim_list_children(int pid, struct shim_process *table, int count, int capacity);

/// Appends every process whose parent is root or in table[0..<count], by scanning /proc, for kernels that do not list
/// children. Returns the new count.
int shim_scan_children(int root, struct shim_process *table, int count, int capacity);

// MARK: Cgroups (cgroup.c); every path is the directory of the cgroup

/// Opens a v2 cgroup, so that children can be cloned into it; returns its descriptor.
int shim_cgroup_open(const char *cgroup);

/// Moves a process into the cgroup. The kernel needs about 10 ms for this; cloning into the cgroup costs nothing.
int shim_cgroup_join(const char *cgroup, int pid);

/// Kills all processes of the cgroup with one write (cgroup.kill); an error where the kernel does not support that.
int shim_cgroup_kill(const char *cgroup);

/// Freezes or thaws all processes of a directory of the v1 freezer.
int shim_freezer_set(const char *cgroup, int frozen);

/// The number behind a key in a file of the cgroup ("populated" in cgroup.events, "oom_kill" in memory.events);
/// negative when there is none.
int64_t shim_cgroup_read_number(const char *cgroup, const char *file, const char *key);

/// 1 when a process is in the cgroup, 0 when it is not, or an error.
int shim_cgroup_contains(const char *cgroup, int pid);

/// Removes the cgroup if it has no process, and then its parent directory if that is empty.
void shim_cgroup_remove(const char *cgroup);

// MARK: The PID file of a daemon (pid_file.c)

/// The PID in a PID file (2 or more), or a negative `enum hero_pid_file_problem`, by the rules of guarantee PF-1. Files of root, of the
/// user of the shim and of `user` are accepted.
int shim_read_pid_file(const char *path, uint32_t user);

// MARK: The notify socket (notify.c)

/// Creates a datagram socket that reports its senders, at an absolute path or, after an @, at an abstract name. A
/// socket at a path gets this owner (negative: unchanged) and mode. Returns its descriptor.
int shim_notify_open(const char *name, int64_t uid, uint32_t mode);

/// Receives the next datagram. Returns its length, -EMSGSIZE when it is longer than size, or -EAGAIN when there is
/// none. The sender is 0 when it is in another PID namespace, and the user UINT32_MAX when it is unknown. The kernel
/// closes all passed descriptors before the datagram is read.
long shim_notify_receive(int descriptor, char *bytes, long size, int32_t *sender, uint32_t *user);

// MARK: The child (child.c)

/// All data that the child needs between fork and exec. Lists end with a null pointer.
struct shim_child {
    const char *working_directory;
    const char *_Nullable const *_Nonnull candidates;
    const char *_Nullable const *_Nonnull arguments;
    const char *_Nullable const *_Nonnull environment;
    const struct hero_rights *rights;
    const struct hero_attributes *attributes;
    const void *groups;  // of the rights; may be unaligned
    uint64_t open_files_soft;
    uint32_t umask;
    struct shim_confinement confinement;
    uint32_t strict_exec;        // 1: a candidate that another user could change ends the search (FS-5)
    int32_t output;              // becomes 1
    int32_t error;               // becomes 2
    int32_t lock;                // becomes 3 (4 if ready_number is 3), and stays open in the service
    int32_t ready, ready_number;  // the first becomes the second, 3 to 64; 0: none
    int32_t cgroup;              // from shim_cgroup_open; negative: the cgroup of the shim
    char *_Nullable pid_digits;  // 12 bytes for its own PID and a NUL, in its copy of the memory
    int32_t record;              // the record, into which it writes `release` before it executes
    struct hero_release release;
};

/// The two ends of the socket pair that holds the child back between fork and exec.
struct shim_gate {
    int32_t shim;
    int32_t child;
};

int shim_make_gate(struct shim_gate *gate);

/// Forks the child. It prepares itself, waits at the gate, and executes the first candidate that can be executed.
/// Returns its PID, a pidfd, and whether it was cloned into the cgroup.
int shim_fork(const struct shim_child *child, const struct shim_gate *gate, int *pidfd, int *is_in_cgroup);

/// Opens the gate and waits until the child executes (0) or reports why it cannot (1, with stage and error).
int shim_open_gate(int gate, uint32_t *stage, int32_t *error);

#pragma clang assume_nonnull end

#endif
