/* What the files of pattern share; private to daemon/pattern*.c.
 *
 *     pattern_parse.c  text into a tree of nodes       (and pattern_class.c: sets of characters)
 *     pattern_emit.c   the tree into steps
 *     pattern.c        steps over a text               (the essay is there)
 */
#ifndef MWD_PATTERN_INTERNAL_H
#define MWD_PATTERN_INTERNAL_H
#include "daemon/pattern.h"

/* ---- steps: what is run ---- */

enum mwd_step_kind {
    MWD_STEP_CHAR,  /* one character, `value` */
    MWD_STEP_FOLD,  /* the same in either case; `value` is the small letter */
    MWD_STEP_ANY,   /* any one */
    MWD_STEP_LINE,  /* any one but \n */
    MWD_STEP_CLASS, /* one of class `value` */
    MWD_STEP_HERE,  /* none, and only at a place of kind `value`: enum mwd_place */
    MWD_STEP_SAVE,  /* none; the place is kept as number `value` */
    MWD_STEP_SPLIT, /* goes on at `first`, and with less right at `second` */
    MWD_STEP_JUMP,  /* goes on at `first` */
    MWD_STEP_FOUND
};

enum mwd_place { MWD_PLACE_BEGIN, MWD_PLACE_END, MWD_PLACE_EDGE, MWD_PLACE_NO_EDGE };

struct mwd_step {
    enum mwd_step_kind kind;
    uint32_t value;
    uint32_t first, second;
};

struct mwd_range {
    uint32_t low, high;
};

struct mwd_class {
    uint32_t first, count; /* of the pattern's ranges */
    bool negated;
};

/* ---- nodes: what was written ---- */

enum mwd_node_kind { MWD_NODE_STEP, MWD_NODE_SEQUENCE, MWD_NODE_CHOICE, MWD_NODE_REPEAT };
enum { MWD_NODE_NONE = UINT32_MAX, MWD_NO_MOST = UINT32_MAX, MWD_NO_GROUP = UINT32_MAX };

struct mwd_node {
    enum mwd_node_kind kind;
    uint32_t child; /* the first of SEQUENCE and CHOICE, the one of REPEAT */
    uint32_t next;  /* the one behind it in its parent */
    uint32_t least, most;
    uint32_t group; /* SEQUENCE: whose places are kept */
    bool lazy;
    struct mwd_step step;
};

struct mwd_pattern_parser {
    const char *text, *at, *end;
    struct mwd_node *nodes;
    uint32_t node_count, node_room;
    struct mwd_pattern *pattern; /* takes classes and names */
    struct mwd_pattern_error error;
    int result; /* negative once something is wrong */
    unsigned depth;
    bool fold, dot_all;
};

struct mwd_pattern_state; /* pattern.c */

struct mwd_pattern {
    struct mwd_step *steps;
    uint32_t step_count, step_room;
    struct mwd_range *ranges;
    uint32_t range_count, range_room;
    struct mwd_class *classes;
    uint32_t class_count, class_room;
    char names[MWD_PATTERN_NAMES_MAX][MWD_PATTERN_NAME_MAX + 1];
    uint32_t name_count;
    struct mwd_pattern_state *state;
};

/* The root of the tree; what is wrong is in the parser. */
uint32_t mwd_pattern_parse(struct mwd_pattern_parser *self);

/* Behind a [; with its ]. Number of the class. */
uint32_t mwd_pattern_parse_class(struct mwd_pattern_parser *self);
/* \d and its like as a class of its own; false when `letter` is none of them. */
bool mwd_pattern_perl_class(struct mwd_pattern_parser *self, char letter, uint32_t *ret);
/* What stands behind a backslash and is one character: \n, \x41, \. */
uint32_t mwd_pattern_parse_escape(struct mwd_pattern_parser *self);
/* One character of the pattern. */
uint32_t mwd_pattern_take_char(struct mwd_pattern_parser *self);
/* The first thing that is wrong counts. */
void mwd_pattern_fail(struct mwd_pattern_parser *self, const char *at, const char *why);
bool mwd_pattern_has_class(const struct mwd_pattern *self, uint32_t number, uint32_t character);

/* The character at the front of `text`; returns how many bytes it is. `size` is at least 1. */
size_t mwd_pattern_decode(const char *text, size_t size, uint32_t *ret);

/* Errors   -E2BIG more than MWD_PATTERN_STEPS_MAX, -ENOMEM. */
int mwd_pattern_emit(struct mwd_pattern *self, const struct mwd_node *nodes, uint32_t root);
#endif
