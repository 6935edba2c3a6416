#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// <sys/mount.h> conflicts with <linux/mount.h> in some versions of the C library.
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

enum { KERNEL_DIRECTORIES = 3 };
static const char *const kernel_directories[KERNEL_DIRECTORIES] = {"/dev", "/proc", "/sys"};

// The attributes of mount_setattr(2), whose struct older headers do not have.
struct attributes {
    uint64_t set;
    uint64_t cleared;
    uint64_t propagation;
    uint64_t namespace;
};
#define READ_ONLY 1u
#define NO_SETUID 2u
#define NO_DEVICES 4u
#define NO_EXECUTION 8u

static int set_attributes(int directory, const char *path, unsigned flags, uint64_t set) {
    struct attributes attributes = {.set = set};
    return (int)syscall(SYS_mount_setattr, directory, path, flags, &attributes, sizeof attributes);
}

/// A copy of the mounts at a path, which is attached nowhere yet and keeps their attributes.
static int copy_mounts(const char *path, unsigned flags) {
    return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

/// Attaches a copy of mounts at a path, and closes it.
static int attach(int copy, const char *path) {
    long result =
        syscall(SYS_move_mount, copy, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
    int error = errno;
    close(copy);
    errno = error;
    return (int)result;
}

/// The loopback interface of a new network namespace is down.
static int start_loopback(void) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};
    memcpy(request.ifr_name, "lo", 3);
    int result = ioctl(descriptor, SIOCSIFFLAGS, &request);
    int error = errno;
    close(descriptor);
    errno = error;
    return result;
}

/// Makes all mounts read-only, and then puts copies of the exceptions over them: a mount that was read-only before
/// stays so.
static enum hero_stage make_read_only(const struct shim_confinement *confinement) {
    int copies[KERNEL_DIRECTORIES + HERO_SANDBOX_MAX_PATHS];
    int count = 0;
    for (; count < KERNEL_DIRECTORIES; count++) {
        copies[count] = copy_mounts(kernel_directories[count], AT_RECURSIVE);
        if (copies[count] < 0 && errno != ENOENT) return HERO_STAGE_SANDBOX_READ_ONLY;
    }
    const char *path = confinement->writable;
    for (uint32_t index = 0; index < confinement->sandbox.writable_count; index++) {
        copies[count] = copy_mounts(path, AT_RECURSIVE);
        if (copies[count++] < 0) return HERO_STAGE_SANDBOX_WRITABLE;
        path += strlen(path) + 1;
    }
    if (set_attributes(AT_FDCWD, "/", AT_RECURSIVE, READ_ONLY) != 0) return HERO_STAGE_SANDBOX_READ_ONLY;
    for (int index = 0; index < KERNEL_DIRECTORIES; index++) {
        if (copies[index] >= 0 && attach(copies[index], kernel_directories[index]) != 0) {
            return HERO_STAGE_SANDBOX_READ_ONLY;
        }
    }
    path = confinement->writable;
    for (int index = KERNEL_DIRECTORIES; index < count; index++) {
        if (attach(copies[index], path) != 0) return HERO_STAGE_SANDBOX_WRITABLE;
        path += strlen(path) + 1;
    }
    return HERO_STAGE_NONE;
}

static int mount_private_directory(const char *path) {
    return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
}

static int make_private_tmp(void) {
    if (mount_private_directory("/tmp") != 0) return -1;
    struct stat first, second;
    // /var/tmp may be missing, or a link to /tmp.
    if (stat("/tmp", &first) != 0 || stat("/var/tmp", &second) != 0) return 0;
    return first.st_dev == second.st_dev ? 0 : mount_private_directory("/var/tmp");
}

/// Puts an empty directory that cannot be entered over a directory, and a device that cannot be opened over a file.
static int hide(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    if (S_ISDIR(status.st_mode)) {
        return mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0,size=4k");
    }
    int copy = copy_mounts("/dev/null", 0);
    if (copy < 0) return -1;
    if (set_attributes(copy, "", AT_EMPTY_PATH, READ_ONLY | NO_SETUID | NO_DEVICES | NO_EXECUTION) != 0) {
        int error = errno;
        close(copy);
        errno = error;
        return -1;
    }
    return attach(copy, path);
}

/// Makes the directories above a file, and the file, in a private directory.
static int make_file(const char *path) {
    char prefix[SHIM_PATH_SIZE];
    size_t length = strlen(path);
    if (length >= sizeof prefix) return -1;
    for (size_t index = 0; index < length; index++) {
        if (index > 0 && path[index] == '/') {
            prefix[index] = 0;
            if (mkdir(prefix, 0755) != 0 && errno != EEXIST) return -1;
        }
        prefix[index] = path[index];
    }
    int file = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) return -1;
    close(file);
    return 0;
}

/// A file of heroproc stays where the program looks for it, even if the program has a private directory there.
static int keep(int copy, const char *path) {
    if (copy < 0) return 0;
    struct stat status;
    if (lstat(path, &status) == 0) {
        close(copy);
        return 0;
    }
    return make_file(path) == 0 ? attach(copy, path) : -1;
}

static enum hero_stage change_mounts(const struct shim_confinement *confinement) {
    uint32_t flags = confinement->sandbox.flags;
    // What is mounted here later is not seen outside; what is mounted outside later is seen here.
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) return HERO_STAGE_SANDBOX;
    if ((flags & HERO_SANDBOX_READ_ONLY) != 0) {
        enum hero_stage stage = make_read_only(confinement);
        if (stage != HERO_STAGE_NONE) return stage;
    }
    if ((flags & HERO_SANDBOX_PRIVATE_TMP) != 0) {
        int script = confinement->script == NULL ? -1 : copy_mounts(confinement->script, 0);
        int notify = confinement->notify_socket == NULL ? -1 : copy_mounts(confinement->notify_socket, 0);
        if ((confinement->script != NULL && script < 0) || (confinement->notify_socket != NULL && notify < 0)) {
            return HERO_STAGE_SANDBOX_TMP;
        }
        if (make_private_tmp() != 0) return HERO_STAGE_SANDBOX_TMP;
        if (keep(script, confinement->script) != 0 || keep(notify, confinement->notify_socket) != 0) {
            return HERO_STAGE_SANDBOX_TMP;
        }
    }
    const char *path = confinement->hidden;
    for (uint32_t index = 0; index < confinement->sandbox.hidden_count; index++) {
        if (hide(path) != 0) return HERO_STAGE_SANDBOX_HIDE;
        path += strlen(path) + 1;
    }
    return HERO_STAGE_NONE;
}

enum hero_stage sandbox_enter(const struct shim_confinement *confinement) {
    const struct hero_sandbox *sandbox = &confinement->sandbox;
    if (sandbox->flags == 0 && sandbox->hidden_count == 0) return HERO_STAGE_NONE;
    int has_own_network = (sandbox->flags & HERO_SANDBOX_NO_NETWORK) != 0;
    if (unshare(CLONE_NEWNS | (has_own_network ? CLONE_NEWNET : 0)) != 0) return HERO_STAGE_SANDBOX;
    if (has_own_network && start_loopback() != 0) return HERO_STAGE_SANDBOX_NETWORK;
    mode_t mask = umask(0);
    enum hero_stage stage = change_mounts(confinement);
    umask(mask);
    return stage;
}
