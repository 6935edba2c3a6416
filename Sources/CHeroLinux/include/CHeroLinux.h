/// System calls that Swift cannot make: variadic ones, and those that glibc does not declare for it.
///
/// A function that fails returns a negated errno, unless its comment says otherwise. This header uses plain C types
/// only, so that no system header becomes part of the module (a module with _GNU_SOURCE breaks others).
#ifndef CHEROLINUX_H
#define CHEROLINUX_H

// Processes.
int hl_pidfd_open(int pid);
int hl_pidfd_send_signal(int pidfd, int signal);
int hl_pidfd_send_group_signal(int pidfd, int signal);
/// 1: the process was a child and is reaped now; *status is its wait status. 0: it still runs.
int hl_pidfd_reap(int pidfd, int *status);
/// 1: the kernel has kept the wait status of a process that its parent has reaped (Linux 6.15).
int hl_pidfd_exit_status(int pidfd, int *status);
int hl_status_exited(int status);  // 1: exited, with hl_status_code; 0: killed by hl_status_signal
int hl_status_code(int status);
int hl_status_signal(int status);
int hl_status_dumped(int status);
/// st_ino of a pidfd on a kernel with pidfs, else 0.
unsigned long hl_pidfs_inode(int pidfd);
int hl_become_subreaper(void);
/// Raises the soft limit of open files to the hard limit; returns the former soft limit in *soft_before.
int hl_raise_open_file_limit(unsigned long *soft_before);
/// Resets the scheduling policy, the nice value (the result in *nice) and the I/O priority of this process.
int hl_reset_priority(int *nice);
/// Resets a limit to the default of the kernel; index begins at 0, and -ENOENT is returned behind the last one. Sets
/// its name and the soft limit after the reset (-1: unlimited). Any other error means that the limit is lower than the
/// default and may not be raised.
int hl_reset_limit(int index, const char **name, long long *soft);
/// Raises the limit of processes to the default of the kernel, if this process is root.
void hl_reset_process_limit(void);
/// Ignores SIGPIPE and SIGXFSZ, so that a write that they would end returns EPIPE or EFBIG.
void hl_ignore_write_signals(void);
/// The same, blocks SIGTERM and SIGINT (and SIGCHLD), and returns a signalfd for them.
int hl_signal_descriptor(int with_children);
/// The PID of a child that waits to be reaped, or 0.
int hl_next_zombie(void);
/// The PID of a child that was stopped since the last call, or 0.
int hl_next_stopped(void);
void hl_reap(int pid);

// Starting processes.
int hl_sealed_memfd(const void *bytes, long size);
/// Creates an empty memory file.
int hl_memfd(void);
/// Starts a shim with descriptors 0 to 2 on null, 3 (its spec) and 4 as given, and an empty environment. Returns the
/// PID. `hpshim fork-server` is started in the same way, with its socket in place of a spec.
int hl_spawn_shim(const char *path, char *const argv[], int null, int spec, int notice);
/// Starts `hpshim drain` in the same way, with its stop pipe and the two output pipes. Returns the PID.
int hl_spawn_drain(const char *path, char *const argv[], int null, int stop_pipe, int output, int errors);
/// Starts a program in a session of its own, with standard output and standard error on a log. Returns the PID.
int hl_spawn_detached(const char *path, char *const argv[], char *const environment[], int null, int log);

/// A command that runs in a session of its own, with descriptor 0 on null.
struct hl_command {
    const char *const *candidates;  // absolute paths, tried in order like execvp(3); ends with a null pointer
    char *const *arguments;
    char *const *environment;
    const char *directory;
    int null_device;
    int output;  // descriptor 1
    int errors;  // descriptor 2
    /// 1: the kernel kills it when the thread that started it ends.
    int dies_with_parent;
    /// 1: oom_score_adj is set, if that is permitted.
    int sets_oom_score;
    int oom_score;
    /// 1: groups, gid and uid are set.
    int changes_user;
    unsigned int uid;
    unsigned int gid;
    const unsigned int *groups;
    int group_count;
    int no_new_privileges;
    /// 1: it enters the mount and network namespaces of the process of this pidfd.
    int enters_sandbox;
    int sandbox;
    /// 1: it keeps only these capabilities, one bit each.
    int limits_capabilities;
    unsigned long capabilities;
};
/// Starts a command. Returns the PID, or the negated errno with the failed step in *step.
int hl_spawn_command(const struct hl_command *command, int *step);
enum { HL_STEP_FORK, HL_STEP_PREPARE, HL_STEP_SANDBOX, HL_STEP_USER, HL_STEP_DIRECTORY, HL_STEP_EXECUTE };

// The event loop. Each event returns the token of its watch.
int hl_epoll_create(void);
int hl_epoll_add(int epoll, int descriptor, unsigned int events, unsigned long token);
int hl_epoll_change(int epoll, int descriptor, unsigned int events, unsigned long token);
int hl_epoll_remove(int epoll, int descriptor);
int hl_epoll_wait(int epoll, unsigned long *tokens, unsigned int *events, int capacity, int milliseconds);
unsigned int hl_epoll_in(void);
unsigned int hl_epoll_out(void);
/// A timer on CLOCK_BOOTTIME, set to an absolute time in nanoseconds; 0 stops it.
int hl_timer_create(void);
int hl_timer_set(int timer, long long nanoseconds);

/// A descriptor that becomes readable when CLOCK_REALTIME is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET); it must
/// be armed again each time.
int hl_clock_watch_create(void);
int hl_clock_watch_arm(int watch);
int hl_eventfd_create(void);
/// CLOCK_BOOTTIME of the machine, whatever the time namespace of this process is, because its values are stored and
/// read by others.
long long hl_boot_clock(void);
/// The offset of CLOCK_BOOTTIME, and of the start times in /proc, in the time namespace of this process, in nanoseconds
/// (time_namespaces(7)).
long long hl_boot_clock_offset(void);
/// Like the boot clock, but it stops while the machine is suspended.
long long hl_monotonic_clock(void);
long long hl_wall_clock(void);
unsigned long hl_random(void);
void hl_sleep(long nanoseconds);

// Files.
/// A pipe with two non-blocking ends and, if permitted, the given size.
int hl_pipe(int *read_end, int *write_end, int size);
/// Duplicates a descriptor to a number of at least `lowest`, close-on-exec.
int hl_duplicate_descriptor(int descriptor, int lowest);
int hl_open_path(const char *path);
/// Opens an entry of a directory as a place only (O_PATH); a symbolic link is opened itself.
int hl_open_entry(int folder, const char *name);
/// How many descriptors this process can still open; LONG_MAX if that is unknown or very large.
long hl_available_descriptors(void);
/// 1: locked. 0: another process holds the lock.
int hl_lock(int descriptor, int exclusive);
/// Lists the names in a directory, each with a NUL, in a buffer to be released with hl_free; returns its size.
long hl_list_directory(const char *path, char **names);
void hl_free(void *memory);
/// 1: systemd has delegated this cgroup to its processes (the attribute that `Delegate=` sets).
int hl_is_delegated(const char *cgroup);
/// The kind of the file system of a path (statfs(2), f_type).
long hl_file_system(const char *path, unsigned int *magic);
int hl_same_file(const char *path, int descriptor);
/// 1: the file has an access control list (acl(5)), which its group permissions do not show.
int hl_has_access_list(const char *path);
long hl_file_inode(const char *path, unsigned long *inode, unsigned long *device, unsigned int *mode);

// Sockets.
/// Starts a non-blocking connect; *pending is 1 while its result is not known.
int hl_connect_tcp(int family, const unsigned char *address, int port, int *pending);
int hl_connect_unix(const char *path, int *pending);
int hl_listen_unix(const char *path);
int hl_accept(int listener, unsigned int *user);
/// The user of the process at the other end of a connected Unix socket.
int hl_peer_user(int descriptor, unsigned int *user);
/// The pending error of a socket as a positive errno, or 0.
int hl_socket_error(int descriptor);
int hl_send(int descriptor, const void *bytes, long size);
/// Parses a numeric address; returns 4 or 6, or 0 for any other text.
int hl_parse_address(const char *text, unsigned char *address);
/// Resolves a host name; may block for a long time. Writes up to `capacity` entries of a family byte and 16 address
/// bytes.
int hl_resolve_host(const char *name, unsigned char *addresses, int capacity);

/// Whether a program of this user could bind a TCP port now, with SO_REUSEADDR and, for a shared port, with
/// SO_REUSEPORT: 0, or the negated errno of bind(2). The socket never listens, so no connection can reach it.
int hl_check_bind(int family, const unsigned char *address, int port, int shares_port);

/// A listening socket or, for Unix sockets only, a bound socket that does not listen yet.
struct hl_listener {
    unsigned long inode;
    unsigned int family;  // 1 unix, 4, 6
    unsigned int port;
    unsigned char address[16];
    unsigned int is_v6_only;
    unsigned int file_inode;   // unix: low 32 bits
    unsigned int file_device;  // unix: in the format of sock_diag
    unsigned int is_listening;
    unsigned int user;         // the user that created the socket, if has_user is 1
    unsigned int has_user;
    int path_size;
    char path[108];
};
/// Lists the listeners of a family (1, 4 or 6) in this network namespace; returns their number, which may exceed the
/// capacity.
int hl_list_listeners(int family, struct hl_listener *listeners, int capacity);
/// Converts a device number of stat(2) to the format of sock_diag.
unsigned int hl_kernel_device(unsigned long device);

/// The identity of a file at a path; a link is not followed.
struct hl_file_identity {
    unsigned long inode;
    unsigned long device;
    unsigned int mode;
    unsigned int user;
    /// In nanoseconds since 1970; 0 if the file system does not store it.
    long long created_at;
};
int hl_identify_file(int directory, const char *name, struct hl_file_identity *entry);
/// Renames within a directory and never replaces a file (renameat2(2) with RENAME_NOREPLACE).
int hl_rename_noreplace(int directory, const char *from, const char *to);

// Messages between two processes (messages.c).
/// Creates a pair of connected sockets that keep the boundaries of messages, both close-on-exec.
int hl_message_pair(int *own, int *other);
/// Sends a message with one descriptor; never waits.
int hl_send_message(int socket, const void *bytes, long size, int descriptor);
/// Receives the next message without waiting; returns its size, 0 at the end, or -EAGAIN.
long hl_receive_message(int socket, void *bytes, long size);
/// Makes every further message from the other side fail. Messages that it has sent before can still be received.
void hl_refuse_messages(int socket);

// Watching files.
/// 1: the file is open for writing. 0: it is not. An error if that is unknown, because the file belongs to another user
/// or its file system has no leases.
int hl_is_open_for_writing(int descriptor);
/// The SHA-256 digest, 32 bytes, of a memory range.
void hl_digest(const void *bytes, long count, unsigned char *digest);
/// The same of an open file from its beginning; returns its size, -EFBIG for more than `limit` bytes.
long hl_digest_file(int descriptor, long limit, unsigned char *digest);
int hl_watcher_create(void);
int hl_watcher_add(int watcher, const char *path);
int hl_watcher_add_parent(int watcher, const char *path);
int hl_watcher_add_attributes(int watcher, const char *path);  // of one file only
void hl_watcher_remove(int watcher, int watch);

// Kernel features: 1 or 0.
int hl_has_pidfd_wait(void);
int hl_has_group_signal(void);
int hl_has_close_range(void);
int hl_has_exit_info(void);
/// A resource limit of this process; -1 means no limit.
int hl_resource_limit(int what, long long *soft, long long *hard);
enum {
    HL_LIMIT_FILES,
    HL_LIMIT_PROCESSES,
    HL_LIMIT_CORE,
    HL_LIMIT_LOCKED_MEMORY,
    HL_LIMIT_FILE_SIZE,
    HL_LIMIT_STACK,
    HL_LIMIT_ADDRESS_SPACE
};

// The terminal and the user databases.
int hl_terminal_width(int descriptor);
/// Name, home directory and shell of a user, each with a NUL.
long hl_user_entry_by_number(unsigned int user, char *buffer, long capacity);
/// The same for a user by name or, with a null pointer, by number; 0 if there is none.
long hl_user_entry(const char *name, unsigned int *uid, unsigned int *gid, char *buffer, long capacity);
/// The same for a user by number in /etc/passwd only, with its main group.
long hl_local_user_entry(unsigned int uid, unsigned int *gid, char *buffer, long capacity);
/// Like hl_user_groups, from /etc/group only.
int hl_local_user_groups(const char *name, unsigned int gid, unsigned int *groups, int capacity);
/// 1 and the number of a group by name; 0 if there is none.
int hl_group_number(const char *name, unsigned int *gid);
/// All groups of a user including `gid`; returns their number, which may exceed the capacity.
int hl_user_groups(const char *name, unsigned int gid, unsigned int *groups, int capacity);

#endif
