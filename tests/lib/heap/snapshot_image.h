/* snapshot_image: a snapshot read back whole: nodes, edges and strings. Any form but that which the
 * heap writes is refused. For programs without cmocka, which snapshot_rows needs. */
#ifndef MW_TEST_SNAPSHOT_IMAGE_H
#define MW_TEST_SNAPSHOT_IMAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NODE_TYPE, NODE_NAME, NODE_ID, NODE_SIZE, NODE_EDGES, NODE_WIDTH = 7 };
enum { EDGE_TYPE, EDGE_NAME, EDGE_TO, EDGE_WIDTH };

struct image_string {
    const char *bytes; /* without escapes; zeros may be among them */
    size_t size;
};

struct image {
    char *text;
    uint64_t node_count, edge_count; /* as the head says */
    uint64_t (*nodes)[NODE_WIDTH];
    uint64_t (*edges)[EDGE_WIDTH];
    uint64_t *first_edges; /* of each node */
    struct image_string *strings;
    size_t string_count;
};

/* How many the head says there are. Both return false when the file is no snapshot, or is more than
 * there is memory for. */
bool image_counts(int fd, uint64_t *ret_nodes, uint64_t *ret_edges);
/* The whole file; image_free() is due whatever comes of it. */
bool image_read(struct image *ret, int fd);
void image_free(struct image *self);
#endif
