#include "daemon/view_internal.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

/* What Node.js calls os.totalmem() and os.freemem(). */
static const struct mwd_view_member machine[] = {
    {"totalmem", MW_SYSTEM_MEM_TOTAL},
    {"freemem", MW_SYSTEM_MEM_AVAILABLE},
};

/* The daemon's own, as process.pid and process.memoryUsage() of Node.js name them. */
static const struct mwd_view_member own_process[] = {
    {"pid", MW_DAEMON_PID},
    {"rss", MW_DAEMON_RSS},
};

static void put_kind(const struct mwd_view_input *input, enum mw_kind kind, enum mw_show show,
                     struct mwd_json *json)
{
    struct mwd_view_members members;

    mwd_view_choose(kind, show, &members);
    mwd_view_put_object(input, mw_kind_word(kind), members.items, members.count, json);
}

/* All but the reasons and the closing brace. */
static void put_memory(const struct mwd_view_input *input, enum mw_show show, struct mwd_json *json)
{
    mwd_json_open_object(json);
    mwd_view_put_head(input, json);
    mwd_view_put_values(input, machine, COUNT(machine), json);
    put_kind(input, MW_KIND_SYSTEM, show, json);
    mwd_view_put_object(input, "process", own_process, COUNT(own_process), json);
}

static void end_memory(const struct mwd_view_input *input, bool total_known, struct mwd_json *json)
{
    bool open = mwd_view_put_reasons(input, machine, COUNT(machine), json);

    if (!total_known)
        open = mwd_view_put_reason(json, open, "total", MW_ABSENT_STALE);
    if (open)
        mwd_json_close_object(json);
    mwd_json_close_object(json);
}

void mwd_view_memory(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    struct mwd_json json;

    mwd_json_init(&json, out);
    put_memory(input, MW_SHOW_HEADLINE, &json);
    end_memory(input, true, &json);
}

void mwd_view_once(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    static const struct mwd_process_query all = {.sort = MW_PROCESS_RSS, .limit = UINT64_MAX};
    struct mwd_json json;
    bool total_known;

    mwd_json_init(&json, out);
    put_memory(input, MW_SHOW_PLAIN, &json);
    put_kind(input, MW_KIND_DAEMON, MW_SHOW_PLAIN, &json);
    total_known = mwd_view_put_processes(input, &all, &json);
    end_memory(input, total_known, &json);
}
