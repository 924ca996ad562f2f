/* Whatever comes as lines of statsd or as the body of a report: no subject gets a number that a
 * reading may not have or a name that is none, each line and each body is taken or counted once,
 * and a line that is taken has its three words within it. */
#include "daemon/push.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum mw_kind kinds[] = {MW_KIND_QUEUE, MW_KIND_HEAP, MW_KIND_CACHE};

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void on_change(void *context, enum mw_kind kind)
{
    (void)context;
    expect(mwd_name_kind(kind));
}

static uint64_t handled(const struct mwd_push *push)
{
    struct mwd_push_numbers numbers;
    uint64_t sum;

    mwd_push_get_numbers(push, &numbers);
    sum = numbers.pushes;
    for (int reason = 0; reason < MWD_PUSH_REASONS; reason++)
        sum += numbers.refused[reason];
    return sum;
}

static void try_line(struct mwd_push *push, const char *line, size_t size)
{
    const struct mwd_name_owner owner = {.uid = 1000};
    uint64_t before = handled(push);
    struct mwd_statsd_line parsed;

    mwd_push_line(push, line, size, owner);
    expect(handled(push) == before + 1);
    if (mwd_statsd_parse(line, size, &parsed) < 0)
        return;
    expect(parsed.kind.text == line &&
           parsed.kind.size + parsed.name.size + parsed.field.size < size);
    expect(fabs(parsed.value) <= (double)MW_READING_MAX);
}

static void try_body(struct mwd_push *push, enum mw_kind kind, const char *body, size_t size)
{
    struct mwd_push_report report;
    char detail[MWD_PUSH_DETAIL_SIZE] = "";
    uint64_t before = handled(push);

    if (mwd_push_parse(push, kind, body, size, &report, detail) < 0) {
        expect(detail[0] && handled(push) == before + 1);
        return;
    }
    for (int i = 0; i < MWD_PUSH_FIELDS_MAX; i++)
        expect(isnan(report.values[i]) ||
               (report.values[i] >= 0 && report.values[i] <= (double)MW_READING_MAX));
    expect(mwd_push_put(push, kind, "body", (struct mwd_name_owner){.uid = 1000}, &report) == 0);
}

static void check_rows(struct mwd_push *push, enum mw_kind kind, enum mw_source source)
{
    struct mw_block_pool *pool;
    struct mw_block *block;
    const char *name;

    for (uint32_t i = 0; (name = mwd_name_at(mwd_push_names(push), kind, i)); i++)
        expect(mwd_name_valid(name, strlen(name)));
    if (mw_block_pool_create(source, &pool) < 0)
        return;
    expect(mw_block_take(pool, NULL, mwd_push_rows(push, kind), &block) == 0);
    mw_block_set_time(block, 1, 1, 1);
    mwd_push_fill(push, kind, 0, block);
    expect(mw_block_finish(block) == 0);
    expect(mw_block_check(mw_block_head(block), mw_block_head(block)->size) == 0);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mwd_push_options options = {
        .clock = mw_clock_system(), .expire_ns = UINT64_MAX, .on_change = on_change};
    struct mwd_push *push;
    char *text = malloc(size + 1);

    if (!text || mwd_push_create(&options, &push) < 0)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t line = end ? (size_t)(end - text) - at : size - at;

        try_line(push, text + at, line);
        at += line + 1;
    }
    for (int i = 0; i < 3; i++)
        try_body(push, kinds[i], text, size);
    check_rows(push, MW_KIND_QUEUE, MW_SOURCE_QUEUE);
    check_rows(push, MW_KIND_HEAP, MW_SOURCE_HEAP);
    check_rows(push, MW_KIND_CACHE, MW_SOURCE_CACHE);
    mwd_push_destroy(push);
    free(text);
    return 0;
}
