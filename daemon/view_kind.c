#include "daemon/names.h"
#include "daemon/view_internal.h"

#include <string.h>

static bool is_newer(const struct mwd_view_input *input, enum mw_source source)
{
    return input->newer && mw_block_head(input->newer)->source == source;
}

enum mw_absence mwd_view_get(const struct mwd_view_input *input, enum mw_reading reading,
                             union mw_value *ret)
{
    if (is_newer(input, mw_reading_info(reading)->source))
        return mw_block_get(input->newer, reading, input->row, ret);
    if (!input->sample)
        return MW_ABSENT_STALE;
    return mw_sample_get(input->sample, reading, input->row, ret);
}

const char *mwd_view_name(const struct mwd_view_input *input, enum mw_kind kind,
                          struct mw_block_key key)
{
    return kind == MW_KIND_SERVICE ? mwd_services_name(input->services, key)
                                   : mwd_name_of(input->names, kind, key);
}

const struct mw_block *mwd_view_block(const struct mwd_view_input *input, enum mw_source source)
{
    if (is_newer(input, source))
        return input->newer;
    return input->sample ? mw_sample_block(input->sample, source) : NULL;
}

/* What Node.js calls os.totalmem() and os.freemem(). */
static const struct mwd_view_member machine[] = {
    {"totalmem", MW_SYSTEM_MEM_TOTAL},
    {"freemem", MW_SYSTEM_MEM_AVAILABLE},
};

/* The daemon's own, as process.pid and process.memoryUsage() of Node.js name them. */
static const struct mwd_view_member own_process[] = {
    {"pid", MW_DAEMON_PID},     {"rss", MW_DAEMON_RSS},       {"heapTotal", MW_HEAP_TOTAL},
    {"heapUsed", MW_HEAP_USED}, {"heapLimit", MW_HEAP_LIMIT}, {"external", MW_HEAP_EXTERNAL},
};

/* Objects within that of a heap. */
static const struct mwd_view_member collections[] = {
    {"scavenge", MW_HEAP_SCAVENGES},
    {"markSweep", MW_HEAP_MARK_SWEEPS},
    {"markCompact", MW_HEAP_MARK_COMPACTS},
};
static const struct mwd_view_member pauses[] = {
    {"totalUs", MW_HEAP_PAUSE_TOTAL},
    {"maxUs", MW_HEAP_PAUSE_MAX},
};

static void take(const struct mwd_view_member *members, size_t size, struct mwd_view_members *ret)
{
    memcpy(ret->items, members, size);
    ret->count = (uint32_t)(size / sizeof *members);
}

/* The readings of a kind by their own keys; `show` PLAIN means all, HEADLINE only those. */
static void choose(enum mw_kind kind, enum mw_show show, struct mwd_view_members *ret)
{
    ret->count = 0;
    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
        const struct mw_reading_info *info = mw_reading_info(reading);

        if (info->kind == kind && (show == MW_SHOW_PLAIN || info->show == show))
            ret->items[ret->count++] = (struct mwd_view_member){info->key, reading};
    }
}

static bool is_among(const struct mwd_view_member *members, size_t size, enum mw_reading reading)
{
    for (size_t i = 0; i < size / sizeof *members; i++)
        if (members[i].reading == reading)
            return true;
    return false;
}

/* Whatever does not stand in one of the two objects. */
static void choose_heap(struct mwd_view_members *ret)
{
    struct mwd_view_members all;

    choose(MW_KIND_HEAP, MW_SHOW_PLAIN, &all);
    ret->count = 0;
    for (uint32_t i = 0; i < all.count; i++)
        if (!is_among(collections, sizeof collections, all.items[i].reading) &&
            !is_among(pauses, sizeof pauses, all.items[i].reading))
            ret->items[ret->count++] = all.items[i];
}

void mwd_view_members(enum mwd_view_object object, struct mwd_view_members *ret)
{
    switch (object) {
    case MWD_VIEW_SYSTEM:
        choose(MW_KIND_SYSTEM, MW_SHOW_PLAIN, ret);
        break;
    case MWD_VIEW_PROCESS:
        choose(MW_KIND_PROCESS, MW_SHOW_PLAIN, ret);
        break;
    case MWD_VIEW_DAEMON:
        choose(MW_KIND_DAEMON, MW_SHOW_PLAIN, ret);
        break;
    case MWD_VIEW_MEMORY:
        take(machine, sizeof machine, ret);
        break;
    case MWD_VIEW_MEMORY_SYSTEM:
        choose(MW_KIND_SYSTEM, MW_SHOW_HEADLINE, ret);
        break;
    case MWD_VIEW_MEMORY_PROCESS:
        take(own_process, sizeof own_process, ret);
        break;
    case MWD_VIEW_HEAP:
        choose_heap(ret);
        break;
    case MWD_VIEW_HEAP_COLLECTIONS:
        take(collections, sizeof collections, ret);
        break;
    case MWD_VIEW_HEAP_PAUSES:
        take(pauses, sizeof pauses, ret);
        break;
    case MWD_VIEW_QUEUE:
        choose(MW_KIND_QUEUE, MW_SHOW_PLAIN, ret);
        break;
    case MWD_VIEW_CACHE:
        choose(MW_KIND_CACHE, MW_SHOW_PLAIN, ret);
        break;
    case MWD_VIEW_SERVICE:
        choose(MW_KIND_SERVICE, MW_SHOW_PLAIN, ret);
        break;
    }
}

void mwd_view_put_head(const struct mwd_view_input *input, struct mwd_json *json)
{
    mwd_json_key(json, "timeMs");
    if (input->newer)
        mwd_json_i64(json, mw_block_head(input->newer)->time_ms);
    else if (input->sample)
        mwd_json_i64(json, mw_sample_time_ms(input->sample));
    else
        mwd_json_null(json);
    mwd_json_key(json, "seq");
    if (input->sample)
        mwd_json_u64(json, mw_sample_seq(input->sample));
    else
        mwd_json_null(json);
}

static void put_value(struct mwd_json *json, enum mw_value_type type, union mw_value value)
{
    char letter = (char)value.u;

    switch (type) {
    case MW_VALUE_U64:
        mwd_json_u64(json, value.u);
        break;
    case MW_VALUE_I64:
        mwd_json_i64(json, value.i);
        break;
    case MW_VALUE_F64:
        mwd_json_f64(json, value.f);
        break;
    case MW_VALUE_TEXT:
        mwd_json_text(json, &letter, 1);
        break;
    }
}

void mwd_view_put_values(const struct mwd_view_input *input, const struct mwd_view_member *members,
                         uint32_t count, struct mwd_json *json)
{
    union mw_value value;

    for (uint32_t i = 0; i < count; i++) {
        mwd_json_key(json, members[i].key);
        if (mwd_view_get(input, members[i].reading, &value) == MW_PRESENT)
            put_value(json, mw_reading_info(members[i].reading)->value, value);
        else
            mwd_json_null(json);
    }
}

bool mwd_view_put_reason(struct mwd_json *json, bool open, const char *key, enum mw_absence absence)
{
    if (!open) {
        mwd_json_key(json, "absent");
        mwd_json_open_object(json);
    }
    mwd_json_key(json, key);
    mwd_json_string(json, mw_absence_word(absence));
    return true;
}

bool mwd_view_put_reasons(const struct mwd_view_input *input, const struct mwd_view_member *members,
                          uint32_t count, struct mwd_json *json)
{
    union mw_value value;
    bool open = false;

    for (uint32_t i = 0; i < count; i++) {
        enum mw_absence absence = mwd_view_get(input, members[i].reading, &value);

        if (absence != MW_PRESENT)
            open = mwd_view_put_reason(json, open, members[i].key, absence);
    }
    return open;
}

static void put_members(const struct mwd_view_input *input, enum mwd_view_object object,
                        struct mwd_json *json)
{
    struct mwd_view_members members;

    mwd_view_members(object, &members);
    mwd_view_put_values(input, members.items, members.count, json);
    if (mwd_view_put_reasons(input, members.items, members.count, json))
        mwd_json_close_object(json);
}

void mwd_view_put_object(const struct mwd_view_input *input, const char *key,
                         enum mwd_view_object object, struct mwd_json *json)
{
    mwd_json_key(json, key);
    mwd_json_open_object(json);
    put_members(input, object, json);
    mwd_json_close_object(json);
}

void mwd_view_kind(const struct mwd_view_input *input, enum mw_kind kind, struct mwd_buffer *out)
{
    struct mwd_json json;

    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_view_put_head(input, &json);
    put_members(input, kind == MW_KIND_SYSTEM ? MWD_VIEW_SYSTEM : MWD_VIEW_DAEMON, &json);
    mwd_json_close_object(&json);
}
