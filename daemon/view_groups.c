/* Rules of groups, and how many processes each has: a rule that matches nothing is found here. */
#include "daemon/view_internal.h"

static void put_text(struct mwd_json *json, const char *key, const char *text)
{
    mwd_json_key(json, key);
    mwd_json_string(json, text);
}

static void put_number(struct mwd_json *json, const char *key, uint64_t number)
{
    mwd_json_key(json, key);
    mwd_json_u64(json, number);
}

static void put_rule(const struct mwd_view_input *input, uint32_t rule, struct mwd_json *json)
{
    struct mwd_grouping_count count = mwd_grouping_count(input->grouping, rule);

    mwd_json_open_object(json);
    put_text(json, "name", mwd_matcher_template(input->rules, rule));
    put_text(json, "origin", mwd_matcher_origin(input->rules, rule));
    put_number(json, "processes", count.processes);
    put_number(json, "children", count.children);
    put_number(json, "matched", count.matched);
    put_number(json, "givenUp", mwd_matcher_given_up(input->rules, rule));
    mwd_json_close_object(json);
}

static void put_totals(const struct mwd_view_input *input, struct mwd_json *json)
{
    struct mwd_grouping_totals totals = {0, 0, 0, 0};

    if (input->grouping)
        mwd_grouping_get_totals(input->grouping, &totals);
    put_number(json, "names", totals.names);
    put_number(json, "ungrouped", totals.ungrouped);
    put_number(json, "waiting", totals.waiting);
    put_number(json, "lost", totals.lost);
}

void mwd_view_groups(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    uint32_t count = input->grouping ? mwd_matcher_count(input->rules) : 0;
    struct mwd_json json;

    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_view_put_head(input, &json);
    mwd_json_key(&json, "rules");
    mwd_json_open_array(&json);
    for (uint32_t i = 0; i < count; i++)
        put_rule(input, i, &json);
    mwd_json_close_array(&json);
    put_totals(input, &json);
    mwd_json_close_object(&json);
}
