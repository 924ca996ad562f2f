#include "daemon/push_flow.h"

#include "base/clock.h"

#include <math.h>

enum { AGREE = 3, SMOOTH_S = 10, MS_PER_S = 1000 };

static double seconds_between(uint64_t before_ns, uint64_t now_ns)
{
    return (double)(now_ns - before_ns) / (double)MW_NS_PER_S;
}

/* NAN when one of them is, or when the total went back. */
static double step(double before, double now)
{
    return now >= before ? now - before : NAN;
}

/* ---- queues ---- */

/* The direction counts, not the size: a queue that breathes goes both ways. */
static void judge_growth(struct mwd_flow *self, double growth, double seconds)
{
    bool agrees = (growth > 0 && self->growth > 0) || (growth < 0 && self->growth < 0);

    if (isnan(growth) || isnan(self->growth)) {
        self->growth = growth;
        self->windows = growth != 0 && !isnan(growth);
        return;
    }
    self->windows = agrees ? self->windows + 1 : 1;
    self->growth += (growth - self->growth) * seconds / (seconds + SMOOTH_S);
    if (!agrees)
        self->growth = growth;
}

static void end_window(struct mwd_flow *self, const struct mwd_flow_values *values, uint64_t now_ns)
{
    double seconds = seconds_between(self->base_ns, now_ns);

    self->in_rate = step(self->base.in, values->in) / seconds;
    self->out_rate = step(self->base.out, values->out) / seconds;
    judge_growth(self, (values->length - self->base.length) / seconds, seconds);
    self->base = *values;
    self->base_ns = now_ns;
}

/* Something waits, and nothing has left since. */
static bool is_still(const struct mwd_flow *self, const struct mwd_flow_values *values)
{
    return values->length > 0 && self->last.length > 0 && values->out == self->last.out;
}

void mwd_flow_update(struct mwd_flow *self, const struct mwd_flow_values *values, uint64_t now_ns)
{
    if (!self->begun) {
        *self = (struct mwd_flow){.last = *values,
                                  .base = *values,
                                  .base_ns = now_ns,
                                  .still_ns = now_ns,
                                  .in_rate = NAN,
                                  .out_rate = NAN,
                                  .growth = NAN,
                                  .begun = true};
    } else {
        if (!is_still(self, values))
            self->still_ns = now_ns;
        if (now_ns - self->base_ns >= MW_NS_PER_S)
            end_window(self, values, now_ns);
    }
    self->last = *values;
    self->last_ns = now_ns;
}

static double stalled_ms(const struct mwd_flow *self)
{
    if (isnan(self->last.length) || isnan(self->last.out))
        return NAN;
    if (self->last.length == 0)
        return 0;
    return seconds_between(self->still_ns, self->last_ns) * MS_PER_S;
}

/* By Little's law, which holds for a queue in a steady state that takes the oldest first; and not
 * less than the time in which nothing left. */
static double estimate_age(const struct mwd_flow *self, double stalled)
{
    double age = NAN;

    if (self->out_rate > 0)
        age = self->last.length / self->out_rate * MS_PER_S;
    if (stalled > 0 && !(age > stalled))
        age = stalled;
    return age;
}

static void put_age(const struct mwd_flow *self, struct mwd_flow_result *ret)
{
    ret->age_ms = self->last.age_ms;
    ret->age_estimated = 0;
    if (isnan(ret->age_ms) && self->last.length == 0)
        ret->age_ms = 0;
    if (!isnan(ret->age_ms))
        return;
    ret->age_ms = estimate_age(self, ret->stalled_ms);
    ret->age_estimated = isnan(ret->age_ms) ? NAN : 1;
}

static double full_ms(const struct mwd_flow *self)
{
    double room = self->last.capacity - self->last.length;

    if (room <= 0)
        return 0;
    return self->growth > 0 && self->windows >= AGREE ? room / self->growth * MS_PER_S : NAN;
}

static double drain_ms(const struct mwd_flow *self)
{
    if (self->last.length == 0)
        return 0;
    if (!(self->growth < 0) || self->windows < AGREE)
        return NAN;
    return self->last.length / -self->growth * MS_PER_S;
}

void mwd_flow_result(const struct mwd_flow *self, struct mwd_flow_result *ret)
{
    ret->fill_ratio = self->last.capacity > 0 ? self->last.length / self->last.capacity : NAN;
    ret->in_rate = self->in_rate;
    ret->out_rate = self->out_rate;
    ret->stalled_ms = stalled_ms(self);
    ret->full_ms = full_ms(self);
    ret->drain_ms = drain_ms(self);
    put_age(self, ret);
}

/* ---- caches ---- */

static double share(double part, double rest)
{
    return part + rest > 0 ? part / (part + rest) : NAN;
}

void mwd_use_update(struct mwd_use *self, const struct mwd_use_values *values, uint64_t now_ns)
{
    double hits, misses, evictions;

    if (self->begun && now_ns - self->base_ns < MW_NS_PER_S)
        return;
    hits = self->begun ? step(self->base.hits, values->hits) : NAN;
    misses = step(self->base.misses, values->misses);
    evictions = step(self->base.evictions, values->evictions);
    *self = (struct mwd_use){.base = *values,
                             .base_ns = now_ns,
                             .hit_ratio = share(hits, misses),
                             .eviction_ratio = share(evictions, hits),
                             .begun = true};
}

double mwd_use_hit_ratio(const struct mwd_use *self)
{
    return self->begun ? self->hit_ratio : NAN;
}

double mwd_use_eviction_ratio(const struct mwd_use *self)
{
    return self->begun ? self->eviction_ratio : NAN;
}
