/* push_flow: what follows from a queue's or a cache's numbers over time. Pure numbers; a leaf.
 *
 * Unknown  is NAN, in and out, and never 0.
 * Windows  rates are taken from one update to another that is at least a second later, so that one
 *          of many small steps is not taken for a rate. Growth is that of the length, smoothed over
 *          ten seconds, and is believed after three windows that agree in their direction.
 */
#ifndef MWD_PUSH_FLOW_H
#define MWD_PUSH_FLOW_H
#include <stdbool.h>
#include <stdint.h>

struct mwd_flow_values {
    double length, capacity;
    double in, out; /* totals */
    double age_ms;
};

struct mwd_flow {
    struct mwd_flow_values last, base; /* of the last update, of where the window began */
    uint64_t last_ns, base_ns, still_ns;
    double in_rate, out_rate, growth; /* per second */
    uint32_t windows;                 /* that agree, one after the other */
    bool begun;
};

struct mwd_flow_result {
    double fill_ratio, in_rate, out_rate;
    double age_ms, age_estimated; /* the latter 0 or 1 */
    double full_ms, drain_ms, stalled_ms;
};

/* *self begins as zero. Totals that go back begin anew: whoever counts was started again. */
void mwd_flow_update(struct mwd_flow *self, const struct mwd_flow_values *values, uint64_t now_ns);
/* As of the last update. */
void mwd_flow_result(const struct mwd_flow *self, struct mwd_flow_result *ret);

struct mwd_use_values {
    double hits, misses, evictions; /* totals */
};

struct mwd_use {
    struct mwd_use_values base;
    uint64_t base_ns;
    double hit_ratio, eviction_ratio;
    bool begun;
};

/* *self begins as zero. A window without any use leaves ratios unknown. */
void mwd_use_update(struct mwd_use *self, const struct mwd_use_values *values, uint64_t now_ns);
double mwd_use_hit_ratio(const struct mwd_use *self);
double mwd_use_eviction_ratio(const struct mwd_use *self);
#endif
