// The program that every supervisor runs in a benchmark. It is as small as possible and records its start time.
//
//   hpbenchload                     writes a stamp to ./starts, signals readiness on descriptor 3, then sleeps
//   hpbenchload stamp FILE          the same, to FILE
//   hpbenchload notify FILE         the same, and signals readiness by sd_notify
//   hpbenchload once FILE           writes a stamp to FILE, then exits
//   hpbenchload lines COUNT FILE    writes a stamp, COUNT numbered lines of 100 bytes to stdout and a stamp, then exits
//
// A stamp has 32 bytes: the nanoseconds of CLOCK_BOOTTIME in 20 digits, a space, the PID in 10 digits, a newline. One
// write with O_APPEND keeps a thousand stamps in one file apart.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 100, DIGITS = 10, BLOCK_LINES = 655 };

static void digits(char *at, int count, unsigned long value) {
    while (count-- > 0) {
        at[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

static int stamp(const char *path) {
    struct timespec now;
    char text[32];
    clock_gettime(CLOCK_BOOTTIME, &now);
    digits(text, 20, (unsigned long)now.tv_sec * 1000000000ul + (unsigned long)now.tv_nsec);
    text[20] = ' ';
    digits(text + 21, 10, (unsigned long)getpid());
    text[31] = '\n';
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || write(file, text, sizeof text) != sizeof text) return -1;
    return close(file);
}

static int write_all(const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written < 0) return -1;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int lines(unsigned long count) {
    static char block[BLOCK_LINES * LINE];
    memset(block, 'x', sizeof block);
    for (int line = 0; line < BLOCK_LINES; line++) {
        block[line * LINE + DIGITS] = ' ';
        block[line * LINE + LINE - 1] = '\n';
    }
    for (unsigned long next = 0; next < count;) {
        int full = 0;
        while (full < BLOCK_LINES && next < count) digits(block + full++ * LINE, DIGITS, next++);
        if (write_all(block, (size_t)full * LINE) < 0) return -1;
    }
    return 0;
}

// The protocol of sd_notify: a datagram to the socket that the supervisor names.
static int notify(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    size_t length = name == NULL ? 0 : strlen(name);
    if (length == 0 || length >= sizeof address.sun_path) return -1;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = 0;
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (file < 0) return -1;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent = sendto(file, "READY=1", 7, 0, (struct sockaddr *)&address, size);
    close(file);
    return sent == 7 ? 0 : -1;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "lines") == 0) {
        if (stamp(argv[3]) < 0 || lines(strtoul(argv[2], NULL, 10)) < 0 || stamp(argv[3]) < 0) return 1;
        return 0;
    }
    if (stamp(argc == 3 ? argv[2] : "starts") < 0) return 1;
    if (argc == 3 && strcmp(argv[1], "once") == 0) return 0;
    if (argc == 3 && strcmp(argv[1], "notify") == 0 && notify() < 0) return 1;
    // s6 passes the name of the service. Without the readiness signal s6 would wait a second before a restart.
    if (argc < 3 && write(3, "\n", 1) == 1) close(3);
    for (;;) pause();
}
