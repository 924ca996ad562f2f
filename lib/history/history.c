#include "history/history_internal.h"

#include <stdlib.h>

enum {
    BYTES_DEFAULT = 24 << 20,
    INTERVAL_MIN_MS = 10,
    TICKS_MAX = 10000000,
    MINUTES_MAX = 1000 * 24 * 60,
    TOP_MAX = 1000,
    SUBJECTS_MAX = 1000000,
    SUBJECT_BYTES = 256, /* that one takes at most of which nothing but its life is known */
    SUBJECTS_PART = 4,   /* of all bytes are for them */
    SLACK = 8            /* ticks that an axis has room for beside its time */
};

#define WALL_MAX_MS (INT64_C(1) << 53)
#define DAY_MS (24 * INT64_C(3600000))

/* ---- birth and death ---- */

void mw_history_config_default(struct mw_history_config *ret)
{
    *ret = (struct mw_history_config){
        .interval_ms = 1000,
        .slow_ms = 10000,
        .recent_ms = 3600000,
        .minutes_ms = (uint64_t)DAY_MS,
        .top = 50,
        .subjects = 10000,
        .bytes = BYTES_DEFAULT,
    };
}

size_t mw_history_bytes_min(void)
{
    size_t bytes = 0;

    for (enum mw_kind kind = 0; kind < MW_KIND_COUNT; kind++)
        if (mw_kind_has_one_subject(kind))
            bytes += mw_wide_bytes_min(kind);
    return bytes;
}

static bool is_sound(const struct mw_history_config *config)
{
    return config->interval_ms >= INTERVAL_MIN_MS && config->slow_ms >= config->interval_ms &&
           config->slow_ms <= (uint64_t)DAY_MS && config->recent_ms >= config->interval_ms &&
           config->recent_ms / config->interval_ms <= TICKS_MAX &&
           config->minutes_ms >= MW_HISTORY_MINUTE_MS &&
           config->minutes_ms / MW_HISTORY_MINUTE_MS <= MINUTES_MAX && config->top >= 1 &&
           config->top <= TOP_MAX && config->subjects >= 1 && config->subjects <= SUBJECTS_MAX &&
           config->bytes >= mw_history_bytes_min();
}

static int make_axes(struct mw_history *self)
{
    static const struct mw_heap_type_info info = {"HistoryTimes", MW_KIND_BYTES, 0, NULL, 0, NULL};
    const struct mw_heap_type *type;
    int error = mw_heap_add_type(self->heap, &info, &type);

    if (error == 0)
        error = mw_axis_init(&self->axes[MW_TIER_RECENT], self->heap, type,
                             self->config.recent_ms / self->config.interval_ms + SLACK);
    if (error == 0)
        error = mw_axis_init(&self->axes[MW_TIER_MINUTES], self->heap, type,
                             self->config.minutes_ms / MW_HISTORY_MINUTE_MS + SLACK);
    return error;
}

static int make_wides(struct mw_history *self)
{
    int error = 0;

    for (enum mw_kind kind = 0; error == 0 && kind < MW_KIND_COUNT; kind++) {
        if (!mw_kind_has_one_subject(kind))
            continue;
        if (self->wide_count == MW_HISTORY_WIDE_MAX)
            return -E2BIG;
        error = mw_wide_init(&self->wides[self->wide_count++], self->store, kind, &self->config);
    }
    return error;
}

/* Who was there is remembered longer than what was: the one must leave room for the other. */
static uint32_t subjects_most(const struct mw_history_config *config)
{
    size_t most = config->bytes / SUBJECTS_PART / SUBJECT_BYTES + 1;

    return most < config->subjects ? (uint32_t)most : config->subjects;
}

static int make_groups(struct mw_history *self)
{
    struct mw_history_config config = self->config;
    int error = 0;

    config.subjects = subjects_most(&config);

    for (enum mw_source source = 0; error == 0 && source < MW_SOURCE_COUNT; source++) {
        if (source == MW_SOURCE_SUBJECT || mw_kind_has_one_subject(mw_source_kind(source)))
            continue;
        if (self->group_count == MW_HISTORY_GROUPS_MAX)
            return -E2BIG;
        error = mw_group_init(&self->groups[self->group_count++], &self->tracks, source, &config);
    }
    return error;
}

int mw_history_create(struct mw_store *store, const struct mw_history_config *config,
                      struct mw_history **ret)
{
    struct mw_history *self;
    int error;

    if (!is_sound(config))
        return -EINVAL;
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -ENOMEM;
    self->store = store;
    self->heap = mw_store_heap(store);
    self->config = *config;
    error = mw_tracks_init(&self->tracks, self->heap);
    if (error == 0)
        error = make_axes(self);
    if (error == 0)
        error = make_wides(self);
    if (error == 0)
        error = make_groups(self);
    if (error < 0) {
        mw_history_destroy(self);
        return error;
    }
    *ret = self;
    return 0;
}

struct mw_history *mw_history_destroy(struct mw_history *self)
{
    if (self == NULL)
        return NULL;
    for (unsigned i = 0; i < self->wide_count; i++)
        mw_wide_deinit(&self->wides[i]);
    for (unsigned i = 0; i < self->group_count; i++)
        mw_group_deinit(&self->groups[i]);
    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++)
        mw_axis_deinit(&self->axes[tier]);
    free(self);
    return NULL;
}

void mw_history_follow(struct mw_history *self, const struct mw_subjects *subjects)
{
    for (unsigned i = 0; i < self->group_count; i++)
        if (self->groups[i].source == MW_SOURCE_PROCESS)
            self->groups[i].subjects = subjects;
}

/* ---- time ---- */

static uint64_t mono_of(const struct mw_sample *sample)
{
    return mw_block_head(mw_sample_block(sample, MW_SOURCE_SYSTEM))->time_ns;
}

/* How much later this sample is than the last one, by the wall clock; by the other clock when the
 * wall clock was set back. Never 0. */
static int64_t elapsed(struct mw_history *self, int64_t wall, uint64_t mono_ns)
{
    int64_t passed = 1;

    if (wall > self->wall)
        return wall - self->wall;
    self->set_back++;
    if (mono_ns > self->mono_ns)
        passed = (int64_t)((mono_ns - self->mono_ns) / 1000000);
    return passed < 1 ? 1 : passed > DAY_MS ? DAY_MS : passed;
}

static void advance(struct mw_history *self, const struct mw_sample *sample)
{
    int64_t wall = mw_sample_time_ms(sample);
    uint64_t mono_ns = mono_of(sample);

    self->time = self->samples_seen == 0 ? wall : self->time + elapsed(self, wall, mono_ns);
    self->wall = wall;
    self->mono_ns = mono_ns;
    self->shift = wall - self->time;
    self->samples_seen++;
}

/* ---- adding ---- */

static int end_minute(struct mw_history *self)
{
    struct mw_axis *minutes = &self->axes[MW_TIER_MINUTES];
    uint64_t minute = minutes->end;
    int error = 0, failed;

    mw_axis_push(minutes, self->minute_time, false);
    for (unsigned i = 0; i < self->wide_count; i++) {
        failed = mw_wide_end_minute(&self->wides[i], self->minute_time);
        error = failed < 0 ? failed : error;
    }
    for (unsigned i = 0; i < self->group_count; i++) {
        failed = mw_group_end_minute(&self->groups[i], minute);
        error = failed < 0 ? failed : error;
    }
    return error;
}

/* Minutes are those of the wall clock. The first one begins with the first sample, for nothing is
 * known of what was before; one that the clock was set back into begins anew. */
static int turn_minute(struct mw_history *self)
{
    int64_t minute = self->wall / MW_HISTORY_MINUTE_MS, begin = self->time;
    bool first = self->samples_seen == 1;
    int error = 0;

    if (!first && minute == self->minute_wall)
        return 0;
    if (!first)
        error = end_minute(self);
    if (!first)
        begin -= self->wall % MW_HISTORY_MINUTE_MS;
    if (!first && begin <= self->minute_time)
        begin = self->minute_time + 1;
    self->minute_time = begin;
    self->minute_wall = minute;
    return error;
}

static int add_values(struct mw_history *self, const struct mw_sample *sample,
                      const struct mw_tick *tick)
{
    int error = 0, failed;

    for (unsigned i = 0; i < self->wide_count; i++) {
        failed = mw_wide_add(&self->wides[i], sample, tick->time);
        error = failed < 0 ? failed : error;
    }
    for (unsigned i = 0; i < self->group_count; i++) {
        failed = mw_group_add(&self->groups[i], sample, tick);
        error = failed < 0 ? failed : error;
    }
    return error;
}

static bool turn_slow(struct mw_history *self)
{
    int64_t slow = self->wall / (int64_t)self->config.slow_ms;
    bool turned = self->samples_seen == 1 || slow != self->slow_wall;

    self->slow_wall = slow;
    return turned;
}

int mw_history_apply(struct mw_history *self, const struct mw_sample *sample)
{
    struct mw_tick tick = {.last_time = self->time};
    int64_t wall = mw_sample_time_ms(sample);
    int error, failed;

    if (wall < 0 || wall > WALL_MAX_MS)
        return -EINVAL;
    if (self->samples_seen > 0 && wall == self->wall) {
        self->left_out++;
        return 0;
    }
    advance(self, sample);
    failed = turn_minute(self);
    tick.time = self->time;
    tick.slow = turn_slow(self);
    tick.tick = self->axes[MW_TIER_RECENT].end;
    tick.minute = self->axes[MW_TIER_MINUTES].end;
    mw_axis_push(&self->axes[MW_TIER_RECENT], tick.time, tick.slow);
    error = add_values(self, sample, &tick);
    mw_history_age(self);
    while (mw_history_bytes(self) > self->config.bytes && mw_history_shed(self) > 0)
        ;
    return error < 0 ? error : failed;
}

int mw_history_set_bytes(struct mw_history *self, size_t bytes)
{
    if (bytes < mw_history_bytes_min())
        return -EINVAL;
    if (bytes < self->config.bytes && bytes < mw_history_bytes(self))
        return -EBUSY;
    self->config.bytes = bytes;
    for (unsigned i = 0; i < self->group_count; i++)
        self->groups[i].slots.limit = subjects_most(&self->config);
    for (unsigned i = 0; i < self->wide_count; i++)
        mw_wide_set_bytes(&self->wides[i], bytes);
    return 0;
}

/* ---- numbers ---- */

static void get_tiers(const struct mw_history *self, struct mw_history_numbers *ret)
{
    const struct mw_axis *recent = &self->axes[MW_TIER_RECENT];
    const struct mw_axis *minutes = &self->axes[MW_TIER_MINUTES];

    ret->samples = recent->end - recent->first;
    ret->minutes = minutes->end - minutes->first;
    if (ret->samples > 0)
        ret->first_ms = mw_axis_time(recent, recent->first) + self->shift;
    if (ret->minutes > 0)
        ret->minutes_first_ms = mw_axis_time(minutes, minutes->first) + self->shift;
}

void mw_history_get_numbers(const struct mw_history *self, struct mw_history_numbers *ret)
{
    *ret = (struct mw_history_numbers){
        .last_ms = self->wall,
        .bytes = mw_history_bytes(self),
        .bytes_limit = self->config.bytes,
        .sheds = self->sheds,
        .shed_samples = self->shed_ticks[MW_TIER_RECENT],
        .shed_minutes = self->shed_ticks[MW_TIER_MINUTES],
        .left_out = self->left_out,
        .set_back = self->set_back,
    };
    get_tiers(self, ret);
    for (unsigned i = 0; i < self->wide_count; i++)
        ret->lost += self->wides[i].lost;
    for (unsigned i = 0; i < self->group_count; i++) {
        const struct mw_group *group = &self->groups[i];

        ret->lost += group->lost;
        ret->refused += group->refused;
        ret->forgotten += group->slots.forgotten;
        ret->alive += group->slots.alive;
        ret->dead += group->slots.dead;
        ret->watched += mw_group_watched(group);
    }
}

void mw_history_get_row(const struct mw_history *self, struct mw_store_row *ret)
{
    struct mw_history_numbers numbers;

    mw_history_get_numbers(self, &numbers);
    *ret = (struct mw_store_row){
        .kind = "cache",
        .count = 5,
        .numbers =
            {
                {"entries", MW_STORE_COUNT, false, false,
                 (double)(numbers.samples + numbers.minutes)},
                {"bytes", MW_STORE_BYTES, false, false, (double)numbers.bytes},
                {"bytesLimit", MW_STORE_BYTES, false, false, (double)numbers.bytes_limit},
                {"fillRatio", MW_STORE_RATIO, false, false,
                 (double)numbers.bytes / (double)numbers.bytes_limit},
                {"evictions", MW_STORE_COUNT, true, false,
                 (double)(numbers.shed_samples + numbers.shed_minutes)},
            },
    };
}
