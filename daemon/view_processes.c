#include "daemon/view_internal.h"

#include "base/glob.h"

#include <errno.h>
#include <string.h>

const char *const *mwd_view_sort_words(void)
{
    return mw_process_keys();
}

enum mw_reading mwd_view_sort_reading(const char *key)
{
    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
        const struct mw_reading_info *info = mw_reading_info(reading);

        if (info->kind == MW_KIND_PROCESS && strcmp(info->key, key) == 0)
            return reading;
    }
    return MW_NONE;
}

static const struct mw_block *process_block(const struct mwd_view_input *input)
{
    return input->sample ? mw_sample_block(input->sample, MW_SOURCE_PROCESS) : NULL;
}

/* A process whose name is unknown matches no pattern. */
static bool name_matches(const struct mwd_view_input *input, uint32_t row, const char *pattern)
{
    struct mw_subject subject;

    return input->subjects &&
           mw_subjects_at(input->subjects, process_block(input), row, &subject) &&
           subject.name.absence == MW_PRESENT &&
           mw_glob_matches(pattern, subject.name.bytes, subject.name.size);
}

static bool matches(const struct mwd_view_input *input, const struct mwd_process_query *query,
                    uint32_t row)
{
    uint64_t pid = mw_block_keys(process_block(input))[row].id;

    if (!pid || (query->pid && query->pid != pid))
        return false;
    return !query->name || name_matches(input, row, query->name);
}

/* Returns how many there are in all. */
static uint32_t rank_matches(const struct mwd_view_input *input,
                             const struct mwd_process_query *query,
                             struct mwd_view_ranking *ranking)
{
    uint32_t rows = mw_block_head(process_block(input))->rows;
    uint32_t total = 0;

    for (uint32_t row = 0; row < rows; row++) {
        if (matches(input, query, row)) {
            mwd_view_ranking_add(ranking, row);
            total++;
        }
    }
    mwd_view_ranking_finish(ranking);
    return total;
}

static void put_list(const struct mwd_view_input *input, const struct mwd_view_ranking *ranking,
                     struct mwd_json *json)
{
    struct mwd_view_rows rows;

    mwd_view_rows_init(&rows, input);
    mwd_view_rows_list(&rows, ranking->items, ranking->count, json->out);
}

static void put_total(struct mwd_json *json, const uint32_t *total)
{
    mwd_json_key(json, "total");
    if (total)
        mwd_json_u64(json, *total);
    else
        mwd_json_null(json);
    mwd_json_key(json, "processes");
    mwd_json_open_array(json);
}

bool mwd_view_put_processes(const struct mwd_view_input *input,
                            const struct mwd_process_query *query, struct mwd_json *json)
{
    struct mwd_view_ranking ranking;
    uint32_t total;
    int error;

    if (!process_block(input)) {
        put_total(json, NULL);
        mwd_json_close_array(json);
        return false;
    }
    error = mwd_view_ranking_init(&ranking, input, query);
    if (error < 0) {
        json->out->failed = error;
        return true;
    }
    total = rank_matches(input, query, &ranking);
    put_total(json, &total);
    put_list(input, &ranking, json);
    mwd_json_close_array(json);
    mwd_view_ranking_deinit(&ranking);
    return true;
}

void mwd_view_processes(const struct mwd_view_input *input, const struct mwd_process_query *query,
                        struct mwd_buffer *out)
{
    struct mwd_json json;

    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_view_put_head(input, &json);
    if (!mwd_view_put_processes(input, query, &json) &&
        mwd_view_put_reason(&json, false, "total", MW_ABSENT_STALE))
        mwd_json_close_object(&json);
    mwd_json_close_object(&json);
}

static bool find_pid(const struct mw_block *block, uint64_t pid, uint32_t *ret)
{
    const struct mw_block_key *keys = mw_block_keys(block);

    for (uint32_t row = 0; row < mw_block_head(block)->rows; row++) {
        if (keys[row].id == pid) {
            *ret = row;
            return true;
        }
    }
    return false;
}

int mwd_view_process(const struct mwd_view_input *input, uint64_t pid, struct mwd_buffer *out)
{
    const struct mw_block *block = process_block(input);
    struct mwd_view_rows rows;
    struct mwd_json json;
    uint32_t row;

    if (!block || !pid || !find_pid(block, pid, &row)) /* pid 0 would find a free row */
        return -ENOENT;
    mwd_view_rows_init(&rows, input);
    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_view_put_head(input, &json);
    mwd_view_rows_put(&rows, row, ",", out);
    return 0;
}
