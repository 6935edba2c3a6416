// The oracle: a workload that keeps its own books, so that no test has to believe what heroproc says of it
// (reliability.md 6.2). It holds a lock of its own; a second instance of one action finds it taken and says DUP.
// Its trace is $ORACLE_DIR/<service>.<action>.trace, one write(2) a record, times in nanoseconds of CLOCK_BOOTTIME:
//   START pid time job restart_count    TERM pid time    EXIT pid time code lines    CRASH pid time signal lines
//   CHILD pid time                      DUP pid time     LISTEN pid time
//
// Its arguments are deeds, done in their order; after the last one it lives for ever.
//   exit CODE | fails TIMES CODE | crash SIGNAL | sleep MS | random-life MAX_MS | wait MS | wait-for PATH | lines PER_SECOND |
//   ignore-term | linger MS | fork N | fork-on-term N | daemonize | fork-away PID_FILE | lose-leader | listen PORT | listen-unix PATH | print-env | say TEXT |
//   swap PATH PATH (for ever) | ask SOCKET TEXT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int trace, job, restarts, ignores_term, listeners;
static long lines, pause_ms = -1, linger_ms, forks_on_term;
static struct pollfd sockets[16];

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

static _Noreturn void leave(int code) {
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
    if (write(1, text, (size_t)size) != size) leave(98);
}

static void child(int detached);

static void terminated(void) {
    RECORD("TERM", "");
    for (; forks_on_term > 0; forks_on_term--) child(1);
    if (ignores_term) return;
    if (linger_ms > 0) usleep((useconds_t)linger_ms * 1000);
    leave(0);
}

/// Lives until a moment (-1: for ever): writes its lines, answers whoever connects, and heeds SIGTERM.
static void live(long milliseconds) {
    long long end = milliseconds < 0 ? LLONG_MAX : now() + milliseconds * 1000000LL;
    long long next_line = pause_ms < 0 ? LLONG_MAX : now();
    sigset_t none;
    sigemptyset(&none);
    for (;;) {
        long long time = now();
        if (time >= end) return;
        if (time >= next_line) {
            write_line();
            next_line = pause_ms == 0 ? time : next_line + pause_ms * 1000000LL;
            continue;
        }
        long long until = end < next_line ? end : next_line;
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
    terminated();
}

static void serve(const struct sockaddr *address, socklen_t size) {
    int one = 1, descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(descriptor, address, size) != 0 || listen(descriptor, 64) != 0 || listeners == 16) {
        dprintf(2, "cannot listen: %s\n", strerror(errno));
        leave(97);
    }
    RECORD("LISTEN", "");
    sockets[listeners++] = (struct pollfd){.fd = descriptor, .events = POLLIN};
}

/// A child that outlives nothing but what is killed; like its parent it ignores SIGTERM or not.
static void child(int detached) {
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
        leave(0);
    }
    if (middle < 0 || setsid() < 0 || fork() != 0) _exit(0);
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    dprintf(file, "%d\n", (int)getpid());
    close(file);
    RECORD("START", " %d %d", job, restarts);
    rename(beside, path);
}

static void *go_on(void *rest) {
    (void)rest;
    live(-1);
    leave(0);
}

/// Its first thread ends, another one lives on: what the kernel shows is a zombie that is none.
static void lose_leader(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, go_on, NULL) != 0) leave(93);
    syscall(SYS_exit, 0);
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

static long number(char ***place) {
    if (*++*place == NULL) leave(96);
    return strtol(**place, NULL, 10);
}

int main(int count, char **words) {
    (void)count;
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
        if (!strcmp(*word, "exit")) leave((int)number(&word));
        else if (!strcmp(*word, "fails")) {
            long times = number(&word), code = number(&word);
            if (restarts < times) leave((int)code);
        } else if (!strcmp(*word, "crash")) {
            int which = (int)number(&word);
            RECORD("CRASH", " %d %ld", which, lines);
            signal(which, SIG_DFL);
            raise(which);
        } else if (!strcmp(*word, "sleep")) {
            live(number(&word));
            leave(0);
        } else if (!strcmp(*word, "random-life")) {
            uint32_t random[2] = {0, 0};
            if (getrandom(random, sizeof random, 0) != sizeof random) leave(94);
            long most = number(&word);
            write_line();
            live((long)(random[0] % (uint32_t)(most + 1)));
            write_line();
            leave((int)(random[1] % 90));
        } else if (!strcmp(*word, "wait")) live(number(&word));
        else if (!strcmp(*word, "wait-for")) for (word++; *word && access(*word, F_OK) != 0;) live(5);
        else if (!strcmp(*word, "lines")) pause_ms = 1000 / number(&word);
        else if (!strcmp(*word, "ignore-term")) ignores_term = 1;
        else if (!strcmp(*word, "linger")) linger_ms = number(&word);
        else if (!strcmp(*word, "fork")) for (long left = number(&word); left > 0; left--) child(0);
        else if (!strcmp(*word, "fork-on-term")) forks_on_term = number(&word);
        else if (!strcmp(*word, "daemonize")) child(1);
        else if (!strcmp(*word, "fork-away")) fork_away(*++word);
        else if (!strcmp(*word, "lose-leader")) lose_leader();
        else if (!strcmp(*word, "listen")) {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            address.sin_port = htons((uint16_t)number(&word));
            serve((struct sockaddr *)&address, sizeof address);
        } else if (!strcmp(*word, "listen-unix")) {
            struct sockaddr_un address = {.sun_family = AF_UNIX};
            snprintf(address.sun_path, sizeof address.sun_path, "%s", *++word);
            unlink(address.sun_path);
            serve((struct sockaddr *)&address, sizeof address);
        } else if (!strcmp(*word, "print-env")) for (char **entry = environ; *entry; entry++) dprintf(1, "%s\n", *entry);
        else if (!strcmp(*word, "say")) dprintf(1, "%s\n", *++word);
        else if (!strcmp(*word, "ask")) {
            ask(word[1], word[2]);
            word += 2;
            leave(0);
        } else if (!strcmp(*word, "swap")) {
            const char *one = *++word, *other = *++word;
            for (;;) (void)renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
        }
        else leave(96);
    }
    live(-1);
    leave(0);
}
