/* outbox: what must still be told to whom, and who was told of what fires.
 *
 * Shape    a message for each alert that fired, and one for its end. `owed`, `told` and `flying`
 * are bits of sinks, by their place in the configuration. The message of a firing stays, without
 *          its content, until the alert ends: then those who were told, or will be, are told that.
 * Order    that in which they were added: a firing comes before its end.
 * Bound    `max` messages; then -ENOSPC, and the sender waits with its events.
 * Memory   malloc; the content, which is most of it, goes as soon as nobody is owed it.
 * Threads  one owner (the loop).
 */
#ifndef MWD_OUTBOX_H
#define MWD_OUTBOX_H
#include "alert/alert.h"

enum { MWD_OUTBOX_SINKS = 32, MWD_OUTBOX_NAME_MAX = 64 };

/* What is told, as it was then: the rule may be another one by the time that it is sent. */
struct mwd_outbox_content {
    struct mw_alert alert; /* rule is NULL */
    uint32_t label_count;
    struct mw_alert_label labels[MW_ALERT_LABELS_MAX];
    char summary[MW_ALERT_SUMMARY_MAX + 1];
};

struct mwd_outbox_message {
    uint64_t fingerprint; /* these three are its key */
    int64_t since_ms;
    bool resolved;
    bool held;       /* a silence means it: it waits for the end of that */
    uint32_t owed;   /* sinks that have not answered for it yet ... */
    uint32_t flying; /* ... among them, to whom it is under way */
    uint32_t told;   /* sinks that have it */
    uint64_t ticket; /* of the batch that makes it durable; before that it is not sent */
    struct mwd_outbox_content *content;               /* NULL when nothing is owed */
    struct mwd_outbox_message *next, *before, *chain; /* the outbox's own */
};

struct mwd_outbox;

/* Owner    of *ret: the caller, mwd_outbox_destroy(). Errors   -ENOMEM. */
int mwd_outbox_create(uint32_t max, struct mwd_outbox **ret);
struct mwd_outbox *mwd_outbox_destroy(struct mwd_outbox *self);

uint32_t mwd_outbox_count(const struct mwd_outbox *self);
uint32_t mwd_outbox_room(const struct mwd_outbox *self);

/* The oldest one, and those after it in turn (`next`); NULL when there is none. */
struct mwd_outbox_message *mwd_outbox_first(const struct mwd_outbox *self);
struct mwd_outbox_message *mwd_outbox_find(const struct mwd_outbox *self, uint64_t fingerprint,
                                           int64_t since_ms, bool resolved);
/* A new one at the end, owed to nobody yet, with a copy of the content.
 * Errors   -EEXIST, -ENOSPC, -ENOMEM. */
int mwd_outbox_add(struct mwd_outbox *self, const struct mwd_outbox_content *content, bool resolved,
                   struct mwd_outbox_message **ret);
/* Gives a message that has lost it a content. Errors   -ENOMEM. */
int mwd_outbox_refill(struct mwd_outbox_message *message, const struct mwd_outbox_content *content);
void mwd_outbox_remove(struct mwd_outbox *self, struct mwd_outbox_message *message);
/* After bits have changed: what is owed to nobody loses its content; the end of an alert that is
 * owed to nobody goes, and its firing with it. Returns whether `message` is gone. */
bool mwd_outbox_settle(struct mwd_outbox *self, struct mwd_outbox_message *message);

/* The configuration is a new one: bit i becomes bit places[i], and none where that is below 0.
 * Nothing is under way any more to those. */
void mwd_outbox_move_sinks(struct mwd_outbox *self, const int *places, uint32_t count);
#endif
