/* What a restart needs to know of alerts, into the file of the state directory and out of it. */
#include "daemon/app_alerts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char file_name[] = "alerts.log";

/* ---- one record ---- */

static void put(struct mwd_app_alerts *self, const struct mwd_ledger_record *record)
{
    struct mwd_buffer bytes;

    if (!self->durable)
        return;
    mwd_buffer_init(&bytes, MWD_LEDGER_SIZE_MAX);
    mwd_ledger_encode(record, &bytes);
    if (!bytes.failed)
        mwd_durable_put(self->durable, bytes.bytes, bytes.size);
    mwd_buffer_deinit(&bytes);
}

void mwd_app_ledger_alert(struct mwd_app_alerts *self, const struct mw_alert *alert)
{
    struct mwd_ledger_record record = {.kind = MWD_LEDGER_ALERT};

    if (alert->state == MW_ALERT_OK ||
        mw_alerts_record_of(self->table, alert, &record.of.alert) < 0) {
        record = (struct mwd_ledger_record){
            .kind = MWD_LEDGER_ALERT_GONE,
            .of.id = {.fingerprint = alert->fingerprint, .since_ms = alert->since_ms}};
    }
    put(self, &record);
}

static void put_sinks(const struct mwd_config *config, const struct mwd_outbox_message *message,
                      struct mwd_ledger_message *ret)
{
    for (uint32_t i = 0; i < config->sink_count; i++) {
        uint32_t bit = UINT32_C(1) << i;
        struct mwd_ledger_sink *sink = &ret->sinks[ret->sink_count];

        if (!((message->owed | message->told) & bit))
            continue;
        memccpy(sink->name, config->sinks[i].name, 0, MWD_LEDGER_SINK_NAME_MAX);
        sink->told = message->told & bit;
        ret->sink_count++;
    }
}

static void put_content(const struct mwd_app_alerts *self, const struct mwd_outbox_message *message,
                        struct mwd_ledger_message *ret)
{
    uint32_t place;

    if (message->content) {
        ret->alert = message->content->alert;
        ret->label_count = message->content->label_count;
        memcpy(ret->labels, message->content->labels, sizeof ret->labels);
        memcpy(ret->summary, message->content->summary, sizeof ret->summary);
    } else if (mw_alerts_find(self->table, message->fingerprint, message->since_ms, &place)) {
        mw_alerts_at(self->table, place, &ret->alert);
    }
    ret->alert.rule = NULL;
    ret->alert.fingerprint = message->fingerprint;
    ret->alert.since_ms = message->since_ms;
}

static void put_message(struct mwd_app_alerts *self, const struct mwd_outbox_message *message)
{
    struct mwd_ledger_record record = {.kind = MWD_LEDGER_MESSAGE};

    record.of.message.resolved = message->resolved;
    record.of.message.held = message->held;
    put_sinks(self->app->config, message, &record.of.message);
    put_content(self, message, &record.of.message);
    put(self, &record);
}

/* It may be sent when this is on the disk. */
void mwd_app_ledger_message(struct mwd_app_alerts *self, struct mwd_outbox_message *message)
{
    put_message(self, message);
    message->ticket = UINT64_MAX;
}

void mwd_app_ledger_answer(struct mwd_app_alerts *self, const struct mwd_outbox_message *message,
                           uint32_t sink, bool told)
{
    struct mwd_ledger_record record = {.kind = MWD_LEDGER_ANSWER,
                                       .of.id = {.fingerprint = message->fingerprint,
                                                 .since_ms = message->since_ms,
                                                 .resolved = message->resolved,
                                                 .sink.told = told}};

    memccpy(record.of.id.sink.name, self->app->config->sinks[sink].name, 0,
            MWD_LEDGER_SINK_NAME_MAX);
    put(self, &record);
}

void mwd_app_ledger_message_gone(struct mwd_app_alerts *self,
                                 const struct mwd_outbox_message *message)
{
    put(self, &(struct mwd_ledger_record){.kind = MWD_LEDGER_MESSAGE_GONE,
                                          .of.id = {.fingerprint = message->fingerprint,
                                                    .since_ms = message->since_ms,
                                                    .resolved = message->resolved}});
}

void mwd_app_ledger_silence(struct mwd_app_alerts *self, const struct mw_alert_silence *silence)
{
    put(self, &(struct mwd_ledger_record){.kind = MWD_LEDGER_SILENCE, .of.silence = *silence});
}

void mwd_app_ledger_silence_gone(struct mwd_app_alerts *self, uint64_t id)
{
    put(self, &(struct mwd_ledger_record){.kind = MWD_LEDGER_SILENCE_GONE, .of.silence_id = id});
}

void mwd_app_ledger_ack(struct mwd_app_alerts *self, const struct mw_alert_ack *ack)
{
    put(self, &(struct mwd_ledger_record){.kind = MWD_LEDGER_ACK, .of.ack = *ack});
}

void mwd_app_ledger_timers(struct mwd_app_alerts *self)
{
    struct mwd_ledger_record record = {.kind = MWD_LEDGER_ALERT};
    uint32_t places = mw_alerts_places(self->table);

    for (uint32_t place = 0; place < places; place++)
        if (mw_alerts_export(self->table, place, &record.of.alert) &&
            record.of.alert.elapsed_ms > 0 && record.of.alert.alert.state != MW_ALERT_RESOLVED)
            put(self, &record);
}

uint64_t mwd_app_ledger_commit(struct mwd_app_alerts *self)
{
    return self->durable && !self->closing ? mwd_durable_commit(self->durable) : 0;
}

/* ---- all of it ---- */

static void put_table(struct mwd_app_alerts *self)
{
    struct mwd_ledger_record record = {.kind = MWD_LEDGER_ALERT};
    uint32_t places = mw_alerts_places(self->table);

    for (uint32_t place = 0; place < places; place++)
        if (mw_alerts_export(self->table, place, &record.of.alert))
            put(self, &record);
}

static void on_rewrite(void *context)
{
    struct mwd_app_alerts *self = context;
    uint32_t count;

    for (struct mwd_outbox_message *at = mwd_outbox_first(self->outbox); at; at = at->next)
        put_message(self, at);
    put_table(self);
    const struct mw_alert_silence *silences = mw_alerts_silences(self->table, &count);
    for (uint32_t i = 0; i < count; i++)
        mwd_app_ledger_silence(self, &silences[i]);
    const struct mw_alert_ack *acks = mw_alerts_acks(self->table, &count);
    for (uint32_t i = 0; i < count; i++)
        mwd_app_ledger_ack(self, &acks[i]);
}

static void on_done(void *context, uint64_t ticket)
{
    (void)ticket;
    mwd_app_send_alerts(context);
}

/* ---- back ----
 *
 * Of alerts the last record counts, so they are gathered and sorted first; the rest can be taken as
 * it comes, but for acknowledgements, which need the alerts. */

struct found_alert {
    uint32_t order;
    bool gone;
    struct mw_alert_record record;
};

struct mwd_app_found {
    struct found_alert *alerts;
    struct mw_alert_ack *acks;
    uint32_t alert_count, alert_room, ack_count, ack_room;
    uint32_t unknown; /* records of readings that there are no more */
    bool failed;
};

static void *grown(void *items, uint32_t count, uint32_t *room, size_t size)
{
    uint32_t more = *room ? 2 * *room : 64;
    void *result;

    if (count < *room)
        return items;
    result = reallocarray(items, more, size);
    if (result)
        *room = more;
    return result;
}

static void keep_alert(struct mwd_app_found *self, const struct mw_alert_record *record, bool gone)
{
    struct found_alert *alerts =
        grown(self->alerts, self->alert_count, &self->alert_room, sizeof *alerts);

    if (!alerts) {
        self->failed = true;
        return;
    }
    self->alerts = alerts;
    alerts[self->alert_count] = (struct found_alert){self->alert_count, gone, *record};
    self->alert_count++;
}

static void keep_gone(struct mwd_app_found *self, const struct mwd_ledger_id *id)
{
    struct mw_alert_record record = {.condition = 0};

    record.alert.fingerprint = id->fingerprint;
    keep_alert(self, &record, true);
}

static void keep_ack(struct mwd_app_found *self, const struct mw_alert_ack *ack)
{
    struct mw_alert_ack *acks = grown(self->acks, self->ack_count, &self->ack_room, sizeof *acks);

    if (!acks) {
        self->failed = true;
        return;
    }
    self->acks = acks;
    acks[self->ack_count++] = *ack;
}

static uint32_t bit_of(const struct mwd_config *config, const char *sink)
{
    for (uint32_t i = 0; i < config->sink_count; i++)
        if (strcmp(config->sinks[i].name, sink) == 0)
            return UINT32_C(1) << i;
    return 0;
}

static struct mwd_outbox_message *find(const struct mwd_app_alerts *self,
                                       const struct mwd_ledger_id *id)
{
    return mwd_outbox_find(self->outbox, id->fingerprint, id->since_ms, id->resolved);
}

static void take_message(struct mwd_app_alerts *self, const struct mwd_ledger_message *record)
{
    struct mwd_outbox_content content = {.alert = record->alert,
                                         .label_count = record->label_count};
    struct mwd_outbox_message *message = mwd_outbox_find(self->outbox, record->alert.fingerprint,
                                                         record->alert.since_ms, record->resolved);

    memcpy(content.labels, record->labels, sizeof content.labels);
    memcpy(content.summary, record->summary, sizeof content.summary);
    if (message ? mwd_outbox_refill(message, &content) < 0
                : mwd_outbox_add(self->outbox, &content, record->resolved, &message) < 0) {
        self->found->failed = true;
        return;
    }
    message->held = record->held;
    message->owed = message->told = 0;
    for (uint32_t i = 0; i < record->sink_count; i++) {
        uint32_t bit = bit_of(self->app->config, record->sinks[i].name);

        message->told |= record->sinks[i].told ? bit : 0;
        message->owed |= record->sinks[i].told ? 0 : bit;
    }
    mwd_outbox_settle(self->outbox, message);
}

static void take_answer(struct mwd_app_alerts *self, const struct mwd_ledger_id *id)
{
    struct mwd_outbox_message *message = find(self, id);
    uint32_t bit = bit_of(self->app->config, id->sink.name);

    if (!message)
        return;
    message->owed &= ~bit;
    message->told |= id->sink.told ? bit : 0;
    mwd_outbox_settle(self->outbox, message);
}

static void take_message_gone(struct mwd_app_alerts *self, const struct mwd_ledger_id *id)
{
    struct mwd_outbox_message *message = find(self, id);

    if (message)
        mwd_outbox_remove(self->outbox, message);
}

static void take_silence(struct mwd_app_alerts *self, const struct mw_alert_silence *silence)
{
    uint64_t id;

    mw_alerts_remove_silence(self->table, silence->id);
    if (silence->ends_ms > mw_clock_wall_ms(mw_clock_system()))
        mw_alerts_add_silence(self->table, silence, &id);
}

static void on_record(void *context, const void *bytes, size_t size)
{
    struct mwd_app_alerts *self = context;
    struct mwd_ledger_record record;

    if (mwd_ledger_decode(bytes, size, &record) < 0) {
        self->found->unknown++;
        return;
    }
    switch (record.kind) {
    case MWD_LEDGER_ALERT:
        keep_alert(self->found, &record.of.alert, false);
        break;
    case MWD_LEDGER_ALERT_GONE:
        keep_gone(self->found, &record.of.id);
        break;
    case MWD_LEDGER_MESSAGE:
        take_message(self, &record.of.message);
        break;
    case MWD_LEDGER_ANSWER:
        take_answer(self, &record.of.id);
        break;
    case MWD_LEDGER_MESSAGE_GONE:
        take_message_gone(self, &record.of.id);
        break;
    case MWD_LEDGER_SILENCE:
        take_silence(self, &record.of.silence);
        break;
    case MWD_LEDGER_SILENCE_GONE:
        mw_alerts_remove_silence(self->table, record.of.silence_id);
        break;
    case MWD_LEDGER_ACK:
        keep_ack(self->found, &record.of.ack);
        break;
    }
}

static int by_alert(const void *a, const void *b)
{
    const struct found_alert *first = a, *second = b;
    uint64_t x = first->record.alert.fingerprint, y = second->record.alert.fingerprint;

    if (x != y)
        return x < y ? -1 : 1;
    return first->order < second->order ? -1 : 1;
}

static void import(struct mwd_app_alerts *self, struct mwd_app_found *found)
{
    if (found->alert_count > 0)
        qsort(found->alerts, found->alert_count, sizeof *found->alerts, by_alert);
    for (uint32_t i = 0; i < found->alert_count; i++) {
        bool last = i + 1 == found->alert_count || found->alerts[i + 1].record.alert.fingerprint !=
                                                       found->alerts[i].record.alert.fingerprint;

        if (last && !found->alerts[i].gone)
            found->unknown += mw_alerts_import(self->table, &found->alerts[i].record) < 0;
    }
    for (uint32_t i = 0; i < found->ack_count; i++)
        mw_alerts_add_ack(self->table, &found->acks[i]); /* those of alerts that are gone, go */
}

static void say_what_was_lost(const struct mwd_app_alerts *self, const struct mwd_app_found *found)
{
    if (found->unknown > 0)
        mwd_log(self->app->log, MWD_LOG_WARNING,
                "%u records of %s/%s are about what this version does not know, and are left out",
                (unsigned)found->unknown, self->app->config->state_dir, file_name);
    if (found->failed)
        mwd_log(self->app->log, MWD_LOG_ERROR, "not all of %s/%s could be taken: no memory",
                self->app->config->state_dir, file_name);
}

int mwd_app_ledger_open(struct mwd_app_alerts *self)
{
    struct mwd_app_found found = {.failed = false};
    struct mwd_durable_options options = {
        .folder = self->app->config->state_dir,
        .name = file_name,
        .log = self->app->log,
        .on_record = on_record,
        .on_done = on_done,
        .on_rewrite = on_rewrite,
        .context = self,
    };

    self->found = &found;
    int r = mwd_durable_create(&self->app->loop, &options, &self->durable);
    self->found = NULL;
    if (r == 0) {
        import(self, &found);
        say_what_was_lost(self, &found);
    }
    free(found.alerts);
    free(found.acks);
    return r;
}
