// The oracle: a workload that records its own events, so that no test has to rely on the reports of heroproc
//. It holds its own lock; a second instance of the same action finds it locked and records DUP.
// The trace is $ORACLE_DIR/<service>.<action>.trace, one write(2) per record, times in ns of CLOCK_BOOTTIME:
//   START pid time job restart_count    TERM pid time    EXIT pid time code lines    CRASH pid time signal lines
//   CHILD pid time                      DUP pid time     LISTEN pid time   RELEASED pid time
//
// The commands `init`, `recycle`, `snatch`, `fuse`, `wedge` and `hold` are described in oracle.h. Otherwise the
// arguments are actions, which are performed in order; after the last action the process runs without end.
//   exit CODE | fails TIMES CODE | crash SIGNAL | sleep MS | random-life MAX_MS | wait MS | wait-for PATH |
//   lines PER_SECOND | last-words LINES CODE (on SIGTERM) | ignore-term | closefrom | linger MS | fork N |
//   fork-on-term N | daemonize | fork-away PID_FILE | lose-leader | traced | trace-child | vfork | drop-lock |
//   share-ports (for later listen actions) | listen PORT | listen-unix PATH |
//   bind-unix PATH MS (listens after that time) | print-env | say TEXT |
//   notify TEXT | notify-main PATH | notify-child TEXT | notify-barrier TEXT | notify-fds N TEXT | notify-flood N |
//   notify-away TEXT | notify-distant TEXT | notify-brief PARENT_MS TEXT | notify-noise N | ping MS | ping-until PATH |
//   swap PATH PATH (without end) | ask SOCKET TEXT | pass-lock PATH
// In a TEXT for NOTIFY_SOCKET, `,` is a line feed, `+` a blank and `@` the PID of the sender. notify-main sends the PID
// in a file.
#define _GNU_SOURCE
#include "oracle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int trace, job, restarts, ignores_term, listeners, shares_ports;
static long lines, pause_ms = -1, linger_ms, forks_on_term, final_lines, final_code;
static struct pollfd sockets[16];
static long ping_ms = -1;
static const char *ping_until;

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

#define RECORD(event, format, ...) \
    dprintf(trace, event " %d %lld" format "\n", (int)getpid(), now() __VA_OPT__(, ) __VA_ARGS__)

static const char *variable(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static _Noreturn void exit_with(int code) {
    RECORD("EXIT", " %d %ld", code, lines);
    _exit(code);
}

/// Writes a numbered line with its checksum (FNV-1a), long enough to show partial writes.
static void write_line(void) {
    char text[256];
    int size = snprintf(text, sizeof text, "line %d %d %ld ", job, restarts, ++lines);
    for (; size < 90; size++) text[size] = (char)('a' + (lines + size) % 26);
    uint32_t hash = 2166136261u;
    for (int i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    size += snprintf(text + size, sizeof text - (size_t)size, " %08x\n", hash);
    long long begun = now();
    if (write(1, text, (size_t)size) != size) exit_with(98);
    // The reader of the pipe delayed this write.
    if (now() - begun > 1000000000LL) RECORD("SLOW", " %ld", lines);
}

static void start_child(int detached);

static void handle_term(void) {
    RECORD("TERM", "");
    for (; forks_on_term > 0; forks_on_term--) start_child(1);
    if (ignores_term) return;
    if (linger_ms > 0) usleep((useconds_t)linger_ms * 1000);
    for (; final_lines > 0; final_lines--) {
        write_line();
        // Slowly, so that a test can interrupt it.
        if (final_lines % 64 == 0) usleep(1000);
    }
    exit_with((int)final_code);
}

/// Sends bytes to NOTIFY_SOCKET, with copies of a descriptor.
static void send_message(char *bytes, size_t size, int descriptor, int copies) {
    const char *name = variable("NOTIFY_SOCKET", "");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length < 2 || length >= sizeof address.sun_path) exit_with(92);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = 0;
    struct iovec buffer = {.iov_base = bytes, .iov_len = size};
    union {
        char bytes[CMSG_SPACE(253 * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length),
        .msg_iov = &buffer, .msg_iovlen = 1};
    if (copies > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)copies * sizeof(int));
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN((size_t)copies * sizeof(int));
        for (int i = 0; i < copies; i++) {
            memcpy(CMSG_DATA(part) + (size_t)i * sizeof(int), &descriptor, sizeof descriptor);
        }
    }
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender < 0 || sendmsg(sender, &message, MSG_NOSIGNAL) < 0) {
        dprintf(2, "cannot notify: %s\n", strerror(errno));
        exit_with(91);
    }
    close(sender);
}

/// Sends a text to NOTIFY_SOCKET.
static void notify_with(const char *text, int descriptor, int copies) {
    char bytes[8192];
    size_t size = 0;
    for (; *text && size < sizeof bytes - 16; text++) {
        if (*text == '@') size += (size_t)sprintf(bytes + size, "%d", (int)getpid());
        else bytes[size++] = *text == ',' ? '\n' : *text == '+' ? ' ' : *text;
    }
    send_message(bytes, size, descriptor, copies);
}

static void notify(const char *text) {
    notify_with(text, -1, 0);
}

/// Passes a pipe and waits until all its writers are closed, as sd_notify_barrier(3) does.
static void notify_and_wait(const char *text, int copies) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) exit_with(90);
    notify_with(text, ends[1], copies);
    close(ends[1]);
    char byte;
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {}
    close(ends[0]);
    RECORD("RELEASED", "");
}

/// Sends from a helper process, as systemd-notify does; it is reaped when this function returns.
static void notify_by_child(const char *text, int waits) {
    pid_t helper = fork();
    if (helper == 0) {
        notify(text);
        if (waits) notify_and_wait("BARRIER=1", 1);
        _exit(0);
    }
    while (waitpid(helper, NULL, 0) < 0 && errno == EINTR) {}
    RECORD("RELEASED", "");
}

/// Sends random bytes and text fragments, the same ones in each run.
static void notify_noise(long count) {
    static const char *const fragments[] = {
        "READY=0", "MAINPID=", "STATUS=", "WATCHDOG_USEC=", "=", "\n", "\n\n", "7", "1"};
    uint32_t random = 2463534242u;
    for (; count > 0; count--) {
        char text[6000];
        size_t size = 0;
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        size_t wanted = random % (random & 1 ? 60 : 5000);
        while (size < wanted) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            const char *fragment = fragments[random % 9];
            if (random & 256) text[size++] = (char)(random >> 24);
            else for (; *fragment; fragment++) text[size++] = *fragment;
        }
        send_message(text, size, -1, 0);
    }
}

static void notify_main(const char *path) {
    char text[64] = "MAINPID=";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    long size = read(file, text + 8, 40);
    close(file);
    text[8 + (size > 0 ? size : 0)] = 0;
    text[strcspn(text, "\n")] = 0;
    notify(text);
}

/// Runs for a time (-1: without end): writes lines, answers connections and handles SIGTERM.
static void run_for(long milliseconds) {
    long long end = milliseconds < 0 ? LLONG_MAX : now() + milliseconds * 1000000LL;
    long long next_line = pause_ms < 0 ? LLONG_MAX : now(), next_ping = ping_ms < 0 ? LLONG_MAX : now();
    sigset_t none;
    sigemptyset(&none);
    for (;;) {
        long long time = now();
        if (time >= end) return;
        if (time >= next_line) {
            write_line();
            next_line = pause_ms == 0 ? time : next_line + pause_ms * 1000000LL;
            // Without a pause between lines, signals must still be handled.
            static const struct timespec no_time;
            if (lines % 64 == 0) ppoll(NULL, 0, &no_time, &none);
            continue;
        }
        if (time >= next_ping) {
            if (ping_until && access(ping_until, F_OK) == 0) {
                next_ping = LLONG_MAX;
                continue;
            }
            notify("WATCHDOG=1");
            next_ping = time + ping_ms * 1000000LL;
        }
        long long until = end < next_line ? end : next_line;
        if (next_ping < until) until = next_ping;
        struct timespec timeout = {(until - time) / 1000000000LL, (until - time) % 1000000000LL};
        // Signals are unblocked only here, so their handler never interrupts an action.
        if (ppoll(sockets, (nfds_t)listeners, until == LLONG_MAX ? NULL : &timeout, &none) <= 0) continue;
        for (int i = 0; i < listeners; i++) {
            if (!(sockets[i].revents & POLLIN)) continue;
            static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
            char request[512];
            int peer = accept4(sockets[i].fd, NULL, NULL, SOCK_CLOEXEC);
            if (peer < 0) continue;
            if (recv(peer, request, sizeof request, MSG_DONTWAIT) >= 0 || errno == EAGAIN)
                (void)!send(peer, answer, sizeof answer - 1, MSG_NOSIGNAL);
            shutdown(peer, SHUT_WR);
            close(peer);
        }
    }
}

static void on_term(int number) {
    (void)number;
    handle_term();
}

static void listen_on(const struct sockaddr *address, socklen_t size, long delay_ms) {
    int one = 1, descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (shares_ports) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    int is_bound = bind(descriptor, address, size) == 0;
    if (is_bound && delay_ms > 0) run_for(delay_ms);
    if (!is_bound || listen(descriptor, 64) != 0 || listeners == 16) {
        dprintf(2, "cannot listen: %s\n", strerror(errno));
        exit_with(97);
    }
    RECORD("LISTEN", "");
    sockets[listeners++] = (struct pollfd){.fd = descriptor, .events = POLLIN};
}

/// Starts a child that runs until it is killed; like its parent it ignores SIGTERM or not.
static void start_child(int detached) {
    if (fork() != 0) return;
    if (detached && (setsid() < 0 || fork() != 0)) _exit(0);
    RECORD("CHILD", "");
    signal(SIGTERM, ignores_term ? SIG_IGN : SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (;;) pause();
}

/// Becomes a daemon with a PID file; the first process exits with success.
static void fork_away(const char *path) {
    unlink(path);
    char temporary_path[PATH_MAX];
    snprintf(temporary_path, sizeof temporary_path, "%s~", path);
    pid_t middle = fork();
    if (middle > 0) {
        // Exits only when the file exists, as a careful daemon does.
        while (access(path, F_OK) != 0) usleep(1000);
        exit_with(0);
    }
    if (middle < 0 || setsid() < 0 || fork() != 0) _exit(0);
    int file = open(temporary_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    dprintf(file, "%d\n", (int)getpid());
    close(file);
    RECORD("START", " %d %d", job, restarts);
    rename(temporary_path, path);
}

/// Becomes a daemon that names itself with MAINPID; the first process does not wait for that.
static void notify_away(const char *text) {
    pid_t middle = fork();
    if (middle > 0) {
        while (waitpid(middle, NULL, 0) < 0 && errno == EINTR) {}
        exit_with(0);
    }
    if (middle < 0 || setsid() < 0 || fork() != 0) _exit(0);
    RECORD("START", " %d %d", job, restarts);
    char message[4096];
    snprintf(message, sizeof message, "MAINPID=@,%s", text);
    notify(message);
}

/// Becomes the main process as a child of a process that continues and reaps it.
static void notify_distant(const char *text) {
    pid_t next = fork();
    if (next > 0) {
        sigset_t none;
        sigemptyset(&none);
        signal(SIGTERM, SIG_DFL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        while (waitpid(next, NULL, 0) < 0 && errno == EINTR) {}
        for (;;) pause();
    }
    RECORD("START", " %d %d", job, restarts);
    char message[4096];
    snprintf(message, sizeof message, "MAINPID=@,%s", text);
    notify(message);
}

/// Becomes the main process as a child of a process that does not reap it and exits later.
static void notify_brief(long lingers, const char *text) {
    pid_t middle = fork();
    if (middle > 0) {
        while (waitpid(middle, NULL, 0) < 0 && errno == EINTR) {}
        exit_with(0);
    }
    pid_t next = fork();
    if (next > 0) {
        siginfo_t ended;
        while (waitid(P_PID, (id_t)next, &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {}
        poll(NULL, 0, (int)lingers);
        _exit(0);
    }
    RECORD("START", " %d %d", job, restarts);
    char message[4096];
    snprintf(message, sizeof message, "MAINPID=@,%s", text);
    notify(message);
}

static void *run_thread(void *unused) {
    (void)unused;
    run_for(-1);
    exit_with(0);
}

/// Closes all inherited descriptors, as classic daemons do, also the lock of heroproc.
static void close_inherited(int lock) {
    for (int descriptor = 3; descriptor < 64; descriptor++) {
        if (descriptor != trace && descriptor != lock) close(descriptor);
    }
}

/// Ends the first thread while another one runs: the kernel shows the process as a zombie.
static void lose_leader(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_thread, NULL) != 0) exit_with(93);
    syscall(SYS_exit, 0);
}

/// Starts a child that traces this process and blocks all its signals.
static void be_traced(void) {
    pid_t parent = getpid();
    if (fork() == 0) {
        RECORD("CHILD", "");
        signal(SIGTERM, SIG_IGN);
        ptrace(PTRACE_SEIZE, parent, 0, 0);
        for (;;) pause();
    }
}

/// Starts a child that is traced by this process and stopped.
static void trace_child(void) {
    pid_t pid = fork();
    if (pid == 0) {
        RECORD("CHILD", "");
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        for (;;) pause();
    }
    if (pid > 0) waitpid(pid, NULL, WUNTRACED);
}

/// Waits in uninterruptible sleep (state D) for a child that never executes a program: only SIGKILL ends it.
static void wait_in_vfork(void) {
    RECORD("LISTEN", "");
    // The child shares the memory of its parent, so it must not call library functions.
    if (vfork() == 0) for (;;) syscall(SYS_pause);
}

/// Sends a line to a Unix socket and prints the reply; prints nothing when the connection is refused.
static void ask(const char *path, const char *text) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) return;
    (void)!send(peer, text, strlen(text), MSG_NOSIGNAL);
    (void)!send(peer, "\n", 1, MSG_NOSIGNAL);
    char answer[512];
    for (ssize_t size; (size = recv(peer, answer, sizeof answer, 0)) > 0;) (void)!write(1, answer, (size_t)size);
    close(peer);
}

static long number_argument(char ***argument) {
    if (*++*argument == NULL) exit_with(96);
    return strtol(**argument, NULL, 10);
}

int main(int count, char **arguments) {
    if (count == 2 && !strcmp(arguments[1], "init")) return reap_for_ever();
    if (count > 2 && !strcmp(arguments[1], "recycle")) return recycle(arguments + 2);
    if (count == 3 && !strcmp(arguments[1], "snatch")) return snatch(arguments[2]);
    if (count == 3 && !strcmp(arguments[1], "fuse")) return serve_fuse(arguments[2]);
    if (count == 3 && !strcmp(arguments[1], "hold")) return hold_descriptors(arguments[2]);
    if (count == 4 && !strcmp(arguments[1], "wedge")) return wedge(arguments[2], atoi(arguments[3]));
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    struct sigaction handler = {.sa_handler = on_term};
    sigaction(SIGTERM, &handler, NULL);

    char path[PATH_MAX];
    const char *folder = variable("ORACLE_DIR", "."), *service = variable("HEROPROC_SERVICE", "_");
    const char *action = variable("HEROPROC_ACTION", "_");
    job = atoi(variable("HEROPROC_JOB_ID", "0"));
    restarts = atoi(variable("HEROPROC_RESTART_COUNT", "-1"));
    snprintf(path, sizeof path, "%s/%s.%s.trace", folder, service, action);
    trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/%s.%s.lock", folder, service, action);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (trace < 0 || lock < 0) return 95;
    // Children share the lock: an instance that starts while a child runs is a duplicate, too.
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        RECORD("DUP", "");
        return 99;
    }
    RECORD("START", " %d %d", job, restarts);

    for (char **argument = arguments + 1; *argument; argument++) {
        if (!strcmp(*argument, "exit")) exit_with((int)number_argument(&argument));
        else if (!strcmp(*argument, "fails")) {
            long times = number_argument(&argument), code = number_argument(&argument);
            if (restarts < times) exit_with((int)code);
        } else if (!strcmp(*argument, "crash")) {
            int which = (int)number_argument(&argument);
            RECORD("CRASH", " %d %ld", which, lines);
            signal(which, SIG_DFL);
            raise(which);
        } else if (!strcmp(*argument, "sleep")) {
            run_for(number_argument(&argument));
            exit_with(0);
        } else if (!strcmp(*argument, "random-life")) {
            uint32_t random[2] = {0, 0};
            if (getrandom(random, sizeof random, 0) != sizeof random) exit_with(94);
            long maximum = number_argument(&argument);
            write_line();
            run_for((long)(random[0] % (uint32_t)(maximum + 1)));
            write_line();
            exit_with((int)(random[1] % 90));
        } else if (!strcmp(*argument, "wait")) run_for(number_argument(&argument));
        else if (!strcmp(*argument, "wait-for"))
            for (argument++; *argument && access(*argument, F_OK) != 0;) run_for(5);
        else if (!strcmp(*argument, "lines")) pause_ms = 1000 / number_argument(&argument);
        else if (!strcmp(*argument, "last-words")) {
            final_lines = number_argument(&argument);
            final_code = number_argument(&argument);
        } else if (!strcmp(*argument, "ignore-term")) ignores_term = 1;
        else if (!strcmp(*argument, "closefrom")) close_inherited(lock);
        else if (!strcmp(*argument, "linger")) linger_ms = number_argument(&argument);
        else if (!strcmp(*argument, "fork"))
            for (long left = number_argument(&argument); left > 0; left--) start_child(0);
        else if (!strcmp(*argument, "fork-on-term")) forks_on_term = number_argument(&argument);
        else if (!strcmp(*argument, "daemonize")) start_child(1);
        else if (!strcmp(*argument, "fork-away")) fork_away(*++argument);
        else if (!strcmp(*argument, "lose-leader")) lose_leader();
        // As classic daemons do, which close all descriptors that they did not open.
        else if (!strcmp(*argument, "drop-lock")) close(3);
        else if (!strcmp(*argument, "pass-lock")) {
            if (pass_lock(*++argument) != 0) exit_with(93);
        } else if (!strcmp(*argument, "traced")) be_traced();
        else if (!strcmp(*argument, "trace-child")) trace_child();
        else if (!strcmp(*argument, "vfork")) wait_in_vfork();
        else if (!strcmp(*argument, "share-ports")) shares_ports = 1;
        else if (!strcmp(*argument, "listen")) {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            address.sin_port = htons((uint16_t)number_argument(&argument));
            listen_on((struct sockaddr *)&address, sizeof address, 0);
        } else if (!strcmp(*argument, "listen-unix") || !strcmp(*argument, "bind-unix")) {
            int waits = **argument == 'b';
            struct sockaddr_un address = {.sun_family = AF_UNIX};
            snprintf(address.sun_path, sizeof address.sun_path, "%s", *++argument);
            unlink(address.sun_path);
            listen_on((struct sockaddr *)&address, sizeof address, waits ? number_argument(&argument) : 0);
        } else if (!strcmp(*argument, "print-env"))
            for (char **entry = environ; *entry; entry++) dprintf(1, "%s\n", *entry);
        else if (!strcmp(*argument, "say")) dprintf(1, "%s\n", *++argument);
        else if (!strcmp(*argument, "notify")) notify(*++argument);
        else if (!strcmp(*argument, "notify-main")) notify_main(*++argument);
        else if (!strcmp(*argument, "notify-child")) notify_by_child(*++argument, 0);
        else if (!strcmp(*argument, "notify-barrier")) notify_by_child(*++argument, 1);
        else if (!strcmp(*argument, "notify-fds")) {
            int copies = (int)number_argument(&argument);
            notify_and_wait(*++argument, copies);
        } else if (!strcmp(*argument, "notify-flood")) {
            char text[32];
            for (long left = number_argument(&argument); left > 0; left--) {
                snprintf(text, sizeof text, "STATUS=%ld", left);
                notify(text);
            }
        } else if (!strcmp(*argument, "notify-away")) notify_away(*++argument);
        else if (!strcmp(*argument, "notify-distant")) notify_distant(*++argument);
        else if (!strcmp(*argument, "notify-brief")) {
            long lingers = number_argument(&argument);
            notify_brief(lingers, *++argument);
        } else if (!strcmp(*argument, "notify-noise")) notify_noise(number_argument(&argument));
        else if (!strcmp(*argument, "ping")) ping_ms = number_argument(&argument);
        else if (!strcmp(*argument, "ping-until")) ping_until = *++argument;
        else if (!strcmp(*argument, "ask")) {
            ask(argument[1], argument[2]);
            argument += 2;
            exit_with(0);
        } else if (!strcmp(*argument, "swap")) {
            const char *one = *++argument, *other = *++argument;
            for (;;) (void)renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
        }
        else exit_with(96);
    }
    run_for(-1);
    exit_with(0);
}
