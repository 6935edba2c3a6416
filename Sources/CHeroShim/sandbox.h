/// The sandbox of the program: code that runs between fork and exec.
#ifndef CHEROSHIM_SANDBOX_H
#define CHEROSHIM_SANDBOX_H

#include "CHeroShim.h"

/// Gives this process mounts and, with `no_network`, a network of its own, if its sandbox
/// restricts anything; this needs CAP_SYS_ADMIN.
/// Returns HERO_STAGE_NONE, or the stage that failed and errno.
enum hero_stage sandbox_enter(const struct shim_confinement *confinement);

#endif
