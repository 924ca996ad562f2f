/* window: the least and the greatest of a row of numbers over the last seconds and minutes. One
 * record answers for every width up to MW_WINDOW_SPAN_NS, so windows of several widths cost one.
 *
 * Promise  `now` is the time of the newest value, or gap, and a window of width W is what is less
 *          than W old then: (now - W, now]. Whatever the times of the values are,
 *          1. none inside is missed: what is said is at most, or at least, each of them;
 *          2. what is said was given, and is less than W + MW_WINDOW_GRAIN_NS old;
 *          3. when values are at least MW_WINDOW_GRAIN_NS apart, it is less than W old: exact.
 * Proof    For the least; the greatest is the same with the sign changed. Kept are values that grow
 *          strictly, with times that do not fall. A new value takes away all that are not smaller:
 *          each of them is older, and whatever window it is in has the new one too, which is as
 *          good. What is kept behind the last smaller one is the new value, so the first that is
 *          in a window is the least there (1). Only where that last smaller one lies in the same
 *          grain of time, it is given the new time and stands for the new value as well: it is
 *          smaller, and in every window that the new one is in (1). Grains are cut at multiples of
 *          MW_WINDOW_GRAIN_NS, so its time is never moved out of its own, by less than one (2),
 *          and values that are a grain apart never share one (3).
 * Absence  a value that is not known is told as a gap, not left out: from then on it is said how
 *          long values have been known without one. Values before the gap count as long as they
 *          are in the window.
 * Bound    MW_WINDOW_POINTS points of 16 bytes for the least and as many for the greatest, at first
 *          none; a record of values a second apart has at most 302 of both together. All records of
 *          a budget together keep to its bytes. One that finds no room forgets its oldest point,
 *          says that it knows less long, and is counted.
 * Units    times are monotonic nanoseconds; values have the caller's unit and are no NaN.
 * Threads  one owner.
 */
#ifndef MW_DETECT_WINDOW_H
#define MW_DETECT_WINDOW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MW_WINDOW_SPAN_NS (UINT64_C(300) * 1000000000)
#define MW_WINDOW_GRAIN_NS (UINT64_C(500) * 1000000)

/* One for each grain that a window of the whole span reaches into. */
enum { MW_WINDOW_POINTS = 602 };

/* What records share; all zero but the limit to begin with. It outlives them. */
struct mw_window_budget {
    size_t limit, used; /* bytes of points */
    uint64_t cut;       /* points that were forgotten too early */
};

struct mw_window_point {
    uint64_t ns;
    double value;
};

/* Values that grow from the first to the last, or fall. A ring. */
struct mw_window_ends {
    struct mw_window_point *points;
    uint32_t first, count, room;
};

/* All zero: nothing was ever told. To be moved as it is, but copied by nobody. */
struct mw_window {
    struct mw_window_ends least, greatest;
    uint64_t now_ns;
    uint64_t since_ns; /* values are known from here on */
    bool known;        /* the newest is a value, not a gap */
};

struct mw_window_extremes {
    double least, greatest;
};

/* Gives its bytes back to the budget; it is as new then. */
void mw_window_deinit(struct mw_window *self, struct mw_window_budget *budget);

/* A value, or that there is none. When time goes back the record begins anew. */
void mw_window_add(struct mw_window *self, struct mw_window_budget *budget, uint64_t ns,
                   double value);
void mw_window_gap(struct mw_window *self, struct mw_window_budget *budget, uint64_t ns);

/* `width_ns` is at most MW_WINDOW_SPAN_NS. Returns false when no value is in the window. */
bool mw_window_get(const struct mw_window *self, uint64_t width_ns, struct mw_window_extremes *ret);

/* For how long, up to now and to MW_WINDOW_SPAN_NS, the value has been known without a gap. A
 * window that is wider is not full. Returns false when it is not known now. */
bool mw_window_known(const struct mw_window *self, uint64_t *ret_ns);

#ifdef __cplusplus
}
#endif
#endif
