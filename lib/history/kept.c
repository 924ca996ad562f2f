/* A file of its own: whoever only wants to know links nothing else. */
#include "history/history.h"

/* What there is history of; kinds that are not said here: all numbers. */
static const enum mw_reading process_readings[] = {MW_PROCESS_RSS, MW_PROCESS_RSS_ANON,
                                                   MW_PROCESS_SWAP};

static bool is_listed(enum mw_reading reading)
{
    for (size_t i = 0; i < sizeof(process_readings) / sizeof(process_readings[0]); i++)
        if (process_readings[i] == reading)
            return true;
    return false;
}

bool mw_history_keeps(enum mw_reading reading)
{
    const struct mw_reading_info *info;

    if ((unsigned)reading >= MW_READING_COUNT)
        return false;
    info = mw_reading_info(reading);
    return info->value != MW_VALUE_TEXT && info->type != MW_TYPE_INFO &&
           info->source != MW_SOURCE_SUBJECT &&
           (info->kind != MW_KIND_PROCESS || is_listed(reading));
}
