#include "daemon/config_internal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
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

/* ---- titled blocks ---- */

enum { SHOWN_URL_MAX = 300 };

/* Behind the host of a hook's address there often stands its secret. */
static cJSON *masked_url(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t size = strcspn(host, "/?#") + (size_t)(host - url);
    char text[SHOWN_URL_MAX];

    if (url[size] == '\0' || strcmp(url + size, "/") == 0)
        return cJSON_CreateString(url);
    snprintf(text, sizeof text, "%.*s/***", (int)(size < 256 ? size : 256), url);
    return cJSON_CreateString(text);
}

static cJSON *of_element(uint32_t key, const struct mwd_list *list, uint32_t i)
{
    if (key == MWD_IN_SINK_URL)
        return masked_url(list->items[i]);
    if (key == MWD_IN_SINK_COMMAND && i > 0)
        return cJSON_CreateString("***");
    return cJSON_CreateString(list->items[i]);
}

static cJSON *of_titled_list(uint32_t key, const struct mwd_list *list)
{
    cJSON *array = cJSON_CreateArray();

    for (uint32_t i = 0; array && i < list->count; i++) {
        cJSON *element = of_element(key, list, i);

        if (!element || !cJSON_AddItemToArray(array, element)) {
            cJSON_Delete(element);
            cJSON_Delete(array);
            return NULL;
        }
    }
    return array;
}

static cJSON *of_titled(const struct mwd_titled *block, uint32_t key)
{
    switch (mwd_config_titled_keys[key].type) {
    case MWD_KEY_LIST:
        return of_titled_list(key, mwd_config_titled_list(block, key));
    case MWD_KEY_BOOL:
        return cJSON_CreateBool(mwd_config_titled_bool(block, key));
    case MWD_KEY_COUNT:
        return cJSON_CreateNumber((double)mwd_config_titled_number(block, key));
    default:
        return cJSON_CreateString(mwd_config_titled_text(block, key));
    }
}

static bool add_titled_key(cJSON *parent, const struct mwd_titled *block, uint32_t key)
{
    const struct mwd_titled_value *given = block->values[key];
    cJSON *object = cJSON_AddObjectToObject(parent, mwd_config_titled_short_name(key));
    cJSON *value = of_titled(block, key);

    if (!object || !cJSON_AddItemToObject(object, "value", value)) {
        cJSON_Delete(value);
        return false;
    }
    return cJSON_AddStringToObject(object, "origin", given ? given->origin : "default");
}

static bool add_block(cJSON *parent, enum mwd_titled_kind kind, const struct mwd_titled *block)
{
    cJSON *object = cJSON_AddObjectToObject(parent, block->title);
    bool good = object;

    for (uint32_t key = 0; good && key < MWD_TITLED_KEYS; key++)
        if (mwd_config_titled_keys[key].kind == kind &&
            (block->values[key] || mwd_config_titled_keys[key].default_text))
            good = add_titled_key(object, block, key);
    return good;
}

static bool add_blocks(cJSON *root, const struct mwd_config *self, enum mwd_titled_kind kind)
{
    const struct mwd_titled_set *set = &((const struct mwd_config_loaded *)self)->titled[kind];
    cJSON *object = cJSON_AddObjectToObject(root, mwd_config_titled_words[kind]);
    bool good = object;

    for (uint32_t i = 0; good && i < set->count; i++)
        good = add_block(object, kind, set->items[i]);
    return good;
}

void mwd_config_json(const struct mwd_config *self, struct mwd_buffer *out)
{
    cJSON *root = cJSON_CreateObject();
    bool good = root;
    char *text;

    for (uint32_t key = 0; good && key < MWD_CONFIG_KEYS; key++)
        good = add_key(root, self, key);
    for (uint32_t kind = 0; good && kind < MWD_TITLED_KINDS; kind++)
        good = add_blocks(root, self, (enum mwd_titled_kind)kind);
    text = good ? cJSON_PrintUnformatted(root) : NULL;
    if (text)
        mwd_buffer_puts(out, text);
    else
        out->failed = -ENOMEM;
    cJSON_free(text);
    cJSON_Delete(root);
}
