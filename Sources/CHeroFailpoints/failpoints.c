#define _GNU_SOURCE
#include "CHeroFailpoints.h"

#if FAILPOINTS

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NAME(name, process, place) #name,
static const char *const names[] = {HERO_FAILPOINTS(NAME)};
#define TEXT(name, text) text,
static const char *const mechanisms[] = {HERO_MECHANISMS(TEXT)};

static const char points_variable[] = "HEROPROC_FP", hits_variable[] = "HEROPROC_FP_HITS";
static const char disabled_variable[] = "HEROPROC_TEST_DISABLE", condition_variable[] = "HEROPROC_FP_WHILE";

enum action { NOTHING, KILL, STOP, SLEEP, FAIL, PANIC };

static struct {
    enum action action;
    int error;
    long milliseconds;
    unsigned long at;
    atomic_ulong hits;
} points[HERO_POINT_COUNT];

static char is_disabled[HERO_MECHANISM_COUNT];

/// Set once, before main runs: no thread and no fork exists yet.
static int is_armed;

static _Noreturn void reject_setting(const char *variable, const char *text, size_t size) {
    dprintf(2, "cannot parse `%.*s` in %s\n", (int)size, text, variable);
    _exit(70);
}

static int is_named(const char *name, const char *text, size_t size) {
    if (strlen(name) != size) return 0;
    for (size_t index = 0; index < size; index++) {
        if (text[index] != (name[index] == '_' ? '-' : name[index])) return 0;
    }
    return 1;
}

static int error_number(const char *text, size_t size) {
    static const struct {
        const char *name;
        int number;
    } errors[] = {
        {"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EINTR", EINTR}, {"EAGAIN", EAGAIN}, {"EDQUOT", EDQUOT},
        {"EROFS", EROFS},   {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}, {"EACCES", EACCES},
    };
    for (size_t index = 0; index < sizeof errors / sizeof errors[0]; index++) {
        if (is_named(errors[index].name, text, size)) return errors[index].number;
    }
    return 0;
}

/// Parses an action such as `kill9`, `sleep:50ms` or `err:ENOSPC`; 0 when it is invalid.
static int parse_action(int point, const char *text, size_t size) {
    if (is_named("kill9", text, size)) return points[point].action = KILL;
    if (is_named("stop", text, size)) return points[point].action = STOP;
    if (is_named("panic", text, size)) return points[point].action = PANIC;
    if (size > 6 && memcmp(text, "sleep:", 6) == 0) {
        char *unit;
        points[point].milliseconds = strtol(text + 6, &unit, 10);
        if (unit == text + size - 1 && *unit == 's') points[point].milliseconds *= 1000;
        else if (unit != text + size - 2 || memcmp(unit, "ms", 2) != 0) return 0;
        return points[point].action = SLEEP;
    }
    if (size > 4 && memcmp(text, "err:", 4) == 0) {
        points[point].error = error_number(text + 4, size - 4);
        return points[point].error == 0 ? 0 : (points[point].action = FAIL);
    }
    return 0;
}

/// Parses a setting such as `FP-ST-3=kill9@2`.
static void parse_point(const char *text, size_t size) {
    const char *equals = memchr(text, '=', size);
    size_t length = equals == NULL ? size : (size_t)(equals - text);
    for (int point = 0; equals != NULL && point < HERO_POINT_COUNT; point++) {
        if (!is_named(names[point], text, length)) continue;
        const char *action = equals + 1, *end = text + size, *at = memchr(action, '@', (size_t)(end - action));
        if (at != NULL) {
            char *rest;
            points[point].at = strtoul(at + 1, &rest, 10);
            if (rest != end || points[point].at == 0) break;
            end = at;
        }
        if (parse_action(point, action, (size_t)(end - action)) == 0) break;
        is_armed = 1;
        return;
    }
    reject_setting(points_variable, text, size);
}

static void parse_mechanism(const char *text, size_t size) {
    for (int index = 0; index < HERO_MECHANISM_COUNT; index++) {
        if (is_named(mechanisms[index], text, size)) {
            is_disabled[index] = 1;
            return;
        }
    }
    reject_setting(disabled_variable, text, size);
}

static void for_each_item(const char *variable, const char *separator, void (*take)(const char *, size_t)) {
    const char *text = getenv(variable);
    while (text != NULL && *text != 0) {
        size_t size = strcspn(text, separator);
        if (size > 0) take(text, size);
        text += size + (text[size] != 0);
    }
}

__attribute__((constructor)) static void read_environment(void) {
    for_each_item(points_variable, ";", parse_point);
    for_each_item(disabled_variable, ",", parse_mechanism);
}

/// Whether the file of HEROPROC_FP_WHILE exists, or the variable is not set.
static int is_condition_met(void) {
    const char *path = getenv(condition_variable);
    return path == NULL || *path == 0 || access(path, F_OK) == 0;
}

/// Whether this process is the first one that fires, of all that share the folder; true without a folder.
static int claim_hit(enum hero_point point) {
    const char *folder = getenv(hits_variable);
    if (folder == NULL || *folder == 0) return 1;
    char path[PATH_MAX];
    size_t length = (size_t)snprintf(path, sizeof path, "%s/%s", folder, names[point]);
    for (size_t index = length - strlen(names[point]); index < length; index++) {
        if (path[index] == '_') path[index] = '-';
    }
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return 0;
    // The system call, because the C library may have cached another PID in the child of a raw clone.
    dprintf(file, "%ld\n", syscall(SYS_getpid));
    close(file);
    return 1;
}

static void signal_self(int number) {
    syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), number);
}

int hero_failpoint(enum hero_point point) {
    if (!is_armed || points[point].action == NOTHING || !is_condition_met()) return 0;
    unsigned long hit = atomic_fetch_add(&points[point].hits, 1) + 1;
    if ((points[point].at != 0 && points[point].at != hit) || !claim_hit(point)) return 0;
    switch (points[point].action) {
    case NOTHING: break;
    case KILL: signal_self(SIGKILL); break;
    case STOP: signal_self(SIGSTOP); break;
    case PANIC: __builtin_trap();
    case FAIL: return points[point].error;
    case SLEEP: {
        long left = points[point].milliseconds;
        struct timespec time = {.tv_sec = left / 1000, .tv_nsec = (left % 1000) * 1000000};
        while (nanosleep(&time, &time) != 0 && errno == EINTR) {}
    }
    }
    return 0;
}

int hero_failpoint_is_armed(enum hero_point point) {
    return is_armed && points[point].action != NOTHING;
}

int hero_is_disabled(enum hero_mechanism mechanism) {
    return is_disabled[mechanism];
}

char *const *hero_failpoint_environment(char *const *otherwise) {
    (void)otherwise;
    static char *passed[5];
    int count = 0;
    for (char **entry = environ; *entry != NULL && count < 4; entry++) {
        if (!strncmp(*entry, "HEROPROC_FP=", 12) || !strncmp(*entry, "HEROPROC_FP_HITS=", 17)
            || !strncmp(*entry, "HEROPROC_FP_WHILE=", 18) || !strncmp(*entry, "HEROPROC_TEST_DISABLE=", 22)) {
            passed[count++] = *entry;
        }
    }
    passed[count] = NULL;
    return passed;
}

/// Whether the path of a descriptor has this ending.
static int has_path_ending(int descriptor, const char *ending) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    long length = readlink(link, path, sizeof path);
    size_t size = strlen(ending);
    return length >= (long)size && length < (long)sizeof path && !memcmp(path + length - size, ending, size);
}

long hero_failing_pwrite(int descriptor, const void *bytes, unsigned long size, long offset) {
    int error = has_path_ending(descriptor, ".db") ? hero_failpoint(FP_DB_2) : 0;
    if (error != 0) return errno = error, -1;
    long result = pwrite(descriptor, bytes, size, offset);
    error = has_path_ending(descriptor, ".db-wal") ? hero_failpoint(FP_DB_1) : 0;
    return error != 0 ? (errno = error, -1) : result;
}

#else

// Empty: every failpoint is an empty function in the header.
typedef int hero_no_failpoints;

#endif
