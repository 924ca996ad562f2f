/* log: the one place that writes lines for people. A leaf.
 *
 * A line says what, where and what to do. Lines go to stderr; when stderr is the journal they go
 * there as entries with fields (log_journal.c tells which). Only the daemon logs; the library
 * returns errors.
 * Once     mwd_log() writes each time: starts, stops, answers to what an operator did. What can
 *          happen again by itself is an event: written once, then counted (log_event.c tells how).
 * Bound    a line has at most 2048 bytes; a longer one ends in "...". What the other end does not
 *          take at once is lost, and the next line that it takes says how many were.
 * Threads  any; a line is one write.
 */
#ifndef MWD_LOG_H
#define MWD_LOG_H

enum mwd_log_level { MWD_LOG_ERROR, MWD_LOG_WARNING, MWD_LOG_INFO, MWD_LOG_DEBUG };

struct mwd_log;

/* Owner    the caller; hand *ret to mwd_log_destroy(), which tells what is still only counted.
 * Errors   -ENOMEM. */
int mwd_log_create(int fd, enum mwd_log_level level, struct mwd_log **ret);
struct mwd_log *mwd_log_destroy(struct mwd_log *self);

void mwd_log_set_level(struct mwd_log *self, enum mwd_log_level level);

/* Control characters in the text come out as \xNN, so that a line stays one line. `self` may be
 * NULL: nothing is written. */
void mwd_log(struct mwd_log *self, enum mwd_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What an event is: the same two texts are the same event, whatever the line says. */
struct mwd_log_event {
    const char *name;  /* "source-fault"; MEMWATCHD_EVENT in the journal */
    const char *where; /* "/proc/meminfo"; MEMWATCHD_WHERE */
};

void mwd_log_event(struct mwd_log *self, enum mwd_log_level level,
                   const struct mwd_log_event *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#endif
