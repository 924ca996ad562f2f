#include "daemon/join.h"

#include "base/clock.h"

#include <stdint.h>
#include <time.h>

/* The thread sanitizer of clang before 15 knows pthread_timedjoin_np alone, whose clock may be set;
 * of a thread that it did not see joined it says that it leaks. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define JOIN_CLOCK CLOCK_REALTIME
#define join_until(thread, until) pthread_timedjoin_np(thread, NULL, until)
#endif
#endif
#ifndef JOIN_CLOCK
#define JOIN_CLOCK CLOCK_MONOTONIC
#define join_until(thread, until) pthread_clockjoin_np(thread, NULL, JOIN_CLOCK, until)
#endif

static struct timespec in_ms(unsigned ms)
{
    struct timespec now;

    clock_gettime(JOIN_CLOCK, &now);
    uint64_t ns = (uint64_t)now.tv_nsec + (uint64_t)ms * MW_NS_PER_MS;
    return (struct timespec){now.tv_sec + (time_t)(ns / MW_NS_PER_S), (long)(ns % MW_NS_PER_S)};
}

bool mwd_join_or_abandon(pthread_t thread, unsigned wait_ms)
{
    const struct timespec until = in_ms(wait_ms);

    if (join_until(thread, &until) == 0)
        return true;
    pthread_detach(thread);
    return false;
}
