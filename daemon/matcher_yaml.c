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
#include "daemon/matcher_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 4, GOT_MAX = 40, SOURCE_MAX = 4096 };

static const struct {
    const char *name;
    enum mwd_matcher_field field;
} keys[KEYS] = {{"name", MWD_MATCHER_NAME},
                {"comm", MWD_MATCHER_COMM},
                {"exe", MWD_MATCHER_EXE},
                {"cmdline", MWD_MATCHER_CMDLINE}};

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
    const char *source;
    const char *next;       /* where the next line begins */
    const char *line, *end; /* the one that is read */
    const char *at;
    uint32_t number; /* of it; from 1 */
    bool done;       /* there is no line any more */
    struct draft draft;
    struct mwd_matcher_place *place;
    struct mwd_buffer *why;
    int result;
};

/* ---- errors ---- */

static struct mwd_matcher_place place_of(const struct reader *self, const char *at)
{
    return (struct mwd_matcher_place){self->number, (uint32_t)(at - self->line) + 1};
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

/* Shows what stands there. */
static bool fail(struct reader *self, const char *at, const char *sentence)
{
    int size = (int)(self->end - at < GOT_MAX ? self->end - at : GOT_MAX);

    if (self->result < 0)
        return false;
    fail_at(self, place_of(self, at), sentence);
    if (self->done)
        mwd_buffer_puts(self->why, "; got the end of the file");
    else if (size == 0)
        mwd_buffer_puts(self->why, "; got the end of the line");
    else
        mwd_buffer_printf(self->why, "; got %.*s", size, at);
    return false;
}

/* ---- lines ---- */

static bool is_at_end(const struct reader *self)
{
    return self->at == self->end;
}

static void skip_blanks(struct reader *self)
{
    while (!is_at_end(self) && *self->at == ' ')
        self->at++;
}

static bool is_comment(const struct reader *self, const char *at)
{
    return *at == '#' && (at == self->line || at[-1] == ' ');
}

/* All bytes of a line are looked at, those of comments too. */
static bool check_bytes(struct reader *self)
{
    for (const char *at = self->line; at < self->end;) {
        size_t size = mw_utf8_sequence(at, (size_t)(self->end - at));

        if (size == 0 || (unsigned char)*at < ' ' || *at == 0x7f) {
            self->end = at;
            return fail(self, at,
                        *at == '\t' ? "a tab stands here: blanks are expected, and \\t in quotes"
                                    : "a byte stands here that is not UTF-8, or cannot be printed");
        }
        at += size;
    }
    return true;
}

static void take_line(struct reader *self)
{
    size_t size = strcspn(self->next, "\n");

    self->line = self->at = self->next;
    self->end = self->line + size;
    self->next = self->end + (*self->end == '\n');
    if (self->end > self->line && self->end[-1] == '\r')
        self->end--;
    self->number++;
}

/* To the next line that says something, behind its blanks. False at the end, and after an error. */
static bool next_line(struct reader *self)
{
    while (self->result == 0 && *self->next) {
        take_line(self);
        if (!check_bytes(self))
            return false;
        skip_blanks(self);
        if (!is_at_end(self) && *self->at != '#')
            return true;
    }
    self->line = self->at = self->end = self->next;
    self->number += self->result == 0 && !self->done;
    self->done = true;
    return false;
}

static size_t column(const struct reader *self)
{
    return (size_t)(self->at - self->line);
}

/* "- ", or one at the end of the line. */
static bool is_dash(const struct reader *self)
{
    return !self->done && *self->at == '-' && (self->at + 1 == self->end || self->at[1] == ' ');
}

static bool is_done_line(struct reader *self)
{
    skip_blanks(self);
    return is_at_end(self) || is_comment(self, self->at);
}

static bool end_line(struct reader *self)
{
    return is_done_line(self) || fail(self, self->at, "the end of the line is expected");
}

/* ---- texts ---- */

static int hex_digits(const char *at, const char *end, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = at + i < end && at[i] ? strchr(digits, at[i] | 0x20) : NULL;

        if (!digit)
            return -1;
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

static char *put_utf8(char *to, int character)
{
    if (character < 0x80) {
        *to++ = (char)character;
    } else if (character < 0x800) {
        *to++ = (char)(0xc0 | character >> 6);
        *to++ = (char)(0x80 | (character & 0x3f));
    } else {
        *to++ = (char)(0xe0 | character >> 12);
        *to++ = (char)(0x80 | (character >> 6 & 0x3f));
        *to++ = (char)(0x80 | (character & 0x3f));
    }
    return to;
}

/* Behind a backslash between double quotes. */
static bool take_escape(struct reader *self, char **to)
{
    static const char letters[] = "tnr\"\\/ ", means[] = "\t\n\r\"\\/ ";
    const char *begin = self->at - 1;
    const char *letter = is_at_end(self) ? NULL : strchr(letters, *self->at);
    int digits = is_at_end(self) ? 0 : *self->at == 'x' ? 2 : *self->at == 'u' ? 4 : 0;
    int character;

    if (letter) {
        *(*to)++ = means[letter - letters];
        self->at++;
        return true;
    }
    character = digits ? hex_digits(self->at + 1, self->end, digits) : -1;
    if (character <= 0 || (character >= 0xd800 && character < 0xe000))
        return fail(self, begin,
                    "between double quotes \\\\, \\\", \\/, \\t, \\n, \\r, \\xNN and \\uNNNN are "
                    "taken; between single ones a \\ is itself");
    *to = put_utf8(*to, character);
    self->at += 1 + digits;
    return true;
}

static bool take_double(struct reader *self, char *to)
{
    const char *begin = self->at++;

    while (!is_at_end(self) && *self->at != '"')
        if (*self->at != '\\')
            *to++ = *self->at++;
        else if (self->at++, !take_escape(self, &to))
            return false;
    *to = '\0';
    if (is_at_end(self))
        return fail(self, begin, "a text in quotes ends on its line");
    self->at++;
    return true;
}

static bool take_single(struct reader *self, char *to)
{
    const char *begin = self->at++;

    while (!is_at_end(self)) {
        if (*self->at == '\'' && (self->at + 1 == self->end || self->at[1] != '\''))
            break;
        self->at += *self->at == '\'';
        *to++ = *self->at++;
    }
    *to = '\0';
    if (is_at_end(self))
        return fail(self, begin, "a text in quotes ends on its line");
    self->at++;
    return true;
}

/* What a text without quotes cannot begin with: it would be something else in YAML. */
static bool may_begin(const struct reader *self, bool flow)
{
    const char *at = self->at;
    char next = at + 1 < self->end ? at[1] : ' ';

    if (strchr("-?:", *at))
        return next != ' ' && !(flow && strchr(",[]{}", next));
    return !strchr(",[]{}#&*!|>%@`", *at);
}

/* A text without quotes goes on to a comment, or the end of the line or of the element. */
static const char *find_end(struct reader *self, bool flow)
{
    const char *at = self->at;

    for (; at < self->end && !is_comment(self, at); at++) {
        bool colon = *at == ':' && (at + 1 == self->end || at[1] == ' ');

        if (flow && (*at == ',' || *at == ']'))
            break;
        if (colon || (flow && strchr("[{}?:", *at))) {
            fail(self, at, "a text with this in it is expected in quotes");
            break;
        }
    }
    while (at > self->at && at[-1] == ' ')
        at--;
    return at;
}

static bool is_null(const char *text)
{
    return strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

static bool take_plain(struct reader *self, bool flow, char *to)
{
    const char *begin = self->at, *end;

    if (!may_begin(self, flow))
        return fail(self, begin, "a text is expected, in quotes if it begins with this");
    end = find_end(self, flow);
    memcpy(to, begin, (size_t)(end - begin));
    to[end - begin] = '\0';
    self->at = end;
    if (self->result == 0 && is_null(to))
        return fail(self, begin, "this is no text in YAML: one is expected, in quotes");
    return self->result == 0;
}

/* No text is longer than what it is written as. */
static bool take_text(struct reader *self, bool flow, struct text *ret)
{
    struct text text = {malloc((size_t)(self->end - self->at) + 1), place_of(self, self->at)};
    bool good;

    if (!text.bytes) {
        self->result = -ENOMEM;
        return false;
    }
    if (is_at_end(self))
        good = fail(self, self->at, "a text is expected");
    else if (*self->at == '"')
        good = take_double(self, text.bytes);
    else
        good =
            *self->at == '\'' ? take_single(self, text.bytes) : take_plain(self, flow, text.bytes);
    if (good)
        *ret = text;
    else
        free(text.bytes);
    return good;
}

/* ---- lists ---- */

static bool add_text(struct reader *self, enum mwd_matcher_field field, bool flow)
{
    struct draft *draft = &self->draft;
    struct text text, *texts;

    if (draft->counts[field] == MWD_MATCHER_ITEMS_MAX)
        return fail(self, self->at, "a list has at most 256 elements");
    if (!take_text(self, flow, &text))
        return false;
    texts = reallocarray(draft->texts[field], (size_t)draft->counts[field] + 1, sizeof *texts);
    if (!texts) {
        free(text.bytes);
        self->result = -ENOMEM;
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
        skip_blanks(self);
        if (is_done_line(self))
            return fail(self, self->at, "a list in brackets ends on its line, by a ]");
        if (*self->at == ']')
            break;
        if (!add_text(self, field, true))
            return false;
        skip_blanks(self);
        if (!is_at_end(self) && *self->at == ',')
            self->at++;
        else if (!is_done_line(self) && *self->at != ']')
            return fail(self, self->at, "a , or a ] is expected");
    }
    self->at++;
    if (end_line(self))
        next_line(self);
    return self->result == 0;
}

/* Lines of "- text" in one column, that of the key or one further right. */
static bool read_block(struct reader *self, enum mwd_matcher_field field, size_t least)
{
    size_t dash = column(self);

    if (self->done || dash < least || !is_dash(self))
        return fail(self, self->at,
                    "a list is expected: [a, b] behind the key, or lines of - a below it");
    while (!self->done && column(self) == dash && is_dash(self)) {
        self->at++;
        skip_blanks(self);
        if (!add_text(self, field, false) || !end_line(self))
            return false;
        next_line(self);
        if (self->result < 0)
            return false;
    }
    return true;
}

static bool read_list(struct reader *self, enum mwd_matcher_field field, size_t least)
{
    if (!is_done_line(self)) {
        if (*self->at != '[')
            return fail(self, self->at,
                        "a list is expected: [a, b] behind the key, or lines of - a below it");
        self->at++;
        return read_flow(self, field);
    }
    next_line(self);
    return self->result == 0 && read_block(self, field, least);
}

/* ---- maps ---- */

static bool read_name(struct reader *self)
{
    if (is_done_line(self))
        return fail(self, self->at, "a text is expected on the line of its key");
    return add_text(self, MWD_MATCHER_NAME, false) && end_line(self) &&
           (next_line(self), self->result == 0);
}

static enum mwd_matcher_field find_key(const struct reader *self, size_t size)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strlen(keys[i].name) == size && memcmp(keys[i].name, self->at, size) == 0)
            return keys[i].field;
    return MWD_MATCHER_WHOLE;
}

static size_t key_size(const struct reader *self)
{
    size_t size = 0;

    while (self->at + size < self->end && self->at[size] != ':' && self->at[size] != ' ')
        size++;
    return size;
}

/* "key:" and what stands behind it, to the line after its value. */
static bool read_entry(struct reader *self, size_t indent)
{
    size_t size = key_size(self);
    enum mwd_matcher_field field = find_key(self, size);
    const char *colon = self->at + size;

    if (field == MWD_MATCHER_WHOLE)
        return fail(self, self->at, "one of name, comm, exe and cmdline is expected");
    if (colon >= self->end || *colon != ':' || (colon + 1 < self->end && colon[1] != ' '))
        return fail(self, colon, "a : is expected behind the key, and a blank behind that");
    if (self->draft.given[field])
        return fail(self, self->at, "this key was given in this rule already");
    self->draft.given[field] = true;
    self->draft.keys[field] = place_of(self, self->at);
    self->at = colon + 1;
    skip_blanks(self);
    return field == MWD_MATCHER_NAME ? read_name(self) : read_list(self, field, indent);
}

/* All keys in the column of the first. */
static bool read_map(struct reader *self, size_t dash)
{
    size_t indent = column(self);

    do {
        if (!read_entry(self, indent))
            return false;
    } while (!self->done && column(self) == indent && !is_dash(self));
    if (!self->done && column(self) > dash)
        return fail(self, self->at,
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
            return fail_at(self, draft->keys[field],
                           "an empty list matches nothing: leave the key out, or name something");
    int r = mwd_matcher_add(self->matcher, &rule, &error);

    if (r == -EINVAL)
        return fail_at(self, find_place(draft, &error), error.why);
    if (r == -E2BIG)
        return fail_at(self, draft->place, "this is one rule too many: there are at most 256");
    self->result = r;
    return r == 0;
}

/* At the dash. */
static bool read_rule(struct reader *self)
{
    size_t dash = column(self);

    self->draft.place = place_of(self, self->at);
    self->at++;
    if (is_done_line(self)) {
        next_line(self);
        if (self->result == 0 && (self->done || column(self) <= dash))
            return fail(self, self->at, "a rule is expected: name, comm, exe or cmdline");
    }
    return self->result == 0 && read_map(self, dash) && add_rule(self);
}

static bool read_rules(struct reader *self)
{
    size_t dash = column(self);
    bool good = true;

    if (self->done || !is_dash(self))
        return fail(self, self->at, "a list of rules is expected, each begins with -");
    while (good && !self->done) {
        if (column(self) != dash || !is_dash(self))
            return fail(self, self->at,
                        "a rule is expected in the column of the others, or the end of the file");
        good = read_rule(self);
        clear_draft(&self->draft);
    }
    return good;
}

static bool read_document(struct reader *self)
{
    static const char top[] = "process_names:";

    next_line(self);
    if (self->result == 0 && !self->done && column(self) == 0 && strncmp(self->at, "---", 3) == 0) {
        self->at += 3;
        if (!end_line(self))
            return false;
        next_line(self);
    }
    if (self->result < 0)
        return false;
    if (self->done || column(self) != 0 || strncmp(self->at, top, strlen(top)) != 0)
        return fail(self, self->at, "process_names: is expected in the first column");
    self->at += strlen(top);
    if (!end_line(self))
        return false;
    next_line(self);
    return self->result == 0 && read_rules(self);
}

int mwd_matcher_load(struct mwd_matcher *self, const char *source, const char *text,
                     struct mwd_matcher_place *ret_place, struct mwd_buffer *why)
{
    struct reader reader = {.matcher = self,
                            .source = source,
                            .next = text,
                            .line = text,
                            .end = text,
                            .at = text,
                            .place = ret_place,
                            .why = why};

    read_document(&reader);
    clear_draft(&reader.draft);
    return reader.result;
}
