#ifndef C_NO_ICU_DATA_H
#define C_NO_ICU_DATA_H

// This module has no functions: its object file only replaces the data of ICU (see no_icu_data.c).

#endif
