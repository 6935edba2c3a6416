/// Actions for PID reuse inside a PID namespace, and a file system in user space.
#ifndef ORACLE_H
#define ORACLE_H

/// `init`: the first process of a namespace. It reaps all orphans and never exits.
int reap_for_ever(void);

/// `recycle PID..`: creates a bystander process with each of these PIDs, which must be free or about to be free. Prints
/// `PID START_TICKS` for each.
int recycle(char **pids);

/// `snatch TRACE`: waits for the next START record of a trace. It kills that process, its shim and the parent of the
/// shim (unless that is the first process), and creates a bystander process with its PID. Prints `PID TICKS_BEFORE
/// TICKS_AFTER`.
int snatch(const char *trace);

/// `fuse DIRECTORY`: mounts an empty file system in user space, prints `mounted`, and serves it until it is unmounted.
/// It refuses writes and prints `refused OPCODE` for each.
int serve_fuse(const char *mount_point);

/// `wedge DIRECTORY PORT`: listens on a port while its memory is locked, because a page of a file in user space is written
/// back and the file system does not respond. Prints its PID, then `wedged`, and `released` after 20 s.
int wedge(const char *mount_point, int port);

/// `hold PATH`: listens on a Unix socket and keeps every descriptor that it receives; creates `PATH.received` then.
int hold_descriptors(const char *path);

/// The action `pass-lock PATH`: sends descriptor 3, the inherited lock, to a socket.
int pass_lock(const char *path);

#endif
