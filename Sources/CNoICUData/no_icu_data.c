#include "CNoICUData.h"

// The linker takes this symbol instead of the one in Foundation's archive, which adds 34 MB of languages, calendars and
// time zones to the program. heroproc formats no dates or numbers by language: HeroSchedule reads the time zones of
// the machine. ICU refuses these bytes because they have no header of its own, so that an unintended use fails visibly.
// The name contains the version of ICU. With another version the program works and is larger.
__attribute__((aligned(16))) const unsigned char icudt76_dat[64] = {0};
