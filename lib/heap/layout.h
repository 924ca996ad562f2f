/* layout: what the compiler must know to allocate, read and store in line. heap.h is the page to
 * read. What is here is reached through its macros, but for mw_ref_none(), mw_ref_is_none(),
 * mw_heap_payload() and mw_scope_close(), and may change from one release to the next.
 *
 * A reference inside an object is the address of the header of another one, or 0. The header is one
 * word, the payload follows it:
 *
 *     63            32 31     28 27   24 23      8 7       0
 *     words, all told | nothing | slack | type    | flags
 *
 * slack: what the last word leaves unused, in bytes (BYTES) or words (all others: 1 for an empty
 * array). When bit 0 is set the object has moved, and the word without that bit is its new address.
 */
#ifndef MW_HEAP_LAYOUT_H
#define MW_HEAP_LAYOUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MW_HERE_TEXT(line) #line
#define MW_HERE_LINE(line) MW_HERE_TEXT(line)
#define MW_HERE __FILE__ ":" MW_HERE_LINE(__LINE__)
#define MW_HEAP_UNLIKELY(x) __builtin_expect(!!(x), 0)

enum mw_heap_flag {
    MW_FLAG_FORWARDED = 1 << 0,
    MW_FLAG_AGED = 1 << 1,    /* survived one scavenge; promoted at the next */
    MW_FLAG_LISTED = 1 << 2,  /* stands in the remembered set */
    MW_FLAG_WATCHED = 1 << 3, /* a store of a young value must be remembered */
    MW_FLAG_OLD = 1 << 4,     /* lives in the old space; or is large, and has become old */
    MW_FLAG_LARGE = 1 << 5,   /* has a mapping of its own */
    MW_FLAG_MARKED = 1 << 6, /* young and reached: in a full collection, large ones in a scavenge */
    MW_FLAG_NUMBERED = 1 << 7 /* has an identity in the snapshot's table */
};

enum { MW_TYPE_SHIFT = 8, MW_SLACK_SHIFT = 24, MW_WORDS_SHIFT = 32 };

/* A handle: where the heap keeps the address of an object. All zero: none. Bit 0 stands for the
 * short way, so that one look at a register tells that there is an object and nothing to check; in
 * a checked heap it is not set, and the upper 16 bits tell one use of the slot from the next. */
struct mw_ref {
    uintptr_t bits;
};

#define MW_REF_SHORT ((uintptr_t)1)
#define MW_REF_SLOT ((uintptr_t)0xfffffffffff8)

/* A registered type. */
struct mw_heap_type {
    uint64_t header; /* of a fixed object just born */
    size_t size; /* bytes of a fixed object with its header; SIZE_MAX while not allocated in line */
    const char *name;
    uint32_t id;
};

struct mw_scope_record {
    uintptr_t *base;   /* the first slot that belongs to the scope */
    const char *where; /* it was opened */
};

/* Its address and the whole of it never leave the caller, so that it is kept in registers. The base
 * stands here, too: to close, it need not be read back from memory, where the next handle would
 * have to wait for it. */
struct mw_scope {
    struct mw_heap *heap;
    struct mw_scope_record *record; /* NULL: closed; or refused, and then `base` is NULL, too */
    uintptr_t *base;
};

/* The first member of struct mw_heap. */
struct mw_heap_front {
    char *top, *limit;                             /* zeroed memory for new young objects */
    uintptr_t *handle_top, *handle_end;            /* handle_end: NULL in a checked heap, and
                                            in a collection */
    struct mw_scope_record *scope_top, *scope_end; /* scope_end: likewise */
    /* The write barrier: a store is told unless its holder lies in the young span, and only if the
     * value lies in the told span and the holder has one of the flags of `barrier`. */
    uintptr_t young, young_span;
    uint64_t barrier;
    uintptr_t told, told_span;
    uint32_t checked; /* every call goes the long way and looks first */
    uint32_t raw_depth;
    int error; /* of the last call that returned none */
};

struct mw_ref mw_heap_push_slow(struct mw_heap *self, uintptr_t object);
struct mw_ref mw_heap_new_slow(struct mw_heap *self, const struct mw_heap_type *type,
                               const char *where);
struct mw_ref mw_heap_get_checked(struct mw_heap *self, struct mw_ref holder, size_t index,
                                  const char *where);
void mw_heap_set_checked(struct mw_heap *self, struct mw_ref holder, size_t index,
                         struct mw_ref value, const char *where);
uint64_t mw_heap_get_word_checked(struct mw_heap *self, struct mw_ref holder, size_t index,
                                  const char *where);
void mw_heap_set_word_checked(struct mw_heap *self, struct mw_ref holder, size_t index,
                              uint64_t value, const char *where);
struct mw_ref mw_heap_new_pair_slow(struct mw_heap *self, const struct mw_heap_type *type,
                                    struct mw_ref first, struct mw_ref second, const char *where);
void mw_heap_raw_enter_slow(struct mw_heap *self, const char *where);
void mw_heap_raw_leave_slow(struct mw_heap *self, const char *where);
void *mw_heap_raw_checked(struct mw_heap *self, struct mw_ref ref, const char *where);
void mw_heap_barrier(struct mw_heap *self, uintptr_t *holder, size_t index, uintptr_t value);
struct mw_scope_record *mw_scope_open_slow(struct mw_heap *self, const char *where);
void mw_scope_close_slow(struct mw_heap *self, struct mw_scope_record *record,
                         const uintptr_t *base);
struct mw_ref mw_scope_escape_pair_slow(struct mw_heap *self, struct mw_scope_record *record,
                                        const uintptr_t *base, const struct mw_heap_type *type,
                                        struct mw_ref first, struct mw_ref second,
                                        const char *where);
struct mw_ref mw_scope_escape_slow(struct mw_heap *self, struct mw_scope_record *record,
                                   const uintptr_t *base, struct mw_ref ref, const char *where);

static inline struct mw_heap_front *mw_heap_front_of(struct mw_heap *self)
{
    return (struct mw_heap_front *)(void *)self;
}

/* The payload of an object, from a reference that was read through a raw pointer. */
static inline void *mw_heap_payload(uintptr_t reference)
{
    return (uint64_t *)reference + 1;
}

static inline struct mw_ref mw_ref_none(void)
{
    struct mw_ref none = {0};

    return none;
}

static inline bool mw_ref_is_none(struct mw_ref ref)
{
    return ref.bits == 0;
}

/* None, and not because something failed. */
static inline struct mw_ref mw_heap_nothing(struct mw_heap *self)
{
    mw_heap_front_of(self)->error = 0;
    return mw_ref_none();
}

static inline struct mw_ref mw_heap_push(struct mw_heap *self, uintptr_t object)
{
    struct mw_heap_front *front = mw_heap_front_of(self);
    struct mw_ref ref;

    if (MW_HEAP_UNLIKELY(front->handle_top >= front->handle_end))
        return mw_heap_push_slow(self, object);
    *front->handle_top = object;
    ref.bits = (uintptr_t)front->handle_top++ + MW_REF_SHORT;
    return ref;
}

/* So is none: what reads from or stores into no object is misuse in every heap, and reported, as it
 * is what an allocation that failed has returned. */
static inline bool mw_ref_is_long(struct mw_ref ref)
{
    return !(ref.bits & MW_REF_SHORT);
}

/* Of a handle that is not long. */
static inline uintptr_t *mw_ref_slot(struct mw_ref ref)
{
    return (uintptr_t *)(ref.bits - MW_REF_SHORT);
}

static inline struct mw_ref mw_heap_new_at(struct mw_heap *self, const struct mw_heap_type *type,
                                           const char *where)
{
    struct mw_heap_front *front = mw_heap_front_of(self);
    char *object = front->top;
    struct mw_ref ref;

    if (MW_HEAP_UNLIKELY(type->size > (size_t)(front->limit - object) ||
                         front->handle_top >= front->handle_end))
        return mw_heap_new_slow(self, type, where);
    front->top = object + type->size;
    *(uint64_t *)(void *)object = type->header;
    *front->handle_top = (uintptr_t)object;
    ref.bits = (uintptr_t)front->handle_top++ + MW_REF_SHORT;
    return ref;
}

/* A reference as it stands in an object. */
static inline uintptr_t mw_ref_word(struct mw_ref ref)
{
    return MW_HEAP_UNLIKELY(ref.bits == 0) ? 0 : *mw_ref_slot(ref);
}

/* There is room for it. What is born needs no barrier. */
static inline void mw_heap_take_pair(struct mw_heap_front *front, const struct mw_heap_type *type,
                                     struct mw_ref first, struct mw_ref second)
{
    uintptr_t *object = (uintptr_t *)(void *)front->top;

    front->top += type->size;
    object[0] = type->header;
    object[1] = mw_ref_word(first);
    object[2] = mw_ref_word(second);
}

static inline struct mw_ref mw_heap_new_pair_at(struct mw_heap *self,
                                                const struct mw_heap_type *type,
                                                struct mw_ref first, struct mw_ref second,
                                                const char *where)
{
    struct mw_heap_front *front = mw_heap_front_of(self);
    uintptr_t object = (uintptr_t)front->top;

    if (MW_HEAP_UNLIKELY(type->size > (size_t)(front->limit - front->top) ||
                         front->handle_top >= front->handle_end))
        return mw_heap_new_pair_slow(self, type, first, second, where);
    mw_heap_take_pair(front, type, first, second);
    return mw_heap_push(self, object);
}

static inline struct mw_ref mw_heap_get_at(struct mw_heap *self, struct mw_ref holder, size_t index,
                                           const char *where)
{
    uintptr_t value;

    if (MW_HEAP_UNLIKELY(mw_ref_is_long(holder)))
        return mw_heap_get_checked(self, holder, index, where);
    value = ((uintptr_t *)*mw_ref_slot(holder))[1 + index];
    return MW_HEAP_UNLIKELY(value == 0) ? mw_heap_nothing(self) : mw_heap_push(self, value);
}

static inline void mw_heap_set_at(struct mw_heap *self, struct mw_ref holder, size_t index,
                                  struct mw_ref value, const char *where)
{
    uintptr_t *object, word;

    if (MW_HEAP_UNLIKELY(mw_ref_is_long(holder))) {
        mw_heap_set_checked(self, holder, index, value, where);
        return;
    }
    object = (uintptr_t *)*mw_ref_slot(holder);
    word = mw_ref_word(value);
    object[1 + index] = word;
    /* Addresses first: most holders are young, most values that an old one is given are old, and
     * its header may be far away. */
    if (MW_HEAP_UNLIKELY((uintptr_t)object - mw_heap_front_of(self)->young >=
                         mw_heap_front_of(self)->young_span) &&
        word - mw_heap_front_of(self)->told < mw_heap_front_of(self)->told_span &&
        MW_HEAP_UNLIKELY(object[0] & mw_heap_front_of(self)->barrier))
        mw_heap_barrier(self, object, index, word);
}

static inline uint64_t mw_heap_get_word_at(struct mw_heap *self, struct mw_ref holder, size_t index,
                                           const char *where)
{
    if (MW_HEAP_UNLIKELY(mw_ref_is_long(holder)))
        return mw_heap_get_word_checked(self, holder, index, where);
    return ((uint64_t *)*mw_ref_slot(holder))[1 + index];
}

static inline void mw_heap_set_word_at(struct mw_heap *self, struct mw_ref holder, size_t index,
                                       uint64_t value, const char *where)
{
    if (MW_HEAP_UNLIKELY(mw_ref_is_long(holder)))
        mw_heap_set_word_checked(self, holder, index, value, where);
    else
        ((uint64_t *)*mw_ref_slot(holder))[1 + index] = value;
}

static inline void mw_heap_raw_enter_at(struct mw_heap *self, const char *where)
{
    if (MW_HEAP_UNLIKELY(mw_heap_front_of(self)->checked))
        mw_heap_raw_enter_slow(self, where);
    else
        mw_heap_front_of(self)->raw_depth++;
}

static inline void mw_heap_raw_leave_at(struct mw_heap *self, const char *where)
{
    if (MW_HEAP_UNLIKELY(mw_heap_front_of(self)->checked || mw_heap_front_of(self)->raw_depth == 0))
        mw_heap_raw_leave_slow(self, where);
    else
        mw_heap_front_of(self)->raw_depth--;
}

static inline void *mw_heap_raw_at(struct mw_heap *self, struct mw_ref ref, const char *where)
{
    if (MW_HEAP_UNLIKELY(mw_ref_is_long(ref)))
        return mw_heap_raw_checked(self, ref, where);
    return mw_heap_payload(*mw_ref_slot(ref));
}

static inline struct mw_scope mw_scope_open_at(struct mw_heap *self, const char *where)
{
    struct mw_heap_front *front = mw_heap_front_of(self);
    struct mw_scope_record *record = front->scope_top;
    struct mw_scope scope;

    if (MW_HEAP_UNLIKELY(record >= front->scope_end)) {
        record = mw_scope_open_slow(self, where);
        if (record == NULL) {
            scope.heap = self;
            scope.record = NULL;
            scope.base = NULL;
            return scope;
        }
    }
    scope.heap = self;
    scope.record = record;
    scope.base = front->handle_top;
    front->scope_top = record + 1;
    record->base = scope.base;
    record->where = where;
    return scope;
}

static inline void mw_scope_close(struct mw_scope *scope)
{
    struct mw_heap *heap = scope->heap;
    struct mw_scope_record *record = scope->record;

    if (MW_HEAP_UNLIKELY(record == NULL)) /* the heap may be gone */
        return;
    scope->record = NULL;
    if (MW_HEAP_UNLIKELY(record >= mw_heap_front_of(heap)->scope_top ||
                         record->base != scope->base || mw_heap_front_of(heap)->checked)) {
        mw_scope_close_slow(heap, record, scope->base);
        return;
    }
    mw_heap_front_of(heap)->scope_top = record;
    mw_heap_front_of(heap)->handle_top = scope->base;
}

static inline struct mw_ref mw_scope_escape_at(struct mw_scope *scope, struct mw_ref ref,
                                               const char *where)
{
    struct mw_heap *heap = scope->heap;
    struct mw_scope_record *record = scope->record;

    scope->record = NULL;
    /* There may be no record (the comparison takes NULL for the largest), or one that was closed
     * with a scope around it; and the scope may have been opened when all handles were taken. */
    if (MW_HEAP_UNLIKELY((uintptr_t)record - 1 >=
                             (uintptr_t)mw_heap_front_of(heap)->scope_top - 1 ||
                         record->base != scope->base || mw_ref_is_long(ref) ||
                         scope->base >= mw_heap_front_of(heap)->handle_end))
        return mw_scope_escape_slow(heap, record, scope->base, ref, where);
    *scope->base = *mw_ref_slot(ref);
    mw_heap_front_of(heap)->scope_top = record;
    mw_heap_front_of(heap)->handle_top = scope->base + 1;
    ref.bits = (uintptr_t)scope->base + MW_REF_SHORT;
    return ref;
}

static inline struct mw_ref mw_scope_escape_pair_at(struct mw_scope *scope,
                                                    const struct mw_heap_type *type,
                                                    struct mw_ref first, struct mw_ref second,
                                                    const char *where)
{
    struct mw_heap_front *front = mw_heap_front_of(scope->heap);
    struct mw_scope_record *record = scope->record;
    uintptr_t object, *base = scope->base;
    struct mw_ref ref;

    scope->record = NULL;
    if (MW_HEAP_UNLIKELY((uintptr_t)record - 1 >= (uintptr_t)front->scope_top - 1 ||
                         record->base != base || base >= front->handle_end ||
                         type->size > (size_t)(front->limit - front->top)))
        return mw_scope_escape_pair_slow(scope->heap, record, base, type, first, second, where);
    object = (uintptr_t)front->top;
    mw_heap_take_pair(front, type, first, second); /* before the slot of one of them is another's */
    *base = object;
    front->scope_top = record;
    front->handle_top = base + 1;
    ref.bits = (uintptr_t)base + MW_REF_SHORT;
    return ref;
}

#ifdef __cplusplus
}
#endif
#endif
