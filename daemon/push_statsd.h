/* push_statsd: one line of the text protocol of statsd. Bytes in, struct out.
 *
 *     KIND.NAME.FIELD:VALUE|g         a gauge takes this value; +VALUE and -VALUE change it
 *     KIND.NAME.FIELD:VALUE|c         a counter grows by this
 *     ...|@RATE                       of a counter: one in so many was sent, 0 < RATE <= 1
 *     ...|#TAGS                       is passed over
 *
 * NAME may have dots: KIND ends at the first one, FIELD begins behind the last. VALUE is whole; a
 * fraction of zeros is let pass. */
#ifndef MWD_PUSH_STATSD_H
#define MWD_PUSH_STATSD_H
#include <stddef.h>
#include <stdint.h>

enum mwd_statsd_type { MWD_STATSD_SET, MWD_STATSD_CHANGE, MWD_STATSD_COUNT };

struct mwd_statsd_word {
    const char *text; /* into the line */
    size_t size;      /* at least 1 */
};

struct mwd_statsd_line {
    struct mwd_statsd_word kind, name, field;
    enum mwd_statsd_type type;
    double value; /* CHANGE: may be negative; COUNT: already divided by the rate */
};

/* `size` bytes without the end of the line.
 * Errors   -EBADMSG no line of statsd, -ENOTSUP another type than g and c, -ERANGE the value is no
 *          number that is taken. */
int mwd_statsd_parse(const char *line, size_t size, struct mwd_statsd_line *ret);
#endif
