/* ledger: what is known of alerts, as records for a file, and back. A record comes from a disk: all
 * of it is looked at before it is believed.
 *
 * Shape    one kind byte, then members in a fixed order, little endian; texts with their size in
 *          front. Readings stand there by their public id: numbers differ between builds.
 * Meaning  in the order of the file: a later one of the same alert, message or silence counts.
 * State    none; all functions are pure.
 */
#ifndef MWD_LEDGER_H
#define MWD_LEDGER_H
#include "alert/alert.h"
#include "daemon/buffer.h"

enum mwd_ledger_kind {
    MWD_LEDGER_ALERT = 1,    /* an alert as it is */
    MWD_LEDGER_ALERT_GONE,   /* what was pending has passed */
    MWD_LEDGER_MESSAGE,      /* what must be told, and to whom */
    MWD_LEDGER_ANSWER,       /* a sink has answered for it */
    MWD_LEDGER_MESSAGE_GONE, /* it need not be told any more */
    MWD_LEDGER_SILENCE,
    MWD_LEDGER_SILENCE_GONE,
    MWD_LEDGER_ACK
};

enum { MWD_LEDGER_SINKS = 16, MWD_LEDGER_SINK_NAME_MAX = 64 };

struct mwd_ledger_sink {
    char name[MWD_LEDGER_SINK_NAME_MAX + 1];
    bool told; /* it has the message; else it is owed it */
};

struct mwd_ledger_message {
    struct mw_alert alert; /* rule is NULL */
    bool resolved, held;
    uint32_t label_count;
    struct mw_alert_label labels[MW_ALERT_LABELS_MAX];
    char summary[MW_ALERT_SUMMARY_MAX + 1];
    uint32_t sink_count;
    struct mwd_ledger_sink sinks[MWD_LEDGER_SINKS];
};

/* Which message; of an ALERT_GONE which alert. */
struct mwd_ledger_id {
    uint64_t fingerprint;
    int64_t since_ms;
    bool resolved;
    struct mwd_ledger_sink sink; /* of an ANSWER */
};

struct mwd_ledger_record {
    enum mwd_ledger_kind kind;
    union {
        struct mw_alert_record alert;
        struct mwd_ledger_message message;
        struct mwd_ledger_id id; /* ALERT_GONE, ANSWER, MESSAGE_GONE */
        struct mw_alert_silence silence;
        uint64_t silence_id;
        struct mw_alert_ack ack;
    } of;
};

/* Appends the bytes; never over MWD_LEDGER_SIZE_MAX. */
enum { MWD_LEDGER_SIZE_MAX = 8 << 10 };
void mwd_ledger_encode(const struct mwd_ledger_record *record, struct mwd_buffer *out);
/* Errors   -EINVAL no such record, -ENOENT it is about a reading that is not known here. */
int mwd_ledger_decode(const void *bytes, size_t size, struct mwd_ledger_record *ret);
#endif
