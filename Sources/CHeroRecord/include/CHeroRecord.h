/// The words that the reconciler and the shim exchange: the spec a shim is started with, the record file
/// of a job in the run directory, and the notices of a start. Both sides compile this one header; a field
/// is only ever added at the end of its struct, with a new version (reliability.md SH-14).
///
/// The record file `<run>/jobs/<job>` has two halves of HERO_SECTOR bytes, each with its own checksum:
/// the first says who runs (written before the service may execute), the second how it ended (written empty
/// before the fork and overwritten before the reap, so that a full disk cannot lose a status: SH-9). Where the
/// program may speak for itself (sd_notify(3)) a third part of the same size follows: what it has said.
/// The instance lock is an flock on that same file, inherited by the service.
#ifndef CHERORECORD_H
#define CHERORECORD_H

#include <stdint.h>

#define HERO_VERSION 2u       // of records; 1 is still read
#define HERO_SPEC_VERSION 5u  // 2: with hero_rights; 3: with containment and hand-over; 4: with notify; 5: with log_when_slow, strict_exec
#define HERO_NOTIFY_VERSION 1u
#define HERO_SECTOR 512
#define HERO_CGROUP_SIZE 256  // of a cgroup's path with its NUL
#define HERO_STATUS_SIZE 256  // of the text that a program gives as its status
#define HERO_SOCKET_SIZE 108  // of a socket's path with its NUL (unix(7))

#define HERO_SPEC_MAGIC 0x31535048u    // "HPS1"
#define HERO_PROC_MAGIC 0x31505048u    // "HPP1"
#define HERO_EXIT_MAGIC 0x31455048u    // "HPE1"
#define HERO_NOTICE_MAGIC 0x314e5048u  // "HPN1"
#define HERO_NOTIFY_MAGIC 0x31535348u    // "HSS1"
#define HERO_RELEASE_MAGIC 0x31525048u  // "HPR1"

// File descriptors a shim is started with. Everything else is closed.
#define HERO_FD_SPEC 3    // the sealed memfd with the spec
#define HERO_FD_NOTICE 4  // write end of the reconciler's notice pipe

// What `hpshim drain` finds open: a pipe whose end of file tells it to leave, and what the program writes to; /dev/null
// stands in for what cannot be reached.
#define HERO_FD_STOP 3
#define HERO_FD_OUTPUT 4
#define HERO_FD_ERROR 5

// What a kept reconciler finds open: the write end of a pipe. Each byte tells its keeper that the loop still turns.
#define HERO_FD_HEARTBEAT 5
// For how many seconds it may say nothing once it has begun to, unless HEROPROC_WATCHDOG says otherwise (0: for ever), and
// how often it speaks in that time.
#define HERO_WATCHDOG_SECONDS 60
#define HERO_WATCHDOG_HEARTBEATS 6

// Real-time signals a shim obeys (sent through a pidfd of a verified identity); it ignores all others it can.
#define HERO_SIGNAL_KILL_TREE 40  // SIGKILL everything below the shim, until nothing is left

// Exit codes of a shim. Anything else than HERO_SHIM_DONE means: this start never executed a program.
#define HERO_SHIM_DONE 0        // the tree has ended; its exit status is in the record
#define HERO_SHIM_LOCKED 100    // another instance holds the lock
#define HERO_SHIM_SUPERSEDED 101  // the record holds this generation or a newer one
#define HERO_SHIM_BAD_SPEC 102  // the spec is not one, or of an unknown version
#define HERO_SHIM_NO_RECORD 103  // the record or the log directory cannot be made or written
#define HERO_CHILD_UNGATED 104  // the gated child lost its shim before the gate opened

// Exit codes of a reconciler that is kept: what the keeper (`hpshim keep`) does about an end of its own accord.
#define HERO_RECONCILER_DONE 0        // asked to leave, and left: the keeper ends too
#define HERO_RECONCILER_REFUSED 2     // another one supervises: the keeper ends too
#define HERO_RECONCILER_UNAVAILABLE 75    // cannot work now: the keeper ends if this was the first start, else tries again
#define HERO_RECONCILER_RESTART 76       // wants to begin anew: the keeper starts the next one, after the shortest pause

// So many crashes of its own making within so many seconds, and the reconciler that follows holds back (reliability.md CR-6).
#define HERO_CRASH_LIMIT 3
#define HERO_CRASH_WINDOW_SECONDS 60

// Where a start failed; the errno stands beside it.
enum hero_stage {
    HERO_STAGE_NONE = 0,
    HERO_STAGE_RECORD = 1,       // open or write the record
    HERO_STAGE_LOG = 2,          // open the log
    HERO_STAGE_PIPE = 3,         // make the output pipes
    HERO_STAGE_SCRIPT = 4,       // write the script file
    HERO_STAGE_FORK = 5,
    HERO_STAGE_SESSION = 6,      // setsid
    HERO_STAGE_STDIO = 7,        // put descriptors 0, 1, 2 in place
    HERO_STAGE_LIMITS = 8,
    HERO_STAGE_PRIVILEGES = 9,   // no_new_privs
    HERO_STAGE_DIRECTORY = 10,   // chdir
    HERO_STAGE_SIGNALS = 11,     // default dispositions, empty mask
    HERO_STAGE_EXECUTE = 12,     // execve
    HERO_STAGE_USER = 13,        // groups, group and user
    HERO_STAGE_OOM_SCORE = 14,
    // Which of the limits.
    HERO_STAGE_LIMIT_OPEN_FILES = 15,
    HERO_STAGE_LIMIT_PROCESSES = 16,
    HERO_STAGE_LIMIT_CORE = 17,
    HERO_STAGE_LIMIT_MEMORY = 18,
    HERO_STAGE_CGROUP = 19,  // join the cgroup that holds its limits
    HERO_STAGE_NOTIFY = 20,  // make the socket that NOTIFY_SOCKET names
    HERO_STAGE_STRICT = 21   // somebody else could change what was to be executed (strict_exec)
};

/// What holds the tree of a start together beside the shim being its subreaper (TR-2).
enum hero_containment {
    HERO_CONTAINMENT_NONE = 0,
    HERO_CONTAINMENT_CGROUP = 1,  // a cgroup v2 of its own: cgroup.kill, cgroup.events, memory.events
    HERO_CONTAINMENT_FREEZER = 2  // a directory of its own in the v1 freezer: freezer.state
};

#define HERO_NO_LIMIT UINT64_MAX  // this limit is left as it is

/// As whom the program runs, and what it may use; all by numbers: the shim knows no names (SP-4).
struct hero_rights {
    uint32_t changes_user;  // 1: groups, gid and uid are taken; 0: it stays who the shim is
    uint32_t uid;
    uint32_t gid;
    uint32_t groups;        // offset of the supplementary groups, four bytes each
    uint32_t group_count;
    uint32_t no_new_privileges;  // 0 or 1
    uint32_t sets_oom_score;     // 0: oom_score_adj is that of the shim's starter
    int32_t oom_score;           // -1000 to 1000
    uint64_t open_files;    // soft and hard RLIMIT_NOFILE; stronger than open_files_soft
    uint64_t processes;     // RLIMIT_NPROC
    uint64_t core_bytes;    // RLIMIT_CORE
    uint64_t memory_bytes;  // RLIMIT_AS
};

/// What a program gets to feel of a log that takes its lines more slowly than it writes them (LG-3).
enum hero_when_slow {
    HERO_WHEN_SLOW_BLOCK = 0,  // it waits, and nothing is lost
    HERO_WHEN_SLOW_DROP = 1    // nothing: what does not fit is dropped, and counted
};

#define HERO_EXIT_CODE_MAP_SIZE 32  // bytes of a map of exit codes; code n is bit n % 8 of byte n / 8

/// The spec: this header, then a blob of NUL-terminated strings. Offsets count from the start of the header.
/// A list of n strings is n NUL-terminated strings, one directly after another.
struct hero_spec {
    uint32_t magic;
    uint32_t version;
    uint32_t size;        // of header and blob together, in bytes
    uint32_t generation;  // counts from 1; one start, one generation
    int64_t job;
    uint32_t record_path;    // absolute path of the record file; its directory exists
    uint32_t log_path;       // absolute path of `<job>.log`; its directory may have to be made (mode 0700)
    uint32_t working_directory;
    uint32_t candidates;     // list: absolute paths to execute, tried in order (execvp's rules for errno)
    uint32_t candidate_count;
    uint32_t arguments;      // list: argv
    uint32_t argument_count;
    uint32_t environment;    // list: NAME=value
    uint32_t environment_count;
    uint32_t script;         // the script's text, or 0: written to script_path, mode 0500, before the fork
    uint32_t script_size;    // in bytes, without the NUL
    uint32_t script_path;
    uint32_t umask;
    uint32_t stop_signal;       // for what the main program leaves behind
    uint32_t stop_timeout_ms;   // then SIGKILL for the rest of the tree
    uint32_t log_keep;          // earlier log files kept beside the active one, 0 to 99
    uint64_t log_max_size;      // bytes after which the active log is continued in a new file
    uint64_t open_files_soft;   // RLIMIT_NOFILE of the service, 0 = leave as it is
    uint64_t pid_namespace;     // inode of /proc/self/ns/pid
    char boot_id[40];           // /proc/sys/kernel/random/boot_id, NUL-terminated
    struct hero_rights rights;  // since version 2
    // Since version 3.
    uint32_t containment;      // enum hero_containment
    uint32_t cgroup;           // absolute path of its directory, which exists; 0: none
    uint32_t needs_cgroup;     // 1: its limits hold only there, so that a start outside of it fails
    uint32_t pid_file;         // absolute path of the file in which a daemon that forks away names itself; 0: none
    uint32_t handover_timeout_ms;  // how long after the fork that file, or MAINPID, is waited for
    uint32_t handover_codes;       // exit codes of a program that has forked away well: offset of a map of 256 bits; 0: code 0
    // Since version 4.
    uint64_t watchdog_us;      // what the environment says as WATCHDOG_USEC; WATCHDOG_PID is added to it; 0: none
    uint32_t notify_socket;    // what the environment says as NOTIFY_SOCKET: an absolute path, or @ and a name; 0: none
    uint32_t reserved;
    // Since version 5.
    uint32_t log_when_slow;    // enum hero_when_slow
    uint32_t strict_exec;      // 1: only a program that nobody but root and the shim's user can change (FS-5); else 0
};

/// What identifies one process beside boot id and pid namespace (ID-1).
struct hero_identity {
    int32_t pid;
    int32_t reserved;
    uint64_t start_ticks;   // field 22 of /proc/PID/stat, as the first time namespace has it
    uint64_t pidfs_inode;   // st_ino of a pidfd, 0 where the kernel has no pidfs
};

enum hero_proc_phase {
    HERO_PROC_PREPARED = 1,  // lock held, generation taken, nothing forked
    HERO_PROC_GATED = 2,     // forked and recorded, not yet executing
    HERO_PROC_EXECUTED = 3,  // the program runs, or has run
    HERO_PROC_FAILED = 4     // it never executed: see stage and error
};

/// First half of the record file: who runs.
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
    int64_t started_boottime;  // CLOCK_BOOTTIME, ns, as the first time namespace has it
    int64_t started_realtime;  // CLOCK_REALTIME, ns
    // Since version 2; version 1 has its checksum here.
    uint32_t containment;      // enum hero_containment
    uint32_t expects_handover;       // 1: main changes when it ends well and its PID file names another child of the shim
    char cgroup[HERO_CGROUP_SIZE];  // path of its directory, NUL-terminated; empty: none
    uint32_t checksum;         // of all bytes before it; keep it last
};

enum hero_exit_kind {
    HERO_EXIT_EMPTY = 0,     // pre-written; nothing ended yet
    HERO_EXIT_EXITED = 1,    // status is the exit code
    HERO_EXIT_SIGNALED = 2,  // status is the signal
    HERO_EXIT_FAILED = 3,    // the program never executed: see stage and error
    HERO_EXIT_UNKNOWN = 4     // its main process is gone, and was another's child: nobody told the shim how it ended
};

/// Second half of the record file: how the main program ended.
struct hero_exit {
    uint32_t magic;
    uint32_t version;
    uint32_t generation;
    uint32_t kind;
    int64_t job;
    int32_t status;
    int32_t core_dumped;
    uint32_t stage;
    int32_t error;
    int64_t ended_boottime;   // ns
    int64_t ended_realtime;   // ns
    int64_t user_time_us;     // of the main program and what it reaped
    int64_t system_time_us;
    int64_t max_rss_kib;
    int64_t dropped_bytes;    // output that could not be written to the log
    // Since version 2; version 1 has its checksum here.
    uint32_t out_of_memory;   // 1: SIGKILL, and the kernel counted a kill for want of memory in its cgroup (OM-1)
    uint32_t reserved;
    uint32_t checksum;        // keep it last
};

/// What a program has said of itself; it holds until it is taken back.
enum hero_notify_flags {
    HERO_NOTIFY_READY = 1,      // READY=1
    HERO_NOTIFY_RELOADING = 2,  // RELOADING=1, and no READY=1 since
    HERO_NOTIFY_STOPPING = 4,   // STOPPING=1
    HERO_NOTIFY_WATCHDOG_TRIGGER = 8     // WATCHDOG=trigger
};

/// Third part of the record file: what the program has said on its NOTIFY_SOCKET (sd_notify(3)).
///
/// Whoever follows the record is woken by a change of its attributes (IN_ATTRIB of inotify(7)), which the shim makes
/// for all that matters at once; a text or a ping is only written.
struct hero_notify_state {
    uint32_t magic;
    uint32_t version;
    uint32_t generation;
    uint32_t flags;           // enum hero_said_flags
    int64_t job;
    uint64_t watchdog_us;     // what the watchdog allows between two pings; 0: none
    int64_t pinged_boottime;  // CLOCK_BOOTTIME of the last WATCHDOG=1, ns; 0: none yet
    uint32_t messages;        // datagrams that were believed
    uint32_t foreign_senders;       // datagrams whose sender is not, or not provably, of the program's tree
    uint32_t malformed;      // datagrams of its own that are too long or no text
    uint32_t refused_main_pids;        // MAINPID of a process that is not of its tree
    int32_t refused_pid;      // the last of those
    uint32_t status_size;     // bytes of status that count
    char status[HERO_STATUS_SIZE];  // STATUS=, cut off; any bytes but NUL and line feed
    uint32_t reserved;
    uint32_t checksum;        // keep it last
};

/// The last bytes of the record file: the program was let through its gate. It writes this itself, as its last deed before it
/// executes, so that who finds its record without its shim knows whether it ran (RS-2). Zero before.
struct hero_release {
    uint32_t magic;
    uint32_t generation;
    int64_t job;
};
#define HERO_RELEASE_OFFSET 992  // in the second half, behind hero_exit

enum hero_notice_kind {
    HERO_NOTICE_STARTED = 1,  // the program executes; the record says who
    HERO_NOTICE_FAILED = 2    // it never will: stage and error; the shim exits by itself
};

/// One message on the notice pipe: smaller than PIPE_BUF, so written whole or not at all.
struct hero_notice {
    uint32_t magic;
    uint32_t kind;
    int64_t job;
    uint32_t generation;
    uint32_t stage;
    int32_t error;
    int32_t pid;  // of the main program, for display only: identity is in the record
};

/// CRC-32 (IEEE 802.3) of size bytes.
uint32_t hero_checksum(const void *bytes, long size);

/// Puts magic, version and checksum in place.
void hero_proc_seal(struct hero_proc *record);
void hero_exit_seal(struct hero_exit *record);
void hero_notify_state_seal(struct hero_notify_state *record);

/// 1 when magic, version and checksum are right, 0 otherwise: then nothing in it may be believed. What the version of a
/// valid record does not have is zero afterwards.
int hero_proc_is_valid(struct hero_proc *record);
int hero_exit_is_valid(struct hero_exit *record);
int hero_notify_state_is_valid(const struct hero_notify_state *record);

/// The size of a spec's header in a version; 0 when the version is unknown.
long hero_spec_header_size(uint32_t version);

/// Every signal gets its default disposition, and none is blocked: an ignored signal and a blocked one are the two things
/// that exec passes on (signal(7)), and what is started begins with neither.
///
/// Only system calls and the caller's stack: it may run between fork, or a vfork, and exec. Returns 0, or -1 with errno when
/// the mask cannot be set.
int hero_reset_signals(void);

#endif
