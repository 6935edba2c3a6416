/// Decimal numbers without the C library: for the code between fork and exec, and to keep the program small.
#ifndef CHEROSHIM_DECIMAL_H
#define CHEROSHIM_DECIMAL_H

#include <stdint.h>

/// Writes a number and a NUL; returns the position of the NUL. The text needs up to 21 bytes.
static inline char *write_decimal(char *text, uint64_t value) {
    char reversed[20];
    int count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0) *text++ = reversed[--count];
    *text = 0;
    return text;
}

/// Parses the digits at *text and moves *text behind them; 0 when there are none.
static inline uint64_t parse_decimal(const char **text) {
    uint64_t value = 0;
    while (**text >= '0' && **text <= '9') value = value * 10 + (uint64_t)(*(*text)++ - '0');
    return value;
}

#endif
