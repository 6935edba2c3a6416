// The oracle: a workload that keeps its own books, so that no test has to believe what heroproc says of it
// (reliability.md 6.2). It holds a lock of its own; a second instance of one action finds it taken and says DUP.
// Its trace is $ORACLE_DIR/<service>.<action>.trace, one write(2) a record, times in nanoseconds of CLOCK_BOOTTIME:
//   START pid time job restart_count    TERM pid time    EXIT pid time code lines    CRASH pid time signal lines
//   CHILD pid time                      DUP pid time     LISTEN pid time   RELEASED pid time
//
// `init`, `recycle`, `snatch` and `fuse` are no deeds: see oracle.h. Other arguments are deeds, done in their order; after the last one it lives for ever.
//   exit CODE | fails TIMES CODE | crash SIGNAL | sleep MS | random-life MAX_MS | wait MS | wait-for PATH | lines PER_SECOND |
//   last-words LINES CODE (on SIGTERM) | ignore-term | closefrom | linger MS | fork N | fork-on-term N | daemonize | fork-away PID_FILE | lose-leader | traced | trace-child | vfork | drop-lock | share-ports (those after it) | listen PORT | listen-unix PATH |
//   bind-unix PATH MS (listens only then) | print-env | say TEXT |
//   notify TEXT | notify-main PATH | notify-child TEXT | notify-barrier TEXT | notify-fds N TEXT | notify-flood N | notify-away TEXT |
//   notify-distant TEXT | notify-brief PARENT_MS TEXT | notify-noise N | ping MS | ping-until PATH |
//   swap PATH PATH (for ever) | ask SOCKET TEXT
// A TEXT for NOTIFY_SOCKET has `,` for a line feed, `+` for a blank and `@` for the sender's own pid; notify-main says the pid
// that stands in a file.
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

#define RECORD(word, format, ...) \
    dprintf(trace, word " %d %lld" format "\n", (int)getpid(), now() __VA_OPT__(, ) __VA_ARGS__)

static const char *variable(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static _Noreturn void exit_with(int code) {
    RECORD("EXIT", " %d %ld", code, lines);
    _exit(code);
}

/// One numbered line with the checksum (FNV-1a) of what stands before it; long enough to be torn if anything tears.
static void write_line(void) {
    char text[256];
    int size = snprintf(text, sizeof text, "line %d %d %ld ", job, restarts, ++lines);
    for (; size < 90; size++) text[size] = (char)('a' + (lines + size) % 26);
    uint32_t hash = 2166136261u;
    for (int i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    size += snprintf(text + size, sizeof text - (size_t)size, " %08x\n", hash);
    long long begun = now();
    if (write(1, text, (size_t)size) != size) exit_with(98);
    // Whoever reads it held us up.
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
        // Slowly enough to be met in the middle of it.
        if (final_lines % 64 == 0) usleep(1000);
    }
    exit_with((int)final_code);
}

/// Sends bytes to NOTIFY_SOCKET, with so many copies of a descriptor.
static void send_message(char *words, size_t size, int descriptor, int copies) {
    const char *name = variable("NOTIFY_SOCKET", "");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length < 2 || length >= sizeof address.sun_path) exit_with(92);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = 0;
    struct iovec place = {.iov_base = words, .iov_len = size};
    union {
        char bytes[CMSG_SPACE(253 * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length),
        .msg_iov = &place, .msg_iovlen = 1};
    if (copies > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)copies * sizeof(int));
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN((size_t)copies * sizeof(int));
        for (int i = 0; i < copies; i++) memcpy(CMSG_DATA(part) + (size_t)i * sizeof(int), &descriptor, sizeof descriptor);
    }
    int talker = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (talker < 0 || sendmsg(talker, &message, MSG_NOSIGNAL) < 0) {
        dprintf(2, "cannot notify: %s\n", strerror(errno));
        exit_with(91);
    }
    close(talker);
}

/// Says something on NOTIFY_SOCKET.
static void notify_with(const char *text, int descriptor, int copies) {
    char words[8192];
    size_t size = 0;
    for (; *text && size < sizeof words - 16; text++) {
        if (*text == '@') size += (size_t)sprintf(words + size, "%d", (int)getpid());
        else words[size++] = *text == ',' ? '\n' : *text == '+' ? ' ' : *text;
    }
    send_message(words, size, descriptor, copies);
}

static void notify(const char *text) {
    notify_with(text, -1, 0);
}

/// Sends a pipe along and waits until nobody holds it any more: sd_notify_barrier(3), and what closes descriptors.
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

/// A helper such as systemd-notify, gone and reaped when we go on.
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

/// Bytes and words that nobody means, the same each time.
static void notify_noise(long count) {
    static const char *const words[] = {"READY=0", "MAINPID=", "STATUS=", "WATCHDOG_USEC=", "=", "\n", "\n\n", "7", "1"};
    uint32_t random = 2463534242u;
    for (; count > 0; count--) {
        char text[6000];
        size_t size = 0;
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        size_t wanted = random % (random & 1 ? 60 : 5000);
        while (size < wanted) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            const char *word = words[random % 9];
            if (random & 256) text[size++] = (char)(random >> 24);
            else for (; *word; word++) text[size++] = *word;
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

/// Lives until a moment (-1: for ever): writes its lines, answers whoever connects, and heeds SIGTERM.
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
            // Who never rests must be heard all the same.
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
        struct timespec rest = {(until - time) / 1000000000LL, (until - time) % 1000000000LL};
        // A signal is only let in here, so its handler meets nothing half done.
        if (ppoll(sockets, (nfds_t)listeners, until == LLONG_MAX ? NULL : &rest, &none) <= 0) continue;
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

static void listen_on(const struct sockaddr *address, socklen_t size, long pause) {
    int one = 1, descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (shares_ports) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    int is_bound = bind(descriptor, address, size) == 0;
    if (is_bound && pause > 0) run_for(pause);
    if (!is_bound || listen(descriptor, 64) != 0 || listeners == 16) {
        dprintf(2, "cannot listen: %s\n", strerror(errno));
        exit_with(97);
    }
    RECORD("LISTEN", "");
    sockets[listeners++] = (struct pollfd){.fd = descriptor, .events = POLLIN};
}

/// A child that outlives nothing but what is killed; like its parent it ignores SIGTERM or not.
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

/// Becomes a daemon that names itself in a file, as its last deed before it goes on: its first process ends well.
static void fork_away(const char *path) {
    unlink(path);
    char beside[PATH_MAX];
    snprintf(beside, sizeof beside, "%s~", path);
    pid_t middle = fork();
    if (middle > 0) {
        // Ends only when the file is there, as a careful daemon does.
        while (access(path, F_OK) != 0) usleep(1000);
        exit_with(0);
    }
    if (middle < 0 || setsid() < 0 || fork() != 0) _exit(0);
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    dprintf(file, "%d\n", (int)getpid());
    close(file);
    RECORD("START", " %d %d", job, restarts);
    rename(beside, path);
}

/// Becomes a daemon that names itself with MAINPID; its first process does not wait for that.
static void notify_away(const char *text) {
    pid_t middle = fork();
    if (middle > 0) {
        while (waitpid(middle, NULL, 0) < 0 && errno == EINTR) {}
        exit_with(0);
    }
    if (middle < 0 || setsid() < 0 || fork() != 0) _exit(0);
    RECORD("START", " %d %d", job, restarts);
    char words[4096];
    snprintf(words, sizeof words, "MAINPID=@,%s", text);
    notify(words);
}

/// Becomes the main process as the child of one that goes on and reaps it.
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
    char words[4096];
    snprintf(words, sizeof words, "MAINPID=@,%s", text);
    notify(words);
}

/// Becomes the main process as the child of one that does not take in its end, and goes itself so long after that.
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
    char words[4096];
    snprintf(words, sizeof words, "MAINPID=@,%s", text);
    notify(words);
}

static void *run_thread(void *rest) {
    (void)rest;
    run_for(-1);
    exit_with(0);
}

/// Closes what it inherited and did not open itself, as classic daemons do: also the lock that heroproc has given it.
static void close_inherited(int lock) {
    for (int descriptor = 3; descriptor < 64; descriptor++) {
        if (descriptor != trace && descriptor != lock) close(descriptor);
    }
}

/// Its first thread ends, another one lives on: what the kernel shows is a zombie that is none.
static void lose_leader(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_thread, NULL) != 0) exit_with(93);
    syscall(SYS_exit, 0);
}

/// A child that holds us like a debugger and never lets a signal through: each of them stops us for good.
static void be_traced(void) {
    pid_t parent = getpid();
    if (fork() == 0) {
        RECORD("CHILD", "");
        signal(SIGTERM, SIG_IGN);
        ptrace(PTRACE_SEIZE, parent, 0, 0);
        for (;;) pause();
    }
}

/// A child that stands still under our own eyes, as in a debugger whose user has gone home.
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

/// Waits in the kernel (state D) for a child that never executes anything: no signal but SIGKILL reaches us.
static void wait_in_vfork(void) {
    RECORD("LISTEN", "");
    // The child borrows our memory until it executes: no library may be used there.
    if (vfork() == 0) for (;;) syscall(SYS_pause);
}

/// Sends a line to a Unix socket and writes what comes back; who is not let in hears nothing.
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

static long number_argument(char ***place) {
    if (*++*place == NULL) exit_with(96);
    return strtol(**place, NULL, 10);
}

int main(int count, char **words) {
    if (count == 2 && !strcmp(words[1], "init")) return reap_for_ever();
    if (count > 2 && !strcmp(words[1], "recycle")) return recycle(words + 2);
    if (count == 3 && !strcmp(words[1], "snatch")) return snatch(words[2]);
    if (count == 3 && !strcmp(words[1], "fuse")) return serve_fuse(words[2]);
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
    // Children share the lock: who starts while one of them lives is a duplicate, too.
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        RECORD("DUP", "");
        return 99;
    }
    RECORD("START", " %d %d", job, restarts);

    for (char **word = words + 1; *word; word++) {
        if (!strcmp(*word, "exit")) exit_with((int)number_argument(&word));
        else if (!strcmp(*word, "fails")) {
            long times = number_argument(&word), code = number_argument(&word);
            if (restarts < times) exit_with((int)code);
        } else if (!strcmp(*word, "crash")) {
            int which = (int)number_argument(&word);
            RECORD("CRASH", " %d %ld", which, lines);
            signal(which, SIG_DFL);
            raise(which);
        } else if (!strcmp(*word, "sleep")) {
            run_for(number_argument(&word));
            exit_with(0);
        } else if (!strcmp(*word, "random-life")) {
            uint32_t random[2] = {0, 0};
            if (getrandom(random, sizeof random, 0) != sizeof random) exit_with(94);
            long most = number_argument(&word);
            write_line();
            run_for((long)(random[0] % (uint32_t)(most + 1)));
            write_line();
            exit_with((int)(random[1] % 90));
        } else if (!strcmp(*word, "wait")) run_for(number_argument(&word));
        else if (!strcmp(*word, "wait-for")) for (word++; *word && access(*word, F_OK) != 0;) run_for(5);
        else if (!strcmp(*word, "lines")) pause_ms = 1000 / number_argument(&word);
        else if (!strcmp(*word, "last-words")) {
            final_lines = number_argument(&word);
            final_code = number_argument(&word);
        } else if (!strcmp(*word, "ignore-term")) ignores_term = 1;
        else if (!strcmp(*word, "closefrom")) close_inherited(lock);
        else if (!strcmp(*word, "linger")) linger_ms = number_argument(&word);
        else if (!strcmp(*word, "fork")) for (long left = number_argument(&word); left > 0; left--) start_child(0);
        else if (!strcmp(*word, "fork-on-term")) forks_on_term = number_argument(&word);
        else if (!strcmp(*word, "daemonize")) start_child(1);
        else if (!strcmp(*word, "fork-away")) fork_away(*++word);
        else if (!strcmp(*word, "lose-leader")) lose_leader();
        // As classic daemons do, which close whatever they did not open.
        else if (!strcmp(*word, "drop-lock")) close(3);
        else if (!strcmp(*word, "traced")) be_traced();
        else if (!strcmp(*word, "trace-child")) trace_child();
        else if (!strcmp(*word, "vfork")) wait_in_vfork();
        else if (!strcmp(*word, "share-ports")) shares_ports = 1;
        else if (!strcmp(*word, "listen")) {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            address.sin_port = htons((uint16_t)number_argument(&word));
            listen_on((struct sockaddr *)&address, sizeof address, 0);
        } else if (!strcmp(*word, "listen-unix") || !strcmp(*word, "bind-unix")) {
            int waits = **word == 'b';
            struct sockaddr_un address = {.sun_family = AF_UNIX};
            snprintf(address.sun_path, sizeof address.sun_path, "%s", *++word);
            unlink(address.sun_path);
            listen_on((struct sockaddr *)&address, sizeof address, waits ? number_argument(&word) : 0);
        } else if (!strcmp(*word, "print-env")) for (char **entry = environ; *entry; entry++) dprintf(1, "%s\n", *entry);
        else if (!strcmp(*word, "say")) dprintf(1, "%s\n", *++word);
        else if (!strcmp(*word, "notify")) notify(*++word);
        else if (!strcmp(*word, "notify-main")) notify_main(*++word);
        else if (!strcmp(*word, "notify-child")) notify_by_child(*++word, 0);
        else if (!strcmp(*word, "notify-barrier")) notify_by_child(*++word, 1);
        else if (!strcmp(*word, "notify-fds")) {
            int copies = (int)number_argument(&word);
            notify_and_wait(*++word, copies);
        } else if (!strcmp(*word, "notify-flood")) {
            char text[32];
            for (long left = number_argument(&word); left > 0; left--) {
                snprintf(text, sizeof text, "STATUS=%ld", left);
                notify(text);
            }
        } else if (!strcmp(*word, "notify-away")) notify_away(*++word);
        else if (!strcmp(*word, "notify-distant")) notify_distant(*++word);
        else if (!strcmp(*word, "notify-brief")) {
            long lingers = number_argument(&word);
            notify_brief(lingers, *++word);
        } else if (!strcmp(*word, "notify-noise")) notify_noise(number_argument(&word));
        else if (!strcmp(*word, "ping")) ping_ms = number_argument(&word);
        else if (!strcmp(*word, "ping-until")) ping_until = *++word;
        else if (!strcmp(*word, "ask")) {
            ask(word[1], word[2]);
            word += 2;
            exit_with(0);
        } else if (!strcmp(*word, "swap")) {
            const char *one = *++word, *other = *++word;
            for (;;) (void)renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
        }
        else exit_with(96);
    }
    run_for(-1);
    exit_with(0);
}
