/* page: 256 KiB of the old space, or one large object; all that is known of it stands at its start.
 *
 * Marks are two bits for each live object: its first and its last word. So a sweep finds holes, and
 * a snapshot numbers objects (half of the bits before it), without touching the objects themselves.
 * A large object has the same page with the one mark of its first word, and its slot set behind it.
 */
#ifndef MW_HEAP_PAGE_INTERNAL_H
#define MW_HEAP_PAGE_INTERNAL_H
#include "heap/object_internal.h"

#include <stdbool.h>

enum {
    MW_PAGE_SHIFT = 18,
    MW_PAGE_SIZE = 1 << MW_PAGE_SHIFT,
    MW_PAGE_WORDS = MW_PAGE_SIZE / MW_WORD,
    MW_MARK_WORDS = MW_PAGE_WORDS / 64,
    MW_LARGE_MIN = MW_PAGE_SIZE / 2, /* objects of more bytes get a mapping of their own */
};

enum mw_page_state {
    MW_PAGE_SWEPT,   /* objects and fillers tile it */
    MW_PAGE_UNSWEPT, /* objects are those with marks; what is between them is garbage */
};

struct mw_page {
    struct mw_page *next, *previous; /* large: the others */
    size_t size;                     /* of the mapping */
    size_t used;                     /* bytes of objects; while unswept, of those with marks */
    size_t live;                     /* bytes marked in this cycle */
    enum mw_page_state state;
    bool large;
    uint8_t lane;     /* whose holes those of the page are */
    bool reserve;     /* taken for what the near-limit callback made: its holes are nobody's */
    uint64_t reached; /* large: bits of reach.c */
    uint32_t id;      /* large: in snapshots; 0: none yet */
    uint32_t rank;    /* large: while a snapshot is written */
    uint64_t *slots;  /* the slot set: a bit for each word; those of big arrays are used */
    uint64_t marks[MW_MARK_WORDS];
    uint64_t own_slots[MW_MARK_WORDS];
};

/* Objects begin with a line of the cache, and so do all of them when each fills one: a record of
 * seven words, as the entry of a cache may be. */
enum {
    MW_LINE = 64,
    MW_PAGE_FIRST = (sizeof(struct mw_page) + MW_LINE - 1) / MW_LINE * MW_LINE,
    MW_PAGE_ROOM = MW_PAGE_SIZE - MW_PAGE_FIRST,
};

MW_ALWAYS_INLINE struct mw_page *mw_page_of(uintptr_t object)
{
    return (struct mw_page *)(object & ~(uintptr_t)(MW_PAGE_SIZE - 1));
}

MW_ALWAYS_INLINE size_t mw_page_word(const struct mw_page *page, uintptr_t address)
{
    return (address - (uintptr_t)page) / MW_WORD;
}

MW_ALWAYS_INLINE bool mw_mark_test(uintptr_t object)
{
    const struct mw_page *page = mw_page_of(object);
    size_t word = mw_page_word(page, object);

    return page->marks[word / 64] >> word % 64 & 1;
}

MW_ALWAYS_INLINE void mw_mark_set_bit(struct mw_page *page, size_t word)
{
    page->marks[word / 64] |= (uint64_t)1 << word % 64;
}

/* Both marks of an object that was not marked. */
MW_ALWAYS_INLINE void mw_mark_black(uintptr_t object, size_t bytes)
{
    struct mw_page *page = mw_page_of(object);
    size_t word = mw_page_word(page, object);

    mw_mark_set_bit(page, word);
    mw_mark_set_bit(page, word + bytes / MW_WORD - 1);
    page->live += bytes;
}

/* The first set bit from `from` on, or MW_PAGE_WORDS. */
size_t mw_mark_next(const struct mw_page *page, size_t from);

/* Bit i is the exclusive-or of bits 0 to i. (The compiler would leave a loop as it is.) */
MW_ALWAYS_INLINE uint64_t mw_running_parity(uint64_t bits)
{
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    return bits ^ bits << 32;
}

/* Those marks that are the first ones of their objects. `inside` is all ones when an object reaches
 * into this word from the one before, and is kept up to date. */
MW_ALWAYS_INLINE uint64_t mw_mark_starts(uint64_t marks, uint64_t *inside)
{
    uint64_t parity = mw_running_parity(marks) ^ *inside;

    *inside = parity >> 63 ? ~(uint64_t)0 : 0;
    return marks & parity;
}

/* Without the processor's own instruction, which not every one has. */
MW_ALWAYS_INLINE uint32_t mw_popcount(uint64_t bits)
{
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (uint32_t)(bits * 0x0101010101010101 >> 56);
}

/* A young reference was stored there. The page is that of the object, which a large one leaves. */
MW_ALWAYS_INLINE void mw_slot_note(struct mw_page *page, const uintptr_t *slot)
{
    size_t word = mw_page_word(page, (uintptr_t)slot);

    page->slots[word / 64] |= (uint64_t)1 << word % 64;
}

MW_ALWAYS_INLINE bool mw_slot_is_noted(const struct mw_page *page, const uintptr_t *slot)
{
    size_t word = mw_page_word(page, (uintptr_t)slot);

    return page->slots[word / 64] >> word % 64 & 1;
}
#endif
