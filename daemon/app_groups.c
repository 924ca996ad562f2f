/* Groups of processes by rules: questions of the grouping to the grouper, and its answers back. */
#include "daemon/app_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPER_STOP_MS = 300 };

static const struct mw_block *newest(const struct mwd_app *self)
{
    return self->sample ? mw_sample_block(self->sample, MW_SOURCE_PROCESS) : NULL;
}

/* What finds no memory now is asked for with the next block. */
static void ask(struct mwd_app *self, const struct mw_block *block)
{
    uint32_t count = mwd_grouping_wanted(self->grouping);
    struct mwd_grouping_item *items;

    if (!self->grouper || !block || count == 0 || mwd_grouper_is_busy(self->grouper))
        return;
    items = calloc(count, sizeof *items);
    if (!items)
        return;
    count = mwd_grouping_take(self->grouping, block, self->subjects, items, count);
    if (count > 0)
        mwd_grouper_ask(self->grouper, self->config->groups, mwd_grouping_round(self->grouping),
                        items, count);
    else
        free(items);
}

/* Who scrapes gets what was rendered for the newest sample. When rules have been held against all
 * processes for the first time there is another one, or it would have none of the groups. */
static void on_answers(void *context, uint64_t round, const struct mwd_grouping_item *items,
                       uint32_t count)
{
    struct mwd_app *self = context;

    struct mwd_grouping_totals totals;

    if (self->closing || !self->config->groups)
        return;
    mwd_grouping_put(self->grouping, round, items, count);
    mwd_grouping_get_totals(self->grouping, &totals);
    ask(self, newest(self));
    if (totals.waiting > 0 || self->groups_round == round)
        return;
    self->groups_round = round;
    mwd_app_urgent(self, NULL, 0);
}

/* A recording has names of processes and no command lines; those of this machine are others. */
static int start_grouper(struct mwd_app *self)
{
    struct mwd_grouper_options options = {
        .proc_root = self->options->replay ? NULL : self->config->proc_root,
        .passwd = "/etc/passwd",
        .patience_ns = (uint64_t)MWD_GROUPER_PATIENCE_S * MW_NS_PER_S,
        .log = self->log,
        .on_answers = on_answers,
        .context = self,
    };

    if (self->options->replay)
        mwd_log(self->log, MWD_LOG_WARNING,
                "groups: a recording has no command lines: exe and cmdline of rules match nothing");
    return mwd_grouper_create(&self->loop, &options, &self->grouper);
}

static void say_rules(const struct mwd_app *self)
{
    const struct mwd_matcher *rules = self->config->groups;

    for (uint32_t i = 0; i < mwd_matcher_count(rules); i++)
        if (mwd_matcher_is_wide(rules, i))
            mwd_log(self->log, MWD_LOG_WARNING,
                    "groups: %s: %s makes a group of each process, and so new series at each start "
                    "of one; metrics-groups bounds how many are shown at a time",
                    mwd_matcher_origin(rules, i), mwd_matcher_template(rules, i));
}

/* Rules of self->config count from now on. Nobody may be without metrics for want of groups: what
 * fails here leaves all processes in the rest, and says so. */
static int take_rules(struct mwd_app *self)
{
    int r;

    if (self->grouper)
        mwd_grouper_cut(self->grouper); /* the old rules may be what takes long */
    if (!self->config->groups)
        return 0;
    say_rules(self);
    r = mwd_grouping_restart(self->grouping, mwd_matcher_count(self->config->groups),
                             self->config->metrics_children, newest(self));
    if (r == 0 && !self->grouper)
        r = start_grouper(self);
    if (r == 0)
        ask(self, newest(self));
    return r;
}

int mwd_app_groups_init(struct mwd_app *self)
{
    int r = mwd_grouping_create(&self->grouping);

    return r < 0 ? r : take_rules(self);
}

void mwd_app_groups_close(struct mwd_app *self)
{
    mwd_grouper_close(self->grouper, GROUPER_STOP_MS);
    self->grouper = NULL;
}

void mwd_app_groups_deinit(struct mwd_app *self)
{
    self->grouping = mwd_grouping_destroy(self->grouping);
}

void mwd_app_groups_reloaded(struct mwd_app *self)
{
    int r = take_rules(self);

    if (r < 0)
        mwd_log(self->log, MWD_LOG_ERROR,
                "groups: %s: no rule is held against processes until the next reload",
                strerror(-r));
}

void mwd_app_groups_follow(struct mwd_app *self, const struct mw_block *block)
{
    if (!self->config->groups || !self->grouping)
        return;
    if (mwd_grouping_follow(self->grouping, block) < 0)
        mwd_log_event(self->log, MWD_LOG_ERROR, &(struct mwd_log_event){"no-memory", "groups"},
                      "no memory for groups of processes: some are in none");
    if (!self->grouper)
        return;
    ask(self, block);
    mwd_grouper_look(self->grouper, mw_clock_monotonic_ns(mw_clock_system()));
}

const struct mwd_grouping *mwd_app_grouping(const struct mwd_app *self)
{
    return self->config->groups ? self->grouping : NULL;
}
