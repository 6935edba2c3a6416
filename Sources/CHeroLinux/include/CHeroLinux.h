/// System calls that Swift cannot make: variadic ones, and those glibc does not declare for it.
///
/// Every function that can fail returns a number below zero then: the negated errno. Only plain C types stand
/// here, so that no system header gets into the module (a module with _GNU_SOURCE in it breaks others).
#ifndef CHEROLINUX_H
#define CHEROLINUX_H

// Processes.
int hl_pidfd_open(int pid);
int hl_pidfd_send_signal(int pidfd, int signal);
int hl_pidfd_send_group_signal(int pidfd, int signal);
/// 1: it was our child and is reaped, its wait status is in *status. 0: it still runs.
int hl_pidfd_reap(int pidfd, int *status);
/// 1: the kernel remembers the wait status of a process that somebody else reaped (Linux 6.15).
int hl_pidfd_exit_status(int pidfd, int *status);
int hl_status_exited(int status);  // 1 and the code through hl_status_code, else signalled
int hl_status_code(int status);
int hl_status_signal(int status);
int hl_status_dumped(int status);
/// st_ino of a pidfd where the kernel has pidfs, else 0.
unsigned long hl_pidfs_inode(int pidfd);
int hl_become_subreaper(void);
/// Raises the soft limit of open files to the hard one and tells what it was.
int hl_raise_open_file_limit(unsigned long *soft_before);
/// Ignores SIGPIPE, blocks SIGTERM and SIGINT (and SIGCHLD), and makes a descriptor that tells of them.
int hl_signal_descriptor(int with_children);
/// The pid of a child that waits to be reaped, or 0.
int hl_next_zombie(void);
void hl_reap(int pid);

// Starting.
int hl_sealed_memfd(const void *bytes, long size);
/// An empty file in memory, or minus errno.
int hl_memfd(void);
/// Spawns with descriptors 0 to 2 on null, 3 and 4 as given, an empty environment. Returns the pid.
int hl_spawn_shim(const char *path, char *const argv[], int null, int spec, int notice);
/// Spawns `hpshim drain` in the same way, with the leash and the two pipes where it looks for them. Returns the pid.
int hl_spawn_drain(const char *path, char *const argv[], int null, int leash, int output, int errors);
/// Spawns in a session of its own with standard output and error on a log. Returns the pid.
int hl_spawn_detached(const char *path, char *const argv[], char *const environment[], int null, int log);

/// A command to be run once, in a session of its own, with descriptor 0 on null.
struct hl_command {
    const char *const *candidates;  // absolute paths, tried in order like execvp(3); ends with a null pointer
    char *const *arguments;
    char *const *environment;
    const char *directory;
    int null_device;
    int output;  // descriptor 1
    int errors;  // descriptor 2
    /// 1: it is ended with SIGKILL when the thread that runs it ends.
    int dies_with_parent;
    /// 1: oom_score_adj is set, as far as it may be.
    int sets_oom_score;
    int oom_score;
    /// 1: groups, gid and uid are taken.
    int changes_user;
    unsigned int uid;
    unsigned int gid;
    const unsigned int *groups;
    int group_count;
    int no_new_privileges;
};
/// Runs a command. Returns the pid, or the negated errno with the step that failed in *step.
int hl_spawn_command(const struct hl_command *command, int *step);
enum { HL_STEP_FORK, HL_STEP_PREPARE, HL_STEP_USER, HL_STEP_DIRECTORY, HL_STEP_EXECUTE };

// Waiting. A token comes back with each event.
int hl_epoll_create(void);
int hl_epoll_add(int epoll, int descriptor, unsigned int events, unsigned long token);
int hl_epoll_change(int epoll, int descriptor, unsigned int events, unsigned long token);
int hl_epoll_remove(int epoll, int descriptor);
int hl_epoll_wait(int epoll, unsigned long *tokens, unsigned int *events, int capacity, int milliseconds);
unsigned int hl_epoll_in(void);
unsigned int hl_epoll_out(void);
unsigned int hl_epoll_hangup(void);
/// A timer on CLOCK_BOOTTIME; set to an absolute moment in ns, or to 0 for never.
int hl_timer_create(void);
int hl_timer_set(int timer, long long nanoseconds);

/// Becomes readable when CLOCK_REALTIME is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET); to be armed again each time.
int hl_clock_watch_create(void);
int hl_clock_watch_arm(int watch);
int hl_eventfd_create(void);
/// CLOCK_BOOTTIME of the machine, whichever time namespace we are in: moments are stored, and others read them.
long long hl_boot_clock(void);
/// By how many ns CLOCK_BOOTTIME, and the start times in /proc, are shifted in our time namespace (time_namespaces(7)).
long long hl_boot_clock_offset(void);
/// As the boot clock, but it stands still while the machine is suspended.
long long hl_monotonic_clock(void);
long long hl_wall_clock(void);
unsigned long hl_random(void);
void hl_sleep(long nanoseconds);

// Files.
/// A pipe with both ends non-blocking, as large as allowed.
int hl_pipe(int *read_end, int *write_end, int size);
/// Duplicates to a number of at least `lowest`, close-on-exec.
int hl_duplicate_descriptor(int descriptor, int lowest);
int hl_open_path(const char *path);
/// How many descriptors this process may still open; LONG_MAX where that cannot be told, or hardly ends.
long hl_available_descriptors(void);
/// 1: locked. 0: somebody else holds it.
int hl_lock(int descriptor, int exclusive);
/// Names of a directory, each ended by a NUL, into a buffer to be freed with hl_free; returns its size.
long hl_list_directory(const char *path, char **names);
void hl_free(void *memory);
/// 1: systemd has handed this cgroup over to whoever runs in it (the attribute that `Delegate=` sets).
int hl_is_delegated(const char *cgroup);
/// What kind of file system a path is on (statfs(2), f_type).
long hl_file_system(const char *path, unsigned int *magic);
int hl_same_file(const char *path, int descriptor);
/// 1: an access control list stands behind the bits of the group (acl(5)).
int hl_has_access_list(const char *path);
long hl_file_inode(const char *path, unsigned long *inode, unsigned long *device, unsigned int *mode);

// Sockets.
/// A non-blocking connection attempt; *pending is 1 while it is not decided.
int hl_connect_tcp(int family, const unsigned char *address, int port, int *pending);
int hl_connect_unix(const char *path, int *pending);
int hl_listen_unix(const char *path);
int hl_accept(int listener, unsigned int *user);
/// 0 and who listens at the other end of a connected Unix socket.
int hl_peer_user(int descriptor, unsigned int *user);
/// The error a socket has, as a positive errno, or 0.
int hl_socket_error(int descriptor);
int hl_send(int descriptor, const void *bytes, long size);
/// Reads a numeric address: 4 or 6, or 0 when it is none.
int hl_parse_address(const char *text, unsigned char *address);
/// Resolves a name; may take its time. Writes up to `capacity` entries of a family byte and 16 address bytes.
int hl_resolve_host(const char *name, unsigned char *addresses, int capacity);

/// Whether a program of this user could bind this TCP port now, with SO_REUSEADDR and, where it shares the port, with
/// SO_REUSEPORT: 0, or the negated errno of bind(2). The socket never listens, so no connection of others can reach it.
int hl_check_bind(int family, const unsigned char *address, int port, int shares_port);

/// One socket that listens, or (unix only) is bound and may listen soon.
struct hl_listener {
    unsigned long inode;
    unsigned int family;  // 1 unix, 4, 6
    unsigned int port;
    unsigned char address[16];
    unsigned int is_v6_only;
    unsigned int file_inode;   // unix: low 32 bits
    unsigned int file_device;  // unix: as the kernel writes it
    unsigned int is_listening;
    int path_size;
    char path[108];
};
/// All listeners of a family (1, 4 or 6) of this network namespace; returns how many there are, which may be more
/// than fitted.
int hl_list_listeners(int family, struct hl_listener *listeners, int capacity);
/// A device number of stat(2) as the kernel writes it in sock_diag.
unsigned int hl_kernel_device(unsigned long device);

/// What lies at a path itself: no link is followed.
struct hl_file_identity {
    unsigned long inode;
    unsigned long device;
    unsigned int mode;
    unsigned int user;
    /// Nanoseconds of the calendar; 0 where the file system does not know it.
    long long created_at;
};
int hl_identify_file(int directory, const char *name, struct hl_file_identity *entry);
/// Renames within a directory, never over something (renameat2(2) with RENAME_NOREPLACE).
int hl_rename_noreplace(int directory, const char *from, const char *to);

// Changes of files.
/// 1 while somebody has the file open for writing, 0 when nobody has; an error where that cannot be told: it belongs to
/// another user, or its file system knows no leases.
int hl_is_open_for_writing(int descriptor);
int hl_watcher_create(void);
int hl_watcher_add(int watcher, const char *path);
int hl_watcher_add_parent(int watcher, const char *path);
int hl_watcher_add_attributes(int watcher, const char *path);  // of one file, and of nothing it holds
void hl_watcher_remove(int watcher, int watch);

// What this kernel can do: 1 or 0.
int hl_has_pidfd_wait(void);
int hl_has_group_signal(void);
int hl_has_close_range(void);
int hl_has_exit_info(void);
/// A limit of this process; -1 is without limit.
int hl_resource_limit(int what, long long *soft, long long *hard);
enum { HL_LIMIT_FILES, HL_LIMIT_PROCESSES };

// The terminal and the user.
int hl_terminal_width(int descriptor);
/// Name, home and shell of a user, each ended by a NUL, one after another.
long hl_user_entry_by_number(unsigned int user, char *buffer, long capacity);
/// The same of a user by name or, with a null pointer, by number; 0 when there is none.
long hl_user_entry(const char *name, unsigned int *uid, unsigned int *gid, char *buffer, long capacity);
/// The same of a user by number in /etc/passwd alone, with its main group.
long hl_local_user_entry(unsigned int uid, unsigned int *gid, char *buffer, long capacity);
/// As hl_groups, from /etc/group alone.
int hl_local_user_groups(const char *name, unsigned int gid, unsigned int *groups, int capacity);
/// 1 and the number of a group by name; 0 when there is none.
int hl_group_number(const char *name, unsigned int *gid);
/// All groups of a user, of which `gid` is one; returns how many there are, which may be more than fitted.
int hl_user_groups(const char *name, unsigned int gid, unsigned int *groups, int capacity);

#endif
