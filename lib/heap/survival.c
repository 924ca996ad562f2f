/* How long objects of a type live, and what follows from it.
 *
 * Every few scavenges some of the objects born since the last one are looked at: those that were
 * copied have survived. They are the oldest of them, so the sample errs on the side of death.
 *
 * A full collection is where that is judged, on all samples since the one before. When nearly all
 * objects of a type survived through two such cycles in a row, they are born old from then on,
 * which saves copying each of them twice. One cycle is not enough: a program that builds what it
 * works on looks like that at first, and what it makes later would be garbage in the old space
 * (binary trees took twice as long).
 *
 * Objects born old are not seen by scavenges any more. So some of them are witnesses: their
 * addresses are kept until the next full collection, which says how many were worth their place. A
 * type of which three in four were not, twice in a row (once may be a cache that was dropped),
 * becomes young again, and needs twice as many good cycles the next time. So does one that meets
 * the limit: the new space may have room yet. And now and then what was decided is reviewed:
 * objects are born young again, and as soon as there are enough samples, these decide alone. (To
 * wait for two cycles once more, ring took 1.6 times as long.)
 *
 * A type that is born old is not allocated in line: its `size` fits no memory, so that the inline
 * form, which knows nothing of this, takes the long way.
 */
#include "heap/heap_internal.h"

enum {
    SAMPLE_EVERY = 4,         /* scavenges */
    SAMPLE_BYTES = 64 * 1024, /* some 10 microseconds */
    SAMPLES_LEAST = 3,        /* for a judgement, with such an object in each */
    OBJECTS_LEAST = 32,       /* in all of them together */
    CYCLES_LEAST = 2,         /* between full collections, good ones in a row, for a decision */
    REVIEW_EVERY = 8,         /* full collections */
    WITNESSES_LEAST = 8,      /* of a type, for a judgement */
    WITNESS_EVERY = 16,       /* objects, at first */
    DOUBTS_MOST = 2,          /* full collections in a row */
    STRIKES_MAX = 8,
};

static void set_pretenured(struct mw_heap *self, struct mw_type_entry *entry, bool pretenured)
{
    if (entry->pretenured == pretenured)
        return;
    entry->pretenured = pretenured;
    self->counters.pretenured_types += pretenured ? 1 : (size_t)-1;
    if (mw_type_is_record(entry))
        entry->type.size = pretenured ? SIZE_MAX : mw_header_bytes(entry->type.header);
}

/* ---- witnesses ---- */

/* Evenly spread over all that is born old between two full collections: when the table is full,
 * every second one leaves, and half as many come from then on. */
void mw_survival_witness(struct mw_heap *self, const uintptr_t *object)
{
    struct mw_witnesses *witnesses = &self->witnesses;

    if (witnesses->count == MW_WITNESSES_MAX) {
        witnesses->count /= 2;
        for (uint32_t i = 0; i < witnesses->count; i++)
            witnesses->at[i] = witnesses->at[(size_t)2 * i];
        witnesses->thinned++;
    }
    witnesses->skipped = ((uint64_t)WITNESS_EVERY << witnesses->thinned) - 1;
    witnesses->at[witnesses->count++] = (uintptr_t)object;
}

static void hear_witnesses(struct mw_heap *self)
{
    struct mw_witnesses *witnesses = &self->witnesses;

    for (uint32_t i = 0; i < witnesses->count; i++) {
        uint64_t header = *(const uint64_t *)witnesses->at[i];
        struct mw_lifetime *lifetime = &self->types.entries[mw_header_type(header)]->lifetime;

        lifetime->witnesses++;
        lifetime->alive += mw_mark_test(witnesses->at[i]);
    }
    *witnesses = (struct mw_witnesses){0};
}

/* ---- judging ---- */

static void revoke(struct mw_heap *self, struct mw_type_entry *entry)
{
    struct mw_lifetime *lifetime = &entry->lifetime;

    lifetime->doubts = 0;
    lifetime->strikes += lifetime->strikes < STRIKES_MAX;
    set_pretenured(self, entry, false);
}

static void judge_old(struct mw_heap *self, struct mw_type_entry *entry)
{
    struct mw_lifetime *lifetime = &entry->lifetime;

    if (lifetime->witnesses >= WITNESSES_LEAST)
        lifetime->doubts = 4 * lifetime->alive < lifetime->witnesses ? lifetime->doubts + 1 : 0;
    lifetime->witnesses = lifetime->alive = 0;
    if (lifetime->doubts == DOUBTS_MOST)
        revoke(self, entry);
}

/* There is no room for it. */
void mw_survival_revoke(struct mw_heap *self, const struct mw_heap_type *type)
{
    revoke(self, mw_type_entry(type));
}

static bool has_samples(const struct mw_lifetime *self)
{
    return self->samples >= SAMPLES_LEAST && self->born >= OBJECTS_LEAST;
}

/* Whether nearly all survived of those in the samples, which are forgotten. */
static bool judge_samples(struct mw_lifetime *self)
{
    bool survive = mw_policy_pretenure(self->born, self->survived);

    self->samples = self->born = self->survived = 0;
    return survive;
}

/* On what the samples since the last full collection said. */
static void judge_young(struct mw_heap *self, struct mw_type_entry *entry)
{
    struct mw_lifetime *lifetime = &entry->lifetime;

    if (!has_samples(lifetime))
        return;
    lifetime->cycles = judge_samples(lifetime) ? lifetime->cycles + 1 : 0;
    if (!self->config.pretenure || lifetime->cycles < (uint32_t)CYCLES_LEAST << lifetime->strikes)
        return;
    lifetime->cycles = 0;
    set_pretenured(self, entry, true);
}

/* ---- reviews ---- */

static void begin_review(struct mw_heap *self, struct mw_type_entry *entry)
{
    struct mw_lifetime *lifetime = &entry->lifetime;

    *lifetime = (struct mw_lifetime){
        .sample = lifetime->sample, .strikes = lifetime->strikes, .review = true};
    self->types.reviews++;
    set_pretenured(self, entry, false);
}

static void end_review(struct mw_heap *self, struct mw_type_entry *entry)
{
    self->types.reviews -= entry->lifetime.review;
    entry->lifetime.review = false;
}

/* After samples were taken. */
static void judge_reviews(struct mw_heap *self)
{
    for (uint32_t i = MW_TYPE_FIRST; self->types.reviews > 0 && i < self->types.count; i++) {
        struct mw_type_entry *entry = self->types.entries[i];

        if (!entry->lifetime.review || !has_samples(&entry->lifetime))
            continue;
        end_review(self, entry);
        set_pretenured(self, entry, judge_samples(&entry->lifetime));
    }
}

void mw_survival_review(struct mw_heap *self)
{
    uint64_t collections = self->counters.collections[MW_GC_MARK_SWEEP] +
                           self->counters.collections[MW_GC_MARK_COMPACT] + 1; /* with this one */

    hear_witnesses(self);
    for (uint32_t i = MW_TYPE_FIRST; i < self->types.count; i++) {
        struct mw_type_entry *entry = self->types.entries[i];

        end_review(self, entry);
        if (!entry->pretenured)
            judge_young(self, entry);
        else if (collections % REVIEW_EVERY == 0)
            begin_review(self, entry);
        else
            judge_old(self, entry);
    }
}

/* ---- samples ---- */

static void count(struct mw_type_entry *entry, uint64_t sample, bool survived)
{
    struct mw_lifetime *lifetime = &entry->lifetime;

    lifetime->samples += lifetime->sample != sample;
    lifetime->sample = sample;
    lifetime->born++;
    lifetime->survived += survived;
    entry->born++;
    entry->survived += survived;
}

void mw_survival_sample(struct mw_heap *self, const char *start, const char *end)
{
    if (self->scavenges++ % SAMPLE_EVERY != 0)
        return;
    if (end - start > SAMPLE_BYTES)
        end = start + SAMPLE_BYTES;
    while (start < end) {
        uint64_t header = *(const uint64_t *)(const void *)start;
        bool survived = header & MW_FLAG_FORWARDED;
        struct mw_type_entry *entry;

        if (survived)
            header = *(uint64_t *)(uintptr_t)(header - MW_FLAG_FORWARDED);
        start += mw_header_bytes(header);
        entry = self->types.entries[mw_header_type(header)];
        if (entry != NULL)
            count(entry, self->scavenges / SAMPLE_EVERY + 1, survived);
    }
    judge_reviews(self);
}
