/* Text into a tree of nodes, by the descent that its grammar suggests:
 *
 *     choice    sequence | sequence ...
 *     sequence  piece piece ...
 *     piece     atom and what says how often
 *     atom      a character, a class, a place, ( choice )
 *
 * After something is wrong every part returns at once; the first thing wrong is what is told.
 */
#include "daemon/pattern_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, REPEAT_MAX = 1000, CHARACTER_MAX = 0x10ffff };

static uint32_t parse_choice(struct mwd_pattern_parser *self, uint32_t group);

void mwd_pattern_fail(struct mwd_pattern_parser *self, const char *at, const char *why)
{
    if (self->result < 0)
        return;
    self->result = -EINVAL;
    self->error = (struct mwd_pattern_error){(uint32_t)(at - self->text), why};
}

static bool has(const struct mwd_pattern_parser *self, const char *text)
{
    size_t size = strlen(text);

    return (size_t)(self->end - self->at) >= size && memcmp(self->at, text, size) == 0;
}

static bool skip(struct mwd_pattern_parser *self, const char *text)
{
    bool found = has(self, text);

    if (found)
        self->at += strlen(text);
    return found;
}

/* ---- nodes ---- */

static uint32_t put(struct mwd_pattern_parser *self, struct mwd_node node)
{
    node.next = MWD_NODE_NONE;
    if (self->node_count == self->node_room)
        mwd_pattern_fail(self, self->at, "it has too many parts");
    if (self->result < 0)
        return 0;
    self->nodes[self->node_count] = node;
    return self->node_count++;
}

static uint32_t put_step(struct mwd_pattern_parser *self, enum mwd_step_kind kind, uint32_t value)
{
    return put(self, (struct mwd_node){.kind = MWD_NODE_STEP,
                                       .child = MWD_NODE_NONE,
                                       .step = {.kind = kind, .value = value}});
}

static uint32_t put_parent(struct mwd_pattern_parser *self, enum mwd_node_kind kind, uint32_t group)
{
    return put(self, (struct mwd_node){.kind = kind, .child = MWD_NODE_NONE, .group = group});
}

/* Behind `last`, or as the first child; returns the new last. */
static uint32_t append(struct mwd_pattern_parser *self, uint32_t parent, uint32_t last,
                       uint32_t child)
{
    if (self->result < 0)
        return last;
    if (last == MWD_NODE_NONE)
        self->nodes[parent].child = child;
    else
        self->nodes[last].next = child;
    return child;
}

/* ---- characters ---- */

uint32_t mwd_pattern_take_char(struct mwd_pattern_parser *self)
{
    size_t size = (size_t)(self->end - self->at);
    uint32_t character = 0;

    if (size == 0 || mw_utf8_sequence(self->at, size) == 0) {
        mwd_pattern_fail(self, self->at, "a character of UTF-8 is expected");
        return 0;
    }
    self->at += mwd_pattern_decode(self->at, size, &character);
    return character;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind \x: two digits, or any number in braces. */
static uint32_t parse_hex(struct mwd_pattern_parser *self)
{
    const char *begin = self->at - 2;
    bool braced = skip(self, "{");
    uint32_t value = 0, digits = 0;

    while (self->at < self->end && hex_of(*self->at) >= 0 && (braced ? digits < 6 : digits < 2)) {
        value = value << 4 | (uint32_t)hex_of(*self->at++);
        digits++;
    }
    if (digits == 0 || (!braced && digits < 2) || (braced && !skip(self, "}")) ||
        value > CHARACTER_MAX)
        mwd_pattern_fail(self, begin, "\\x takes two hexadecimal digits, or a character in braces");
    return value;
}

uint32_t mwd_pattern_parse_escape(struct mwd_pattern_parser *self)
{
    static const char letters[] = "tnrfva", means[] = "\t\n\r\f\v\a";
    static const char marks[] = "\\^$.|?*+()[]{}-/\"'`~!@#%&=:;<>, _";
    const char *letter;

    if (self->at == self->end) {
        mwd_pattern_fail(self, self->at - 1, "nothing stands behind this backslash");
        return 0;
    }
    if (skip(self, "x"))
        return parse_hex(self);
    letter = strchr(letters, *self->at);
    if (letter || strchr(marks, *self->at)) {
        self->at++;
        return letter ? (unsigned char)means[letter - letters] : (unsigned char)self->at[-1];
    }
    mwd_pattern_fail(self, self->at - 1, "this escape is not one of those that are taken");
    return 0;
}

static bool is_letter(uint32_t character)
{
    uint32_t small = character | 0x20;

    return character < 0x80 && small >= 'a' && small <= 'z';
}

static uint32_t put_char(struct mwd_pattern_parser *self, const char *begin, uint32_t character)
{
    if (!self->fold)
        return put_step(self, MWD_STEP_CHAR, character);
    if (character > 0x7f)
        mwd_pattern_fail(self, begin, "under (?i) only ASCII is taken");
    if (is_letter(character))
        return put_step(self, MWD_STEP_FOLD, character | 0x20);
    return put_step(self, MWD_STEP_CHAR, character);
}

static uint32_t parse_backslash(struct mwd_pattern_parser *self)
{
    static const struct {
        char letter;
        enum mwd_place place;
    } places[] = {{'A', MWD_PLACE_BEGIN},
                  {'z', MWD_PLACE_END},
                  {'b', MWD_PLACE_EDGE},
                  {'B', MWD_PLACE_NO_EDGE}};
    char letter = self->end - self->at > 1 ? self->at[1] : '\0';
    const char *begin = self->at++;
    uint32_t class;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i].letter != letter)
            continue;
        self->at++;
        return put_step(self, MWD_STEP_HERE, places[i].place);
    }
    if (letter && mwd_pattern_perl_class(self, letter, &class)) {
        self->at++;
        return put_step(self, MWD_STEP_CLASS, class);
    }
    return put_char(self, begin, mwd_pattern_parse_escape(self));
}

/* ---- groups ---- */

static bool is_name(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_letter((unsigned char)name[i]) && name[i] != '_' &&
            (i == 0 || name[i] < '0' || name[i] > '9'))
            return false;
    return size > 0 && size <= MWD_PATTERN_NAME_MAX;
}

/* Behind (?P< or (?<. Number of the group. */
static uint32_t parse_name(struct mwd_pattern_parser *self)
{
    struct mwd_pattern *pattern = self->pattern;
    const char *begin = self->at;
    const char *end = memchr(begin, '>', (size_t)(self->end - begin));
    size_t size = end ? (size_t)(end - begin) : 0;

    if (!is_name(begin, size)) {
        mwd_pattern_fail(self, begin,
                         "a name of 1 to 32 letters, digits and _ and then > is expected");
        return MWD_NO_GROUP;
    }
    for (uint32_t i = 0; i < pattern->name_count; i++)
        if (strlen(pattern->names[i]) == size && memcmp(pattern->names[i], begin, size) == 0)
            mwd_pattern_fail(self, begin, "two groups have this name");
    if (pattern->name_count == MWD_PATTERN_NAMES_MAX)
        mwd_pattern_fail(self, begin, "it has more than 16 groups with a name");
    if (self->result < 0)
        return MWD_NO_GROUP;
    self->at = end + 1;
    memcpy(pattern->names[pattern->name_count], begin, size);
    return pattern->name_count++;
}

/* Behind (?. Flags up to : or ), which stays. */
static void parse_flags(struct mwd_pattern_parser *self)
{
    const char *begin = self->at - 2;
    bool on = true, known = true;

    while (known && self->at < self->end && *self->at != ':' && *self->at != ')') {
        char flag = *self->at++;

        if (flag == 'i')
            self->fold = on;
        else if (flag == 's')
            self->dot_all = on;
        else if (flag == '-' && on)
            on = false;
        else
            known = false;
    }
    if (!known || self->at == self->end)
        mwd_pattern_fail(self, begin, "(?:, (?P<name>, (?i) and (?s) are taken, and no others");
}

/* Flags that are set within a group end with it. */
static uint32_t parse_inside(struct mwd_pattern_parser *self, const char *begin, uint32_t group,
                             bool fold, bool dot_all)
{
    uint32_t node;

    if (++self->depth > DEPTH_MAX)
        mwd_pattern_fail(self, begin, "groups stand in one another more than 64 times");
    node = parse_choice(self, group);
    self->depth--;
    if (!skip(self, ")"))
        mwd_pattern_fail(self, begin, "this ( is never closed");
    self->fold = fold;
    self->dot_all = dot_all;
    return node;
}

/* Behind a (. Flags alone, as (?i), are nothing, and count until the group around them ends. */
static uint32_t parse_group(struct mwd_pattern_parser *self)
{
    const char *begin = self->at - 1;
    bool fold = self->fold, dot_all = self->dot_all;

    if (!skip(self, "?"))
        return parse_inside(self, begin, MWD_NO_GROUP, fold, dot_all);
    if (has(self, "<=") || has(self, "<!"))
        mwd_pattern_fail(self, begin, "what stands before or behind cannot be looked at");
    if (skip(self, "P<") || skip(self, "<"))
        return parse_inside(self, begin, parse_name(self), fold, dot_all);
    parse_flags(self);
    if (skip(self, ")"))
        return put_parent(self, MWD_NODE_SEQUENCE, MWD_NO_GROUP);
    self->at += self->at < self->end;
    return parse_inside(self, begin, MWD_NO_GROUP, fold, dot_all);
}

/* ---- pieces ---- */

static bool take_number(const char **at, const char *end, uint32_t *ret)
{
    const char *begin = *at;

    *ret = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *ret <= REPEAT_MAX)
        *ret = *ret * 10 + (uint32_t)(*(*at)++ - '0');
    return *at > begin;
}

/* {2}, {2,} or {2,5}; anything else in braces is text. */
static bool take_braces(struct mwd_pattern_parser *self, uint32_t *least, uint32_t *most)
{
    const char *begin = self->at, *at = begin + 1;

    if (!has(self, "{") || !take_number(&at, self->end, least))
        return false;
    *most = *least;
    if (at < self->end && *at == ',') {
        at++;
        if (!take_number(&at, self->end, most))
            *most = MWD_NO_MOST;
    }
    if (at == self->end || (*at != '}' && *least <= REPEAT_MAX && *most <= REPEAT_MAX))
        return false;
    if (*least > REPEAT_MAX || (*most != MWD_NO_MOST && (*most > REPEAT_MAX || *most < *least)))
        mwd_pattern_fail(self, begin, "how often goes up to 1000, the smaller number first");
    self->at = at + 1;
    return true;
}

static bool take_repeat(struct mwd_pattern_parser *self, uint32_t *least, uint32_t *most)
{
    *least = has(self, "+") ? 1 : 0;
    *most = has(self, "?") ? 1 : MWD_NO_MOST;
    return skip(self, "*") || skip(self, "+") || skip(self, "?") || take_braces(self, least, most);
}

static uint32_t parse_atom(struct mwd_pattern_parser *self)
{
    const char *begin = self->at;
    uint32_t least, most;

    if (*begin == '\\')
        return parse_backslash(self);
    if (skip(self, "("))
        return parse_group(self);
    if (skip(self, "["))
        return put_step(self, MWD_STEP_CLASS, mwd_pattern_parse_class(self));
    if (skip(self, "."))
        return put_step(self, self->dot_all ? MWD_STEP_ANY : MWD_STEP_LINE, 0);
    if (skip(self, "^"))
        return put_step(self, MWD_STEP_HERE, MWD_PLACE_BEGIN);
    if (skip(self, "$"))
        return put_step(self, MWD_STEP_HERE, MWD_PLACE_END);
    if (take_repeat(self, &least, &most))
        mwd_pattern_fail(self, begin, "nothing stands before it that could be repeated");
    return put_char(self, begin, mwd_pattern_take_char(self));
}

static uint32_t parse_piece(struct mwd_pattern_parser *self)
{
    uint32_t node = parse_atom(self), least, most;
    const char *begin = self->at;

    if (self->result < 0 || !take_repeat(self, &least, &most))
        return node;
    node = put(self, (struct mwd_node){.kind = MWD_NODE_REPEAT,
                                       .child = node,
                                       .least = least,
                                       .most = most,
                                       .lazy = skip(self, "?")});
    if (self->result == 0 && self->at < self->end && take_repeat(self, &least, &most))
        mwd_pattern_fail(self, begin, "what is repeated already is repeated again");
    return node;
}

static uint32_t parse_sequence(struct mwd_pattern_parser *self)
{
    uint32_t parent = put_parent(self, MWD_NODE_SEQUENCE, MWD_NO_GROUP), last = MWD_NODE_NONE;

    while (self->result == 0 && self->at < self->end && *self->at != '|' && *self->at != ')')
        last = append(self, parent, last, parse_piece(self));
    return parent;
}

/* Within a sequence that keeps the places of its group. */
static uint32_t parse_choice(struct mwd_pattern_parser *self, uint32_t group)
{
    uint32_t outer = put_parent(self, MWD_NODE_SEQUENCE, group);
    uint32_t choice = put_parent(self, MWD_NODE_CHOICE, MWD_NO_GROUP), last = MWD_NODE_NONE;

    append(self, outer, MWD_NODE_NONE, choice);
    do
        last = append(self, choice, last, parse_sequence(self));
    while (self->result == 0 && skip(self, "|"));
    return outer;
}

uint32_t mwd_pattern_parse(struct mwd_pattern_parser *self)
{
    uint32_t root = parse_choice(self, MWD_NO_GROUP);

    if (self->result == 0 && self->at < self->end)
        mwd_pattern_fail(self, self->at, "this ) closes nothing");
    return root;
}
