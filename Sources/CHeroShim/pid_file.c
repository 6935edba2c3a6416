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

/// Whether a byte may surround the number in the first line.
static int is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

/// Accepts decimal digits in the first line, with blanks around them; other programs write more lines behind it.
static int parse_pid(const char *text, long size) {
    const char *end = memchr(text, '\n', (size_t)size);
    if (end != NULL) size = end - text;
    while (size > 0 && is_blank(text[size - 1])) size--;
    while (size > 0 && is_blank(text[0])) text++, size--;
    if (size < 1 || size > 10) return -HERO_PID_FILE_NO_NUMBER;
    long value = 0;
    for (long index = 0; index < size; index++) {
        if (text[index] < '0' || text[index] > '9') return -HERO_PID_FILE_NO_NUMBER;
        value = value * 10 + (text[index] - '0');
    }
    return value >= 2 && value <= 0x7fffffff ? (int)value : -HERO_PID_FILE_NO_NUMBER;
}

static int problem_of_open(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR: return -HERO_PID_FILE_MISSING;
    case ELOOP:
    case ENXIO: return -HERO_PID_FILE_NOT_REGULAR;
    default: return -HERO_PID_FILE_UNREADABLE;
    }
}

static int problem_of_file(const char *path, const struct stat *facts, uint32_t user) {
    if (!S_ISREG(facts->st_mode) || facts->st_nlink != 1) return -HERO_PID_FILE_NOT_REGULAR;
    if ((facts->st_mode & 022) != 0) return -HERO_PID_FILE_WRITABLE;
    if (!is_trusted_owner(facts->st_uid, user)) return -HERO_PID_FILE_FOREIGN_OWNER;
    if (!is_in_safe_directory(path, user)) return -HERO_PID_FILE_UNSAFE_DIRECTORY;
    return 0;
}

int shim_read_pid_file(const char *path, uint32_t user) {
    // O_NONBLOCK, because opening a FIFO would wait for a writer. O_NOFOLLOW, because a link may lead to any file.
    int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) return problem_of_open(errno);
    // The number is in the first line, so the rest of a longer file is not read.
    char text[64];
    long size = 0;
    struct stat facts;
    int problem = fstat(descriptor, &facts) == 0 ? problem_of_file(path, &facts, user) : -HERO_PID_FILE_UNREADABLE;
    if (problem == 0) {
        size = read(descriptor, text, sizeof text);
        if (size < 0) problem = -HERO_PID_FILE_UNREADABLE;
    }
    close(descriptor);
    if (problem != 0) return problem;
    return size == 0 ? -HERO_PID_FILE_NO_NUMBER : parse_pid(text, size);
}
