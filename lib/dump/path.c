/* The shortest ways from the roots. Those of the user come first, a window or the global object, so
 * that a way through the innards of the machine is only told where there is no other. */
#include "dump/dump_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 80, STEPS_MAX = 24, SHOWN_FIRST = 8 };

/* ---- finding them ---- */

static bool is_user_root(const struct mw_dump *self, uint32_t node)
{
    return self->type[node] != MW_DUMP_SYNTHETIC || mw_dump_is_document(self, node);
}

static bool reach(struct mw_dump *self, uint32_t node, uint32_t edge)
{
    uint32_t to = self->edge_to[edge];

    if (to == self->root || self->from[to] != MW_DUMP_NO || !mw_dump_is_essential(self, edge))
        return false;
    self->from[to] = node;
    self->by[to] = edge;
    return true;
}

static void widen(struct mw_dump *self, uint32_t *queue, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        for (uint32_t i = self->first[queue[at]]; i < self->first[queue[at] + 1]; i++)
            if (reach(self, queue[at], i))
                queue[count++] = self->edge_to[i];
}

int mw_dump_find_paths(struct mw_dump *self)
{
    size_t size = self->nodes * sizeof(uint32_t);
    uint32_t *queue = malloc(size), count = 0;

    self->from = malloc(size);
    self->by = malloc(size);
    if (queue && self->from && self->by) {
        memset(self->from, 0xff, size);
        for (uint32_t i = self->first[self->root]; i < self->first[self->root + 1]; i++)
            if (is_user_root(self, self->edge_to[i]) && reach(self, self->root, i))
                queue[count++] = self->edge_to[i];
        widen(self, queue, count);
        queue[0] = self->root;
        widen(self, queue, 1);
    }
    int r = queue && self->from && self->by ? 0 : -ENOMEM;
    free(queue);
    return r;
}

/* ---- telling them ---- */

struct line {
    char *bytes;
    size_t size;
};

/* There is room for the longest way: see LABEL_BYTES and STEPS_MAX. */
static void put(struct line *self, const char *text)
{
    size_t size = strlen(text);

    memcpy(self->bytes + self->size, text, size + 1);
    self->size += size;
}

/* The front of a text, whole characters only. */
static void put_name(struct line *self, const char *text)
{
    size_t size = strlen(text), at = 0;

    while (at < size && at < LABEL_BYTES) {
        size_t more = mw_utf8_sequence(text + at, size - at);

        at += more ? more : 1;
    }
    memcpy(self->bytes + self->size, text, at);
    self->size += at;
    self->bytes[self->size] = '\0';
    if (at < size)
        put(self, "...");
}

static void put_node(const struct mw_dump *self, uint32_t node, struct line *line)
{
    uint8_t type = self->type[node];

    if (type == MW_DUMP_SYNTHETIC || type == MW_DUMP_CLOSURE)
        put_name(line, mw_dump_name(self, node));
    else
        put_name(line, mw_dump_text(&self->classes, self->class[node]));
    if (type == MW_DUMP_CLOSURE)
        put(line, "()");
}

static void put_edge(const struct mw_dump *self, uint32_t edge, struct line *line)
{
    uint8_t type = self->edge_type[edge];
    char index[16];
    const char *name;

    if (type == MW_DUMP_ELEMENT || type == MW_DUMP_HIDDEN_EDGE) {
        snprintf(index, sizeof index, "[%u]", self->edge_name[edge]);
        put(line, index);
        return;
    }
    name = mw_dump_text(&self->texts, self->edge_name[edge]);
    if (name[0] && name[strspn(name, "0123456789")] == '\0') {
        put(line, "[");
        put_name(line, name);
        put(line, "]");
        return;
    }
    if (type == MW_DUMP_INTERNAL && strstr(name, " pair in WeakMap (table @"))
        put(line, "value in a WeakMap");
    else
        put_name(line, name);
}

/* The node that stands `steps` above another. */
static uint32_t above(const struct mw_dump *self, uint32_t node, uint32_t steps)
{
    while (steps-- > 0)
        node = self->from[node];
    return node;
}

/* "(GC roots)" and the root above it are those of every way. */
static bool is_told(const struct mw_dump *self, uint32_t node)
{
    return node != self->root && self->from[node] != MW_DUMP_NO &&
           strcmp(mw_dump_name(self, node), "(GC roots)") != 0;
}

uint32_t mw_dump_path(const struct mw_dump *self, uint32_t position, char ret[MW_DUMP_PATH_MAX])
{
    struct line line = {ret, 0};
    uint32_t steps = 0;

    ret[0] = '\0';
    if (!self->from || position >= self->nodes)
        return 0;
    for (uint32_t node = position; is_told(self, node); node = self->from[node])
        steps++;
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t node;

        if (steps > STEPS_MAX && i == SHOWN_FIRST) {
            i = steps - (STEPS_MAX - SHOWN_FIRST);
            put(&line, " → ...");
        }
        node = above(self, position, steps - 1 - i);
        if (i > 0) {
            put(&line, " → ");
            put_edge(self, self->by[node], &line);
            put(&line, " : ");
        }
        put_node(self, node, &line);
    }
    return steps;
}
