/// The data formats that the reconciler and the shim exchange: the spec of a start, the record file of a job in the run
/// directory, and the notices of a start. Both programs compile this header. A new field is added at the end of its
/// struct only, with a new version (guarantee SH-14).
///
/// The record file `<run>/jobs/<job>` has two halves of HERO_SECTOR bytes, each with its own checksum. The first half
/// states which process runs and is written before the program may execute. The second half states how the process
/// exited. It is written empty before the fork and overwritten before the process is reaped, so that a full disk cannot
/// lose an exit status (SH-9). If the program has a notify socket (sd_notify(3)), a third part of the same size follows
/// with the state that the program has reported. The instance lock is an flock on the same file, inherited by the
/// service.
#ifndef CHERORECORD_H
#define CHERORECORD_H

#include "CHeroForkMessages.h"
#include "CHeroHeartbeat.h"

#include <stdint.h>

#include "CHeroRecordChild.h"

// Versions of the two halves of a record; earlier versions are still read. An older reconciler that cannot read the
// second half still identifies the processes by the first.
#define HERO_VERSION 2u
#define HERO_EXIT_VERSION 3u
// Version 2 adds hero_rights, 3 containment and handover, 4 the notify socket, 5 log_when_slow and strict_exec, 6
// notify_senders, 7 attributes, 8 capabilities, 9 sandbox.
#define HERO_SPEC_VERSION 9u
#define HERO_NOTIFY_VERSION 1u
#define HERO_SECTOR 512
#define HERO_CGROUP_SIZE 256  // of a cgroup's path with its NUL
#define HERO_STATUS_SIZE 256  // of the status text of a program
#define HERO_SOCKET_SIZE 108  // of a socket's path with its NUL (unix(7))

#define HERO_SPEC_MAGIC 0x31535048u     // "HPS1"
#define HERO_PROC_MAGIC 0x31505048u     // "HPP1"
#define HERO_EXIT_MAGIC 0x31455048u     // "HPE1"
#define HERO_NOTICE_MAGIC 0x314e5048u   // "HPN1"
#define HERO_NOTIFY_MAGIC 0x31535348u   // "HSS1"
#define HERO_RELEASE_MAGIC 0x31525048u  // "HPR1"

// The file descriptors of a shim at its start. All others are closed.
#define HERO_FD_SPEC 3    // the sealed memfd with the spec
#define HERO_FD_NOTICE 4  // write end of the reconciler's notice pipe

// The file descriptors of `hpshim drain`: a pipe whose end of file stops it, and the output and error pipes of the
// program. /dev/null replaces a pipe that cannot be reached.
#define HERO_FD_STOP 3
#define HERO_FD_OUTPUT 4
#define HERO_FD_ERROR 5

// The real-time signal that a shim handles (sent through a pidfd of a verified process). It blocks all other signals.
#define HERO_SIGNAL_KILL_TREE 40  // sends SIGKILL to the process tree until it is empty

// Exit codes of a shim. Every code except HERO_SHIM_DONE means that this start never executed a program.
#define HERO_SHIM_DONE 0          // the process tree is empty; the exit status is in the record
#define HERO_SHIM_LOCKED 100      // another instance holds the lock
#define HERO_SHIM_SUPERSEDED 101  // the record holds this generation or a newer one
#define HERO_SHIM_BAD_SPEC 102    // the spec is invalid or has an unknown version
#define HERO_SHIM_NO_RECORD 103   // the record cannot be created or written
#define HERO_CHILD_UNGATED 104    // the gated child lost its shim before the gate opened

// Exit codes of a monitored reconciler, and what the monitor (`hpshim keep`) does.
#define HERO_RECONCILER_DONE 0          // stopped as requested: the monitor exits too
#define HERO_RECONCILER_REFUSED 2       // another reconciler is running: the monitor exits too
#define HERO_RECONCILER_UNAVAILABLE 75  // cannot run now: the monitor exits after the first start, else it tries again
#define HERO_RECONCILER_RESTART 76      // requests a restart: the monitor starts the next one after the shortest delay

// After this many crashes within this time, the next reconciler starts in safe mode (guarantee CR-6).
#define HERO_CRASH_LIMIT 3
#define HERO_CRASH_WINDOW_SECONDS 60

// The stage at which a start failed; the errno is recorded with it.
enum hero_stage {
    HERO_STAGE_NONE = 0,
    HERO_STAGE_RECORD = 1,      // open or write the record
    HERO_STAGE_LOG = 2,         // open the log
    HERO_STAGE_PIPE = 3,        // create the output pipes
    HERO_STAGE_SCRIPT = 4,      // write the script file
    HERO_STAGE_FORK = 5,
    HERO_STAGE_SESSION = 6,     // setsid
    HERO_STAGE_STDIO = 7,       // move descriptors 0, 1 and 2 into place
    HERO_STAGE_LIMITS = 8,
    HERO_STAGE_PRIVILEGES = 9,  // no_new_privs
    HERO_STAGE_DIRECTORY = 10,  // chdir
    HERO_STAGE_SIGNALS = 11,    // default dispositions, empty mask
    HERO_STAGE_EXECUTE = 12,    // execve
    HERO_STAGE_USER = 13,       // groups, group and user
    HERO_STAGE_OOM_SCORE = 14,
    // Which of the limits.
    HERO_STAGE_LIMIT_OPEN_FILES = 15,
    HERO_STAGE_LIMIT_PROCESSES = 16,
    HERO_STAGE_LIMIT_CORE = 17,
    HERO_STAGE_LIMIT_MEMORY = 18,
    HERO_STAGE_CGROUP = 19,  // join the cgroup that holds its limits
    HERO_STAGE_NOTIFY = 20,  // create the notify socket
    HERO_STAGE_STRICT = 21,  // another user could change the program (strict_exec)
    HERO_STAGE_LIMIT_LOCKED_MEMORY = 22,
    HERO_STAGE_LIMIT_FILE_SIZE = 23,
    HERO_STAGE_LIMIT_STACK = 24,
    HERO_STAGE_NICE = 25,
    HERO_STAGE_IO_PRIORITY = 26,
    HERO_STAGE_CAPABILITIES = 27,
    HERO_STAGE_SANDBOX = 28,  // the namespaces; then which of its keys
    HERO_STAGE_SANDBOX_READ_ONLY = 29,
    HERO_STAGE_SANDBOX_WRITABLE = 30,
    HERO_STAGE_SANDBOX_TMP = 31,
    HERO_STAGE_SANDBOX_HIDE = 32,
    HERO_STAGE_SANDBOX_NETWORK = 33
};

/// How the process tree of a start is held together, in addition to the shim being its subreaper (TR-2).
enum hero_containment {
    HERO_CONTAINMENT_NONE = 0,
    HERO_CONTAINMENT_CGROUP = 1,  // its own cgroup v2: cgroup.kill, cgroup.events, memory.events
    HERO_CONTAINMENT_FREEZER = 2  // its own directory in the v1 freezer: freezer.state
};

#define HERO_NO_LIMIT UINT64_MAX  // this limit is unchanged

/// The user and the limits of the program, as numbers: the shim looks up no names (SP-4).
struct hero_rights {
    uint32_t changes_user;       // 1: sets groups, gid and uid; 0: keeps the user of the shim
    uint32_t uid;
    uint32_t gid;
    uint32_t groups;             // offset of the supplementary groups, four bytes each
    uint32_t group_count;
    uint32_t no_new_privileges;  // 0 or 1
    uint32_t sets_oom_score;     // 0: oom_score_adj is that of the parent of the shim
    int32_t oom_score;           // -1000 to 1000
    // Until version 6; since version 7 the limits are in hero_attributes, and these are HERO_NO_LIMIT.
    uint64_t open_files;         // soft and hard RLIMIT_NOFILE; overrides open_files_soft
    uint64_t processes;          // RLIMIT_NPROC
    uint64_t core_bytes;         // RLIMIT_CORE
    uint64_t memory_bytes;       // RLIMIT_AS
};

/// The limits of each process of a job: the indices of `hero_attributes.limits`.
enum hero_limit_kind {
    HERO_LIMIT_OPEN_FILES = 0,     // RLIMIT_NOFILE; overrides open_files_soft
    HERO_LIMIT_PROCESSES = 1,      // RLIMIT_NPROC
    HERO_LIMIT_CORE = 2,           // RLIMIT_CORE
    HERO_LIMIT_ADDRESS_SPACE = 3,  // RLIMIT_AS
    HERO_LIMIT_LOCKED_MEMORY = 4,  // RLIMIT_MEMLOCK
    HERO_LIMIT_FILE_SIZE = 5,      // RLIMIT_FSIZE
    HERO_LIMIT_STACK = 6           // RLIMIT_STACK
};

#define HERO_LIMIT_COUNT 7

/// A limit of setrlimit(2); UINT64_MAX is no limit.
struct hero_limit {
    uint64_t soft;
    uint64_t hard;
};

/// The attributes that the program inherits from its shim unless they are set here.
struct hero_attributes {
    uint32_t set_limits;   // bit n: limits[n] is set
    uint32_t sets_nice;    // 0 or 1
    int32_t nice;          // -20 to 19
    uint32_t io_priority;  // a value of ioprio_set(2); 0: unchanged
    struct hero_limit limits[HERO_LIMIT_COUNT];
};

/// Sets one limit.
void hero_set_limit(struct hero_attributes *attributes, enum hero_limit_kind kind, uint64_t soft, uint64_t hard);

/// What happens when a program writes faster than its log (LG-3).
enum hero_when_slow {
    HERO_WHEN_SLOW_BLOCK = 0,  // the program waits, and no line is lost
    HERO_WHEN_SLOW_DROP = 1    // the program never waits; lines that do not fit are dropped and counted
};

/// Which users may write to the notify socket.
enum hero_notify_senders {
    HERO_NOTIFY_SENDERS_DEFAULT = 0,  // the user of the program; all users if it starts as root
    HERO_NOTIFY_SENDERS_MAIN = 1,     // the user as which the program is started, and root
    HERO_NOTIFY_SENDERS_ALL = 2
};

#define HERO_EXIT_CODE_MAP_SIZE 32  // bytes of a map of exit codes; code n is bit n % 8 of byte n / 8

/// The spec: this header, followed by a blob of NUL-terminated strings. Offsets count from the start of the header. A
/// list consists of NUL-terminated strings directly behind each other.
struct hero_spec {
    uint32_t magic;
    uint32_t version;
    uint32_t size;              // of header and blob together, in bytes
    uint32_t generation;        // counts the starts of the job, from 1
    int64_t job;
    uint32_t record_path;       // absolute path of the record file; its directory exists
    uint32_t log_path;          // absolute path of `<job>.log`; its directory is created if missing (mode 0700)
    uint32_t working_directory;
    uint32_t candidates;        // list: absolute paths to execute, tried in order (by the rules of execvp(3))
    uint32_t candidate_count;
    uint32_t arguments;         // list: argv
    uint32_t argument_count;
    uint32_t environment;       // list: NAME=value
    uint32_t environment_count;
    uint32_t script;            // the text of the script, or 0; written to script_path, mode 0500, before the fork
    uint32_t script_size;       // in bytes, without the NUL
    uint32_t script_path;
    uint32_t umask;
    uint32_t stop_signal;       // for processes that remain after the main process
    uint32_t stop_timeout_ms;   // then SIGKILL for the rest of the tree
    uint32_t log_keep;          // earlier log files to keep, 0 to 99
    uint64_t log_max_size;      // maximum size of a log file in bytes
    uint64_t open_files_soft;   // RLIMIT_NOFILE of the service; 0: unchanged
    uint64_t pid_namespace;     // inode of /proc/self/ns/pid
    char boot_id[40];           // /proc/sys/kernel/random/boot_id, NUL-terminated
    struct hero_rights rights;  // since version 2
    // Since version 3.
    uint32_t containment;          // enum hero_containment
    uint32_t cgroup;               // absolute path of its directory, which exists; 0: none
    uint32_t needs_cgroup;         // 1: limits need the cgroup, so a start outside of it fails
    uint32_t pid_file;             // absolute path of the PID file of a daemon that forks; 0: none
    uint32_t handover_timeout_ms;  // how long after the fork the shim waits for that file, or for MAINPID
    uint32_t handover_codes;       // success codes of the first process: offset of a map of 256 bits; 0: code 0 only
    // Since version 4.
    uint64_t watchdog_us;    // WATCHDOG_USEC in the environment; the shim adds WATCHDOG_PID; 0: none
    uint32_t notify_socket;  // NOTIFY_SOCKET in the environment: an absolute path, or @ and a name; 0: none
    uint32_t reserved;
    // Since version 5.
    uint32_t log_when_slow;  // enum hero_when_slow
    uint32_t strict_exec;    // 1: only root and the user of the shim may be able to change the program (FS-5)
    // Since version 6.
    uint32_t notify_senders;  // enum hero_notify_senders
    // The descriptor to which the program writes a newline when it is ready, 3 to 64; 0: none.
    uint32_t ready_descriptor;
    struct hero_attributes attributes;  // since version 7
    // Since version 8.
    uint64_t capabilities;         // the set that the program keeps, one bit each; only with limits_capabilities
    uint32_t limits_capabilities;  // 0: unchanged
    uint32_t padding;
    struct hero_sandbox sandbox;   // since version 9
};

/// The identity of one process, in addition to boot id and PID namespace (ID-1).
struct hero_identity {
    int32_t pid;
    int32_t reserved;
    uint64_t start_ticks;  // field 22 of /proc/PID/stat, as in the first time namespace
    uint64_t pidfs_inode;  // st_ino of a pidfd; 0 when the kernel has no pidfs
};

enum hero_proc_phase {
    HERO_PROC_PREPARED = 1,  // the lock is held and the generation recorded; not forked
    HERO_PROC_GATED = 2,     // forked and recorded; not executed
    HERO_PROC_EXECUTED = 3,  // the program was executed
    HERO_PROC_FAILED = 4     // the program was not executed: see stage and error
};

/// The first half of the record file: which process runs.
struct hero_proc {
    uint32_t magic;
    uint32_t version;
    uint32_t generation;
    uint32_t phase;
    int64_t job;
    uint32_t stage;
    int32_t error;
    struct hero_identity shim;
    struct hero_identity main;
    uint64_t pid_namespace;
    char boot_id[40];
    int64_t started_boottime;  // CLOCK_BOOTTIME, ns, as in the first time namespace
    int64_t started_realtime;  // CLOCK_REALTIME, ns
    // Since version 2; version 1 has its checksum here.
    uint32_t containment;       // enum hero_containment
    uint32_t expects_handover;  // 1: after a success exit, the child of the shim that the PID file names becomes main
    char cgroup[HERO_CGROUP_SIZE];  // path of its directory, NUL-terminated; empty: none
    uint32_t checksum;          // of all bytes before it; always the last field
};

enum hero_exit_kind {
    HERO_EXIT_EMPTY = 0,     // written in advance; the main process has not exited
    HERO_EXIT_EXITED = 1,    // status is the exit code
    HERO_EXIT_SIGNALED = 2,  // status is the signal
    HERO_EXIT_FAILED = 3,    // the program was not executed: see stage and error
    HERO_EXIT_UNKNOWN = 4    // another process received the exit status: the parent of the main process, or a tracer
};

/// Why the PID file of a daemon was not accepted when its first program had exited with a success code.
enum hero_pid_file_problem {
    HERO_PID_FILE_ACCEPTED = 0,
    HERO_PID_FILE_MISSING = 1,
    HERO_PID_FILE_UNREADABLE = 2,
    HERO_PID_FILE_NOT_REGULAR = 3,       // a link, several hard links, or not a regular file
    HERO_PID_FILE_WRITABLE = 4,          // by its group or by all users
    HERO_PID_FILE_FOREIGN_OWNER = 5,     // not root, the user of the shim or the user of the program
    HERO_PID_FILE_UNSAFE_DIRECTORY = 6,  // other users can replace the file
    HERO_PID_FILE_NO_NUMBER = 7,         // the first line is not a PID
    HERO_PID_FILE_FOREIGN_PROCESS = 8    // the process is not a child of the shim
};

/// The second half of the record file: how the main process exited.
struct hero_exit {
    uint32_t magic;
    uint32_t version;
    uint32_t generation;
    uint32_t kind;
    int64_t job;
    int32_t status;
    int32_t core_dumped;
    uint32_t stage;
    int32_t error;           // of a failed start: errno; of an exited process: enum hero_pid_file_problem
    int64_t ended_boottime;  // ns
    int64_t ended_realtime;  // ns
    int64_t user_time_us;    // of the main process and the children it reaped
    int64_t system_time_us;
    int64_t max_rss_kib;
    int64_t dropped_bytes;   // output that could not be written to the log
    // Since version 2; version 1 has its checksum here.
    uint32_t out_of_memory;  // 1: SIGKILL, and the kernel counted an out-of-memory kill in the cgroup (OM-1)
    // How many processes of the tree received the stop signal because the main process had exited and no successor is
    // expected; 0: none, or a shim that does not record it. The shim changes the attributes of the record afterwards.
    uint32_t left_behind;
    // Since version 3; version 2 has its checksum here.
    uint32_t tracer;         // kind UNKNOWN: the PID of the process that traces the main process (ptrace(2)); or 0
    uint32_t checksum;       // always the last field
};

/// What the program has reported. A flag stays set until a later message clears it.
enum hero_notify_flags {
    HERO_NOTIFY_READY = 1,            // READY=1
    HERO_NOTIFY_RELOADING = 2,        // RELOADING=1, and no READY=1 since
    HERO_NOTIFY_STOPPING = 4,         // STOPPING=1
    HERO_NOTIFY_WATCHDOG_TRIGGER = 8  // WATCHDOG=trigger
};

/// The third part of the record file: the state that the program has reported through NOTIFY_SOCKET (sd_notify(3)).
///
/// The reconciler watches the attributes of the record (IN_ATTRIB of inotify(7)). The shim changes them for each
/// message that needs an immediate reaction; a status text or a watchdog ping is only written.
struct hero_notify_state {
    uint32_t magic;
    uint32_t version;
    uint32_t generation;
    uint32_t flags;                 // enum hero_notify_flags
    int64_t job;
    uint64_t watchdog_us;           // the longest time between two watchdog pings; 0: no watchdog
    int64_t pinged_boottime;        // CLOCK_BOOTTIME of the last WATCHDOG=1, ns; 0: none yet
    uint32_t messages;              // accepted datagrams
    uint32_t foreign_senders;       // datagrams whose sender does not belong to the process tree, or not provably
    uint32_t malformed;             // datagrams of the process tree that are too long or not a text
    uint32_t refused_main_pids;     // MAINPID messages that name a process outside the process tree
    int32_t refused_pid;            // the PID of the last of those
    uint32_t status_size;           // valid bytes of status
    char status[HERO_STATUS_SIZE];  // STATUS=, truncated; any bytes except NUL and line feed
    uint32_t flooded_seconds;       // CLOCK_BOOTTIME in s, rounded up, when messages last waited unread; 0: never
    uint32_t checksum;              // always the last field
};

/// The last bytes of the record file: the gate was opened. The child writes this itself, as its last step before it
/// executes the program. A reconciler that finds a record without its shim knows from this whether the program ran
/// (RS-2). Zero before.
struct hero_release {
    uint32_t magic;
    uint32_t generation;
    int64_t job;
};
#define HERO_RELEASE_OFFSET 992  // in the second half, behind hero_exit

enum hero_notice_kind {
    HERO_NOTICE_STARTED = 1,  // the program executes; the record identifies it
    HERO_NOTICE_FAILED = 2    // the start failed: see stage and error; the shim exits
};

/// One message on the notice pipe: smaller than PIPE_BUF, so it is written completely or not at all.
struct hero_notice {
    uint32_t magic;
    uint32_t kind;
    int64_t job;
    uint32_t generation;
    uint32_t stage;
    int32_t error;
    int32_t pid;  // of the main process, for display only: the identity is in the record
};

/// CRC-32 (IEEE 802.3) of size bytes.
uint32_t hero_checksum(const void *bytes, long size);

/// Sets magic, version and checksum.
void hero_proc_seal(struct hero_proc *record);
void hero_exit_seal(struct hero_exit *record);
void hero_notify_state_seal(struct hero_notify_state *record);

/// 1 when magic, version and checksum are valid; otherwise 0, and no field may be used. Fields that the version of a
/// valid record does not have are zero afterwards.
int hero_proc_is_valid(struct hero_proc *record);
int hero_exit_is_valid(struct hero_exit *record);
int hero_notify_state_is_valid(const struct hero_notify_state *record);

/// The size of the header of a spec in a version; 0 when the version is unknown.
long hero_spec_header_size(uint32_t version);

#endif
