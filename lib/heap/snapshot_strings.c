/* The names, last in the file: of groups, scopes, types and fields, and what texts say. */
#include "heap/snapshot_internal.h"

#include "base/utf8.h"

#include <string.h>

static void put_name(struct mw_out *out, const char *name)
{
    mw_out_string(out, name, strlen(name));
}

static void put_type(struct mw_out *out, const struct mw_type_entry *entry)
{
    put_name(out, entry->type.name);
    for (uint32_t i = 0; i < entry->field_count; i++)
        put_name(out, entry->field_names[i]);
}

/* Not through the middle of a character, which begins three bytes before the end at most. */
static size_t cut(const char *bytes, size_t size)
{
    size_t end = MW_SNAPSHOT_TEXT;

    if (size <= end)
        return size;
    for (size_t at = end - 3; at < end; at++)
        if (at + mw_utf8_sequence(bytes + at, size - at) > end)
            return at;
    return end;
}

static void put_text(void *context, uintptr_t *object, uint64_t header)
{
    struct mw_heap_snapshot *self = context;
    const char *bytes = (const char *)(object + 1);

    if (self->heap->types.entries[mw_header_type(header)]->text)
        mw_out_string(&self->out, bytes, cut(bytes, mw_object_length(self->heap, object)));
}

void mw_snapshot_strings(struct mw_heap_snapshot *self)
{
    static const char *const names[MW_STRINGS] = {
        [MW_STRING_DUMMY] = "<dummy>",
        [MW_STRING_EMPTY] = "",
        [MW_STRING_ROOTS] = "(GC roots)",
        [MW_STRING_SCOPES] = "(Handle scopes)",
        [MW_STRING_GLOBALS] = "(Global handles)",
        [MW_STRING_EXTERNAL] = "(external memory)",
        [MW_STRING_PIECE] = "(part of a large object)",
        [MW_STRING_WEAK] = "weak",
    };
    const struct mw_types *types = &self->heap->types;

    mw_out_text(&self->out, "\"strings\":[\"<dummy>\"");
    for (unsigned i = MW_STRING_EMPTY; i < MW_STRINGS; i++)
        put_name(&self->out, names[i]);
    for (uint64_t i = 0; i < self->scopes; i++)
        put_name(&self->out, self->heap->scopes[i].where);
    for (uint32_t i = MW_TYPE_FIRST; i < types->count; i++)
        put_type(&self->out, types->entries[i]);
    if (self->texts > 0)
        mw_each_object(self->heap, put_text, self);
    mw_out_text(&self->out, "]");
}
