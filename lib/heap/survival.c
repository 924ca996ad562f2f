/* How long objects of a type live, and what follows from it.
 *
 * Every few scavenges some of the objects born since the last one are looked at: those that were
 * copied have survived. They are the oldest of them, so the sample errs on the side of death. When
 * nearly all objects of a type survive, time after time, they are born old from then on, which
 * saves copying each of them twice.
 *
 * A program that builds something large looks just so, until it is done and goes on with what dies
 * young; and garbage in the old space is dear. So the question stays open: after each scavenge the
 * first few kilobytes of such a type are born young all the same, as a probe, and a scavenge is due
 * when so much has been born old as two halves hold. If the probe dies, the type is young again at
 * once, and it takes twice as many samples to have it born old the next time.
 *
 * A type that is born old is not allocated in line: its `size` fits no memory, so that the inline
 * form, which knows nothing of this, takes the long way.
 */
#include "heap/heap_internal.h"

enum {
    SAMPLE_EVERY = 4,         /* scavenges; every one while there are probes */
    SAMPLE_BYTES = 64 * 1024, /* some 10 microseconds */
    SAMPLES_LEAST = 3,        /* for a decision, with such an object in each */
    OBJECTS_LEAST = 32,       /* in all of them together */
    PROBE_BYTES = 16 * 1024,
    PROBE_OBJECTS = 8,
    FAILURES_MAX = 10,
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
    struct mw_lifetime *lifetime = &entry->lifetime;
    uint32_t samples = entry->pretenured ? 1 : (uint32_t)SAMPLES_LEAST << lifetime->failures;
    uint32_t objects = entry->pretenured ? PROBE_OBJECTS : OBJECTS_LEAST;
    bool survive = mw_policy_pretenure(lifetime->born, lifetime->survived);

    if (lifetime->samples < samples || lifetime->born < objects)
        return;
    if (entry->pretenured && !survive && lifetime->failures < FAILURES_MAX)
        lifetime->failures++;
    set_pretenured(self, entry, survive && self->config.pretenure);
    lifetime->samples = lifetime->born = lifetime->survived = 0;
}

static void count(struct mw_heap *self, struct mw_type_entry *entry, bool survived)
{
    struct mw_lifetime *lifetime = &entry->lifetime;
    uint64_t sample = self->scavenges;

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
    bool due = self->scavenges % SAMPLE_EVERY == 0 || self->counters.pretenured_types > 0;

    self->scavenges++;
    self->born_old = 0;
    if (!due)
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

/* ---- probes ---- */

bool mw_survival_is_born_old(const struct mw_heap *self, const struct mw_type_entry *entry)
{
    const struct mw_lifetime *lifetime = &entry->lifetime;

    return entry->pretenured && lifetime->probe == self->scavenges &&
           lifetime->probed >= PROBE_BYTES;
}

void mw_survival_probe(struct mw_heap *self, struct mw_type_entry *entry, size_t bytes)
{
    struct mw_lifetime *lifetime = &entry->lifetime;

    if (lifetime->probe != self->scavenges)
        lifetime->probed = 0;
    lifetime->probe = self->scavenges;
    lifetime->probed += bytes;
}

bool mw_survival_is_due(const struct mw_heap *self)
{
    return self->born_old >= 2 * self->nursery.capacity;
}
