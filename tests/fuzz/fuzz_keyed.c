/* memory.stat and its like in any bytes: what is found is a number of the text. */
#include "collect/collect.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"anon", "file", "max", "oom_kill"};
    uint64_t values[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    uint32_t found = 0;
    int error = mw_parse_keyed((const char *)data, size, keys, 4, values, &found);

    if (error != 0 && error != -ENODATA && error != -EINVAL && error != -ERANGE)
        abort();
    for (uint32_t i = 0; i < 4; i++)
        if ((found >> i & 1) != (values[i] <= MW_READING_MAX))
            abort();
    if (found >> 4)
        abort();
    return 0;
}
