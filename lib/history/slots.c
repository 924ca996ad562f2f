/* Subjects of one kind. Their data stands in the heap, in one HistorySubject each; who they are and
 * where they live stands here, in a table that doubles up to its limit. The dead are in a list by
 * the time of their death, so that the one to be forgotten is found at once. */
#include "history/history_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 64 };

static uint32_t *bucket_of(const struct mw_slots *self, struct mw_block_key key)
{
    uint64_t hash = (key.id * UINT64_C(0x9e3779b97f4a7c15)) ^ key.birth;

    hash *= UINT64_C(0xff51afd7ed558ccd);
    return &self->buckets[(hash >> 32) & (self->room - 1)];
}

static bool same(struct mw_block_key a, struct mw_block_key b)
{
    return a.id == b.id && a.birth == b.birth;
}

/* ---- birth and death of the table ---- */

static void put_in_buckets(struct mw_slots *self)
{
    memset(self->buckets, 0xff, self->room * sizeof(*self->buckets));
    for (uint32_t i = 0; i < self->used; i++) {
        uint32_t *bucket = bucket_of(self, self->slots[i].key);

        if (self->slots[i].key.id == 0)
            continue;
        self->slots[i].chain = *bucket;
        *bucket = i;
    }
}

static int grow_table(struct mw_slots *self, uint32_t room)
{
    struct mw_heap *heap = self->tracks->heap;
    MW_SCOPE(scope, heap);
    struct mw_ref larger = mw_heap_new_array(heap, self->table_type, room, MW_PLACE_OLD);

    if (mw_ref_is_none(larger))
        return mw_history_heap_error(heap);
    if (self->table == NULL)
        return mw_global_create(heap, larger, false, &self->table);
    mw_heap_copy(heap, larger, 0, mw_global_get(heap, self->table), 0, self->room);
    mw_global_set(heap, self->table, larger);
    return 0;
}

/* Only when all slots are in use. */
static int grow(struct mw_slots *self)
{
    uint32_t room = self->room == 0 ? ROOM_FIRST : 2 * self->room;
    struct mw_slot *slots = realloc(self->slots, room * sizeof(*slots));
    uint32_t *buckets;
    int error;

    if (slots == NULL)
        return -ENOMEM;
    self->slots = slots;
    buckets = realloc(self->buckets, room * sizeof(*buckets));
    if (buckets == NULL)
        return -ENOMEM;
    self->buckets = buckets;
    error = grow_table(self, room);
    if (error < 0)
        return error;
    self->room = room;
    put_in_buckets(self);
    return 0;
}

int mw_slots_init(struct mw_slots *self, struct mw_tracks *tracks,
                  const struct mw_heap_type *subject_type, const struct mw_heap_type *table_type,
                  uint32_t limit)
{
    *self = (struct mw_slots){
        .tracks = tracks,
        .subject_type = subject_type,
        .table_type = table_type,
        .limit = limit,
        .free = MW_SLOT_NONE,
        .oldest_dead = MW_SLOT_NONE,
        .newest_dead = MW_SLOT_NONE,
    };
    return grow(self);
}

void mw_slots_deinit(struct mw_slots *self)
{
    if (self->tracks != NULL)
        mw_global_destroy(self->tracks->heap, self->table);
    free(self->slots);
    free(self->buckets);
}

size_t mw_slots_bytes(const struct mw_slots *self)
{
    const size_t subject = (1 + MW_SUBJECT_FIELDS) * sizeof(uint64_t);

    return self->room * (sizeof(*self->slots) + sizeof(*self->buckets) + sizeof(uint64_t)) +
           (self->alive + (size_t)self->dead) * subject + self->who_bytes;
}

struct mw_ref mw_slots_subject(const struct mw_slots *self, uint32_t slot)
{
    struct mw_heap *heap = self->tracks->heap;

    return mw_heap_get(heap, mw_global_get(heap, self->table), slot);
}

uint32_t mw_slots_find(const struct mw_slots *self, struct mw_block_key key)
{
    uint32_t slot = key.id != 0 ? *bucket_of(self, key) : MW_SLOT_NONE;

    while (slot != MW_SLOT_NONE && !same(self->slots[slot].key, key))
        slot = self->slots[slot].chain;
    return slot;
}

/* ---- the dead ---- */

void mw_slots_charge(struct mw_slots *self, uint32_t at, size_t bytes)
{
    struct mw_slot *slot = &self->slots[at];

    self->who_bytes += bytes;
    self->who_bytes -= slot->who_bytes;
    slot->who_bytes = (uint16_t)bytes;
}

static void unlink_dead(struct mw_slots *self, uint32_t at)
{
    const struct mw_slot *slot = &self->slots[at];

    mw_slots_charge(self, at, 0);
    if (slot->older != MW_SLOT_NONE)
        self->slots[slot->older].newer = slot->newer;
    else
        self->oldest_dead = slot->newer;
    if (slot->newer != MW_SLOT_NONE)
        self->slots[slot->newer].older = slot->older;
    else
        self->newest_dead = slot->older;
    self->dead--;
}

void mw_slots_bury(struct mw_slots *self, uint32_t at, int64_t time, uint64_t tick)
{
    struct mw_slot *slot = &self->slots[at];

    slot->alive = false;
    slot->end = time;
    slot->end_tick = tick;
    slot->older = self->newest_dead;
    slot->newer = MW_SLOT_NONE;
    if (self->newest_dead != MW_SLOT_NONE)
        self->slots[self->newest_dead].newer = at;
    else
        self->oldest_dead = at;
    self->newest_dead = at;
    self->alive--;
    self->dead++;
}

static void remove_from_bucket(struct mw_slots *self, uint32_t at)
{
    uint32_t *link = bucket_of(self, self->slots[at].key);

    while (*link != at)
        link = &self->slots[*link].chain;
    *link = self->slots[at].chain;
}

size_t mw_slots_forget(struct mw_slots *self)
{
    struct mw_heap *heap = self->tracks->heap;
    MW_SCOPE(scope, heap);
    uint32_t at = self->oldest_dead;
    size_t bytes;

    if (at == MW_SLOT_NONE)
        return 0;
    bytes = mw_track_bytes(self->tracks, mw_slots_subject(self, at));
    self->tracks->bytes -= bytes;
    bytes += self->slots[at].who_bytes;
    mw_heap_set(heap, mw_global_get(heap, self->table), at, mw_ref_none());
    unlink_dead(self, at);
    remove_from_bucket(self, at);
    self->slots[at].key.id = 0;
    self->slots[at].chain = self->free;
    self->free = at;
    return bytes + (1 + MW_SUBJECT_FIELDS) * sizeof(uint64_t);
}

/* ---- the living ---- */

static uint32_t take_free(struct mw_slots *self)
{
    uint32_t at = self->free;

    if (at != MW_SLOT_NONE)
        self->free = self->slots[at].chain;
    else
        at = self->used++;
    return at;
}

static int make_room(struct mw_slots *self)
{
    if (self->free != MW_SLOT_NONE || self->used < self->room) {
        if (self->alive + self->dead < self->limit)
            return 0;
    } else if (self->room < self->limit) {
        return grow(self);
    }
    if (mw_slots_forget(self) == 0)
        return -ENOSPC;
    self->forgotten++;
    return 0;
}

static int bear(struct mw_slots *self, struct mw_block_key key, int64_t time, uint32_t *ret)
{
    struct mw_heap *heap = self->tracks->heap;
    MW_SCOPE(scope, heap);
    int error = make_room(self);
    struct mw_ref subject;
    uint32_t *bucket, at;

    if (error < 0)
        return error;
    subject = mw_heap_new_in(heap, self->subject_type, MW_PLACE_OLD);
    if (mw_ref_is_none(subject))
        return mw_history_heap_error(heap);
    at = take_free(self);
    bucket = bucket_of(self, key);
    mw_heap_set(heap, mw_global_get(heap, self->table), at, subject);
    self->slots[at] =
        (struct mw_slot){.key = key, .chain = *bucket, .alive = true, .begin = time, .end = time};
    *bucket = at;
    self->alive++;
    *ret = at;
    return 0;
}

int mw_slots_revive(struct mw_slots *self, struct mw_block_key key, int64_t time, uint32_t *ret)
{
    uint32_t at = mw_slots_find(self, key);

    if (at == MW_SLOT_NONE)
        return bear(self, key, time, ret);
    if (self->slots[at].alive)
        return -EEXIST;
    unlink_dead(self, at);
    self->slots[at].alive = true;
    self->alive++;
    *ret = at;
    return 0;
}
