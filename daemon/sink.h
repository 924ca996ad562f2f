/* sink: where alerts go. One queue for each target, on the managed heap, and the child that talks
 * with the network (memwatchd-deliver). The journal is written from here.
 *
 * At least once   what is not answered for is sent again, with the same id: after an error, after
 *          the child's death. What is on its way when the daemon ends was never told as done, and
 *          is the sender's to send again.
 * Order    of one fingerprint: as it was sent. Of different ones: any.
 * Coalesced       a message takes the place of a waiting one with the same id and status (its
 *          numbers are newer). A resolved never takes the place of a firing: both are told. An
 *          alert that flaps while its target is down keeps MWD_SINK_CHAIN messages at most; of more
 *          the oldest firing that nobody was told of goes, together with its resolved.
 * Bounds   `queue` alerts a target, and MWD_SINK_BYTES of their bodies; then -EAGAIN. Bodies over
 *          MWD_SINK_BODY_MAX are cut, see mwd_sink_body().
 * Threads  the loop's only. No function here blocks. on_done and on_room come from the loop, never
 *          from within mwd_sinks_send(), and may call it; on_done comes from mwd_sinks_apply(),
 * too, for what is removed. Neither may call mwd_sinks_apply().
 */
#ifndef MWD_SINK_H
#define MWD_SINK_H
#include "daemon/buffer.h"
#include "daemon/log.h"
#include "store/store.h"

#include <uv.h>

struct mw_clock;
struct mwd_sinks;

enum {
    MWD_SINKS_MAX = 16,            /* sinks */
    MWD_SINK_TARGETS_MAX = 8,      /* URLs of one: members of an Alertmanager cluster */
    MWD_SINK_ARGUMENTS_MAX = 16,   /* of a hook */
    MWD_SINK_BODY_MAX = 64 * 1024, /* bytes */
    MWD_SINK_BYTES = 2 << 20,      /* of bodies that wait for one target */
    MWD_SINK_CHAIN = 4,            /* messages of one alert that wait for one target */
    MWD_SINK_QUEUE_MAX = 4096,
    MWD_SINK_ID_MAX = 255, /* bytes of an id, and of a fingerprint */
};

/* ---- what an operator configures; all texts are copied ---- */

enum mwd_target_type {
    MWD_TARGET_WEBHOOK,      /* POST of the body to urls[0] */
    MWD_TARGET_ALERTMANAGER, /* POST to /api/v2/alerts of every URL, again while an alert fires */
    MWD_TARGET_EXEC,         /* a program, the body on its stdin */
    MWD_TARGET_JOURNAL,      /* structured entries in systemd's journal */
};

struct mwd_sink_settings {
    const char *name;
    enum mwd_target_type type;
    const char *const *urls; /* "http://HOST:PORT/PATH"; an Alertmanager's without /api/v2 */
    uint32_t url_count;
    const char *const *arguments; /* of a hook: its program by absolute path, then arguments */
    uint32_t argument_count;
    const char *token_file; /* a bearer token, read again for each request; "" or NULL = none */
    const char *ca_file;    /* certificates to trust in place of the system's; "" or NULL */
    uint64_t deadline_ms;   /* how old a message may become before it is given up */
    uint64_t timeout_ms;    /* of one request, or one run of a hook */
    uint32_t queue;         /* alerts that may wait for one target, 1 to MWD_SINK_QUEUE_MAX */
};

/* 10 min, 10 s, 256; all else zero. */
void mwd_sink_settings_default(struct mwd_sink_settings *ret);

/* ---- what is sent ---- */

enum mwd_sink_status { MWD_SINK_FIRING, MWD_SINK_RESOLVED };

struct mwd_sink_pair {
    const char *name, *value;
};

struct mwd_sink_message {
    /* Of the alert, from its firing to its end: the Idempotency-Key, as in the body. A message is
     * known by its id and its status. */
    const char *id;
    const char *fingerprint; /* of the alert: stays the same from one firing to the next */
    enum mwd_sink_status status;
    const char *severity; /* "info", "warning" or "critical"; the journal's priority */
    const char *summary;
    const char *body; /* JSON object: what webhooks and hooks get */
    size_t body_size;
    /* For Alertmanager, and fields of the journal. Characters that Alertmanager does not take in
     * names become '_'; there should be one named alertname. */
    const struct mwd_sink_pair *labels, *annotations;
    uint32_t label_count, annotation_count;
    int64_t starts_ms, ends_ms; /* since 1970; ends_ms counts when resolved */
};

enum mwd_sink_outcome {
    MWD_SINK_DELIVERED, /* with several targets: one of them has it */
    MWD_SINK_REFUSED,   /* for good: 3xx, 4xx other than 408 and 429 */
    MWD_SINK_EXPIRED,   /* its deadline passed first */
    MWD_SINK_COALESCED, /* a firing and its resolved, both untold, gave way to newer ones */
    MWD_SINK_REMOVED,   /* the configuration has this sink no more */
};

struct mwd_sink_done {
    const char *sink, *id, *fingerprint;
    enum mwd_sink_status status;
    enum mwd_sink_outcome outcome;
    const char *why; /* what went wrong last, for people; "" when delivered */
};

/* ---- life ---- */

struct mwd_sinks_options {
    struct mw_store *store;
    struct mwd_log *log;
    const struct mw_clock *clock; /* NULL = the machine's */
    const char
        *program; /* memwatchd-deliver; NULL = beside this program, or in ../libexec/memwatchd */
    const char *journal; /* its socket; NULL = systemd's */
    /* Waits between tries double from the first to the longest, each shortened by chance up to
     * half. 0 = 1 s, 60 s. */
    uint64_t retry_first_ms, retry_max_ms;
    uint64_t resend_ms; /* how often an Alertmanager is told again; 0 = 60 s */
    uint64_t idle_ms;   /* how long the child stays without work; 0 = 60 s */
    /* Once for each message that was taken and not replaced by one with its id and status; a
     * message that has several targets may be delivered to others later. */
    void (*on_done)(void *context, const struct mwd_sink_done *done);
    /* After -EAGAIN: there is room again. May be NULL. */
    void (*on_room)(void *context, const char *sink);
    void *context;
};

/* Owner    the caller: mwd_sinks_close() while the loop runs, mwd_sinks_destroy() after it and
 * before the store. Errors   -EINVAL settings that make no sense (a name twice, no URL, a relative
 * program, a bound), -ENOMEM, -ENOSPC too many types on the heap. */
int mwd_sinks_create(uv_loop_t *loop, const struct mwd_sinks_options *options,
                     const struct mwd_sink_settings *settings, uint32_t count,
                     struct mwd_sinks **ret);
/* Ends the child. Takes NULL. */
void mwd_sinks_close(struct mwd_sinks *self);
struct mwd_sinks *mwd_sinks_destroy(struct mwd_sinks *self);

/* For a reload. Sinks of the same name and type keep what waits, as do an Alertmanager's members of
 * the same URL; what waited for others is done as removed.
 * Errors   as mwd_sinks_create(); then all is as it was. */
int mwd_sinks_apply(struct mwd_sinks *self, const struct mwd_sink_settings *settings,
                    uint32_t count);

/* ---- work ---- */

/* Returns 0 when it is taken: on_done will come.
 * Errors   -EAGAIN no room now: on_room will come; -ENOENT no such sink; -EINVAL no id or
 *          fingerprint, one that is too long, or a body that is no JSON object; -EMSGSIZE labels
 * and annotations over 64 KiB; -ENOMEM, also of the heap: try again later. */
int mwd_sinks_send(struct mwd_sinks *self, const char *sink,
                   const struct mwd_sink_message *message);

/* Whether a sink must be sent again what fires when the daemon starts, with the id that it had: an
 * Alertmanager takes an alert for resolved when nobody repeats it. While the daemon runs that is
 * done from here. */
bool mwd_sinks_wants_active(const struct mwd_sinks *self, const char *sink);

/* ---- one queue for each target, as numbers ---- */

enum { MWD_SINK_QUEUE_NAME_MAX = 80 };

struct mwd_sink_numbers {
    char name[MWD_SINK_QUEUE_NAME_MAX]; /* the sink's; members of a cluster: NAME-1, NAME-2 ... */
    struct mw_queue_numbers queue;      /* alerts; oldest_age_ns and so on */
    uint64_t sent, refused, expired, coalesced; /* messages, totals */
    uint64_t retried;                           /* requests that failed and were put off, total */
    uint64_t active;     /* alerts that an Alertmanager is told again and again */
    uint64_t failing_ms; /* since when no request has succeeded; 0 = the last one has */
};

uint32_t mwd_sinks_queue_count(const struct mwd_sinks *self);
/* `index` is below the count. */
void mwd_sinks_get_numbers(const struct mwd_sinks *self, uint32_t index,
                           struct mwd_sink_numbers *ret);

/* Total starts and unexpected ends of the child; its process id, 0 = it does not run. */
struct mwd_sink_child_numbers {
    uint64_t starts, crashes;
    int pid;
};
void mwd_sinks_get_child(const struct mwd_sinks *self, struct mwd_sink_child_numbers *ret);

/* Appends a JSON object of at most MWD_SINK_BODY_MAX bytes: the body, when it is not larger; else
 * what fits of it from the front, with texts over 1 KiB cut, and a member "truncated": true.
 * Errors   -EINVAL not a JSON object, or nested more than 32 deep; those of the buffer. */
int mwd_sink_body(const char *body, size_t size, struct mwd_buffer *out);
#endif
