#define _GNU_SOURCE
#include "CHeroShim.h"

#include "decimal.h"
#include "rights.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(SHIM_ENOENT == ENOENT && SHIM_EINTR == EINTR && SHIM_EIO == EIO, "errno");
_Static_assert(SHIM_ECHILD == ECHILD && SHIM_EAGAIN == EAGAIN && SHIM_EEXIST == EEXIST, "errno");
_Static_assert(SHIM_EMSGSIZE == EMSGSIZE, "errno");
_Static_assert(SHIM_EISDIR == EISDIR && SHIM_ENOSPC == ENOSPC, "errno");
_Static_assert(SHIM_EFBIG == EFBIG, "errno");
_Static_assert(SHIM_SIGKILL == SIGKILL, "signal");

static int notice_is_open;

/// Redirects descriptors 0 to 2 to /dev/null: a shim that outlives its parent must not hold a terminal or a pipe open.
/// This also keeps every later descriptor above 2.
static int open_null(void) {
    int descriptor = open("/dev/null", O_RDWR);
    if (descriptor < 0) return -errno;
    for (int target = 0; target <= 2; target++) {
        if (descriptor != target && dup2(descriptor, target) < 0) return -errno;
    }
    if (descriptor > 2) close(descriptor);
    return 0;
}

static void close_from(unsigned int first) {
    if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > 1 << 20) limit = 1 << 20;
    for (long descriptor = first; descriptor < limit; descriptor++) close((int)descriptor);
}

int shim_set_up(void) {
    // Blocked and not ignored: one call covers all signals but SIGKILL and SIGSTOP, and no ignored signal is inherited.
    // The signals of a fault still end the process.
    uint64_t every = ~0ull;
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, sizeof every) != 0) return -errno;
    // If SIGCHLD is inherited as ignored, the kernel reaps children itself and their exit status is lost.
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (sigaction(SIGCHLD, &action, NULL) != 0) return -errno;

    notice_is_open = fcntl(HERO_FD_NOTICE, F_GETFD) >= 0;
    int error = open_null();
    if (error < 0) return error;
    close_from(HERO_FD_NOTICE + 1);
    rights_protect_shim();
    prctl(PR_SET_NAME, "hpshim");
    setsid();  // fails only if the process leads a session already
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return -errno;
    umask(0);
    // A shim must not keep a file system busy. All its paths are absolute.
    if (chdir("/") != 0) return -errno;

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, HERO_SIGNAL_KILL_TREE);
    int descriptor = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

void shim_harden(void) {
    prctl(PR_SET_DUMPABLE, 0);
    struct rlimit core;
    if (getrlimit(RLIMIT_CORE, &core) != 0) return;
    core.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &core);
}

void shim_exit(int code) {
    _exit(code);
}

const void *shim_map_spec(long *size) {
    int seals = fcntl(HERO_FD_SPEC, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || (seals & F_SEAL_WRITE) == 0) return NULL;
    struct stat status;
    if (fstat(HERO_FD_SPEC, &status) != 0 || status.st_size <= 0 || status.st_size > 1 << 30) return NULL;
    void *memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, HERO_FD_SPEC, 0);
    if (memory == MAP_FAILED) return NULL;
    close(HERO_FD_SPEC);
    *size = status.st_size;
    return memory;
}

void *shim_map(long size) {
    void *memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void shim_unmap(const void *memory, long size) {
    munmap((void *)memory, (size_t)size);
}

void shim_discard(void *memory, long size) {
    madvise(memory, (size_t)size, MADV_DONTNEED);
}

void shim_send_notice(const struct hero_notice *notice) {
    if (!notice_is_open) return;
    notice_is_open = 0;
    // A reconciler that does not read must not delay the service: try, wait up to one second, and try once more.
    int flags = fcntl(HERO_FD_NOTICE, F_GETFL);
    fcntl(HERO_FD_NOTICE, F_SETFL, flags | O_NONBLOCK);
    if (write(HERO_FD_NOTICE, notice, sizeof *notice) < 0 && errno == EAGAIN) {
        struct pollfd writable = {.fd = HERO_FD_NOTICE, .events = POLLOUT};
        poll(&writable, 1, 1000);
        long ignored = write(HERO_FD_NOTICE, notice, sizeof *notice);
        (void)ignored;
    }
    close(HERO_FD_NOTICE);
}

static int64_t read_clock(clockid_t clock) {
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Parses a decimal number behind blanks and moves the position behind the number.
static int64_t parse_signed(const char **text) {
    while (**text == ' ') (*text)++;
    int negative = **text == '-';
    if (negative) (*text)++;
    int64_t value = (int64_t)parse_decimal(text);
    return negative ? -value : value;
}

int64_t shim_boot_offset(void) {
    static int64_t offset;
    static int is_known;
    if (is_known) return offset;
    is_known = 1;
    char text[256];
    int file = open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    long size = read(file, text, sizeof text - 1);
    close(file);
    text[size < 0 ? 0 : size] = 0;
    const char *line = strstr(text, "boottime");
    if (line == NULL) return 0;
    line += strlen("boottime");
    int64_t seconds = parse_signed(&line);
    offset = seconds * 1000000000 + parse_signed(&line);
    return offset;
}

int64_t shim_boottime(void) { return read_clock(CLOCK_BOOTTIME) - shim_boot_offset(); }
int64_t shim_monotonic(void) { return read_clock(CLOCK_MONOTONIC); }
int64_t shim_realtime(void) { return read_clock(CLOCK_REALTIME); }

void shim_sleep_ms(int milliseconds) {
    struct timespec duration = {.tv_sec = milliseconds / 1000, .tv_nsec = (milliseconds % 1000) * 1000000l};
    nanosleep(&duration, NULL);
}

int shim_poll(const int *descriptors, int count, int64_t timeout_ms) {
    struct pollfd polled[6];
    if (count > 6) return -EINVAL;
    for (int index = 0; index < count; index++) {
        polled[index] = (struct pollfd){.fd = descriptors[index], .events = POLLIN};
    }
    int timeout = timeout_ms < 0 ? -1 : timeout_ms > 60000 ? 60000 : (int)timeout_ms;
    if (poll(polled, (nfds_t)count, timeout) < 0) return -errno;
    int ready = 0;
    for (int index = 0; index < count; index++) {
        if (polled[index].revents != 0) ready |= 1 << index;
    }
    return ready;
}

int shim_read_signals(int descriptor) {
    struct signalfd_siginfo arrived[4];
    int kill_tree = 0;
    long size;
    while ((size = read(descriptor, arrived, sizeof arrived)) > 0) {
        for (long index = 0; index < size / (long)sizeof arrived[0]; index++) {
            if (arrived[index].ssi_signo == HERO_SIGNAL_KILL_TREE) kill_tree = 1;
        }
    }
    return kill_tree;
}
