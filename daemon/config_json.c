#include "daemon/config_internal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

static cJSON *of_list(const struct mwd_list *list)
{
    return cJSON_CreateStringArray((const char *const *)list->items, (int)list->count);
}

/* Numbers with units, as the file has them. */
static cJSON *of_units(const struct mwd_config *self, uint32_t key)
{
    struct mwd_buffer text;
    cJSON *value = NULL;

    mwd_buffer_init(&text, 64);
    mwd_config_value(self, key, &text);
    mwd_buffer_append(&text, "", 1);
    if (!text.failed)
        value = cJSON_CreateString(text.bytes);
    mwd_buffer_deinit(&text);
    return value;
}

static cJSON *of_value(const struct mwd_config *self, uint32_t key)
{
    const void *at = (const char *)self + mwd_config_rules[key].offset;

    switch (mwd_config_keys[key].type) {
    case MWD_KEY_LIST:
        return of_list(at);
    case MWD_KEY_TEXT:
        return cJSON_CreateString(*(char *const *)at);
    case MWD_KEY_BOOL:
        return cJSON_CreateBool(*(const bool *)at);
    case MWD_KEY_COUNT:
        return cJSON_CreateNumber((double)*(const uint64_t *)at);
    default:
        return of_units(self, key);
    }
}

const char *mwd_config_json_type(enum mwd_key_type type)
{
    switch (type) {
    case MWD_KEY_LIST:
        return "array";
    case MWD_KEY_BOOL:
        return "boolean";
    case MWD_KEY_COUNT:
        return "integer";
    default:
        return "string";
    }
}

static bool add_key(cJSON *root, const struct mwd_config *self, uint32_t key)
{
    cJSON *object = cJSON_AddObjectToObject(root, mwd_config_keys[key].name);
    cJSON *value = of_value(self, key);

    if (!object || !cJSON_AddItemToObject(object, "value", value)) {
        cJSON_Delete(value);
        return false;
    }
    return cJSON_AddStringToObject(object, "origin", mwd_config_origin(self, key));
}

void mwd_config_json(const struct mwd_config *self, struct mwd_buffer *out)
{
    cJSON *root = cJSON_CreateObject();
    bool good = root;
    char *text;

    for (uint32_t key = 0; good && key < MWD_CONFIG_KEYS; key++)
        good = add_key(root, self, key);
    text = good ? cJSON_PrintUnformatted(root) : NULL;
    if (text)
        mwd_buffer_puts(out, text);
    else
        out->failed = -ENOMEM;
    cJSON_free(text);
    cJSON_Delete(root);
}
