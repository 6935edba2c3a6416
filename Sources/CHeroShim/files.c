#define _GNU_SOURCE
#include "CHeroShim.h"

#include "CHeroFailpoints.h"

#include "decimal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static long result_or_errno(long result) {
    return result < 0 ? -errno : result;
}

const char *shim_error_name(int error) {
    switch (error) {
    case EPERM: return "EPERM";
    case ENOENT: return "ENOENT";
    case EIO: return "EIO";
    case EACCES: return "EACCES";
    case EEXIST: return "EEXIST";
    case ENOTDIR: return "ENOTDIR";
    case ENFILE: return "ENFILE";
    case EMFILE: return "EMFILE";
    case EFBIG: return "EFBIG";
    case ENOSPC: return "ENOSPC";
    case EROFS: return "EROFS";
    case ENAMETOOLONG: return "ENAMETOOLONG";
    case ELOOP: return "ELOOP";
    case ESTALE: return "ESTALE";
    case EDQUOT: return "EDQUOT";
    case SHIM_DISK_NEARLY_FULL: return "disk nearly full";
    case SHIM_DISK_TOO_SLOW: return "disk too slow";
    default: return NULL;
    }
}

void shim_close(int descriptor) {
    if (descriptor >= 0) close(descriptor);
}

/// Opens a regular file of this user for reading and writing. A hard link to another file, or a file that is not
/// regular, is refused and never overwritten (FS-1).
static int open_regular_file(const char *path, int flags) {
    int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
    if (descriptor < 0) return -errno;
    struct stat status;
    int error = fstat(descriptor, &status) != 0 ? errno : 0;
    if (error == 0 && (!S_ISREG(status.st_mode) || status.st_nlink > 1 || status.st_uid != geteuid())) error = EPERM;
    if (error == 0) return descriptor;
    close(descriptor);
    return -error;
}

int shim_open_record(const char *path) {
    return open_regular_file(path, O_CREAT);
}

int shim_open_lock(const char *path) {
    return (int)result_or_errno(open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
}

int shim_try_lock(int descriptor) {
    if (hero_is_disabled(HERO_LOCK)) return 0;
    return (int)result_or_errno(flock(descriptor, LOCK_EX | LOCK_NB));
}

static int copy_facts(const struct stat *status, struct shim_file *file) {
    file->device = status->st_dev;
    file->inode = status->st_ino;
    file->size = status->st_size;
    return 0;
}

int shim_stat(int descriptor, struct shim_file *file) {
    struct stat status;
    return fstat(descriptor, &status) != 0 ? -errno : copy_facts(&status, file);
}

int shim_lstat(const char *path, struct shim_file *file) {
    struct stat status;
    return lstat(path, &status) != 0 ? -errno : copy_facts(&status, file);
}

int shim_read_free_space(int descriptor, struct shim_free_space *space) {
    struct statvfs status;
    if (fstatvfs(descriptor, &status) != 0) return -errno;
    space->total = (int64_t)(status.f_blocks * status.f_frsize);
    // Root may use the blocks that a file system reserves.
    space->free = (int64_t)((geteuid() == 0 ? status.f_bfree : status.f_bavail) * status.f_frsize);
    return 0;
}

long shim_read_at(int descriptor, void *bytes, long size, long offset) {
    return result_or_errno(pread(descriptor, bytes, (size_t)size, offset));
}

long shim_write_at(int descriptor, const void *bytes, long size, long offset) {
    return result_or_errno(pwrite(descriptor, bytes, (size_t)size, offset));
}

long shim_read(int descriptor, void *bytes, long size) {
    return result_or_errno(read(descriptor, bytes, (size_t)size));
}

long shim_write(int descriptor, const void *bytes, long size) {
    return result_or_errno(write(descriptor, bytes, (size_t)size));
}

long shim_pending_bytes(int descriptor) {
    int size = 0;
    return ioctl(descriptor, FIONREAD, &size) != 0 ? -errno : size;
}

int shim_truncate(int descriptor, int64_t size) {
    return (int)result_or_errno(ftruncate(descriptor, size));
}

int shim_create_log(const char *path) {
    return (int)result_or_errno(open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
}

int shim_open_log(const char *path) {
    return open_regular_file(path, O_APPEND);
}

int shim_create_script(const char *path) {
    return (int)result_or_errno(open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0500));
}

int shim_share_script(int descriptor, uint32_t gid) {
    if (fchown(descriptor, (uid_t)-1, gid) != 0) return -errno;
    return (int)result_or_errno(fchmod(descriptor, 0550));
}

int shim_touch(int descriptor) {
    return (int)result_or_errno(fchmod(descriptor, 0600));
}

int shim_make_directory(const char *path) {
    return (int)result_or_errno(mkdir(path, 0700));
}

int shim_rename(const char *from, const char *to) {
    return (int)result_or_errno(rename(from, to));
}

int shim_remove(const char *path) {
    if (unlink(path) == 0) return 0;
    if (errno != EISDIR) return -errno;
    return (int)result_or_errno(rmdir(path));
}

int shim_make_pipe(int *reader, int *writer) {
    int ends[2];
    // The writer is opened again, so that the two ends share no flags: only the reader is non-blocking.
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -errno;
    char path[64] = "/proc/self/fd/";
    write_decimal(path + sizeof "/proc/self/fd/" - 1, (unsigned int)ends[1]);
    int both = open(path, O_RDWR | O_CLOEXEC);
    if (both >= 0) {
        close(ends[1]);
        ends[1] = both;
    } else {
        fcntl(ends[1], F_SETFL, fcntl(ends[1], F_GETFL) & ~O_NONBLOCK);
    }
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}

void shim_widen_pipe(int descriptor) {
    fcntl(descriptor, F_SETPIPE_SZ, 1 << 20);
}
