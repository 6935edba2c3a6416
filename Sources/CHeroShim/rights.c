#define _GNU_SOURCE
#include "rights.h"

#include "decimal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// oom_score_adj before the shim protected itself: the default for its program.
static int inherited_score;
static int is_protected;

static int read_score(int *score) {
    int file = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    char text[16];
    long size = read(file, text, sizeof text);
    close(file);
    if (size <= 0) return -1;
    int is_negative = text[0] == '-';
    int value = 0;
    for (long index = is_negative; index < size && text[index] >= '0' && text[index] <= '9'; index++) {
        value = value * 10 + (text[index] - '0');
    }
    *score = is_negative ? -value : value;
    return 0;
}

static int write_score(int score) {
    char text[24];
    char *digits = text;
    if (score < 0) *digits++ = '-';
    long size = write_decimal(digits, (uint64_t)(score < 0 ? -score : score)) - text;
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    int result = write(file, text, (size_t)size) == size ? 0 : -1;
    int error = errno;
    close(file);
    errno = error;
    return result;
}

void rights_protect_shim(void) {
    if (geteuid() != 0 || read_score(&inherited_score) != 0) return;
    is_protected = write_score(-1000) == 0;
}

void rights_unprotect(void) {
    if (is_protected) (void)write_score(inherited_score);
}

static int set_limit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit wanted = {.rlim_cur = soft, .rlim_max = hard};
    if (setrlimit(resource, &wanted) == 0) return 0;
    // A value above the hard limit of heroproc may need a right that it does not have: the start uses what is possible.
    int error = errno;
    struct rlimit own;
    if (error != EPERM || getrlimit(resource, &own) != 0 || own.rlim_max >= hard) {
        errno = error;
        return -1;
    }
    own.rlim_cur = soft < own.rlim_max ? soft : own.rlim_max;
    return setrlimit(resource, &own);
}

/// Sets a limit of a spec until version 6.
static int set_old_limit(int resource, uint64_t value) {
    return value == HERO_NO_LIMIT ? 0 : set_limit(resource, value, value);
}

static int set_open_files_limit(uint64_t soft) {
    if (soft == 0) return 0;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    limit.rlim_cur = soft;
    if (limit.rlim_max < soft) limit.rlim_max = soft;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

static const struct {
    int resource;
    enum hero_stage stage;
} limit_kinds[HERO_LIMIT_COUNT] = {
    [HERO_LIMIT_OPEN_FILES] = {RLIMIT_NOFILE, HERO_STAGE_LIMIT_OPEN_FILES},
    [HERO_LIMIT_PROCESSES] = {RLIMIT_NPROC, HERO_STAGE_LIMIT_PROCESSES},
    [HERO_LIMIT_CORE] = {RLIMIT_CORE, HERO_STAGE_LIMIT_CORE},
    [HERO_LIMIT_ADDRESS_SPACE] = {RLIMIT_AS, HERO_STAGE_LIMIT_MEMORY},
    [HERO_LIMIT_LOCKED_MEMORY] = {RLIMIT_MEMLOCK, HERO_STAGE_LIMIT_LOCKED_MEMORY},
    [HERO_LIMIT_FILE_SIZE] = {RLIMIT_FSIZE, HERO_STAGE_LIMIT_FILE_SIZE},
    [HERO_LIMIT_STACK] = {RLIMIT_STACK, HERO_STAGE_LIMIT_STACK},
};

enum hero_stage rights_apply_limits(
    const struct hero_rights *rights, const struct hero_attributes *attributes, uint64_t open_files_soft) {
    if (rights->sets_oom_score != 0 || is_protected) {
        int score = rights->sets_oom_score != 0 ? rights->oom_score : inherited_score;
        if (write_score(score) != 0) return HERO_STAGE_OOM_SCORE;
    }
    int has_own = rights->open_files != HERO_NO_LIMIT || (attributes->set_limits & 1u << HERO_LIMIT_OPEN_FILES) != 0;
    if (!has_own && set_open_files_limit(open_files_soft) != 0) return HERO_STAGE_LIMITS;
    if (set_old_limit(RLIMIT_NOFILE, rights->open_files) != 0) return HERO_STAGE_LIMIT_OPEN_FILES;
    if (set_old_limit(RLIMIT_NPROC, rights->processes) != 0) return HERO_STAGE_LIMIT_PROCESSES;
    if (set_old_limit(RLIMIT_CORE, rights->core_bytes) != 0) return HERO_STAGE_LIMIT_CORE;
    if (set_old_limit(RLIMIT_AS, rights->memory_bytes) != 0) return HERO_STAGE_LIMIT_MEMORY;
    for (int kind = 0; kind < HERO_LIMIT_COUNT; kind++) {
        if ((attributes->set_limits & 1u << kind) == 0) continue;
        const struct hero_limit *limit = &attributes->limits[kind];
        if (set_limit(limit_kinds[kind].resource, limit->soft, limit->hard) != 0) return limit_kinds[kind].stage;
    }
    return HERO_STAGE_NONE;
}

enum hero_stage rights_apply_priorities(const struct hero_attributes *attributes) {
    if (attributes->sets_nice != 0 && setpriority(PRIO_PROCESS, 0, attributes->nice) != 0) return HERO_STAGE_NICE;
    // IOPRIO_WHO_PROCESS is 1, and 0 is the calling process.
    if (attributes->io_priority != 0 && syscall(SYS_ioprio_set, 1L, 0L, (long)attributes->io_priority) != 0) {
        return HERO_STAGE_IO_PRIORITY;
    }
    return HERO_STAGE_NONE;
}

/// Whether all IDs are those of the new user and cannot be changed back.
static int has_changed_user(const struct hero_rights *rights) {
    uid_t uids[3];
    gid_t gids[3];
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 || getresgid(&gids[0], &gids[1], &gids[2]) != 0) return 0;
    for (int index = 0; index < 3; index++) {
        if (uids[index] != rights->uid || gids[index] != rights->gid) return 0;
    }
    if (getgroups(0, NULL) != (int)rights->group_count) return 0;
    return rights->uid == 0 || syscall(SYS_setuid, 0) != 0;
}

enum hero_stage rights_change_user(
    const struct hero_rights *rights, const void *groups, const struct shim_confinement *confinement) {
    int is_root = (rights->changes_user != 0 ? rights->uid : geteuid()) == 0;
    uint64_t kept = confinement->capabilities;
    if (confinement->limits_capabilities != 0) {
        // A program without privileges that can never gain any does not need a smaller bounding set.
        int must_succeed = is_root || rights->no_new_privileges == 0;
        if (hero_drop_bounding_capabilities(kept, must_succeed) != 0) return HERO_STAGE_CAPABILITIES;
    }
    if (rights->changes_user != 0) {
        // The program may open its output again by name: /dev/stdout (LG-9).
        if (fchown(1, rights->uid, rights->gid) != 0 || fchown(2, rights->uid, rights->gid) != 0) {
            return HERO_STAGE_USER;
        }
        // System calls, because the functions of the C library would synchronise with other threads, and there are
        // none.
        if (syscall(SYS_setgroups, (long)rights->group_count, groups) != 0) return HERO_STAGE_USER;
        if (syscall(SYS_setresgid, rights->gid, rights->gid, rights->gid) != 0) return HERO_STAGE_USER;
        if (syscall(SYS_setresuid, rights->uid, rights->uid, rights->uid) != 0) return HERO_STAGE_USER;
        if (!has_changed_user(rights)) {
            errno = EPERM;
            return HERO_STAGE_USER;
        }
    }
    if (confinement->limits_capabilities != 0 && hero_set_capabilities(kept, is_root) != 0) {
        return HERO_STAGE_CAPABILITIES;
    }
    if (rights->no_new_privileges != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return HERO_STAGE_PRIVILEGES;
    return HERO_STAGE_NONE;
}
