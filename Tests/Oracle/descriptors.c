#define _GNU_SOURCE
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int socket_address(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) return -1;
    strcpy(address->sun_path, path);
    return 0;
}

int hold_descriptors(const char *path) {
    struct sockaddr_un address;
    char mark[4096];
    if (socket_address(path, &address) != 0) return 1;
    snprintf(mark, sizeof mark, "%s.received", path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0) return 2;
    for (;;) {
        int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0) continue;
        char text[16];
        union {
            char bytes[CMSG_SPACE(4 * sizeof(int))];
            struct cmsghdr aligned;
        } control;
        struct iovec buffer = {.iov_base = text, .iov_len = sizeof text};
        struct msghdr message = {.msg_iov = &buffer, .msg_iovlen = 1,
            .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        // The received descriptors stay open.
        if (recvmsg(peer, &message, 0) > 0 && message.msg_controllen > 0) {
            close(open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        }
        close(peer);
    }
}

int pass_lock(const char *path) {
    struct sockaddr_un address;
    if (socket_address(path, &address) != 0) return -1;
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), lock = 3;
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) return -1;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    memset(&control, 0, sizeof control);
    struct iovec buffer = {.iov_base = "lock", .iov_len = 4};
    struct msghdr message = {.msg_iov = &buffer, .msg_iovlen = 1,
        .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(part), &lock, sizeof lock);
    ssize_t sent = sendmsg(peer, &message, MSG_NOSIGNAL);
    close(peer);
    return sent > 0 ? 0 : -1;
}
