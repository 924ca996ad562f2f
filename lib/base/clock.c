#include "base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * MW_NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t system_monotonic_ns(void *context)
{
    (void)context;
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t system_wall_ms(void *context)
{
    (void)context;
    return (int64_t)(read_ns(CLOCK_REALTIME) / MW_NS_PER_MS);
}

const struct mw_clock *mw_clock_system(void)
{
    static const struct mw_clock clock = {system_monotonic_ns, system_wall_ms, 0};

    return &clock;
}

uint64_t mw_clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}
