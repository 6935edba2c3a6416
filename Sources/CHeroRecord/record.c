#include "CHeroRecord.h"

#include <stddef.h>

_Static_assert(sizeof(struct hero_proc) <= HERO_SECTOR, "a half of the record file is one sector");
_Static_assert(sizeof(struct hero_exit) <= HERO_SECTOR, "a half of the record file is one sector");

uint32_t hero_checksum(const void *bytes, long size) {
    const unsigned char *byte = bytes;
    uint32_t crc = 0xffffffffu;
    for (long index = 0; index < size; index++) {
        crc ^= byte[index];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

void hero_proc_seal(struct hero_proc *record) {
    record->magic = HERO_PROC_MAGIC;
    record->version = HERO_VERSION;
    record->checksum = hero_checksum(record, offsetof(struct hero_proc, checksum));
}

void hero_exit_seal(struct hero_exit *record) {
    record->magic = HERO_EXIT_MAGIC;
    record->version = HERO_VERSION;
    record->checksum = hero_checksum(record, offsetof(struct hero_exit, checksum));
}

int hero_proc_is_valid(const struct hero_proc *record) {
    return record->magic == HERO_PROC_MAGIC && record->version == HERO_VERSION
        && record->checksum == hero_checksum(record, offsetof(struct hero_proc, checksum));
}

int hero_exit_is_valid(const struct hero_exit *record) {
    return record->magic == HERO_EXIT_MAGIC && record->version == HERO_VERSION
        && record->checksum == hero_checksum(record, offsetof(struct hero_exit, checksum));
}
