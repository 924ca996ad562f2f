/* Snapshots as short texts. */
#ifndef MW_TEST_DUMP_SUPPORT_H
#define MW_TEST_DUMP_SUPPORT_H
#include "dump/dump.h"

/* The first part of a snapshot with five fields a node. Types: 0 hidden, 1 array, 2 string, 3
 * object, 4 closure, 5 native, 6 synthetic, 7 "odd". Edges: 0 context, 1 element, 2 property, 3
 * internal, 4 hidden, 5 shortcut, 6 weak. */
#define HEAD "{\"snapshot\":{\"meta\":{" FIELDS TYPES "}}"
#define FIELDS                                                                                     \
    "\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"                     \
    "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
#define TYPES                                                                                      \
    "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"closure\",\"native\","          \
    "\"synthetic\",\"odd\"]],\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\","  \
    "\"hidden\",\"shortcut\",\"weak\"]]"
#define SNAPSHOT(nodes, edges, strings)                                                            \
    HEAD ",\"nodes\":[" nodes "],\"edges\":[" edges "],\"strings\":[" strings "]}"

/* Reads `size` bytes; -1 = to the NUL. Returns what mw_dump_read() does. */
int read_bytes(const char *bytes, long size, struct mw_dump **ret, char why[MW_DUMP_WHY_MAX]);
/* What must be a snapshot. */
struct mw_dump *read_text(const char *text);
/* What must be none: why, up to the next call. */
const char *refused(const char *text);
struct mw_dump_node node_at(const struct mw_dump *dump, uint32_t position);
#endif
