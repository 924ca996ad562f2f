/* What the log's own files share. Not for others. */
#ifndef MWD_LOG_INTERNAL_H
#define MWD_LOG_INTERNAL_H
#include "base/clock.h"
#include "daemon/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MWD_LOG_LINE_MAX = 2048, MWD_LOG_EVENTS_MAX = 64 };

/* One entry, before it has a form. */
struct mwd_log_entry {
    enum mwd_log_level level;
    const struct mwd_log_event *event; /* NULL = none */
    uint64_t count;                    /* of the event since its last line, this one included */
    const char *text;
};

/* ---- log_event.c: once, then counted ---- */

enum { MWD_LOG_NAME_BYTES = 40, MWD_LOG_WHERE_BYTES = 120, MWD_LOG_TEXT_BYTES = 200 };

struct mwd_log_counted {
    char name[MWD_LOG_NAME_BYTES]; /* "" = a free place */
    char where[MWD_LOG_WHERE_BYTES];
    char text[MWD_LOG_TEXT_BYTES]; /* the newest that was not written */
    enum mwd_log_level level;
    uint64_t count; /* since the last line */
    uint64_t line_ns, seen_ns, gap_ns;
    int64_t line_ms; /* time of day of the last line */
};

struct mwd_log_counter {
    const struct mw_clock *clock;
    pthread_mutex_t lock;
    struct mwd_log_counted events[MWD_LOG_EVENTS_MAX];
};

/* What is to be done with an event: the lines to write now. */
struct mwd_log_verdict {
    bool write;
    uint64_t count;   /* when written: how often since `since_ms`, this one included */
    int64_t since_ms; /* time of day of the line before; 0 = there was none */
    bool evicted;     /* another event had to make room, with a count to be told */
    struct mwd_log_counted the_other;
};

void mwd_log_counter_init(struct mwd_log_counter *self, const struct mw_clock *clock);
void mwd_log_counter_deinit(struct mwd_log_counter *self);
void mwd_log_counter_note(struct mwd_log_counter *self, const struct mwd_log_entry *entry,
                          struct mwd_log_verdict *ret);
/* Takes out an event that has a count left to be told; false when there is none. */
bool mwd_log_counter_take(struct mwd_log_counter *self, struct mwd_log_counted *ret);

/* ---- log_line.c: text that may be shown ---- */

struct mwd_log_line {
    char bytes[MWD_LOG_LINE_MAX];
    size_t size;
};

/* As far as it fits with one more byte behind it; "..." where it does not. */
void mwd_log_line_put(struct mwd_log_line *self, const char *text);
/* "2026-11-23T03:00:00.123Z warning: ", or "<4>". */
void mwd_log_line_begin(struct mwd_log_line *self, enum mwd_log_level level, bool priority);

/* ---- log_journal.c: entries with fields ---- */

struct mwd_log_journal {
    int fd; /* -1 = there is no journal to talk to */
    const char *path;
};

/* `fd` is where lines would go: entries are made when that is the journal. */
void mwd_log_journal_open(struct mwd_log_journal *self, int fd, const char *path);
void mwd_log_journal_close(struct mwd_log_journal *self);
/* Errors   -EAGAIN: not taken now. Others: the journal is gone, a plain line may still arrive. */
int mwd_log_journal_send(struct mwd_log_journal *self, const struct mwd_log_entry *entry);

/* ---- log.c ---- */

struct mwd_log {
    int fd;
    bool is_journal; /* behind fd */
    struct mwd_log_journal journal;
    struct mwd_log_counter counter;
    _Atomic int level;
    _Atomic unsigned lost;
};

/* As mwd_log_create(), with another clock and another socket of the journal. */
int mwd_log_create_with(int fd, const struct mw_clock *clock, const char *journal_path,
                        struct mwd_log **ret);
bool mwd_log_is_journal(int fd);
#endif
