/* Reading and storing with every look that a checked heap takes, and what needs no inline form. */
#include "heap/heap_internal.h"

#include <errno.h>
#include <string.h>

/* Words of the payload that are in use; bytes with BYTES. */
static size_t payload(const struct mw_heap *self, const uintptr_t *object)
{
    size_t slack = object[0] >> MW_SLACK_SHIFT & 15;
    size_t words = mw_header_words(object[0]) - 1;

    if (self->types.entries[mw_header_type(object[0])]->kind == MW_KIND_BYTES)
        return words * MW_WORD - slack;
    return words - slack;
}

size_t mw_object_length(const struct mw_heap *self, const uintptr_t *object)
{
    const struct mw_type_entry *entry = self->types.entries[mw_header_type(object[0])];
    size_t length = payload(self, object);

    return entry->kind == MW_KIND_STRUCTS ? length / entry->words : length;
}

static bool is_listed(const struct mw_type_entry *entry, size_t word)
{
    for (uint32_t i = 0; i < entry->field_count; i++)
        if (entry->field_words[i] == word)
            return true;
    return false;
}

static bool is_reference(const struct mw_heap *self, const uintptr_t *object, size_t index)
{
    const struct mw_type_entry *entry = self->types.entries[mw_header_type(object[0])];

    if (entry->kind == MW_KIND_BYTES || index >= payload(self, object))
        return false;
    if (entry->kind == MW_KIND_REFS || entry->kind == MW_KIND_CUSTOM)
        return true;
    return is_listed(entry, entry->kind == MW_KIND_STRUCTS ? index % entry->words : index);
}

static bool is_word(const struct mw_heap *self, const uintptr_t *object, size_t index)
{
    const struct mw_type_entry *entry = self->types.entries[mw_header_type(object[0])];
    size_t words = payload(self, object);

    if (entry->kind == MW_KIND_BYTES)
        words /= MW_WORD;
    if (index >= words)
        return false;
    return entry->kind == MW_KIND_CUSTOM || !is_reference(self, object, index);
}

/* The object, if the handle is good and it has what is asked for. */
static uintptr_t *holder_with(struct mw_heap *self, struct mw_ref holder, size_t index,
                              bool (*has)(const struct mw_heap *, const uintptr_t *, size_t),
                              const char *where)
{
    uintptr_t *object = mw_handle_object(self, holder, where);

    if (object == NULL) {
        if (holder.bits == 0)
            mw_misuse(self, MW_MISUSE_HANDLE, "there is no object", where);
        return NULL;
    }
    if (has(self, object, index))
        return object;
    mw_misuse(self, MW_MISUSE_TYPE,
              has == is_reference ? "the object has no such reference"
                                  : "the object has no such word",
              where);
    return NULL;
}

struct mw_ref mw_heap_get_checked(struct mw_heap *self, struct mw_ref holder, size_t index,
                                  const char *where)
{
    MW_GUARD(self);
    uintptr_t *object = holder_with(self, holder, index, is_reference, where);

    if (object == NULL)
        return mw_ref_none();
    return object[1 + index] != 0 ? mw_heap_push(self, object[1 + index]) : mw_heap_nothing(self);
}

void mw_heap_set_checked(struct mw_heap *self, struct mw_ref holder, size_t index,
                         struct mw_ref value, const char *where)
{
    MW_GUARD(self);
    uintptr_t *object = holder_with(self, holder, index, is_reference, where);
    uintptr_t *word = mw_handle_object(self, value, where);

    if (object == NULL || (word == NULL && !mw_ref_is_none(value)))
        return;
    object[1 + index] = (uintptr_t)word;
    if (object[0] & self->front.barrier)
        mw_heap_barrier(self, object, index, (uintptr_t)word);
}

uint64_t mw_heap_get_word_checked(struct mw_heap *self, struct mw_ref holder, size_t index,
                                  const char *where)
{
    MW_GUARD(self);
    uintptr_t *object = holder_with(self, holder, index, is_word, where);

    return object != NULL ? object[1 + index] : 0;
}

void mw_heap_set_word_checked(struct mw_heap *self, struct mw_ref holder, size_t index,
                              uint64_t value, const char *where)
{
    MW_GUARD(self);
    uintptr_t *object = holder_with(self, holder, index, is_word, where);

    if (object != NULL)
        object[1 + index] = value;
}

void *mw_heap_raw_checked(struct mw_heap *self, struct mw_ref ref, const char *where)
{
    uintptr_t *object = mw_handle_object(self, ref, where);

    if (ref.bits == 0)
        mw_misuse(self, MW_MISUSE_HANDLE, "there is no object", where);
    if (self->front.raw_depth > 0)
        return object != NULL ? object + 1 : NULL;
    mw_misuse(self, MW_MISUSE_RAW, "raw pointers are for raw regions", where);
    return NULL;
}

size_t mw_heap_length_at(struct mw_heap *self, struct mw_ref ref, const char *where)
{
    MW_GUARD(self);
    const uintptr_t *object = mw_handle_object(self, ref, where);

    return object != NULL ? mw_object_length(self, object) : 0;
}

const struct mw_heap_type *mw_heap_type_of_at(struct mw_heap *self, struct mw_ref ref,
                                              const char *where)
{
    MW_GUARD(self);
    const uintptr_t *object = mw_handle_object(self, ref, where);

    return object != NULL ? &self->types.entries[mw_header_type(object[0])]->type : NULL;
}

static bool is_range(const struct mw_heap *self, const uintptr_t *object, size_t index,
                     size_t count)
{
    size_t length = payload(self, object);

    return index <= length && count <= length - index;
}

/* In a checked heap a wrong type is misuse; a wrong range is the program's question. */
static bool is_array(struct mw_heap *self, const uintptr_t *object, const char *where)
{
    if (object == NULL)
        return false;
    if (self->types.entries[mw_header_type(object[0])]->kind == MW_KIND_REFS)
        return true;
    if (self->front.checked)
        mw_misuse(self, MW_MISUSE_TYPE, "the object is no array of references", where);
    return false;
}

int mw_heap_copy_at(struct mw_heap *self, struct mw_ref to, size_t to_index, struct mw_ref from,
                    size_t from_index, size_t count, const char *where)
{
    MW_GUARD(self);
    uintptr_t *target = mw_handle_object(self, to, where);
    const uintptr_t *source = mw_handle_object(self, from, where);

    if ((target == NULL && !mw_ref_is_none(to)) || (source == NULL && !mw_ref_is_none(from)))
        return -EPERM;
    if (!is_array(self, target, where) || !is_array(self, source, where) ||
        !is_range(self, target, to_index, count) || !is_range(self, source, from_index, count))
        return -EINVAL;
    memmove(target + 1 + to_index, source + 1 + from_index, count * sizeof(*target));
    if (target[0] & self->front.barrier)
        for (size_t i = to_index; i < to_index + count; i++)
            mw_heap_barrier(self, target, i, target[1 + i]);
    return 0;
}
