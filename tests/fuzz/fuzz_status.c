/* /proc/PID/status in any bytes: values are of the lines that are there, whatever the others are.
 */
#include "collect/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static int has(const struct mw_status *found, enum mw_status_field field)
{
    return (found->found & 1u << field) != 0;
}

static void expect_sense(const struct mw_status *found)
{
    static const enum mw_status_field sizes[] = {MW_STATUS_RSS_FILE, MW_STATUS_RSS_SHMEM,
                                                 MW_STATUS_SWAP, MW_STATUS_PEAK,
                                                 MW_STATUS_PAGE_TABLES};

    expect(found->found < 1u << MW_STATUS_FIELDS);
    expect(found->name_size <= MW_NAME_MAX && (found->has_name || found->name_size == 0));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        expect(!has(found, sizes[i]) || found->values[sizes[i]] % 1024 == 0);
    expect(!has(found, MW_STATUS_STATE) ||
           (found->values[MW_STATUS_STATE] > ' ' && found->values[MW_STATUS_STATE] <= '~'));
}

/* A line that makes no sense takes nothing from what stands before it. */
static void expect_same_with_more(const struct mw_status *found, const char *text, size_t size)
{
    static const char more[] = "VmSwap:\tx\nPPid:\n:\n\nThreads";
    char *longer = malloc(size + sizeof(more));
    struct mw_status again;

    expect(longer != NULL);
    memcpy(longer, text, size);
    memcpy(longer + size, more, sizeof(more));
    mw_parse_status(longer, size + sizeof(more), &again);
    expect(again.found == found->found);
    expect(memcmp(again.values, found->values, sizeof(again.values)) == 0);
    expect(again.name_size == found->name_size);
    expect(memcmp(again.name, found->name, again.name_size) == 0);
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mw_status found;
    int error = mw_parse_status((const char *)data, size, &found);

    expect(error == 0 || error == -ENODATA || error == -EINVAL || error == -ERANGE);
    expect(error < 0 || has(&found, MW_STATUS_STATE));
    expect_sense(&found);
    if (error == 0)
        expect_same_with_more(&found, (const char *)data, size);
    return 0;
}
