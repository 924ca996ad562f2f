/* /proc/meminfo in any bytes. */
#include "tests/fuzz/text_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    text_check(mw_parse_meminfo, "/proc/meminfo", data, size);
    return 0;
}
