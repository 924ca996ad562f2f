/* How many series /metrics may have, shared out. Whole subjects are shown or left out, never a part
 * of one, and always the first ones of their kind, so that who is shown stays shown. What there is
 * one of comes first, then groups of processes, then what others report, and services.
 *
 * Counted is what a subject has when none of its readings is absent: there are never more. */
#include "daemon/view_internal.h"

#include <string.h>

enum { ENDS = 2, KNOWN = 1, GROUP_OWN = 2, GROUPS_TOTALS = 5, BUILD = 1 };

/* In this order they get their share. */
static const enum mw_kind named[] = {MW_KIND_HEAP, MW_KIND_QUEUE, MW_KIND_CACHE, MW_KIND_SERVICE};
enum { NAMED = sizeof named / sizeof named[0] };

/* Series of one subject. */
static uint32_t cost_of(enum mw_kind kind)
{
    uint32_t cost = 0;

    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++)
        cost += mw_reading_info(reading)->kind == kind && mw_reading_info(reading)->metric[0];
    for (uint32_t i = 0; i < MWD_WINDOW_READINGS; i++)
        if (mw_reading_info(mwd_window_readings[i])->kind == kind)
            cost += MWD_WINDOW_WIDTHS * ENDS + KNOWN;
    return kind == MW_KIND_PROCESS ? cost + GROUP_OWN : cost;
}

/* As many of `wanted` as there is room for. */
static uint32_t take(uint32_t *room, uint32_t wanted, uint32_t cost)
{
    uint32_t fit = *room / cost, taken = wanted < fit ? wanted : fit;

    *room -= taken * cost;
    return taken;
}

static uint32_t count_live(const struct mwd_view_input *input, enum mw_kind kind)
{
    uint32_t live = 0;

    for (enum mw_source source = 0; source < MW_SOURCE_COUNT; source++) {
        const struct mw_block *block =
            mw_source_kind(source) == kind ? mwd_view_block(input, source) : NULL;

        live += block ? mw_block_head(block)->live : 0;
    }
    return live;
}

void mwd_view_plan(const struct mwd_view_input *input, uint32_t most, uint32_t groups,
                   struct mwd_view_plan *ret)
{
    uint32_t fixed = BUILD + GROUPS_TOTALS + cost_of(MW_KIND_SYSTEM) + cost_of(MW_KIND_DAEMON) +
                     cost_of(MW_KIND_PROCESS); /* of the rest of the groups */
    uint32_t room = most > fixed ? most - fixed : 0, live;

    memset(ret, 0, sizeof *ret);
    live = count_live(input, MW_KIND_PROCESS); /* there are not more names than processes */
    ret->groups = take(&room, groups < live ? groups : live, cost_of(MW_KIND_PROCESS));
    for (int i = 0; i < NAMED; i++) {
        uint32_t cost = cost_of(named[i]);

        live = count_live(input, named[i]);
        ret->subjects[named[i]] = take(&room, live, cost);
        ret->left_out += (uint64_t)(live - ret->subjects[named[i]]) * cost;
    }
}

uint32_t mwd_view_planned(const struct mwd_view_input *input, enum mw_kind kind)
{
    return input->plan ? input->plan->subjects[kind] : UINT32_MAX;
}
