#include "sample/seal.h"

#include "sample/derive_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The newest block of one source. */
struct feed {
    struct mw_block *block;
    uint64_t offered_ns;
    bool fresh; /* it came since the last sample */
};

/* One instant on both clocks. */
struct instant {
    int64_t ms;
    uint64_t ns;
};

struct mw_sealer {
    struct feed feeds[MW_SOURCE_COUNT];
    struct mw_derivation *derivation;
    uint64_t stale_after_ns;
    struct instant last; /* of the last sample */
    bool last_urgent;
    bool beat_owed; /* a system block came since rates were computed */
    uint64_t seq;
    uint64_t absences[MW_ABSENCE_COUNT];
};

struct mw_sample {
    atomic_uint references;
    uint64_t seq;
    struct instant time;
    bool urgent;
    struct mw_block *blocks[MW_SOURCE_COUNT];
    bool stale[MW_SOURCE_COUNT];
    bool fresh[MW_SOURCE_COUNT];
    struct mw_derived derived[]; /* by column of MW_SOURCE_DERIVED */
};

int mw_sealer_create(struct mw_sealer **ret)
{
    struct mw_sealer *self = calloc(1, sizeof(*self));
    int error = -ENOMEM;

    if (self == NULL)
        return error;
    self->stale_after_ns = UINT64_MAX;
    error = mw_derivation_create(&self->derivation);
    if (error < 0)
        goto fail;
    *ret = self;
    return 0;

fail:
    mw_sealer_destroy(self);
    return error;
}

struct mw_sealer *mw_sealer_destroy(struct mw_sealer *self)
{
    if (self != NULL) {
        for (int i = 0; i < MW_SOURCE_COUNT; i++)
            mw_block_unref(self->feeds[i].block);
        mw_derivation_destroy(self->derivation);
        free(self);
    }
    return NULL;
}

void mw_sealer_set_stale_after(struct mw_sealer *self, uint64_t ns)
{
    self->stale_after_ns = ns;
}

void mw_sealer_offer(struct mw_sealer *self, struct mw_block *block, uint64_t now_ns)
{
    uint32_t source = mw_block_head(block)->source;
    struct feed *feed = &self->feeds[source];

    mw_block_ref(block);
    mw_block_unref(feed->block);
    *feed = (struct feed){block, now_ns, true};
    self->beat_owed = self->beat_owed || source == MW_SOURCE_SYSTEM;
}

/* ---- sealing ---- */

static bool feed_stale(const struct mw_sealer *self, enum mw_source source, uint64_t now_ns)
{
    const struct feed *feed = &self->feeds[source];

    return feed->block == NULL ||
           (now_ns > feed->offered_ns && now_ns - feed->offered_ns > self->stale_after_ns);
}

/* Readings of the computed sources are as late as what they are computed from. */
static enum mw_source origin(enum mw_source source)
{
    switch (source) {
    case MW_SOURCE_DERIVED:
        return MW_SOURCE_SYSTEM;
    case MW_SOURCE_SUBJECT:
        return MW_SOURCE_PROCESS;
    default:
        return source;
    }
}

static void count_block(struct mw_sealer *self, const struct mw_sample *sample,
                        enum mw_source source)
{
    const struct mw_block *block = sample->blocks[source];
    uint32_t singles = mw_kind_has_one_subject(mw_source_kind(source)) ? 1 : 0;
    uint32_t rows = block != NULL ? mw_block_head(block)->live : singles;

    if (sample->stale[source]) {
        self->absences[MW_ABSENT_STALE] += (uint64_t)rows * mw_source_columns(source);
        return;
    }
    for (int i = MW_PRESENT + 1; i < MW_ABSENCE_COUNT; i++)
        self->absences[i] += mw_block_head(block)->absent[i];
}

static void count_derived(struct mw_sealer *self, const struct mw_sample *sample)
{
    for (uint16_t i = 0; i < mw_source_columns(MW_SOURCE_DERIVED); i++)
        if (sample->stale[MW_SOURCE_DERIVED])
            self->absences[MW_ABSENT_STALE]++;
        else if (sample->derived[i].absence != MW_PRESENT)
            self->absences[sample->derived[i].absence]++;
}

static void count_absences(struct mw_sealer *self, const struct mw_sample *sample)
{
    count_block(self, sample, MW_SOURCE_SYSTEM);
    count_block(self, sample, MW_SOURCE_PROCESS);
    count_block(self, sample, MW_SOURCE_SELF);
    count_block(self, sample, MW_SOURCE_DAEMON);
    count_block(self, sample, MW_SOURCE_HEAP);
    count_block(self, sample, MW_SOURCE_QUEUE);
    count_block(self, sample, MW_SOURCE_CACHE);
    count_block(self, sample, MW_SOURCE_SERVICE);
    count_derived(self, sample);
}

static void take_feeds(const struct mw_sealer *self, struct mw_sample *sample, uint64_t now_ns)
{
    for (int i = 0; i < MW_SOURCE_COUNT; i++) {
        struct mw_block *block = self->feeds[i].block;

        sample->blocks[i] = block != NULL ? mw_block_ref(block) : NULL;
        sample->stale[i] = feed_stale(self, origin((enum mw_source)i), now_ns);
        sample->fresh[i] = self->feeds[origin((enum mw_source)i)].fresh;
    }
}

static void end_freshness(struct mw_sealer *self)
{
    for (int i = 0; i < MW_SOURCE_COUNT; i++)
        self->feeds[i].fresh = false;
}

static struct instant instant_of(const struct feed *feed)
{
    const struct mw_block_head *head = mw_block_head(feed->block);

    return (struct instant){head->time_ms, head->time_ns};
}

static struct instant later(struct instant a, struct instant b)
{
    return b.ns > a.ns ? b : a;
}

/* Behind an urgent sample no time goes back: the system block of a beat may have been read before
 * what was urgent and come after it. Between beats it may, as the clock of a recording does. */
static void stamp(struct mw_sealer *self, struct mw_sample *sample)
{
    struct instant time = instant_of(&self->feeds[MW_SOURCE_SYSTEM]);

    for (int i = 0; sample->urgent && i < MW_SOURCE_COUNT; i++)
        if (self->feeds[i].fresh)
            time = later(time, instant_of(&self->feeds[i]));
    if (self->last_urgent)
        time = later(time, self->last);
    sample->seq = ++self->seq;
    sample->time = time;
    self->last = time;
    self->last_urgent = sample->urgent;
}

static void derive(struct mw_sealer *self, struct mw_sample *sample)
{
    const struct feed *system = &self->feeds[MW_SOURCE_SYSTEM];

    if (sample->urgent && system->fresh)
        mw_derivation_update_urgent(self->derivation, system->block);
    if (!sample->urgent && self->beat_owed) {
        mw_derivation_update(self->derivation, system->block);
        self->beat_owed = false;
    }
    memcpy(sample->derived, mw_derivation_values(self->derivation),
           mw_source_columns(MW_SOURCE_DERIVED) * sizeof(sample->derived[0]));
}

static int seal(struct mw_sealer *self, uint64_t now_ns, bool urgent, struct mw_sample **ret)
{
    const struct mw_block *system = self->feeds[MW_SOURCE_SYSTEM].block;
    const size_t derived = mw_source_columns(MW_SOURCE_DERIVED) * sizeof(struct mw_derived);
    struct mw_sample *sample;

    if (system == NULL)
        return -ENODATA;
    sample = calloc(1, sizeof(*sample) + derived);
    if (sample == NULL)
        return -ENOMEM;
    atomic_init(&sample->references, 1);
    sample->urgent = urgent;
    take_feeds(self, sample, now_ns);
    stamp(self, sample);
    derive(self, sample);
    end_freshness(self);
    if (!urgent)
        count_absences(self, sample);
    *ret = sample;
    return 0;
}

int mw_sealer_seal(struct mw_sealer *self, uint64_t now_ns, struct mw_sample **ret)
{
    return seal(self, now_ns, false, ret);
}

int mw_sealer_seal_urgent(struct mw_sealer *self, uint64_t now_ns, struct mw_sample **ret)
{
    return seal(self, now_ns, true, ret);
}

const uint64_t *mw_sealer_absences(const struct mw_sealer *self)
{
    return self->absences;
}

/* ---- samples ---- */

struct mw_sample *mw_sample_ref(struct mw_sample *self)
{
    atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    return self;
}

struct mw_sample *mw_sample_unref(struct mw_sample *self)
{
    if (self != NULL &&
        atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) == 1) {
        for (int i = 0; i < MW_SOURCE_COUNT; i++)
            mw_block_unref(self->blocks[i]);
        free(self);
    }
    return NULL;
}

uint64_t mw_sample_seq(const struct mw_sample *self)
{
    return self->seq;
}

int64_t mw_sample_time_ms(const struct mw_sample *self)
{
    return self->time.ms;
}

uint64_t mw_sample_time_ns(const struct mw_sample *self)
{
    return self->time.ns;
}

bool mw_sample_urgent(const struct mw_sample *self)
{
    return self->urgent;
}

bool mw_sample_fresh(const struct mw_sample *self, enum mw_source source)
{
    return self->fresh[source];
}

bool mw_sample_stale(const struct mw_sample *self, enum mw_source source)
{
    return self->stale[source];
}

const struct mw_block *mw_sample_block(const struct mw_sample *self, enum mw_source source)
{
    return self->blocks[source];
}

enum mw_absence mw_sample_get(const struct mw_sample *self, enum mw_reading reading, uint32_t row,
                              union mw_value *ret)
{
    const struct mw_reading_info *info = mw_reading_info(reading);
    const struct mw_derived *derived;

    assert(info->source != MW_SOURCE_SUBJECT);
    if (self->stale[info->source])
        return MW_ABSENT_STALE;
    if (info->source != MW_SOURCE_DERIVED)
        return mw_block_get(self->blocks[info->source], reading, row, ret);
    derived = &self->derived[info->column];
    if (derived->absence == MW_PRESENT)
        *ret = derived->value;
    return derived->absence;
}
