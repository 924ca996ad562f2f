/* Any bytes as a text: both writers say the same, it is valid JSON and UTF-8, and what was valid
 * UTF-8 reads back unchanged. */
#include "base/utf8.h"
#include "daemon/json.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    char *direct = malloc(6 * size + 2);
    struct mwd_buffer out;
    struct mwd_json json;
    cJSON *tree;

    need(direct != NULL);
    mwd_buffer_init(&out, SIZE_MAX);
    mwd_json_init(&json, &out);
    mwd_json_text(&json, bytes, size);
    need(out.failed == 0 && mw_utf8_valid(out.bytes, out.size));
    need((size_t)(mwd_json_at_text(direct, bytes, size) - direct) == out.size);
    need(memcmp(direct, out.bytes, out.size) == 0);
    mwd_buffer_append(&out, "", 1);
    need(strlen(out.bytes) == out.size - 1);
    if (!memchr(bytes, 0, size)) { /* cJSON refuses \u0000 */
        tree = cJSON_ParseWithOpts(out.bytes, NULL, 1);
        need(cJSON_IsString(tree));
        if (mw_utf8_valid(bytes, size))
            need(strlen(tree->valuestring) == size && memcmp(tree->valuestring, bytes, size) == 0);
        cJSON_Delete(tree);
    }
    mwd_buffer_deinit(&out);
    free(direct);
    return 0;
}
