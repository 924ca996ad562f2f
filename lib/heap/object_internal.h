/* object: headers taken apart, and the references of an object one by one. */
#ifndef MW_HEAP_OBJECT_INTERNAL_H
#define MW_HEAP_OBJECT_INTERNAL_H
#include "heap/layout.h"

#include "heap/heap.h"

#define MW_ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    MW_WORD = 8,
    MW_TYPE_FILLER = 0, /* a hole that can be walked over */
    MW_TYPE_FIRST = 1,
    MW_TYPES_MAX = 65536,
    MW_OBJECT_MIN = 16, /* so that the marks of an object's first and last word differ */
};

/* What the loops over references need to know of a type, small enough to stay in the cache. */
enum mw_shape_kind {
    MW_SHAPE_LEAF,
    MW_SHAPE_MAP,     /* bit i of `map`: word i of the payload is a reference */
    MW_SHAPE_REFS,    /* all words are */
    MW_SHAPE_STRUCTS, /* `map` again every `words` words */
    MW_SHAPE_LIST,    /* `words` of them, at `list` */
    MW_SHAPE_CUSTOM,
};

struct mw_shape {
    uint32_t kind;
    uint32_t words;
    uint64_t map;
    union {
        const uint32_t *list;
        void (*trace)(const struct mw_heap_visitor *visitor, uint64_t *payload);
    };
};

MW_ALWAYS_INLINE size_t mw_header_words(uint64_t header)
{
    return (size_t)(header >> MW_WORDS_SHIFT);
}

MW_ALWAYS_INLINE size_t mw_header_bytes(uint64_t header)
{
    return mw_header_words(header) * MW_WORD;
}

MW_ALWAYS_INLINE uint32_t mw_header_type(uint64_t header)
{
    return (uint32_t)(header >> MW_TYPE_SHIFT) & (MW_TYPES_MAX - 1);
}

MW_ALWAYS_INLINE uint64_t mw_header_make(uint32_t type, size_t bytes)
{
    return (uint64_t)type << MW_TYPE_SHIFT | (uint64_t)(bytes / MW_WORD) << MW_WORDS_SHIFT;
}

MW_ALWAYS_INLINE void mw_filler_write(void *start, size_t bytes)
{
    if (bytes != 0)
        *(uint64_t *)start = mw_header_make(MW_TYPE_FILLER, bytes);
}

typedef void mw_visit_fn(void *context, uintptr_t *slot);

MW_ALWAYS_INLINE void mw_visit_map(uintptr_t *words, uint64_t map, mw_visit_fn *visit,
                                   void *context)
{
    for (; map != 0; map &= map - 1)
        visit(context, &words[__builtin_ctzll(map)]);
}

MW_ALWAYS_INLINE void mw_visit_range(uintptr_t *first, const uintptr_t *end, mw_visit_fn *visit,
                                     void *context)
{
    for (; first < end; first++)
        visit(context, first);
}

MW_ALWAYS_INLINE void mw_visit_rest(const struct mw_shape *shape, uintptr_t *object,
                                    uint64_t header, mw_visit_fn *visit, void *context)
{
    uintptr_t *words = object + 1;
    uintptr_t *end = object + mw_header_words(header);
    struct mw_heap_visitor visitor = {visit, context};

    switch (shape->kind) {
    case MW_SHAPE_REFS:
        mw_visit_range(words, end, visit, context);
        break;
    case MW_SHAPE_STRUCTS:
        /* An empty array has one word of payload all the same, as objects have two words. */
        for (; words + shape->words <= end; words += shape->words)
            mw_visit_map(words, shape->map, visit, context);
        break;
    case MW_SHAPE_LIST:
        for (uint32_t i = 0; i < shape->words; i++)
            visit(context, &words[shape->list[i]]);
        break;
    case MW_SHAPE_CUSTOM:
        shape->trace(&visitor, (uint64_t *)words);
        break;
    default:
        break;
    }
}

/* Whether references are found from an index alone, so that parts of an object can be visited. */
MW_ALWAYS_INLINE bool mw_shape_has_parts(const struct mw_shape *shape)
{
    return shape->kind == MW_SHAPE_REFS || shape->kind == MW_SHAPE_STRUCTS;
}

/* The references among the words from `first` to before `end` of an array, which may begin and end
 * inside an element. */
MW_ALWAYS_INLINE void mw_visit_part(const struct mw_shape *shape, const uintptr_t *object,
                                    uintptr_t *first, const uintptr_t *end, mw_visit_fn *visit,
                                    void *context)
{
    uintptr_t *element;

    if (shape->kind == MW_SHAPE_REFS) {
        mw_visit_range(first, end, visit, context);
        return;
    }
    element = first - (size_t)((const uintptr_t *)first - (object + 1)) % shape->words;
    for (; element < end; element += shape->words)
        for (uint64_t map = shape->map; map != 0; map &= map - 1) {
            uintptr_t *slot = element + __builtin_ctzll(map);

            if (slot >= first && slot < end)
                visit(context, slot);
        }
}

/* Calls `visit`, which the compiler puts in line, for every reference of an object. */
MW_ALWAYS_INLINE void mw_visit_object(const struct mw_shape *shapes, uintptr_t *object,
                                      uint64_t header, mw_visit_fn *visit, void *context)
{
    const struct mw_shape *shape = &shapes[mw_header_type(header)];

    if (shape->kind == MW_SHAPE_MAP)
        mw_visit_map(object + 1, shape->map, visit, context);
    else if (shape->kind != MW_SHAPE_LEAF)
        mw_visit_rest(shape, object, header, visit, context);
}
#endif
