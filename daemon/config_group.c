/* Rules of groups, when all sources are read: those of blocks, and behind them those of the file
 * that metrics-process-names says. */
#include "daemon/config_internal.h"

#include <errno.h>
#include <string.h>

enum { WHY_SHOWN_MAX = 1024 };

/* ---- blocks ---- */

/* MWD_TITLED_KEYS is the block as a whole. */
static uint32_t key_of(const struct mwd_titled *block, enum mwd_matcher_field field)
{
    static const uint32_t keys[] = {[MWD_MATCHER_WHOLE] = MWD_TITLED_KEYS,
                                    [MWD_MATCHER_NAME] = MWD_IN_GROUP_NAME,
                                    [MWD_MATCHER_COMM] = MWD_IN_GROUP_COMM,
                                    [MWD_MATCHER_EXE] = MWD_IN_GROUP_EXE,
                                    [MWD_MATCHER_CMDLINE] = MWD_IN_GROUP_CMDLINE};

    if (field == MWD_MATCHER_NAME && !block->values[MWD_IN_GROUP_NAME])
        return MWD_TITLED_KEYS;
    return keys[field];
}

static void fail_rule(struct mwd_config_loader *self, const struct mwd_titled *block,
                      const struct mwd_matcher_error *wrong)
{
    uint32_t key = key_of(block, wrong->field);
    struct mwd_buffer *error = mwd_config_titled_fail(self, MWD_TITLED_GROUP, block, key);

    if (!error)
        return;
    if (wrong->field >= MWD_MATCHER_COMM)
        mwd_buffer_printf(error, "element %u: ", (unsigned)wrong->item + 1);
    mwd_config_put_clean(error, wrong->why, strlen(wrong->why), WHY_SHOWN_MAX);
}

static struct mwd_matcher_list list_of(const struct mwd_titled *block, uint32_t key)
{
    const struct mwd_list *list = mwd_config_titled_list(block, key);

    return (struct mwd_matcher_list){(const char *const *)list->items, list->count};
}

static int take(struct mwd_config_loader *self, const struct mwd_titled *block)
{
    struct mwd_matcher_rule rule = {
        .name = block->values[MWD_IN_GROUP_NAME] ? mwd_config_titled_text(block, MWD_IN_GROUP_NAME)
                                                 : block->title,
        .comm = list_of(block, MWD_IN_GROUP_COMM),
        .exe = list_of(block, MWD_IN_GROUP_EXE),
        .cmdline = list_of(block, MWD_IN_GROUP_CMDLINE),
        .origin = block->origin,
    };
    struct mwd_matcher_error wrong;
    int r = mwd_matcher_add(self->loaded->config.groups, &rule, &wrong);

    if (r == -EINVAL)
        fail_rule(self, block, &wrong);
    return r == -ENOMEM ? r : 0; /* more blocks than rules there cannot be */
}

static int take_blocks(struct mwd_config_loader *self)
{
    const struct mwd_titled_set *set = &self->loaded->titled[MWD_TITLED_GROUP];
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < set->count; i++)
        if (!set->items[i]->bad && mwd_config_titled_bool(set->items[i], MWD_IN_GROUP_ENABLED))
            r = take(self, set->items[i]);
    return r;
}

/* ---- the file ---- */

static void fail_file(struct mwd_config_loader *self, const char *path,
                      const struct mwd_matcher_place *at, const struct mwd_buffer *why)
{
    struct mwd_config_place place = {path, at->line, NULL};
    struct mwd_buffer *error = mwd_config_errors_add(&self->errors, &place);

    if (!error)
        return;
    mwd_buffer_printf(error, "column %u: ", (unsigned)at->column);
    mwd_config_put_clean(error, why->bytes, why->size, WHY_SHOWN_MAX);
}

static int take_text(struct mwd_config_loader *self, const char *path, const char *text)
{
    struct mwd_matcher_place place;
    struct mwd_buffer why;

    mwd_buffer_init(&why, WHY_SHOWN_MAX);
    int r = mwd_matcher_load(self->loaded->config.groups, path, text, &place, &why);
    if (r == -EINVAL)
        fail_file(self, path, &place, &why);
    mwd_buffer_deinit(&why);
    return r == -EINVAL ? 0 : r;
}

static int take_file(struct mwd_config_loader *self)
{
    const char *path = self->loaded->config.metrics_process_names;
    struct mwd_buffer text;

    if (self->bad[MWD_AT_metrics_process_names] || !*path)
        return 0;
    int r = mwd_config_read_file(self, path, false, &text);
    if (r == 0)
        r = take_text(self, path, text.bytes);
    mwd_buffer_deinit(&text);
    return r < 0 ? r : 0;
}

/* Without a rule there is no matcher: then processes are grouped by their names. */
int mwd_config_check_groups(struct mwd_config_loader *self)
{
    struct mwd_config *config = &self->loaded->config;
    int r = mwd_matcher_create(&config->groups);

    if (r == 0)
        r = take_blocks(self);
    if (r == 0)
        r = take_file(self);
    if (r == 0 && mwd_matcher_count(config->groups) == 0)
        config->groups = mwd_matcher_unref(config->groups);
    return r;
}
