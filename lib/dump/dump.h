/* dump: heap snapshots as files, and what grew from one to the next.
 *
 * Source   .heapsnapshot files of Node.js, Chrome and heap/snapshot.h. Fields are found by the
 * names that the file gives them, in any order; fields and sections that are not known are passed
 *          over. `snapshot` must stand in front of `nodes` and `edges`.
 * Sizes    bytes. Own and retained sizes, classes and dominators are those that Chrome's developer
 *          tools show: weak edges hold nothing, what belongs to a page is not held by the system,
 *          and the backing store of one object counts as that object's. A plain Object is one,
 * though; the tools of late name it after its fields. Memory   about 100 bytes a node and 20 an
 * edge while one is read; no part of the file is kept but the first MW_DUMP_TEXT_MAX bytes of each
 * string. A second snapshot needs no more than the first when that was trimmed. Limits   2^32 - 2
 * nodes and as many edges, ids below 2^32, 4 GiB of strings so cut; -EFBIG says which one. State
 * none but the objects; any thread may use a dump that no other thread uses.
 */
#ifndef MW_DUMP_H
#define MW_DUMP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MW_DUMP_WHY_MAX = 256, MW_DUMP_TEXT_MAX = 512, MW_DUMP_PATH_MAX = 8192, MW_DUMP_NONE = -1 };

struct mw_dump;

/* Reads to the end from where `fd` stands, and works out who holds what; the descriptor stays the
 * caller's.
 * Owner    the caller, mw_dump_destroy().
 * Errors   -EBADMSG no snapshot, -EFBIG, -ENOMEM, and what read(2) says; `ret_why` then says what,
 *          and "byte N: " in front of it where. */
int mw_dump_read(int fd, struct mw_dump **ret, char ret_why[MW_DUMP_WHY_MAX]);
struct mw_dump *mw_dump_destroy(struct mw_dump *self);

/* Gives back what only paths need; mw_dump_path() has nothing to say from then on. */
void mw_dump_trim(struct mw_dump *self);

struct mw_dump_totals {
    uint32_t nodes, edges;
    uint32_t unreachable; /* nodes that nothing but weak edges leads to; they count all the same */
    uint64_t bytes;       /* own sizes of all nodes */
};
void mw_dump_get_totals(const struct mw_dump *self, struct mw_dump_totals *ret);

struct mw_dump_node {
    uint32_t id;
    uint32_t dominator; /* its position; that of the root is its own */
    uint64_t size, retained;
    const char *class_name; /* UTF-8, borrowed from the dump */
    const char *name;       /* likewise; what the file calls the node */
};
/* The node at a position, 0 and on as they stand in the file. False behind the last one. */
bool mw_dump_get_node(const struct mw_dump *self, uint32_t position, struct mw_dump_node *ret);

/* The shortest way from the roots to a node that keeps it alive, as
 *     Window → cache : Map → table : (array) → [12] : Entry
 * cut in the middle when it has more than 24 steps; MW_DUMP_PATH_MAX bytes always suffice.
 * Returns  the number of steps; 0, and "" in `ret`, when no such way is known. */
uint32_t mw_dump_path(const struct mw_dump *self, uint32_t position, char ret[MW_DUMP_PATH_MAX]);

/* ---- two snapshots of one heap ---- */

/* Objects are the same when their ids are. */
struct mw_dump_growth {
    const char *class_name;     /* borrowed from the dumps */
    uint64_t added, added_size; /* objects in B only, their own sizes there */
    uint64_t gone, gone_size;   /* objects in A only */
    int64_t count, size;        /* B less A; objects that are in both may have grown */
    int64_t retained;           /* likewise, of all objects of the class together */
};

struct mw_dump_new {
    uint32_t position; /* in B */
    uint64_t retained;
};

enum { MW_DUMP_NEW_MAX = 16 };

struct mw_dump_diff {
    struct mw_dump_growth *classes; /* that differ; largest growth of `size` first */
    size_t class_count;
    /* Objects that are new in B and held by older ones, those that retain most first. */
    struct mw_dump_new news[MW_DUMP_NEW_MAX];
    size_t new_count;
    int64_t size; /* of all of B less all of A */
    /* Where it grew: the last object on the way down from the root of B under which there is more
     * than half of the growth above it; the first new one ends the way, and for a table or an array
     * it is its owner. MW_DUMP_NONE when nothing grew. `example` is the new object that retains
     * most there, or `grown` itself. */
    int64_t grown, example;
    int64_t grown_by;
};

/* Owner    the caller, mw_dump_diff_destroy(); the dumps must live longer. Errors -ENOMEM. */
int mw_dump_compare(const struct mw_dump *a, const struct mw_dump *b, struct mw_dump_diff **ret);
struct mw_dump_diff *mw_dump_diff_destroy(struct mw_dump_diff *self);

#ifdef __cplusplus
}
#endif
#endif
