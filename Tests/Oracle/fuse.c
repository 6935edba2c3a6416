#define _GNU_SOURCE
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int device;

/// Replies to a request with an errno, or with 0 and the data.
static void reply(uint64_t request, int error, const void *bytes, size_t size) {
    char text[sizeof(struct fuse_out_header) + 256];
    struct fuse_out_header header = {.unique = request, .error = -error};
    header.len = (uint32_t)(sizeof header + (error == 0 ? size : 0));
    memcpy(text, &header, sizeof header);
    if (error == 0 && size > 0) memcpy(text + sizeof header, bytes, size);
    (void)!write(device, text, header.len);
}

int serve_fuse(const char *mount_point) {
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device < 0) return 1;
    char options[80];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u", device, getuid(), getgid());
    if (mount("oracle", mount_point, "fuse", MS_NOSUID | MS_NODEV, options) != 0) return 2;
    printf("mounted\n");
    fflush(stdout);
    const struct fuse_attr root = {
        .ino = FUSE_ROOT_ID, .mode = S_IFDIR | 0700, .nlink = 2, .uid = getuid(), .gid = getgid()};
    _Alignas(struct fuse_in_header) static char request[1 << 18];
    for (;;) {
        ssize_t size = read(device, request, sizeof request);
        if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
        if (size < (ssize_t)sizeof(struct fuse_in_header)) return size < 0 && errno == ENODEV ? 0 : 3;
        struct fuse_in_header header;
        memcpy(&header, request, sizeof header);
        struct fuse_init_out first = {
            .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
        struct fuse_attr_out attributes = {.attr = root};
        struct fuse_statfs_out volume = {
            .st = {.bsize = 4096, .frsize = 4096, .namelen = 255, .blocks = 1 << 20, .bfree = 1 << 20}};
        struct fuse_open_out opened = {.fh = 1};
        switch (header.opcode) {
        case FUSE_INIT: reply(header.unique, 0, &first, sizeof first); break;
        case FUSE_GETATTR: reply(header.unique, 0, &attributes, sizeof attributes); break;
        case FUSE_STATFS: reply(header.unique, 0, &volume, sizeof volume); break;
        case FUSE_OPENDIR: reply(header.unique, 0, &opened, sizeof opened); break;
        case FUSE_LOOKUP: reply(header.unique, ENOENT, NULL, 0); break;
        case FUSE_GETXATTR: case FUSE_LISTXATTR: reply(header.unique, ENOSYS, NULL, 0); break;
        // An empty directory without state.
        case FUSE_READDIR: case FUSE_RELEASEDIR: case FUSE_FLUSH: case FUSE_ACCESS:
            reply(header.unique, 0, NULL, 0);
            break;
        // These requests have no reply.
        case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
        case FUSE_DESTROY: return 0;
        default:
            // All other requests would change data or need a file that does not exist.
            printf("refused %u\n", header.opcode);
            fflush(stdout);
            reply(header.unique, EROFS, NULL, 0);
        }
    }
}

#define WEDGE_SECONDS 20

/// Serves one file that accepts no write: a WRITE request never gets a reply.
static void serve_wedge(void) {
    _Alignas(struct fuse_in_header) static char request[1 << 18];
    for (;;) {
        ssize_t size = read(device, request, sizeof request);
        if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
        if (size < (ssize_t)sizeof(struct fuse_in_header)) return;
        struct fuse_in_header header;
        memcpy(&header, request, sizeof header);
        struct fuse_init_out first = {
            .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
        const int is_root = header.nodeid == FUSE_ROOT_ID;
        struct fuse_attr_out attributes = {.attr_valid = 1000,
            .attr = {.ino = header.nodeid, .mode = is_root ? S_IFDIR | 0700 : S_IFREG | 0700, .nlink = 1,
                .uid = getuid(), .gid = getgid(), .size = is_root ? 0 : 4096, .blksize = 4096}};
        struct fuse_entry_out entry = {.nodeid = 2, .entry_valid = 1000, .attr_valid = 1000};
        entry.attr = attributes.attr;
        entry.attr.ino = 2;
        entry.attr.mode = S_IFREG | 0700;
        entry.attr.size = 4096;
        struct fuse_open_out opened = {0};
        static const char page[200];
        switch (header.opcode) {
        case FUSE_INIT: reply(header.unique, 0, &first, sizeof first); break;
        case FUSE_GETATTR: case FUSE_SETATTR: reply(header.unique, 0, &attributes, sizeof attributes); break;
        case FUSE_LOOKUP: reply(header.unique, 0, &entry, sizeof entry); break;
        case FUSE_OPEN: reply(header.unique, 0, &opened, sizeof opened); break;
        case FUSE_READ: reply(header.unique, 0, page, sizeof page); break;
        case FUSE_WRITE: case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
        case FUSE_FLUSH: case FUSE_RELEASE: case FUSE_ACCESS: case FUSE_FSYNC: reply(header.unique, 0, NULL, 0); break;
        default: reply(header.unique, ENOSYS, NULL, 0);
        }
    }
}

static void *mapped;

/// Holds the lock of the memory: the kernel writes the changed page back, and no reply arrives.
static void *unmap(void *unused) {
    munmap(mapped, 4096);
    printf("released\n");
    fflush(stdout);
    return unused;
}

/// Waits for the lock of the memory, and so keeps every later reader waiting too.
static void *map(void *unused) {
    usleep(500000);
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return unused;
}

int wedge(const char *mount_point, int port) {
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device < 0) return 1;
    char options[80], path[4096];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u", device, getuid(), getgid());
    if (mount("oracle", mount_point, "fuse", MS_NOSUID | MS_NODEV, options) != 0) return 2;
    pid_t server = fork();
    if (server < 0) return 3;
    if (server == 0) {
        // The kernel aborts the requests of a file system whose server ends, which unlocks the memory. So it is locked
        // for this time at most, even if no process ends these.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(WEDGE_SECONDS);
        serve_wedge();
        _exit(0);
    }
    close(device);
    snprintf(path, sizeof path, "%s/file", mount_point);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return 4;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 5) != 0) return 5;
    mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) return 6;
    *(char *)mapped = 'x';
    printf("%d\n", getpid());
    fflush(stdout);
    pthread_t first, second;
    if (pthread_create(&first, NULL, unmap, NULL) != 0 || pthread_create(&second, NULL, map, NULL) != 0) return 7;
    sleep(1);
    printf("wedged\n");
    fflush(stdout);
    for (;;) pause();
}
