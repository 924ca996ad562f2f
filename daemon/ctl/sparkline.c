#include "daemon/ctl/ctl.h"

#include <math.h>
#include <string.h>

enum { LEVELS = 8, BAR_BYTES = 4 };

static const char bars[2][LEVELS][BAR_BYTES] = {
    {"_", ".", ":", "-", "=", "+", "*", "#"},
    {"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"},
};

struct range {
    double least, greatest;
};

static struct range range_of(const double *numbers, size_t count)
{
    struct range range = {INFINITY, -INFINITY};

    for (size_t i = 0; i < count; i++) {
        range.least = fmin(range.least, numbers[i]); /* which takes the one that is a number */
        range.greatest = fmax(range.greatest, numbers[i]);
    }
    return range;
}

/* Of those that are known. */
static double mean_of(const double *numbers, size_t count)
{
    double sum = 0;
    size_t known = 0;

    for (size_t i = 0; i < count; i++) {
        if (isnan(numbers[i]))
            continue;
        sum += numbers[i];
        known++;
    }
    return known > 0 ? sum / (double)known : NAN;
}

static const char *bar_of(double number, struct range range, bool utf8)
{
    double height = range.greatest - range.least;
    double share;
    int level;

    if (isnan(number))
        return " ";
    share = height > 0 ? (number - range.least) / height : 0;
    level = (int)(fmin(fmax(share, 0), 1) * LEVELS);
    return bars[utf8][level >= LEVELS ? LEVELS - 1 : level];
}

void mwd_ctl_put_sparkline(const double *numbers, size_t count, unsigned columns, bool utf8,
                           struct mwd_buffer *out)
{
    const struct range range = range_of(numbers, count);
    const size_t width = columns > 0 && columns < count ? columns : count;

    for (size_t i = 0; i < width; i++) {
        size_t begin = i * count / width, end = (i + 1) * count / width;

        mwd_buffer_puts(out, bar_of(mean_of(numbers + begin, end - begin), range, utf8));
    }
    mwd_buffer_puts(out, "\n");
}
