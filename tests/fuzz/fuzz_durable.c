/* Bytes as the file of alerts' state: what is read is whole, and written again reads as the same.
 */
#include "daemon/durable.h"
#include "daemon/ledger.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void check_record(const void *bytes, size_t size)
{
    struct mwd_ledger_record record, again;
    struct mwd_buffer out;

    if (mwd_ledger_decode(bytes, size, &record) < 0)
        return;
    mwd_buffer_init(&out, MWD_LEDGER_SIZE_MAX);
    mwd_ledger_encode(&record, &out);
    CHECK(!out.failed && out.size == size && memcmp(out.bytes, bytes, size) == 0);
    CHECK(mwd_ledger_decode(out.bytes, out.size, &again) == 0);
    mwd_buffer_deinit(&out);
}

static void on_record(void *context, const void *bytes, size_t size)
{
    CHECK(size > 0 && size <= MWD_DURABLE_RECORD_MAX);
    mwd_durable_put_record(context, bytes, size);
    check_record(bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mwd_buffer again;
    size_t whole;

    mwd_buffer_init(&again, SIZE_MAX);
    mwd_durable_put_head(&again, MWD_DURABLE_VERSION);
    mwd_durable_read(data, size, on_record, &again, &whole);
    CHECK(whole <= size && !again.failed);
    if (whole > 0)
        CHECK(again.size == whole && memcmp(again.bytes, data, whole) == 0);
    mwd_buffer_deinit(&again);
    check_record(data, size);
    return 0;
}
