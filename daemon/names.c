#include "daemon/names.h"

#include <string.h>

static const struct row {
    enum mw_kind kind;
    uint64_t id;
    const char *name;
} rows[] = {
    {MW_KIND_HEAP, MWD_HEAP_OWN, "memwatchd"},
    {MW_KIND_QUEUE, MWD_QUEUE_EVENTS, "events"},
    {MW_KIND_CACHE, MWD_CACHE_BODIES, "bodies"},
    {MW_KIND_CACHE, MWD_CACHE_HISTORY, "history"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

const char *mwd_name_of(enum mw_kind kind, struct mw_block_key key)
{
    for (const struct row *row = rows; row < rows + ROWS; row++)
        if (row->kind == kind && row->id == key.id && key.birth == 0)
            return row->name;
    return NULL;
}

bool mwd_name_find(enum mw_kind kind, const char *name, struct mw_block_key *ret)
{
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        if (row->kind == kind && strcmp(row->name, name) == 0) {
            *ret = (struct mw_block_key){row->id, 0};
            return true;
        }
    }
    return false;
}

const char *mwd_name_at(enum mw_kind kind, uint32_t index)
{
    for (const struct row *row = rows; row < rows + ROWS; row++)
        if (row->kind == kind && index-- == 0)
            return row->name;
    return NULL;
}
