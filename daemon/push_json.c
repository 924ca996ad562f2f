/* The bodies of requests that report: one JSON object, of whole numbers or null. It is read whole
 * before anything of it counts. */
#include "daemon/push_internal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int complain(struct mwd_push *self, enum mwd_push_reason reason)
{
    mwd_push_count_refusal(self, reason);
    return -EINVAL;
}

/* "a queue takes length, capacity, ..." */
static void say_what_is_taken(enum mw_kind kind, char *detail, size_t used)
{
    uint32_t count;
    const struct mwd_push_field *fields = mwd_push_fields(kind, &count);

    for (uint32_t i = 0; i < count && used < MWD_PUSH_DETAIL_SIZE; i++)
        used += (size_t)snprintf(detail + used, MWD_PUSH_DETAIL_SIZE - used, "%s%s", i ? ", " : "",
                                 mw_reading_info(fields[i].reading)->key);
}

static const char *key_of(enum mw_kind kind, int field)
{
    uint32_t count;

    return mw_reading_info(mwd_push_fields(kind, &count)[field].reading)->key;
}

/* By its key alone: the words of statsd are of statsd. */
static int find_field(enum mw_kind kind, const char *key)
{
    int field = mwd_push_field_find(kind, key, strlen(key));

    return field >= 0 && strcmp(key_of(kind, field), key) == 0 ? field : -ENOENT;
}

static bool is_whole(const cJSON *item)
{
    return cJSON_IsNumber(item) && item->valuedouble >= 0 &&
           item->valuedouble <= (double)MW_READING_MAX &&
           floor(item->valuedouble) == item->valuedouble;
}

static int complain_of_key(struct mwd_push *self, enum mw_kind kind, const char *key, char *detail)
{
    int used = snprintf(detail, MWD_PUSH_DETAIL_SIZE, "\"%.40s\" is no field of a %s, which takes ",
                        key, mw_kind_word(kind));

    say_what_is_taken(kind, detail, (size_t)used);
    return complain(self, MWD_PUSH_FIELD);
}

static int take_member(struct mwd_push *self, enum mw_kind kind, const cJSON *item,
                       struct mwd_push_report *report, uint32_t *seen, char *detail)
{
    int field = find_field(kind, item->string);

    if (field < 0)
        return complain_of_key(self, kind, item->string, detail);
    if (*seen & 1U << field) {
        snprintf(detail, MWD_PUSH_DETAIL_SIZE, "%s is given twice", item->string);
        return complain(self, MWD_PUSH_SYNTAX);
    }
    *seen |= 1U << field;
    if (cJSON_IsNull(item))
        return 0;
    if (!is_whole(item)) {
        snprintf(detail, MWD_PUSH_DETAIL_SIZE,
                 "%s takes a whole number from 0 to 9007199254740991, or null when it is not known",
                 item->string);
        return complain(self, MWD_PUSH_VALUE);
    }
    report->values[field] = item->valuedouble;
    return 0;
}

static int take_members(struct mwd_push *self, enum mw_kind kind, const cJSON *tree,
                        struct mwd_push_report *report, char *detail)
{
    uint32_t seen = 0;
    const cJSON *item;
    int r = 0;

    cJSON_ArrayForEach(item, tree)
    {
        r = take_member(self, kind, item, report, &seen, detail);
        if (r < 0)
            return r;
    }
    if (!isnan(report->values[0]))
        return 0;
    int used = snprintf(detail, MWD_PUSH_DETAIL_SIZE,
                        "%s is missing; it is the least that a %s has, which takes ",
                        key_of(kind, 0), mw_kind_word(kind));
    say_what_is_taken(kind, detail, (size_t)used);
    return complain(self, MWD_PUSH_FIELD);
}

int mwd_push_parse(struct mwd_push *self, enum mw_kind kind, const char *body, size_t size,
                   struct mwd_push_report *ret, char detail[MWD_PUSH_DETAIL_SIZE])
{
    struct mwd_push_report report;
    cJSON *tree = cJSON_ParseWithLengthOpts(body, size + 1, NULL, 1);
    int r;

    for (int i = 0; i < MWD_PUSH_FIELDS_MAX; i++)
        report.values[i] = NAN;
    if (cJSON_IsObject(tree)) {
        r = take_members(self, kind, tree, &report, detail);
    } else {
        int used = snprintf(detail, MWD_PUSH_DETAIL_SIZE,
                            "the body is no JSON object, as {\"%s\":1}; a %s takes ",
                            key_of(kind, 0), mw_kind_word(kind));

        say_what_is_taken(kind, detail, (size_t)used);
        r = complain(self, MWD_PUSH_SYNTAX);
    }
    cJSON_Delete(tree);
    if (r == 0)
        *ret = report;
    return r;
}
