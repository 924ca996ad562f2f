#include "tests/support/synthetic.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(int error, const char *what)
{
    if (error < 0) {
        fprintf(stderr, "synthetic: %s: %s\n", what, strerror(-error));
        abort();
    }
}

/* splitmix64 */
static uint64_t next(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t synthetic_random(uint64_t *seed, uint64_t bound)
{
    return next(seed) % bound;
}

/* ---- values ---- */

static union mw_value wild_value(uint64_t *seed, enum mw_value_type type)
{
    static const uint64_t edges[] = {
        0,          1,          9,          10,          99,         100,
        999,        1000,       UINT32_MAX, INT64_MAX,   1ULL << 63, (1ULL << 53) - 1,
        1ULL << 53, UINT64_MAX, 9999999999, 10000000000,
    };
    union mw_value value = {.u = next(seed) >> synthetic_random(seed, 64)};

    if (type == MW_VALUE_TEXT)
        value.u = (unsigned char)"RSDTtZIX\"\\"[synthetic_random(seed, 10)];
    else if (type != MW_VALUE_F64 && synthetic_random(seed, 4) == 0)
        value.u = edges[synthetic_random(seed, sizeof(edges) / sizeof(edges[0]))];
    else if (type == MW_VALUE_F64 && (synthetic_random(seed, 2) || !isfinite(value.f)))
        value.f = (double)(int64_t)next(seed) / (double)(1ULL << synthetic_random(seed, 64));
    return value;
}

static union mw_value tame_value(uint64_t *seed, const struct mw_reading_info *info)
{
    switch (info->unit) {
    case MW_UNIT_BYTES:
        return (union mw_value){.u = 4096 * synthetic_random(seed, 200000)};
    case MW_UNIT_EPOCH_MS:
        return (union mw_value){.u = UINT64_C(1795370000000) + synthetic_random(seed, 100000)};
    case MW_UNIT_WORD:
        return (union mw_value){.u = (unsigned char)"RSSSD"[synthetic_random(seed, 5)]};
    default:
        if (info->value == MW_VALUE_F64)
            return (union mw_value){.f = (double)synthetic_random(seed, 10000) / 100};
        return (union mw_value){.u = synthetic_random(seed, 30000)};
    }
}

static enum mw_absence draw_absence(uint64_t *seed, unsigned percent)
{
    if (synthetic_random(seed, 100) >= percent)
        return MW_PRESENT;
    return (enum mw_absence)(1 + synthetic_random(seed, MW_ABSENCE_COUNT - 1));
}

static void fill_row(struct mw_block *block, enum mw_source source, uint32_t row,
                     const struct synthetic_options *options, uint64_t *seed)
{
    enum mw_reading first = mw_source_first(source);

    for (enum mw_reading i = first; i < first + mw_source_columns(source); i++) {
        const struct mw_reading_info *info = mw_reading_info(i);
        enum mw_absence absence = draw_absence(seed, options->absent_percent);

        if (absence != MW_PRESENT)
            mw_block_put_absent(block, i, row, absence);
        else if (options->wild)
            mw_block_put(block, i, row, wild_value(seed, info->value));
        else
            mw_block_put(block, i, row, tame_value(seed, info));
    }
}

/* ---- texts ---- */

static size_t wild_text(uint64_t *seed, char *ret)
{
    static const char *const pieces[] = {"\"",           "\\",
                                         "\n",           "\x7f",
                                         "\x01",         "/",
                                         "a b",          "\xc3\xa9",
                                         "\xe2\x82\xac", "\xf0\x9f\x90\xa7",
                                         "\xe2\x80\xa8", "<b>",
                                         "\xff",         "(sd-pam)",
                                         "worker",       "\t"};
    char raw[160];
    char *end = raw;

    raw[0] = '\0';
    for (uint64_t i = synthetic_random(seed, 12); i > 0; i--)
        end = stpcpy(end, pieces[synthetic_random(seed, sizeof(pieces) / sizeof(pieces[0]))]);
    return mw_utf8_escape(raw, (size_t)(end - raw), ret, 4 * sizeof(raw));
}

static void tell_text(struct mw_block *block, enum mw_block_event_type type, uint32_t row,
                      const struct synthetic_options *options, uint64_t *seed)
{
    enum mw_absence absence = draw_absence(seed, options->absent_percent);
    char text[640];
    size_t size;

    if (options->wild)
        size = wild_text(seed, text);
    else if (type == MW_EVENT_NAME)
        size = (size_t)snprintf(text, sizeof(text), "worker-%u", row % 1000);
    else
        size = (size_t)snprintf(text, sizeof(text), "/system.slice/worker-%u.service", row % 100);
    need(mw_block_add_event(block, type, row, absence, absence ? NULL : text, absence ? 0 : size),
         "event");
}

/* ---- blocks ---- */

static void offer(struct synthetic *self, struct mw_block *block)
{
    mw_block_set_time(block, 1, SYNTHETIC_TIME_S * INT64_C(1000) + SYNTHETIC_TIME_MS, 1000000);
    need(mw_block_finish(block), "finish");
    mw_sealer_offer(self->sealer, block, 1000000);
}

static struct mw_block *take(struct synthetic *self, enum mw_source source, uint32_t rows)
{
    struct mw_block *block = NULL;

    need(mw_block_pool_create(source, &self->pools[source]), "pool");
    need(mw_block_take(self->pools[source], NULL, rows, &block), "take");
    return block;
}

static void make_single(struct synthetic *self, enum mw_source source,
                        const struct synthetic_options *options)
{
    struct mw_block *block = take(self, source, 1);

    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    fill_row(block, source, 0, options, &self->seed);
    offer(self, block);
    mw_block_unref(block);
}

/* The kernel says nothing of the memory of its own threads in their status files. */
static void strip_to_kernel_thread(struct mw_block *block, uint32_t row)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_PROCESS);

    for (enum mw_reading i = first; i < first + mw_source_columns(MW_SOURCE_PROCESS); i++) {
        const struct mw_reading_info *info = mw_reading_info(i);

        if (info->unit == MW_UNIT_BYTES && strcmp(info->file, "/proc/PID/status") == 0)
            mw_block_put_absent(block, i, row, MW_ABSENT_UNSUPPORTED);
        else if (info->unit == MW_UNIT_BYTES)
            mw_block_put(block, i, row, (union mw_value){0});
    }
}

/* Pids are all different and in no order. */
static void make_process(struct synthetic *self, struct mw_block *block, uint32_t row,
                         const struct synthetic_options *options)
{
    uint64_t pid = 1 + (uint64_t)row * UINT64_C(7919) % 4194301;
    enum mw_absence absence = draw_absence(&self->seed, options->absent_percent);
    uint64_t birth = UINT64_C(1795300000000) + synthetic_random(&self->seed, 70000000);

    mw_block_set_key(block, row, (struct mw_block_key){pid, absence == MW_PRESENT ? birth : 0});
    need(mw_block_add_event(block, MW_EVENT_BORN, row, absence, NULL, 0), "event");
    tell_text(block, MW_EVENT_NAME, row, options, &self->seed);
    tell_text(block, MW_EVENT_CGROUP, row, options, &self->seed);
    fill_row(block, MW_SOURCE_PROCESS, row, options, &self->seed);
    if (synthetic_random(&self->seed, 100) < options->kernel_thread_percent)
        strip_to_kernel_thread(block, row);
}

static void make_processes(struct synthetic *self, const struct synthetic_options *options)
{
    uint32_t rows = options->processes;
    struct mw_block *block = take(self, MW_SOURCE_PROCESS, rows ? rows : 1);

    for (uint32_t row = 0; row < rows; row++)
        if (!options->free_every || row % options->free_every)
            make_process(self, block, row, options);
    offer(self, block);
    need(mw_subjects_apply(self->subjects, block), "apply");
    mw_block_unref(block);
}

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    (void)context;
    fprintf(stderr, "synthetic: misuse of the heap: %s at %s\n", misuse->what, misuse->where);
    abort();
}

static void make_subjects(struct synthetic *self, unsigned heap_modes)
{
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.modes = heap_modes;
    config.misuse = on_misuse;
    need(mw_heap_create(&config, &self->heap), "heap");
    need(mw_store_create(self->heap, &self->store), "store");
    need(mw_subjects_create(self->store, &self->subjects), "subjects");
}

void synthetic_init(struct synthetic *self, const struct synthetic_options *options)
{
    *self = (struct synthetic){.seed = options->seed};
    need(mw_sealer_create(&self->sealer), "sealer");
    make_subjects(self, options->heap_modes);
    /* First, so that its names stay what they are when another source has one reading more. */
    if (!options->no_process_block)
        make_processes(self, options);
    make_single(self, MW_SOURCE_SYSTEM, options);
    make_single(self, MW_SOURCE_SELF, options);
    make_single(self, MW_SOURCE_DAEMON, options);
    make_single(self, MW_SOURCE_HEAP, options);
    make_single(self, MW_SOURCE_QUEUE, options);
    make_single(self, MW_SOURCE_CACHE, options);
    need(mw_sealer_seal(self->sealer, 1000000, &self->sample), "seal");
}

void synthetic_age(struct synthetic *self)
{
    self->sample = mw_sample_unref(self->sample);
    mw_sealer_set_stale_after(self->sealer, 1);
    need(mw_sealer_seal(self->sealer, 2000000, &self->sample), "seal");
}

void synthetic_deinit(struct synthetic *self)
{
    mw_sample_unref(self->sample);
    mw_sealer_destroy(self->sealer);
    mw_subjects_destroy(self->subjects);
    mw_store_destroy(self->store);
    mw_heap_destroy(self->heap);
    for (int i = 0; i < MW_SOURCE_COUNT; i++)
        mw_block_pool_destroy(self->pools[i]);
}
