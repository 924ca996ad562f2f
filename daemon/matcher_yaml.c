/* process-exporter's file of groups.
 *
 * YAML as a whole is larger than all else that this daemon reads, and most of it is there to
 * surprise: no, 1e3 and 12:30 are no texts, a tab is no blank. What these files need is one list of
 * maps of texts and lists of texts, so that is what is read, line by line:
 *
 *     process_names:
 *       - name: "{{.Comm}}"      # a map: its keys stand in one column
 *         comm: [a, 'b', "c"]    # a list on its line
 *         cmdline:
 *         - -x\s+(?P<X>\S+)      # a list below its key, or deeper
 *
 * Whatever else YAML has, anchors, tags, maps in braces, texts over more than one line, is refused
 * with its place. So no file means another thing here than there; it means the same or is refused.
 */
#include "daemon/matcher_yaml_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 4, SOURCE_MAX = 4096 };

static const struct {
    const char *name;
    enum mwd_matcher_field field;
} keys[KEYS] = {{"name", MWD_MATCHER_NAME},
                {"comm", MWD_MATCHER_COMM},
                {"exe", MWD_MATCHER_EXE},
                {"cmdline", MWD_MATCHER_CMDLINE}};

/* A rule as it is read; `texts` by field, of NAME one. */
struct draft {
    struct mwd_matcher_place place;
    struct mwd_matcher_place keys[KEYS + 1];
    bool given[KEYS + 1];
    struct mwd_yaml_text *texts[KEYS + 1];
    uint32_t counts[KEYS + 1];
};

struct reader {
    struct mwd_yaml yaml;
    struct mwd_matcher *matcher;
    const char *source;
    struct draft draft;
};

/* ---- lists ---- */

static bool add_text(struct reader *self, enum mwd_matcher_field field, bool flow)
{
    struct draft *draft = &self->draft;
    struct mwd_yaml_text text, *texts;

    if (draft->counts[field] == MWD_MATCHER_ITEMS_MAX)
        return mwd_yaml_fail(&self->yaml, self->yaml.at, "a list has at most 256 elements");
    if (!mwd_yaml_take_text(&self->yaml, flow, &text))
        return false;
    texts = reallocarray(draft->texts[field], (size_t)draft->counts[field] + 1, sizeof *texts);
    if (!texts) {
        free(text.bytes);
        self->yaml.result = -ENOMEM;
        return false;
    }
    draft->texts[field] = texts;
    texts[draft->counts[field]++] = text;
    return true;
}

/* Behind the [. A comma may stand behind the last element. */
static bool read_flow(struct reader *self, enum mwd_matcher_field field)
{
    for (;;) {
        mwd_yaml_skip_blanks(&self->yaml);
        if (mwd_yaml_is_done_line(&self->yaml))
            return mwd_yaml_fail(&self->yaml, self->yaml.at,
                                 "a list in brackets ends on its line, by a ]");
        if (*self->yaml.at == ']')
            break;
        if (!add_text(self, field, true))
            return false;
        mwd_yaml_skip_blanks(&self->yaml);
        if (!mwd_yaml_is_at_end(&self->yaml) && *self->yaml.at == ',')
            self->yaml.at++;
        else if (!mwd_yaml_is_done_line(&self->yaml) && *self->yaml.at != ']')
            return mwd_yaml_fail(&self->yaml, self->yaml.at, "a , or a ] is expected");
    }
    self->yaml.at++;
    if (mwd_yaml_end_line(&self->yaml))
        mwd_yaml_next_line(&self->yaml);
    return self->yaml.result == 0;
}

/* Lines of "- text" in one column, that of the key or one further right. */
static bool read_block(struct reader *self, enum mwd_matcher_field field, size_t least)
{
    size_t dash = mwd_yaml_column(&self->yaml);

    if (self->yaml.done || dash < least || !mwd_yaml_is_dash(&self->yaml))
        return mwd_yaml_fail(&self->yaml, self->yaml.at,
                             "a list is expected: [a, b] behind the key, or lines of - a below it");
    while (!self->yaml.done && mwd_yaml_column(&self->yaml) == dash &&
           mwd_yaml_is_dash(&self->yaml)) {
        self->yaml.at++;
        mwd_yaml_skip_blanks(&self->yaml);
        if (!add_text(self, field, false) || !mwd_yaml_end_line(&self->yaml))
            return false;
        mwd_yaml_next_line(&self->yaml);
        if (self->yaml.result < 0)
            return false;
    }
    return true;
}

static bool read_list(struct reader *self, enum mwd_matcher_field field, size_t least)
{
    if (!mwd_yaml_is_done_line(&self->yaml)) {
        if (*self->yaml.at != '[')
            return mwd_yaml_fail(
                &self->yaml, self->yaml.at,
                "a list is expected: [a, b] behind the key, or lines of - a below it");
        self->yaml.at++;
        return read_flow(self, field);
    }
    mwd_yaml_next_line(&self->yaml);
    return self->yaml.result == 0 && read_block(self, field, least);
}

/* ---- maps ---- */

static bool read_name(struct reader *self)
{
    if (mwd_yaml_is_done_line(&self->yaml))
        return mwd_yaml_fail(&self->yaml, self->yaml.at,
                             "a text is expected on the line of its key");
    return add_text(self, MWD_MATCHER_NAME, false) && mwd_yaml_end_line(&self->yaml) &&
           (mwd_yaml_next_line(&self->yaml), self->yaml.result == 0);
}

static enum mwd_matcher_field find_key(const struct reader *self, size_t size)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strlen(keys[i].name) == size && memcmp(keys[i].name, self->yaml.at, size) == 0)
            return keys[i].field;
    return MWD_MATCHER_WHOLE;
}

static size_t key_size(const struct reader *self)
{
    size_t size = 0;

    while (self->yaml.at + size < self->yaml.end && self->yaml.at[size] != ':' &&
           self->yaml.at[size] != ' ')
        size++;
    return size;
}

/* "key:" and what stands behind it, to the line after its value. */
static bool read_entry(struct reader *self, size_t indent)
{
    size_t size = key_size(self);
    enum mwd_matcher_field field = find_key(self, size);
    const char *colon = self->yaml.at + size;

    if (field == MWD_MATCHER_WHOLE)
        return mwd_yaml_fail(&self->yaml, self->yaml.at,
                             "one of name, comm, exe and cmdline is expected");
    if (colon >= self->yaml.end || *colon != ':' || (colon + 1 < self->yaml.end && colon[1] != ' '))
        return mwd_yaml_fail(&self->yaml, colon,
                             "a : is expected behind the key, and a blank behind that");
    if (self->draft.given[field])
        return mwd_yaml_fail(&self->yaml, self->yaml.at, "this key was given in this rule already");
    self->draft.given[field] = true;
    self->draft.keys[field] = mwd_yaml_place_of(&self->yaml, self->yaml.at);
    self->yaml.at = colon + 1;
    mwd_yaml_skip_blanks(&self->yaml);
    return field == MWD_MATCHER_NAME ? read_name(self) : read_list(self, field, indent);
}

/* All keys in the column of the first. */
static bool read_map(struct reader *self, size_t dash)
{
    size_t indent = mwd_yaml_column(&self->yaml);

    do {
        if (!read_entry(self, indent))
            return false;
    } while (!self->yaml.done && mwd_yaml_column(&self->yaml) == indent &&
             !mwd_yaml_is_dash(&self->yaml));
    if (!self->yaml.done && mwd_yaml_column(&self->yaml) > dash)
        return mwd_yaml_fail(&self->yaml, self->yaml.at,
                             "keys of a rule stand in one column, elements of a list in another");
    return true;
}

/* ---- rules ---- */

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
    for (size_t field = MWD_MATCHER_COMM; field <= MWD_MATCHER_CMDLINE; field++)
        if (draft->given[field] && draft->counts[field] == 0)
            return mwd_yaml_fail_at(
                &self->yaml, draft->keys[field],
                "an empty list matches nothing: leave the key out, or name something");
    int r = mwd_matcher_add(self->matcher, &rule, &error);

    if (r == -EINVAL)
        return mwd_yaml_fail_at(&self->yaml, find_place(draft, &error), error.why);
    if (r == -E2BIG)
        return mwd_yaml_fail_at(&self->yaml, draft->place,
                                "this is one rule too many: there are at most 256");
    self->yaml.result = r;
    return r == 0;
}

/* At the dash. */
static bool read_rule(struct reader *self)
{
    size_t dash = mwd_yaml_column(&self->yaml);

    self->draft.place = mwd_yaml_place_of(&self->yaml, self->yaml.at);
    self->yaml.at++;
    if (mwd_yaml_is_done_line(&self->yaml)) {
        mwd_yaml_next_line(&self->yaml);
        if (self->yaml.result == 0 && (self->yaml.done || mwd_yaml_column(&self->yaml) <= dash))
            return mwd_yaml_fail(&self->yaml, self->yaml.at,
                                 "a rule is expected: name, comm, exe or cmdline");
    }
    return self->yaml.result == 0 && read_map(self, dash) && add_rule(self);
}

static bool read_rules(struct reader *self)
{
    size_t dash = mwd_yaml_column(&self->yaml);
    bool good = true;

    if (self->yaml.done || !mwd_yaml_is_dash(&self->yaml))
        return mwd_yaml_fail(&self->yaml, self->yaml.at,
                             "a list of rules is expected, each begins with -");
    while (good && !self->yaml.done) {
        if (mwd_yaml_column(&self->yaml) != dash || !mwd_yaml_is_dash(&self->yaml))
            return mwd_yaml_fail(
                &self->yaml, self->yaml.at,
                "a rule is expected in the column of the others, or the end of the file");
        good = read_rule(self);
        clear_draft(&self->draft);
    }
    return good;
}

static bool read_document(struct reader *self)
{
    static const char top[] = "process_names:";

    mwd_yaml_next_line(&self->yaml);
    if (self->yaml.result == 0 && !self->yaml.done && mwd_yaml_column(&self->yaml) == 0 &&
        strncmp(self->yaml.at, "---", 3) == 0) {
        self->yaml.at += 3;
        if (!mwd_yaml_end_line(&self->yaml))
            return false;
        mwd_yaml_next_line(&self->yaml);
    }
    if (self->yaml.result < 0)
        return false;
    if (self->yaml.done || mwd_yaml_column(&self->yaml) != 0 ||
        strncmp(self->yaml.at, top, strlen(top)) != 0)
        return mwd_yaml_fail(&self->yaml, self->yaml.at,
                             "process_names: is expected in the first column");
    self->yaml.at += strlen(top);
    if (!mwd_yaml_end_line(&self->yaml))
        return false;
    mwd_yaml_next_line(&self->yaml);
    return self->yaml.result == 0 && read_rules(self);
}

int mwd_matcher_load(struct mwd_matcher *self, const char *source, const char *text,
                     struct mwd_matcher_place *ret_place, struct mwd_buffer *why)
{
    struct reader reader = {
        .matcher = self,
        .source = source,
        .yaml = {
            .next = text, .line = text, .end = text, .at = text, .place = ret_place, .why = why}};

    read_document(&reader);
    clear_draft(&reader.draft);
    return reader.yaml.result;
}
