#include "CHeroVersion.h"

// A release build defines HERO_COMMIT, which Package.swift takes from the environment. Only this file is compiled again
// for another commit.
#define TEXT_OF(token) #token
#define TEXT(token) TEXT_OF(token)

const char *hero_version(void) { return HERO_VERSION; }

const char *hero_commit(void) {
#ifdef HERO_COMMIT
    return TEXT(HERO_COMMIT);
#else
    return "";
#endif
}
