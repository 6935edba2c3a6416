// Sockets of the server.
#define _GNU_SOURCE
#include "CHeroServer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// Connections that wait in the kernel until they are accepted.
#define BACKLOG 1024

static int close_with_error(int descriptor) {
    int error = errno;
    close(descriptor);
    return -error;
}

static int make_address(const char *path, struct sockaddr_un *address) {
    size_t size = strlen(path);
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (size >= sizeof address->sun_path) return -ENAMETOOLONG;
    memcpy(address->sun_path, path, size);
    return 0;
}

int hs_listen_unix(const char *path, unsigned int mode) {
    struct sockaddr_un address;
    int result = make_address(path, &address);
    if (result < 0) return result;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    // bind(2) applies the umask, so no other user can connect before chmod(2).
    mode_t before = umask(0177);
    result = bind(descriptor, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    umask(before);
    errno = error;
    if (result < 0) return close_with_error(descriptor);
    if (chmod(path, mode) < 0 || listen(descriptor, BACKLOG) < 0) {
        result = close_with_error(descriptor);
        unlink(path);
        return result;
    }
    return descriptor;
}

int hs_is_listening(const char *path) {
    struct sockaddr_un address;
    int result = make_address(path, &address);
    if (result < 0) return result;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    result = connect(descriptor, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    close(descriptor);
    // EAGAIN: its queue is full.
    if (result == 0 || error == EAGAIN || error == EINPROGRESS) return 1;
    return error == ECONNREFUSED ? 0 : -error;
}

int hs_listen_tcp(int family, const unsigned char *bytes, int port, int *actual) {
    struct sockaddr_storage address;
    socklen_t size;
    memset(&address, 0, sizeof address);
    if (family == 6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        memcpy(&six->sin6_addr, bytes, 16);
        size = sizeof *six;
    } else {
        struct sockaddr_in *four = (struct sockaddr_in *)&address;
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        memcpy(&four->sin_addr, bytes, 4);
        size = sizeof *four;
    }
    int descriptor = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int one = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(descriptor, (struct sockaddr *)&address, size) < 0 || listen(descriptor, BACKLOG) < 0 ||
        getsockname(descriptor, (struct sockaddr *)&address, &size) < 0)
        return close_with_error(descriptor);
    *actual = ntohs(family == 6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                : ((struct sockaddr_in *)&address)->sin_port);
    return descriptor;
}

int hs_accept(int listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int hs_peer(int connection, unsigned int *user, unsigned int *group) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
    *user = peer.uid;
    *group = peer.gid;
    return 0;
}

int hs_peer_groups(int connection, unsigned int *groups, int capacity) {
    socklen_t size = (socklen_t)capacity * sizeof *groups;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) return -errno;
    return (int)(size / sizeof *groups);
}

static int wait_for(int descriptor, short events, int milliseconds) {
    struct pollfd entry = {.fd = descriptor, .events = events};
    int result = poll(&entry, 1, milliseconds);
    // A signal that interrupts it is rare, and the caller waits again.
    if (result <= 0) return 0;
    return entry.revents & POLLNVAL ? -1 : 1;
}

int hs_wait_readable(int connection, int milliseconds) { return wait_for(connection, POLLIN | POLLRDHUP, milliseconds); }

int hs_wait_writable(int connection, int milliseconds) { return wait_for(connection, POLLOUT, milliseconds); }

int hs_is_closed(int connection) {
    struct pollfd entry = {.fd = connection, .events = POLLRDHUP};
    return poll(&entry, 1, 0) > 0 && entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

void hs_pause(int milliseconds) { (void)poll(NULL, 0, milliseconds); }

int hs_poll(const int *descriptors, unsigned char *ready, int count) {
    struct pollfd entries[64];
    if (count > 64) count = 64;
    for (int index = 0; index < count; index++) entries[index] = (struct pollfd){.fd = descriptors[index], .events = POLLIN};
    int result = poll(entries, (nfds_t)count, -1);
    for (int index = 0; index < count; index++) ready[index] = result > 0 && entries[index].revents != 0;
    return result;
}

long hs_receive(int connection, void *bytes, long size) {
    ssize_t count = recv(connection, bytes, (size_t)size, 0);
    return count < 0 ? -errno : count;
}

long hs_send(int connection, const void *bytes, long size) {
    ssize_t count = send(connection, bytes, (size_t)size, MSG_NOSIGNAL);
    return count < 0 ? -errno : count;
}
