/* The part of a snapshot that tells how the rest is laid out. */
#include "dump/dump_internal.h"

#include <errno.h>
#include <string.h>

enum { KEY_BYTES = 64 };

static bool take_key(struct mw_dump_input *in, char key[KEY_BYTES])
{
    size_t size;

    if (!mw_dump_string(in, key, KEY_BYTES - 1, &size))
        return false;
    key[size] = '\0';
    return mw_dump_take(in, ':', "':'");
}

static bool take_word(struct mw_dump_input *in, char word[KEY_BYTES])
{
    size_t size;

    if (!mw_dump_string(in, word, KEY_BYTES - 1, &size))
        return false;
    word[size] = '\0';
    return true;
}

/* ---- fields ---- */

struct field {
    const char *name;
    size_t offset; /* of its place, in struct mw_dump_meta */
};

static const struct field node_fields[] = {
    {"type", offsetof(struct mw_dump_meta, type)},
    {"name", offsetof(struct mw_dump_meta, name)},
    {"id", offsetof(struct mw_dump_meta, id)},
    {"self_size", offsetof(struct mw_dump_meta, size)},
    {"edge_count", offsetof(struct mw_dump_meta, count)},
    {NULL, 0},
};
static const struct field edge_fields[] = {
    {"type", offsetof(struct mw_dump_meta, edge_type)},
    {"name_or_index", offsetof(struct mw_dump_meta, edge_name)},
    {"to_node", offsetof(struct mw_dump_meta, edge_to)},
    {NULL, 0},
};

static uint32_t *place_of(struct mw_dump_meta *meta, const struct field *field)
{
    return (uint32_t *)(void *)((char *)meta + field->offset);
}

static void forget(struct mw_dump_meta *meta, const struct field *fields)
{
    for (; fields->name; fields++)
        *place_of(meta, fields) = MW_DUMP_NO;
}

static bool read_fields(struct mw_dump_input *in, const struct field *fields,
                        struct mw_dump_meta *meta, uint32_t *ret_width)
{
    bool first = true;
    char word[KEY_BYTES];

    forget(meta, fields);
    *ret_width = 0;
    if (!mw_dump_take(in, '[', "'[' and names of fields"))
        return false;
    for (; mw_dump_next(in, &first, ']'); ++*ret_width) {
        if (*ret_width == MW_DUMP_FIELDS_MAX)
            return mw_dump_expected(in, "at most 32 fields") == 0;
        if (!take_word(in, word))
            return false;
        for (const struct field *field = fields; field->name; field++)
            if (strcmp(field->name, word) == 0)
                *place_of(meta, field) = *ret_width;
    }
    return in->error == 0;
}

/* ---- types ---- */

static const char *const node_types[] = {
    [MW_DUMP_HIDDEN] = "hidden", [MW_DUMP_ARRAY] = "array",         [MW_DUMP_OBJECT] = "object",
    [MW_DUMP_CODE] = "code",     [MW_DUMP_CLOSURE] = "closure",     [MW_DUMP_REGEXP] = "regexp",
    [MW_DUMP_NATIVE] = "native", [MW_DUMP_SYNTHETIC] = "synthetic", [MW_DUMP_OTHER] = NULL,
};
static const char *const edge_types[] = {
    [MW_DUMP_ELEMENT] = "element",    [MW_DUMP_PROPERTY] = "property",
    [MW_DUMP_CONTEXT] = "context",    [MW_DUMP_INTERNAL] = "internal",
    [MW_DUMP_HIDDEN_EDGE] = "hidden", [MW_DUMP_SHORTCUT] = "shortcut",
    [MW_DUMP_WEAK] = "weak",          [MW_DUMP_OTHER_EDGE] = NULL,
};

static uint8_t find_word(const char *const *words, const char *word)
{
    uint8_t i = 0;

    while (words[i] && strcmp(words[i], word) != 0)
        i++;
    return i;
}

static bool read_names(struct mw_dump_input *in, const char *const *words, uint32_t *ret_count,
                       uint8_t *ret, char (*ret_text)[MW_DUMP_TYPE_TEXT])
{
    bool first = true;
    char word[KEY_BYTES];

    *ret_count = 0;
    if (!mw_dump_take(in, '[', "'[' and names of types"))
        return false;
    for (; mw_dump_next(in, &first, ']'); ++*ret_count) {
        if (*ret_count == MW_DUMP_TYPES_MAX)
            return mw_dump_expected(in, "at most 64 types") == 0;
        if (!take_word(in, word))
            return false;
        ret[*ret_count] = find_word(words, word);
        if (ret_text) {
            word[MW_DUMP_TYPE_TEXT - 1] = '\0';
            memcpy(ret_text[*ret_count], word, MW_DUMP_TYPE_TEXT);
        }
    }
    return in->error == 0;
}

/* The names of the types stand where the field `type` has its own type. */
static bool read_types(struct mw_dump_input *in, bool of_nodes, struct mw_dump_meta *meta)
{
    uint32_t at = 0, place = of_nodes ? meta->type : meta->edge_type;
    bool first = true;

    if (place == MW_DUMP_NO)
        return mw_dump_expected(in, "the fields in front of their types") == 0;
    if (!mw_dump_take(in, '[', "'[' and types of fields"))
        return false;
    for (; mw_dump_next(in, &first, ']'); at++) {
        bool good = true;

        if (at != place)
            good = mw_dump_skip(in);
        else if (of_nodes)
            good = read_names(in, node_types, &meta->node_types, meta->node_type, meta->type_text);
        else
            good = read_names(in, edge_types, &meta->edge_types, meta->edge_type_of, NULL);
        if (!good)
            return false;
    }
    return in->error == 0;
}

/* ---- all of it ---- */

static bool read_key(struct mw_dump_input *in, const char *key, struct mw_dump_meta *ret)
{
    if (strcmp(key, "node_fields") == 0)
        return read_fields(in, node_fields, ret, &ret->node_width);
    if (strcmp(key, "edge_fields") == 0)
        return read_fields(in, edge_fields, ret, &ret->edge_width);
    if (strcmp(key, "node_types") == 0)
        return read_types(in, true, ret);
    if (strcmp(key, "edge_types") == 0)
        return read_types(in, false, ret);
    return mw_dump_skip(in);
}

static bool read_layout(struct mw_dump_input *in, struct mw_dump_meta *ret)
{
    bool first = true;
    char key[KEY_BYTES];

    if (!mw_dump_take(in, '{', "'{' behind \"meta\""))
        return false;
    while (mw_dump_next(in, &first, '}'))
        if (!take_key(in, key) || !read_key(in, key, ret))
            return false;
    return in->error == 0;
}

bool mw_dump_read_meta(struct mw_dump_input *in, struct mw_dump_meta *ret)
{
    bool first = true, good = true;
    char key[KEY_BYTES];

    if (!mw_dump_take(in, '{', "'{' behind \"snapshot\""))
        return false;
    while (good && mw_dump_next(in, &first, '}')) {
        if (!take_key(in, key))
            return false;
        if (strcmp(key, "meta") == 0)
            good = read_layout(in, ret);
        else if (strcmp(key, "node_count") == 0)
            good = mw_dump_number(in, UINT64_MAX - 1, "a number of nodes", &ret->node_count);
        else if (strcmp(key, "edge_count") == 0)
            good = mw_dump_number(in, UINT64_MAX - 1, "a number of edges", &ret->edge_count);
        else if (strcmp(key, "root_index") == 0)
            good = mw_dump_number(in, UINT64_MAX - 1, "where the root is", &ret->root);
        else
            good = mw_dump_skip(in);
    }
    return good && in->error == 0;
}

static bool has_all(struct mw_dump_input *in, const struct mw_dump_meta *meta,
                    const struct field *fields, uint32_t width, const char *what)
{
    struct mw_dump_meta copy = *meta;

    for (; fields->name; fields++) {
        if (width > 0 && *place_of(&copy, fields) != MW_DUMP_NO)
            continue;
        mw_dump_fail(in, -EBADMSG, mw_dump_input_offset(in),
                     "expected \"snapshot\" in front, with a meta whose %s has \"%s\"", what,
                     fields->name);
        return false;
    }
    return true;
}

bool mw_dump_meta_complete(struct mw_dump_input *in, const struct mw_dump_meta *meta)
{
    return has_all(in, meta, node_fields, meta->node_width, "node_fields") &&
           has_all(in, meta, edge_fields, meta->edge_width, "edge_fields");
}
