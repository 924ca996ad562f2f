/* Texts of /proc/vmstat one after the other, parted by NUL bytes: what is remembered of the names
 * of one text must never change what the next one says. */
#include "collect/collect.h"
#include "collect/fields_internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXTS_MAX = 8 }; /* more of them tell nothing new */

static void expect(int holds)
{
    if (!holds)
        abort();
}

static struct mw_block *take(struct mw_block_pool *pool)
{
    struct mw_block *block = NULL;

    expect(mw_block_take(pool, NULL, 1, &block) == 0);
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    return block;
}

static void expect_same(const struct mw_block *one, const struct mw_block *other)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);

    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++) {
        union mw_value left = {.u = 0}, right = {.u = 0};

        expect(mw_block_get(one, first + i, 0, &left) == mw_block_get(other, first + i, 0, &right));
        expect(left.u == right.u);
    }
}

static void try_text(struct mw_fields *fields, struct mw_block_pool *pool, struct mw_scan text)
{
    struct mw_block *with = take(pool), *without = take(pool);

    expect(mw_fields_vmstat(fields, text, with) ==
           mw_parse_vmstat(text.at, mw_scan_left(&text), without));
    expect_same(with, without);
    expect(fields->lines <= MW_FIELDS_LINES_MAX && fields->names_size <= MW_FIELDS_NAMES_MAX);
    mw_block_unref(with);
    mw_block_unref(without);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mw_scan rest = mw_scan_over((const char *)data, size), text;
    struct mw_block_pool *pool = NULL;
    struct mw_fields fields;

    mw_fields_init(&fields, "/proc/vmstat");
    expect(mw_block_pool_create(MW_SOURCE_SYSTEM, &pool) == 0);
    for (int i = 0; i < TEXTS_MAX && mw_scan_until(&rest, 0, &text); i++)
        try_text(&fields, pool, text);
    try_text(&fields, pool, rest);
    mw_block_pool_destroy(pool);
    return 0;
}
