/* How long objects of a type live, and what follows from it.
 *
 * Every few scavenges some of the objects born since the last one are looked at: those that were
 * copied have survived. They are the oldest of them, so the sample errs on the side of death. When
 * nearly all objects of a type survive, time after time, they are born old from then on, which
 * saves copying each of them twice. Such objects are not seen by scavenges any more, so what was
 * decided is forgotten now and then, after some full collections, and found out again.
 *
 * A type that is born old is not allocated in line: its `size` fits no memory, so that the inline
 * form, which knows nothing of this, takes the long way.
 */
#include "heap/heap_internal.h"

enum {
    SAMPLE_EVERY = 4,         /* scavenges */
    SAMPLE_BYTES = 64 * 1024, /* some 10 microseconds */
    SAMPLES_LEAST = 3,        /* for a decision, with such an object in each */
    OBJECTS_LEAST = 32,       /* in all of them together */
    REVIEW_EVERY = 8,         /* full collections */
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

/* On what earlier samples said. */
static void decide(struct mw_heap *self, struct mw_type_entry *entry)
{
    const struct mw_lifetime *lifetime = &entry->lifetime;

    if (lifetime->samples < SAMPLES_LEAST || lifetime->born < OBJECTS_LEAST)
        return;
    if (self->config.pretenure && mw_policy_pretenure(lifetime->born, lifetime->survived))
        set_pretenured(self, entry, true);
    entry->lifetime = (struct mw_lifetime){0};
}

static void count(struct mw_heap *self, struct mw_type_entry *entry, bool survived)
{
    struct mw_lifetime *lifetime = &entry->lifetime;
    uint64_t sample = self->scavenges / SAMPLE_EVERY + 1;

    if (lifetime->sample != sample) {
        decide(self, entry);
        lifetime->sample = sample;
        lifetime->samples++;
    }
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
            count(self, entry, survived);
    }
}

void mw_survival_review(struct mw_heap *self)
{
    uint64_t collections = self->counters.collections[MW_GC_MARK_SWEEP] + 1; /* with this one */

    if (self->counters.pretenured_types == 0 || collections % REVIEW_EVERY != 0)
        return;
    for (uint32_t i = MW_TYPE_FIRST; i < self->types.count; i++)
        set_pretenured(self, self->types.entries[i], false);
}
