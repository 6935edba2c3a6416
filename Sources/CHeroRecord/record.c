#include "CHeroRecord.h"

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct hero_proc) <= HERO_SECTOR, "a half of the record file is one sector");
_Static_assert(sizeof(struct hero_exit) <= HERO_RELEASE_OFFSET - HERO_SECTOR, "the release is behind it");
_Static_assert(HERO_RELEASE_OFFSET + sizeof(struct hero_release) <= 2 * HERO_SECTOR, "the release is in the file");
_Static_assert(sizeof(struct hero_notify_state) <= HERO_SECTOR, "the third part is one sector");

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
    record->version = HERO_EXIT_VERSION;
    record->checksum = hero_checksum(record, offsetof(struct hero_exit, checksum));
}

void hero_notify_state_seal(struct hero_notify_state *record) {
    record->magic = HERO_NOTIFY_MAGIC;
    record->version = HERO_NOTIFY_VERSION;
    record->checksum = hero_checksum(record, offsetof(struct hero_notify_state, checksum));
}

/// The checksum follows the fields of the version of the record; ends[version - 1] is its offset.
static int is_valid(void *record, uint32_t version, const long *ends, uint32_t versions, long size) {
    if (version < 1 || version > versions) return 0;
    long end = ends[version - 1];
    uint32_t checksum;
    memcpy(&checksum, (char *)record + end, sizeof checksum);
    if (checksum != hero_checksum(record, end)) return 0;
    if (version < versions) memset((char *)record + end, 0, (size_t)(size - end));
    return 1;
}

int hero_proc_is_valid(struct hero_proc *record) {
    static const long ends[HERO_VERSION] = {
        offsetof(struct hero_proc, containment), offsetof(struct hero_proc, checksum)};
    return record->magic == HERO_PROC_MAGIC && is_valid(record, record->version, ends, HERO_VERSION, sizeof *record);
}

int hero_exit_is_valid(struct hero_exit *record) {
    static const long ends[HERO_EXIT_VERSION] = {
        offsetof(struct hero_exit, out_of_memory), offsetof(struct hero_exit, tracer),
        offsetof(struct hero_exit, checksum)};
    return record->magic == HERO_EXIT_MAGIC
        && is_valid(record, record->version, ends, HERO_EXIT_VERSION, sizeof *record);
}

int hero_notify_state_is_valid(const struct hero_notify_state *record) {
    return record->magic == HERO_NOTIFY_MAGIC && record->version == HERO_NOTIFY_VERSION
        && record->checksum == hero_checksum(record, offsetof(struct hero_notify_state, checksum));
}

long hero_spec_header_size(uint32_t version) {
    switch (version) {
    case 2: return offsetof(struct hero_spec, containment);
    case 3: return offsetof(struct hero_spec, watchdog_us);
    case 4: return offsetof(struct hero_spec, log_when_slow);
    case 5: return offsetof(struct hero_spec, notify_senders);
    case 6: return offsetof(struct hero_spec, attributes);
    case 7: return offsetof(struct hero_spec, capabilities);
    case 8: return offsetof(struct hero_spec, sandbox);
    case HERO_SPEC_VERSION: return sizeof(struct hero_spec);
    default: return 0;
    }
}

void hero_set_limit(struct hero_attributes *attributes, enum hero_limit_kind kind, uint64_t soft, uint64_t hard) {
    attributes->set_limits |= 1u << kind;
    attributes->limits[kind].soft = soft;
    attributes->limits[kind].hard = hard;
}
