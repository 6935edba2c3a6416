#define _GNU_SOURCE
#include "CHeroShim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_trusted_owner(uid_t owner, uint32_t user) {
    return owner == 0 || owner == geteuid() || owner == user;
}

/// Whether only trusted users can replace the file.
static int is_in_safe_directory(const char *path, uint32_t user) {
    char folder[SHIM_PATH_SIZE];
    const char *separator = strrchr(path, '/');
    if (separator == NULL || separator - path >= SHIM_PATH_SIZE) return 0;
    size_t length = separator == path ? 1 : (size_t)(separator - path);
    memcpy(folder, path, length);
    folder[length] = 0;
    struct stat facts;
    if (stat(folder, &facts) != 0 || !is_trusted_owner(facts.st_uid, user)) return 0;
    return (facts.st_mode & 022) == 0 || (facts.st_mode & S_ISVTX) != 0;
}

/// Accepts decimal digits and at most one line feed behind them; everything else is an error.
static int parse_pid(const char *text, long size) {
    if (size > 0 && text[size - 1] == '\n') size--;
    if (size < 1 || size > 10) return -EINVAL;
    long value = 0;
    for (long index = 0; index < size; index++) {
        if (text[index] < '0' || text[index] > '9') return -EINVAL;
        value = value * 10 + (text[index] - '0');
    }
    return value >= 2 && value <= 0x7fffffff ? (int)value : -EINVAL;
}

int shim_read_pid_file(const char *path, uint32_t user) {
    // O_NONBLOCK, because opening a FIFO would wait for a writer. O_NOFOLLOW, because a link may lead to any file.
    int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) return -errno;
    char text[33];
    long size = -1;
    struct stat facts;
    if (fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_nlink == 1
        && (facts.st_mode & 022) == 0 && is_trusted_owner(facts.st_uid, user) && is_in_safe_directory(path, user)) {
        size = read(descriptor, text, sizeof text);
    }
    close(descriptor);
    return size < 1 || size > 32 ? -EINVAL : parse_pid(text, size);
}
