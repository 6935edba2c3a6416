// Messages between this process and the fork server.
#define _GNU_SOURCE
#include "CHeroLinux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int hl_message_pair(int *own, int *other) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    *own = ends[0];
    *other = ends[1];
    return 0;
}

int hl_send_message(int socket, const void *bytes, long size, int descriptor) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = (size_t)size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes,
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

long hl_receive_message(int socket, void *bytes, long size) {
    long received = recv(socket, bytes, (size_t)size, MSG_DONTWAIT);
    return received < 0 ? -errno : received;
}

void hl_refuse_messages(int socket) { shutdown(socket, SHUT_RD); }
