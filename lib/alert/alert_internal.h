/* What the files of this module share. Not for others. */
#ifndef MW_ALERT_INTERNAL_H
#define MW_ALERT_INTERNAL_H
#include "alert/alert.h"
#include "base/clock.h"
#include "detect/detect.h"

enum {
    MW_ALERT_NONE = -1, /* no place, no track */
    MW_ALERT_WORDS_MAX = MW_ALERT_RULES_MAX / 64,
};

/* ---- names.c: who is meant, as numbers that are the same in every run and build ---- */

uint64_t mw_alert_hash_text(const char *text, size_t size);
/* A process is who it is by pid and birth, everything else by its name; so is a process that is
 * not there, whose key is {0, 0}. */
uint64_t mw_alert_hash_subject(enum mw_kind kind, struct mw_block_key key, const char *name,
                               size_t size);
uint64_t mw_alert_hash_pair(uint64_t left, uint64_t right);
/* The name of the one subject of a kind that has one: "system", "memwatchd". */
const char *mw_alert_name_of_one(enum mw_kind kind);
/* With a NUL: ret[capacity]. What does not fit is cut at a character, as is what is not UTF-8. */
void mw_alert_copy_text(const char *bytes, size_t size, char *ret, size_t capacity);
/* Ends with a NUL within `capacity`, is UTF-8 and has no control characters. */
bool mw_alert_text_fits(const char *text, size_t capacity);

/* ---- follows.c: rules, made ready for samples ---- */

struct mw_alert_follow {
    const struct mw_alert_rule *rule;
    const struct mw_reading_info *info;
    const struct mw_reading_info *of; /* of the denominator, or NULL */
    uint64_t name_hash, condition;
    uint32_t index; /* among those of its source: its bit */
    int32_t track;  /* its column of tracks, or MW_ALERT_NONE when it needs none */
    bool every;     /* its subject is "*": most rules have that, and it need not be matched */
    bool literal;   /* its subject is a name, no glob */
    bool met;       /* in the evaluation that runs: there is such a subject */
};

struct mw_alert_rules {
    uint32_t count;
    struct mw_alert_rule *rules;         /* [count], as given */
    struct mw_alert_follow *follows;     /* of those that are enabled, by source: */
    uint32_t first[MW_SOURCE_COUNT + 1]; /* from first[source] up to that of the next one */
    uint32_t tracks[MW_SOURCE_COUNT];    /* columns */
};

/* Errors   -EINVAL, -E2BIG, -ENOMEM. */
int mw_alert_rules_create(const struct mw_alert_rule *rules, uint32_t count,
                          struct mw_alert_rules **ret);
struct mw_alert_rules *mw_alert_rules_destroy(struct mw_alert_rules *self);
/* Both take NULL for self. */
struct mw_alert_follow *mw_alert_rules_follow(const struct mw_alert_rules *self, const char *name,
                                              uint64_t condition);
const struct mw_alert_rule *mw_alert_rules_named(const struct mw_alert_rules *self,
                                                 const char *name);

static inline uint32_t mw_alert_rules_of(const struct mw_alert_rules *self, enum mw_source source)
{
    return self->first[source + 1] - self->first[source];
}

static inline uint32_t mw_alert_words(const struct mw_alert_rules *self, enum mw_source source)
{
    return (mw_alert_rules_of(self, source) + 63) / 64;
}

/* ---- rows.c: who stands in which row, and which rules mean them ---- */

struct mw_alert_row {
    struct mw_block_key key; /* id 0: not looked at yet, or free */
    uint64_t name_hash;
    uint64_t subject_hash;
};

/* A cache by row of a block; what it has no room for is found out anew each time. */
struct mw_alert_rows {
    uint32_t capacity;
    struct mw_alert_row *rows; /* [capacity] */
    uint64_t *matched;         /* [capacity][words]: bits of the rules that mean it */
    uint64_t *active;          /* likewise: of rules that may have an alert of it */
    int32_t *tracks;           /* [capacity][columns], MW_ALERT_NONE where there is none */
};

/* One row as the evaluation sees it, out of the cache or not. */
struct mw_alert_seen {
    struct mw_alert_row *row;
    uint64_t *matched, *active; /* [words] */
    int32_t *tracks;            /* NULL: it can have none */
};

/* ---- entries.c: the table, and the events that wait ---- */

struct mw_alert_entry {
    uint64_t fingerprint;
    enum mw_alert_state state; /* MW_ALERT_OK: the place is free */
    enum mw_alert_reason reason;
    struct mw_alert_follow *follow;   /* NULL: its rule is followed no longer */
    const struct mw_alert_rule *rule; /* NULL: there is none of its name */
    uint64_t condition;
    struct mw_block_key key;
    enum mw_reading reading;
    enum mw_alert_severity severity;
    int64_t since_ms, fired_ms, resolved_ms, value_ms;
    int64_t grace_ms;    /* until then its subject may be missing; 0: not a moment */
    bool imported;       /* grace_ms is to be set by the first evaluation */
    uint64_t last_ns;    /* when it was last looked at, on the clock of its block */
    uint64_t elapsed_ns; /* what counts towards for_ms or keep_ms */
    uint64_t round;      /* the evaluation that last met its subject */
    double value, threshold, limit;
    bool value_known, threshold_known, limit_known;
    bool raised;            /* not down to the clear level since it was over the raise level */
    bool has_clock;         /* last_ns is of this run */
    int32_t next;           /* in its bucket, or among the free ones */
    int32_t older, younger; /* among those that are resolved */
    uint32_t before, after; /* points */
    struct mw_alert_point points_before[MW_ALERT_POINTS_BEFORE];
    struct mw_alert_point points_after[MW_ALERT_POINTS_AFTER];
    char rule_name[MW_ALERT_NAME_MAX + 1];
    char name[MW_ALERT_SUBJECT_MAX + 1];
};

struct mw_alerts {
    struct mw_alert_config config;
    struct mw_alert_rules *rules;   /* never NULL */
    struct mw_alert_rules *retired; /* those before; alerts that were told refer to them */
    mw_alert_name_fn name;
    void *name_context;
    struct mw_alert_rows rows[MW_SOURCE_COUNT];

    struct mw_alert_entry *entries; /* [config.states] */
    uint32_t places;                /* used once; none beyond was */
    int32_t free, oldest, youngest; /* lists: free places, resolved ones */
    int32_t *buckets;               /* [bucket_count], by fingerprint */
    uint32_t bucket_count;          /* a power of 2 */
    uint32_t counts[MW_ALERT_STATE_COUNT];
    uint32_t orphans; /* not resolved, without a rule that is followed */

    struct mw_alert *events; /* [config.events] */
    uint32_t event_first, event_count;

    struct mw_detect_track *tracks; /* [config.tracks] */
    int32_t *free_tracks;           /* [config.tracks] */
    uint32_t free_track_count, track_places;

    uint64_t round;
    bool more; /* in the evaluation that runs, an event found no room */
    struct mw_alert_numbers numbers;

    struct mw_alert_silence *silences; /* [MW_ALERT_SILENCES_MAX] */
    struct mw_alert_ack *acks;         /* [MW_ALERT_ACKS_MAX] */
    uint32_t silence_count, ack_count;
};

/* Errors   -ENOMEM. */
int mw_alert_entries_init(struct mw_alerts *self);
void mw_alert_entries_deinit(struct mw_alerts *self);

/* MW_ALERT_NONE when there is none. */
int32_t mw_alert_entries_find(const struct mw_alerts *self, uint64_t fingerprint);
/* Whether a new alert would find no place. */
bool mw_alert_entries_full(const struct mw_alerts *self);
/* A place, all zero but for its fingerprint; the oldest that is resolved makes room. Returns
 * MW_ALERT_NONE when all are in use. The caller sets its state. */
int32_t mw_alert_entries_take(struct mw_alerts *self, uint64_t fingerprint);
void mw_alert_entries_give(struct mw_alerts *self, int32_t place);
/* The only way to another state: keeps counts and lists. */
void mw_alert_entries_set_state(struct mw_alerts *self, int32_t place, enum mw_alert_state state);
/* As it is told. */
void mw_alert_entries_tell(const struct mw_alert_entry *entry, struct mw_alert *ret);

/* Whether an event finds room; counted when not. */
bool mw_alert_events_fit(struct mw_alerts *self);
/* There is room. */
void mw_alert_events_put(struct mw_alerts *self, const struct mw_alert_entry *entry,
                         enum mw_alert_state state);

/* ---- rows.c ---- */

void mw_alert_rows_deinit(struct mw_alerts *self);
/* Errors   -ENOMEM. */
int mw_alert_rows_fit(struct mw_alerts *self, enum mw_source source, uint32_t rows);
/* Nothing is known of any row. */
void mw_alert_rows_forget_all(struct mw_alerts *self);
void mw_alert_rows_forget(struct mw_alerts *self, enum mw_source source, uint32_t row);

/* What an evaluation goes by: one source of one sample. */
struct mw_alert_pass {
    struct mw_alerts *alerts;
    const struct mw_sample *sample;
    const struct mw_block *block; /* NULL: the readings are derived, or there never was one */
    enum mw_source source;
    enum mw_kind kind;
    uint64_t ns;
    int64_t ms;
};

/* The name of this row's subject. False: it has none. */
bool mw_alert_row_name(const struct mw_alert_pass *pass, uint32_t row, const char **ret_name,
                       size_t *ret_size);
/* Finds out who stands in this row and who means them, as far as seen->row does not know. False:
 * nobody stands there, or somebody without a name. */
bool mw_alert_row_look(const struct mw_alert_pass *pass, uint32_t row, struct mw_alert_seen *seen);

/* ---- measure.c: what is held against what ---- */

struct mw_alert_sight {
    bool known; /* the value and the levels */
    double value;
    struct mw_detect_levels levels;
    bool limit_known;
    double limit;
};

void mw_alert_measure(const struct mw_alert_pass *pass, const struct mw_alert_follow *follow,
                      uint32_t row, int32_t *track, struct mw_alert_sight *ret);
void mw_alert_track_give(struct mw_alerts *self, int32_t *track);

/* ---- step.c: from state to state ---- */

struct mw_alert_who {
    uint64_t subject_hash;
    struct mw_block_key key;
    const char *name; /* NULL: ask for that of `row` */
    uint32_t row;
};

/* Holds one value of one subject against one rule. Returns whether there is an alert of it. */
bool mw_alert_step(const struct mw_alert_pass *pass, struct mw_alert_follow *follow,
                   const struct mw_alert_who *who, const struct mw_alert_sight *sight);
/* Time goes by without a value. */
void mw_alert_wait(const struct mw_alert_pass *pass, struct mw_alert_entry *entry);
/* Ends what is pending or firing. False: the event found no room, and nothing has changed. */
bool mw_alert_end(struct mw_alerts *self, int32_t place, enum mw_alert_reason reason,
                  int64_t now_ms);
#endif
