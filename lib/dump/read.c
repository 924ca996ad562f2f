/* The sections of the file into arrays. What can be judged at once is refused where it stands; what
 * takes the rest of the file (indexes of strings, whether the edges are as many as the nodes say)
 * is judged at the end, and named by its section and its place there. */
#include "dump/dump_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 32 };

#define COUNT_MAX ((uint64_t)UINT32_MAX - 2)

/* ---- room ---- */

/* The arrays of one section grow together. */
static bool grow_u32(uint32_t **array, size_t room, size_t count)
{
    uint32_t *grown = mw_dump_grow(*array, &room, count, sizeof **array);

    *array = grown ? grown : *array;
    return grown;
}

static bool grow_u8(uint8_t **array, size_t room, size_t count)
{
    uint8_t *grown = mw_dump_grow(*array, &room, count, sizeof **array);

    *array = grown ? grown : *array;
    return grown;
}

static bool grow_u64(uint64_t **array, size_t *room, size_t count)
{
    uint64_t *grown = mw_dump_grow(*array, room, count, sizeof **array);

    *array = grown ? grown : *array;
    return grown;
}

/* Room for one more row, and for the end of the last one's edges. */
static bool node_room(struct mw_dump *self, struct mw_dump_input *in)
{
    size_t count = (size_t)self->nodes + 2, room = self->node_room;

    if (count <= room)
        return true;
    if (self->nodes >= COUNT_MAX)
        return mw_dump_fail(in, -EFBIG, mw_dump_input_offset(in), "more than 2^32 - 3 nodes") == 0;
    if (grow_u8(&self->type, room, count) && grow_u8(&self->raw_type, room, count) &&
        grow_u32(&self->name, room, count) && grow_u32(&self->id, room, count) &&
        grow_u32(&self->first, room, count) && grow_u64(&self->size, &self->node_room, count))
        return true;
    return mw_dump_fail(in, -ENOMEM, mw_dump_input_offset(in), "no memory for more nodes") == 0;
}

static bool edge_room(struct mw_dump *self, struct mw_dump_input *in)
{
    size_t count = (size_t)self->edges + 1, room = self->edge_room;

    if (count <= room)
        return true;
    if (self->edges >= COUNT_MAX)
        return mw_dump_fail(in, -EFBIG, mw_dump_input_offset(in), "more than 2^32 - 3 edges") == 0;
    if (grow_u8(&self->edge_type, room, count) && grow_u32(&self->edge_name, room, count)) {
        uint32_t *to = mw_dump_grow(self->edge_to, &self->edge_room, count, sizeof *to);

        self->edge_to = to ? to : self->edge_to;
        if (to)
            return true;
    }
    return mw_dump_fail(in, -ENOMEM, mw_dump_input_offset(in), "no memory for more edges") == 0;
}

/* ---- rows ---- */

/* The first field of a row was announced already. */
static bool next_field(struct mw_dump_input *in, uint32_t field)
{
    return field == 0 || mw_dump_take(in, ',', "',' and the rest of a row");
}

static bool read_type(struct mw_dump_input *in, uint32_t types, uint64_t *ret)
{
    uint64_t offset = mw_dump_input_offset(in);

    if (!mw_dump_number(in, UINT32_MAX, "a type", ret))
        return false;
    if (*ret < types)
        return true;
    mw_dump_fail(in, -EBADMSG, offset, "expected a type below %u, found %llu", types,
                 (unsigned long long)*ret);
    return false;
}

static bool read_node_field(struct mw_dump *self, struct mw_dump_input *in, uint32_t field,
                            uint64_t *edges)
{
    const struct mw_dump_meta *meta = &self->meta;
    uint32_t node = self->nodes;
    uint64_t value = 0;
    bool good = true;

    if (field == meta->type) {
        good = read_type(in, meta->node_types, &value);
        self->raw_type[node] = (uint8_t)value;
    } else if (field == meta->name) {
        good = mw_dump_number(in, COUNT_MAX, "the index of a string", &value);
        self->name[node] = (uint32_t)value;
    } else if (field == meta->id) {
        good = mw_dump_number(in, UINT32_MAX, "an id", &value);
        self->id[node] = (uint32_t)value;
    } else if (field == meta->size) {
        good = mw_dump_number(in, UINT64_C(1) << 53, "a size", &value);
        self->size[node] = value;
    } else if (field == meta->count) {
        good = mw_dump_number(in, COUNT_MAX - *edges, "a number of edges", &value);
        self->first[node] = (uint32_t)*edges;
        *edges += value;
    } else {
        good = mw_dump_skip(in);
    }
    return good;
}

static bool read_nodes(struct mw_dump *self, struct mw_dump_input *in)
{
    uint64_t edges = 0;
    bool first = true;

    while (mw_dump_next(in, &first, ']')) {
        if (!node_room(self, in))
            return false;
        for (uint32_t i = 0; i < self->meta.node_width; i++)
            if (!next_field(in, i) || !read_node_field(self, in, i, &edges))
                return false;
        self->type[self->nodes] = self->meta.node_type[self->raw_type[self->nodes]];
        self->nodes++;
    }
    if (self->nodes > 0)
        self->first[self->nodes] = (uint32_t)edges;
    return in->error == 0;
}

/* To the position of a node; whether that one is there is known when the nodes are. */
static bool read_target(struct mw_dump *self, struct mw_dump_input *in, uint32_t *ret)
{
    uint32_t width = self->meta.node_width;
    uint64_t value, offset;

    mw_dump_peek(in);
    offset = mw_dump_input_offset(in);
    if (!mw_dump_number(in, COUNT_MAX * width, "where a node begins", &value))
        return false;
    *ret = (uint32_t)(value / width);
    if (value % width == 0 && (self->nodes == 0 || *ret < self->nodes))
        return true;
    mw_dump_fail(in, -EBADMSG, offset,
                 "expected where one of %u nodes begins, a multiple of %u, found %llu", self->nodes,
                 width, (unsigned long long)value);
    return false;
}

static bool read_edge_field(struct mw_dump *self, struct mw_dump_input *in, uint32_t field)
{
    const struct mw_dump_meta *meta = &self->meta;
    uint32_t edge = self->edges;
    uint64_t value = 0;
    bool good;

    if (field == meta->edge_type) {
        good = read_type(in, meta->edge_types, &value);
        if (good)
            self->edge_type[edge] = meta->edge_type_of[value];
        return good;
    }
    if (field == meta->edge_name) {
        good = mw_dump_number(in, UINT32_MAX, "the name or the index of an edge", &value);
        self->edge_name[edge] = (uint32_t)value;
        return good;
    }
    return field == meta->edge_to ? read_target(self, in, &self->edge_to[edge]) : mw_dump_skip(in);
}

static bool read_edges(struct mw_dump *self, struct mw_dump_input *in)
{
    bool first = true;

    while (mw_dump_next(in, &first, ']')) {
        if (!edge_room(self, in))
            return false;
        for (uint32_t i = 0; i < self->meta.edge_width; i++)
            if (!next_field(in, i) || !read_edge_field(self, in, i))
                return false;
        self->edges++;
    }
    return in->error == 0;
}

static bool read_strings(struct mw_dump *self, struct mw_dump_input *in)
{
    char text[MW_DUMP_TEXT_MAX];
    bool first = true;
    size_t size;

    while (mw_dump_next(in, &first, ']')) {
        if (!mw_dump_string(in, text, sizeof text, &size))
            return false;
        int r = mw_dump_text_add(&self->texts, text, size, NULL);
        if (r < 0)
            return mw_dump_fail(in, r, mw_dump_input_offset(in), "%s",
                                r == -EFBIG ? "more than 4 GiB of strings"
                                            : "no memory for more strings") == 0;
    }
    return in->error == 0;
}

/* ---- sections ---- */

enum section { SNAPSHOT, NODES, EDGES, STRINGS, OTHERS };

static const char *const sections[] = {"snapshot", "nodes", "edges", "strings"};

static enum section section_of(const char *key)
{
    unsigned i = 0;

    while (i < OTHERS && strcmp(sections[i], key) != 0)
        i++;
    return (enum section)i;
}

static bool read_section(struct mw_dump *self, struct mw_dump_input *in, enum section section)
{
    static bool (*const readers[])(struct mw_dump *, struct mw_dump_input *) = {
        [NODES] = read_nodes, [EDGES] = read_edges, [STRINGS] = read_strings};

    if (section == OTHERS)
        return mw_dump_skip(in);
    if (section == SNAPSHOT)
        return mw_dump_read_meta(in, &self->meta);
    if (section != STRINGS && !mw_dump_meta_complete(in, &self->meta))
        return false;
    if (section == NODES)
        self->nodes_at = mw_dump_input_offset(in);
    if (section == EDGES)
        self->edges_at = mw_dump_input_offset(in);
    return mw_dump_take(in, '[', "'['") && readers[section](self, in);
}

static bool read_key(struct mw_dump *self, struct mw_dump_input *in, unsigned *seen)
{
    char key[KEY_BYTES];
    size_t size;
    uint64_t offset;

    mw_dump_peek(in);
    offset = mw_dump_input_offset(in);
    if (!mw_dump_string(in, key, sizeof key - 1, &size))
        return false;
    key[size] = '\0';
    enum section section = section_of(key);
    if (section != OTHERS && (*seen >> section & 1)) {
        mw_dump_fail(in, -EBADMSG, offset, "expected \"%s\" only once", key);
        return false;
    }
    *seen |= 1U << section;
    return mw_dump_take(in, ':', "':'") && read_section(self, in, section);
}

/* ---- what takes the whole file to judge ---- */

static int refuse_count(struct mw_dump_input *in, uint64_t offset, const char *what,
                        uint64_t wanted, uint64_t found)
{
    return mw_dump_fail(in, -EBADMSG, offset, "expected %llu %s, found %llu",
                        (unsigned long long)wanted, what, (unsigned long long)found);
}

static int check_counts(struct mw_dump *self, struct mw_dump_input *in)
{
    const struct mw_dump_meta *meta = &self->meta;

    if (self->nodes == 0)
        return refuse_count(in, self->nodes_at, "nodes or more", 1, 0);
    if (meta->node_count != UINT64_MAX && meta->node_count != self->nodes)
        return refuse_count(in, self->nodes_at, "nodes as node_count says", meta->node_count,
                            self->nodes);
    if (meta->edge_count != UINT64_MAX && meta->edge_count != self->edges)
        return refuse_count(in, self->edges_at, "edges as edge_count says", meta->edge_count,
                            self->edges);
    if (self->first[self->nodes] != self->edges)
        return refuse_count(in, self->edges_at, "edges as the nodes have", self->first[self->nodes],
                            self->edges);
    if (meta->root % meta->node_width != 0 || meta->root / meta->node_width >= self->nodes)
        return mw_dump_fail(in, -EBADMSG, self->nodes_at,
                            "expected root_index to be where a node begins, found %llu",
                            (unsigned long long)meta->root);
    self->root = (uint32_t)(meta->root / meta->node_width);
    return 0;
}

static bool is_named(uint8_t edge_type)
{
    return edge_type != MW_DUMP_ELEMENT && edge_type != MW_DUMP_HIDDEN_EDGE;
}

static int check_indexes(const struct mw_dump *self, struct mw_dump_input *in)
{
    for (uint32_t i = 0; i < self->nodes; i++)
        if (self->name[i] >= self->texts.count)
            return mw_dump_fail(in, -EBADMSG, self->nodes_at,
                                "expected one of %u strings as the name of node %u, found %u",
                                self->texts.count, i, self->name[i]);
    for (uint32_t i = 0; i < self->edges; i++) {
        if (is_named(self->edge_type[i]) && self->edge_name[i] >= self->texts.count)
            return mw_dump_fail(in, -EBADMSG, self->edges_at,
                                "expected one of %u strings as the name of edge %u, found %u",
                                self->texts.count, i, self->edge_name[i]);
        if (self->edge_to[i] >= self->nodes)
            return mw_dump_fail(in, -EBADMSG, self->edges_at,
                                "expected one of %u nodes behind edge %u, found %u", self->nodes, i,
                                self->edge_to[i]);
    }
    return 0;
}

static int check_all(struct mw_dump *self, struct mw_dump_input *in, unsigned seen)
{
    for (unsigned i = 0; i < OTHERS; i++)
        if (!(seen >> i & 1))
            return mw_dump_fail(in, -EBADMSG, mw_dump_input_offset(in),
                                "expected \"%s\" somewhere in front", sections[i]);
    int r = check_counts(self, in);
    return r < 0 ? r : check_indexes(self, in);
}

int mw_dump_read_file(struct mw_dump *self, struct mw_dump_input *in)
{
    unsigned seen = 0;
    bool first = true;

    if (!mw_dump_take(in, '{', "'{' of a heap snapshot"))
        return in->error;
    while (mw_dump_next(in, &first, '}'))
        if (!read_key(self, in, &seen))
            return in->error;
    if (in->error == 0 && mw_dump_peek(in) >= 0)
        mw_dump_expected(in, "the end of the file");
    return in->error < 0 ? in->error : check_all(self, in, seen);
}
