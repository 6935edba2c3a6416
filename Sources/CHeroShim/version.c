#include "CHeroShim.h"

#include <string.h>
#include <unistd.h>

static int version_is_requested;

/// The C library passes the arguments to functions that run before main; the main function of Swift cannot access them.
__attribute__((constructor)) static void save_arguments(int count, char **arguments) {
    version_is_requested = count == 2 && strcmp(arguments[1], "version") == 0;
}

int shim_version_is_requested(void) {
    return version_is_requested;
}

int shim_print_version(void) {
    // One digit each: the versions count format changes, not releases.
    _Static_assert(HERO_SPEC_VERSION < 10 && HERO_VERSION < 10, "digits");
    char text[] = "hpshim: protocol 0, records 0\n";
    text[17] += HERO_SPEC_VERSION;
    text[28] += HERO_VERSION;
    if (write(1, text, sizeof text - 1) == sizeof text - 1) return 0;
    static const char message[] = "hpshim: cannot write the version\n";
    ssize_t ignored = write(2, message, sizeof message - 1);
    (void)ignored;
    return HERO_SHIM_NO_RECORD;
}
