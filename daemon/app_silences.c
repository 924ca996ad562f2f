/* Handlers of silences and acknowledgements: who shall not be told of what, and who knows of it. */
#include "daemon/app_silences.h"
#include "daemon/app_alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FULL_RETRY_S = 60 };

const struct mwd_param mwd_app_silence_param = {
    "id", "the id of a silence, as in /api/v1/silences", NULL, 0, 16, MWD_PARAM_TEXT, NULL};
const struct mwd_param mwd_app_ack_param = {
    "id", "the id of an alert, as in /api/v1/alerts", NULL, 0, MW_ALERT_ID_MAX, MWD_PARAM_TEXT,
    NULL};

static int refuse(struct mwd_reply *reply, unsigned status, const char *detail)
{
    reply->status = status;
    reply->detail = detail;
    return 0;
}

static int64_t now_ms(void)
{
    return mw_clock_wall_ms(mw_clock_system());
}

/* ---- silences ---- */

int mwd_app_get_silences(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    const struct mwd_app *self = context;
    uint32_t count;
    const struct mw_alert_silence *silences;

    (void)request;
    mw_alerts_expire_silences(self->alerts->table, now_ms());
    silences = mw_alerts_silences(self->alerts->table, &count);
    mwd_app_silences_json(silences, count, now_ms(), reply->body);
    return 0;
}

/* Stored before it is answered for as well as a request can be: the batch is on its way. */
int mwd_app_post_silence(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    struct mw_alert_silence silence;
    uint64_t id;
    int r;

    if (mwd_app_silence_parse(request->body, request->body_size, now_ms(), &silence, self->detail) <
        0)
        return refuse(reply, 400, self->detail);
    if (mw_alert_silence_check(&silence, self->detail) < 0)
        return refuse(reply, 400, self->detail);
    mw_alerts_expire_silences(self->alerts->table, now_ms());
    r = mw_alerts_add_silence(self->alerts->table, &silence, &id);
    if (r == -ENOSPC) {
        reply->retry_after_s = FULL_RETRY_S;
        return refuse(reply, 503, "there are 256 silences already; undo one, or wait for an end");
    }
    if (r < 0)
        return r;
    silence.id = id;
    mwd_app_ledger_silence(self->alerts, &silence);
    mwd_app_ledger_commit(self->alerts);
    mwd_app_silence_json(&silence, now_ms(), reply->body);
    return 0;
}

static bool parse_id(const char *text, uint64_t *ret)
{
    char *end;

    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return false;
    *ret = strtoull(text, &end, 16);
    return true;
}

int mwd_app_delete_silence(void *context, const struct mwd_request *request,
                           struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    uint64_t id;

    if (strlen(request->path_value) > mwd_app_silence_param.max)
        return refuse(reply, 400,
                      "the id of a silence takes 16 digits, as /api/v1/silences has it");
    if (!parse_id(request->path_value, &id) ||
        mw_alerts_remove_silence(self->alerts->table, id) < 0)
        return refuse(reply, 404, "there is no silence of this id; /api/v1/silences has them all");
    mwd_app_ledger_silence_gone(self->alerts, id);
    mwd_app_release_alerts(self->alerts);
    mwd_app_send_alerts(self->alerts);
    return 0;
}

/* ---- acknowledgements ---- */

int mwd_app_post_ack(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    struct mw_alert_ack ack = {.time_ms = now_ms()};
    uint32_t place;
    int r;

    if (strlen(request->path_value) > mwd_app_ack_param.max)
        return refuse(reply, 400, "the id of an alert takes at most 40 bytes");
    r = mw_alert_parse_id(request->path_value, &ack.fingerprint, &ack.since_ms);
    if (r < 0 || !mw_alerts_find(self->alerts->table, ack.fingerprint, ack.since_ms, &place))
        return refuse(reply, 404, "there is no alert of this id; /api/v1/alerts has them all");
    if (mwd_app_ack_parse(request->body, request->body_size, &ack, self->detail) < 0 ||
        mw_alert_ack_check(&ack, self->detail) < 0)
        return refuse(reply, 400, self->detail);
    r = mw_alerts_add_ack(self->alerts->table, &ack);
    if (r == -ENOSPC) {
        reply->retry_after_s = FULL_RETRY_S;
        return refuse(reply, 503, "256 alerts are acknowledged already");
    }
    if (r < 0)
        return r;
    mwd_app_ledger_ack(self->alerts, &ack);
    mwd_app_ledger_commit(self->alerts);
    return 0;
}
