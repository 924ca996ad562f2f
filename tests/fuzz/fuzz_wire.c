/* Records of the daemon and memwatchd-deliver, as either end reads them. What is taken is written
 * again as the same bytes, so nothing in it was overlooked. */
#include "daemon/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need_same(const struct mwd_buffer *out, const char *bytes, size_t size)
{
    if (out->failed || out->size != size || memcmp(out->bytes, bytes, size) != 0)
        abort();
}

static void try_request(const char *bytes, size_t size)
{
    struct mwd_wire_request request;
    struct mwd_buffer out;

    if (mwd_wire_get_request(bytes, size, &request) < 0)
        return;
    mwd_buffer_init(&out, MWD_WIRE_MAX);
    mwd_wire_put_request(&out, &request);
    need_same(&out, bytes, size);
    mwd_buffer_deinit(&out);
}

static void try_answer(const char *bytes, size_t size)
{
    struct mwd_wire_answer answer;
    struct mwd_buffer out;

    if (mwd_wire_get_answer(bytes, size, &answer) < 0 || strlen(answer.why) > MWD_WIRE_WHY_MAX)
        return;
    mwd_buffer_init(&out, MWD_WIRE_MAX);
    mwd_wire_put_answer(&out, &answer);
    need_same(&out, bytes, size);
    mwd_buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1); /* so that one byte too far is seen */
    uint32_t length = size >= sizeof length ? (uint32_t)(size - sizeof length) : 0;

    if (!bytes)
        return 0;
    memcpy(bytes, data, size);
    long frame = mwd_wire_frame(bytes, size);
    if (frame > 0 && (size_t)frame <= size)
        try_request(bytes, (size_t)frame);
    if (size >= sizeof length) { /* with the length that it has */
        memcpy(bytes, &length, sizeof length);
        try_request(bytes, size);
        try_answer(bytes, size);
    }
    free(bytes);
    return 0;
}
