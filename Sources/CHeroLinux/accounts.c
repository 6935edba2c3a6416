#define _GNU_SOURCE
#include "CHeroLinux.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The largest entry of any name service (nsswitch.conf(5)), in bytes.
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

long hl_user_entry(const char *name, unsigned int *uid, unsigned int *gid, char *buffer, long capacity) {
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
        // On some machines these four mean that there is no such entry (getpwnam(3)).
        size = -error;
    }
    free(strings);
    return size;
}

long hl_local_user_entry(unsigned int uid, unsigned int *gid, char *buffer, long capacity) {
    FILE *file = fopen("/etc/passwd", "re");
    if (file == NULL) return 0;
    char *strings = malloc(LARGEST_ENTRY);
    struct passwd entry, *found = NULL;
    long size = strings == NULL ? -ENOMEM : 0;
    while (size == 0 && fgetpwent_r(file, &entry, strings, LARGEST_ENTRY, &found) == 0) {
        if (entry.pw_uid != uid) continue;
        *gid = entry.pw_gid;
        size = copy_entry(&entry, buffer, capacity);
        break;
    }
    free(strings);
    fclose(file);
    return size;
}

int hl_local_user_groups(const char *name, unsigned int gid, unsigned int *groups, int capacity) {
    int count = 0;
    if (count++ < capacity) groups[0] = gid;
    FILE *file = fopen("/etc/group", "re");
    if (file == NULL) return count;
    char *strings = malloc(LARGEST_ENTRY);
    struct group entry, *found = NULL;
    while (strings != NULL && fgetgrent_r(file, &entry, strings, LARGEST_ENTRY, &found) == 0) {
        if (entry.gr_gid == gid) continue;
        for (char **member = entry.gr_mem; *member != NULL; member++) {
            if (strcmp(*member, name) != 0) continue;
            if (count < capacity) groups[count] = entry.gr_gid;
            count++;
            break;
        }
    }
    free(strings);
    fclose(file);
    return count;
}

long hl_user_entry_by_number(unsigned int user, char *buffer, long capacity) {
    unsigned int group;
    return hl_user_entry(NULL, &user, &group, buffer, capacity);
}

int hl_group_number(const char *name, unsigned int *gid) {
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

int hl_user_groups(const char *name, unsigned int gid, unsigned int *groups, int capacity) {
    int count = capacity;
    getgrouplist(name, gid, groups, &count);
    return count;
}
