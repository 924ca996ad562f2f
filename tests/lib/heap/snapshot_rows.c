#include "snapshot_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int rows_file(void)
{
    int fd = memfd_create("snapshot", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static size_t count_lines(const char *from, const char *end)
{
    size_t count = 0;

    for (; from < end; from++)
        count += *from == '\n';
    return count;
}

static void read_nodes(struct rows *self)
{
    char *at = strstr(self->text, "\"nodes\":[");
    const char *end = strstr(self->text, "],\n\"edges\":[");

    assert_non_null(at);
    assert_non_null(end);
    self->count = count_lines(at, end);
    self->nodes = calloc(self->count, sizeof(*self->nodes));
    at += strlen("\"nodes\":");
    for (size_t i = 0; i < self->count; i++)
        for (size_t field = 0; field < ROW_WIDTH; field++)
            self->nodes[i][field] = strtoull(at + 1, &at, 10), at += *at == '\n';
}

void rows_read(struct rows *ret, int fd)
{
    struct stat status;

    assert_int_equal(fstat(fd, &status), 0);
    ret->size = (size_t)status.st_size;
    ret->text = calloc(1, ret->size + 1);
    assert_int_equal(pread(fd, ret->text, ret->size, 0), status.st_size);
    close(fd);
    read_nodes(ret);
}

void rows_take(struct rows *ret, struct mw_heap *heap, struct mw_heap_snapshot_report *report)
{
    int fd = rows_file();

    assert_int_equal(mw_heap_snapshot_write(heap, fd, report), 0);
    rows_read(ret, fd);
}

void rows_free(struct rows *self)
{
    free(self->text);
    free(self->nodes);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static uint64_t *sorted_ids(const struct rows *self)
{
    uint64_t *ids = calloc(self->count + 1, sizeof(*ids));

    for (size_t i = 0; i < self->count; i++)
        ids[i] = self->nodes[i][ROW_ID];
    qsort(ids, self->count, sizeof(*ids), compare);
    return ids;
}

size_t rows_common(const struct rows *left, const struct rows *right)
{
    uint64_t *ids = sorted_ids(left);
    size_t common = 0;

    for (size_t i = 0; i < right->count; i++)
        common +=
            bsearch(&right->nodes[i][ROW_ID], ids, left->count, sizeof(*ids), compare) != NULL;
    free(ids);
    return common;
}

static int by_id(const void *left, const void *right)
{
    const uint64_t *one = left, *other = right;

    return (one[ROW_ID] > other[ROW_ID]) - (one[ROW_ID] < other[ROW_ID]);
}

size_t rows_alike(const struct rows *left, const struct rows *right)
{
    size_t row = sizeof(*left->nodes), alike = 0;
    uint64_t(*sorted)[ROW_WIDTH] = malloc(left->count * row);

    assert_non_null(sorted);
    memcpy(sorted, left->nodes, left->count * row);
    qsort(sorted, left->count, row, by_id);
    for (size_t i = 0; i < right->count; i++) {
        const uint64_t *node = right->nodes[i];
        const uint64_t *same = bsearch(node, sorted, left->count, row, by_id);

        alike +=
            same != NULL && same[ROW_TYPE] == node[ROW_TYPE] && same[ROW_SIZE] == node[ROW_SIZE];
    }
    free(sorted);
    return alike;
}

uint64_t rows_bytes(const struct rows *self)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < self->count; i++)
        sum += self->nodes[i][ROW_SIZE];
    return sum;
}

bool rows_unique(const struct rows *self)
{
    uint64_t *ids = sorted_ids(self);
    bool unique = true;

    for (size_t i = 1; i < self->count; i++)
        unique = unique && ids[i - 1] < ids[i];
    free(ids);
    return unique;
}
