/* rule: when a reading of a subject is worth telling.
 *
 * Shape    plain data without pointers; a rule may be copied, compared and kept anywhere.
 * Units    levels are in the unit of the reading as JSON shows it (bytes, ms, us, 0 to 100 for
 *          percent, 0 to 1 for ratios), or in percent of its denominator in the reading table. A
 *          level of MW_ALERT_RATE is that much a second; one of the two times to a limit is in
 *          seconds. MW_ALERT_ABSENT has no levels.
 * State    none; all functions are pure.
 */
#ifndef MW_ALERT_RULE_H
#define MW_ALERT_RULE_H
#include "sample/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MW_ALERT_NAME_MAX = 64,     /* bytes of a rule's name, without the NUL */
    MW_ALERT_SUBJECT_MAX = 128, /* bytes of a glob, and of a subject's name as it is kept */
    MW_ALERT_SUMMARY_MAX = 256, /* bytes of a template, and of what it renders to */
    MW_ALERT_LABELS_MAX = 8,
    MW_ALERT_LABEL_KEY_MAX = 32,
    MW_ALERT_LABEL_VALUE_MAX = 96,
    MW_ALERT_ERROR_MAX = 256,      /* bytes of a complaint, with the NUL */
    MW_ALERT_WINDOW_MS_MIN = 1000, /* of a rate or a time to a limit */
    MW_ALERT_WINDOW_MS_MAX = 24 * 3600 * 1000,
};
/* Of `for` and `keep`: 100 days. */
#define MW_ALERT_SPAN_MS_MAX (UINT64_C(100) * 24 * 3600 * 1000)

/* What is held against the levels. */
enum mw_alert_mode {
    MW_ALERT_VALUE,         /* the reading */
    MW_ALERT_RATE,          /* how fast it changes, a second, over window_ms */
    MW_ALERT_TIME_TO_FULL,  /* seconds until it reaches its denominator, as it moved in window_ms */
    MW_ALERT_TIME_TO_EMPTY, /* seconds until it reaches 0, likewise */
    MW_ALERT_ABSENT,        /* that it has no value; the time that this may last is for_ms */
    MW_ALERT_MODE_COUNT
};

/* Beyond the raise level; times to a limit know BELOW only, MW_ALERT_ABSENT ignores it. */
enum mw_alert_op { MW_ALERT_ABOVE, MW_ALERT_BELOW, MW_ALERT_OP_COUNT };

enum mw_alert_severity {
    MW_ALERT_INFO,
    MW_ALERT_WARNING,
    MW_ALERT_CRITICAL,
    MW_ALERT_SEVERITY_COUNT
};

struct mw_alert_level {
    double amount;
    bool percent; /* of the denominator of the reading, of the same subject */
};

struct mw_alert_label {
    char key[MW_ALERT_LABEL_KEY_MAX + 1];
    char value[MW_ALERT_LABEL_VALUE_MAX + 1];
};

struct mw_alert_rule {
    char name[MW_ALERT_NAME_MAX + 1];       /* different from those of all other rules */
    enum mw_reading reading;                /* tells the kind of its subjects too */
    char subject[MW_ALERT_SUBJECT_MAX + 1]; /* a glob (base/glob.h) over names */
    enum mw_alert_mode mode;
    enum mw_alert_op op;
    struct mw_alert_level raise; /* over it (strictly) it is raised ... */
    struct mw_alert_level clear; /* ... until at this one or on its other side */
    uint64_t window_ms;          /* of a rate or a time to a limit; else 0 */
    uint64_t for_ms;             /* how long raised before it fires */
    uint64_t keep_ms;            /* how long at or under the clear level before it is resolved */
    enum mw_alert_severity severity;
    uint32_t label_count;
    struct mw_alert_label labels[MW_ALERT_LABELS_MAX];
    char summary[MW_ALERT_SUMMARY_MAX + 1]; /* a template; "" = mw_alert_summary_default() */
    uint64_t to; /* the owner's: which sinks, one bit each. The library only hands it on */
    bool enabled;
};

/* A rule to begin with: MW_ALERT_VALUE above, subject "*", warning, to all (UINT64_MAX), enabled,
 * no times; name, reading and levels are for the caller. A window of 60 s stands in wait for those
 * who set another mode; other modes ignore it. */
void mw_alert_rule_init(struct mw_alert_rule *self);

/* The clear level where none is said: a tenth of the raise level back (above 100: 90; below 10 %:
 * 11 %; a time to a limit of 600 s: 660 s). What is raised above 0 is clear at 0. */
struct mw_alert_level mw_alert_clear_default(const struct mw_alert_rule *self);

/* Whether such a rule can be followed.
 * Errors   -EINVAL, with a sentence in error[MW_ALERT_ERROR_MAX] that names the key of the
 *          configuration and what it takes: "clear: 120 is above the raise level 100; ..." */
int mw_alert_rule_check(const struct mw_alert_rule *self, char *error);

/* What the state of an alert hangs on: equal for rules with the same reading, subject, mode, op,
 * levels and window. Times, severity, labels and texts are not part of it. */
uint64_t mw_alert_rule_condition(const struct mw_alert_rule *self);

/* Words as configuration and JSON have them: "value" "rate" "time-to-full" "time-to-empty"
 * "absent"; "above" "below"; "info" "warning" "critical". */
const char *mw_alert_mode_word(enum mw_alert_mode mode);
const char *mw_alert_op_word(enum mw_alert_op op);
const char *mw_alert_severity_word(enum mw_alert_severity severity);

/* The template of a rule that brings none. */
const char *mw_alert_summary_default(const struct mw_alert_rule *self);

#ifdef __cplusplus
}
#endif
#endif
