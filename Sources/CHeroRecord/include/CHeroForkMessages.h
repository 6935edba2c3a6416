/// The messages between the reconciler and the fork server (`hpshim fork-server`), on a SOCK_SEQPACKET socket pair. Both
/// are of one release, so the messages have no version.
#ifndef CHEROFORKMESSAGES_H
#define CHEROFORKMESSAGES_H

#include <stdint.h>

#define HERO_FORK_MAGIC 0x314b5048u  // "HPK1"
#define HERO_TITLE_SIZE 256          // of the argument that names the job of a shim, with its NUL

// The descriptor of the fork server for its socket. It also has HERO_FD_NOTICE, for its shims.
#define HERO_FD_REQUESTS 3

/// A request to the fork server for one shim. The sealed memfd with its spec is the only descriptor of the message.
struct hero_fork_request {
    uint32_t magic;
    uint32_t number;              // returned in the reply
    char title[HERO_TITLE_SIZE];  // the first argument of the shim in its command line, NUL-terminated
};

/// The reply to a request. A shim sends it itself before it does anything else, and exits if it cannot be delivered: a
/// start without a reply never runs. The fork server replies only if it cannot fork.
struct hero_fork_reply {
    uint32_t magic;
    uint32_t number;
    int32_t pid;    // of the shim; 0: there is none
    int32_t error;  // why there is none
};

#endif
