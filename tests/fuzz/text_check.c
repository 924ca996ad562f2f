#include "tests/fuzz/text_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { UNTOUCHED = 4711 };

static void expect(int holds)
{
    if (!holds)
        abort();
}

static struct mw_block *take(struct mw_block_pool *pool)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);
    struct mw_block *block = NULL;

    expect(mw_block_take(pool, NULL, 1, &block) == 0);
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++)
        mw_block_put(block, first + i, 0, (union mw_value){.u = UNTOUCHED});
    return block;
}

static void expect_sense(const struct mw_reading_info *info, union mw_value value)
{
    if (info->value == MW_VALUE_F64)
        expect(value.f >= 0 && value.f <= 100);
    else
        expect(value.u <= MW_READING_MAX);
    expect(info->unit != MW_UNIT_BYTES || value.u % 1024 == 0);
}

/* Returns how many readings of the file make no sense. */
static unsigned check_readings(const struct mw_block *block, const char *file)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);
    unsigned stale = 0;

    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++) {
        const struct mw_reading_info *info = mw_reading_info(first + i);
        union mw_value value = {.u = 0};
        enum mw_absence absence = mw_block_get(block, first + i, 0, &value);

        if (strcmp(info->file, file) != 0) {
            expect(absence == MW_PRESENT && value.u == UNTOUCHED);
        } else if (absence == MW_PRESENT) {
            expect_sense(info, value);
        } else {
            expect(absence == MW_ABSENT_STALE || absence == MW_ABSENT_UNSUPPORTED);
            stale += absence == MW_ABSENT_STALE;
        }
    }
    return stale;
}

void text_check(text_parser parse, const char *file, const uint8_t *data, size_t size)
{
    struct mw_block_pool *pool = NULL;
    struct mw_block *block;
    bool cut = size == 0 || data[size - 1] != '\n';
    unsigned stale;
    int error;

    expect(mw_block_pool_create(MW_SOURCE_SYSTEM, &pool) == 0);
    block = take(pool);
    error = parse((const char *)data, size, block);
    stale = check_readings(block, file);
    expect(error == 0 || error == -ENODATA || error == -EINVAL || error == -ERANGE);
    expect((error == 0) == (stale == 0 && !cut));
    expect(mw_block_finish(block) == 0);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}
