#define _GNU_SOURCE
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
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
