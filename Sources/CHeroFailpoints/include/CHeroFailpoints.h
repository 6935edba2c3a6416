/// Failpoints: places in the code where a test has this very process killed, stopped, held up or refused something
/// (reliability.md section 5). In a release build each of them is nothing at all: no call, no name, no table.
///
/// `HEROPROC_FP="FP-ST-3=kill9@2;FP-SIG-1=sleep:50ms;FP-LG-2=err:ENOSPC"` says what happens where; `@n` means only at the
/// n-th time this process comes there. Actions: `kill9` (SIGKILL for itself), `stop` (SIGSTOP for itself), `sleep:`
/// (`ms` or `s`), `err:` (an errno by name: the point answers it, and its place does as if the kernel had), `panic`.
/// A list that cannot be read ends the process: a point that never fires proves nothing.
///
/// `HEROPROC_FP_HITS=FOLDER` makes each point fire once among all processes that share the folder: whoever fires
/// leaves a file there that has the name of the point and holds its pid.
///
/// `HEROPROC_FP_WHILE=PATH` makes all points rest while nothing is at that path: so a test can make one file poison.
///
/// The shims of a reconciler are given the same variables, and their programs none of them.
#ifndef CHEROFAILPOINTS_H
#define CHEROFAILPOINTS_H

#pragma clang assume_nonnull begin

// Every point: its name (with dashes in HEROPROC_FP), the process that comes there, and the place in words.
// A new one needs a place in the code and a recipe in Tests/EndToEndTests: CONTRIBUTING.md says how.
#define HERO_FAILPOINTS(POINT)                                                                              \
    /* A start. FP-ST-7 has no place: the generation and the empty slot are one write. */                   \
    POINT(FP_ST_1, reconciler, "the plan is made, nothing of it is stored")                                 \
    POINT(FP_ST_2, reconciler, "the rows of a turn are written, their transaction is open")                 \
    POINT(FP_ST_3, reconciler, "the intention is stored, the shim is not spawned")                          \
    POINT(FP_ST_4, reconciler, "the shim is spawned, nobody follows it")                                    \
    POINT(FP_ST_5, shim, "the spec is read, the lock is not taken")                                         \
    POINT(FP_ST_6, shim, "the lock is held, the generation is not written")                                 \
    POINT(FP_ST_8, shim, "generation and empty slot are written, nothing is forked")                        \
    POINT(FP_ST_9, shim, "the child is forked, the record does not name it")                                \
    POINT(FP_ST_10, shim, "the record names the child, its gate is shut")                                   \
    POINT(FP_ST_11, shim, "in the child: the gate is open, the program is not executed")                    \
    POINT(FP_ST_12, reconciler, "the record says that it executes, no row does")                            \
    POINT(FP_ST_13, reconciler, "the row says that it runs, nobody asks whether it is ready")               \
    POINT(FP_ST_14, shim, "the program executes, the record does not say so")                               \
    POINT(FP_ST_15, shim, "the record says that it executes, the reconciler is not told")                   \
    POINT(FP_ST_16, reconciler, "a start without a trace is marked as retired, its generation is not taken") \
    /* Clearing the way. */                                                                                 \
    POINT(FP_RC_1, reconciler, "who holds a port or socket is known, nothing is done about it")             \
    POINT(FP_RC_2, reconciler, "the holder was signalled, it is not waited for")                            \
    POINT(FP_RC_3, reconciler, "the stale socket is moved aside, it is not looked at again")                \
    POINT(FP_RC_4, reconciler, "the stale socket is removed")                                               \
    POINT(FP_PF_1, reconciler, "the draft of a PID file is written, it has not its name")                   \
    POINT(FP_PF_2, reconciler, "the PID file has its name")                                                 \
    POINT(FP_PF_3, reconciler, "the PID file is known to be ours, it is not removed")                       \
    /* A stop. */                                                                                           \
    POINT(FP_SP_1, reconciler, "the stop is stored, no signal is sent")                                     \
    POINT(FP_SP_2, reconciler, "the stop signal is sent")                                                   \
    POINT(FP_SP_3, reconciler, "the time to end is over, nobody is killed")                                 \
    POINT(FP_SP_4, shim, "the program is dead, the rest of its tree is not asked to end")                   \
    POINT(FP_SP_5, shim, "the tree is empty, its cgroup is there")                                          \
    POINT(FP_SP_6, reconciler, "all jobs of a service are down, no row says so")                            \
    POINT(FP_SP_7, reconciler, "a service of a stop wave may stop, it is not told to")                      \
    /* An end. FP-EX-2 has no place: the run directory is in memory, so nothing is synced there. */         \
    POINT(FP_EX_1, shim, "the end is seen, the slot is empty")                                              \
    POINT(FP_EX_3, shim, "the end is in the slot, the program is not reaped")                               \
    POINT(FP_EX_4, shim, "all is done, the shim has not left")                                              \
    POINT(FP_EX_5, reconciler, "the slot is read, no row says so")                                          \
    POINT(FP_EX_6, reconciler, "the end is stored, the record is not removed")                              \
    POINT(FP_EX_7, reconciler, "the shim was lost and the program is dead, the rest of its tree is not ended") \
    POINT(FP_RS_1, reconciler, "the next try has its time, no row says so")                                 \
    POINT(FP_RS_2, reconciler, "the next try is due, it has no generation")                                 \
    POINT(FP_HO_1, shim, "a daemon forked away: the end of its first process is taken back, its successor not named") \
    /* Logs. */                                                                                             \
    POINT(FP_LG_1, shim, "the earlier log files are moved up, the new one is not made")                     \
    POINT(FP_LG_2, shim, "lines are about to be written")                                                   \
    POINT(FP_LG_3, shim, "the oldest log file is to go, it is not removed")                                 \
    /* The store. FP-DB-3 has no place: no damaged database is moved aside, it is refused. */               \
    POINT(FP_DB_1, reconciler, "bytes are in the write-ahead log, the commit has not returned")             \
    POINT(FP_DB_2, reconciler, "a checkpoint is about to write to the database")                            \
    POINT(FP_MIG_1, reconciler, "a migration's statement is done, its transaction is open")                 \
    POINT(FP_MIG_2, reconciler, "a migration's version is set, its transaction is open")                    \
    POINT(FP_MIG_3, reconciler, "a migration is stored, the next one is not begun")                         \
    /* Manifests. */                                                                                        \
    POINT(FP_MF_1, reconciler, "the files are read, they are not checked")                                  \
    POINT(FP_MF_2, reconciler, "the set is good, it is no revision")                                        \
    POINT(FP_MF_3, reconciler, "revision and intentions are stored, nothing is done")                       \
    POINT(FP_MF_4, reconciler, "many services are gone from the files, whether that is believed is open")   \
    /* Taking up what runs. FP-AD-3 of the catalogue asks for a control socket, which our shims do not have. */ \
    POINT(FP_AD_1, reconciler, "the record of a running job is read, nobody is identified")                 \
    POINT(FP_AD_2, reconciler, "the shim is identified, it is not followed")                                \
    POINT(FP_AD_3, reconciler, "the shim is gone and something of the job lives, it is not taken over")     \
    POINT(FP_LK_1, reconciler, "the reconciler's lock is held, its socket is not bound")                    \
    POINT(FP_KP_1, keeper, "a reconciler is to be started")                                                 \
    POINT(FP_KP_2, keeper, "a reconciler is started, nobody waits for it")                                  \
    /* Signals and answers. */                                                                              \
    POINT(FP_SIG_1, reconciler, "a process is identified, the signal is not sent")                          \
    POINT(FP_PR_1, reconciler, "a probe has its answer, it is not applied")

#define HERO_FAILPOINT_CASE(name, process, place) name,
enum hero_point { HERO_FAILPOINTS(HERO_FAILPOINT_CASE) HERO_POINT_COUNT };

/// What a positive control takes away, by its name in `HEROPROC_TEST_DISABLE=lock,gate`: a judge that finds nothing wrong
/// without it is no judge.
#define HERO_MECHANISMS(MECHANISM)                                                        \
    MECHANISM(HERO_IDENTITY, "identity")     /* looking whether a recorded process lives */ \
    MECHANISM(HERO_LOCK, "lock")             /* one instance by the kernel's lock */      \
    MECHANISM(HERO_SLOT, "slot")             /* the end in the slot before the reap */    \
    MECHANISM(HERO_INTENTION, "intention")   /* rows before deeds */                      \
    MECHANISM(HERO_GATE, "gate")             /* no program before its record */           \
    MECHANISM(HERO_RETIREMENT, "retirement") /* late shims are refused */                 \
    MECHANISM(HERO_DROPS, "drops")           /* counting what is not in the log */        \
    MECHANISM(HERO_WAVES, "waves")           /* dependents stop first */

#define HERO_MECHANISM_CASE(name, text) name,
enum hero_mechanism { HERO_MECHANISMS(HERO_MECHANISM_CASE) HERO_MECHANISM_COUNT };

#if FAILPOINTS

/// A place: does what the list says for it. Answers the errno of `err:`, else 0.
int hero_failpoint(enum hero_point point);

/// Whether the list has this point.
int hero_failpoint_is_armed(enum hero_point point);

/// Whether a positive control has taken this away.
int hero_is_disabled(enum hero_mechanism mechanism);

/// What a shim is given of our environment: the variables above; ends with a null pointer. In a release build: `otherwise`.
char *_Nullable const *_Nonnull hero_failpoint_environment(char *_Nullable const *_Nonnull otherwise);

/// pwrite(2) for SQLite, with FP-DB-1 and FP-DB-2 around it.
long hero_failing_pwrite(int descriptor, const void *bytes, unsigned long size, long offset);

#else

static inline int hero_failpoint(enum hero_point point) { return (void)point, 0; }
static inline int hero_failpoint_is_armed(enum hero_point point) { return (void)point, 0; }
static inline int hero_is_disabled(enum hero_mechanism mechanism) { return (void)mechanism, 0; }

static inline char *_Nullable const *_Nonnull hero_failpoint_environment(char *_Nullable const *_Nonnull otherwise) {
    return otherwise;
}

static inline long hero_failing_pwrite(int descriptor, const void *bytes, unsigned long size, long offset) {
    return (void)descriptor, (void)bytes, (void)size, (void)offset, -1;
}

#endif

#pragma clang assume_nonnull end

#endif
