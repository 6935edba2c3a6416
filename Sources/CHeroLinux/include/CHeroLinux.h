/// System calls that Swift cannot make: variadic ones, and those glibc does not declare for it.
#ifndef CHEROLINUX_H
#define CHEROLINUX_H
#endif
