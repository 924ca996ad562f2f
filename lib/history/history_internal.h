/* The parts of a history, from the bottom up:
 *
 *     axis.c      numbers instants: sample 0, 1, 2 ..., minute 0, 1, 2 ...; a number is a TICK
 *     fold.c      least, mean and greatest value of what is added
 *     entry.c     what changed from one tick to the next, as bytes
 *     track.c     the entries of one subject in one tier: a chain of chunks
 *     reader.c    the way back
 *     slots.c     the subjects of one kind, dead ones included: found by key, forgotten in order
 *     kept.c      which readings there is history of
 *     largest.c  which processes are the largest
 *     group.c     kinds with many subjects: the rows that live now, and their tracks
 *     feed.c      what a sample changes in them
 *     wide.c      kinds with one subject: all their readings in one ring, time shared
 *     steps.c     points of an answer
 *     ask.c, shed.c, history.c
 *
 * A process seldom changes: in most seconds nothing is written for it, and it takes nothing. So a
 * track is not a column with a place for each sample, it has entries only where something changed,
 * and the axis, which all tracks share, tells which ticks there were in between. Readings of the
 * machine change all the time and come all together: for them the store's ring is smaller.
 */
#ifndef MW_HISTORY_INTERNAL_H
#define MW_HISTORY_INTERNAL_H
#include "history/history.h"

#include <errno.h>

/* Why the heap's last allocation failed, never 0. */
static inline int mw_history_heap_error(const struct mw_heap *heap)
{
    int error = mw_heap_error(heap);

    return error < 0 ? error : -ENOMEM;
}

/* ---- axis ---- */

/* Ticks first to end - 1 are known. On the heap: a word each, time and mark. */
struct mw_axis {
    struct mw_heap *heap;
    struct mw_global *stamps;
    uint64_t capacity, first, end;
};

int mw_axis_init(struct mw_axis *self, struct mw_heap *heap, const struct mw_heap_type *type,
                 uint64_t capacity);
void mw_axis_deinit(struct mw_axis *self);
/* The next tick; the oldest goes when there is no room. `time` is after that of the one before. */
void mw_axis_push(struct mw_axis *self, int64_t time, bool mark);
/* The first tick not before `time`. */
uint64_t mw_axis_find(const struct mw_axis *self, int64_t time);
/* Of `count` ticks from `tick` on, all of them known. */
void mw_axis_read(const struct mw_axis *self, uint64_t tick, size_t count, int64_t *ret_times,
                  bool *ret_marks);
int64_t mw_axis_time(const struct mw_axis *self, uint64_t tick);

/* ---- folds ---- */

struct mw_fold {
    union mw_value min, max;
    double sum; /* unless it is flat */
    uint32_t count;
    uint8_t reason; /* of the last absence */
};

enum { MW_FOLD_MIN, MW_FOLD_MEAN, MW_FOLD_MAX, MW_FOLD_VALUES };

void mw_fold_widen(struct mw_fold *self, enum mw_value_type type, union mw_value value);

/* All values are the same, as most are: then there is nothing to do but to count. */
static inline bool mw_fold_is_flat(const struct mw_fold *self)
{
    return self->min.u == self->max.u;
}

static inline void mw_fold_add(struct mw_fold *self, enum mw_value_type type, union mw_value value)
{
    if (self->count > 0 && mw_fold_is_flat(self) && self->min.u == value.u)
        self->count++;
    else
        mw_fold_widen(self, type, value);
}

/* Fills in MW_FOLD_VALUES values. Returns MW_PRESENT, or why there are none. */
uint8_t mw_fold_get(const struct mw_fold *self, enum mw_value_type type, uint64_t *ret_values);
double mw_value_number(enum mw_value_type type, union mw_value value);
bool mw_value_less(enum mw_value_type type, union mw_value left, union mw_value right);

/* ---- entries ---- */

enum {
    MW_TRACK_COLUMNS_MAX = 63,
    /* Two heads and nine bytes a column. */
    MW_ENTRY_MAX = 2 * 10 + 9 * MW_TRACK_COLUMNS_MAX,
};

/* What a track says at a tick. */
struct mw_track_state {
    uint64_t tick;
    bool slow; /* until the next entry, only marked ticks were recorded */
    uint64_t *values;
    uint8_t *reasons; /* why there is no value, or 0 */
};

/* Returns the bytes written, at most MW_ENTRY_MAX. */
size_t mw_entry_encode(unsigned columns, const struct mw_track_state *before,
                       const struct mw_track_state *now, unsigned char *out);
/* Turns the state before into the one of the entry. Returns the bytes read. */
size_t mw_entry_decode(unsigned columns, const unsigned char *in, struct mw_track_state *state);
/* The entry's tick alone, after the tick before it. */
uint64_t mw_entry_tick(unsigned columns, const unsigned char *in, uint64_t before);

/* ---- tracks ---- */

enum mw_tier { MW_TIER_RECENT, MW_TIER_MINUTES, MW_TIERS };

/* Fields of a HistorySubject: the oldest and the newest chunk of each tier, and the Subject. */
enum { MW_SUBJECT_OLDEST, MW_SUBJECT_NEWEST, MW_SUBJECT_WHO = 2 * MW_TIERS, MW_SUBJECT_FIELDS };

static inline size_t mw_subject_field(enum mw_tier tier, size_t end)
{
    return 2 * (size_t)tier + end;
}

/* Words of a chunk's payload; the rest is bytes. */
enum { MW_TRACK_NEXT, MW_TRACK_FIRST, MW_TRACK_USED, MW_TRACK_ROOM, MW_TRACK_HEAD };

enum { MW_TRACK_SIZES = 3, MW_TRACK_WORDS_MAX = 96 };

struct mw_tracks {
    struct mw_heap *heap;
    const struct mw_heap_type *chunks[MW_TRACK_SIZES];
    size_t bytes; /* of all chunks */
};

#define MW_TICK_NONE UINT64_MAX

/* The last state that was written, to go on from. */
struct mw_track_end {
    struct mw_track_state state;
    uint64_t lost; /* from this tick on nothing could be written, or MW_TICK_NONE */
    bool fresh;    /* there is none: begin a chunk */
};

int mw_tracks_init(struct mw_tracks *self, struct mw_heap *heap);
/* Takes `now` over into `end`. Errors -ENOMEM; then `end->lost` says so, and the next call that
 * succeeds leaves a gap (stale) from there. */
int mw_track_put(struct mw_tracks *self, struct mw_ref subject, enum mw_tier tier, unsigned columns,
                 struct mw_track_end *end, const struct mw_track_state *now);
/* Drops the chunks that say nothing about `first` and later ticks; never the last one. */
size_t mw_track_drop(struct mw_tracks *self, struct mw_ref subject, enum mw_tier tier,
                     uint64_t first);
/* What all chunks of a subject take. */
size_t mw_track_bytes(struct mw_tracks *self, struct mw_ref subject);

/* ---- reading tracks ---- */

struct mw_track_reader {
    struct mw_heap *heap;
    struct mw_ref chunk; /* belongs to the scope around; none: nothing more */
    unsigned columns;
    size_t at, used;
    bool started;  /* `state` is that of an entry */
    uint64_t next; /* tick of the entry at `at`; MW_TICK_NONE: nothing more */
    struct mw_track_state state;
    uint64_t values[MW_TRACK_COLUMNS_MAX];
    uint8_t reasons[MW_TRACK_COLUMNS_MAX];
    unsigned char bytes[8 * MW_TRACK_WORDS_MAX];
};

/* Stands before `tick`: its state is found by mw_track_reader_go(). */
void mw_track_reader_init(struct mw_track_reader *self, struct mw_heap *heap, struct mw_ref subject,
                          enum mw_tier tier, unsigned columns, uint64_t tick);
/* To a tick not before the last one. `state` is then what holds there, once `started`. */
void mw_track_reader_go(struct mw_track_reader *self, uint64_t tick);

/* ---- slots ---- */

#define MW_SLOT_NONE UINT32_MAX

struct mw_slot {
    struct mw_block_key key; /* id 0: free */
    uint32_t chain;          /* of the bucket, or of free slots */
    uint32_t older, newer;   /* among the dead */
    bool alive;
    uint16_t who_bytes; /* of a dead one's Subject, which nobody else may keep */
    int64_t begin, end; /* times of its first and last sample */
    uint64_t end_tick;
};

struct mw_slots {
    struct mw_tracks *tracks;
    const struct mw_heap_type *subject_type, *table_type;
    struct mw_global *table; /* on the heap: slot to HistorySubject */
    struct mw_slot *slots;
    uint32_t *buckets; /* as many as there is room for slots, a power of two */
    uint32_t limit, room, used, free;
    uint32_t oldest_dead, newest_dead;
    uint32_t alive, dead;
    size_t who_bytes; /* of all of them */
    uint64_t forgotten;
};

int mw_slots_init(struct mw_slots *self, struct mw_tracks *tracks,
                  const struct mw_heap_type *subject_type, const struct mw_heap_type *table_type,
                  uint32_t limit);
void mw_slots_deinit(struct mw_slots *self);
uint32_t mw_slots_find(const struct mw_slots *self, struct mw_block_key key);
/* A living subject of this key: a new one, or one that was taken for dead. Errors   -ENOSPC all
 * that there is room for are alive, -EEXIST this one is, -ENOMEM. */
int mw_slots_revive(struct mw_slots *self, struct mw_block_key key, int64_t time, uint32_t *ret);
void mw_slots_bury(struct mw_slots *self, uint32_t slot, int64_t time, uint64_t tick);
/* What a dead one keeps beside its tracks. */
void mw_slots_charge(struct mw_slots *self, uint32_t slot, size_t bytes);
/* Forgets the oldest dead one. Returns the bytes of it. */
size_t mw_slots_forget(struct mw_slots *self);
/* A handle in the scope around. */
struct mw_ref mw_slots_subject(const struct mw_slots *self, uint32_t slot);
size_t mw_slots_bytes(const struct mw_slots *self);

/* ---- the largest of many ---- */

struct mw_largest_entry {
    uint64_t amount;
    uint32_t row;
};

/* The `limit` largest amounts offered, as a heap until they are sorted. */
struct mw_largest {
    struct mw_largest_entry *entries;
    uint32_t count, limit;
};

int mw_largest_init(struct mw_largest *self, uint32_t limit);
void mw_largest_deinit(struct mw_largest *self);
void mw_largest_offer(struct mw_largest *self, uint64_t amount, uint32_t row);
void mw_largest_sort(struct mw_largest *self); /* largest first; to be emptied by count = 0 */

/* ---- groups ---- */

enum { MW_GROUP_READINGS_MAX = MW_TRACK_COLUMNS_MAX / MW_FOLD_VALUES };

/* The tick that is being recorded. */
struct mw_tick {
    uint64_t tick, minute; /* `minute` will be the number of the one that is open */
    int64_t time, last_time;
    bool slow; /* everybody is recorded */
};

struct mw_row {
    struct mw_block_key key;
    uint32_t slot; /* MW_SLOT_NONE: not recorded */
    uint32_t rank;
    bool slow;    /* recorded at marked ticks only */
    bool watched; /* for its rank */
    struct mw_track_end ends[MW_TIERS];
};

struct mw_group {
    struct mw_heap *heap;
    const struct mw_subjects *subjects; /* or NULL: nobody has a name */
    struct mw_tracks *tracks;
    enum mw_source source;
    unsigned readings;
    enum mw_reading reading[MW_GROUP_READINGS_MAX];
    enum mw_value_type types[MW_GROUP_READINGS_MAX];
    struct mw_slots slots;
    /* Rows of the newest block. What belongs to each row stands in arrays beside it. */
    uint32_t row_count, row_room;
    struct mw_row *rows;
    struct mw_fold *folds;                    /* [row][reading] */
    uint64_t *recent_values, *minute_values;  /* [row][reading], [row][reading][fold value] */
    uint8_t *recent_reasons, *minute_reasons; /* the same */
    uint32_t sweep;                           /* the slot where sweeping goes on */
    uint32_t top;                             /* 0: all are recorded at every sample */
    struct mw_largest by_size, by_growth, chosen;
    uint64_t lost, refused;
};

int mw_group_init(struct mw_group *self, struct mw_tracks *tracks, enum mw_source source,
                  const struct mw_history_config *config);
void mw_group_deinit(struct mw_group *self);
int mw_group_add(struct mw_group *self, const struct mw_sample *sample, const struct mw_tick *tick);
int mw_group_end_minute(struct mw_group *self, uint64_t minute);
/* The row of a living subject, NULL for a dead one. */
const struct mw_row *mw_group_row(const struct mw_group *self, uint32_t slot);
uint64_t mw_group_watched(const struct mw_group *self);
size_t mw_group_bytes(const struct mw_group *self);
/* The place among `reading`, or -1. */
int mw_group_column(const struct mw_group *self, enum mw_reading reading);
/* Drops what is older than these ticks, of some slots. */
size_t mw_group_sweep(struct mw_group *self, uint32_t slots, uint64_t recent, uint64_t minutes);

/* So many rows at least. Errors   -ENOMEM. */
int mw_group_make_rows(struct mw_group *self, uint32_t rows);
/* Gives back what more rows took once than there are now. */
void mw_group_trim_rows(struct mw_group *self);
/* One row. */
int mw_group_put_recent(struct mw_group *self, uint32_t row, const struct mw_track_state *now);
int mw_group_put_minute(struct mw_group *self, uint32_t row, uint64_t minute);

/* ---- wide ---- */

struct mw_wide {
    enum mw_kind kind;
    unsigned columns;
    struct mw_ring *rings[MW_TIERS];
    enum mw_reading *readings;
    struct mw_fold *folds;
    union mw_ring_number *numbers; /* a row of the wider ring */
    uint8_t *reasons;
    uint64_t lost;
};

int mw_wide_init(struct mw_wide *self, struct mw_store *store, enum mw_kind kind,
                 const struct mw_history_config *config);
void mw_wide_deinit(struct mw_wide *self);
int mw_wide_add(struct mw_wide *self, const struct mw_sample *sample, int64_t time);
int mw_wide_end_minute(struct mw_wide *self, int64_t time);
size_t mw_wide_bytes(const struct mw_wide *self);
size_t mw_wide_bytes_min(enum mw_kind kind);
/* Of all of history, so that one ring never takes more; not less than mw_history_bytes_min(). */
void mw_wide_set_bytes(struct mw_wide *self, size_t bytes);
int mw_wide_column(const struct mw_wide *self, enum mw_reading reading);
/* Drops one chunk of a ring that reaches back behind `time`. */
size_t mw_wide_drop(struct mw_wide *self, enum mw_tier tier, int64_t time);

/* ---- history ---- */

enum { MW_HISTORY_WIDE_MAX = 2, MW_HISTORY_GROUPS_MAX = 5 };

struct mw_history {
    struct mw_store *store;
    struct mw_heap *heap;
    struct mw_history_config config;
    struct mw_tracks tracks;
    struct mw_axis axes[MW_TIERS];
    struct mw_wide wides[MW_HISTORY_WIDE_MAX];
    struct mw_group groups[MW_HISTORY_GROUPS_MAX];
    unsigned wide_count, group_count;
    /* Times in here only grow; `shift` is what wall time is ahead of them, never positive. */
    int64_t shift;
    int64_t time, wall; /* of the last sample */
    uint64_t mono_ns;
    int64_t minute_wall, minute_time; /* the minute that is open, when any sample came */
    int64_t slow_wall;
    uint64_t samples_seen;
    uint64_t sheds, shed_ticks[MW_TIERS];
    uint64_t left_out, set_back;
};

size_t mw_history_bytes(const struct mw_history *self);
/* What has become too old by now goes, a bit of it each time. */
void mw_history_age(struct mw_history *self);
/* Dead subjects without data. Returns the bytes of them. */
size_t mw_history_forget_dead(struct mw_history *self);

/* ---- points ---- */

struct mw_steps {
    const struct mw_history_question *question;
    enum mw_value_type type;
    int64_t begin, end; /* of the subject's life */
    int (*each)(void *context, const struct mw_history_point *point);
    void *context;
    int64_t at, stop; /* the step that is being filled, and where it ends */
    struct mw_history_point point;
    double sum;
    bool done;
};

void mw_steps_init(struct mw_steps *self, const struct mw_history_question *question);
/* What was recorded at `time`, not before the time of the last call: `values` as of a fold, or the
 * reason. Returns 0, or what `each` did. */
int mw_steps_add(struct mw_steps *self, int64_t time, uint32_t weight, uint8_t reason,
                 const uint64_t *values);
int mw_steps_finish(struct mw_steps *self);
#endif
