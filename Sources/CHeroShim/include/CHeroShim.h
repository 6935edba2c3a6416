/// What the shim needs of C: system calls that Swift cannot make, and the code between fork and exec.
#ifndef CHEROSHIM_H
#define CHEROSHIM_H
#endif
