/* Each kind is a list of its members, walked in the same order to write and to read: `code` says
 * which, and what reads has found a fault when `bad` is set. So the two ways cannot drift apart. */
#include "daemon/ledger.h"

#include "base/utf8.h"

#include <errno.h>
#include <math.h>
#include <string.h>

struct coder {
    struct mwd_buffer *out; /* NULL: this reads */
    const unsigned char *at, *end;
    int bad; /* -EINVAL, -ENOENT */
};

static void fail(struct coder *self, int error)
{
    if (!self->bad)
        self->bad = error;
}

/* ---- members ---- */

static void code_u64(struct coder *self, uint64_t *value)
{
    unsigned char bytes[8];

    if (self->out) {
        for (int i = 0; i < 8; i++)
            bytes[i] = (unsigned char)(*value >> (8 * i));
        mwd_buffer_append(self->out, (const char *)bytes, sizeof bytes);
        return;
    }
    if (self->end - self->at < 8) {
        fail(self, -EINVAL);
        return;
    }
    *value = 0;
    for (int i = 7; i >= 0; i--)
        *value = *value << 8 | self->at[i];
    self->at += 8;
}

static void code_i64(struct coder *self, int64_t *value)
{
    uint64_t bits = (uint64_t)*value;

    code_u64(self, &bits);
    *value = (int64_t)bits;
}

static void code_f64(struct coder *self, double *value)
{
    uint64_t bits;

    memcpy(&bits, value, sizeof bits);
    code_u64(self, &bits);
    memcpy(value, &bits, sizeof bits);
    if (!self->out && !isfinite(*value))
        fail(self, -EINVAL);
}

/* At most `max`. */
static void code_small(struct coder *self, unsigned *value, unsigned max)
{
    if (self->out) {
        char byte = (char)*value;

        mwd_buffer_append(self->out, &byte, 1);
        return;
    }
    if (self->at == self->end || *self->at > max)
        fail(self, -EINVAL);
    else
        *value = *self->at++;
}

static void code_bool(struct coder *self, bool *value)
{
    unsigned bit = *value;

    code_small(self, &bit, 1);
    *value = bit == 1;
}

/* Into text[capacity], with a NUL behind it. */
static void code_text(struct coder *self, char *text, size_t capacity)
{
    uint64_t size = self->out ? strnlen(text, capacity - 1) : 0;

    code_u64(self, &size);
    if (self->out) {
        mwd_buffer_append(self->out, text, size);
        return;
    }
    if (self->bad || size >= capacity || size > (size_t)(self->end - self->at) ||
        memchr(self->at, '\0', size) || !mw_utf8_valid((const char *)self->at, size)) {
        fail(self, -EINVAL);
        return;
    }
    memcpy(text, self->at, size);
    text[size] = '\0';
    self->at += size;
}

static void code_reading(struct coder *self, enum mw_reading *reading)
{
    char id[64] = "";

    if (self->out && *reading < MW_NONE)
        memccpy(id, mw_reading_info(*reading)->id, 0, sizeof id - 1);
    code_text(self, id, sizeof id);
    if (self->out || self->bad)
        return;
    *reading = mw_reading_find(id, strlen(id));
    if (*reading == MW_NONE)
        fail(self, -ENOENT);
}

/* ---- records ---- */

static void code_words(struct coder *self, struct mw_alert *alert)
{
    unsigned state = alert->state, reason = alert->reason, severity = alert->severity;

    code_small(self, &state, MW_ALERT_STATE_COUNT - 1);
    code_small(self, &reason, MW_ALERT_REASON_COUNT - 1);
    code_small(self, &severity, MW_ALERT_SEVERITY_COUNT - 1);
    alert->state = (enum mw_alert_state)state;
    alert->reason = (enum mw_alert_reason)reason;
    alert->severity = (enum mw_alert_severity)severity;
}

static void code_alert(struct coder *self, struct mw_alert *alert)
{
    code_u64(self, &alert->fingerprint);
    code_i64(self, &alert->since_ms);
    code_i64(self, &alert->fired_ms);
    code_i64(self, &alert->resolved_ms);
    code_i64(self, &alert->value_ms);
    code_words(self, alert);
    code_u64(self, &alert->key.id);
    code_u64(self, &alert->key.birth);
    code_bool(self, &alert->value_known);
    code_bool(self, &alert->threshold_known);
    code_bool(self, &alert->limit_known);
    code_f64(self, &alert->value);
    code_f64(self, &alert->threshold);
    code_f64(self, &alert->limit);
    code_text(self, alert->rule_name, sizeof alert->rule_name);
    code_text(self, alert->name, sizeof alert->name);
    code_text(self, alert->subject, sizeof alert->subject);
    code_reading(self, &alert->reading); /* last: what is behind it need not be known */
}

static void code_state(struct coder *self, struct mw_alert_record *record)
{
    code_u64(self, &record->condition);
    code_u64(self, &record->elapsed_ms);
    code_bool(self, &record->raised);
    code_alert(self, &record->alert);
}

static void code_labels(struct coder *self, struct mw_alert_label *labels, uint32_t *count,
                        uint32_t max)
{
    unsigned n = *count;

    code_small(self, &n, max);
    *count = n;
    for (uint32_t i = 0; i < n && !self->bad; i++) {
        code_text(self, labels[i].key, sizeof labels[i].key);
        code_text(self, labels[i].value, sizeof labels[i].value);
    }
}

static void code_sink(struct coder *self, struct mwd_ledger_sink *sink)
{
    code_text(self, sink->name, sizeof sink->name);
    code_bool(self, &sink->told);
}

static void code_message(struct coder *self, struct mwd_ledger_message *message)
{
    unsigned sinks = message->sink_count;

    code_bool(self, &message->resolved);
    code_bool(self, &message->held);
    code_labels(self, message->labels, &message->label_count, MW_ALERT_LABELS_MAX);
    code_text(self, message->summary, sizeof message->summary);
    code_small(self, &sinks, MWD_LEDGER_SINKS);
    message->sink_count = sinks;
    for (uint32_t i = 0; i < sinks && !self->bad; i++)
        code_sink(self, &message->sinks[i]);
    code_alert(self, &message->alert);
}

static void code_id(struct coder *self, struct mwd_ledger_id *id)
{
    code_u64(self, &id->fingerprint);
    code_i64(self, &id->since_ms);
    code_bool(self, &id->resolved);
    code_sink(self, &id->sink);
}

static void code_silence(struct coder *self, struct mw_alert_silence *silence)
{
    uint64_t severities = silence->severities;

    code_u64(self, &silence->id);
    code_i64(self, &silence->starts_ms);
    code_i64(self, &silence->ends_ms);
    code_text(self, silence->rule, sizeof silence->rule);
    code_text(self, silence->subject, sizeof silence->subject);
    code_u64(self, &severities);
    silence->severities = (uint32_t)severities;
    if (severities > UINT32_MAX)
        fail(self, -EINVAL);
    code_labels(self, silence->labels, &silence->label_count, MW_ALERT_MATCHERS_MAX);
    code_text(self, silence->author, sizeof silence->author);
    code_text(self, silence->comment, sizeof silence->comment);
}

static void code_ack(struct coder *self, struct mw_alert_ack *ack)
{
    code_u64(self, &ack->fingerprint);
    code_i64(self, &ack->since_ms);
    code_i64(self, &ack->time_ms);
    code_text(self, ack->author, sizeof ack->author);
    code_text(self, ack->comment, sizeof ack->comment);
}

static void code(struct coder *self, struct mwd_ledger_record *record)
{
    switch (record->kind) {
    case MWD_LEDGER_ALERT:
        code_state(self, &record->of.alert);
        break;
    case MWD_LEDGER_MESSAGE:
        code_message(self, &record->of.message);
        break;
    case MWD_LEDGER_ALERT_GONE:
    case MWD_LEDGER_ANSWER:
    case MWD_LEDGER_MESSAGE_GONE:
        code_id(self, &record->of.id);
        break;
    case MWD_LEDGER_SILENCE:
        code_silence(self, &record->of.silence);
        break;
    case MWD_LEDGER_SILENCE_GONE:
        code_u64(self, &record->of.silence_id);
        break;
    case MWD_LEDGER_ACK:
        code_ack(self, &record->of.ack);
        break;
    default:
        fail(self, -EINVAL);
    }
}

void mwd_ledger_encode(const struct mwd_ledger_record *record, struct mwd_buffer *out)
{
    struct coder coder = {.out = out};
    char kind = (char)record->kind;

    mwd_buffer_append(out, &kind, 1);
    code(&coder, (struct mwd_ledger_record *)record); /* which writing does not change */
}

int mwd_ledger_decode(const void *bytes, size_t size, struct mwd_ledger_record *ret)
{
    struct coder coder = {.at = bytes};

    memset(ret, 0, sizeof *ret);
    if (size == 0)
        return -EINVAL;
    coder.end = coder.at + size;
    ret->kind = (enum mwd_ledger_kind) * coder.at++;
    code(&coder, ret);
    if (!coder.bad && coder.at != coder.end)
        coder.bad = -EINVAL;
    return coder.bad;
}
