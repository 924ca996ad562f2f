/* The table of alerts in the app: rules of the configuration, every sample, and what comes of it.
 */
#include "daemon/app_alerts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Timers are stored this often: what a restart may add to a `for` or `keep`. */
enum { BEAT_MS = 1000, TIMERS_BEATS = 5, RESOLVED_MS = 3600 * 1000 };

/* ---- at each sample ---- */

/* Evidence is asked for once, when the level has just been crossed. */
static void take_event(struct mwd_app_alerts *self, const struct mw_alert *alert)
{
    if (alert->state == MW_ALERT_PENDING ||
        (alert->state == MW_ALERT_FIRING && alert->fired_ms == alert->since_ms))
        mwd_app_alert_evidence(self->app, alert);
    mwd_app_alert_happened(self, alert);
    mwd_app_tell_alert(self->app, alert);
}

static void take_events(struct mwd_app_alerts *self)
{
    struct mw_alert alert;

    while (mwd_outbox_room(self->outbox) > 0 && mw_alerts_take(self->table, &alert))
        take_event(self, &alert);
}

/* Between two beats only what came: there may be a hundred such samples a second. */
static uint32_t sources_of(const struct mw_sample *sample)
{
    uint32_t sources = 0;

    if (!mw_sample_urgent(sample))
        return UINT32_MAX;
    for (int source = 0; source < MW_SOURCE_COUNT; source++)
        if (mw_sample_fresh(sample, (enum mw_source)source))
            sources |= UINT32_C(1) << source;
    return sources;
}

/* As often as the events of one sample need: each round makes room for the next. */
static void evaluate(struct mwd_app_alerts *self)
{
    uint32_t sources = sources_of(self->app->sample);
    int r;

    do {
        r = mw_alerts_evaluate(self->table, self->app->sample, sources);
        take_events(self);
    } while (r == MW_ALERTS_MORE && mwd_outbox_room(self->outbox) > 0);
}

void mwd_app_alerts_feed(struct mwd_app *app)
{
    struct mwd_app_alerts *self = app->alerts;

    if (!self || self->closing)
        return;
    if (mw_alerts_fit(self->table, app->sample) < 0)
        mwd_log_event(app->log, MWD_LOG_WARNING, &(struct mwd_log_event){"no-memory", "alerts"},
                      "no memory to remember which rules mean whom: it is found out anew at every "
                      "sample");
    evaluate(self);
    mwd_app_send_alerts(self);
}

static void on_beat(uv_timer_t *timer)
{
    struct mwd_app_alerts *self = timer->data;

    self->full = 0; /* no memory for one is tried again now; no room is said again */
    mw_alerts_expire_silences(self->table, mw_clock_wall_ms(mw_clock_system()));
    mwd_app_release_alerts(self);
    if (++self->beats % TIMERS_BEATS == 0)
        mwd_app_ledger_timers(self);
    mwd_app_send_alerts(self);
    mwd_app_report_sinks(self);
}

/* ---- life ---- */

static int create_sinks(struct mwd_app_alerts *self)
{
    struct mwd_sink_settings settings[MWD_CONFIG_SINKS_MAX];
    uint32_t count = mwd_app_sink_settings(self->app->config, settings);
    struct mwd_sinks_options options = {
        .store = mwd_heap_store(self->app->heap),
        .log = self->app->log,
        .on_done = mwd_app_on_sink_done,
        .on_room = mwd_app_on_sink_room,
        .context = self,
    };

    return mwd_sinks_create(&self->app->loop, &options, settings, count, &self->sinks);
}

static int start(struct mwd_app_alerts *self)
{
    struct mw_alert_config config;
    int r;

    mw_alert_config_default(&config);
    config.states = MWD_APP_STATES_MAX;
    config.resolved_ms = RESOLVED_MS;
    r = mw_alerts_create(&config, &self->table);
    if (r < 0)
        return r;
    mw_alerts_set_names(self->table, mwd_app_subject_name, self->app);
    r = mw_alerts_set_rules(self->table, self->app->config->alerts, self->app->config->alert_count);
    if (r == 0)
        r = mwd_outbox_create(MWD_APP_MESSAGES_MAX, &self->outbox);
    if (r == 0)
        r = uv_timer_init(&self->app->loop, &self->beat);
    if (r < 0)
        return r;
    self->beat.data = self;
    if (!self->app->options->replay)
        r = mwd_app_ledger_open(self);
    if (r == 0 && !self->app->options->replay)
        r = create_sinks(self);
    if (r < 0)
        return r;
    mwd_app_repeat_alerts(self);
    mwd_app_tell_new_sinks(self);
    return uv_timer_start(&self->beat, on_beat, BEAT_MS, BEAT_MS);
}

int mwd_app_alerts_init(struct mwd_app *app)
{
    app->alerts = calloc(1, sizeof *app->alerts);
    if (!app->alerts)
        return -ENOMEM;
    app->alerts->app = app;
    uname(&app->alerts->machine);
    return start(app->alerts);
}

void mwd_app_alerts_close(struct mwd_app *app)
{
    struct mwd_app_alerts *self = app->alerts;

    if (!self || self->closing)
        return;
    self->closing = true;
    if (self->durable) {
        mwd_app_ledger_timers(self);
        mwd_durable_close(self->durable, NULL, NULL);
    }
    mwd_sinks_close(self->sinks);
    if (self->beat.type == UV_TIMER)
        uv_close((uv_handle_t *)&self->beat, NULL);
}

void mwd_app_alerts_deinit(struct mwd_app *app)
{
    struct mwd_app_alerts *self = app->alerts;

    if (!self)
        return;
    mwd_sinks_destroy(self->sinks);
    mwd_outbox_destroy(self->outbox);
    mw_alerts_destroy(self->table);
    free(self);
    app->alerts = NULL;
}

struct mw_alerts *mwd_app_alert_table(const struct mwd_app *app)
{
    return app->alerts->table;
}

bool mwd_app_alerts_stored(const struct mwd_app *app, uint64_t *ret_failures, bool *ret_failing)
{
    struct mwd_durable_numbers numbers;

    if (!app->alerts->durable || app->alerts->closing)
        return false;
    mwd_durable_get_numbers(app->alerts->durable, &numbers);
    *ret_failures = numbers.failures;
    *ret_failing = numbers.failing;
    return true;
}

/* ---- reload ---- */

/* Where the sinks of the old configuration stand in the new one. */
static void find_places(const struct mwd_config *old_config, const struct mwd_config *new_config,
                        int *places)
{
    for (uint32_t i = 0; i < old_config->sink_count; i++) {
        places[i] = -1;
        for (uint32_t j = 0; j < new_config->sink_count; j++)
            if (strcmp(old_config->sinks[i].name, new_config->sinks[j].name) == 0)
                places[i] = (int)j;
    }
}

/* What waits for a sink that is gone is answered for while the old configuration counts; then bits
 * move to the places of the new one. */
int mwd_app_alerts_reload(struct mwd_app *app, const struct mwd_config *new_config,
                          struct mwd_buffer *error)
{
    struct mwd_app_alerts *self = app->alerts;
    struct mwd_sink_settings settings[MWD_CONFIG_SINKS_MAX];
    uint32_t count = mwd_app_sink_settings(new_config, settings);
    int places[MWD_CONFIG_SINKS_MAX];
    int r = mw_alerts_set_rules(self->table, new_config->alerts, new_config->alert_count);

    if (r == 0 && self->sinks) {
        r = mwd_sinks_apply(self->sinks, settings, count);
        if (r < 0)
            mw_alerts_set_rules(self->table, app->config->alerts, app->config->alert_count);
    }
    if (r < 0) {
        mwd_buffer_printf(error, "rules and sinks cannot be taken: %s", strerror(-r));
        return r;
    }
    find_places(app->config, new_config, places);
    mwd_outbox_move_sinks(self->outbox, places, app->config->sink_count);
    self->full = 0;
    return 0;
}

void mwd_app_alerts_reloaded(struct mwd_app *app)
{
    mwd_app_tell_new_sinks(app->alerts);
    mwd_app_send_alerts(app->alerts);
}
