#include "dump/dump_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mw_dump_trim(struct mw_dump *self)
{
    uint32_t **const arrays[] = {&self->first, &self->edge_name, &self->edge_to, &self->from,
                                 &self->by};

    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(*arrays[i]);
        *arrays[i] = NULL;
    }
    free(self->edge_type);
    free(self->essential);
    self->edge_type = self->essential = NULL;
}

struct mw_dump *mw_dump_destroy(struct mw_dump *self)
{
    if (!self)
        return NULL;
    mw_dump_trim(self);
    free(self->type);
    free(self->raw_type);
    free(self->name);
    free(self->id);
    free(self->size);
    free(self->retained);
    free(self->class);
    free(self->dominator);
    mw_dump_text_deinit(&self->texts);
    mw_dump_text_deinit(&self->classes);
    free(self);
    return NULL;
}

static int analyse(struct mw_dump *self)
{
    static int (*const steps[])(struct mw_dump *) = {mw_dump_find_classes, mw_dump_move_sizes,
                                                     mw_dump_find_essential,
                                                     mw_dump_find_dominators, mw_dump_find_paths};
    int r = 0;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && r == 0; i++)
        r = steps[i](self);
    return r;
}

static int read_all(struct mw_dump *self, int fd, char *why)
{
    struct mw_dump_input *in = malloc(sizeof *in);
    int r;

    if (!in)
        return -ENOMEM;
    mw_dump_input_init(in, fd, why);
    r = mw_dump_read_file(self, in);
    free(in);
    return r;
}

int mw_dump_read(int fd, struct mw_dump **ret, char ret_why[MW_DUMP_WHY_MAX])
{
    struct mw_dump *self = calloc(1, sizeof *self);
    int r = -ENOMEM;

    ret_why[0] = '\0';
    if (!self)
        goto fail;
    self->meta.node_count = self->meta.edge_count = UINT64_MAX;
    r = read_all(self, fd, ret_why);
    if (r == 0)
        r = analyse(self);
    if (r < 0)
        goto fail;
    *ret = self;
    return 0;
fail:
    if (ret_why[0] == '\0')
        snprintf(ret_why, MW_DUMP_WHY_MAX, "no memory to find out who holds what");
    mw_dump_destroy(self);
    return r;
}

void mw_dump_get_totals(const struct mw_dump *self, struct mw_dump_totals *ret)
{
    *ret = (struct mw_dump_totals){self->nodes, self->edges, self->unreachable, 0};
    for (uint32_t i = 0; i < self->nodes; i++)
        ret->bytes += self->size[i];
}

bool mw_dump_get_node(const struct mw_dump *self, uint32_t position, struct mw_dump_node *ret)
{
    if (position >= self->nodes)
        return false;
    *ret = (struct mw_dump_node){
        .id = self->id[position],
        .dominator = self->dominator[position],
        .size = self->size[position],
        .retained = self->retained[position],
        .class_name = mw_dump_text(&self->classes, self->class[position]),
        .name = mw_dump_name(self, position),
    };
    return true;
}
