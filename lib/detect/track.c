/* A window is cut into sixteen slots of time, and the first value of each is kept. So a track has
 * the same size whether samples come every minute or a hundred times a second, and points lie
 * evenly enough for a line to be laid through them. The oldest point is the last one that is as old
 * as the window, or older: with it the whole window is covered, and hardly more. */
#include "detect/detect.h"

#include "base/clock.h"

#include <string.h>

static const struct mw_detect_point *point_at(const struct mw_detect_track *self, uint32_t index)
{
    return &self->points[(self->first + index) % MW_DETECT_POINTS];
}

static void drop_first(struct mw_detect_track *self)
{
    self->first = (self->first + 1) % MW_DETECT_POINTS;
    self->count--;
}

static void push(struct mw_detect_track *self, uint64_t ns, double value)
{
    if (self->count == MW_DETECT_POINTS)
        drop_first(self);
    self->points[(self->first + self->count++) % MW_DETECT_POINTS] =
        (struct mw_detect_point){ns, value};
}

/* Of a counter: from its value before to this one; a smaller one has been counted from 0. */
static double growth(double before, double now)
{
    return now >= before ? now - before : now;
}

static void begin(struct mw_detect_track *self, bool is_counter, uint64_t ns, double value)
{
    memset(self, 0, sizeof(*self));
    self->given = value;
    self->last = is_counter ? 0 : value;
    self->last_ns = ns;
    push(self, ns, self->last);
}

void mw_detect_track_add(struct mw_detect_track *self, uint64_t window_ns, bool is_counter,
                         uint64_t ns, double value)
{
    uint64_t slot_ns = window_ns / MW_DETECT_SLOTS;

    if (self->count > 0 && ns <= self->last_ns)
        return;
    if (self->count == 0 || (!is_counter && ns - self->last_ns > window_ns)) {
        begin(self, is_counter, ns, value);
        return;
    }
    self->last = is_counter ? self->last + growth(self->given, value) : value;
    self->given = value;
    self->last_ns = ns;
    if (ns - point_at(self, self->count - 1)->ns >= slot_ns)
        push(self, ns, self->last);
    while (self->count > 1 && ns - point_at(self, 1)->ns >= window_ns)
        drop_first(self);
}

/* From the oldest point to the last value. */
static uint64_t covered_ns(const struct mw_detect_track *self)
{
    return self->count == 0 ? 0 : self->last_ns - point_at(self, 0)->ns;
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)MW_NS_PER_S;
}

bool mw_detect_rate(const struct mw_detect_track *self, uint64_t window_ns, double *ret)
{
    uint64_t span_ns = covered_ns(self);

    if (span_ns == 0 || span_ns < window_ns / 2)
        return false;
    *ret = (self->last - point_at(self, 0)->value) / seconds(span_ns);
    return true;
}

/* Sums over points, from which the line of least squares follows. */
struct sums {
    double n, t, v, tt, tv;
};

static void sum(struct sums *sums, double t, double v)
{
    sums->n += 1;
    sums->t += t;
    sums->v += v;
    sums->tt += t * t;
    sums->tv += t * v;
}

/* Times and values are counted from those of the first point, or their squares would eat up the
 * digits that matter. Called with points at two times at least. */
static double slope(const struct mw_detect_track *self)
{
    const struct mw_detect_point *first = point_at(self, 0);
    struct sums sums = {0};

    for (uint32_t i = 0; i < self->count; i++)
        sum(&sums, seconds(point_at(self, i)->ns - first->ns),
            point_at(self, i)->value - first->value);
    if (point_at(self, self->count - 1)->ns != self->last_ns)
        sum(&sums, seconds(self->last_ns - first->ns), self->last - first->value);
    return (sums.n * sums.tv - sums.t * sums.v) / (sums.n * sums.tt - sums.t * sums.t);
}

bool mw_detect_time_to(const struct mw_detect_track *self, uint64_t window_ns, double limit,
                       bool upward, double *ret)
{
    double way, speed;

    if (self->count == 0 || covered_ns(self) == 0 || covered_ns(self) < window_ns)
        return false;
    way = upward ? limit - self->last : self->last - limit;
    speed = upward ? slope(self) : -slope(self);
    if (way <= 0)
        *ret = 0;
    else if (!(speed > 0) || way / speed > MW_DETECT_NEVER_S)
        *ret = MW_DETECT_NEVER_S;
    else
        *ret = way / speed;
    return true;
}
