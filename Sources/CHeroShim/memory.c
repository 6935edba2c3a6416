#include "CHeroShim.h"

// Static and untouched: the pages exist only once they are used. Together they stay below 2 MiB, so that no
// transparent huge page can ever back them.
static char input[SHIM_LINE_BOUND + SHIM_INPUT_SIZE] __attribute__((aligned(4096)));
static char output[SHIM_OUTPUT_SIZE] __attribute__((aligned(4096)));
static char held[2][SHIM_LINE_BOUND] __attribute__((aligned(4096)));
static char stamp[64];
static char scratch[4][SHIM_PATH_SIZE];
static struct shim_process table[SHIM_TABLE_SIZE];

char *shim_input(void) { return input + SHIM_LINE_BOUND; }
char *shim_output(void) { return output; }
char *shim_held(int stream) { return held[stream & 1]; }
char *shim_stamp(void) { return stamp; }
char *shim_scratch(int index) { return scratch[index & 3]; }
struct shim_process *shim_process_table(void) { return table; }
