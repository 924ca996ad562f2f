/* /proc/PID/statm in any bytes: what is taken is what a plain reading of the same numbers gives. */
#include "collect/collect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void expect_same_when_written_again(const struct mw_statm *found)
{
    struct mw_statm again;
    char text[256];
    int size = snprintf(text, sizeof(text),
                        "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 %" PRIu64 " 0\n",
                        found->size_pages, found->resident_pages, found->shared_pages,
                        found->text_pages, found->data_pages);

    expect(mw_parse_statm(text, (size_t)size, &again) == 0);
    expect(memcmp(&again, found, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mw_statm found;
    int error = mw_parse_statm((const char *)data, size, &found);

    if (error < 0) {
        expect(error == -ENODATA || error == -EINVAL || error == -ERANGE);
        return 0;
    }
    expect(error == 0 && found.shared_pages <= found.resident_pages);
    expect_same_when_written_again(&found);
    return 0;
}
