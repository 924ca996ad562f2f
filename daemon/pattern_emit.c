/* The tree into steps. A repetition is written out: a{2,4} is a a (a (a)?)?. */
#include "daemon/pattern_internal.h"

#include <errno.h>
#include <stdlib.h>

/* Nodes that may be gone over: of nothing at all there can be many in few steps. */
enum { VISITS_MAX = 20 * MWD_PATTERN_STEPS_MAX };

struct emitter {
    struct mwd_pattern *pattern;
    const struct mwd_node *nodes;
    uint32_t visits;
    int result;
};

static void emit_node(struct emitter *self, uint32_t number);

/* Number of the new step; 0 when there is no room for it. */
static uint32_t put(struct emitter *self, struct mwd_step step)
{
    struct mwd_pattern *pattern = self->pattern;

    if (pattern->step_count == MWD_PATTERN_STEPS_MAX)
        self->result = -E2BIG;
    if (self->result < 0)
        return 0;
    if (pattern->step_count == pattern->step_room) {
        uint32_t room = pattern->step_room ? 2 * pattern->step_room : 64;
        struct mwd_step *steps = reallocarray(pattern->steps, room, sizeof *steps);

        if (!steps) {
            self->result = -ENOMEM;
            return 0;
        }
        pattern->steps = steps;
        pattern->step_room = room;
    }
    pattern->steps[pattern->step_count] = step;
    return pattern->step_count++;
}

static uint32_t here(const struct emitter *self)
{
    return self->pattern->step_count;
}

static uint32_t put_kind(struct emitter *self, enum mwd_step_kind kind, uint32_t value)
{
    return put(self, (struct mwd_step){.kind = kind, .value = value});
}

/* A split that goes into what follows it or, with less right, past it; the other way round when it
 * is lazy. Where past is, is said later. */
static uint32_t put_split(struct emitter *self)
{
    return put_kind(self, MWD_STEP_SPLIT, 0);
}

static void aim(struct emitter *self, uint32_t split, bool lazy, uint32_t past)
{
    struct mwd_step *step;

    if (self->result < 0)
        return;
    step = &self->pattern->steps[split];
    step->first = lazy ? past : split + 1;
    step->second = lazy ? split + 1 : past;
}

static void emit_star(struct emitter *self, const struct mwd_node *node)
{
    uint32_t split = put_split(self);

    emit_node(self, node->child);
    put(self, (struct mwd_step){.kind = MWD_STEP_JUMP, .first = split});
    aim(self, split, node->lazy, here(self));
}

/* Each is within the one before it. Until past is known, `value` leads from a split to that before.
 */
static void emit_optional(struct emitter *self, const struct mwd_node *node)
{
    uint32_t last = MWD_NODE_NONE;

    for (uint32_t i = node->least; i < node->most && self->result == 0; i++) {
        uint32_t split = put_split(self);

        if (self->result == 0)
            self->pattern->steps[split].value = last;
        last = split;
        emit_node(self, node->child);
    }
    while (last != MWD_NODE_NONE && self->result == 0) {
        uint32_t before = self->pattern->steps[last].value;

        aim(self, last, node->lazy, here(self));
        last = before;
    }
}

static void emit_repeat(struct emitter *self, const struct mwd_node *node)
{
    for (uint32_t i = 0; i < node->least && self->result == 0; i++)
        emit_node(self, node->child);
    if (node->most == MWD_NO_MOST)
        emit_star(self, node);
    else
        emit_optional(self, node);
}

static void emit_sequence(struct emitter *self, const struct mwd_node *node)
{
    if (node->group != MWD_NO_GROUP)
        put_kind(self, MWD_STEP_SAVE, 2 * node->group);
    for (uint32_t child = node->child; child != MWD_NODE_NONE; child = self->nodes[child].next)
        emit_node(self, child);
    if (node->group != MWD_NO_GROUP)
        put_kind(self, MWD_STEP_SAVE, 2 * node->group + 1);
}

/* Until the end of the choice is known, `second` leads from a jump to that before. */
static void emit_choice(struct emitter *self, const struct mwd_node *node)
{
    uint32_t last = MWD_NODE_NONE;

    for (uint32_t child = node->child; child != MWD_NODE_NONE && self->result == 0;
         child = self->nodes[child].next) {
        uint32_t split;

        if (self->nodes[child].next == MWD_NODE_NONE) {
            emit_node(self, child);
            continue;
        }
        split = put_split(self);
        emit_node(self, child);
        last = put(self, (struct mwd_step){.kind = MWD_STEP_JUMP, .second = last});
        aim(self, split, false, here(self));
    }
    while (last != MWD_NODE_NONE && self->result == 0) {
        struct mwd_step *jump = &self->pattern->steps[last];

        jump->first = here(self);
        last = jump->second;
    }
}

static void emit_node(struct emitter *self, uint32_t number)
{
    const struct mwd_node *node = &self->nodes[number];

    if (self->visits++ == VISITS_MAX)
        self->result = -E2BIG;
    if (self->result < 0)
        return;
    if (node->kind == MWD_NODE_STEP)
        put(self, node->step);
    else if (node->kind == MWD_NODE_SEQUENCE)
        emit_sequence(self, node);
    else if (node->kind == MWD_NODE_CHOICE)
        emit_choice(self, node);
    else
        emit_repeat(self, node);
}

int mwd_pattern_emit(struct mwd_pattern *self, const struct mwd_node *nodes, uint32_t root)
{
    struct emitter emitter = {.pattern = self, .nodes = nodes};

    emit_node(&emitter, root);
    put_kind(&emitter, MWD_STEP_FOUND, 0);
    return emitter.result;
}
