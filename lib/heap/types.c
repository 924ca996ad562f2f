/* Types: what is registered once and looked at for each object. */
#include "heap/heap_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIXED_WORDS_MAX = 16000, STRUCT_WORDS_MAX = 64, MAP_WORDS = 64, TYPES_FIRST = 16 };

static bool is_record(enum mw_heap_kind kind)
{
    return kind == MW_KIND_FIXED || kind == MW_KIND_CUSTOM;
}

static bool words_make_sense(const struct mw_heap_type_info *info)
{
    if (is_record(info->kind))
        return info->words >= 1 && info->words <= FIXED_WORDS_MAX;
    if (info->kind == MW_KIND_STRUCTS)
        return info->words >= 1 && info->words <= STRUCT_WORDS_MAX;
    return info->words == 0;
}

static bool fields_make_sense(const struct mw_heap_type_info *info)
{
    bool may = info->kind == MW_KIND_FIXED || info->kind == MW_KIND_STRUCTS;

    if (info->field_count > info->words ||
        (info->field_count > 0 && (!may || info->fields == NULL)))
        return false;
    for (uint32_t i = 0; i < info->field_count; i++) {
        if (info->fields[i].name == NULL || info->fields[i].word >= info->words)
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (info->fields[j].word == info->fields[i].word)
                return false;
    }
    return true;
}

static bool info_makes_sense(const struct mw_heap_type_info *info)
{
    return info->name != NULL && info->kind <= MW_KIND_TEXT && words_make_sense(info) &&
           fields_make_sense(info) && (info->kind == MW_KIND_CUSTOM) == (info->trace != NULL);
}

static struct mw_shape shape_of(const struct mw_heap_type_info *info,
                                const struct mw_type_entry *entry)
{
    struct mw_shape shape = {.kind = MW_SHAPE_LEAF, .words = info->words};
    uint32_t last = 0;

    for (uint32_t i = 0; i < info->field_count; i++) {
        last = info->fields[i].word > last ? info->fields[i].word : last;
        shape.map |= (uint64_t)1 << info->fields[i].word % MAP_WORDS;
    }
    if (info->kind == MW_KIND_REFS) {
        shape.kind = MW_SHAPE_REFS;
    } else if (info->kind == MW_KIND_CUSTOM) {
        shape.kind = MW_SHAPE_CUSTOM;
        shape.trace = info->trace;
    } else if (last >= MAP_WORDS) {
        shape.kind = MW_SHAPE_LIST;
        shape.words = info->field_count;
        shape.list = entry->field_words;
    } else if (info->field_count > 0) {
        shape.kind = info->kind == MW_KIND_FIXED ? MW_SHAPE_MAP : MW_SHAPE_STRUCTS;
    }
    return shape;
}

static char *copy_text(struct mw_heap *self, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mw_heap_calloc(self, size, 1);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static void free_text(struct mw_heap *self, const char *text)
{
    if (text != NULL)
        mw_heap_free(self, (char *)(uintptr_t)text, strlen(text) + 1);
}

static void entry_destroy(struct mw_heap *self, struct mw_type_entry *entry)
{
    if (entry == NULL)
        return;
    for (uint32_t i = 0; entry->field_names != NULL && i < entry->field_count; i++)
        free_text(self, entry->field_names[i]);
    free_text(self, entry->type.name);
    mw_heap_free(self, entry->field_names, entry->field_count * sizeof(char *));
    mw_heap_free(self, entry->field_words, entry->field_count * sizeof(uint32_t));
    mw_heap_free(self, entry, sizeof(*entry));
}

/* In the order of words, which is the order in which loops over references meet them. */
static int copy_field(struct mw_heap *self, struct mw_type_entry *entry, uint32_t at,
                      const struct mw_heap_field *field)
{
    char *name = copy_text(self, field->name);

    if (name == NULL)
        return -ENOMEM;
    for (; at > 0 && entry->field_words[at - 1] > field->word; at--) {
        entry->field_words[at] = entry->field_words[at - 1];
        entry->field_names[at] = entry->field_names[at - 1];
    }
    entry->field_words[at] = field->word;
    entry->field_names[at] = name;
    return 0;
}

static int copy_fields(struct mw_heap *self, struct mw_type_entry *entry,
                       const struct mw_heap_type_info *info)
{
    entry->field_count = info->field_count;
    if (info->field_count == 0)
        return 0;
    entry->field_names = mw_heap_calloc(self, info->field_count, sizeof(char *));
    entry->field_words = mw_heap_calloc(self, info->field_count, sizeof(uint32_t));
    if (entry->field_names == NULL || entry->field_words == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < info->field_count; i++)
        if (copy_field(self, entry, i, &info->fields[i]) < 0)
            return -ENOMEM;
    return 0;
}

static struct mw_type_entry *entry_create(struct mw_heap *self,
                                          const struct mw_heap_type_info *info)
{
    struct mw_type_entry *entry = mw_heap_calloc(self, 1, sizeof(*entry));
    size_t bytes = (size_t)MW_WORD * (1 + info->words);

    if (entry == NULL)
        return NULL;
    entry->text = info->kind == MW_KIND_TEXT;
    entry->kind = entry->text ? MW_KIND_BYTES : info->kind;
    entry->words = info->words;
    entry->type.id = self->types.count;
    entry->type.size = is_record(info->kind) ? bytes : SIZE_MAX;
    entry->type.header = mw_header_make(entry->type.id, is_record(info->kind) ? bytes : 0);
    entry->type.name = copy_text(self, info->name);
    if (entry->type.name != NULL && copy_fields(self, entry, info) == 0)
        return entry;
    entry_destroy(self, entry);
    return NULL;
}

static uint8_t lane_of(const struct mw_shape *shape)
{
    return shape->kind == MW_SHAPE_LEAF ? MW_LANE_LEAVES : MW_LANE_HOLDERS;
}

static int set_capacity(struct mw_heap *self, uint32_t capacity)
{
    struct mw_types *types = &self->types;
    struct mw_shape *shapes = realloc(types->shapes, capacity * sizeof(*shapes));
    struct mw_type_entry **entries;

    if (shapes == NULL)
        return -ENOMEM;
    types->shapes = shapes;
    entries = realloc(types->entries, capacity * sizeof(*entries));
    if (entries == NULL)
        return -ENOMEM;
    types->entries = entries;
    self->malloced += (capacity - types->capacity) * (sizeof(*shapes) + sizeof(*entries));
    types->capacity = capacity;
    return 0;
}

/* Type 0 is what holes are filled with. */
int mw_types_init(struct mw_heap *self)
{
    int error = set_capacity(self, TYPES_FIRST);

    if (error < 0)
        return error;
    self->types.shapes[MW_TYPE_FILLER] = (struct mw_shape){.kind = MW_SHAPE_LEAF};
    self->types.entries[MW_TYPE_FILLER] = NULL;
    self->types.count = MW_TYPE_FIRST;
    return 0;
}

void mw_types_deinit(struct mw_heap *self)
{
    for (uint32_t i = MW_TYPE_FIRST; i < self->types.count; i++)
        entry_destroy(self, self->types.entries[i]);
    free(self->types.shapes);
    free(self->types.entries);
}

int mw_heap_add_type(struct mw_heap *self, const struct mw_heap_type_info *info,
                     const struct mw_heap_type **ret)
{
    struct mw_types *types = &self->types;
    struct mw_type_entry *entry;
    int error = 0;

    if (!mw_heap_right_thread(self, __func__))
        return -EPERM;
    if (!info_makes_sense(info))
        return -EINVAL;
    if (types->count == MW_TYPES_MAX)
        return -ENOSPC;
    if (types->count == types->capacity)
        error = set_capacity(self, 2 * types->capacity);
    if (error < 0)
        return error;
    entry = entry_create(self, info);
    if (entry == NULL)
        return -ENOMEM;
    types->shapes[types->count] = shape_of(info, entry);
    entry->lane = lane_of(&types->shapes[types->count]);
    entry->string = types->strings;
    types->strings += 1 + entry->field_count;
    types->entries[types->count++] = entry;
    *ret = &entry->type;
    return 0;
}

bool mw_type_is_own(const struct mw_heap *self, const struct mw_heap_type *type)
{
    return type->id < self->types.count && &self->types.entries[type->id]->type == type;
}
