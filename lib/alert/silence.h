/* silence: who shall not be told of what, from when to when; and who said that they know.
 *
 * Shape    plain records without pointers, so that their owner can store them and bring them back.
 * Times    wall time, ms since 1970.
 */
#ifndef MW_ALERT_SILENCE_H
#define MW_ALERT_SILENCE_H
#include "alert/rule.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MW_ALERT_SILENCES_MAX = 256,
    MW_ALERT_ACKS_MAX = 256,
    MW_ALERT_MATCHERS_MAX = 4,
    MW_ALERT_AUTHOR_MAX = 64,   /* bytes */
    MW_ALERT_COMMENT_MAX = 256, /* bytes */
};

/* All that is said must match; globs as base/glob.h has them. "" and 0 say nothing. */
struct mw_alert_silence {
    uint64_t id; /* 0: mw_alerts_add_silence() makes one */
    int64_t starts_ms;
    int64_t ends_ms; /* after it starts */
    char rule[MW_ALERT_SUBJECT_MAX + 1];
    char subject[MW_ALERT_SUBJECT_MAX + 1]; /* over the name of a subject */
    uint32_t severities;                    /* 1 << enum mw_alert_severity, any of them */
    uint32_t label_count;
    struct mw_alert_label labels[MW_ALERT_MATCHERS_MAX]; /* key; a glob over its value */
    char author[MW_ALERT_AUTHOR_MAX + 1];                /* not empty */
    char comment[MW_ALERT_COMMENT_MAX + 1];
};

/* Somebody knows of this alert. Goes with it: it is forgotten when the alert is. */
struct mw_alert_ack {
    uint64_t fingerprint; /* these two are the alert's id */
    int64_t since_ms;
    int64_t time_ms;
    char author[MW_ALERT_AUTHOR_MAX + 1];
    char comment[MW_ALERT_COMMENT_MAX + 1];
};

/* Errors   -EINVAL, with a sentence in error[MW_ALERT_ERROR_MAX] that names the member and what
 *          it takes: no matcher at all, an end before the start, no author, bad UTF-8 ... */
int mw_alert_silence_check(const struct mw_alert_silence *self, char *error);
int mw_alert_ack_check(const struct mw_alert_ack *self, char *error);

#ifdef __cplusplus
}
#endif
#endif
