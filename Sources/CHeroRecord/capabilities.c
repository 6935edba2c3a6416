#define _GNU_SOURCE
#include "CHeroRecord.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// System calls and the stack of the caller only: these functions run between fork or vfork and exec.

int hero_drop_bounding_capabilities(uint64_t kept, int must_succeed) {
    for (int number = 0; number < 64; number++) {
        int is_bounding = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (is_bounding < 0) break;  // beyond the last capability of this kernel
        if (is_bounding == 0 || (kept >> number & 1) != 0) continue;
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
        if (errno != EPERM || must_succeed) return -1;
        break;
    }
    // The permitted set survives the change of the user, and the next execve(2) clears this flag.
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

int hero_set_capabilities(uint64_t kept, int is_root) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    for (int half = 0; half < 2; half++) {
        uint32_t bits = (uint32_t)(kept >> (32 * half));
        sets[half].effective = bits;
        sets[half].permitted = bits;
        sets[half].inheritable = bits;
    }
    if (syscall(SYS_capset, &header, sets) != 0) return -1;
    // The kernel gives the whole bounding set to every program of root, and the ambient set to those of other users.
    for (int number = 0; number < 64 && !is_root; number++) {
        if ((kept >> number & 1) == 0) continue;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) return -1;
    }
    return 0;
}
