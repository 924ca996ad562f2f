/* What the sink*.c files share. Not for others. */
#ifndef MWD_SINK_INTERNAL_H
#define MWD_SINK_INTERNAL_H
#include "base/clock.h"
#include "daemon/sink.h"
#include "daemon/wire.h"

/* ---- sink_settings.c: settings of one sink, with texts of its own ---- */

struct mwd_sink_own_settings {
    struct mwd_sink_settings s;
    char *texts; /* all of them, one after the other */
    const char *urls[MWD_SINK_TARGETS_MAX], *arguments[MWD_SINK_ARGUMENTS_MAX];
};

/* Errors   -EINVAL, -ENOMEM. */
int mwd_sink_settings_check(const struct mwd_sink_settings *settings, uint32_t count);
int mwd_sink_settings_copy(const struct mwd_sink_settings *from, struct mwd_sink_own_settings *ret);
void mwd_sink_settings_free(struct mwd_sink_own_settings *self);
/* How many targets it has, each with a queue: URLs, or 1. */
uint32_t mwd_sink_settings_targets(const struct mwd_sink_settings *settings);

/* ---- sink_message.c: messages on the managed heap ---- */

/* A message is one object that all targets of a sink share, so the first of them that has it, and
 * the last that gives it up, know of each other. */
struct mwd_sink_types {
    struct mw_heap *heap;
    const struct mw_heap_type *alert, *message, *text;
};

int mwd_sink_types_init(struct mwd_sink_types *self, struct mw_heap *heap);

/* Fields of an alert at one target: first its messages, the oldest first; words from ALERT_TRIES
 * on. Two places more than a chain may keep, for what comes before the loop turns. */
enum mwd_sink_alert_field {
    ALERT_MESSAGES = MWD_SINK_CHAIN + 2,
    ALERT_ACTIVE = ALERT_MESSAGES, /* a firing that an Alertmanager was told of, or none */
    ALERT_TRIES,
    ALERT_IS_SENT,   /* its first message is on its way, and stays as it is */
    ALERT_IS_QUEUED, /* it stands in the lane's queue; likewise, in its active queue */
    ALERT_IS_ACTIVE,
    ALERT_WORDS,
};

enum mwd_sink_message_field {
    MESSAGE_TEXT,
    MESSAGE_STATUS,
    MESSAGE_QUEUED_NS,
    MESSAGE_LEFT, /* targets that have not finished with it */
    MESSAGE_TOLD, /* on_done came */
    MESSAGE_SIZE, /* bytes of its payload */
    MESSAGE_WORDS,
};

/* None when the heap has no room. `payload` is what goes out, rendered for the sink's type. */
struct mw_ref mwd_sink_message_new(const struct mwd_sink_types *types,
                                   const struct mwd_sink_message *message,
                                   const struct mwd_buffer *payload, uint64_t now_ns,
                                   uint32_t targets);

/* What a message says. */
struct mwd_sink_view {
    const char *id, *fingerprint, *payload;
    size_t payload_size;
};

/* Inside a raw region, and good until it is left. */
void mwd_sink_message_view(const struct mwd_sink_types *types, struct mw_ref message,
                           struct mwd_sink_view *ret);
/* Whether it has the other one's id and status. */
bool mwd_sink_message_is(const struct mwd_sink_types *types, struct mw_ref message,
                         const struct mwd_sink_message *other);

/* ---- sink_payload.c: what goes out, by type ---- */

/* Errors   -EINVAL, -EMSGSIZE, those of the buffer. */
int mwd_sink_payload(enum mwd_target_type type, const struct mwd_sink_message *message,
                     struct mwd_buffer *out);
/* What is rendered for Alertmanager leaves its object open: the end comes at each sending. */
void mwd_sink_alertmanager_close(struct mwd_buffer *out, int64_t ends_ms);

/* ---- sink_journal.c ---- */

/* One entry, as sink_payload.c has rendered it. Errors   those of sendto(2). */
int mwd_sink_journal_send(const char *path, const char *entry, size_t size);
/* Renders an entry. */
void mwd_sink_journal_render(const struct mwd_sink_message *message, const char *body,
                             size_t body_size, struct mwd_buffer *out);

/* ---- sink_chain.c: the messages of one alert ---- */

uint32_t mwd_sink_chain_length(const struct mwd_sink_types *types, struct mw_ref alert);
/* Position of the message that this one may take the place of, or -1. */
int mwd_sink_chain_find(const struct mwd_sink_types *types, struct mw_ref alert,
                        const struct mwd_sink_message *message);
/* Position of the oldest firing that nobody was told of whose resolved waits behind it, or -1. */
int mwd_sink_chain_pair(const struct mwd_sink_types *types, struct mw_ref alert);
/* Takes one out; those behind it move up. */
void mwd_sink_chain_remove(const struct mwd_sink_types *types, struct mw_ref alert,
                           uint32_t position);

/* ---- sink_lane.c: what waits for one target ---- */

enum {
    MWD_SINK_BATCH = 64,       /* alerts in one request to an Alertmanager */
    MWD_SINK_ACTIVE_MAX = 2048 /* alerts that it is told again */
};

struct mwd_sink;

struct mwd_sink_lane {
    struct mwd_sinks *sinks;
    const struct mwd_sink *sink;
    const char *url; /* the sink's; "" = it has none */
    char name[MWD_SINK_QUEUE_NAME_MAX];
    struct mw_queue *queue;
    struct mw_queue *active; /* Alertmanager's only */
    struct mw_cache *index;  /* alerts in either, by fingerprint */
    size_t capacity, bytes;
    bool crowded; /* a chain may be longer than it should */

    uint64_t exchange; /* that is on its way; 0 = none */
    uint64_t sent_ns;
    bool repeats;   /* it repeats what is active */
    uint32_t batch; /* positions in the queue that it has, ascending */
    uint16_t positions[MWD_SINK_BATCH];
    uint32_t solo; /* a batch was refused: so many go alone, to find whose fault it was */

    uint64_t next_ns;   /* not before */
    uint64_t expiry_ns; /* nothing expires before */
    uint64_t repeat_ns; /* when what is active is due again */
    uint32_t repeat_left;
    uint32_t failures; /* in a row */
    uint64_t failing_since_ns;
    char why[256]; /* the last failure */
    struct mwd_sink_numbers numbers;
};

/* The queue's capacity is that of the sink's settings. Errors   -ENOMEM. */
int mwd_sink_lane_create(struct mwd_sinks *sinks, const struct mwd_sink *sink, uint32_t target,
                         struct mwd_sink_lane **ret);
struct mwd_sink_lane *mwd_sink_lane_destroy(struct mwd_sink_lane *self);
/* The sink has other settings. */
void mwd_sink_lane_adopt(struct mwd_sink_lane *self, const struct mwd_sink *sink, uint32_t target);

bool mwd_sink_lane_has_room(struct mwd_sink_lane *self, const struct mwd_sink_message *message);
/* Whether it has room was asked. Errors   -ENOMEM; then all is as it was. */
int mwd_sink_lane_put(struct mwd_sink_lane *self, struct mw_ref message,
                      const struct mwd_sink_message *given, uint64_t now_ns);
/* Ends the message at a place of an alert's chain. */
void mwd_sink_lane_release(struct mwd_sink_lane *self, struct mw_ref alert, uint32_t place,
                           enum mwd_sink_outcome outcome);
/* An alert without messages leaves the queue; one with some goes to its end when it was `served`.
 */
void mwd_sink_lane_settle(struct mwd_sink_lane *self, size_t position, bool served,
                          uint64_t now_ns);
/* Gives up what is too old, and what is too much of one alert. Not while an exchange is out. */
void mwd_sink_lane_expire(struct mwd_sink_lane *self, uint64_t now_ns);
void mwd_sink_lane_thin(struct mwd_sink_lane *self, uint64_t now_ns);
/* All of it. */
void mwd_sink_lane_drop(struct mwd_sink_lane *self, enum mwd_sink_outcome outcome, uint64_t now_ns);

/* ---- sink_exchange.c: one request after the other ---- */

/* Starts what is due. Returns when to look again, UINT64_MAX = when something happens. */
uint64_t mwd_sink_lane_step(struct mwd_sink_lane *self, uint64_t now_ns);
void mwd_sink_lane_answered(struct mwd_sink_lane *self, const struct mwd_wire_answer *answer,
                            uint64_t now_ns);
/* The child has gone without an answer. */
void mwd_sink_lane_lost(struct mwd_sink_lane *self);

/* ---- sink_child.c: memwatchd-deliver as the daemon sees it ---- */

struct mwd_sink_child;

struct mwd_sink_child_options {
    const char *program; /* or NULL */
    struct mwd_log *log;
    const struct mw_clock *clock;
    uint64_t idle_ms, retry_first_ms, retry_max_ms;
    void (*on_answer)(void *context, const struct mwd_wire_answer *answer);
    void (*on_lost)(void *context); /* what was sent and not answered will not be */
    void *context;
};

int mwd_sink_child_create(uv_loop_t *loop, const struct mwd_sink_child_options *options,
                          struct mwd_sink_child **ret);
void mwd_sink_child_close(struct mwd_sink_child *self);
struct mwd_sink_child *mwd_sink_child_destroy(struct mwd_sink_child *self);

/* Starts it when it does not run. Errors   -EAGAIN not before mwd_sink_child_due_ns(), -ENOMEM. */
int mwd_sink_child_send(struct mwd_sink_child *self, const struct mwd_wire_request *request);
uint64_t mwd_sink_child_due_ns(const struct mwd_sink_child *self);
/* Whether it has work. Without any it goes after a while. */
void mwd_sink_child_set_busy(struct mwd_sink_child *self, bool busy);
/* It does not answer any more. */
void mwd_sink_child_kill(struct mwd_sink_child *self);
void mwd_sink_child_get_numbers(const struct mwd_sink_child *self,
                                struct mwd_sink_child_numbers *ret);

/* A span, shortened by chance by up to half. */
uint64_t mwd_sink_jitter_ms(uint64_t ms);
/* First, doubled `step` times, at most the longest; jittered. */
uint64_t mwd_sink_backoff_ms(uint64_t first_ms, uint64_t max_ms, uint32_t step);

/* ---- sink.c ---- */

struct mwd_sink {
    struct mwd_sink_own_settings settings;
    uint32_t lane_count;
    struct mwd_sink_lane *lanes[MWD_SINK_TARGETS_MAX];
    bool sender_waits; /* it was told -EAGAIN */
};

struct mwd_sinks {
    struct mwd_sinks_options options;
    uv_loop_t *loop;
    uv_timer_t timer;
    bool closed;
    struct mwd_sink_types types;
    struct mwd_sink_child *child;
    struct mwd_sink *sinks; /* an array */
    uint32_t count;
    uint64_t exchanges; /* the last one's number */
};

uint64_t mwd_sinks_now_ns(const struct mwd_sinks *self);
/* A lane has done with a message. */
void mwd_sinks_tell(struct mwd_sinks *self, const struct mwd_sink_lane *lane, struct mw_ref message,
                    enum mwd_sink_outcome outcome);
#endif
