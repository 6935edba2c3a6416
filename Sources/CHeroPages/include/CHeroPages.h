#ifndef CHERO_PAGES_H
#define CHERO_PAGES_H

#include <stddef.h>

/// docs/reference/diagnostics.md.
const char *hero_diagnostics_page(void);
/// Its length in bytes.
size_t hero_diagnostics_page_size(void);

#endif
