#include "CHeroShim.h"

// Static and untouched: the pages exist only once they are used. Together they stay below 2 MiB, so that no
// transparent huge page can ever back them.
static char scratch[2][SHIM_PATH_SIZE] __attribute__((aligned(4096)));
static char draft[SHIM_PATH_SIZE] __attribute__((aligned(4096)));
static char input[SHIM_LINE_BOUND + SHIM_INPUT_SIZE] __attribute__((aligned(4096)));
static char output[SHIM_OUTPUT_SIZE] __attribute__((aligned(4096)));
static char held[2][SHIM_LINE_BOUND] __attribute__((aligned(4096)));
static struct shim_process table[SHIM_TABLE_SIZE];
static char message[SHIM_MESSAGE_SIZE + 64] __attribute__((aligned(4096)));

// What stays is taken from the end, next to what the C library keeps: one page less for every job.
static struct {
    char bytes[3 * SHIM_PATH_SIZE + HERO_CGROUP_SIZE + HERO_SOCKET_SIZE + 64];
    long used;
} kept;

char *shim_input(void) { return input + SHIM_LINE_BOUND; }
char *shim_output(void) { return output; }
char *shim_held(int stream) { return held[stream & 1]; }
char *shim_scratch(int index) { return scratch[index & 1]; }
char *shim_draft(void) { return draft; }
struct shim_process *shim_process_table(void) { return table; }
char *shim_message(void) { return message; }

char *shim_keep(long size) {
    // Cannot happen: a spec with a longer path was refused.
    if (size < 0 || size > (long)sizeof kept.bytes - kept.used) __builtin_trap();
    kept.used += size;
    return kept.bytes + sizeof kept.bytes - kept.used;
}

void shim_settle_memory(int is_alone) {
    shim_discard(draft, sizeof draft);
    if (is_alone) shim_discard(scratch, sizeof scratch);
    // What the deeper calls of the start have left on the stack, beyond what this frame and the next could use.
    char here;
    uintptr_t end = ((uintptr_t)&here - 1024) & ~(uintptr_t)4095;
    shim_discard((void *)(end - 65536), 65536);
}

void shim_rest_memory(void) {
    shim_discard(input, sizeof input);
    shim_discard(output, sizeof output);
}
