/* /proc/PID/stat in any bytes: the name is the bytes up to the last bracket, and what stands behind
 * the start time changes nothing. */
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

static void expect_name(const struct mw_stat *found, const char *text, size_t size)
{
    const char *open = memchr(text, '(', size);
    const char *close = memrchr(text, ')', size);
    size_t length;

    expect(open != NULL && close != NULL && open < close);
    length = (size_t)(close - open - 1);
    expect(found->name_size == (length < MW_NAME_MAX ? length : MW_NAME_MAX));
    expect(memcmp(found->name, open + 1, found->name_size) == 0);
}

static void expect_same_with_more(const struct mw_stat *found, const char *text, size_t size)
{
    static const char more[] = " 0 -1 18446744073709551616 x\n";
    char *longer = malloc(size + sizeof(more));
    struct mw_stat again;

    expect(longer != NULL);
    memcpy(longer, text, size);
    memcpy(longer + size, more, sizeof(more));
    expect(mw_parse_stat(longer, size + sizeof(more), &again) == 0);
    expect(again.start_ticks == found->start_ticks && again.ppid == found->ppid);
    expect(again.state == found->state && again.name_size == found->name_size);
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct mw_stat found;
    int error = mw_parse_stat(text, size, &found);

    if (error < 0) {
        expect(error == -ENODATA || error == -EINVAL || error == -ERANGE);
        return 0;
    }
    expect(error == 0);
    expect((found.state | 32) >= 'a' && (found.state | 32) <= 'z');
    expect_name(&found, text, size);
    expect_same_with_more(&found, text, size);
    return 0;
}
