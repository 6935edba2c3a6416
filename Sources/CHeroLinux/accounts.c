#define _GNU_SOURCE
#include "CHeroLinux.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Names are answered by whatever the machine is told to ask (nsswitch.conf(5)); no entry of any is longer than this.
enum { LARGEST_ENTRY = 1 << 20 };

static long copy_entry(const struct passwd *entry, char *buffer, long capacity) {
    long size = 0;
    const char *fields[] = {entry->pw_name, entry->pw_dir, entry->pw_shell};
    for (int index = 0; index < 3; index++) {
        long length = (long)strlen(fields[index]) + 1;
        if (size + length > capacity) return -ERANGE;
        memcpy(buffer + size, fields[index], (size_t)length);
        size += length;
    }
    return size;
}

long hl_account(const char *name, unsigned int *uid, unsigned int *gid, char *buffer, long capacity) {
    char *strings = malloc(LARGEST_ENTRY);
    if (strings == NULL) return -ENOMEM;
    struct passwd entry, *found = NULL;
    int error = name != NULL ? getpwnam_r(name, &entry, strings, LARGEST_ENTRY, &found)
                             : getpwuid_r(*uid, &entry, strings, LARGEST_ENTRY, &found);
    long size = 0;
    if (found != NULL) {
        *uid = entry.pw_uid;
        *gid = entry.pw_gid;
        size = copy_entry(&entry, buffer, capacity);
    } else if (error != 0 && error != ENOENT && error != ESRCH && error != EBADF && error != EPERM) {
        // These four say on some machines that there is no such entry (getpwnam(3)).
        size = -error;
    }
    free(strings);
    return size;
}

long hl_user(unsigned int user, char *buffer, long capacity) {
    unsigned int group;
    return hl_account(NULL, &user, &group, buffer, capacity);
}

int hl_group(const char *name, unsigned int *gid) {
    char *strings = malloc(LARGEST_ENTRY);
    if (strings == NULL) return -ENOMEM;
    struct group entry, *found = NULL;
    int error = getgrnam_r(name, &entry, strings, LARGEST_ENTRY, &found);
    int result = 0;
    if (found != NULL) {
        *gid = entry.gr_gid;
        result = 1;
    } else if (error != 0 && error != ENOENT && error != ESRCH && error != EBADF && error != EPERM) {
        result = -error;
    }
    free(strings);
    return result;
}

int hl_groups(const char *name, unsigned int gid, unsigned int *groups, int capacity) {
    int count = capacity;
    getgrouplist(name, gid, groups, &count);
    return count;
}
