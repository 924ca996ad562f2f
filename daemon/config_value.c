/* One value: from text into the field of its key, and back. The table says which type, which bounds
 * and which further check; nothing here knows a key by name. */
#include "daemon/config_internal.h"

#include "base/units.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 100 };

static void *field(struct mwd_config *self, uint32_t key)
{
    return (char *)self + mwd_config_rules[key].offset;
}

static const void *field_of(const struct mwd_config *self, uint32_t key)
{
    return (const char *)self + mwd_config_rules[key].offset;
}

static void clear_list(struct mwd_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->items[i]);
    list->count = 0;
}

void mwd_config_clear(struct mwd_config *self)
{
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++)
        if (mwd_config_keys[key].type == MWD_KEY_LIST)
            clear_list(field(self, key));
        else if (mwd_config_keys[key].type == MWD_KEY_TEXT)
            free(*(char **)field(self, key));
}

/* ---- from text ----
 *
 * Errors of these: -EINVAL the value is not what the key takes, -ENOMEM. */

static int set_number(struct mwd_config *self, uint32_t key, const char *text)
{
    const struct mwd_config_rule *rule = &mwd_config_rules[key];
    uint64_t value;
    int r;

    if (mwd_config_keys[key].type == MWD_KEY_SPAN)
        r = mw_units_parse_span_ns(text, &value);
    else if (mwd_config_keys[key].type == MWD_KEY_BYTES)
        r = mw_units_parse_bytes(text, &value);
    else
        r = mw_units_parse_count(text, &value);
    if (r < 0 || value < rule->min || value > rule->max || (rule->check && !rule->check(text)))
        return -EINVAL;
    *(uint64_t *)field(self, key) = value;
    return 0;
}

static int set_bool(struct mwd_config *self, uint32_t key, const char *text)
{
    bool value = strcmp(text, "true") == 0;

    if (!value && strcmp(text, "false") != 0)
        return -EINVAL;
    *(bool *)field(self, key) = value;
    return 0;
}

/* Texts of all sources must be such that a file could hold them, or the dump could not be read. */
static bool fits(uint32_t key, const char *text)
{
    const struct mwd_config_rule *rule = &mwd_config_rules[key];
    size_t size = strlen(text);

    for (size_t i = 0; i < size; i++)
        if (iscntrl((unsigned char)text[i]))
            return false;
    return size >= rule->min && size <= rule->max && mw_utf8_valid(text, size) &&
           (size == 0 || !rule->check || rule->check(text));
}

static int set_text(struct mwd_config *self, uint32_t key, const char *text)
{
    char **at = field(self, key);
    char *copy;

    if (!fits(key, text))
        return -EINVAL;
    copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(*at);
    *at = copy;
    return 0;
}

static int set_one(struct mwd_config *self, uint32_t key, const char *text)
{
    switch (mwd_config_keys[key].type) {
    case MWD_KEY_BOOL:
        return set_bool(self, key, text);
    case MWD_KEY_TEXT:
        return set_text(self, key, text);
    default:
        return set_number(self, key, text);
    }
}

static struct mwd_buffer *fail(struct mwd_config_loader *self, const struct mwd_config_given *given,
                               uint32_t line)
{
    struct mwd_config_place place = given->place;

    if (place.line)
        place.line = line;
    self->bad[given->key] = true;
    return mwd_config_errors_add(&self->errors, &place);
}

static void fail_value(struct mwd_config_loader *self, const struct mwd_config_given *given,
                       const struct mwd_config_item *item)
{
    struct mwd_buffer *error;

    /* It may have grown together with a word in front of it. */
    if (strchr(item->text, MWD_CONFIG_MARK) && given->place.line) {
        self->bad[given->key] = true;
        return;
    }
    error = fail(self, given, item->line);
    if (!error)
        return;
    mwd_buffer_printf(error, "takes %s; got \"", mwd_config_keys[given->key].takes);
    mwd_config_put_clean(error, item->text, strlen(item->text), SHOWN_MAX);
    mwd_buffer_puts(error, "\"");
}

static void fail_count(struct mwd_config_loader *self, const struct mwd_config_given *given)
{
    struct mwd_buffer *error = fail(self, given, given->place.line);

    if (error)
        mwd_buffer_printf(error, "takes at most %u elements; got %u",
                          (unsigned)mwd_config_list_max(given->key), (unsigned)given->count);
}

static uint32_t kept_count(const struct mwd_config_given *given)
{
    uint32_t most = mwd_config_list_max(given->key);

    return given->count < most ? given->count : most;
}

/* A list replaces what was there, whole or not at all. */
static int set_list(struct mwd_config_loader *self, const struct mwd_config_given *given)
{
    struct mwd_list list = {.count = 0};
    struct mwd_list *at = field(&self->loaded->config, given->key);
    bool good = given->count <= mwd_config_list_max(given->key);

    if (!good)
        fail_count(self, given);
    for (uint32_t i = 0; i < kept_count(given); i++) {
        if (!fits(given->key, given->items[i].text)) {
            fail_value(self, given, &given->items[i]);
            good = false;
        }
    }
    if (!good)
        return -EINVAL;
    for (; list.count < given->count; list.count++) {
        list.items[list.count] = strdup(given->items[list.count].text);
        if (!list.items[list.count]) {
            clear_list(&list);
            return -ENOMEM;
        }
    }
    clear_list(at);
    *at = list;
    return 0;
}

/* ---- origin ---- */

static int set_origin(struct mwd_config_loader *self, const struct mwd_config_given *given)
{
    struct mwd_config_origin *origin = &self->loaded->origins[given->key];
    const struct mwd_config_place *place = &given->place;
    struct mwd_buffer text;

    mwd_buffer_init(&text, SIZE_MAX);
    mwd_config_put_clean(&text, place->source, strlen(place->source), SIZE_MAX);
    if (place->line)
        mwd_buffer_printf(&text, ":%u", (unsigned)place->line);
    mwd_buffer_append(&text, "", 1);
    if (text.failed) {
        mwd_buffer_deinit(&text);
        return -ENOMEM;
    }
    free(origin->text);
    *origin = (struct mwd_config_origin){text.bytes, place->line == 0};
    return 0;
}

int mwd_config_set(struct mwd_config_loader *self, const struct mwd_config_given *given)
{
    bool list = mwd_config_keys[given->key].type == MWD_KEY_LIST;
    int r = list ? set_list(self, given)
                 : set_one(&self->loaded->config, given->key, given->items[0].text);

    if (r == -EINVAL && !list)
        fail_value(self, given, &given->items[0]);
    if (r == 0)
        return set_origin(self, given);
    return r == -EINVAL ? 0 : r;
}

/* ---- back to text ---- */

static void put_quoted(struct mwd_buffer *out, const char *text)
{
    mwd_buffer_puts(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || (text[0] == '$' && text[1] == '{'))
            mwd_buffer_puts(out, "\\");
        mwd_buffer_append(out, text, 1);
    }
    mwd_buffer_puts(out, "\"");
}

static void put_list(struct mwd_buffer *out, const struct mwd_list *list)
{
    mwd_buffer_puts(out, "{");
    for (uint32_t i = 0; i < list->count; i++) {
        mwd_buffer_puts(out, i ? ", " : "");
        put_quoted(out, list->items[i]);
    }
    mwd_buffer_puts(out, "}");
}

static void put_number(struct mwd_buffer *out, enum mwd_key_type type, uint64_t value)
{
    char text[32];

    if (type == MWD_KEY_SPAN)
        mw_units_format_span(value, text, sizeof text);
    else if (type == MWD_KEY_BYTES)
        mw_units_format_bytes(value, text, sizeof text);
    else
        snprintf(text, sizeof text, "%" PRIu64, value);
    mwd_buffer_puts(out, text);
}

void mwd_config_value(const struct mwd_config *self, uint32_t key, struct mwd_buffer *out)
{
    enum mwd_key_type type = mwd_config_keys[key].type;
    const void *at = field_of(self, key);

    if (type == MWD_KEY_LIST)
        put_list(out, at);
    else if (type == MWD_KEY_TEXT)
        put_quoted(out, *(char *const *)at);
    else if (type == MWD_KEY_BOOL)
        mwd_buffer_puts(out, *(const bool *)at ? "true" : "false");
    else
        put_number(out, type, *(const uint64_t *)at);
}
