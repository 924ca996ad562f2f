/* history: what readings were, kept on the managed heap.
 *
 * Fed with samples, asked for one reading of one subject between two times, by steps. There are two
 * tiers: the recent one has every sample, the minutes have the least, the mean and the greatest
 * value of each minute, and reach further back. A query takes each part of its time from the better
 * tier that has it.
 *
 *     the machine, the daemon     every number that the reading table has of them, at every sample
 *     processes                   rss, rssAnon and swap; the largest ones at every sample, all
 *                                 others every `slow_ms`; minutes are made of all samples always
 *     other kinds of subjects     all their numbers, at every sample
 *
 * The largest processes are the first `top` by rank in resident memory or in growth, whichever is
 * better. The choice is made every `slow_ms` and is sticky: whoever is in gives way only to one
 * that ranks better by a fifth of `top`. A process is taken at every sample until it was first
 * judged. A process that is gone stays here until its data is too old.
 *
 * Times    wall time, ms since 1970, as samples have it. When the clock is set back, what is stored
 *          moves back with it; when it is set forward, there is a gap.
 * Bound    time by `recent_ms` and `minutes_ms`, subjects by `subjects`, all of it by `bytes`: the
 *          oldest goes first, of both tiers alike, and is counted.
 *          What the present needs cannot be given up and goes over `bytes` if need be: 300 bytes
 *          and the open chunks of each process.
 * Threads  those of the heap: one owner.
 * Errors   negative errno.
 */
#ifndef MW_HISTORY_H
#define MW_HISTORY_H
#include "sample/sample.h"
#include "store/store.h"
#include "subject/subject.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_history;

enum { MW_HISTORY_POINTS_MAX = 10000, MW_HISTORY_MINUTE_MS = 60000 };

struct mw_history_config {
    uint64_t
        interval_ms;     /* from sample to sample; faster ones reach back less far than recent_ms */
    uint64_t slow_ms;    /* at least interval_ms */
    uint64_t recent_ms;  /* the first tier; at most 10,000,000 intervals */
    uint64_t minutes_ms; /* the second one; at least a minute, at most 1,000 days */
    uint32_t top;        /* processes that are recorded at every sample; 1 to 1,000 */
    uint32_t subjects; /* of each kind, dead ones included; 1 to 1,000,000, and one a KiB of ... */
    size_t bytes;      /* ... this; at least mw_history_bytes_min() */
};

/* Samples every second, others every 10 s; an hour, and a day of minutes; 50 processes, 10,000
 * subjects, 24 MiB. */
void mw_history_config_default(struct mw_history_config *ret);
/* What the readings of the machine and the daemon may need before anything can be given up. */
size_t mw_history_bytes_min(void);

/* Owner    the caller; destroy it before the store.
 * Errors   -EINVAL a bound that makes no sense, -ENOMEM. */
int mw_history_create(struct mw_store *store, const struct mw_history_config *config,
                      struct mw_history **ret);
struct mw_history *mw_history_destroy(struct mw_history *self);

/* Names for the processes that it remembers, from samples to come on. The registry is on the same
 * heap, and outlives the samples that are taken in. */
void mw_history_follow(struct mw_history *self, const struct mw_subjects *subjects);

/* Takes in a sample, which is not referred to later. One of the same millisecond as the last is
 * left out, and counted.
 * Errors   -ENOMEM: what could not be stored is a gap (`stale`) and counted; the next sample may
 *          come as if nothing had happened. */
int mw_history_apply(struct mw_history *self, const struct mw_sample *sample);

/* Another bound, kept to from the next sample on.
 * Errors   -EINVAL less than mw_history_bytes_min(), -EBUSY less than before and than is in use. */
int mw_history_set_bytes(struct mw_history *self, size_t bytes);

/* For the heap's near-limit callback: gives up the oldest eighth of each tier, or more if that
 * frees nothing. Allocates nothing, and may be called while mw_history_apply() is what came near
 * the limit. Returns the bytes that the heap can have back, so that a callback can go on until that
 * is enough; 0 when there is nothing to give up. */
size_t mw_history_shed(struct mw_history *self);

/* Whether there is a history of this reading at all. */
bool mw_history_keeps(enum mw_reading reading);

struct mw_history_numbers {
    uint64_t samples, minutes;          /* that are held */
    int64_t first_ms, minutes_first_ms; /* of the oldest ones, when there are any */
    int64_t last_ms;                    /* of the newest sample */
    uint64_t alive, dead, watched; /* subjects; those alive that are recorded at every sample */
    size_t bytes, bytes_limit;     /* in the heap and beside it */
    uint64_t sheds, shed_samples, shed_minutes; /* for `bytes` or by mw_history_shed() */
    uint64_t forgotten;                         /* dead subjects given up before their time */
    uint64_t refused;                           /* living ones that found no place */
    uint64_t lost;                              /* rows and entries without memory */
    uint64_t left_out;                          /* samples of the same millisecond */
    uint64_t set_back;                          /* times that the clock was */
};

void mw_history_get_numbers(const struct mw_history *self, struct mw_history_numbers *ret);
/* As a cache: entries are samples and minutes, evictions are those given up for the bound. */
void mw_history_get_row(const struct mw_history *self, struct mw_store_row *ret);

/* ---- asking ---- */

/* Why there is no number: an enum mw_absence, or one of these. */
enum mw_history_gap {
    MW_GAP_NO_SAMPLE = MW_ABSENCE_COUNT, /* nothing was recorded then, or no more held */
    MW_GAP_NO_SUBJECT                    /* it was not there yet, or not any more */
};

struct mw_history_question {
    enum mw_reading reading;
    struct mw_block_key subject; /* as in blocks; the machine and the daemon need none */
    int64_t from, to;            /* from <= time < to */
    uint64_t step;               /* ms; the last step may be shorter */
};

struct mw_history_point {
    int64_t time;   /* where the step begins */
    uint32_t count; /* samples it is made of; a minute counts as 60; 0: a gap */
    uint8_t gap;    /* then why: enum mw_absence or enum mw_history_gap; 0 otherwise */
    union mw_value min, max;
    double mean;
};

enum mw_history_fault {
    MW_HISTORY_FAULT_NONE,
    MW_HISTORY_FAULT_READING, /* -ENOENT: none of which there is history */
    MW_HISTORY_FAULT_SUBJECT, /* -ENOENT: not known, or its data is too old */
    MW_HISTORY_FAULT_RANGE,   /* -EINVAL: from is after to */
    MW_HISTORY_FAULT_STEP,    /* -EINVAL: 0 */
    MW_HISTORY_FAULT_POINTS   /* -EINVAL: over MW_HISTORY_POINTS_MAX */
};

/* Calls `each` for every step, in order, gaps included. It may use the heap, not the history; a
 * result other than 0 ends the query and is returned.
 * Errors   -ENOENT, -EINVAL, told apart by *ret_fault, which may be NULL. */
int mw_history_ask(const struct mw_history *self, const struct mw_history_question *question,
                   int (*each)(void *context, const struct mw_history_point *point), void *context,
                   enum mw_history_fault *ret_fault);

/* The subject of this id (a pid) that was born last. Returns how many of that id there are, dead
 * ones included; 0: *ret_newest is untouched. */
uint32_t mw_history_find(const struct mw_history *self, enum mw_kind kind, uint64_t id,
                         struct mw_block_key *ret_newest);

/* How long a subject is known: its first and last sample. Errors   -ENOENT. */
struct mw_history_life {
    int64_t first_ms, last_ms;
    bool alive;
    bool watched; /* recorded at every sample */
};

int mw_history_life(const struct mw_history *self, enum mw_kind kind, struct mw_block_key subject,
                    struct mw_history_life *ret);

/* Who a process is or was that is remembered, as it was last told; texts are held as those of
 * subject.h are. Returns false when nobody is remembered, or nothing was ever told of it. */
bool mw_history_subject(const struct mw_history *self, struct mw_block_key subject,
                        struct mw_subject *ret);

#ifdef __cplusplus
}
#endif
#endif
