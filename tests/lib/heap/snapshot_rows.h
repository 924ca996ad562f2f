/* snapshot_rows: a snapshot in memory, and the rows of its nodes. What else is in it, the strict
 * reader in tests/support looks at. */
#ifndef MW_TEST_SNAPSHOT_ROWS_H
#define MW_TEST_SNAPSHOT_ROWS_H
#include "heap/heap.h"
#include "heap/snapshot.h"

enum { ROW_TYPE, ROW_NAME, ROW_ID, ROW_SIZE, ROW_EDGES, ROW_WIDTH = 7 };

struct rows {
    char *text;
    size_t size;
    uint64_t (*nodes)[ROW_WIDTH];
    size_t count;
};

/* What stands in the file, from its beginning; the file is closed. */
void rows_read(struct rows *ret, int fd);
/* A snapshot of the heap, without an error. */
void rows_take(struct rows *ret, struct mw_heap *heap, struct mw_heap_snapshot_report *report);
void rows_free(struct rows *self);
/* How many of the ids of one are in the other. */
size_t rows_common(const struct rows *left, const struct rows *right);
/* How many of the nodes of one are in the other, by id, with the same type and size. */
size_t rows_alike(const struct rows *left, const struct rows *right);
/* Sum of the sizes; and whether no id stands twice. */
uint64_t rows_bytes(const struct rows *self);
bool rows_unique(const struct rows *self);
/* An empty file in memory. */
int rows_file(void);
#endif
