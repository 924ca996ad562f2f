/* detect: what can be said of a row of numbers. Levels with hysteresis, rates, time to a limit; in
 * window.h the least and greatest of the last minutes.
 *
 * Units    times are monotonic nanoseconds, rates a second; values have the caller's unit.
 * State    the caller's; plain structs without pointers, all zero to begin with.
 * Errors   none: what cannot be said is said not to be known.
 */
#ifndef MW_DETECT_H
#define MW_DETECT_H
#include "detect/window.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- two levels ---- */

/* Above: raised over `raise`, clear at `clear` and under it. Below: the other way round. */
struct mw_detect_levels {
    double raise, clear;
    bool below;
};

enum mw_detect_side {
    MW_DETECT_CLEAR,   /* at the clear level or on the good side of it */
    MW_DETECT_BETWEEN, /* neither: what was raised stays so, what was not does not become so */
    MW_DETECT_RAISED   /* over the raise level, strictly */
};

/* NaN lies between. Where the clear level is beyond the raise level, the raise level decides. */
enum mw_detect_side mw_detect_side(const struct mw_detect_levels *levels, double value);
/* Whether it is raised after this value, when it was (or was not) before. */
bool mw_detect_raised(const struct mw_detect_levels *levels, bool was_raised, double value);

/* ---- values over a window of time ---- */

enum { MW_DETECT_SLOTS = 16, MW_DETECT_POINTS = MW_DETECT_SLOTS + 2 };

/* The first value of each sixteenth of the window, and the last of all. A counter that falls has
 * begun anew at 0: it is followed by what it has grown. */
struct mw_detect_track {
    struct mw_detect_point {
        uint64_t ns;
        double value;
    } points[MW_DETECT_POINTS];
    uint64_t last_ns;
    double last;  /* the newest value, of a counter what it has grown */
    double given; /* the newest value as it was given */
    uint32_t first, count;
};

/* Takes in a value. One that is not later than the last is left out. After a gap of more than the
 * window a gauge begins anew, for nothing is known of its way; a counter does not, for it has
 * counted all the while. `window_ns` is the same at each call. */
void mw_detect_track_add(struct mw_detect_track *self, uint64_t window_ns, bool is_counter,
                         uint64_t ns, double value);

/* How fast it changed over the window: from the first point to the last, which for counters is
 * exact. False: not known before half the window is there. */
bool mw_detect_rate(const struct mw_detect_track *self, uint64_t window_ns, double *ret);

/* A time that no rule waits for: it does not come near, or later than in a hundred years. */
#define MW_DETECT_NEVER_S 3155760000.0

/* In how many seconds it reaches `limit`, if it goes on as in this window: from the last value, at
 * the slope of a straight line laid through all points by least squares. One line through many
 * points is not thrown off by a single high or low one, as the line through two would be; and after
 * a fall (a queue that was cleared, a heap that was collected) it points down until the fall has
 * left the window, so it errs on the quiet side. 0 when the limit is reached or passed in the
 * direction `upward`, else MW_DETECT_NEVER_S where it moves the other way.
 * False: not known before the whole window is there, so that the ramp of a start is not a trend. */
bool mw_detect_time_to(const struct mw_detect_track *self, uint64_t window_ns, double limit,
                       bool upward, double *ret);

#ifdef __cplusplus
}
#endif
#endif
