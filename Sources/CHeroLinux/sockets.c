// Sockets: connecting, listening, and the tables of listeners (sock_diag(7)).
#define _GNU_SOURCE
#include "CHeroLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define STATE_CLOSE 7
#define STATE_LISTEN 10
// Since Linux 5.3; older headers do not have them.
#define SHOW_USER 0x40
#define ATTRIBUTE_USER 7

static int start_connecting(int domain, const void *address, socklen_t size, int *pending) {
    int descriptor = socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    *pending = 0;
    if (connect(descriptor, address, size) == 0) return descriptor;
    if (errno == EINPROGRESS) {
        *pending = 1;
        return descriptor;
    }
    int error = errno;
    close(descriptor);
    return -error;
}

int hl_connect_tcp(int family, const unsigned char *address, int port, int *pending) {
    if (family == 6) {
        struct sockaddr_in6 target;
        memset(&target, 0, sizeof target);
        target.sin6_family = AF_INET6;
        target.sin6_port = htons((uint16_t)port);
        memcpy(&target.sin6_addr, address, 16);
        return start_connecting(AF_INET6, &target, sizeof target, pending);
    }
    struct sockaddr_in target;
    memset(&target, 0, sizeof target);
    target.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)port);
    memcpy(&target.sin_addr, address, 4);
    return start_connecting(AF_INET, &target, sizeof target, pending);
}

int hl_check_bind(int family, const unsigned char *address, int port, int shares_port) {
    int descriptor = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    int one = 1;
    // Almost every server sets it, so sockets in TIME_WAIT do not prevent a start.
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (shares_port) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    struct sockaddr_in6 six;
    struct sockaddr_in four;
    memset(&six, 0, sizeof six);
    memset(&four, 0, sizeof four);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons((uint16_t)port);
    memcpy(&six.sin6_addr, address, 16);
    four.sin_family = AF_INET;
    four.sin_port = htons((uint16_t)port);
    memcpy(&four.sin_addr, address, 4);
    int result = family == 6 ? bind(descriptor, (struct sockaddr *)&six, sizeof six)
                             : bind(descriptor, (struct sockaddr *)&four, sizeof four);
    int error = result == 0 ? 0 : -errno;
    close(descriptor);
    return error;
}

// A path, or an abstract name that is written with `@` for the leading NUL (unix(7)).
static int unix_address(const char *path, struct sockaddr_un *address, socklen_t *size) {
    size_t length = strlen(path);
    if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    if (path[0] == '@') {
        address->sun_path[0] = 0;
        *size -= 1;
    }
    return 0;
}

int hl_connect_unix(const char *path, int *pending) {
    struct sockaddr_un address;
    socklen_t size;
    int result = unix_address(path, &address, &size);
    return result < 0 ? result : start_connecting(AF_UNIX, &address, size, pending);
}

// The directory is private (0700), so no other user can reach the socket between bind and listen.
int hl_listen_unix(const char *path) {
    struct sockaddr_un address;
    socklen_t size;
    int result = unix_address(path, &address, &size);
    if (result < 0) return result;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    // The socket file gets the mode of the socket, so the file never has a wider mode.
    if (fchmod(descriptor, 0600) == 0 && bind(descriptor, (struct sockaddr *)&address, size) == 0
        && listen(descriptor, 128) == 0) {
        return descriptor;
    }
    int error = errno;
    close(descriptor);
    return -error;
}

int hl_accept(int listener, unsigned int *user) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return -errno;
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    *user = peer.uid;
    return descriptor;
}

int hl_peer_user(int descriptor, unsigned int *user) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
    *user = peer.uid;
    return 0;
}

int hl_socket_error(int descriptor) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

int hl_send(int descriptor, const void *bytes, long size) {
    long count = send(descriptor, bytes, (size_t)(size > 1 << 20 ? 1 << 20 : size), MSG_NOSIGNAL | MSG_DONTWAIT);
    return count < 0 ? -errno : (int)count;
}

int hl_parse_address(const char *text, unsigned char *address) {
    if (inet_pton(AF_INET, text, address) == 1) return 4;
    if (inet_pton(AF_INET6, text, address) == 1) return 6;
    return 0;
}

int hl_resolve_host(const char *name, unsigned char *addresses, int capacity) {
    struct addrinfo hints, *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(name, NULL, &hints, &found);
    if (error != 0) return -1;
    int count = 0;
    for (struct addrinfo *entry = found; entry != NULL && count < capacity; entry = entry->ai_next) {
        unsigned char *address_entry = addresses + count * 17;
        if (entry->ai_family == AF_INET) {
            address_entry[0] = 4;
            memcpy(address_entry + 1, &((struct sockaddr_in *)entry->ai_addr)->sin_addr, 4);
            count++;
        } else if (entry->ai_family == AF_INET6) {
            address_entry[0] = 6;
            memcpy(address_entry + 1, &((struct sockaddr_in6 *)entry->ai_addr)->sin6_addr, 16);
            count++;
        }
    }
    freeaddrinfo(found);
    return count;
}

static int send_diag_request(int netlink, int family) {
    struct {
        struct nlmsghdr header;
        union {
            struct inet_diag_req_v2 inet;
            struct unix_diag_req local;
        } body;
    } request;
    memset(&request, 0, sizeof request);
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    if (family == 1) {
        request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body.local);
        request.body.local.sdiag_family = AF_UNIX;
        request.body.local.udiag_states = ~0u;
        request.body.local.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | SHOW_USER;
    } else {
        request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body.inet);
        request.body.inet.sdiag_family = family == 6 ? AF_INET6 : AF_INET;
        request.body.inet.sdiag_protocol = IPPROTO_TCP;
        request.body.inet.idiag_states = 1u << STATE_LISTEN;
        request.body.inet.idiag_ext = 0;
    }
    return send(netlink, &request, request.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

static int read_inet(const struct nlmsghdr *header, struct hl_listener *listener) {
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return 0;
    const struct inet_diag_msg *message = NLMSG_DATA(header);
    listener->inode = message->idiag_inode;
    listener->is_listening = 1;
    listener->user = message->idiag_uid;
    listener->has_user = 1;
    listener->port = ntohs(message->id.idiag_sport);
    memcpy(listener->address, message->id.idiag_src, 16);
    const struct rtattr *attribute = (const struct rtattr *)(message + 1);
    int rest = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof *message));
    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
        if (attribute->rta_type == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(attribute) >= 1) {
            listener->is_v6_only = *(const unsigned char *)RTA_DATA(attribute);
        }
    }
    return 1;
}

static int read_unix(const struct nlmsghdr *header, struct hl_listener *listener) {
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg))) return 0;
    const struct unix_diag_msg *message = NLMSG_DATA(header);
    // A stream socket that is bound and not connected may listen at any moment; an accepted socket has the name of its
    // listener.
    if (message->udiag_type != SOCK_DGRAM && message->udiag_state != STATE_LISTEN
        && message->udiag_state != STATE_CLOSE) {
        return 0;
    }
    listener->is_listening = message->udiag_type == SOCK_DGRAM || message->udiag_state == STATE_LISTEN;
    listener->inode = message->udiag_ino;
    const struct rtattr *attribute = (const struct rtattr *)(message + 1);
    int rest = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof *message));
    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
        if (attribute->rta_type == UNIX_DIAG_NAME) {
            int size = (int)RTA_PAYLOAD(attribute);
            if (size > (int)sizeof listener->path) size = sizeof listener->path;
            memcpy(listener->path, RTA_DATA(attribute), (size_t)size);
            listener->path_size = size;
        } else if (attribute->rta_type == UNIX_DIAG_VFS && RTA_PAYLOAD(attribute) >= sizeof(struct unix_diag_vfs)) {
            const struct unix_diag_vfs *file = RTA_DATA(attribute);
            listener->file_inode = file->udiag_vfs_ino;
            listener->file_device = file->udiag_vfs_dev;
        } else if (attribute->rta_type == ATTRIBUTE_USER && RTA_PAYLOAD(attribute) >= sizeof(uint32_t)) {
            memcpy(&listener->user, RTA_DATA(attribute), sizeof(uint32_t));
            listener->has_user = 1;
        }
    }
    return listener->path_size > 0;
}

int hl_list_listeners(int family, struct hl_listener *listeners, int capacity) {
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0) return -errno;
    int count = 0, result = send_diag_request(netlink, family), done = 0;
    while (result == 0 && !done) {
        _Alignas(struct nlmsghdr) char buffer[32768];
        long size = recv(netlink, buffer, sizeof buffer, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) {
            result = size < 0 ? -errno : -EIO;
            break;
        }
        unsigned int rest = (unsigned int)size;
        for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, rest); header = NLMSG_NEXT(header, rest)) {
            if (header->nlmsg_type == NLMSG_DONE) {
                done = 1;
                break;
            }
            if (header->nlmsg_type == NLMSG_ERROR) {
                result = header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))
                    ? ((struct nlmsgerr *)NLMSG_DATA(header))->error
                    : -EIO;
                if (result >= 0) result = -EIO;
                break;
            }
            struct hl_listener listener;
            memset(&listener, 0, sizeof listener);
            listener.family = (unsigned int)family;
            if (!(family == 1 ? read_unix(header, &listener) : read_inet(header, &listener))) continue;
            if (count < capacity) listeners[count] = listener;
            count++;
        }
    }
    close(netlink);
    return result < 0 ? result : count;
}

unsigned int hl_kernel_device(unsigned long device) { return (major(device) << 20) | minor(device); }
