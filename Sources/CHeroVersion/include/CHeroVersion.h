#ifndef CHERO_VERSION_H
#define CHERO_VERSION_H

/// The version of all programs and packages. This line is the only place of it.
#define HERO_VERSION "0.1.0"

/// The version.
const char *hero_version(void);
/// The commit of the sources, such as `4c661cf8`, with `-dirty` after it if files were changed; empty if it is unknown.
const char *hero_commit(void);

#endif
