#define _GNU_SOURCE
#include "CHeroShim.h"

#include <pthread.h>
#include <time.h>

// Shared by the two threads, in addition to memory: a lock and a condition.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_t thread;

static struct {
    void (*body)(void *);
    void *memory;
} work;

// One or two pages are used: paths are in static memory.
enum { STACK_SIZE = 65536 };

static void *run_body(void *unused) {
    (void)unused;
    work.body(work.memory);
    return NULL;
}

int shim_thread_start(void (*body)(void *), void *memory) {
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &clock);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    work.body = body;
    work.memory = memory;
    return -pthread_create(&thread, &attributes, run_body, NULL);
}

void shim_thread_join(void) { pthread_join(thread, NULL); }

void shim_lock(void) { pthread_mutex_lock(&lock); }

void shim_unlock(void) { pthread_mutex_unlock(&lock); }

void shim_signal_change(void) { pthread_cond_signal(&changed); }

int shim_wait_for_change(int64_t timeout_ms) {
    if (timeout_ms < 0) {
        pthread_cond_wait(&changed, &lock);
        return 1;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(&changed, &lock, &until) == 0;
}
