#define _GNU_SOURCE
#include "CHeroShim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIDFS_MAGIC = 0x50494446 };

/// The kernel's own record of a directory entry (getdents64(2)).
struct directory_entry {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

int shim_peek_exit(struct shim_exit_info *ended) {
    siginfo_t info = {0};
    struct rusage usage = {0};
    // The raw call: it alone gives the resources used of a child that is not reaped yet.
    if (syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, &usage) != 0) return -errno;
    if (info.si_pid == 0) return 0;
    ended->pid = info.si_pid;
    ended->kind = info.si_code == CLD_EXITED ? HERO_EXIT_EXITED : HERO_EXIT_SIGNALED;
    ended->status = info.si_status;
    ended->core_dumped = info.si_code == CLD_DUMPED;
    ended->user_time_us = (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec;
    ended->system_time_us = (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
    ended->max_rss_kib = usage.ru_maxrss;
    return 1;
}

int shim_reap(int pid) {
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED) != 0) {
        if (errno != EINTR) return -errno;
    }
    return 0;
}

int shim_own_pid(void) {
    return getpid();
}

int shim_is_root(void) {
    return geteuid() == 0;
}

int shim_open_pidfd(int pid) {
    int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int shim_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) != 0 ? -errno : 0;
}

int shim_signal_and_continue(int pidfd, int signal) {
    int result = shim_signal(pidfd, signal);
    // A stopped process acts on the signal only once it goes on.
    shim_signal(pidfd, SIGCONT);
    return result;
}

/// Writes "/proc/<pid><rest>" into path, which has room for 64 bytes.
static void name_process_file(char *path, int pid, const char *rest) {
    char digits[12];
    int count = 0;
    unsigned int left = (unsigned int)pid;
    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    memcpy(path, "/proc/", 6);
    path += 6;
    while (count > 0) *path++ = digits[--count];
    strcpy(path, rest);
}

static uint64_t parse_number(const char **text) {
    uint64_t value = 0;
    while (**text >= '0' && **text <= '9') value = value * 10 + (uint64_t)(*(*text)++ - '0');
    return value;
}

/// Field `wanted` (counted from 1, at least 4) of /proc/PID/stat. The second field is the program's name and may hold
/// anything, also `) `: what follows its last `)` is the third.
static int read_stat(int pid, int wanted, uint64_t *value) {
    char path[64], text[1024];
    name_process_file(path, pid, "/stat");
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return -errno;
    long size = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (size <= 0) return -ESRCH;
    text[size] = 0;
    const char *cursor = strrchr(text, ')');
    if (cursor == NULL) return -EINVAL;
    for (int field = 2; field < wanted; field++) {
        cursor = strchr(cursor + 1, ' ');
        if (cursor == NULL) return -EINVAL;
    }
    cursor++;
    *value = parse_number(&cursor);
    return 0;
}

int shim_identify(int pid, int pidfd, struct hero_identity *identity) {
    *identity = (struct hero_identity){.pid = pid};
    int result = read_stat(pid, 22, &identity->start_ticks);
    if (result < 0) return result;
    // The kernel shows the time of our time namespace, in ticks of 10 ms; a record has the machine's.
    identity->start_ticks -= (uint64_t)(shim_boot_offset() / 10000000);
    int own = pidfd < 0 ? shim_open_pidfd(pid) : pidfd;
    if (own < 0) return own;
    // Before pidfs every pidfd shares one anonymous inode, which says nothing.
    struct statfs system;
    struct stat facts;
    if (fstatfs(own, &system) == 0 && system.f_type == PIDFS_MAGIC && fstat(own, &facts) == 0) {
        identity->pidfs_inode = facts.st_ino;
    }
    if (pidfd < 0) close(own);
    return 0;
}

int shim_parent_of(int pid) {
    uint64_t parent;
    int result = read_stat(pid, 4, &parent);
    return result < 0 ? result : (int)parent;
}

int shim_is_descendant(int pid, int root) {
    // Whoever stands between may end while we look: then its children have another parent, and we begin anew.
    for (int patience = 64; patience > 0; patience--) {
        int child = pid, parent = shim_parent_of(pid), depth = 0;
        if (parent < 0) return parent;
        while (parent >= 0) {
            if (parent == root) return 1;
            if (parent <= 1) return 0;
            if (++depth > 1024) return -ELOOP;
            int above = shim_parent_of(parent);
            // Had the parent ended before it was asked, its number could be another's: then this one has a new parent.
            if (shim_parent_of(child) != parent) break;
            child = parent;
            parent = above;
        }
    }
    return -EAGAIN;
}

int shim_exists(int pidfd) {
    return shim_signal(pidfd, 0) != -ESRCH;
}

int shim_has_exited(int pidfd) {
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    return poll(&ended, 1, 0) > 0;
}

/// Appends the numbers in the children file of one thread.
static int append_children(
    int tasks, const char *thread, int parent, struct shim_process *table, int count, int capacity) {
    char path[32], text[4096];
    strcpy(path, thread);
    strcat(path, "/children");
    int descriptor = openat(tasks, path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return -errno;
    uint64_t number = 0;
    int digits = 0;
    long size;
    while ((size = read(descriptor, text, sizeof text)) > 0) {
        for (long index = 0; index < size; index++) {
            if (text[index] >= '0' && text[index] <= '9') {
                number = number * 10 + (uint64_t)(text[index] - '0');
                digits++;
            } else {
                if (digits > 0 && count < capacity) {
                    table[count++] = (struct shim_process){.pid = (int)number, .parent = parent};
                }
                number = 0;
                digits = 0;
            }
        }
    }
    close(descriptor);
    return count;
}

int shim_list_children(int pid, struct shim_process *table, int count, int capacity) {
    char path[64];
    char entries[2048] __attribute__((aligned(8)));
    name_process_file(path, pid, "/task");
    int tasks = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tasks < 0) return -errno;
    int listed = 0;
    long size;
    while ((size = syscall(SYS_getdents64, tasks, entries, sizeof entries)) > 0) {
        for (long at = 0; at < size;) {
            const struct directory_entry *entry = (const struct directory_entry *)(entries + at);
            at += entry->size;
            if (entry->name[0] < '0' || entry->name[0] > '9' || strlen(entry->name) > 20) continue;
            int result = append_children(tasks, entry->name, pid, table, count, capacity);
            if (result < 0) continue;
            listed = 1;
            count = result;
        }
    }
    close(tasks);
    return listed ? count : -ENOENT;
}

static int table_contains(const struct shim_process *table, int count, int pid) {
    for (int index = 0; index < count; index++) {
        if (table[index].pid == pid) return 1;
    }
    return 0;
}

int shim_scan_children(int root, struct shim_process *table, int count, int capacity) {
    char entries[2048] __attribute__((aligned(8)));
    int processes = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (processes < 0) return -errno;
    long size;
    while ((size = syscall(SYS_getdents64, processes, entries, sizeof entries)) > 0) {
        for (long at = 0; at < size;) {
            const struct directory_entry *entry = (const struct directory_entry *)(entries + at);
            at += entry->size;
            const char *cursor = entry->name;
            int pid = (int)parse_number(&cursor);
            if (pid <= 0 || *cursor != 0 || count >= capacity || table_contains(table, count, pid)) continue;
            int parent = shim_parent_of(pid);
            if (parent == root || (parent > 0 && table_contains(table, count, parent))) {
                table[count++] = (struct shim_process){.pid = pid, .parent = parent};
            }
        }
    }
    close(processes);
    return count;
}
