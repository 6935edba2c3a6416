// Files by identity, not by name (statx(2), renameat2(2)).
#define _GNU_SOURCE
#include "CHeroLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

int hl_identify_file(int directory, const char *name, struct hl_file_identity *entry) {
    struct statx file;
    if (statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &file) < 0) return -errno;
    entry->inode = file.stx_ino;
    entry->device = makedev(file.stx_dev_major, file.stx_dev_minor);
    entry->mode = file.stx_mode;
    entry->user = file.stx_uid;
    entry->created_at = (file.stx_mask & STATX_BTIME) != 0
        ? (long long)file.stx_btime.tv_sec * 1000000000 + file.stx_btime.tv_nsec
        : 0;
    return 0;
}

long hl_file_system(const char *path, unsigned int *magic) {
    struct statfs file;
    if (statfs(path, &file) < 0) return -errno;
    *magic = (unsigned int)file.f_type;
    return 0;
}

int hl_rename_noreplace(int directory, const char *from, const char *to) {
    return renameat2(directory, from, directory, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

int hl_is_open_for_writing(int descriptor) {
    // A read lease is refused while the file is open for writing. A process that opens the file for writing during the
    // lease waits, and the kernel sends SIGIO to this thread, which blocks it.
    struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = gettid()};
    if (fcntl(descriptor, F_SETOWN_EX, &owner) < 0) return -errno;
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGIO);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int result = fcntl(descriptor, F_SETLEASE, F_RDLCK) == 0 ? 0 : errno == EAGAIN ? 1 : -errno;
    if (result == 0) fcntl(descriptor, F_SETLEASE, F_UNLCK);
    struct timespec none = {0};
    while (sigtimedwait(&blocked, NULL, &none) >= 0 || errno == EINTR) {}
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int hl_is_delegated(const char *cgroup) {
    char value[4] = {0};
    if (getxattr(cgroup, "user.delegate", value, sizeof value) > 0 && value[0] == '1') return 1;
    return getxattr(cgroup, "trusted.delegate", value, sizeof value) > 0 && value[0] == '1';
}
