/* process-exporter's file of groups, from libyaml's events.
 *
 *     process_names:
 *       - name: "{{.Comm}}"
 *         comm: [a, b]          # comm, exe and cmdline are lists of texts
 *
 * A reader stands at one event; each function begins at the first event of what it reads and ends
 * behind the last. Their shape is that of the file, and nothing else may stand there, so neither
 * depth nor the number of events is the file's to say: a list that is too long ends reading, and so
 * does the first event of anything deeper. An alias stands for what may be any size; it is refused.
 *
 * Scalars are taken as process-exporter takes them: 80 and true are texts as they are written, and
 * a null is none. Keys that it would pass over are refused: a rule with comn: matches other
 * processes than who wrote it believes.
 */
#include "daemon/matcher_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { KEYS = 4, GOT_MAX = 40, SOURCE_MAX = 4096 };

static const struct {
    const char *name;
    enum mwd_matcher_field field;
} keys[KEYS] = {{"name", MWD_MATCHER_NAME},
                {"comm", MWD_MATCHER_COMM},
                {"exe", MWD_MATCHER_EXE},
                {"cmdline", MWD_MATCHER_CMDLINE}};

static const char expect_top[] = "process_names: is expected, and rules below it";
static const char expect_rules[] = "a list of rules is expected, each begins with -";
static const char expect_rule[] =
    "a rule is expected: a map with name, comm, exe or cmdline, as - comm: [a]";
static const char expect_key[] = "one of name, comm, exe and cmdline is expected";
static const char expect_list[] =
    "a list is expected: [a, b] behind the key, or lines of - a below it";
static const char expect_text[] = "a text is expected";
static const char expect_no_tag[] = "a tag stands here: none but !!str, !!seq and !!map is taken";

struct text {
    char *bytes;
    struct mwd_matcher_place place;
};

/* A rule as it is read; `texts` by field, of NAME one. */
struct draft {
    struct mwd_matcher_place place;
    struct mwd_matcher_place keys[KEYS + 1];
    bool given[KEYS + 1];
    struct text *texts[KEYS + 1];
    uint32_t counts[KEYS + 1];
};

struct reader {
    struct mwd_matcher *matcher;
    const char *source, *text;
    yaml_parser_t parser;
    yaml_event_t event;
    struct draft draft;
    struct mwd_matcher_place *place;
    struct mwd_buffer *why;
    int result;
};

/* ---- errors ---- */

static struct mwd_matcher_place place_of(const yaml_mark_t *mark)
{
    return (struct mwd_matcher_place){(uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
}

static struct mwd_matcher_place here(const struct reader *self)
{
    return place_of(&self->event.start_mark);
}

static bool fail_at(struct reader *self, struct mwd_matcher_place place, const char *sentence)
{
    if (self->result < 0)
        return false;
    self->result = -EINVAL;
    *self->place = place;
    mwd_buffer_puts(self->why, sentence);
    return false;
}

static const char *name_of(yaml_event_type_t type)
{
    switch (type) {
    case YAML_ALIAS_EVENT:
        return "an alias, which is not taken";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "a map";
    case YAML_SEQUENCE_END_EVENT:
        return "the end of the list";
    case YAML_MAPPING_END_EVENT:
        return "the end of the map";
    case YAML_DOCUMENT_START_EVENT:
        return "another document";
    default:
        return "the end of the file";
    }
}

/* Shows what stands there. */
static bool fail(struct reader *self, const char *sentence)
{
    const yaml_event_t *event = &self->event;

    if (self->result < 0)
        return false;
    fail_at(self, here(self), sentence);
    if (event->type != YAML_SCALAR_EVENT)
        mwd_buffer_printf(self->why, "; got %s", name_of(event->type));
    else if (event->data.scalar.length == 0)
        mwd_buffer_puts(self->why, "; got nothing");
    else
        mwd_buffer_printf(self->why, "; got %.*s", GOT_MAX, (const char *)event->data.scalar.value);
    return false;
}

/* Of bytes that it does not read as characters libyaml knows only which they are. */
static struct mwd_matcher_place place_of_byte(const char *text, size_t at)
{
    struct mwd_matcher_place place = {1, 1};

    for (size_t i = 0; i < at && text[i]; i++) {
        place.column += ((unsigned char)text[i] & 0xc0) != 0x80;
        if (text[i] == '\n')
            place = (struct mwd_matcher_place){place.line + 1, 1};
    }
    return place;
}

static bool fail_yaml(struct reader *self)
{
    const yaml_parser_t *parser = &self->parser;
    const char *problem = parser->problem ? parser->problem : "it cannot be read";
    struct mwd_matcher_place at = parser->error == YAML_READER_ERROR
                                      ? place_of_byte(self->text, parser->problem_offset)
                                      : place_of(&parser->problem_mark);

    if (self->result == 0 && parser->error == YAML_MEMORY_ERROR)
        self->result = -ENOMEM;
    if (self->result < 0)
        return false;
    fail_at(self, at, "this is not YAML: ");
    if (parser->error != YAML_READER_ERROR && parser->context)
        mwd_buffer_printf(self->why, "%s, ", parser->context);
    mwd_buffer_puts(self->why, problem);
    return false;
}

/* ---- events ---- */

static bool next(struct reader *self)
{
    yaml_event_delete(&self->event);
    if (self->result == 0 && !yaml_parser_parse(&self->parser, &self->event))
        fail_yaml(self);
    return self->result == 0;
}

static bool is_at(const struct reader *self, yaml_event_type_t type)
{
    return self->event.type == type;
}

/* Over an event of this type. */
static bool take(struct reader *self, yaml_event_type_t type, const char *expected)
{
    return is_at(self, type) ? next(self) : fail(self, expected);
}

static bool is_tag(const yaml_char_t *tag, const char *expected)
{
    return !tag || strcmp((const char *)tag, expected) == 0;
}

/* A list or a map, of no type of its own. */
static bool enter(struct reader *self, yaml_event_type_t type, const char *expected)
{
    const yaml_event_t *event = &self->event;

    if (event->type != type)
        return fail(self, expected);
    if (type == YAML_SEQUENCE_START_EVENT ? !is_tag(event->data.sequence_start.tag, YAML_SEQ_TAG)
                                          : !is_tag(event->data.mapping_start.tag, YAML_MAP_TAG))
        return fail_at(self, here(self), expect_no_tag);
    return next(self);
}

/* ---- texts ---- */

/* Without quotes and a tag. */
static bool is_null(const yaml_event_t *event)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; event->data.scalar.plain_implicit && i < sizeof nulls / sizeof nulls[0]; i++)
        if (strcmp((const char *)event->data.scalar.value, nulls[i]) == 0)
            return true;
    return false;
}

static bool is_text(struct reader *self, const char *expected)
{
    const yaml_event_t *event = &self->event;

    if (event->type != YAML_SCALAR_EVENT)
        return fail(self, expected);
    if (!is_tag(event->data.scalar.tag, YAML_STR_TAG))
        return fail_at(self, here(self), expect_no_tag);
    if (is_null(event))
        return fail(self, "a text is expected, in quotes if it is to be this");
    if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
        return fail_at(self, here(self), "no text of a process has a \\0 in it");
    return true;
}

static bool put_text(struct reader *self, enum mwd_matcher_field field)
{
    struct draft *draft = &self->draft;
    struct text text = {strdup((const char *)self->event.data.scalar.value), here(self)};
    struct text *texts =
        reallocarray(draft->texts[field], (size_t)draft->counts[field] + 1, sizeof *texts);

    if (texts)
        draft->texts[field] = texts;
    if (texts && text.bytes) {
        texts[draft->counts[field]++] = text;
        return true;
    }
    free(text.bytes);
    self->result = -ENOMEM;
    return false;
}

static bool read_text(struct reader *self, enum mwd_matcher_field field)
{
    if (self->draft.counts[field] == MWD_MATCHER_ITEMS_MAX)
        return fail_at(self, here(self), "a list has at most 256 elements");
    return is_text(self, expect_text) && put_text(self, field) && next(self);
}

static bool read_list(struct reader *self, enum mwd_matcher_field field)
{
    bool good = enter(self, YAML_SEQUENCE_START_EVENT, expect_list);

    while (good && !is_at(self, YAML_SEQUENCE_END_EVENT))
        good = read_text(self, field);
    if (good && self->draft.counts[field] == 0)
        return fail_at(self, self->draft.keys[field],
                       "an empty list matches nothing: leave the key out, or name something");
    return good && next(self);
}

/* ---- rules ---- */

static enum mwd_matcher_field find_key(const yaml_event_t *event)
{
    for (size_t i = 0; event->type == YAML_SCALAR_EVENT && i < KEYS; i++)
        if (strcmp((const char *)event->data.scalar.value, keys[i].name) == 0)
            return keys[i].field;
    return MWD_MATCHER_WHOLE;
}

static bool read_entry(struct reader *self)
{
    enum mwd_matcher_field field = find_key(&self->event);
    struct draft *draft = &self->draft;

    if (field == MWD_MATCHER_WHOLE)
        return fail(self, expect_key);
    if (draft->given[field])
        return fail_at(self, here(self), "this key was given in this rule already");
    draft->given[field] = true;
    draft->keys[field] = here(self);
    if (!next(self))
        return false;
    return field == MWD_MATCHER_NAME ? read_text(self, field) : read_list(self, field);
}

static void clear_draft(struct draft *self)
{
    for (size_t field = 0; field <= KEYS; field++) {
        for (uint32_t i = 0; i < self->counts[field]; i++)
            free(self->texts[field][i].bytes);
        free(self->texts[field]);
    }
    *self = (struct draft){0};
}

/* Where the field, or the element of it, was written. */
static struct mwd_matcher_place find_place(const struct draft *draft,
                                           const struct mwd_matcher_error *error)
{
    uint32_t item = error->field == MWD_MATCHER_NAME ? 0 : error->item;

    if (error->field == MWD_MATCHER_WHOLE)
        return draft->place;
    if (item < draft->counts[error->field])
        return draft->texts[error->field][item].place;
    return draft->given[error->field] ? draft->keys[error->field] : draft->place;
}

static void list_of(const struct draft *draft, enum mwd_matcher_field field, const char **items,
                    struct mwd_matcher_list *ret)
{
    for (uint32_t i = 0; i < draft->counts[field]; i++)
        items[i] = draft->texts[field][i].bytes;
    *ret = (struct mwd_matcher_list){items, draft->counts[field]};
}

static bool add_rule(struct reader *self)
{
    const struct draft *draft = &self->draft;
    const char *items[3][MWD_MATCHER_ITEMS_MAX];
    char origin[SOURCE_MAX + 16];
    struct mwd_matcher_rule rule = {.origin = origin};
    struct mwd_matcher_error error;

    snprintf(origin, sizeof origin, "%.*s:%u", SOURCE_MAX, self->source,
             (unsigned)draft->place.line);
    rule.name = draft->counts[MWD_MATCHER_NAME] ? draft->texts[MWD_MATCHER_NAME][0].bytes : NULL;
    list_of(draft, MWD_MATCHER_COMM, items[0], &rule.comm);
    list_of(draft, MWD_MATCHER_EXE, items[1], &rule.exe);
    list_of(draft, MWD_MATCHER_CMDLINE, items[2], &rule.cmdline);
    int r = mwd_matcher_add(self->matcher, &rule, &error);

    if (r == -EINVAL)
        return fail_at(self, find_place(draft, &error), error.why);
    if (r == -E2BIG)
        return fail_at(self, draft->place, "this is one rule too many: there are at most 256");
    self->result = r;
    return r == 0;
}

static bool read_rule(struct reader *self)
{
    bool good;

    self->draft.place = here(self);
    good = enter(self, YAML_MAPPING_START_EVENT, expect_rule);
    while (good && !is_at(self, YAML_MAPPING_END_EVENT))
        good = read_entry(self);
    good = good && add_rule(self) && next(self);
    clear_draft(&self->draft);
    return good;
}

static bool read_rules(struct reader *self)
{
    bool good = enter(self, YAML_SEQUENCE_START_EVENT, expect_rules);

    if (good && is_at(self, YAML_SEQUENCE_END_EVENT))
        return fail(self, expect_rule);
    while (good && !is_at(self, YAML_SEQUENCE_END_EVENT))
        good = read_rule(self);
    return good && next(self);
}

/* ---- the document ---- */

static bool read_top(struct reader *self)
{
    if (!enter(self, YAML_MAPPING_START_EVENT, expect_top))
        return false;
    if (!is_at(self, YAML_SCALAR_EVENT) ||
        strcmp((const char *)self->event.data.scalar.value, "process_names") != 0)
        return fail(self, expect_top);
    return next(self) && read_rules(self) &&
           take(self, YAML_MAPPING_END_EVENT, "nothing but process_names: is expected");
}

static bool read_stream(struct reader *self)
{
    return next(self) && take(self, YAML_STREAM_START_EVENT, expect_top) &&
           take(self, YAML_DOCUMENT_START_EVENT, expect_top) && read_top(self) &&
           take(self, YAML_DOCUMENT_END_EVENT, "the end of the file is expected") &&
           (is_at(self, YAML_STREAM_END_EVENT) || fail(self, "the end of the file is expected"));
}

/* libyaml would count it as a column, so that what begins in the first one of the lines below would
 * stand before it. */
static const char *skip_mark(const char *text)
{
    static const char mark[] = "\xef\xbb\xbf";

    return strncmp(text, mark, strlen(mark)) == 0 ? text + strlen(mark) : text;
}

int mwd_matcher_load(struct mwd_matcher *self, const char *source, const char *text,
                     struct mwd_matcher_place *ret_place, struct mwd_buffer *why)
{
    struct reader reader = {.matcher = self, .source = source, .place = ret_place, .why = why};

    text = skip_mark(text);
    reader.text = text;
    if (!yaml_parser_initialize(&reader.parser))
        return -ENOMEM;
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, strlen(text));
    read_stream(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return reader.result;
}
