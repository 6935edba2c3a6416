/// Failpoints: places in the code where a test can kill, stop or delay this process, or inject an error (docs/decisions/0025-failpoints.md). A release build contains no failpoints: no calls, no names and no table.
///
/// `HEROPROC_FP="FP-ST-3=kill9@2;FP-SIG-1=sleep:50ms;FP-LG-2=err:ENOSPC"` sets an action for each failpoint. `@n` means
/// only the n-th time that this process reaches it. Actions: `kill9` (SIGKILL for this process), `stop` (SIGSTOP for
/// this process), `sleep:` (`ms` or `s`), `err:` (the name of an errno, which the call returns as if the kernel had
/// returned it) and `panic`. An invalid list ends the process, because a failpoint that never fires proves nothing.
///
/// `HEROPROC_FP_HITS=FOLDER` makes each failpoint fire only once among all processes that share the folder. The process
/// that fires creates a file there, which has the name of the failpoint and contains the PID.
///
/// `HEROPROC_FP_WHILE=PATH` disables all failpoints while there is no file at that path, so a test can bind them to one
/// file.
///
/// The shims of a reconciler inherit these variables; their programs do not.
#ifndef CHEROFAILPOINTS_H
#define CHEROFAILPOINTS_H

#pragma clang assume_nonnull begin

// All failpoints: the name (with dashes in HEROPROC_FP), the process that reaches it, and the place in the sequence.
// A new failpoint needs a call in the code and a recipe in Tests/EndToEndTests; see CONTRIBUTING.md.
#define HERO_FAILPOINTS(POINT)                                                                                    \
    /* A start. FP-ST-7 is not used: generation and empty exit are one write. */                                  \
    POINT(FP_ST_1, reconciler, "the plan is calculated and not stored")                                           \
    POINT(FP_ST_2, reconciler, "rows are written, the transaction is open")                                       \
    POINT(FP_ST_3, reconciler, "the start is stored, the shim is not started")                                    \
    POINT(FP_ST_4, reconciler, "the shim is started and not watched")                                             \
    POINT(FP_ST_5, shim, "the spec is read, the lock is not acquired")                                            \
    POINT(FP_ST_6, shim, "the lock is held, the generation is not recorded")                                      \
    POINT(FP_ST_8, shim, "generation and empty exit are recorded, nothing is forked")                             \
    POINT(FP_ST_9, shim, "the child is forked and not recorded")                                                  \
    POINT(FP_ST_10, shim, "the child is recorded, its gate is closed")                                            \
    POINT(FP_ST_11, shim, "in the child: the gate is open, the program is not executed")                          \
    POINT(FP_ST_12, reconciler, "the record has EXECUTED, the database does not")                                 \
    POINT(FP_ST_13, reconciler, "the row has running, no readiness probe is started")                             \
    POINT(FP_ST_14, shim, "the program executes, EXECUTED is not recorded")                                       \
    POINT(FP_ST_15, shim, "EXECUTED is recorded, no notice is sent")                                              \
    POINT(FP_ST_16, reconciler, "a start without runtime files is retired, its generation is not used")           \
    POINT(FP_ST_17, shim, "the fork server has a request and has not forked")                                     \
    POINT(FP_ST_18, shim, "the forked shim has not sent its reply")                                               \
    POINT(FP_ST_19, shim, "the forked shim has sent its reply and has not begun")                                 \
    /* Preparing a start. */                                                                                      \
    POINT(FP_RC_1, reconciler, "the holder of a port or socket is found, no action is taken")                     \
    POINT(FP_RC_2, reconciler, "the holder is signalled, its exit is not awaited")                                \
    POINT(FP_RC_3, reconciler, "the stale socket is renamed and not checked again")                               \
    POINT(FP_RC_4, reconciler, "the stale socket is removed")                                                     \
    POINT(FP_PF_1, reconciler, "the PID file is written and not renamed")                                         \
    POINT(FP_PF_2, reconciler, "the PID file is renamed")                                                         \
    POINT(FP_PF_3, reconciler, "the PID file is verified and not removed")                                        \
    /* A stop. */                                                                                                 \
    POINT(FP_SP_1, reconciler, "the stop is stored, no signal is sent")                                           \
    POINT(FP_SP_2, reconciler, "the stop signal is sent")                                                         \
    POINT(FP_SP_3, reconciler, "the stop timeout has passed, SIGKILL is not sent")                                \
    POINT(FP_SP_4, shim, "the program has exited, the rest of its tree is not signalled")                         \
    POINT(FP_SP_5, shim, "the tree is empty, its cgroup exists")                                                  \
    POINT(FP_SP_6, reconciler, "all jobs of a service are down, no row is written")                               \
    POINT(FP_SP_7, reconciler, "a service of a stop wave may stop, the stop is not requested")                    \
    /* An exit. FP-EX-2 is not used: the run directory is in memory and never synced. */                          \
    POINT(FP_EX_1, shim, "the exit is seen and not recorded")                                                     \
    POINT(FP_EX_3, shim, "the exit is recorded, the program is not reaped")                                       \
    POINT(FP_EX_4, shim, "the job is complete, the shim has not exited")                                          \
    POINT(FP_EX_5, reconciler, "the exit is read, no row is written")                                             \
    POINT(FP_EX_6, reconciler, "the exit is stored, the record is not removed")                                   \
    POINT(FP_EX_7, reconciler, "the shim is lost and the program has exited, the rest of its tree is not killed") \
    POINT(FP_RS_1, reconciler, "the next try is scheduled, no row is written")                                    \
    POINT(FP_RS_2, reconciler, "the next try is due and has no generation")                                       \
    POINT(FP_HO_1, shim, "handover: the exit of the first process is cleared, its successor is not recorded")     \
    /* Logs. */                                                                                                   \
    POINT(FP_LG_1, shim, "the earlier log files are renamed, the new one is not created")                         \
    POINT(FP_LG_2, shim, "lines are about to be written")                                                         \
    POINT(FP_LG_3, shim, "the oldest log file is about to be removed")                                            \
    /* The store. FP-DB-3 has no failpoint: QuarantineTests interrupts the move of a damaged database. */        \
    POINT(FP_DB_1, reconciler, "bytes are in the write-ahead log, the commit has not returned")                   \
    POINT(FP_DB_2, reconciler, "a checkpoint is about to write to the database")                                  \
    POINT(FP_MIG_1, reconciler, "a migration statement is executed, its transaction is open")                     \
    POINT(FP_MIG_2, reconciler, "a migration's version is set, its transaction is open")                          \
    POINT(FP_MIG_3, reconciler, "a migration is committed, the next one is not started")                          \
    /* Manifests. */                                                                                              \
    POINT(FP_MF_1, reconciler, "the files are read and not checked")                                              \
    POINT(FP_MF_2, reconciler, "the manifests are valid, there is no revision")                                   \
    POINT(FP_MF_3, reconciler, "revision and starts are stored, no effect is performed")                          \
    POINT(FP_MF_4, reconciler, "many services are missing from the files, the removal is not confirmed")          \
    /* Recovery of running jobs. FP-AD-3 of the catalogue needs a control socket, which shims do not have. */     \
    POINT(FP_AD_1, reconciler, "the record of a running job is read, no process is verified")                     \
    POINT(FP_AD_2, reconciler, "the shim is verified and not watched")                                            \
    POINT(FP_AD_3, reconciler, "the shim is lost and a process of the job runs, it is not adopted")               \
    POINT(FP_LK_1, reconciler, "the reconciler's lock is held, its socket is not bound")                          \
    POINT(FP_KP_1, monitor, "a reconciler is about to be started")                                                \
    POINT(FP_KP_2, monitor, "a reconciler is started and not watched")                                            \
    /* Signals and probes. */                                                                                     \
    POINT(FP_SIG_1, reconciler, "a process is verified, the signal is not sent")                                  \
    POINT(FP_PR_1, reconciler, "a probe has a result, it is not applied")

#define HERO_FAILPOINT_CASE(name, process, place) name,
enum hero_point { HERO_FAILPOINTS(HERO_FAILPOINT_CASE) HERO_POINT_COUNT };

/// Mechanisms that a positive control disables by name with `HEROPROC_TEST_DISABLE=lock,gate`, to show that the checks
/// detect a missing mechanism.
#define HERO_MECHANISMS(MECHANISM)                                                     \
    MECHANISM(HERO_IDENTITY, "identity")     /* checks of recorded processes */        \
    MECHANISM(HERO_LOCK, "lock")             /* one instance per job by a file lock */ \
    MECHANISM(HERO_SLOT, "slot")             /* exits are recorded before reaping */   \
    MECHANISM(HERO_INTENTION, "intention")   /* rows are written before effects */     \
    MECHANISM(HERO_GATE, "gate")             /* no program runs before its record */   \
    MECHANISM(HERO_RETIREMENT, "retirement") /* late shims are refused */              \
    MECHANISM(HERO_DROPS, "drops")           /* dropped log bytes are counted */       \
    MECHANISM(HERO_WAVES, "waves")           /* dependents stop first */

#define HERO_MECHANISM_CASE(name, text) name,
enum hero_mechanism { HERO_MECHANISMS(HERO_MECHANISM_CASE) HERO_MECHANISM_COUNT };

#if FAILPOINTS

/// Performs the action of this failpoint. Returns the errno of `err:`, else 0.
int hero_failpoint(enum hero_point point);

/// Whether an action is set for this failpoint.
int hero_failpoint_is_armed(enum hero_point point);

/// Whether a positive control has disabled this mechanism.
int hero_is_disabled(enum hero_mechanism mechanism);

/// The environment of a shim: the variables above, with a null pointer at the end. In a release build: `otherwise`.
char *_Nullable const *_Nonnull hero_failpoint_environment(char *_Nullable const *_Nonnull otherwise);

/// pwrite(2) for SQLite, with FP-DB-1 and FP-DB-2.
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
