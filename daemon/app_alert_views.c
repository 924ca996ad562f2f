/* Handlers that show alerts and rules. */
#include "daemon/app_internal.h"
#include "daemon/view_alerts.h"

#include "base/glob.h"

#include <stdio.h>
#include <string.h>

_Static_assert(MW_GLOB_MAX == 128 && MWD_ALERTS_LIMIT == 1000, "texts below say so");

/* An event has a summary, labels and points at the most: a tenth of this. And how far back what was
 * before is looked for. */
enum { ALERT_EVENT_MAX = 64 * 1024, EVIDENCE_MS = 24000 };
enum { STATE, SEVERITY, RULE, SUBJECT, LIMIT };

const struct mwd_param mwd_app_alerts_params[] = {
    [STATE] = {"state", "pending, firing or resolved", mwd_view_alert_states, 0, 0, MWD_PARAM_WORD,
               NULL},
    [SEVERITY] = {"severity", "info, warning or critical", mwd_view_alert_severities, 0, 0,
                  MWD_PARAM_WORD, NULL},
    [RULE] = {"rule", "a glob over names of rules of at most 128 bytes, as queue-*", NULL, 0,
              MW_GLOB_MAX, MWD_PARAM_TEXT, NULL},
    [SUBJECT] = {"subject", "a glob over names of subjects of at most 128 bytes, as orders*", NULL,
                 0, MW_GLOB_MAX, MWD_PARAM_TEXT, NULL},
    [LIMIT] = {"limit", "a whole number from 0 to 1000000; 1000 without it", NULL, 0, 1000000,
               MWD_PARAM_COUNT, NULL},
    {NULL, NULL, NULL, 0, 0, MWD_PARAM_COUNT, NULL},
};

const struct mwd_param mwd_app_alert_param = {
    "id", "the id of an alert, as in the list without it", NULL, 0, MW_ALERT_ID_MAX, MWD_PARAM_TEXT,
    NULL};

/* Silences begin and end by the clock on the wall, as samples have it. */
static struct mwd_alerts_input input_of(const struct mwd_app *self, const char **sinks)
{
    const struct mwd_config *config = self->config;

    for (uint32_t i = 0; i < config->sink_count; i++)
        sinks[i] = config->sinks[i].name;
    return (struct mwd_alerts_input){.alerts = mwd_app_alert_table(self),
                                     .now_ms = mw_sample_time_ms(self->sample),
                                     .sinks = sinks,
                                     .sink_count = config->sink_count};
}

static bool is_ready(const struct mwd_app *self, struct mwd_reply *reply)
{
    if (self->sample && self->alerts)
        return true;
    reply->status = 503;
    reply->detail = "the first sample is still being taken";
    reply->retry_after_s = 1;
    return false;
}

int mwd_app_get_alerts(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    const char *sinks[MWD_CONFIG_SINKS_MAX];
    struct mwd_alerts_query query = {
        .state = request->params[STATE],
        .severity = request->params[SEVERITY],
        .rule = request->params[RULE],
        .subject = request->params[SUBJECT],
        .limit = request->params[LIMIT] ? request->counts[LIMIT] : MWD_ALERTS_LIMIT,
    };
    struct mwd_alerts_input input;

    if (!is_ready(self, reply))
        return 0;
    input = input_of(self, sinks);
    mwd_view_alerts(&input, &query, reply->body);
    return 0;
}

int mwd_app_get_alert(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    const char *sinks[MWD_CONFIG_SINKS_MAX];
    struct mwd_alerts_input input;

    if (strlen(request->path_value) > MW_ALERT_ID_MAX) {
        reply->status = 400;
        reply->detail = "the last part of the path is the id of an alert, of at most 40 bytes";
        return 0;
    }
    if (!is_ready(self, reply))
        return 0;
    input = input_of(self, sinks);
    if (mwd_view_alert_one(&input, request->path_value, reply->body) < 0) {
        reply->status = 404;
        reply->detail = "there is no alert with this id: it never was, or it was resolved more "
                        "than an hour ago";
    }
    return 0;
}

int mwd_app_get_rules(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    const char *sinks[MWD_CONFIG_SINKS_MAX];
    struct mwd_alerts_input input;

    (void)request;
    if (!is_ready(self, reply))
        return 0;
    input = input_of(self, sinks);
    mwd_view_rules(&input, reply->body);
    return 0;
}

/* ---- events ---- */

void mwd_app_tell_alert(struct mwd_app *self, const struct mw_alert *alert)
{
    const char *sinks[MWD_CONFIG_SINKS_MAX];
    struct mwd_alerts_input input = input_of(self, sinks);
    struct mwd_buffer data;

    if (!self->http)
        return;
    mwd_buffer_init(&data, ALERT_EVENT_MAX);
    mwd_view_alert_event(&input, alert, &data);
    if (!data.failed)
        mwd_http_server_tell(self->http, "alert", &data);
    mwd_buffer_deinit(&data);
}

/* ---- evidence ---- */

/* The last points of an answer of the history. */
struct last_points {
    struct mw_alert_point points[MW_ALERT_POINTS_BEFORE];
    uint32_t count;
};

static int keep_last(void *context, const struct mw_history_point *point)
{
    struct last_points *self = context;

    if (point->count == 0)
        return 0;
    if (self->count == MW_ALERT_POINTS_BEFORE) {
        for (uint32_t i = 1; i < self->count; i++)
            self->points[i - 1] = self->points[i];
        self->count--;
    }
    self->points[self->count++] = (struct mw_alert_point){point->time, point->mean};
    return 0;
}

/* Only a rule on the reading itself: of a rate or a time the history knows nothing. */
void mwd_app_alert_evidence(struct mwd_app *self, const struct mw_alert *alert)
{
    struct mw_history_question question = {
        .reading = alert->reading,
        .subject = alert->key,
        .from = alert->since_ms - EVIDENCE_MS,
        .to = alert->since_ms,
        .step = EVIDENCE_MS / MW_ALERT_POINTS_BEFORE / 2,
    };
    struct last_points last = {.count = 0};
    uint32_t place;

    if (!self->history || !alert->rule || alert->rule->mode != MW_ALERT_VALUE ||
        !mw_alerts_find(mwd_app_alert_table(self), alert->fingerprint, alert->since_ms, &place))
        return;
    if (mw_history_ask(self->history, &question, keep_last, &last, NULL) == 0)
        mw_alerts_set_before(mwd_app_alert_table(self), place, last.points, last.count);
}
