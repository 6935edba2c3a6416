// The fork server: an idle shim without a job that forks itself for each start (docs/decisions/0036-fork-server.md).
#define _GNU_SOURCE
#include "CHeroShim.h"

#include "CHeroFailpoints.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// The memory of the arguments behind argv[0], which the padding makes large enough for the argument of every shim. A
// null pointer unless the command line requests the fork server.
static char *arguments_area;
static size_t arguments_size;

/// The C library passes the arguments to functions that run before main; the main function of Swift cannot access them.
__attribute__((constructor)) static void save_arguments(int count, char **arguments) {
    if (count != 3 || strcmp(arguments[1], "fork-server") != 0) return;
    arguments_area = arguments[1];
    arguments_size = (size_t)(arguments[2] + strlen(arguments[2]) - arguments[1]);
}

int shim_fork_server_is_requested(void) {
    return arguments_area != NULL;
}

/// Replaces the argument that `ps` shows. In /proc/PID/cmdline NULs follow it.
static void set_argument(const char *text) {
    memset(arguments_area, 0, arguments_size);
    memcpy(arguments_area, text, strnlen(text, arguments_size));
}

static int send_reply(uint32_t number, int32_t pid, int32_t error) {
    struct hero_fork_reply reply = {.magic = HERO_FORK_MAGIC, .number = number, .pid = pid, .error = error};
    return send(HERO_FD_REQUESTS, &reply, sizeof reply, MSG_NOSIGNAL) == sizeof reply ? 0 : -1;
}

/// Waits for a request; returns 0 at the end of the requests. The descriptor is negative if the message has none.
static int receive(struct hero_fork_request *request, int *spec) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = request, .iov_len = sizeof *request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes,
    };
    long size;
    do {
        size = recvmsg(HERO_FD_REQUESTS, &message, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size != sizeof *request || request->magic != HERO_FORK_MAGIC) return 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *spec = -1;
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        memcpy(spec, CMSG_DATA(header), sizeof *spec);
    }
    return 1;
}

/// The parent of the new process is the reconciler. The system call, because fork(3) cannot do that; it does what the C
/// library does for a process with one thread, except for the cached thread ID, which the shim does not use.
static long fork_sibling(void) {
    return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

/// The first steps of a new shim: after them it is in the state of one that was executed.
static void become_shim(struct hero_fork_request *request, int spec) {
    hero_failpoint(FP_ST_18);
    // Without a reply the reconciler starts this job in another way.
    if (send_reply(request->number, shim_own_pid(), 0) != 0) _exit(HERO_SHIM_NO_RECORD);
    hero_failpoint(FP_ST_19);
    // This also closes the socket.
    if (dup2(spec, HERO_FD_SPEC) < 0) _exit(HERO_SHIM_BAD_SPEC);
    request->title[sizeof request->title - 1] = 0;
    set_argument(request->title);
    // A program inherits this from its shim until it is executed, and needs it to set its own oom_score_adj.
    prctl(PR_SET_DUMPABLE, 1);
}

void shim_serve_requests(void) {
    // Only SIGKILL ends this process early, for example when the reconciler ends.
    uint64_t every = ~0ull;
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, sizeof every) != 0) _exit(HERO_SHIM_NO_RECORD);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "hpshim");
    // It receives specs, which may contain secrets, but never reads them.
    prctl(PR_SET_DUMPABLE, 0);
    setsid();
    umask(0);
    if (chdir("/") != 0) _exit(HERO_SHIM_NO_RECORD);
    set_argument("fork-server");

    struct hero_fork_request request;
    int spec;
    while (receive(&request, &spec)) {
        hero_failpoint(FP_ST_17);
        long pid = -1;
        errno = EMFILE;
        if (spec >= 0) pid = fork_sibling();
        if (pid == 0) {
            become_shim(&request, spec);
            return;
        }
        if (pid < 0) (void)send_reply(request.number, 0, errno);
        if (spec >= 0) close(spec);
    }
    _exit(HERO_SHIM_DONE);
}
