#define _GNU_SOURCE
#include "CHeroShim.h"

#include "decimal.h"

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

/// A directory entry as the kernel returns it (getdents64(2)).
struct directory_entry {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

int shim_peek_exit(struct shim_exit_info *exit_info) {
    siginfo_t info = {0};
    struct rusage usage = {0};
    // The system call itself, because only it returns the resource usage of a child that is not reaped.
    if (syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, &usage) != 0) return -errno;
    if (info.si_pid == 0) return 0;
    exit_info->pid = info.si_pid;
    exit_info->kind = info.si_code == CLD_EXITED ? HERO_EXIT_EXITED : HERO_EXIT_SIGNALED;
    exit_info->status = info.si_status;
    exit_info->core_dumped = info.si_code == CLD_DUMPED;
    exit_info->user_time_us = (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec;
    exit_info->system_time_us = (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
    exit_info->max_rss_kib = usage.ru_maxrss;
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

uint32_t shim_own_user(void) { return geteuid(); }
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
    // A stopped process handles the signal only after it continues.
    shim_signal(pidfd, SIGCONT);
    return result;
}

/// Writes "/proc/<pid><rest>" into path, which has 64 bytes.
static void name_process_file(char *path, int pid, const char *rest) {
    memcpy(path, "/proc/", 6);
    strcpy(write_decimal(path + 6, (unsigned int)pid), rest);
}

/// Reads the beginning of "/proc/<pid><rest>" as text; 0 or a negative errno.
static int read_process_file(int pid, const char *rest, char *text, size_t capacity) {
    char path[64];
    name_process_file(path, pid, rest);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return -errno;
    long size = read(descriptor, text, capacity - 1);
    close(descriptor);
    if (size <= 0) return -ESRCH;
    text[size] = 0;
    return 0;
}

/// Finds field `wanted` (counted from 1, at least 4) in the text of /proc/PID/stat. The second field is the name of the program and
/// may contain any characters, also `) `: the third field follows the last `)`.
static int stat_field(const char *text, int wanted, uint64_t *value) {
    const char *cursor = strrchr(text, ')');
    if (cursor == NULL) return -EINVAL;
    for (int field = 2; field < wanted; field++) {
        cursor = strchr(cursor + 1, ' ');
        if (cursor == NULL) return -EINVAL;
    }
    cursor++;
    *value = parse_decimal(&cursor);
    return 0;
}

/// Reads one field of the stat file of a process.
static int read_stat(int pid, int wanted, uint64_t *value) {
    char text[1024];
    int result = read_process_file(pid, "/stat", text, sizeof text);
    return result < 0 ? result : stat_field(text, wanted, value);
}

int shim_identify(int pid, int pidfd, struct hero_identity *identity) {
    *identity = (struct hero_identity){.pid = pid};
    int result = read_stat(pid, 22, &identity->start_ticks);
    if (result < 0) return result;
    // The kernel shows the time of this time namespace, in ticks of 10 ms; a record has the time of the machine.
    identity->start_ticks -= (uint64_t)(shim_boot_offset() / 10000000);
    int descriptor = pidfd < 0 ? shim_open_pidfd(pid) : pidfd;
    if (descriptor < 0) return descriptor;
    // Without pidfs, all pidfds share one anonymous inode.
    struct statfs system;
    struct stat status;
    if (fstatfs(descriptor, &system) == 0 && system.f_type == PIDFS_MAGIC && fstat(descriptor, &status) == 0) {
        identity->pidfs_inode = status.st_ino;
    }
    if (pidfd < 0) close(descriptor);
    return 0;
}

int shim_parent_of(int pid) {
    uint64_t parent;
    int result = read_stat(pid, 4, &parent);
    return result < 0 ? result : (int)parent;
}

int shim_is_descendant(int pid, int root) {
    // An ancestor may exit during the search. Its children then have a new parent, and the search starts again.
    for (int attempts = 64; attempts > 0; attempts--) {
        int child = pid, parent = shim_parent_of(pid), depth = 0;
        if (parent < 0) return parent;
        while (parent >= 0) {
            if (parent == root) return 1;
            if (parent <= 1) return 0;
            if (++depth > 1024) return -ELOOP;
            int grandparent = shim_parent_of(parent);
            // If the parent exited before its parent was read, its PID may have been reused. Then the child has a new
            // parent.
            if (shim_parent_of(child) != parent) break;
            child = parent;
            parent = grandparent;
        }
    }
    return -EAGAIN;
}

int shim_exists(int pidfd) {
    return shim_signal(pidfd, 0) != -ESRCH;
}

int shim_has_exited(int pidfd) {
    struct pollfd polled = {.fd = pidfd, .events = POLLIN};
    return poll(&polled, 1, 0) > 0;
}

/// Appends the PIDs of the children file of one thread.
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
            int pid = (int)parse_decimal(&cursor);
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

int shim_tracer_of(int pid) {
    char text[2048];
    if (read_process_file(pid, "/status", text, sizeof text) < 0) return 0;
    // The name of the program comes first and is escaped, so it contains no line feed.
    const char *line = strstr(text, "\nTracerPid:\t");
    if (line == NULL) return 0;
    line += strlen("\nTracerPid:\t");
    return (int)parse_decimal(&line);
}

/// 1 when a process has exited with all its threads.
static int is_zombie(int pid) {
    char text[1024];
    if (read_process_file(pid, "/stat", text, sizeof text) < 0) return 0;
    const char *cursor = strrchr(text, ')');
    uint64_t threads;
    return cursor != NULL && cursor[1] == ' ' && cursor[2] == 'Z' && stat_field(text, 20, &threads) == 0 && threads <= 1;
}

int shim_has_only_zombies(void) {
    struct shim_process *table = shim_process_table();
    int count = shim_list_children(getpid(), table, 0, SHIM_TABLE_SIZE);
    if (count < 0) count = shim_scan_children(getpid(), table, 0, SHIM_TABLE_SIZE);
    if (count <= 0) return 0;
    for (int index = 0; index < count; index++) {
        if (!is_zombie(table[index].pid)) return 0;
    }
    return 1;
}
