#include "CHeroShim.h"

// Static memory, of which a page exists only after its first use. The total stays below 2 MiB, so that no transparent
// huge page can back it.
static char scratch[2][SHIM_PATH_SIZE] __attribute__((aligned(4096)));
static char start_scratch[SHIM_PATH_SIZE] __attribute__((aligned(4096)));
static char input[SHIM_MAX_LINE_SIZE + SHIM_INPUT_SIZE] __attribute__((aligned(4096)));
static char output[SHIM_OUTPUT_SIZE] __attribute__((aligned(4096)));
static char partial_lines[2][SHIM_MAX_LINE_SIZE] __attribute__((aligned(4096)));
static struct shim_process table[SHIM_TABLE_SIZE];
static char message[SHIM_MESSAGE_SIZE + 64] __attribute__((aligned(4096)));

// Allocated from the end, next to the data of the C library: this saves one page per job.
static struct {
    char bytes[3 * SHIM_PATH_SIZE + HERO_CGROUP_SIZE + HERO_SOCKET_SIZE + 64];
    long used;
} static_area;

char *shim_input(void) { return input + SHIM_MAX_LINE_SIZE; }
char *shim_output(void) { return output; }
char *shim_partial_line(int stream) { return partial_lines[stream & 1]; }
char *shim_scratch(int index) { return scratch[index & 1]; }
char *shim_start_scratch(void) { return start_scratch; }
struct shim_process *shim_process_table(void) { return table; }
char *shim_message(void) { return message; }

char *shim_allocate_static(long size) {
    // Cannot happen: a spec with a longer path is refused.
    if (size < 0 || size > (long)sizeof static_area.bytes - static_area.used) __builtin_trap();
    static_area.used += size;
    return static_area.bytes + sizeof static_area.bytes - static_area.used;
}

void shim_release_start_memory(int is_alone) {
    shim_discard(start_scratch, sizeof start_scratch);
    if (is_alone) shim_discard(scratch, sizeof scratch);
    // The stack pages of deeper calls during the start, below those that this frame and the next one can use.
    char here;
    uintptr_t end = ((uintptr_t)&here - 1024) & ~(uintptr_t)4095;
    shim_discard((void *)(end - 65536), 65536);
}

void shim_release_output_memory(void) {
    shim_discard(input, sizeof input);
    shim_discard(output, sizeof output);
}
