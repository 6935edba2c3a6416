/// System calls of the server that Swift cannot make: variadic ones, and those that glibc does not declare for it.
///
/// A function that fails returns a negated errno, unless its comment says otherwise.
#ifndef CHEROSERVER_H
#define CHEROSERVER_H

/// Listens on a Unix socket at a path that must be free; the file gets the given permissions.
int hs_listen_unix(const char *path, unsigned int mode);
/// 1: a process listens on the socket. 0: the file is a socket without a listening process.
int hs_is_listening(const char *path);
/// Listens on a TCP port of an IPv4 (4) or IPv6 (6) address; writes the port, which the kernel chooses for port 0.
int hs_listen_tcp(int family, const unsigned char *address, int port, int *actual);
/// Accepts a connection; the descriptor does not block and is closed on exec.
int hs_accept(int listener);
/// The user and the main group of the process that has connected to a Unix socket.
int hs_peer(int connection, unsigned int *user, unsigned int *group);
/// The supplementary groups of that process; returns their number, at most `capacity`.
int hs_peer_groups(int connection, unsigned int *groups, int capacity);
/// Waits until a connection can be read or has ended. 1: it can. 0: the time is over. -1: a read would fail.
int hs_wait_readable(int connection, int milliseconds);
/// Waits until a connection can be written. 1: it can. 0: the time is over.
int hs_wait_writable(int connection, int milliseconds);
/// 1: the peer has closed its end or the connection has failed.
int hs_is_closed(int connection);
/// Sleeps.
void hs_pause(int milliseconds);
/// Waits for one of several descriptors; writes 1 or 0 for each.
int hs_poll(const int *descriptors, unsigned char *ready, int count);
long hs_receive(int connection, void *bytes, long size);
long hs_send(int connection, const void *bytes, long size);

#endif
