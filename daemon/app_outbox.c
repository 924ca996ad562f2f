/* From events to messages, from messages to sinks, and what the sinks answer. */
#include "daemon/app_alerts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- sinks ---- */

uint32_t mwd_app_sink_settings(const struct mwd_config *config, struct mwd_sink_settings *ret)
{
    static const enum mwd_target_type types[] = {
        [MWD_SINK_WEBHOOK] = MWD_TARGET_WEBHOOK,
        [MWD_SINK_ALERTMANAGER] = MWD_TARGET_ALERTMANAGER,
        [MWD_SINK_EXEC] = MWD_TARGET_EXEC,
        [MWD_SINK_JOURNAL] = MWD_TARGET_JOURNAL,
    };
    uint32_t count = 0;

    for (uint32_t i = 0; i < config->sink_count; i++) {
        const struct mwd_sink_config *sink = &config->sinks[i];

        if (!sink->enabled)
            continue;
        ret[count++] = (struct mwd_sink_settings){
            .name = sink->name,
            .type = types[sink->type],
            .urls = (const char *const *)sink->urls->items,
            .url_count = sink->urls->count,
            .arguments = (const char *const *)sink->command->items,
            .argument_count = sink->command->count,
            .token_file = sink->token_file,
            .ca_file = sink->ca_file,
            .deadline_ms = sink->deadline_ns / MW_NS_PER_MS,
            .timeout_ms = sink->timeout_ns / MW_NS_PER_MS,
            .queue = (uint32_t)sink->queue,
        };
    }
    return count;
}

static uint32_t enabled_sinks(const struct mwd_config *config)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < config->sink_count; i++)
        if (config->sinks[i].enabled)
            bits |= UINT32_C(1) << i;
    return bits;
}

/* ---- ids ---- */

static struct mwd_outbox_message *find(const struct mwd_app_alerts *self, const char *id,
                                       bool resolved)
{
    uint64_t fingerprint;
    int64_t since_ms;

    if (mw_alert_parse_id(id, &fingerprint, &since_ms) < 0)
        return NULL;
    return mwd_outbox_find(self->outbox, fingerprint, since_ms, resolved);
}

/* ---- events ---- */

static void make_content(const struct mw_alert *alert, struct mwd_outbox_content *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->alert = *alert;
    mw_alert_summary(alert, ret->summary);
    if (!alert->rule)
        return;
    ret->label_count = alert->rule->label_count;
    memcpy(ret->labels, alert->rule->labels, sizeof ret->labels);
}

/* A rule that is gone cannot say how its end is told: that is said as its beginning was. */
static void take_texts(const struct mwd_outbox_message *firing, struct mwd_outbox_content *content)
{
    if (content->alert.rule || !firing->content)
        return;
    content->label_count = firing->content->label_count;
    memcpy(content->labels, firing->content->labels, sizeof content->labels);
}

static struct mwd_outbox_message *add(struct mwd_app_alerts *self,
                                      const struct mwd_outbox_content *content, bool resolved)
{
    struct mwd_outbox_message *message;
    int r = mwd_outbox_add(self->outbox, content, resolved, &message);

    if (r == 0)
        return message;
    if (r != -EEXIST) /* it was owed before a restart already */
        mwd_log_event(self->app->log, MWD_LOG_ERROR, &(struct mwd_log_event){"alert-lost", ""},
                      "alert \"%s\" of %s cannot be sent: %s", content->alert.rule_name,
                      content->alert.name, strerror(-r));
    return NULL;
}

static void fire(struct mwd_app_alerts *self, const struct mw_alert *alert)
{
    int64_t now_ms = mw_clock_wall_ms(mw_clock_system());
    struct mwd_outbox_content content;
    struct mwd_outbox_message *message;

    make_content(alert, &content);
    message = add(self, &content, false);
    if (!message)
        return;
    if (alert->rule)
        message->owed = (uint32_t)alert->rule->to & enabled_sinks(self->app->config);
    message->held = mw_alerts_silenced_by(self->table, alert, now_ms) != 0;
    mwd_app_ledger_message(self, message);
    mwd_outbox_settle(self->outbox, message);
}

static void drop(struct mwd_app_alerts *self, struct mwd_outbox_message *message)
{
    mwd_app_ledger_message_gone(self, message);
    mwd_outbox_remove(self->outbox, message);
}

/* Nobody needs to hear of the end of what nobody heard of. */
static void resolve(struct mwd_app_alerts *self, const struct mw_alert *alert)
{
    struct mwd_outbox_message *firing =
        mwd_outbox_find(self->outbox, alert->fingerprint, alert->since_ms, false);
    struct mwd_outbox_content content;
    struct mwd_outbox_message *end;

    if (!firing)
        return;
    if (firing->held || !(firing->told | firing->owed)) {
        drop(self, firing);
        return;
    }
    make_content(alert, &content);
    take_texts(firing, &content);
    end = add(self, &content, true);
    if (!end)
        return;
    end->owed = (firing->told | firing->owed) & enabled_sinks(self->app->config);
    mwd_app_ledger_message(self, end);
    mwd_outbox_settle(self->outbox, end);
}

/* Messages come before the state in the file: one that is cut between the two finds the alert as it
 * was, and the same message again. */
void mwd_app_alert_happened(struct mwd_app_alerts *self, const struct mw_alert *alert)
{
    if (alert->state == MW_ALERT_FIRING)
        fire(self, alert);
    else if (alert->state == MW_ALERT_RESOLVED)
        resolve(self, alert);
    mwd_app_ledger_alert(self, alert);
}

void mwd_app_release_alerts(struct mwd_app_alerts *self)
{
    int64_t now_ms = mw_clock_wall_ms(mw_clock_system());

    for (struct mwd_outbox_message *at = mwd_outbox_first(self->outbox); at; at = at->next) {
        if (!at->held || !at->content ||
            mw_alerts_silenced_by(self->table, &at->content->alert, now_ms))
            continue;
        at->held = false;
        mwd_app_ledger_message(self, at);
    }
}

static bool still_fires(const struct mwd_app_alerts *self, const struct mwd_outbox_message *message,
                        struct mw_alert *ret)
{
    uint32_t place;

    return !message->resolved && !message->held &&
           mw_alerts_find(self->table, message->fingerprint, message->since_ms, &place) &&
           mw_alerts_at(self->table, place, ret) && ret->state == MW_ALERT_FIRING;
}

static bool owe(struct mwd_outbox_message *message, const struct mw_alert *alert, uint32_t sinks)
{
    struct mwd_outbox_content content;

    make_content(alert, &content);
    if (!message->content && mwd_outbox_refill(message, &content) < 0)
        return false;
    message->owed |= sinks;
    return true;
}

void mwd_app_repeat_alerts(struct mwd_app_alerts *self)
{
    const struct mwd_config *config = self->app->config;
    uint32_t repeat = 0;

    for (uint32_t i = 0; self->sinks && i < config->sink_count; i++)
        if (config->sinks[i].enabled && mwd_sinks_wants_active(self->sinks, config->sinks[i].name))
            repeat |= UINT32_C(1) << i;
    for (struct mwd_outbox_message *at = mwd_outbox_first(self->outbox); at; at = at->next) {
        struct mw_alert alert;

        if ((at->told & repeat) && still_fires(self, at, &alert))
            owe(at, &alert, at->told & repeat);
    }
}

/* One that is renamed is new, too: its receiver would else never hear of the end. */
void mwd_app_tell_new_sinks(struct mwd_app_alerts *self)
{
    uint32_t enabled = enabled_sinks(self->app->config);

    for (struct mwd_outbox_message *at = mwd_outbox_first(self->outbox); at; at = at->next) {
        struct mw_alert alert;
        uint32_t missing;

        if (!still_fires(self, at, &alert) || !alert.rule)
            continue;
        missing = (uint32_t)alert.rule->to & enabled & ~(at->owed | at->told);
        if (missing && owe(at, &alert, missing))
            mwd_app_ledger_message(self, at);
    }
}

/* ---- sending ---- */

enum { PAIRS_MAX = MW_ALERT_LABELS_MAX + 5 };

static bool has_label(const struct mwd_outbox_content *content, const char *key)
{
    for (uint32_t i = 0; i < content->label_count; i++)
        if (strcmp(content->labels[i].key, key) == 0)
            return true;
    return false;
}

/* Whoever hears many machines tells them apart by `host`, also to see which one an end is about. A
 * rule's own label of that name is left as it is. Returns how many there are. */
static uint32_t fill_labels(const struct mwd_app_alerts *self,
                            const struct mwd_outbox_content *content,
                            struct mwd_sink_pair ret[PAIRS_MAX])
{
    const struct mw_alert *alert = &content->alert;
    uint32_t count = 0;

    ret[count++] = (struct mwd_sink_pair){"alertname", alert->rule_name};
    ret[count++] = (struct mwd_sink_pair){"severity", mw_alert_severity_word(alert->severity)};
    ret[count++] = (struct mwd_sink_pair){"subject", alert->name};
    ret[count++] = (struct mwd_sink_pair){"reading", mw_reading_info(alert->reading)->id};
    if (!has_label(content, "host"))
        ret[count++] = (struct mwd_sink_pair){"host", self->machine.nodename};
    for (uint32_t i = 0; i < content->label_count; i++)
        ret[count++] = (struct mwd_sink_pair){content->labels[i].key, content->labels[i].value};
    return count;
}

static int send_to(struct mwd_app_alerts *self, const struct mwd_outbox_message *message,
                   const char *sink)
{
    const struct mwd_outbox_content *content = message->content;
    const struct mw_alert *alert = &content->alert;
    struct mwd_sink_pair labels[PAIRS_MAX];
    uint32_t label_count = fill_labels(self, content, labels);
    struct mwd_sink_pair summary = {"summary", content->summary};
    char id[MW_ALERT_ID_MAX], fingerprint[24];
    struct mwd_buffer body;
    int r;

    mw_alert_format_id(message->fingerprint, message->since_ms, id);
    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)message->fingerprint);
    mwd_buffer_init(&body, 1 << 20);
    mwd_app_alert_body(content, message->resolved, &body);
    r = body.failed;
    if (r == 0)
        r = mwd_sinks_send(self->sinks, sink,
                           &(struct mwd_sink_message){
                               .id = id,
                               .fingerprint = fingerprint,
                               .status = message->resolved ? MWD_SINK_RESOLVED : MWD_SINK_FIRING,
                               .severity = mw_alert_severity_word(alert->severity),
                               .summary = content->summary,
                               .body = body.bytes,
                               .body_size = body.size,
                               .labels = labels,
                               .annotations = &summary,
                               .label_count = label_count,
                               .annotation_count = 1,
                               .starts_ms = alert->since_ms,
                               .ends_ms = alert->resolved_ms,
                           });
    mwd_buffer_deinit(&body);
    return r;
}

/* What no room was found for is tried again when there is some, or a second later. */
static void send_one(struct mwd_app_alerts *self, struct mwd_outbox_message *message, uint32_t sink)
{
    uint32_t bit = UINT32_C(1) << sink;
    int r = send_to(self, message, self->app->config->sinks[sink].name);

    if (r == 0) {
        message->flying |= bit;
    } else if (r == -EAGAIN || r == -ENOMEM) {
        self->full |= bit;
    } else {
        mwd_log_event(self->app->log, MWD_LOG_ERROR,
                      &(struct mwd_log_event){"alert-refused", self->app->config->sinks[sink].name},
                      "sink \"%s\" cannot take alert \"%s\": %s",
                      self->app->config->sinks[sink].name, message->content->alert.rule_name,
                      strerror(-r));
        message->owed &= ~bit;
        mwd_app_ledger_answer(self, message, sink, false);
    }
}

static bool may_be_sent(const struct mwd_app_alerts *self, const struct mwd_outbox_message *message)
{
    return !message->held && message->content &&
           (!self->durable || mwd_durable_is_done(self->durable, message->ticket));
}

/* In order for each sink: one that is full gets nothing newer either. */
static void send_all(struct mwd_app_alerts *self)
{
    uint32_t sinks = enabled_sinks(self->app->config);

    for (struct mwd_outbox_message *at = mwd_outbox_first(self->outbox); at; at = at->next) {
        uint32_t ready = at->owed & ~at->flying & sinks;

        if (!(ready & ~self->full) || !may_be_sent(self, at))
            continue;
        for (uint32_t i = 0; i < self->app->config->sink_count; i++)
            if ((ready >> i & 1) && !(self->full >> i & 1))
                send_one(self, at, i);
    }
}

void mwd_app_send_alerts(struct mwd_app_alerts *self)
{
    uint64_t ticket = mwd_app_ledger_commit(self);

    for (struct mwd_outbox_message *at = mwd_outbox_first(self->outbox); at; at = at->next)
        if (at->ticket == UINT64_MAX)
            at->ticket = ticket;
    if (self->sinks && !self->closing)
        send_all(self);
}

/* ---- answers ---- */

static uint32_t sink_of(const struct mwd_config *config, const char *name)
{
    uint32_t i = 0;

    while (i < config->sink_count && strcmp(config->sinks[i].name, name) != 0)
        i++;
    return i;
}

static void say_why(const struct mwd_app_alerts *self, const struct mwd_sink_done *done)
{
    static const char *const words[] = {
        [MWD_SINK_REFUSED] = "refused", [MWD_SINK_EXPIRED] = "given up after its deadline"};

    if (done->outcome == MWD_SINK_REFUSED || done->outcome == MWD_SINK_EXPIRED)
        mwd_log_event(self->app->log, MWD_LOG_ERROR,
                      &(struct mwd_log_event){"alert-undelivered", done->sink},
                      "sink \"%s\": the %s message of alert %s was %s: %s", done->sink,
                      done->status == MWD_SINK_FIRING ? "firing" : "resolved", done->id,
                      words[done->outcome], done->why);
}

void mwd_app_on_sink_done(void *context, const struct mwd_sink_done *done)
{
    struct mwd_app_alerts *self = context;
    struct mwd_outbox_message *message = find(self, done->id, done->status == MWD_SINK_RESOLVED);
    uint32_t sink = sink_of(self->app->config, done->sink);
    uint32_t bit = UINT32_C(1) << sink;

    say_why(self, done);
    if (!message || sink == self->app->config->sink_count || self->closing)
        return;
    message->flying &= ~bit;
    message->owed &= ~bit;
    if (done->outcome == MWD_SINK_DELIVERED)
        message->told |= bit;
    mwd_app_ledger_answer(self, message, sink, done->outcome == MWD_SINK_DELIVERED);
    mwd_outbox_settle(self->outbox, message);
    mwd_app_ledger_commit(self);
}

void mwd_app_on_sink_room(void *context, const char *sink)
{
    struct mwd_app_alerts *self = context;
    uint32_t place = sink_of(self->app->config, sink);

    if (self->closing || place == self->app->config->sink_count)
        return;
    self->full &= ~(UINT32_C(1) << place);
    mwd_app_send_alerts(self);
}
