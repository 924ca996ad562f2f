/* What waits of one alert, in the order of its telling. Firing and resolved take turns, so a
 * receiver that is told all of it sees each firing resolved. What a newer message may stand in for
 * is only one that says the same: its id and status. */
#include "daemon/sink_internal.h"

uint32_t mwd_sink_chain_length(const struct mwd_sink_types *types, struct mw_ref alert)
{
    MW_SCOPE(scope, types->heap);
    uint32_t length = 0;

    while (length < ALERT_MESSAGES && !mw_ref_is_none(mw_heap_get(types->heap, alert, length)))
        length++;
    return length;
}

/* The first place that may change. */
static uint32_t first_free(const struct mwd_sink_types *types, struct mw_ref alert)
{
    return mw_heap_get_word(types->heap, alert, ALERT_IS_SENT) ? 1 : 0;
}

int mwd_sink_chain_find(const struct mwd_sink_types *types, struct mw_ref alert,
                        const struct mwd_sink_message *message)
{
    MW_SCOPE(scope, types->heap);
    uint32_t length = mwd_sink_chain_length(types, alert);

    for (uint32_t i = first_free(types, alert); i < length; i++)
        if (mwd_sink_message_is(types, mw_heap_get(types->heap, alert, i), message))
            return (int)i;
    return -1;
}

static bool is_firing(const struct mwd_sink_types *types, struct mw_ref alert, uint32_t place)
{
    MW_SCOPE(scope, types->heap);
    struct mw_ref message = mw_heap_get(types->heap, alert, place);

    return mw_heap_get_word(types->heap, message, MESSAGE_STATUS) == MWD_SINK_FIRING;
}

int mwd_sink_chain_pair(const struct mwd_sink_types *types, struct mw_ref alert)
{
    uint32_t length = mwd_sink_chain_length(types, alert);

    for (uint32_t i = first_free(types, alert); i + 1 < length; i++)
        if (is_firing(types, alert, i) && !is_firing(types, alert, i + 1))
            return (int)i;
    return -1;
}

void mwd_sink_chain_remove(const struct mwd_sink_types *types, struct mw_ref alert,
                           uint32_t position)
{
    MW_SCOPE(scope, types->heap);

    for (uint32_t i = position; i < ALERT_MESSAGES; i++)
        mw_heap_set(types->heap, alert, i,
                    i + 1 < ALERT_MESSAGES ? mw_heap_get(types->heap, alert, i + 1)
                                           : mw_ref_none());
}
