/// What a program may do and reach, as the child needs it between fork and exec.
#ifndef CHEROSHIM_CONFINEMENT_H
#define CHEROSHIM_CONFINEMENT_H

#include <stdint.h>

#include "CHeroRecord.h"

#pragma clang assume_nonnull begin

/// The capabilities and the sandbox of a program.
struct shim_confinement {
    uint64_t capabilities;
    uint32_t limits_capabilities;  // 1: the program keeps only these capabilities
    struct hero_sandbox sandbox;
    const char *writable;          // NUL-terminated paths directly behind each other
    const char *hidden;
    // Files of heroproc that the program needs; they stay reachable under private_tmp.
    const char *_Nullable script;
    const char *_Nullable notify_socket;
};

#pragma clang assume_nonnull end

#endif
