/* What the app's files about alerts share. Not for others.
 *
 *     sample --> table (lib/alert) --> events --> outbox --> sinks
 *                                        |           |
 *                                        +--> file <-+     (ledger, durable)
 *
 * Order    an event becomes a message and records; the batch of records goes to the disk; when that
 *          is done the message may be sent; the answer becomes a record. So what was sent is known
 *          after a kill at any moment, and what was not known to be answered for is sent again,
 *          with the same id.
 * Replay   nobody is told what once happened, and nothing is stored: `sinks` and `durable` are
 * NULL.
 */
#ifndef MWD_APP_ALERTS_H
#define MWD_APP_ALERTS_H
#include "daemon/app_internal.h"
#include "daemon/durable.h"
#include "daemon/ledger.h"
#include "daemon/outbox.h"
#include "daemon/sink.h"

#include <sys/utsname.h>

/* A firing and its end for each alert that there can be. */
enum { MWD_APP_STATES_MAX = 10000, MWD_APP_MESSAGES_MAX = 2 * MWD_APP_STATES_MAX };
/* Each member of a cluster has one. */
enum { MWD_APP_SINK_QUEUES_MAX = MWD_SINKS_MAX * MWD_SINK_TARGETS_MAX };

struct mwd_app_found; /* what a file has brought; app_ledger.c */

struct mwd_app_alerts {
    struct mwd_app *app;
    struct mw_alerts *table;
    struct mwd_outbox *outbox;
    struct mwd_durable *durable;
    struct mwd_sinks *sinks;
    uv_timer_t beat; /* silences that end, states that wait to be stored, tries that failed */
    uint32_t full;   /* sinks that have no room: bits */
    uint32_t beats;
    bool closing;
    uint64_t reported[MWD_APP_SINK_QUEUES_MAX]; /* what was last told of their queues */
    struct mwd_app_found *found;                /* while the file is read */
    struct utsname machine; /* its name at the start; an end needs the labels of its beginning */
};

/* ---- app_outbox.c ---- */

/* An event of the table: a message, if somebody is to be told, and records of both. */
void mwd_app_alert_happened(struct mwd_app_alerts *self, const struct mw_alert *alert);
/* Sends what may be sent. */
void mwd_app_send_alerts(struct mwd_app_alerts *self);
/* Messages that a silence no longer holds back. */
void mwd_app_release_alerts(struct mwd_app_alerts *self);
/* After a start: sinks that must hear again of what fires. */
void mwd_app_repeat_alerts(struct mwd_app_alerts *self);
/* After a start or a reload: sinks that do not have what fires, as new ones, are told of it. */
void mwd_app_tell_new_sinks(struct mwd_app_alerts *self);
void mwd_app_on_sink_done(void *context, const struct mwd_sink_done *done);
void mwd_app_on_sink_room(void *context, const char *sink);
/* The sinks of the configuration as those of delivery; `ret` has room for MWD_CONFIG_SINKS_MAX.
 * Texts are borrowed. */
uint32_t mwd_app_sink_settings(const struct mwd_config *config, struct mwd_sink_settings *ret);

/* ---- app_sink_queues.c ---- */

/* What waits for each sink, as queues that rules can mean. */
void mwd_app_report_sinks(struct mwd_app_alerts *self);

/* ---- app_alert_json.c ---- */

/* What webhooks and hooks are told. */
void mwd_app_alert_body(const struct mwd_outbox_content *content, bool resolved,
                        struct mwd_buffer *out);

/* ---- app_ledger.c ---- */

/* Reads the file of the state directory into the table and the outbox; what comes later goes there.
 * After the rules. Errors   -ENOMEM, those of uv_*_init(). */
int mwd_app_ledger_open(struct mwd_app_alerts *self);
void mwd_app_ledger_alert(struct mwd_app_alerts *self, const struct mw_alert *alert);
void mwd_app_ledger_message(struct mwd_app_alerts *self, struct mwd_outbox_message *message);
void mwd_app_ledger_answer(struct mwd_app_alerts *self, const struct mwd_outbox_message *message,
                           uint32_t sink, bool told);
void mwd_app_ledger_message_gone(struct mwd_app_alerts *self,
                                 const struct mwd_outbox_message *message);
void mwd_app_ledger_silence(struct mwd_app_alerts *self, const struct mw_alert_silence *silence);
void mwd_app_ledger_silence_gone(struct mwd_app_alerts *self, uint64_t id);
void mwd_app_ledger_ack(struct mwd_app_alerts *self, const struct mw_alert_ack *ack);
/* Timers that run: how long something has been over its level, or well again. */
void mwd_app_ledger_timers(struct mwd_app_alerts *self);
/* The ticket of all of these so far; 0 when nothing is stored. */
uint64_t mwd_app_ledger_commit(struct mwd_app_alerts *self);
#endif
