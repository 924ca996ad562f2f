/* dump: what its parts share. Each group of declarations belongs to the file that it is named
 * after. */
#ifndef MW_DUMP_INTERNAL_H
#define MW_DUMP_INTERNAL_H
#include "dump/dump.h"

#define MW_DUMP_NO UINT32_MAX /* no node, edge, class or field */

/* ---- input: bytes of a file, and the JSON in them ---- */

enum { MW_DUMP_BUFFER = 64 * 1024 };

struct mw_dump_input {
    int fd;
    int error; /* the first one; there are no bytes after it */
    const unsigned char *at, *end;
    uint64_t before; /* bytes of the file in front of the buffer */
    char *why;
    unsigned char buffer[MW_DUMP_BUFFER];
};

void mw_dump_input_init(struct mw_dump_input *self, int fd, char *why);
uint64_t mw_dump_input_offset(const struct mw_dump_input *self);
/* Remembers the first complaint, with an offset in front. Returns the error. */
int mw_dump_fail(struct mw_dump_input *self, int error, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "expected WHAT, found ..." with what comes next. Returns -EBADMSG. */
int mw_dump_expected(struct mw_dump_input *self, const char *what);
/* The next byte that is no blank, without taking it; -1 at the end. */
int mw_dump_peek(struct mw_dump_input *self);
/* False, with a complaint, when the next one is another. */
bool mw_dump_take(struct mw_dump_input *self, char byte, const char *what);
/* A whole number of at most `most`; false with a complaint. */
bool mw_dump_number(struct mw_dump_input *self, uint64_t most, const char *what, uint64_t *ret);
/* A string as UTF-8, of which the first bytes up to `capacity` come to `ret`, never half a
 * character; lone surrogates and bytes that are no UTF-8 become U+FFFD. */
bool mw_dump_string(struct mw_dump_input *self, char *ret, size_t capacity, size_t *ret_size);
/* Any value, of which nothing but its brackets and strings is looked at. */
bool mw_dump_skip(struct mw_dump_input *self);
/* "[" was taken: whether there is another element. `first` is what the caller keeps in between.
 * False at "]", which is taken, and after a complaint. */
bool mw_dump_next(struct mw_dump_input *self, bool *first, char close);

/* ---- the snapshot ---- */

enum mw_dump_type { /* of nodes; MW_DUMP_OTHER and on are those not known, by their place */
                    MW_DUMP_HIDDEN,
                    MW_DUMP_ARRAY,
                    MW_DUMP_OBJECT,
                    MW_DUMP_CODE,
                    MW_DUMP_CLOSURE,
                    MW_DUMP_REGEXP,
                    MW_DUMP_NATIVE,
                    MW_DUMP_SYNTHETIC,
                    MW_DUMP_OTHER
};

enum mw_dump_edge {
    MW_DUMP_ELEMENT,
    MW_DUMP_PROPERTY,
    MW_DUMP_CONTEXT,
    MW_DUMP_INTERNAL,
    MW_DUMP_HIDDEN_EDGE,
    MW_DUMP_SHORTCUT,
    MW_DUMP_WEAK,
    MW_DUMP_OTHER_EDGE
};

enum { MW_DUMP_TYPES_MAX = 64, MW_DUMP_TYPE_TEXT = 32, MW_DUMP_FIELDS_MAX = 32 };

/* Where the fields stand in a row. */
struct mw_dump_meta {
    uint32_t node_width, edge_width;
    uint32_t type, name, id, size, count;   /* of a node */
    uint32_t edge_type, edge_name, edge_to; /* of an edge */
    uint32_t node_types, edge_types;
    uint8_t node_type[MW_DUMP_TYPES_MAX], edge_type_of[MW_DUMP_TYPES_MAX];
    char type_text[MW_DUMP_TYPES_MAX][MW_DUMP_TYPE_TEXT]; /* of nodes */
    uint64_t node_count, edge_count;                      /* UINT64_MAX = not said */
    uint64_t root;                                        /* in the flat array */
};

struct mw_dump_texts {
    char *bytes; /* each ends in NUL */
    size_t size, room;
    uint32_t *at;
    uint32_t count;
    size_t at_room;
};

struct mw_dump {
    struct mw_dump_meta meta;
    uint32_t nodes, edges, root;
    size_t node_room, edge_room;
    uint64_t nodes_at, edges_at; /* offsets in the file */
    /* by node */
    uint8_t *type, *raw_type;
    uint32_t *name, *id, *first; /* first edge; one more than there are nodes */
    uint64_t *size, *retained;
    uint32_t *class, *dominator;
    /* by edge */
    uint8_t *edge_type;
    uint32_t *edge_name, *edge_to;
    uint8_t *essential; /* a bit each */
    /* by node, for paths */
    uint32_t *from, *by; /* the node and the edge that it is reached by */
    uint32_t unreachable;
    struct mw_dump_texts texts;   /* strings of the file */
    struct mw_dump_texts classes; /* their names */
};

/* ---- text ---- */

/* Errors   -ENOMEM, -EFBIG; *ret may be NULL. */
int mw_dump_text_add(struct mw_dump_texts *self, const char *bytes, size_t size, uint32_t *ret);
void mw_dump_text_deinit(struct mw_dump_texts *self);
static inline const char *mw_dump_text(const struct mw_dump_texts *self, uint32_t text)
{
    return self->bytes + self->at[text];
}
uint64_t mw_dump_text_hash(const char *text);
/* The array with room for at least `count` elements of `size`, which *room then tells; NULL when
 * there is no memory, and the old one is as it was. */
void *mw_dump_grow(void *array, size_t *room, size_t count, size_t size);

/* ---- meta, read: the file ---- */

bool mw_dump_read_meta(struct mw_dump_input *in, struct mw_dump_meta *ret);
/* Whether the fields that must be there are. */
bool mw_dump_meta_complete(struct mw_dump_input *in, const struct mw_dump_meta *meta);
int mw_dump_read_file(struct mw_dump *self, struct mw_dump_input *in);

/* ---- class, size, essential, dominator, path: what follows from it. Errors -ENOMEM. ---- */

int mw_dump_find_classes(struct mw_dump *self);
int mw_dump_move_sizes(struct mw_dump *self);
int mw_dump_find_essential(struct mw_dump *self);
int mw_dump_find_dominators(struct mw_dump *self);
int mw_dump_find_paths(struct mw_dump *self);

static inline bool mw_dump_is_essential(const struct mw_dump *self, uint32_t edge)
{
    return self->essential[edge >> 3] >> (edge & 7) & 1;
}
static inline const char *mw_dump_name(const struct mw_dump *self, uint32_t node)
{
    return mw_dump_text(&self->texts, self->name[node]);
}
/* "(Document DOM trees)" */
bool mw_dump_is_document(const struct mw_dump *self, uint32_t node);
#endif
