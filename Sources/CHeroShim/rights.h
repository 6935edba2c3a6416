/// As whom the program runs, and what it may use: for the code between fork and exec.
#ifndef CHEROSHIM_RIGHTS_H
#define CHEROSHIM_RIGHTS_H

#include "CHeroShim.h"

/// Makes the shim the last that the kernel kills when memory runs out, where it may (OM-2).
void rights_protect_shim(void);

/// Takes that back, in a child that is to begin as whoever started us did.
void rights_unprotect(void);

/// Sets oom_score_adj and the limits. HERO_STAGE_NONE, or the stage that failed and errno.
enum hero_stage rights_apply_limits(const struct hero_rights *rights, uint64_t open_files_soft);

/// Becomes the user for good, and gives descriptors 1 and 2 to it. HERO_STAGE_NONE, or the stage that failed and errno.
enum hero_stage rights_change_user(const struct hero_rights *rights, const void *groups);

#endif
