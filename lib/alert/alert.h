/* alert: rules over samples, and the table of what they have raised.
 *
 *     rules + sample --evaluate--> states --> events (taken by the caller, who stores and sends)
 *
 * States   ok (not in the table) -> pending -> firing -> resolved, one for each rule and subject.
 *          Raised means: it went over the raise level and has not been down to the clear level
 *          since. What is raised is pending; it fires when it has been for `for_ms` and is over the
 *          raise level. It is resolved when it has been down for `keep_ms` and is at or under the
 *          clear level. So a value that dances round one level is told once.
 * Absence  a value that is not there neither raises nor clears, and such time does not count
 *          towards `for_ms` and `keep_ms`. A subject that is gone ends its alerts (`gone`).
 * Time     that of the block a value stands in: durations by its time_ns, instants by its time_ms.
 * Identity an alert is a fingerprint (of the rule's name and the subject) and since_ms; the two
 *          stay the same from pending to resolved, over reloads and restarts.
 * Memory   all of it is taken by create, set_rules and fit; evaluate allocates nothing.
 * Bound    `states` alerts: the oldest resolved one gives its place to a new one. When none is
 *          resolved the new one is not raised, and counted (`dropped`) at each evaluation; it is
 *          raised as soon as there is a place. `events` wait to be taken: what finds no room stays
 *          as it was and is tried again by the next evaluation.
 * Threads  one owner (the loop).
 */
#ifndef MW_ALERT_H
#define MW_ALERT_H
#include "alert/rule.h"
#include "alert/silence.h"
#include "subject/subject.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MW_ALERT_RULES_MAX = 256,
    MW_ALERT_ID_MAX =
        40, /* bytes of an id as text, with the NUL: "9f86d081884c7d65-1795377600123" */
    MW_ALERT_POINTS_BEFORE = 12, /* values kept as evidence: before the level was crossed ... */
    MW_ALERT_POINTS_AFTER = 20,  /* ... and from then on; the rest is history's */
    MW_ALERT_POINTS_MAX = MW_ALERT_POINTS_BEFORE + MW_ALERT_POINTS_AFTER,
    MW_ALERTS_MORE = 1, /* positive: events found no room; take them and evaluate again */
};

enum mw_alert_state {
    MW_ALERT_OK, /* only in events: what was pending has passed */
    MW_ALERT_PENDING,
    MW_ALERT_FIRING,
    MW_ALERT_RESOLVED,
    MW_ALERT_STATE_COUNT
};

/* Why it is resolved, or no longer pending. */
enum mw_alert_reason {
    MW_ALERT_NO_REASON,
    MW_ALERT_CLEARED,   /* its value is at or under the clear level */
    MW_ALERT_GONE,      /* its subject is no more, or has another name */
    MW_ALERT_RULE_GONE, /* its rule is no more, is turned off, or has another condition */
    MW_ALERT_REASON_COUNT
};

struct mw_alert_point {
    int64_t time_ms;
    double value; /* what is held against the levels */
};

/* An alert as it is told: plain data. `rule` lives until the second next mw_alerts_set_rules(). */
struct mw_alert {
    uint64_t fingerprint;
    int64_t since_ms;    /* when the level was crossed */
    int64_t fired_ms;    /* 0: not yet */
    int64_t resolved_ms; /* 0: not yet */
    int64_t value_ms;    /* when `value` was so */
    enum mw_alert_state state;
    enum mw_alert_reason reason;
    enum mw_reading reading;
    enum mw_alert_severity severity;
    const struct mw_alert_rule *rule; /* NULL: there is none of this name any more */
    struct mw_block_key key;          /* {0, 0}: a subject that is not there (MW_ALERT_ABSENT) */
    bool value_known, threshold_known, limit_known;
    double value;                           /* the last known: the reading, the rate, or seconds */
    double threshold;                       /* the raise level in the same unit */
    double limit;                           /* the denominator of the reading */
    char rule_name[MW_ALERT_NAME_MAX + 1];  /* also when the rule is gone */
    char name[MW_ALERT_SUBJECT_MAX + 1];    /* of the subject, cut at a character */
    char subject[MW_ALERT_SUBJECT_MAX + 1]; /* key as in URLs: "4711:1795377600123", or the name */
};

/* What must be stored so that an alert outlives the process: all of it but the evidence. Plain
 * bytes, the same size always; `elapsed_ms` is the time that counts towards for_ms or keep_ms. */
struct mw_alert_record {
    struct mw_alert alert; /* rule is NULL */
    uint64_t condition;
    uint64_t elapsed_ms;
    bool raised; /* not down to the clear level */
};

struct mw_alert_config {
    uint32_t states;      /* 1 to 1,000,000 */
    uint32_t events;      /* 1 to 65,536 */
    uint32_t tracks;      /* subjects times rules whose rate or time to a limit is followed */
    uint64_t resolved_ms; /* how long one that is resolved is shown */
    uint64_t grace_ms;    /* after mw_alerts_import(): a named subject may be missing this long */
};

/* 10,000 states, 1,024 events, 10,000 tracks, 1 hour, 60 s. */
void mw_alert_config_default(struct mw_alert_config *ret);

/* The name of the subject in this row of a block: UTF-8, valid until the next call; false: it has
 * none that is known, and no rule means it. Kinds with one subject are not asked for. */
typedef bool (*mw_alert_name_fn)(void *context, const struct mw_block *block, uint32_t row,
                                 const char **ret_name, size_t *ret_size);

struct mw_alerts;

/* Owner    the caller; hand *ret to mw_alerts_destroy(). Errors   -EINVAL a bound, -ENOMEM. */
int mw_alerts_create(const struct mw_alert_config *config, struct mw_alerts **ret);
struct mw_alerts *mw_alerts_destroy(struct mw_alerts *self);
void mw_alerts_set_names(struct mw_alerts *self, mw_alert_name_fn name, void *context);

/* Follows these rules from now on; they are copied. Alerts of rules with the same name and
 * condition go on; all others end (MW_ALERT_RULE_GONE) with the next evaluation, which tells it.
 * Errors   -EINVAL one that mw_alert_rule_check() refuses, or a name twice; -E2BIG over
 *          MW_ALERT_RULES_MAX; -ENOMEM. Then all is as before. */
int mw_alerts_set_rules(struct mw_alerts *self, const struct mw_alert_rule *rules, uint32_t count);
const struct mw_alert_rule *mw_alerts_rules(const struct mw_alerts *self, uint32_t *ret_count);

/* ---- at each sample ---- */

/* Makes room for the rows of this sample, so that globs are matched once for each subject. Errors
 * -ENOMEM: rows without room have their names matched at every evaluation; no alert is lost. */
int mw_alerts_fit(struct mw_alerts *self, const struct mw_sample *sample);

/* Holds all rules on readings of these sources (1 << enum mw_source; UINT32_MAX = all) against the
 * sample. The same sample may come again.
 * Returns  0, or MW_ALERTS_MORE. */
int mw_alerts_evaluate(struct mw_alerts *self, const struct mw_sample *sample, uint32_t sources);

/* The oldest event that waits, which is thereby taken: the alert as it then was, state being the
 * new one. Returns false when none waits. */
bool mw_alerts_take(struct mw_alerts *self, struct mw_alert *ret);

struct mw_alert_numbers {
    uint32_t states, pending, firing, resolved; /* in the table now */
    uint32_t states_max, rules, events, tracks;
    uint64_t fired, ended; /* totals: alerts that fired, that were resolved */
    uint64_t dropped;      /* total: crossings that found no place */
    uint64_t deferred;     /* total: changes that waited for room among the events */
    uint64_t untracked;    /* total: values of a rate that found no track */
    uint64_t matches;      /* total: names held against globs */
};

void mw_alerts_get_numbers(const struct mw_alerts *self, struct mw_alert_numbers *ret);

/* ---- reading the table ---- */

/* The alert in this place; places are 0 to mw_alerts_places() - 1. False: the place is free. */
uint32_t mw_alerts_places(const struct mw_alerts *self);
bool mw_alerts_at(const struct mw_alerts *self, uint32_t place, struct mw_alert *ret);
/* False: there is no such alert. */
bool mw_alerts_find(const struct mw_alerts *self, uint64_t fingerprint, int64_t since_ms,
                    uint32_t *ret_place);

/* The evidence of that alert, oldest first, into points[MW_ALERT_POINTS_MAX]. Returns how many. */
uint32_t mw_alerts_points(const struct mw_alerts *self, uint32_t place,
                          struct mw_alert_point *points);
/* What was before since_ms, from whoever knows, oldest first; the last ones are kept. */
void mw_alerts_set_before(struct mw_alerts *self, uint32_t place,
                          const struct mw_alert_point *points, uint32_t count);

/* ---- texts ---- */

/* "9f86d081884c7d65-1795377600123" into id[MW_ALERT_ID_MAX]; and back. Errors -EINVAL. */
void mw_alert_format_id(uint64_t fingerprint, int64_t since_ms, char *id);
int mw_alert_parse_id(const char *id, uint64_t *ret_fingerprint, int64_t *ret_since_ms);

/* The summary, or any template, with its words filled in: {subject} {value} {threshold} {limit}
 * {reading} {rule} {severity} {window}, and {{ for a brace; amounts as people write them ("1.2 GB",
 * "83 %"), "unknown" where there is none. At most MW_ALERT_SUMMARY_MAX bytes and a NUL, cut at a
 * character. Returns the size without the NUL. */
size_t mw_alert_render(const struct mw_alert *self, const char *template_text, char *ret);
size_t mw_alert_summary(const struct mw_alert *self, char *ret);

const char *mw_alert_state_word(enum mw_alert_state state);
const char *mw_alert_reason_word(enum mw_alert_reason reason);

/* ---- over a restart: after set_rules, before the first evaluation ---- */

/* False: the place is free. */
bool mw_alerts_export(const struct mw_alerts *self, uint32_t place, struct mw_alert_record *ret);
/* The same, of an event or any alert that is in the table. Errors -ENOENT. */
int mw_alerts_record_of(const struct mw_alerts *self, const struct mw_alert *alert,
                        struct mw_alert_record *ret);
/* Goes on with this alert. One whose rule has gone meanwhile ends with the next evaluation.
 * Errors   -EINVAL not a record that export could have made, -EEXIST its rule and subject have an
 *          alert already, -ENOSPC. */
int mw_alerts_import(struct mw_alerts *self, const struct mw_alert_record *record);

/* ---- silences and acknowledgements ---- */

/* Errors   -EINVAL (see mw_alert_silence_check()), -EEXIST that id, -ENOSPC. */
int mw_alerts_add_silence(struct mw_alerts *self, const struct mw_alert_silence *silence,
                          uint64_t *ret_id);
/* Errors   -ENOENT. */
int mw_alerts_remove_silence(struct mw_alerts *self, uint64_t id);
/* Drops those that have ended. Returns how many. */
uint32_t mw_alerts_expire_silences(struct mw_alerts *self, int64_t now_ms);
/* All of them, in no order; valid until the next call that changes them. */
const struct mw_alert_silence *mw_alerts_silences(const struct mw_alerts *self,
                                                  uint32_t *ret_count);
/* The id of a silence that means this alert now, 0 when there is none. */
uint64_t mw_alerts_silenced_by(const struct mw_alerts *self, const struct mw_alert *alert,
                               int64_t now_ms);

/* A second one of the same alert takes the place of the first. Errors   -ENOENT no such alert,
 * -EINVAL, -ENOSPC. */
int mw_alerts_add_ack(struct mw_alerts *self, const struct mw_alert_ack *ack);
/* NULL when nobody acknowledged it. */
const struct mw_alert_ack *mw_alerts_ack_of(const struct mw_alerts *self,
                                            const struct mw_alert *alert);
const struct mw_alert_ack *mw_alerts_acks(const struct mw_alerts *self, uint32_t *ret_count);

#ifdef __cplusplus
}
#endif
#endif
