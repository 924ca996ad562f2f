/* Titled blocks as they were given: by title, key by key, the later source over the earlier one.
 * What they come to as rules and sinks is found out at the end, by config_alert.c, config_sink.c
 * and config_group.c: only then is it known which reading a level is of. */
#include "daemon/config_internal.h"
#include "daemon/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

const struct mwd_titled_info mwd_config_titled_keys[] = {
#define MWD_TITLED(kind, id, name, argument, type, text, min, max, check, takes, help)             \
    {name, argument, text, takes, help, MWD_TITLED_##kind, type},
#include "daemon/config_titled.def"
#undef MWD_TITLED
};

const uint32_t mwd_config_titled_count = MWD_TITLED_KEYS;

const struct mwd_config_rule mwd_config_titled_rules[MWD_TITLED_KEYS] = {
#define MWD_TITLED(kind, id, name, argument, type, text, min, max, check, ...) {0, min, max, check},
#include "daemon/config_titled.def"
#undef MWD_TITLED
};

const char *const mwd_config_titled_words[MWD_TITLED_KINDS] = {"alert", "sink", "group"};
const uint32_t mwd_config_titled_max[MWD_TITLED_KINDS] = {
    MWD_CONFIG_ALERTS_MAX, MWD_CONFIG_SINKS_MAX, MWD_CONFIG_GROUPS_MAX};

const char mwd_config_built_in[] = "built in";

enum { SHOWN_MAX = 100 };

/* ---- names ---- */

static bool is_name(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && memcmp(name, text, size) == 0;
}

uint32_t mwd_config_titled_kind(const char *word, size_t size)
{
    uint32_t kind = 0;

    while (kind < MWD_TITLED_KINDS && !is_name(mwd_config_titled_words[kind], word, size))
        kind++;
    return kind;
}

const char *mwd_config_titled_short_name(uint32_t key)
{
    return strchr(mwd_config_titled_keys[key].name, '.') + 1;
}

uint32_t mwd_config_titled_find(enum mwd_titled_kind kind, const char *name, size_t size)
{
    uint32_t key = 0;

    while (key < MWD_TITLED_KEYS && (mwd_config_titled_keys[key].kind != kind ||
                                     !is_name(mwd_config_titled_short_name(key), name, size)))
        key++;
    return key;
}

const char *mwd_config_titled_nearest(enum mwd_titled_kind kind, const char *name, size_t size)
{
    struct mwd_nearest nearest = {NULL, 0};

    for (uint32_t key = 0; key < MWD_TITLED_KEYS; key++)
        if (mwd_config_titled_keys[key].kind == kind)
            mwd_nearest_offer(&nearest, name, size, mwd_config_titled_short_name(key));
    return nearest.name;
}

const char *mwd_config_titled_nearest_title(const struct mwd_titled_set *set, const char *title)
{
    struct mwd_nearest nearest = {NULL, 0};

    for (uint32_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i]->title, title) != 0)
            mwd_nearest_offer(&nearest, title, strlen(title), set->items[i]->title);
    return nearest.name;
}

void mwd_config_titled_where(enum mwd_titled_kind kind, const char *title, uint32_t key,
                             char ret[MWD_CONFIG_WHERE_SIZE])
{
    snprintf(ret, MWD_CONFIG_WHERE_SIZE, "%s \"%.*s\"%s%s", mwd_config_titled_words[kind],
             2 * MWD_CONFIG_TITLE_MAX, title, key < MWD_TITLED_KEYS ? ": " : "",
             key < MWD_TITLED_KEYS ? mwd_config_titled_short_name(key) : "");
}

static char *origin_of(const struct mwd_config_place *place)
{
    struct mwd_buffer text;

    mwd_buffer_init(&text, SIZE_MAX);
    mwd_config_put_clean(&text, place->source, strlen(place->source), SIZE_MAX);
    if (place->line && place->source != mwd_config_built_in)
        mwd_buffer_printf(&text, ":%u", (unsigned)place->line);
    mwd_buffer_append(&text, "", 1);
    if (text.failed)
        mwd_buffer_deinit(&text);
    return text.bytes;
}

/* ---- blocks ---- */

static struct mwd_titled *destroy_block(struct mwd_titled *self)
{
    if (!self)
        return NULL;
    for (uint32_t key = 0; key < MWD_TITLED_KEYS; key++)
        mwd_config_titled_drop(self, key);
    free(self->title);
    free(self->origin);
    free(self);
    return NULL;
}

static struct mwd_titled *create_block(const char *title)
{
    struct mwd_titled *self = calloc(1, sizeof *self);

    if (self)
        self->title = strdup(title);
    return self && self->title ? self : destroy_block(self);
}

void mwd_config_titled_clear(struct mwd_config_loaded *loaded)
{
    for (uint32_t kind = 0; kind < MWD_TITLED_KINDS; kind++) {
        struct mwd_titled_set *set = &loaded->titled[kind];

        for (uint32_t i = 0; i < set->count; i++)
            destroy_block(set->items[i]);
        free(set->items);
    }
    free(loaded->config.alerts);
    free(loaded->config.sinks);
    mwd_matcher_unref(loaded->config.groups);
}

struct mwd_titled *mwd_config_titled_get(const struct mwd_titled_set *set, const char *title)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i]->title, title) == 0)
            return set->items[i];
    return NULL;
}

static int add_block(struct mwd_titled_set *set, const char *title, struct mwd_titled **ret)
{
    struct mwd_titled **items = reallocarray(set->items, set->count + 1, sizeof *items);

    if (!items)
        return -ENOMEM;
    set->items = items;
    *ret = items[set->count] = create_block(title);
    if (!*ret)
        return -ENOMEM;
    set->count++;
    return 0;
}

int mwd_config_titled_open(struct mwd_config_loader *self, enum mwd_titled_kind kind,
                           const char *title, const struct mwd_config_place *place,
                           struct mwd_titled **ret)
{
    struct mwd_titled_set *set = &self->loaded->titled[kind];
    char *origin;
    int r = 0;

    *ret = mwd_config_titled_get(set, title);
    if (*ret && (*ret)->source == self->source)
        return -EEXIST;
    if (!*ret)
        r = set->count == mwd_config_titled_max[kind] ? -E2BIG : add_block(set, title, ret);
    if (r < 0)
        return r;
    origin = origin_of(place);
    if (!origin)
        return -ENOMEM;
    free((*ret)->origin);
    (*ret)->origin = origin;
    (*ret)->source = self->source;
    (*ret)->line = place->line;
    return 0;
}

/* ---- values ---- */

static struct mwd_titled_value *destroy_value(struct mwd_titled_value *self)
{
    if (!self)
        return NULL;
    for (uint32_t i = 0; i < self->list.count; i++)
        free(self->list.items[i]);
    free(self->origin);
    free(self);
    return NULL;
}

void mwd_config_titled_drop(struct mwd_titled *block, uint32_t key)
{
    block->values[key] = destroy_value(block->values[key]);
}

static struct mwd_titled_value *create_value(const struct mwd_config_loader *loader,
                                             const struct mwd_config_given *given)
{
    struct mwd_titled_value *self = calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->source = loader->source;
    self->line = given->place.line;
    self->origin = origin_of(&given->place);
    for (; self->origin && self->list.count < given->count; self->list.count++) {
        self->list.items[self->list.count] = strdup(given->items[self->list.count].text);
        if (!self->list.items[self->list.count])
            break;
    }
    return self->origin && self->list.count == given->count ? self : destroy_value(self);
}

static bool fits(uint32_t key, const char *text)
{
    const struct mwd_config_rule *rule = &mwd_config_titled_rules[key];
    uint64_t number;

    switch (mwd_config_titled_keys[key].type) {
    case MWD_KEY_TEXT:
    case MWD_KEY_LIST:
        return mwd_config_text_fits(rule, text);
    case MWD_KEY_BOOL:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    default:
        return mwd_config_number(mwd_config_titled_keys[key].type, rule, text, &number);
    }
}

static void fail_value(struct mwd_config_loader *self, const struct mwd_config_given *given,
                       const struct mwd_config_item *item)
{
    struct mwd_config_place place = {given->place.source, item->line, given->place.key};
    struct mwd_buffer *error = mwd_config_errors_add(&self->errors, &place);

    if (!error)
        return;
    mwd_buffer_printf(error, "takes %s; got \"", mwd_config_titled_keys[given->key].takes);
    mwd_config_put_clean(error, item->text, strlen(item->text), SHOWN_MAX);
    mwd_buffer_puts(error, "\"");
}

static bool is_good(struct mwd_config_loader *self, const struct mwd_config_given *given)
{
    bool good = given->count <= MWD_CONFIG_LIST_MAX;
    struct mwd_buffer *error;

    error = good ? NULL : mwd_config_errors_add(&self->errors, &given->place);
    if (error)
        mwd_buffer_printf(error, "takes at most %d elements; got %u", MWD_CONFIG_LIST_MAX,
                          (unsigned)given->count);
    for (uint32_t i = 0; i < given->count && i < MWD_CONFIG_LIST_MAX; i++) {
        if (fits(given->key, given->items[i].text))
            continue;
        fail_value(self, given, &given->items[i]);
        good = false;
    }
    return good;
}

/* A level over which to raise makes nothing of an earlier one under which to, and the other way
 * round: the earlier side goes, with its level to clear. */
static void drop_other_side(struct mwd_titled *block, uint32_t key, uint32_t source)
{
    uint32_t other = key == MWD_IN_ALERT_ABOVE ? MWD_IN_ALERT_BELOW : MWD_IN_ALERT_ABOVE;
    const struct mwd_titled_value *clear = block->values[MWD_IN_ALERT_CLEAR];

    if (key != MWD_IN_ALERT_ABOVE && key != MWD_IN_ALERT_BELOW)
        return;
    if (!block->values[other] || block->values[other]->source == source)
        return;
    mwd_config_titled_drop(block, other);
    if (clear && clear->source != source)
        mwd_config_titled_drop(block, MWD_IN_ALERT_CLEAR);
}

int mwd_config_titled_put(struct mwd_config_loader *self, struct mwd_titled *block,
                          const struct mwd_config_given *given)
{
    struct mwd_titled_value *value;

    if (!is_good(self, given)) {
        block->bad = true;
        return 0;
    }
    value = create_value(self, given);
    if (!value)
        return -ENOMEM;
    mwd_config_titled_drop(block, given->key);
    block->values[given->key] = value;
    drop_other_side(block, given->key, self->source);
    return 0;
}

/* ---- as they count ---- */

static const struct mwd_list no_list;

const struct mwd_list *mwd_config_titled_list(const struct mwd_titled *block, uint32_t key)
{
    return block->values[key] ? &block->values[key]->list : &no_list;
}

const char *mwd_config_titled_text(const struct mwd_titled *block, uint32_t key)
{
    const struct mwd_titled_value *value = block->values[key];
    const char *text = value ? value->list.items[0] : mwd_config_titled_keys[key].default_text;

    return text ? text : "";
}

uint64_t mwd_config_titled_number(const struct mwd_titled *block, uint32_t key)
{
    uint64_t number = 0;

    mwd_config_number(mwd_config_titled_keys[key].type, &mwd_config_titled_rules[key],
                      mwd_config_titled_text(block, key), &number);
    return number;
}

bool mwd_config_titled_bool(const struct mwd_titled *block, uint32_t key)
{
    return strcmp(mwd_config_titled_text(block, key), "true") == 0;
}

/* ---- errors at the end ---- */

/* Where a value came from is told as it was then: "FILE:LINE" already. */
struct mwd_buffer *mwd_config_titled_fail(struct mwd_config_loader *self, enum mwd_titled_kind kind,
                                          const struct mwd_titled *block, uint32_t key)
{
    const struct mwd_titled_value *value = key < MWD_TITLED_KEYS ? block->values[key] : NULL;
    char where[MWD_CONFIG_WHERE_SIZE];
    struct mwd_config_place place = {value ? value->origin : block->origin, 0, where};

    mwd_config_titled_where(kind, block->title, key, where);
    return mwd_config_errors_add(&self->errors, &place);
}

/* ---- back to text ---- */

/* A number, or true, as the file may have it: with a blank before its unit it stands in quotes. */
static void put_word(struct mwd_buffer *out, const char *text)
{
    if (strpbrk(text, " \t"))
        mwd_config_put_quoted(out, text);
    else
        mwd_buffer_puts(out, text);
}

static void put_value(const struct mwd_titled *block, uint32_t key, struct mwd_buffer *out)
{
    if (mwd_config_titled_keys[key].type == MWD_KEY_LIST)
        mwd_config_put_list(out, mwd_config_titled_list(block, key));
    else if (mwd_config_titled_keys[key].type == MWD_KEY_TEXT)
        mwd_config_put_quoted(out, mwd_config_titled_text(block, key));
    else
        put_word(out, mwd_config_titled_text(block, key));
}

static void dump_block(enum mwd_titled_kind kind, const struct mwd_titled *block,
                       struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "%s ", mwd_config_titled_words[kind]);
    mwd_config_put_quoted(out, block->title);
    mwd_buffer_puts(out, " {\n");
    for (uint32_t key = 0; key < MWD_TITLED_KEYS; key++) {
        const struct mwd_titled_info *info = &mwd_config_titled_keys[key];
        const struct mwd_titled_value *value = block->values[key];

        if (info->kind != kind || (!value && !info->default_text))
            continue;
        mwd_buffer_printf(out, "    %s = ", mwd_config_titled_short_name(key));
        put_value(block, key, out);
        mwd_buffer_printf(out, "  # %s\n", value ? value->origin : "default");
    }
    mwd_buffer_puts(out, "}\n");
}

void mwd_config_titled_dump(const struct mwd_config_loaded *loaded, struct mwd_buffer *out)
{
    for (uint32_t kind = 0; kind < MWD_TITLED_KINDS; kind++)
        for (uint32_t i = 0; i < loaded->titled[kind].count; i++)
            dump_block((enum mwd_titled_kind)kind, loaded->titled[kind].items[i], out);
}
