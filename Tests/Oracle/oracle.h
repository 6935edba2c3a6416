/// What a test lets happen to pids, inside a pid namespace of its own, and a file system that is none (reliability.md 6.3).
#ifndef ORACLE_H
#define ORACLE_H

/// `init`: the first process of a namespace. Reaps whoever comes to it, for ever.
int reap_for_ever(void);

/// `recycle PID..`: makes a bystander with exactly each of these pids, which must be free or about to be.
/// Prints `PID START_TICKS` of each.
int recycle(char **pids);

/// `snatch TRACE`: waits for the next START in a trace, and at once kills the one who said it, its shim and, unless that is
/// the first process, its shim's parent; makes a bystander with its pid. Prints `PID TICKS_BEFORE TICKS_AFTER`.
int snatch(const char *trace);

/// `fuse PLACE`: mounts an empty file system of user space there, says `mounted`, and serves it until it is unmounted; it
/// refuses to be written to, and prints `refused OPCODE` of each such request.
int serve_fuse(const char *place);

#endif
