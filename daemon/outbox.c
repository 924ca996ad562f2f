#include "daemon/outbox.h"

#include <errno.h>
#include <stdlib.h>

enum { BUCKETS = 4096 }; /* a power of two */

struct mwd_outbox {
    uint32_t max, count;
    struct mwd_outbox_message *first, *last;
    struct mwd_outbox_message *buckets[BUCKETS];
};

int mwd_outbox_create(uint32_t max, struct mwd_outbox **ret)
{
    struct mwd_outbox *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->max = max;
    *ret = self;
    return 0;
}

struct mwd_outbox *mwd_outbox_destroy(struct mwd_outbox *self)
{
    while (self && self->first)
        mwd_outbox_remove(self, self->first);
    free(self);
    return NULL;
}

uint32_t mwd_outbox_count(const struct mwd_outbox *self)
{
    return self->count;
}

uint32_t mwd_outbox_room(const struct mwd_outbox *self)
{
    return self->max - self->count;
}

struct mwd_outbox_message *mwd_outbox_first(const struct mwd_outbox *self)
{
    return self->first;
}

/* Fingerprints are hashes already. */
static uint32_t bucket_of(uint64_t fingerprint)
{
    return (uint32_t)(fingerprint & (BUCKETS - 1));
}

struct mwd_outbox_message *mwd_outbox_find(const struct mwd_outbox *self, uint64_t fingerprint,
                                           int64_t since_ms, bool resolved)
{
    struct mwd_outbox_message *at = self->buckets[bucket_of(fingerprint)];

    while (at &&
           (at->fingerprint != fingerprint || at->since_ms != since_ms || at->resolved != resolved))
        at = at->chain;
    return at;
}

int mwd_outbox_refill(struct mwd_outbox_message *message, const struct mwd_outbox_content *content)
{
    struct mwd_outbox_content *copy = malloc(sizeof *copy);

    if (!copy)
        return -ENOMEM;
    *copy = *content;
    copy->alert.rule = NULL;
    free(message->content);
    message->content = copy;
    return 0;
}

static void put_in(struct mwd_outbox *self, struct mwd_outbox_message *message)
{
    struct mwd_outbox_message **bucket = &self->buckets[bucket_of(message->fingerprint)];

    message->chain = *bucket;
    *bucket = message;
    message->before = self->last;
    if (self->last)
        self->last->next = message;
    else
        self->first = message;
    self->last = message;
    self->count++;
}

int mwd_outbox_add(struct mwd_outbox *self, const struct mwd_outbox_content *content, bool resolved,
                   struct mwd_outbox_message **ret)
{
    const struct mw_alert *alert = &content->alert;
    struct mwd_outbox_message *message;

    if (mwd_outbox_find(self, alert->fingerprint, alert->since_ms, resolved))
        return -EEXIST;
    if (self->count == self->max)
        return -ENOSPC;
    message = calloc(1, sizeof *message);
    if (!message || mwd_outbox_refill(message, content) < 0) {
        free(message);
        return -ENOMEM;
    }
    message->fingerprint = alert->fingerprint;
    message->since_ms = alert->since_ms;
    message->resolved = resolved;
    put_in(self, message);
    *ret = message;
    return 0;
}

void mwd_outbox_remove(struct mwd_outbox *self, struct mwd_outbox_message *message)
{
    struct mwd_outbox_message **at = &self->buckets[bucket_of(message->fingerprint)];

    while (*at != message)
        at = &(*at)->chain;
    *at = message->chain;
    if (message->before)
        message->before->next = message->next;
    else
        self->first = message->next;
    if (message->next)
        message->next->before = message->before;
    else
        self->last = message->before;
    self->count--;
    free(message->content);
    free(message);
}

bool mwd_outbox_settle(struct mwd_outbox *self, struct mwd_outbox_message *message)
{
    struct mwd_outbox_message *firing, *end;

    if (message->owed)
        return false;
    free(message->content);
    message->content = NULL;
    firing = mwd_outbox_find(self, message->fingerprint, message->since_ms, false);
    end = mwd_outbox_find(self, message->fingerprint, message->since_ms, true);
    if (!end || end->owed || (firing && firing->owed))
        return false;
    if (firing)
        mwd_outbox_remove(self, firing);
    mwd_outbox_remove(self, end);
    return true;
}

/* ---- other sinks ---- */

static uint32_t moved(uint32_t bits, const int *places, uint32_t count)
{
    uint32_t result = 0;

    for (uint32_t i = 0; i < count; i++)
        if ((bits >> i & 1) && places[i] >= 0)
            result |= UINT32_C(1) << places[i];
    return result;
}

void mwd_outbox_move_sinks(struct mwd_outbox *self, const int *places, uint32_t count)
{
    struct mwd_outbox_message *next;

    for (struct mwd_outbox_message *at = self->first; at; at = at->next) {
        at->owed = moved(at->owed, places, count);
        at->flying = moved(at->flying, places, count);
        at->told = moved(at->told, places, count);
    }
    /* One that settles may take the one before or behind it along: its end, or its firing. */
    for (struct mwd_outbox_message *at = self->first; at; at = next) {
        next = at->next;
        if (next && next->fingerprint == at->fingerprint && next->since_ms == at->since_ms)
            next = next->next;
        mwd_outbox_settle(self, at);
    }
}
