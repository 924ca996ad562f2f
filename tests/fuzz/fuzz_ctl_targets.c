/* Lists of machines: whatever is taken is JSON with as many targets as were counted, each one a
 * host and a port; what is refused is a mistake at its place. */
#include "daemon/ctl/targets.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void check_target(const char *text)
{
    char again[MWD_CTL_TARGET_ROOM];
    const char *colon = strrchr(text, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;

    expect(port >= 1 && port <= 65535);
    expect(!mwd_ctl_target_parse(text, strlen(text), again));
    expect(strcmp(again, text) == 0);
}

static void check_document(const struct mwd_buffer *out, const struct mwd_ctl_targets *targets,
                           const struct mwd_ctl_target_label *label)
{
    cJSON *document = cJSON_ParseWithLength(out->bytes, out->size);
    const cJSON *group = cJSON_GetArrayItem(document, 0);
    const cJSON *list = cJSON_GetObjectItem(group, "targets");
    const cJSON *target, *text;

    expect(document && cJSON_GetArraySize(document) == 1);
    expect(cJSON_GetArraySize(list) == (int)targets->count);
    cJSON_ArrayForEach(target, list) check_target(cJSON_GetStringValue(target));
    if (label) {
        text = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItem(group, "labels"), label->name);
        expect(cJSON_IsString(text) && strcmp(text->valuestring, label->text) == 0);
    }
    cJSON_Delete(document);
}

static void add_lines(struct mwd_ctl_targets *targets, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t line = end ? (size_t)(end - text) - at : size - at;

        mwd_ctl_targets_add_line(targets, "here", text + at, line);
        at += line + 1;
    }
}

/* Up to the first 0 a label, behind it lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const void *zero = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t begin = zero ? (size_t)((const uint8_t *)zero - data) + 1 : 0;
    struct mwd_ctl_target_label label;
    struct mwd_ctl_targets targets;
    struct mwd_buffer out;
    bool has_label = zero && !mwd_ctl_target_label((const char *)data, &label);

    mwd_ctl_targets_init(&targets);
    mwd_buffer_init(&out, 1 << 24);
    add_lines(&targets, (const char *)data + begin, size - begin);
    expect(targets.mistake_count == 0 || targets.mistakes.size > 0);
    if (mwd_ctl_targets_render(&targets, &label, has_label, &out) == 0)
        check_document(&out, &targets, has_label ? &label : NULL);
    mwd_buffer_deinit(&out);
    mwd_ctl_targets_deinit(&targets);
    return 0;
}
