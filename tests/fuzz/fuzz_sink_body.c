/* Bodies of webhooks. What comes out of one that is cut is JSON, not too long and marked; what is
 * not cut means what it meant. Small inputs are blown up, since only large ones are cut. */
#include "daemon/sink.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 20 };

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void try_small(const char *body, size_t size)
{
    struct mwd_buffer out;

    mwd_buffer_init(&out, OUT_MAX);
    if (mwd_sink_body(body, size, &out) == 0) {
        cJSON *before = cJSON_ParseWithLength(body, size);
        cJSON *after = cJSON_ParseWithLength(out.bytes, out.size);

        need(out.size <= MWD_SINK_BODY_MAX);
        need((before != NULL) == (after != NULL)); /* cJSON has no patience with "\u0000" */
        need(!before || cJSON_Compare(before, after, true) || strstr(body, "e") ||
             strstr(body, "E"));
        cJSON_Delete(before);
        cJSON_Delete(after);
    } else {
        need(out.size == 0);
    }
    mwd_buffer_deinit(&out);
}

/* {"a":[INPUT,INPUT,...]} */
static void try_large(const char *item, size_t size)
{
    struct mwd_buffer body, out;

    mwd_buffer_init(&body, OUT_MAX);
    mwd_buffer_init(&out, OUT_MAX);
    mwd_buffer_puts(&body, "{\"a\":[");
    while (body.size <= MWD_SINK_BODY_MAX) {
        mwd_buffer_append(&body, item, size);
        mwd_buffer_puts(&body, ",");
    }
    mwd_buffer_puts(&body, "1],\"b\":2}");
    if (mwd_sink_body(body.bytes, body.size, &out) == 0) {
        need(out.size <= MWD_SINK_BODY_MAX);
        need(out.bytes[0] == '{' && out.bytes[out.size - 1] == '}');
        struct mwd_buffer again;
        mwd_buffer_init(&again, OUT_MAX);
        need(mwd_sink_body(out.bytes, out.size, &again) == 0);
        need(again.size == out.size && memcmp(again.bytes, out.bytes, out.size) == 0);
        mwd_buffer_deinit(&again);
    }
    mwd_buffer_deinit(&body);
    mwd_buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = malloc(size + 1);

    if (!body)
        return 0;
    memcpy(body, data, size);
    body[size] = '\0';
    try_small(body, size);
    if (size > 0 && size < 4096)
        try_large(body, size);
    free(body);
    return 0;
}
