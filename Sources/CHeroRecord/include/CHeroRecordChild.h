/// Functions of the child that executes a program: they run between fork or vfork and exec, in the shim and in commands.
#ifndef CHERORECORD_CHILD_H
#define CHERORECORD_CHILD_H

#include <stdint.h>

/// What the sandbox of a program restricts.
enum hero_sandbox_flags {
    HERO_SANDBOX_READ_ONLY = 1,    // all mounts but /dev, /proc, /sys and the writable paths are read-only
    HERO_SANDBOX_PRIVATE_TMP = 2,  // /tmp and /var/tmp are empty and its own
    HERO_SANDBOX_NO_NETWORK = 4,   // it has only a loopback interface of its own
    HERO_SANDBOX_END = 8
};

#define HERO_SANDBOX_MAX_PATHS 250  // in each list

/// The sandbox of a program; with no flag and no hidden path it has none.
struct hero_sandbox {
    uint32_t flags;     // enum hero_sandbox_flags
    uint32_t writable;  // list: absolute paths
    uint32_t writable_count;
    uint32_t hidden;    // list: absolute paths of files and directories that it cannot open
    uint32_t hidden_count;
    uint32_t unused;
};

/// Sets every signal to its default disposition and unblocks all signals, because exec(3) passes on ignored and blocked
/// signals (signal(7)).
///
/// It uses system calls and the stack of the caller only, so it may run between fork or vfork and exec. Returns 0, or
/// -1 with errno when the mask cannot be set.
int hero_reset_signals(void);

/// Removes all capabilities but these from the bounding set, so that no program can regain them, and keeps the permitted
/// set when the user changes. Call it before hero_set_capabilities, and before the change of the user, which takes
/// the right to do this away.
///
/// With must_succeed, a process that may not do this gets an error; without, the bounding set stays as it is. Both
/// functions return 0, or -1 with errno, and may run between fork or vfork and exec.
int hero_drop_bounding_capabilities(uint64_t kept, int must_succeed);

/// Makes these the capabilities of this process and of the programs it executes.
int hero_set_capabilities(uint64_t kept, int is_root);

#endif
