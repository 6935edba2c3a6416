#define _GNU_SOURCE
#include "CHeroShim.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(HERO_SOCKET_SIZE == sizeof((struct sockaddr_un *)0)->sun_path, "unix(7)");

/// Removes the socket of an earlier start whose shim was killed. Any other file stays, and bind(2) fails.
static void remove_stale_socket(const char *path) {
    struct stat facts;
    if (lstat(path, &facts) == 0 && S_ISSOCK(facts.st_mode)) unlink(path);
}

static int bind_name(int descriptor, const char *name, int64_t uid, uint32_t mode) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length < 2 || length >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, name, length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (name[0] == '@') {
        address.sun_path[0] = 0;
        return bind(descriptor, (struct sockaddr *)&address, size) != 0 ? -errno : 0;
    }
    remove_stale_socket(name);
    if (bind(descriptor, (struct sockaddr *)&address, size + 1) != 0) return -errno;
    // If this is refused, the later change to the same user fails as well and reports the error.
    int ignored = uid < 0 ? 0 : lchown(name, (uid_t)uid, (gid_t)-1);
    (void)ignored;
    return chmod(name, (mode_t)mode) != 0 ? -errno : 0;
}

int shim_notify_open(const char *name, int64_t uid, uint32_t mode) {
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int on = 1;
    // Set before the socket has an address, so that every datagram has its sender.
    int result = setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ? -errno : 0;
    if (result == 0) result = bind_name(descriptor, name, uid, mode);
    if (result == 0) return descriptor;
    close(descriptor);
    return result;
}

long shim_notify_receive(int descriptor, char *bytes, long size, int32_t *sender, uint32_t *user) {
    // Space for the sender only: the kernel closes passed descriptors that do not fit. No sender can fill the
    // descriptor table, and a sender that waits for its descriptor to be closed (BARRIER=1) knows that all its earlier
    // messages were read.
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr aligned;
    } control;
    struct iovec buffer = {.iov_base = bytes, .iov_len = (size_t)size};
    struct msghdr message = {
        .msg_iov = &buffer, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *sender = 0;
    *user = UINT32_MAX;
    long length = recvmsg(descriptor, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0) return -errno;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
        if (part->cmsg_len != CMSG_LEN(sizeof(struct ucred))) continue;
        struct ucred credentials;
        memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
        *sender = credentials.pid;
        *user = credentials.uid;
    }
    return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : length;
}
