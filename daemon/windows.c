#include "daemon/windows.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct mwd_window_width mwd_window_widths[MWD_WINDOW_WIDTHS] = {
    {"15s", 15 * (uint64_t)MW_NS_PER_S},
    {"1m", 60 * (uint64_t)MW_NS_PER_S},
    {"5m", 300 * (uint64_t)MW_NS_PER_S},
};

const enum mw_reading mwd_window_readings[MWD_WINDOW_READINGS] = {
    MW_SYSTEM_MEM_AVAILABLE, MW_PROCESS_RSS, MW_HEAP_USED, MW_QUEUE_LENGTH};

/* By row of the block. */
struct rows {
    struct row {
        struct mw_block_key key; /* zero: free */
        struct mw_window window;
    } * items;
    uint32_t count;
};

/* In the order of the groups of the last sample. */
struct groups {
    struct group {
        char *name; /* NULL: there was no memory for it */
        struct mw_window window;
    } * items;
    uint32_t count;
};

struct mwd_windows {
    struct mw_window_budget budget;
    struct rows rows[MWD_WINDOW_READINGS]; /* that of processes is empty */
    struct groups groups;
};

/* ---- life ---- */

int mwd_windows_create(struct mwd_windows **ret)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return -ENOMEM;
    (*ret)->budget.limit = MWD_WINDOWS_BYTES;
    return 0;
}

static void clear_row(struct mwd_windows *self, struct row *row)
{
    mw_window_deinit(&row->window, &self->budget);
    row->key = (struct mw_block_key){0, 0};
}

static void free_groups(struct mwd_windows *self, struct groups *groups)
{
    for (uint32_t i = 0; i < groups->count; i++) {
        mw_window_deinit(&groups->items[i].window, &self->budget);
        free(groups->items[i].name);
    }
    free(groups->items);
    *groups = (struct groups){NULL, 0};
}

struct mwd_windows *mwd_windows_destroy(struct mwd_windows *self)
{
    if (!self)
        return NULL;
    for (uint32_t i = 0; i < MWD_WINDOW_READINGS; i++) {
        for (uint32_t row = 0; row < self->rows[i].count; row++)
            clear_row(self, &self->rows[i].items[row]);
        free(self->rows[i].items);
    }
    free_groups(self, &self->groups);
    free(self);
    return NULL;
}

/* ---- rows of blocks ---- */

/* Without memory there are as many as before. */
static void make_rows(struct rows *rows, uint32_t wanted)
{
    struct row *items;

    if (wanted <= rows->count)
        return;
    items = realloc(rows->items, wanted * sizeof *items);
    if (!items)
        return;
    memset(items + rows->count, 0, (wanted - rows->count) * sizeof *items);
    rows->items = items;
    rows->count = wanted;
}

static double number_of(const struct mw_reading_info *info, union mw_value value)
{
    return info->value == MW_VALUE_F64   ? value.f
           : info->value == MW_VALUE_I64 ? (double)value.i
                                         : (double)value.u;
}

static void feed_row(struct mwd_windows *self, struct row *row, const struct mw_sample *sample,
                     enum mw_reading reading, uint32_t number)
{
    const struct mw_reading_info *info = mw_reading_info(reading);
    uint64_t ns = mw_block_head(mw_sample_block(sample, info->source))->time_ns;
    union mw_value value;

    if (mw_sample_get(sample, reading, number, &value) == MW_PRESENT)
        mw_window_add(&row->window, &self->budget, ns, number_of(info, value));
    else
        mw_window_gap(&row->window, &self->budget, ns);
}

static bool same_key(struct mw_block_key a, struct mw_block_key b)
{
    return a.id == b.id && a.birth == b.birth;
}

static void feed_rows(struct mwd_windows *self, struct rows *rows, const struct mw_sample *sample,
                      enum mw_reading reading)
{
    const struct mw_block *block = mw_sample_block(sample, mw_reading_info(reading)->source);
    uint32_t count = block ? mw_block_head(block)->rows : 0;

    make_rows(rows, count);
    for (uint32_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->items[i];
        struct mw_block_key key = i < count ? mw_block_keys(block)[i] : (struct mw_block_key){0, 0};

        if (!same_key(row->key, key))
            clear_row(self, row);
        row->key = key;
        if (key.id != 0)
            feed_row(self, row, sample, reading, i);
    }
}

/* ---- groups ---- */

/* From `*from` on and around: groups come in the same order as before, so it is most often there.
 */
static struct group *find_group(const struct groups *groups, uint32_t *from, const char *name)
{
    for (uint32_t i = 0; i < groups->count; i++) {
        uint32_t at = (*from + i) % groups->count;

        if (groups->items[at].name && strcmp(groups->items[at].name, name) == 0) {
            *from = at + 1;
            return &groups->items[at];
        }
    }
    return NULL;
}

static bool same_groups(const struct groups *groups, const struct mwd_groups *shown)
{
    if (groups->count != mwd_groups_count(shown))
        return false;
    for (uint32_t i = 0; i < groups->count; i++)
        if (!groups->items[i].name ||
            strcmp(groups->items[i].name, mwd_groups_at(shown, i)->name) != 0)
            return false;
    return true;
}

/* Those that stay take their windows along. */
static void renew_groups(struct mwd_windows *self, const struct mwd_groups *shown)
{
    struct groups next = {NULL, mwd_groups_count(shown)};
    uint32_t from = 0;

    next.items = calloc(next.count + (size_t)1, sizeof *next.items);
    if (!next.items)
        next.count = 0;
    for (uint32_t i = 0; i < next.count; i++) {
        const char *name = mwd_groups_at(shown, i)->name;
        struct group *before = find_group(&self->groups, &from, name);

        if (before) {
            next.items[i] = *before;
            memset(before, 0, sizeof *before);
        } else {
            next.items[i].name = strdup(name);
        }
    }
    free_groups(self, &self->groups);
    self->groups = next;
}

static void feed_groups(struct mwd_windows *self, const struct mw_sample *sample,
                        enum mw_reading reading, const struct mwd_groups *shown)
{
    const struct mw_block *block = mw_sample_block(sample, MW_SOURCE_PROCESS);
    bool known = shown && block && !mw_sample_stale(sample, MW_SOURCE_PROCESS);
    uint64_t ns = block ? mw_block_head(block)->time_ns : 0;

    if (known && !same_groups(&self->groups, shown))
        renew_groups(self, shown);
    for (uint32_t i = 0; i < self->groups.count; i++) {
        struct group *group = &self->groups.items[i];
        double sum;

        if (!group->name)
            continue;
        if (known && mwd_groups_get(shown, i, reading, &sum))
            mw_window_add(&group->window, &self->budget, ns, sum);
        else
            mw_window_gap(&group->window, &self->budget, ns);
    }
}

/* ---- the sample ---- */

/* What a sample only repeats was taken before. */
static bool has_news(const struct mw_sample *sample, enum mw_source source)
{
    return mw_sample_fresh(sample, source) || mw_sample_stale(sample, source);
}

void mwd_windows_feed(struct mwd_windows *self, const struct mw_sample *sample,
                      const struct mwd_groups *groups)
{
    for (uint32_t i = 0; i < MWD_WINDOW_READINGS; i++) {
        enum mw_reading reading = mwd_window_readings[i];

        if (!has_news(sample, mw_reading_info(reading)->source))
            continue;
        if (mw_reading_info(reading)->kind == MW_KIND_PROCESS)
            feed_groups(self, sample, reading, groups);
        else
            feed_rows(self, &self->rows[i], sample, reading);
    }
}

/* ---- asking ---- */

const struct mw_window *mwd_windows_row(const struct mwd_windows *self, uint32_t reading,
                                        uint32_t row, struct mw_block_key key)
{
    const struct rows *rows = &self->rows[reading];

    return row < rows->count && same_key(rows->items[row].key, key) ? &rows->items[row].window
                                                                    : NULL;
}

const struct mw_window *mwd_windows_group(const struct mwd_windows *self, uint32_t place,
                                          const char *name)
{
    uint32_t from = place < self->groups.count ? place : 0;
    const struct group *group = find_group(&self->groups, &from, name);

    return group ? &group->window : NULL;
}

void mwd_windows_get_numbers(const struct mwd_windows *self, struct mwd_windows_numbers *ret)
{
    *ret = (struct mwd_windows_numbers){self->budget.used, self->budget.cut};
}
