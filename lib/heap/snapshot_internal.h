/* snapshot: what its parts share. Each group of declarations belongs to the file that it is named
 * after. */
#ifndef MW_HEAP_SNAPSHOT_INTERNAL_H
#define MW_HEAP_SNAPSHOT_INTERNAL_H
#include "heap/heap_internal.h"
#include "heap/snapshot.h"

/* ---- snapshot_out: bytes, digits and JSON strings through one buffer ---- */

enum { MW_OUT_BUFFER = 32 * 1024, MW_OUT_ROW = 256 };

struct mw_out {
    int fd;
    int error; /* the first one; nothing is written after it */
    char *at;
    uint64_t bytes; /* that left the buffer */
    char buffer[MW_OUT_BUFFER];
};

void mw_out_begin(struct mw_out *self, int fd);
/* Makes room for a row. */
void mw_out_flush(struct mw_out *self);
MW_ALWAYS_INLINE char *mw_out_row(struct mw_out *self)
{
    if (MW_HEAP_UNLIKELY(self->buffer + MW_OUT_BUFFER - self->at < MW_OUT_ROW))
        mw_out_flush(self);
    return self->at;
}
void mw_out_text(struct mw_out *self, const char *text);
/* A comma, and the bytes as a JSON string: what is no UTF-8 becomes U+FFFD. */
void mw_out_string(struct mw_out *self, const char *bytes, size_t size);
/* Returns where the digits end. */
char *mw_out_number(char *at, uint64_t value);

/* ---- snapshot ---- */

/* One kind of node has one code in the file; so has one kind of edge. */
enum mw_node_type {
    MW_NODE_ARRAY = 1,
    MW_NODE_STRING = 2,
    MW_NODE_OBJECT = 3,
    MW_NODE_NATIVE = 8,
    MW_NODE_SYNTHETIC = 9,
};

enum mw_edge_type {
    MW_EDGE_ELEMENT = 1,
    MW_EDGE_PROPERTY = 2,
    MW_EDGE_INTERNAL = 3,
    MW_EDGE_WEAK = 6,
};

enum mw_snapshot_node { MW_NODE_ROOT, MW_NODE_ROOTS, MW_NODE_SCOPES, MW_NODE_GLOBALS, MW_NODES };

enum {
    MW_SNAPSHOT_SCOPES = 1 << 16, /* that have a node of their own; the last takes the others' */
    MW_SNAPSHOT_TEXT = 1024,      /* bytes of a text that are shown */
    MW_RANK_SHIFT = 8,            /* words between two entries of `before` */
    MW_RANKS = MW_PAGE_WORDS >> MW_RANK_SHIFT,
};

/* Bytes that one node may stand for: readers keep sizes in 32 bits. */
#define MW_SNAPSHOT_PIECE ((uint64_t)1 << 31)

struct mw_heap_snapshot {
    struct mw_heap *heap;
    uint64_t piece;
    /* snapshot_rank.c */
    size_t pages;           /* of the heap, in use or not */
    uint32_t *first;        /* of each page: how many objects stand in those before it */
    uint16_t *before;       /* MW_RANKS for each page: marks before these words */
    uint64_t *young_starts; /* a bit for each word of the half in use; NULL: it is empty */
    uint32_t *young_before;
    size_t young_words; /* of the half as it was then: it may grow before this is destroyed */
    uint64_t old, large, young; /* objects */
    /* snapshot.c */
    uint64_t scopes, texts;
    uint64_t owned;        /* nodes of external memory, and of pieces */
    uint64_t nodes, edges; /* all told */
    bool new_ids;
    uint32_t new_first;   /* the first id when there are no identities, else 0 */
    uint64_t collections; /* of the heap when it was prepared */
    size_t used;          /* likewise */
    bool rough;           /* what died while it was marked is still in it */
    pid_t maker;
    size_t memory;
    struct mw_out out;
};

/* Pieces but the first, each of which is a node of its own. */
MW_ALWAYS_INLINE uint64_t mw_snapshot_more(const struct mw_heap_snapshot *self, uint64_t bytes)
{
    return bytes <= self->piece ? 0 : (bytes - 1) / self->piece;
}

MW_ALWAYS_INLINE uint64_t mw_snapshot_piece(const struct mw_heap_snapshot *self, uint64_t bytes,
                                            uint64_t index)
{
    uint64_t left = bytes - index * self->piece;

    return left < self->piece ? left : self->piece;
}

MW_ALWAYS_INLINE uint64_t mw_snapshot_objects(const struct mw_heap_snapshot *self)
{
    return self->old + self->large + self->young;
}

/* ---- snapshot_rank: which node is an object ---- */

int mw_rank_init(struct mw_heap_snapshot *self);
/* Takes what was not initialized, and leaves what may be initialized again. */
void mw_rank_deinit(struct mw_heap_snapshot *self);
/* Among objects: those of pages by address, large ones, young ones. */
uint64_t mw_rank_of(const struct mw_heap_snapshot *self, uintptr_t object);

/* ---- walking, in the order of nodes ---- */

typedef void mw_each_fn(void *context, uintptr_t *object, uint64_t header);

enum { MW_EACH_AHEAD = 4 };

MW_ALWAYS_INLINE uintptr_t *mw_each_place(struct mw_page *page, size_t word, uint64_t starts)
{
    return (uintptr_t *)(void *)page + word * 64 + __builtin_ctzll(starts);
}

/* Asked for from memory so many words of marks ahead: most time of a walk is waiting for headers.
 */
MW_ALWAYS_INLINE uint64_t mw_each_ahead(struct mw_page *page, size_t word, uint64_t *inside)
{
    uint64_t all = word < MW_MARK_WORDS ? mw_mark_starts(page->marks[word], inside) : 0;

    for (uint64_t starts = all; starts != 0; starts &= starts - 1)
        __builtin_prefetch(mw_each_place(page, word, starts), 1);
    return all;
}

MW_ALWAYS_INLINE void mw_each_in_page(struct mw_page *page, mw_each_fn *each, void *context)
{
    uint64_t inside = 0, ahead[MW_EACH_AHEAD];

    for (size_t i = 0; i < MW_EACH_AHEAD; i++)
        ahead[i] = mw_each_ahead(page, i, &inside);
    for (size_t i = 0; i < MW_MARK_WORDS; i++) {
        for (uint64_t starts = ahead[i % MW_EACH_AHEAD]; starts != 0; starts &= starts - 1) {
            uintptr_t *object = mw_each_place(page, i, starts);

            each(context, object, object[0]);
        }
        ahead[i % MW_EACH_AHEAD] = mw_each_ahead(page, i + MW_EACH_AHEAD, &inside);
    }
}

MW_ALWAYS_INLINE void mw_each_old(const struct mw_heap *heap, mw_each_fn *each, void *context)
{
    for (size_t i = 0; i < heap->pool.page_max; i++)
        if (heap->pool.roles[i] == MW_ROLE_USED)
            mw_each_in_page(mw_pool_page(&heap->pool, i), each, context);
}

MW_ALWAYS_INLINE void mw_each_large(const struct mw_heap *heap, mw_each_fn *each, void *context)
{
    for (struct mw_page *page = heap->large.first; page != NULL; page = page->next) {
        uintptr_t *object = (uintptr_t *)(void *)((char *)page + MW_PAGE_FIRST);

        each(context, object, object[0]);
    }
}

MW_ALWAYS_INLINE void mw_each_young(const struct mw_heap *heap, mw_each_fn *each, void *context)
{
    char *at = mw_nursery_half(&heap->nursery, heap->nursery.from);

    while (at < heap->front.top) {
        uintptr_t *object = (uintptr_t *)(void *)at;
        uint64_t header = object[0];

        if (mw_header_type(header) != MW_TYPE_FILLER)
            each(context, object, header);
        at += mw_header_bytes(header);
    }
}

MW_ALWAYS_INLINE void mw_each_object(const struct mw_heap *heap, mw_each_fn *each, void *context)
{
    mw_each_old(heap, each, context);
    mw_each_large(heap, each, context);
    mw_each_young(heap, each, context);
}

/* ---- what an object owns outside: entries are sorted by its rank ---- */

struct mw_owned {
    const struct mw_external *next;
    bool young; /* `next` stands in the list of the young ones */
    uint64_t rank;
};

struct mw_owned mw_owned_begin(const struct mw_heap_snapshot *self);
void mw_owned_next(const struct mw_heap_snapshot *self, struct mw_owned *at);

/* ---- the file: both return how many they wrote ---- */

uint64_t mw_snapshot_nodes(struct mw_heap_snapshot *self);
uint64_t mw_snapshot_edges(struct mw_heap_snapshot *self);
void mw_snapshot_strings(struct mw_heap_snapshot *self);

enum mw_string { /* the first ones; scopes, types and texts follow */
                 MW_STRING_DUMMY,
                 MW_STRING_EMPTY,
                 MW_STRING_ROOTS,
                 MW_STRING_SCOPES,
                 MW_STRING_GLOBALS,
                 MW_STRING_EXTERNAL,
                 MW_STRING_PIECE,
                 MW_STRING_WEAK,
                 MW_STRINGS,
};

MW_ALWAYS_INLINE uint64_t mw_string_scope(uint64_t scope)
{
    return MW_STRINGS + scope;
}

/* Of a type; its fields' follow. */
MW_ALWAYS_INLINE uint64_t mw_string_type(const struct mw_heap_snapshot *self,
                                         const struct mw_type_entry *entry)
{
    return MW_STRINGS + self->scopes + entry->string;
}

MW_ALWAYS_INLINE uint64_t mw_string_text(const struct mw_heap_snapshot *self, uint64_t text)
{
    return MW_STRINGS + self->scopes + self->heap->types.strings + text;
}

/* `piece`: bytes that one node may stand for; the same in all snapshots of a heap. `rough`: as
 * mw_heap_snapshot_begin(). */
int mw_snapshot_create(struct mw_heap *heap, uint64_t piece, bool rough,
                       struct mw_heap_snapshot **ret);
/* How many references of an object lead somewhere. */
uint64_t mw_snapshot_references(const struct mw_heap *heap, uintptr_t *object, uint64_t header);
void mw_snapshot_report(struct mw_heap_snapshot_report *ret, const char *step, int error);
/* Handles before that belong to no scope. */
const uintptr_t *mw_snapshot_unscoped_end(const struct mw_heap_snapshot *self);
/* The handles of a scope: [first, end). */
void mw_snapshot_scope(const struct mw_heap_snapshot *self, uint64_t scope, uintptr_t **ret_first,
                       uintptr_t **ret_end);
#endif
