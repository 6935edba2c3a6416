/// What the shim needs of C: system calls that Swift cannot make, and the code between fork and exec.
///
/// Every call answers as the kernel does: a result that is not negative, or a negative errno. No call allocates
/// memory but shim_map and shim_thread_start, which belong to the start, and none but shim_leave ends the process. System headers stay out of here so that no feature macro
/// of ours meets another module's.
#ifndef CHEROSHIM_H
#define CHEROSHIM_H

#include <stdint.h>

#include "CHeroRecord.h"

#pragma clang assume_nonnull begin

// The numbers the shim decides by (system.c checks that they are the platform's).
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
    SHIM_SIGHUP = 1,
    SHIM_SIGINT = 2,
    SHIM_SIGKILL = 9,
    SHIM_SIGTERM = 15
};

/// Stands among the errnos of a log for a decision of ours: the rest of the file system is left to others (LG-8).
#define SHIM_DISK_NEARLY_FULL 4096

/// The same for lines that a file took too slowly (LG-3).
#define SHIM_DISK_TOO_SLOW 4097

/// The name of an errno that a log can fail with, or a null pointer.
const char *_Nullable shim_error_name(int error);

// MARK: the process itself (process.c)

/// Makes this process a host: name, own session, subreaper, no terminal, no descriptor but 0 to 2 and the two it was
/// started with, every signal blocked. Answers a signalfd for SIGCHLD and HERO_SIGNAL_KILL_TREE, or an error.
int shim_set_up(void);

/// After the start: nobody of the same user may look into the shim, and it leaves no core behind (SH-12). Not before, so
/// that the program inherits none of it and /proc/self stays ours for the start.
void shim_harden(void);

/// Ends the process without running anything else.
_Noreturn void shim_exit(int code);

/// The spec behind HERO_FD_SPEC, mapped read-only, and its size; a null pointer unless it is a memfd that can neither
/// shrink nor be written any more (a mapping of anything else could change or fault under our feet).
const void *_Nullable shim_map_spec(long *size);

/// Zeroed memory for the start, or a null pointer. Given back whole with shim_unmap.
void *_Nullable shim_map(long size);
void shim_unmap(const void *memory, long size);

/// Gives pages back to the kernel; they read as zero afterwards.
void shim_discard(void *memory, long size);

/// After the start: gives back what only the start has needed, of static memory and of the stack; what the second thread
/// may use only where there is none.
void shim_release_start_memory(int is_alone);

/// After a burst of output: gives back what it was copied through.
void shim_release_output_memory(void);

/// Sends a notice without ever waiting longer than a second for the reader; its absence is no error.
void shim_send_notice(const struct hero_notice *notice);

/// CLOCK_BOOTTIME of the machine, whichever time namespace we are in, CLOCK_MONOTONIC (which stands still while the machine
/// sleeps) and CLOCK_REALTIME, in nanoseconds.
int64_t shim_boottime(void);
int64_t shim_monotonic(void);
/// By how much CLOCK_BOOTTIME is shifted in our time namespace (time_namespaces(7)), in nanoseconds.
int64_t shim_boot_offset(void);
int64_t shim_realtime(void);
void shim_sleep_ms(int milliseconds);

/// Waits until one of the descriptors (negative ones are skipped) can be read or has ended, or for timeout_ms
/// (negative: for ever). Answers a bit per ready descriptor: bit 0 for the first.
int shim_poll(const int *descriptors, int count, int64_t timeout_ms);

/// Takes what has arrived at the signalfd; 1 when HERO_SIGNAL_KILL_TREE was among it.
int shim_read_signals(int descriptor);

/// A process, and whose child it was when it was seen.
struct shim_process {
    int32_t pid;
    int32_t parent;
};

// MARK: a second thread (thread.c), where a log may be slow and its program must not be

/// Starts it, with all signals blocked as in the first one; 0 or an error. There is never more than one.
int shim_thread_start(void (*body)(void *), void *memory);

/// Waits for its end.
void shim_thread_join(void);

/// The lock of what both of them use. It is never held while a file is touched.
void shim_lock(void);
void shim_unlock(void);

/// With the lock held: wakes who waits for news, or waits for it (negative: for ever). 0 when the time was over first.
void shim_signal_change(void);
int shim_wait_for_change(int64_t timeout_ms);

// MARK: static memory (memory.c), all of it untouched until used

char *shim_input(void);          // SHIM_INPUT_SIZE bytes for reading, with SHIM_LINE_BOUND bytes free in front of it
char *shim_output(void);         // SHIM_OUTPUT_SIZE bytes of lines on their way to the log
char *shim_partial_line(int stream);     // SHIM_LINE_BOUND bytes: an unfinished line of stream 0 or 1
char *shim_scratch(int index);   // SHIM_PATH_SIZE bytes each, 0 and 1: for who writes the log, to build a path or a line in
char *shim_start_scratch(void);          // SHIM_PATH_SIZE bytes: the same for the start
char *shim_allocate_static(long size);      // what stays, side by side: room for three paths, a cgroup, a socket and a stamp
struct shim_process *shim_process_table(void);  // SHIM_TABLE_SIZE entries
char *shim_message(void);        // SHIM_MESSAGE_SIZE bytes: a datagram of the service

enum {
    SHIM_MAX_LINE_SIZE = 16384,     // a longer line is stored in parts, as container runtimes do
    SHIM_INPUT_SIZE = 262144,
    SHIM_OUTPUT_SIZE = 524288,
    SHIM_PATH_SIZE = 4352,       // PATH_MAX and room for a suffix
    SHIM_TABLE_SIZE = 16384,
    SHIM_MESSAGE_SIZE = 4096     // a longer one is not read (systemd's limit)
};

// MARK: bytes (inline, for the copy loop)

static inline const char *_Nullable shim_first_newline(const char *from, long size) {
    return (const char *)__builtin_memchr(from, '\n', (unsigned long)size);
}

static inline const char *_Nullable shim_first_nul(const char *from, long size) {
    return (const char *)__builtin_memchr(from, 0, (unsigned long)size);
}

/// Whether what stands at from begins with a text.
static inline int shim_has_prefix(const char *from, long size, const char *text, long length) {
    return size >= length && __builtin_memcmp(from, text, (unsigned long)length) == 0;
}

static inline void shim_copy(char *to, const char *from, long size) {
    __builtin_memcpy(to, from, (unsigned long)size);
}

static inline long shim_length(const char *text) {
    return (long)__builtin_strlen(text);
}

// MARK: files (files.c)

/// What tells one file from another, and how long it is.
struct shim_file {
    uint64_t device;
    uint64_t inode;
    int64_t size;
};

/// The file system that a file lies on, in bytes: all of it, and what this user may still write.
struct shim_free_space {
    int64_t total;  // 0 where the file system does not say
    int64_t free;
};

int shim_read_free_space(int descriptor, struct shim_free_space *room);

void shim_close(int descriptor);
int shim_open_record(const char *path);     // read and write, made when absent, 0600, never through a symlink
int shim_open_lock(const char *path);       // read only: what the service inherits
int shim_try_lock(int descriptor);          // 0, or -EAGAIN while another holds it
int shim_stat(int descriptor, struct shim_file *file);
int shim_lstat(const char *path, struct shim_file *file);  // of a symlink: the link itself
long shim_read_at(int descriptor, void *bytes, long size, long offset);
long shim_write_at(int descriptor, const void *bytes, long size, long offset);
long shim_read(int descriptor, void *bytes, long size);
long shim_write(int descriptor, const void *bytes, long size);
long shim_pending_bytes(int descriptor);          // bytes that a pipe holds
int shim_truncate(int descriptor, int64_t size);
int shim_create_log(const char *path);      // must not exist; 0640
int shim_open_log(const char *path);      // must exist, and be a file of ours with one name; to append and to read
int shim_create_script(const char *path);   // must not exist; 0500
int shim_change_owner(int descriptor, uint32_t uid, uint32_t gid);
int shim_touch(int descriptor);             // wakes who follows its attributes, and changes nothing
int shim_make_directory(const char *path);  // 0700
int shim_rename(const char *from, const char *to);
int shim_remove(const char *path);          // a file, a link or an empty directory

/// A pipe: a reader that never blocks, and a writer that is also a reader, so that whoever writes to it gets no SIGPIPE
/// when the shim is lost (reliability.md 2.1). Without /proc the writer is a plain one.
int shim_make_pipe(int *reader, int *writer);

/// Lets the pipe hold as much as the system allows an ordinary process, 1 MiB.
void shim_widen_pipe(int descriptor);

// MARK: other processes (tree.c)

/// How a child ended.
struct shim_exit_info {
    int32_t pid;
    int32_t kind;         // enum hero_exit_kind
    int32_t status;
    int32_t core_dumped;
    int64_t user_time_us;
    int64_t system_time_us;
    int64_t max_rss_kib;
};

/// 1 and the facts of a child that has ended but is not reaped; 0 when none has; -ECHILD when there is no child.
int shim_peek_exit(struct shim_exit_info *ended);

/// Waits for this child's end and lets go of it.
int shim_reap(int pid);

int shim_own_pid(void);
int shim_is_root(void);
int shim_open_pidfd(int pid);                  // a pidfd
int shim_signal(int pidfd, int signal);
int shim_signal_and_continue(int pidfd, int signal);   // the signal, then SIGCONT

/// Identity of a living process; pidfd may be negative: then one is opened for the moment.
int shim_identify(int pid, int pidfd, struct hero_identity *identity);

/// Parent of a process, from /proc.
int shim_parent_of(int pid);

/// 1 when a process is below root, however deep, 0 when it is not, or an error: then it cannot be known, most often
/// because it is gone. Once below root it stays so: root takes in what loses its parent.
int shim_is_descendant(int pid, int root);

/// 1 when the process behind a pidfd has ended.
int shim_has_exited(int pidfd);

/// 1 while it is there, or what its parent has not taken in of it: as long as that its pid is nobody else's.
int shim_exists(int pidfd);

/// Appends the children of all threads of a process to table; answers the new count.
/// -ENOENT where the process is gone or the kernel lists no children.
int shim_list_children(int pid, struct shim_process *table, int count, int capacity);

/// Appends every process whose parent is in table[0..<count] (or is root), from a walk through /proc; for kernels
/// that list no children. Answers the new count.
int shim_scan_children(int root, struct shim_process *table, int count, int capacity);

// MARK: what holds the tree together (cgroup.c); every path is that of the cgroup's directory

/// Opens a v2 cgroup for children to be born in; its descriptor.
int shim_cgroup_open(const char *cgroup);

/// Puts a process into it. The kernel makes the whole machine wait for that, some 10 ms: who is born there costs nothing.
int shim_cgroup_join(const char *cgroup, int pid);

/// Kills whoever is in it, with one write (cgroup.kill); an error where the kernel cannot.
int shim_cgroup_kill(const char *cgroup);

/// Stops everybody in a directory of the v1 freezer, or lets them go on.
int shim_freezer_set(const char *cgroup, int frozen);

/// The number behind a word in one of its files ("populated" in cgroup.events, "oom_kill" in memory.events); negative
/// where there is none.
int64_t shim_cgroup_read_number(const char *cgroup, const char *file, const char *word);

/// 1 when a process is in it, 0 when it is not, or an error.
int shim_cgroup_contains(const char *cgroup, int pid);

/// Removes it if nobody is in it, and then the directory around it if that was the last.
void shim_cgroup_remove(const char *cgroup);

// MARK: the PID file of a daemon (pidfile.c)

/// The number a PID file holds (2 or more), or a negative errno: by the rules of reliability.md PF-1, where root, the
/// user of the shim and `user` are the owners whose word counts.
int shim_read_pid_file(const char *path, uint32_t user);

// MARK: what the service says (hear.c)

/// Makes a datagram socket that tells who sends, at an absolute path or, after an @, at an abstract name. One at a path
/// is given to uid (negative: nobody) and has this mode. Answers its descriptor.
int shim_notify_open(const char *name, int64_t uid, uint32_t mode);

/// Takes the next datagram into bytes. Answers its length, -EMSGSIZE for one that is longer than that, or -EAGAIN when
/// there is none; sender is 0 when it cannot be named here. Descriptors that come along are closed by the kernel before
/// it is read: none is ever opened here.
long shim_notify_receive(int descriptor, char *bytes, long size, int32_t *sender);

// MARK: keep mode (keep.c)

/// 1 when the command line is `version`; `shim_say_version` answers it, and gives the code to leave with.
int shim_version_is_requested(void);
int shim_print_version(void);
/// 1 when the command line is `keep PROGRAM ARGUMENTS`.
int shim_monitor_is_requested(void);

/// Blocks what is heard (SIGCHLD, SIGTERM, SIGINT, SIGHUP) and takes in what loses its parent. Answers a signalfd, or
/// an error.
int shim_monitor_set_up(void);

/// The next signal that has arrived, or 0 when there is none; SIGCHLD only wakes.
int shim_monitor_next_signal(int descriptor);

/// Starts the program in a process group of its own, with SIGTERM and SIGINT blocked. Answers its pid, or an error; and
/// the read end of the pipe that it has open as HERO_FD_HEARTBEAT, or -1.
int shim_monitor_start_reconciler(int *beats);

/// Has the next starts find `C:SS` where their last argument was `0`: they follow one that ended, there were so many
/// crashes of its own making lately (0 to HERO_KEPT_CRASHES), and this signal ended the last of them (0: there was none).
void shim_monitor_set_crashes(int crashes, int signal);

/// Whether a signal is one that a program brings upon itself; SIGKILL comes from others, also where memory runs out.
int shim_monitor_is_crash_signal(int signal);

/// For how many seconds it may say nothing; 0: for ever.
int64_t shim_monitor_watchdog_seconds(void);

/// Takes what has come through that pipe: 1 when anything has, 0 when nothing has, negative when nothing ever will again.
int shim_monitor_read_heartbeat(int descriptor);

/// Writes to standard error.
void shim_monitor_write_log(const char *text, long size);

// MARK: drain mode (drain.c)

/// 1 when the command line is `drain KEEP SIZE LOG`.
int shim_drain_is_requested(void);

/// KEEP (0) or SIZE (1); negative when it is no number.
int64_t shim_drain_number(int index);

/// LOG; a null pointer when it is no absolute path, or too long to be one.
const char *_Nullable shim_drain_path(void);

/// Makes this process one that only its leash, or SIGKILL, ends.
int shim_drain_set_up(void);

/// 0 when nobody else empties this pipe, or it is none; -EAGAIN while somebody does. Holds until the process ends.
int shim_lock_pipe(int descriptor);

// MARK: the child (child.c)

/// All that the child needs between fork and exec. Lists end with a null pointer.
struct shim_child {
    const char *working_directory;
    const char *_Nullable const *_Nonnull candidates;
    const char *_Nullable const *_Nonnull arguments;
    const char *_Nullable const *_Nonnull environment;
    const struct hero_rights *rights;
    const void *groups;    // of the rights; need not be aligned
    uint64_t open_files_soft;
    uint32_t umask;
    uint32_t strict_exec;  // 1: a candidate that somebody else could change ends the search (FS-5)
    int32_t output;    // becomes 1
    int32_t error;     // becomes 2
    int32_t lock;      // becomes 3, and stays open in the service
    int32_t cgroup;    // where it is born, of shim_cgroup_open; negative: where we are
    char *_Nullable pid_digits;  // where its own pid is written, with a NUL: 12 bytes in memory that is its own by then
    int32_t record;    // where `release` is written, before it executes
    struct hero_release release;
};

/// The two ends of what stands between fork and exec.
struct shim_gate {
    int32_t shim;
    int32_t child;
};

int shim_make_gate(struct shim_gate *gate);

/// Forks the child: it prepares itself, waits at the gate, and executes the first candidate it can. Answers its pid,
/// a pidfd for it, and whether it was born in the cgroup.
int shim_fork(const struct shim_child *child, const struct shim_gate *gate, int *pidfd, int *is_in_cgroup);

/// Opens the gate and waits until the child has executed (0) or told why it could not (1, with stage and error).
int shim_open_gate(int gate, uint32_t *stage, int32_t *error);

#pragma clang assume_nonnull end

#endif
