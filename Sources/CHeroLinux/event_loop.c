// Event loop, clocks and files.
#define _GNU_SOURCE
#include "CHeroLinux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int hl_epoll_create(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

static int update_epoll(int epoll, int operation, int descriptor, unsigned int events, unsigned long token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}

int hl_epoll_add(int epoll, int descriptor, unsigned int events, unsigned long token) {
    return update_epoll(epoll, EPOLL_CTL_ADD, descriptor, events, token);
}

int hl_epoll_change(int epoll, int descriptor, unsigned int events, unsigned long token) {
    return update_epoll(epoll, EPOLL_CTL_MOD, descriptor, events, token);
}

int hl_epoll_remove(int epoll, int descriptor) { return update_epoll(epoll, EPOLL_CTL_DEL, descriptor, 0, 0); }

int hl_epoll_wait(int epoll, unsigned long *tokens, unsigned int *events, int capacity, int milliseconds) {
    struct epoll_event ready[1024];
    if (capacity > 1024) capacity = 1024;
    int count = epoll_wait(epoll, ready, capacity, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int index = 0; index < count; index++) {
        tokens[index] = ready[index].data.u64;
        events[index] = ready[index].events;
    }
    return count;
}

unsigned int hl_epoll_in(void) { return EPOLLIN; }
unsigned int hl_epoll_out(void) { return EPOLLOUT; }

int hl_timer_create(void) {
    int descriptor = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int hl_timer_set(int timer, long long nanoseconds) {
    struct itimerspec time;
    memset(&time, 0, sizeof time);
    if (nanoseconds != 0) nanoseconds += hl_boot_clock_offset();
    time.it_value.tv_sec = nanoseconds / 1000000000;
    time.it_value.tv_nsec = nanoseconds % 1000000000;
    return timerfd_settime(timer, TFD_TIMER_ABSTIME, &time, NULL) < 0 ? -errno : 0;
}

int hl_clock_watch_create(void) {
    int descriptor = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int hl_clock_watch_arm(int watch) {
    struct itimerspec time;
    memset(&time, 0, sizeof time);
    // Far in the future: the timer only serves to be cancelled when the clock is set.
    time.it_value.tv_sec = 1LL << 33;
    int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    return timerfd_settime(watch, flags, &time, NULL) < 0 ? -errno : 0;
}

int hl_eventfd_create(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

static long long clock_now(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

long long hl_boot_clock_offset(void) {
    static long long known = LLONG_MIN;
    long long offset = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (offset != LLONG_MIN) return offset;
    offset = 0;
    int file = open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        char text[256];
        long size = read(file, text, sizeof text - 1);
        close(file);
        text[size < 0 ? 0 : size] = 0;
        char *line = strstr(text, "boottime");
        if (line != NULL) {
            long long seconds = strtoll(line + strlen("boottime"), &line, 10);
            offset = seconds * 1000000000 + strtoll(line, NULL, 10);
        }
    }
    __atomic_store_n(&known, offset, __ATOMIC_RELAXED);
    return offset;
}

long long hl_monotonic_clock(void) { return clock_now(CLOCK_MONOTONIC); }
long long hl_boot_clock(void) { return clock_now(CLOCK_BOOTTIME) - hl_boot_clock_offset(); }
long long hl_wall_clock(void) { return clock_now(CLOCK_REALTIME); }

unsigned long hl_random(void) {
    unsigned long value = 0;
    if (getrandom(&value, sizeof value, 0) != sizeof value) value = (unsigned long)hl_boot_clock() * 2654435761u;
    return value;
}

void hl_sleep(long nanoseconds) {
    struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    nanosleep(&time, NULL);
}

int hl_pipe(int *read_end, int *write_end, int size) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
    (void)fcntl(ends[1], F_SETPIPE_SZ, size);  // a smaller pipe works too
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

int hl_duplicate_descriptor(int descriptor, int lowest) {
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest);
    return copy < 0 ? -errno : copy;
}

long hl_available_descriptors(void) {
    struct rlimit limit;
    struct stat folder;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || stat("/proc/self/fd", &folder) < 0) return LONG_MAX;
    long most = limit.rlim_cur > LONG_MAX ? LONG_MAX : (long)limit.rlim_cur;
    // Since Linux 6.2 the size is the number of open descriptors (proc_pid_fd(5)).
    if (folder.st_size > 0) return most - folder.st_size;
    // On older kernels the entries are counted, unless the limit is so high that it does not matter.
    if (most > 4096) return LONG_MAX;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) return 0;
    long count = -3;  // for `.`, `..` and the directory itself
    while (readdir(directory) != NULL) count++;
    closedir(directory);
    return most - count;
}

int hl_open_path(const char *path) {
    int descriptor = open(path, O_PATH | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int hl_open_entry(int folder, const char *name) {
    int descriptor = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int hl_lock(int descriptor, int exclusive) {
    if (flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return 1;
    return errno == EWOULDBLOCK ? 0 : -errno;
}

long hl_list_directory(const char *path, char **names) {
    DIR *directory = opendir(path);
    if (directory == NULL) return -errno;
    size_t size = 0, capacity = 4096;
    char *buffer = malloc(capacity);
    while (buffer != NULL) {
        errno = 0;
        struct dirent *entry = readdir(directory);
        if (entry == NULL) break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        size_t length = strlen(entry->d_name) + 1;
        while (size + length > capacity && buffer != NULL) {
            capacity *= 2;
            char *larger = realloc(buffer, capacity);
            if (larger == NULL) free(buffer);
            buffer = larger;
        }
        if (buffer == NULL) break;
        memcpy(buffer + size, entry->d_name, length);
        size += length;
    }
    int error = buffer == NULL ? ENOMEM : errno;
    closedir(directory);
    if (error != 0) {
        free(buffer);
        return -error;
    }
    *names = buffer;
    return (long)size;
}

void hl_free(void *memory) { free(memory); }

int hl_same_file(const char *path, int descriptor) {
    struct stat named, opened;
    if (stat(path, &named) < 0 || fstat(descriptor, &opened) < 0) return 0;
    return named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

long hl_file_inode(const char *path, unsigned long *inode, unsigned long *device, unsigned int *mode) {
    struct stat file;
    if (lstat(path, &file) < 0) return -errno;
    *inode = file.st_ino;
    *device = file.st_dev;
    *mode = file.st_mode;
    return 0;
}

int hl_watcher_create(void) {
    int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int hl_watcher_add(int watcher, const char *path) {
    int watch = inotify_add_watch(
        watcher, path,
        IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF
            | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK);
    return watch < 0 ? -errno : watch;
}

int hl_watcher_add_parent(int watcher, const char *path) {
    int watch = inotify_add_watch(
        watcher, path, IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB | IN_ONLYDIR | IN_MASK_ADD);
    return watch < 0 ? -errno : watch;
}

int hl_watcher_add_attributes(int watcher, const char *path) {
    int watch = inotify_add_watch(watcher, path, IN_ATTRIB | IN_DONT_FOLLOW);
    return watch < 0 ? -errno : watch;
}

void hl_watcher_remove(int watcher, int watch) { inotify_rm_watch(watcher, watch); }

int hl_terminal_width(int descriptor) {
    struct winsize size;
    if (ioctl(descriptor, TIOCGWINSZ, &size) < 0) return -errno;
    return size.ws_col;
}
