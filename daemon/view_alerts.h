/* view_alerts: what has been raised, and the rules that raise it, as documents.
 *
 * Shape    ALERT  {"id", "rule", "kind", "reading", "unit", "subject", "name", "state", "reason",
 *                 "severity", "value", "threshold", "limit", "sinceMs", "firedMs", "resolvedMs",
 *                 "valueMs", "summary", "labels": {}, "silencedBy", "ack", "evidence"}
 *          What is not known, or not yet so, is null. `unit` is that of value, threshold and
 * points: that of the reading, or "<unit>/s" of a rate, or "s" of a time to a limit. `evidence` is
 *          [[timeMs, value], ...] round sinceMs, the oldest first.
 *          RULE   {"name", "kind", "reading", "unit", "subject", "mode", "op", "raise", "clear",
 *                 "percent", "windowMs", "forMs", "keepMs", "severity", "summary", "labels", "to",
 *                 "enabled", "pending", "firing", "resolved"}
 * State    none; pure functions of their input.
 */
#ifndef MWD_VIEW_ALERTS_H
#define MWD_VIEW_ALERTS_H
#include "alert/alert.h"
#include "daemon/buffer.h"
#include "daemon/json.h"

enum { MWD_ALERTS_LIMIT = 1000 /* shown where the question says no other */ };

struct mwd_alerts_query {
    const char *state;    /* a word as in JSON; NULL: any, as below */
    const char *severity; /* likewise */
    const char *rule;     /* a glob */
    const char *subject;  /* a glob over names of subjects */
    uint64_t limit;
};

/* Whose rules and alerts these are. */
struct mwd_alerts_input {
    const struct mw_alerts *alerts;
    int64_t now_ms;
    const char *const *sinks; /* names, by bit of `to` of a rule */
    uint32_t sink_count;
};

/* {"timeMs", "total", "alerts": [ALERT ...]}: firing first, then pending, then resolved; the newest
 * first among equals. `total` counts the matches before the limit. */
void mwd_view_alerts(const struct mwd_alerts_input *input, const struct mwd_alerts_query *query,
                     struct mwd_buffer *out);
/* One ALERT by its id. Errors -ENOENT. */
int mwd_view_alert_one(const struct mwd_alerts_input *input, const char *id,
                       struct mwd_buffer *out);
/* One ALERT as an event told it, for those who listen. */
void mwd_view_alert_event(const struct mwd_alerts_input *input, const struct mw_alert *alert,
                          struct mwd_buffer *out);
/* {"timeMs", "rules": [RULE ...]}, in the order in which they were given. */
void mwd_view_rules(const struct mwd_alerts_input *input, struct mwd_buffer *out);

/* Words of ?state= and ?severity=, NULL at the end; constant. */
extern const char *const mwd_view_alert_states[];
extern const char *const mwd_view_alert_severities[];
#endif
