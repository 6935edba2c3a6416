#include "CHeroPages.h"

// Pages of the documentation that the program prints. The compiler reads the files, so a page cannot differ from them.
static const char diagnostics[] = {
#embed "../../docs/reference/diagnostics.md"
};

const char *hero_diagnostics_page(void) { return diagnostics; }

size_t hero_diagnostics_page_size(void) { return sizeof diagnostics; }
