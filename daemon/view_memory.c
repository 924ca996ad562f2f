#include "daemon/view_internal.h"

/* All but the reasons and the closing brace. */
static void put_memory(const struct mwd_view_input *input, enum mwd_view_object system,
                       const struct mwd_view_members *machine, struct mwd_json *json)
{
    mwd_json_open_object(json);
    mwd_view_put_head(input, json);
    mwd_view_put_values(input, machine->items, machine->count, json);
    mwd_view_put_object(input, "system", system, json);
    mwd_view_put_object(input, "process", MWD_VIEW_MEMORY_PROCESS, json);
}

static void end_memory(const struct mwd_view_input *input, const struct mwd_view_members *machine,
                       bool total_known, struct mwd_json *json)
{
    bool open = mwd_view_put_reasons(input, machine->items, machine->count, json);

    if (!total_known)
        open = mwd_view_put_reason(json, open, "total", MW_ABSENT_STALE);
    if (open)
        mwd_json_close_object(json);
    mwd_json_close_object(json);
}

void mwd_view_memory(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    struct mwd_view_members machine;
    struct mwd_json json;

    mwd_view_members(MWD_VIEW_MEMORY, &machine);
    mwd_json_init(&json, out);
    put_memory(input, MWD_VIEW_MEMORY_SYSTEM, &machine, &json);
    end_memory(input, &machine, true, &json);
}

void mwd_view_once(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    static const struct mwd_process_query all = {.sort = MW_PROCESS_RSS, .limit = UINT64_MAX};
    struct mwd_view_members machine;
    struct mwd_json json;
    bool total_known;

    mwd_view_members(MWD_VIEW_MEMORY, &machine);
    mwd_json_init(&json, out);
    put_memory(input, MWD_VIEW_SYSTEM, &machine, &json);
    mwd_view_put_object(input, "daemon", MWD_VIEW_DAEMON, &json);
    total_known = mwd_view_put_processes(input, &all, &json);
    end_memory(input, &machine, total_known, &json);
}
