/// The user and the limits of the program: code that runs between fork and exec.
#ifndef CHEROSHIM_RIGHTS_H
#define CHEROSHIM_RIGHTS_H

#include "CHeroShim.h"

/// Protects the shim from the OOM killer, if it may (OM-2).
void rights_protect_shim(void);

/// Removes that protection in a child that starts with the original value.
void rights_unprotect(void);

/// Sets oom_score_adj and the limits. Returns HERO_STAGE_NONE, or the stage that failed and errno.
enum hero_stage rights_apply_limits(
    const struct hero_rights *rights, const struct hero_attributes *attributes, uint64_t open_files_soft);

/// Sets the nice value and the I/O priority. Returns HERO_STAGE_NONE, or the stage that failed and errno.
enum hero_stage rights_apply_priorities(const struct hero_attributes *attributes);

/// Changes to the user and to the capabilities permanently, and gives the user descriptors 1 and 2. Returns
/// HERO_STAGE_NONE, or the failed stage and errno.
enum hero_stage rights_change_user(
    const struct hero_rights *rights, const void *groups, const struct shim_confinement *confinement);

#endif
