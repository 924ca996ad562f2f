/* bench_json [PROCESSES]: what a field of /api/v1/processes costs, by our writer and by cJSON for
 * the same document. A field is a member of a process object, those of its "absent" object too.
 *
 * CPU time of this thread; each figure is the median of 9 measurements, taken in turn. Without an
 * argument: 1000 and 5000 processes, all of them programs, and with a third kernel threads; then
 * the 20 largest of them alone. */
#include "daemon/view.h"
#include "tests/support/synthetic.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MEASUREMENTS = 9, MIN_NS = 20 * 1000 * 1000 };

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct job {
    struct synthetic synthetic;
    struct mwd_process_query query;
    struct mwd_buffer out;
    uint64_t fields;
};

/* ---- the two ways ---- */

static void ours(struct job *job)
{
    struct mwd_view_input input = {.sample = job->synthetic.sample,
                                   .subjects = job->synthetic.subjects};

    job->out.size = 0;
    mwd_view_processes(&input, &job->query, &job->out);
}

static void add_text(cJSON *object, cJSON *absent, const char *key, struct mw_subject_text text)
{
    char bytes[MW_BLOCK_TEXT_MAX + 1];

    if (text.absence != MW_PRESENT) {
        cJSON_AddNullToObject(object, key);
        cJSON_AddStringToObject(absent, key, mw_absence_word(text.absence));
        return;
    }
    memcpy(bytes, text.bytes, text.size);
    bytes[text.size] = '\0';
    cJSON_AddStringToObject(object, key, bytes);
}

static void add_reading(const struct job *job, cJSON *object, cJSON *absent,
                        enum mw_reading reading, uint32_t row)
{
    const struct mw_reading_info *info = mw_reading_info(reading);
    union mw_value value;
    enum mw_absence absence = mw_sample_get(job->synthetic.sample, reading, row, &value);

    if (absence != MW_PRESENT) {
        cJSON_AddNullToObject(object, info->key);
        cJSON_AddStringToObject(absent, info->key, mw_absence_word(absence));
    } else if (info->value == MW_VALUE_TEXT) {
        cJSON_AddStringToObject(object, info->key, (char[]){(char)value.u, '\0'});
    } else {
        cJSON_AddNumberToObject(object, info->key,
                                info->value == MW_VALUE_F64   ? value.f
                                : info->value == MW_VALUE_I64 ? (double)value.i
                                                              : (double)value.u);
    }
}

static cJSON *process_tree(const struct job *job, uint32_t row)
{
    const struct mw_block *block = mw_sample_block(job->synthetic.sample, MW_SOURCE_PROCESS);
    enum mw_reading first = mw_source_first(MW_SOURCE_PROCESS);
    cJSON *object = cJSON_CreateObject();
    cJSON *absent = cJSON_CreateObject();
    struct mw_subject subject;

    mw_subjects_at(job->synthetic.subjects, block, row, &subject);
    cJSON_AddNumberToObject(object, "pid", (double)subject.key.id);
    cJSON_AddNumberToObject(object, "startTimeMs", (double)subject.key.birth);
    add_text(object, absent, "name", subject.name);
    for (uint32_t i = 0; i < mw_source_columns(MW_SOURCE_PROCESS); i++)
        add_reading(job, object, absent, first + i, row);
    add_text(object, absent, "cgroup", subject.cgroup);
    if (cJSON_GetArraySize(absent) > 0)
        cJSON_AddItemToObject(object, "absent", absent);
    else
        cJSON_Delete(absent);
    return object;
}

/* All rows in the order of the block: cJSON is even spared the sorting. */
static void theirs(struct job *job)
{
    const struct mw_block *block = mw_sample_block(job->synthetic.sample, MW_SOURCE_PROCESS);
    cJSON *document = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(document, "processes");
    char *text;

    for (uint32_t row = 0; row < mw_block_head(block)->rows && row < job->query.limit; row++)
        cJSON_AddItemToArray(list, process_tree(job, row));
    text = cJSON_PrintUnformatted(document);
    cJSON_free(text);
    cJSON_Delete(document);
}

/* ---- measuring ---- */

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static double measure(void (*way)(struct job *), struct job *job)
{
    uint64_t begin = cpu_ns(), spent;
    uint32_t rounds = 0;

    do {
        way(job);
        rounds++;
        spent = cpu_ns() - begin;
    } while (spent < MIN_NS);
    return (double)spent / rounds;
}

static uint64_t count_fields(struct job *job)
{
    cJSON *document, *process;
    uint64_t fields = 0;

    ours(job);
    document = cJSON_ParseWithLength(job->out.bytes, job->out.size);
    cJSON_ArrayForEach(process, cJSON_GetObjectItemCaseSensitive(document, "processes"))
    {
        cJSON *absent = cJSON_GetObjectItemCaseSensitive(process, "absent");

        fields += (uint64_t)cJSON_GetArraySize(process) - (absent != NULL);
        fields += absent ? (uint64_t)cJSON_GetArraySize(absent) : 0;
    }
    cJSON_Delete(document);
    return fields;
}

static void run(uint32_t processes, unsigned kernel_thread_percent, uint64_t limit)
{
    struct synthetic_options options = {
        .seed = 1, .processes = processes, .kernel_thread_percent = kernel_thread_percent};
    struct job job = {.query = {.sort = MW_PROCESS_RSS, .limit = limit}};
    double own[MEASUREMENTS], cjson[MEASUREMENTS], per_field;
    bool whole = limit >= processes;

    synthetic_init(&job.synthetic, &options);
    mwd_buffer_init(&job.out, SIZE_MAX);
    job.fields = count_fields(&job);
    for (int i = 0; i < MEASUREMENTS; i++) {
        own[i] = measure(ours, &job);
        cjson[i] = measure(theirs, &job);
    }
    qsort(own, MEASUREMENTS, sizeof(own[0]), compare);
    qsort(cjson, MEASUREMENTS, sizeof(cjson[0]), compare);
    per_field = own[MEASUREMENTS / 2] / (double)job.fields;
    printf("%u processes, %u %% kernel threads, %s: %" PRIu64 " fields, %zu bytes\n"
           "  ours  %8.1f us, %6.2f ns a field (%.2f to %.2f)%s\n"
           "  cJSON %8.1f us, %6.1f ns a field; ratio %.1f\n",
           processes, kernel_thread_percent, whole ? "all" : "the largest", job.fields,
           job.out.size, own[MEASUREMENTS / 2] / 1e3, per_field, own[0] / (double)job.fields,
           own[MEASUREMENTS - 1] / (double)job.fields, whole ? "" : ", choosing them included",
           cjson[MEASUREMENTS / 2] / 1e3, cjson[MEASUREMENTS / 2] / (double)job.fields,
           cjson[MEASUREMENTS / 2] / own[MEASUREMENTS / 2]);
    mwd_buffer_deinit(&job.out);
    synthetic_deinit(&job.synthetic);
}

int main(int count, char **arguments)
{
    uint32_t sizes[] = {1000, 5000};
    uint32_t first = 0;

    if (count > 1) {
        sizes[1] = (uint32_t)strtoul(arguments[1], NULL, 10);
        first = 1;
    }
    for (uint32_t i = first; i < 2; i++) {
        run(sizes[i], 0, UINT64_MAX);
        run(sizes[i], 33, UINT64_MAX);
        run(sizes[i], 0, 20);
    }
    return 0;
}
