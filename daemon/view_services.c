/* Services: named control groups, the largest first, or as is asked for. There are a few hundred at
 * most, so they are simply sorted. */
#include "base/glob.h"
#include "daemon/view_internal.h"

#include <string.h>

/* A row that was asked for, and what it is sorted by. */
struct found {
    uint32_t row;
    const char *name;
    bool absent;
    uint64_t value;
};

const char *const *mwd_view_service_sort_words(void)
{
    return mw_service_keys();
}

enum mw_reading mwd_view_service_sort_reading(const char *key)
{
    const char *const *keys = mw_service_keys();

    for (uint32_t i = 0; keys[i]; i++)
        if (strcmp(keys[i], key) == 0)
            return mw_source_first(MW_SOURCE_SERVICE) + i;
    return MW_NONE;
}

/* Those without a value come last in either order, equal ones in the order of their names. */
static bool precedes(const struct found *left, const struct found *right, enum mwd_order order)
{
    if (left->absent != right->absent)
        return right->absent;
    if (!left->absent && left->value != right->value)
        return (left->value < right->value) == (order == MWD_ORDER_ASC);
    return strcmp(left->name, right->name) < 0;
}

static void insert(struct found *list, uint32_t count, struct found new, enum mwd_order order)
{
    uint32_t at = count;

    for (; at > 0 && precedes(&new, &list[at - 1], order); at--)
        list[at] = list[at - 1];
    list[at] = new;
}

static uint32_t find(const struct mwd_view_input *input, const struct mwd_service_query *query,
                     struct found *ret)
{
    const struct mw_block *block = mwd_view_block(input, MW_SOURCE_SERVICE);
    struct mwd_view_input row = *input;
    uint32_t count = 0;

    for (row.row = 0; row.row < mw_block_head(block)->rows && count < MW_SERVICES_MAX; row.row++) {
        struct found new = {.row = row.row};
        union mw_value value = {.u = 0};

        new.name = mwd_services_name(input->services, mw_block_keys(block)[row.row]);
        if (!new.name || (query->name && !mw_glob_matches(query->name, new.name, strlen(new.name))))
            continue;
        new.absent = mwd_view_get(&row, query->sort, &value) != MW_PRESENT;
        new.value = value.u;
        insert(ret, count++, new, query->order);
    }
    return count;
}

static void put_one(const struct mwd_view_input *input, const struct found *found,
                    struct mwd_json *json)
{
    struct mwd_view_input row = *input;
    struct mwd_view_members members;

    row.row = found->row;
    mwd_view_members(MWD_VIEW_SERVICE, &members);
    mwd_json_open_object(json);
    mwd_json_key(json, "name");
    mwd_json_string(json, found->name);
    mwd_view_put_values(&row, members.items, members.count, json);
    if (mwd_view_put_reasons(&row, members.items, members.count, json))
        mwd_json_close_object(json);
    mwd_json_close_object(json);
}

static void put_list(const struct mwd_view_input *input, const struct mwd_service_query *query,
                     struct mwd_json *json)
{
    struct found found[MW_SERVICES_MAX];
    uint32_t count = find(input, query, found);

    mwd_json_u64(json, count);
    mwd_json_key(json, "services");
    mwd_json_open_array(json);
    for (uint32_t i = 0; i < count && i < query->limit; i++)
        put_one(input, &found[i], json);
    mwd_json_close_array(json);
}

static void put_none(struct mwd_json *json)
{
    mwd_json_null(json);
    mwd_json_key(json, "services");
    mwd_json_open_array(json);
    mwd_json_close_array(json);
    if (mwd_view_put_reason(json, false, "total", MW_ABSENT_STALE))
        mwd_json_close_object(json);
}

void mwd_view_services(const struct mwd_view_input *input, const struct mwd_service_query *query,
                       struct mwd_buffer *out)
{
    struct mwd_json json;

    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_view_put_head(input, &json);
    mwd_json_key(&json, "total");
    if (mwd_view_block(input, MW_SOURCE_SERVICE))
        put_list(input, query, &json);
    else
        put_none(&json);
    mwd_json_close_object(&json);
}
