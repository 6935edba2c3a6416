#define _GNU_SOURCE
#include "CHeroRecord.h"

#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int hero_reset_signals(void) {
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } standard = {0};
    for (int signal = 1; signal <= 64; signal++) {
        if (signal != SIGKILL && signal != SIGSTOP) {
            // The system call, because the C library refuses the two signals that it reserves.
            syscall(SYS_rt_sigaction, signal, &standard, NULL, sizeof standard.mask);
        }
    }
    uint64_t none = 0;
    return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}
