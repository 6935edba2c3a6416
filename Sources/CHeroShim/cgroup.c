#define _GNU_SOURCE
#include "CHeroShim.h"

#include "decimal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/// Opens a file of a cgroup. No file is created: where the file is missing, the kernel does not have the function.
static int open_file(const char *cgroup, const char *name, int flags) {
    char path[HERO_CGROUP_SIZE + 64];
    size_t length = strlen(cgroup), rest = strlen(name);
    if (length >= HERO_CGROUP_SIZE || rest > 60) return -ENAMETOOLONG;
    memcpy(path, cgroup, length);
    path[length] = '/';
    memcpy(path + length + 1, name, rest + 1);
    int descriptor = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
    return descriptor < 0 ? -errno : descriptor;
}

static int write_file(const char *cgroup, const char *name, const char *text) {
    int descriptor = open_file(cgroup, name, O_WRONLY);
    if (descriptor < 0) return descriptor;
    long size = (long)strlen(text);
    int result = write(descriptor, text, (size_t)size) == size ? 0 : -errno;
    close(descriptor);
    return result;
}

int shim_cgroup_open(const char *cgroup) {
    int descriptor = open(cgroup, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int shim_cgroup_join(const char *cgroup, int pid) {
    char digits[24];
    write_decimal(digits, (unsigned int)pid);
    return write_file(cgroup, "cgroup.procs", digits);
}

int shim_cgroup_kill(const char *cgroup) {
    return write_file(cgroup, "cgroup.kill", "1");
}

int shim_freezer_set(const char *cgroup, int frozen) {
    return write_file(cgroup, "freezer.state", frozen ? "FROZEN" : "THAWED");
}

int64_t shim_cgroup_read_number(const char *cgroup, const char *file, const char *key) {
    int descriptor = open_file(cgroup, file, O_RDONLY);
    if (descriptor < 0) return descriptor;
    char text[1024];
    long size = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (size <= 0) return -EIO;
    text[size] = 0;
    size_t length = strlen(key);
    for (const char *line = text; line != NULL;) {
        if (strncmp(line, key, length) == 0 && line[length] == ' ') {
            const char *digits = line + length + 1;
            return (int64_t)parse_decimal(&digits);
        }
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
    return -ENOENT;
}

int shim_cgroup_contains(const char *cgroup, int pid) {
    int descriptor = open_file(cgroup, "cgroup.procs", O_RDONLY);
    if (descriptor < 0) return descriptor;
    char text[1024];
    long size, number = 0;
    int found = 0;
    while (!found && (size = read(descriptor, text, sizeof text)) > 0) {
        for (long index = 0; index < size && !found; index++) {
            if (text[index] >= '0' && text[index] <= '9') {
                number = number * 10 + (text[index] - '0');
            } else {
                found = number == pid;
                number = 0;
            }
        }
    }
    close(descriptor);
    return found;
}

void shim_cgroup_remove(const char *cgroup) {
    if (rmdir(cgroup) != 0 && errno != ENOENT) return;
    char path[HERO_CGROUP_SIZE];
    const char *slash = strrchr(cgroup, '/');
    if (slash == NULL || slash == cgroup || slash - cgroup >= HERO_CGROUP_SIZE) return;
    memcpy(path, cgroup, (size_t)(slash - cgroup));
    path[slash - cgroup] = 0;
    rmdir(path);
}
