/* log: the one place that writes lines for people. A leaf.
 *
 * A line says what, where and what to do. Lines go to stderr, with a <N> priority in front when
 * stderr is the journal. Only the daemon logs; the library returns errors.
 * Bound    a line has at most 2048 bytes; a longer one ends in "...". What the other end does not
 *          take at once is lost, and the next line that it takes says how many were.
 * Threads  any; a line is one write.
 */
#ifndef MWD_LOG_H
#define MWD_LOG_H

enum mwd_log_level { MWD_LOG_ERROR, MWD_LOG_WARNING, MWD_LOG_INFO, MWD_LOG_DEBUG };

struct mwd_log;

/* Owner    the caller; hand *ret to mwd_log_destroy(). Errors -ENOMEM. */
int mwd_log_create(int fd, enum mwd_log_level level, struct mwd_log **ret);
struct mwd_log *mwd_log_destroy(struct mwd_log *self);

void mwd_log_set_level(struct mwd_log *self, enum mwd_log_level level);

/* Control characters in the text come out as \xNN, so that a line stays one line. `self` may be
 * NULL: nothing is written. */
void mwd_log(struct mwd_log *self, enum mwd_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#endif
