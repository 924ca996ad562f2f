/* clock: where the time comes from, so that tests can bring their own.
 *
 * Units    nanoseconds for spans, milliseconds since 1970 for instants shown to people.
 * State    none of its own; the object is a pair of functions and what they need.
 */
#ifndef MW_BASE_CLOCK_H
#define MW_BASE_CLOCK_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MW_NS_PER_US = 1000,
    MW_NS_PER_MS = 1000 * 1000,
    MW_NS_PER_S = 1000 * 1000 * 1000,
};

struct mw_clock {
    uint64_t (*monotonic_ns)(void *context); /* never goes back; not comparable between boots */
    int64_t (*wall_ms)(void *context);       /* may jump when somebody sets the clock */
    void *context;
};

/* The machine's own clocks. The object is constant and lives for ever. */
const struct mw_clock *mw_clock_system(void);

/* CPU time of the calling thread. */
uint64_t mw_clock_thread_cpu_ns(void);

static inline uint64_t mw_clock_monotonic_ns(const struct mw_clock *self)
{
    return self->monotonic_ns(self->context);
}

static inline int64_t mw_clock_wall_ms(const struct mw_clock *self)
{
    return self->wall_ms(self->context);
}

#ifdef __cplusplus
}
#endif
#endif
