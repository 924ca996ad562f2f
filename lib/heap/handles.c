/* Handles and scopes: the long way round.
 *
 * Handles stand on a stack that never moves. In a checked heap each use of a slot has a tag, which
 * the handle carries in its upper 16 bits: a handle whose slot was given up, or given to another,
 * is seen. (Unless the slot's present use comes a multiple of 65,535 uses later.)
 */
#include "heap/heap_internal.h"

#include <errno.h>

enum { TAG_SHIFT = 48 };

int mw_handles_init(struct mw_heap *self)
{
    size_t handles = self->config.handles;
    struct mw_scope_record *scopes =
        mw_vm_table(&self->vm, self->config.scopes * sizeof(struct mw_scope_record));

    self->scopes = self->front.scope_top = scopes;
    self->handles = mw_vm_table(&self->vm, handles * sizeof(uintptr_t));
    if (self->front.checked)
        self->tags = mw_vm_table(&self->vm, handles * sizeof(uint16_t));
    if (scopes == NULL || self->handles == NULL || (self->front.checked && self->tags == NULL))
        return -ENOMEM;
    self->scope_limit = scopes + self->config.scopes;
    self->front.scope_end = self->front.checked ? NULL : self->scope_limit;
    self->front.handle_top = self->handles;
    self->handle_limit = self->handles + handles;
    mw_handles_open(self);
    return 0;
}

void mw_handles_open(struct mw_heap *self)
{
    self->front.handle_end = self->front.checked ? NULL : self->handle_limit;
}

void mw_handles_deinit(struct mw_heap *self)
{
    mw_vm_unmap(self->scopes, self->config.scopes * sizeof(struct mw_scope_record));
    mw_vm_unmap(self->handles, self->config.handles * sizeof(uintptr_t));
    mw_vm_unmap(self->tags, self->config.handles * sizeof(uint16_t));
}

struct mw_ref mw_handle_fail(struct mw_heap *self, int error)
{
    self->front.error = error;
    return mw_ref_none();
}

static uint16_t next_tag(struct mw_heap *self)
{
    if (++self->last_tag == 0) /* 0 is what a handle without a tag has */
        self->last_tag = 1;
    return self->last_tag;
}

struct mw_ref mw_heap_push_slow(struct mw_heap *self, uintptr_t object)
{
    struct mw_heap_front *front = &self->front;
    struct mw_ref ref;

    if (front->handle_top == self->handle_limit)
        return mw_handle_fail(self, -EOVERFLOW);
    *front->handle_top = object;
    ref.bits = (uintptr_t)front->handle_top;
    if (self->tags != NULL) {
        uint16_t tag = next_tag(self);

        self->tags[front->handle_top - self->handles] = tag;
        ref.bits |= (uintptr_t)tag << TAG_SHIFT;
    } else {
        ref.bits |= MW_REF_SHORT;
    }
    front->handle_top++;
    return ref;
}

/* ---- looking at a handle ---- */

static bool is_alive(const struct mw_heap *self, struct mw_ref ref, const uintptr_t *slot)
{
    return slot < self->front.handle_top &&
           self->tags[slot - self->handles] == ref.bits >> TAG_SHIFT;
}

static uintptr_t *checked_object(struct mw_heap *self, struct mw_ref ref, const char *where)
{
    uintptr_t *slot = (uintptr_t *)(ref.bits & MW_REF_SLOT);

    if (!mw_heap_right_thread(self, where))
        return NULL;
    if (slot < self->handles || slot >= self->handle_limit) {
        mw_misuse(self, MW_MISUSE_HEAP, "the handle is not one of this heap", where);
        return NULL;
    }
    if (!is_alive(self, ref, slot)) {
        mw_misuse(self, MW_MISUSE_HANDLE, "the handle's scope was closed", where);
        return NULL;
    }
    return *(uintptr_t **)slot;
}

uintptr_t *mw_handle_object(struct mw_heap *self, struct mw_ref ref, const char *where)
{
    if (ref.bits == 0)
        return NULL;
    return self->front.checked ? checked_object(self, ref, where) : *(uintptr_t **)mw_ref_slot(ref);
}

struct mw_ref mw_heap_dup_at(struct mw_heap *self, struct mw_ref ref, const char *where)
{
    uintptr_t *object = mw_handle_object(self, ref, where);

    return object != NULL ? mw_heap_push(self, (uintptr_t)object) : mw_ref_none();
}

void mw_heap_assign_at(struct mw_heap *self, struct mw_ref ref, struct mw_ref value,
                       const char *where)
{
    uintptr_t *from = mw_handle_object(self, ref, where);
    uintptr_t *object = mw_handle_object(self, value, where);

    if (ref.bits == 0 || value.bits == 0)
        mw_misuse(self, MW_MISUSE_HANDLE, "a handle stands for an object, always", where);
    else if (from != NULL && object != NULL)
        *(uintptr_t *)(ref.bits & MW_REF_SLOT) = (uintptr_t)object;
}

bool mw_heap_same_at(struct mw_heap *self, struct mw_ref left, struct mw_ref right,
                     const char *where)
{
    const uintptr_t *left_object = mw_handle_object(self, left, where);
    const uintptr_t *right_object = mw_handle_object(self, right, where);

    if (left_object == NULL) /* which is also what a handle that is no good stands for */
        return mw_ref_is_none(left) && mw_ref_is_none(right);
    return left_object == right_object;
}

/* ---- scopes ---- */

/* The record of one more, or NULL: then handles belong to the scope around, which keeps them longer
 * than meant, but keeps them. */
struct mw_scope_record *mw_scope_open_slow(struct mw_heap *self, const char *where)
{
    if (!mw_heap_right_thread(self, where))
        return NULL;
    if (self->front.scope_top < self->scope_limit)
        return self->front.scope_top;
    mw_misuse(self, MW_MISUSE_SCOPE, "more scopes are open than the heap was made for", where);
    return NULL;
}

/* A record may stand for another scope by now, which mostly began at another handle. */
void mw_scope_close_slow(struct mw_heap *self, struct mw_scope_record *record,
                         const uintptr_t *base)
{
    bool open = record < self->front.scope_top && record->base == base;

    if (!mw_heap_right_thread(self, record->where))
        return;
    if (!open || (self->front.checked && record + 1 != self->front.scope_top))
        mw_misuse(self, MW_MISUSE_SCOPE,
                  open ? "a scope inside it is still open"
                       : "the scope was closed with one around it",
                  record->where);
    if (open) {
        self->front.scope_top = record;
        self->front.handle_top = record->base;
    }
}

static bool can_escape(struct mw_heap *self, const struct mw_scope_record *record,
                       const uintptr_t *base, const char *where)
{
    if (record != NULL && record < self->front.scope_top && record->base == base)
        return true;
    mw_misuse(self, MW_MISUSE_SCOPE, "nothing escapes from a scope that is closed", where);
    return false;
}

struct mw_ref mw_scope_escape_slow(struct mw_heap *self, struct mw_scope_record *record,
                                   const uintptr_t *base, struct mw_ref ref, const char *where)
{
    int error = self->front.error;
    uintptr_t *object;

    if (record == NULL && base == NULL)
        return ref; /* the scope was refused: what was made in it is in the one around already */
    if (!can_escape(self, record, base, where))
        return mw_ref_none();
    object = mw_handle_object(self, ref, where);
    mw_scope_close_slow(self, record, base);
    if (mw_ref_is_none(ref))
        self->front.error = error;
    return object != NULL ? mw_heap_push(self, (uintptr_t)object) : mw_ref_none();
}

struct mw_ref mw_scope_escape_pair_slow(struct mw_heap *self, struct mw_scope_record *record,
                                        const uintptr_t *base, const struct mw_heap_type *type,
                                        struct mw_ref first, struct mw_ref second,
                                        const char *where)
{
    struct mw_ref pair;

    if ((record != NULL || base != NULL) && !can_escape(self, record, base, where))
        return mw_ref_none();
    pair = mw_heap_new_pair_slow(self, type, first, second, where);
    return mw_scope_escape_slow(self, record, base, pair, where);
}

void mw_scope_unwind(const struct mw_scope *scope)
{
    struct mw_heap *self = scope->heap;
    struct mw_scope_record *inside;

    if (scope->record == NULL || !mw_heap_right_thread(self, scope->record->where))
        return;
    if (scope->record >= self->front.scope_top || scope->record->base != scope->base) {
        mw_misuse(self, MW_MISUSE_SCOPE, "the scope was closed with one around it",
                  scope->record->where);
        return;
    }
    inside = scope->record + 1;
    if (inside < self->front.scope_top) {
        self->front.handle_top = inside->base;
        self->front.scope_top = inside;
    }
}
