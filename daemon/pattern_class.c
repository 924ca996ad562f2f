/* Sets of characters: [...], \d and its like. */
#include "daemon/pattern_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHARACTER_MAX = 0x10ffff };

static const struct mwd_range digits[] = {{'0', '9'}};
static const struct mwd_range spaces[] = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
static const struct mwd_range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};

static const struct mwd_range alnum[] = {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}};
static const struct mwd_range alpha[] = {{'A', 'Z'}, {'a', 'z'}};
static const struct mwd_range ascii[] = {{0, 0x7f}};
static const struct mwd_range blank[] = {{'\t', '\t'}, {' ', ' '}};
static const struct mwd_range cntrl[] = {{0, 0x1f}, {0x7f, 0x7f}};
static const struct mwd_range graph[] = {{'!', '~'}};
static const struct mwd_range lower[] = {{'a', 'z'}};
static const struct mwd_range print[] = {{' ', '~'}};
static const struct mwd_range punct[] = {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}};
static const struct mwd_range space[] = {{'\t', '\r'}, {' ', ' '}};
static const struct mwd_range upper[] = {{'A', 'Z'}};
static const struct mwd_range xdigit[] = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};

/* Their ranges are in order. */
struct set {
    const char *name;
    const struct mwd_range *ranges;
    uint32_t count;
};

#define SET(name, ranges)                                                                          \
    {                                                                                              \
        name, ranges, sizeof(ranges) / sizeof(ranges)[0]                                           \
    }
static const struct set perl_sets[] = {SET("d", digits), SET("s", spaces), SET("w", words)};
static const struct set posix_sets[] = {
    SET("alnum", alnum), SET("alpha", alpha),  SET("ascii", ascii), SET("blank", blank),
    SET("cntrl", cntrl), SET("digit", digits), SET("graph", graph), SET("lower", lower),
    SET("print", print), SET("punct", punct),  SET("space", space), SET("upper", upper),
    SET("word", words),  SET("xdigit", xdigit)};
#undef SET

/* ---- adding ---- */

static void add_range(struct mwd_pattern_parser *self, uint32_t low, uint32_t high)
{
    struct mwd_pattern *pattern = self->pattern;

    if (self->result < 0)
        return;
    if (pattern->range_count == pattern->range_room) {
        uint32_t room = pattern->range_room ? 2 * pattern->range_room : 16;
        struct mwd_range *ranges = reallocarray(pattern->ranges, room, sizeof *ranges);

        if (!ranges) {
            self->result = -ENOMEM;
            return;
        }
        pattern->ranges = ranges;
        pattern->range_room = room;
    }
    pattern->ranges[pattern->range_count++] = (struct mwd_range){low, high};
}

/* The part of a range that is letters from `first` on, in the other case. */
static void add_other_case(struct mwd_pattern_parser *self, struct mwd_range range, uint32_t first,
                           uint32_t other)
{
    uint32_t low = range.low > first ? range.low : first;
    uint32_t high = range.high < first + 25 ? range.high : first + 25;

    if (low <= high)
        add_range(self, low - first + other, high - first + other);
}

static void add(struct mwd_pattern_parser *self, struct mwd_range range)
{
    add_range(self, range.low, range.high);
    if (!self->fold)
        return;
    add_other_case(self, range, 'a', 'A');
    add_other_case(self, range, 'A', 'a');
}

static void add_set(struct mwd_pattern_parser *self, const struct set *set, bool negated)
{
    uint32_t next = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        if (!negated)
            add(self, set->ranges[i]);
        else if (set->ranges[i].low > next)
            add_range(self, next, set->ranges[i].low - 1);
        next = set->ranges[i].high + 1;
    }
    if (negated)
        add_range(self, next, CHARACTER_MAX);
}

/* ---- classes ---- */

static uint32_t open_class(struct mwd_pattern_parser *self)
{
    struct mwd_pattern *pattern = self->pattern;

    if (pattern->class_count == pattern->class_room) {
        uint32_t room = pattern->class_room ? 2 * pattern->class_room : 8;
        struct mwd_class *classes = reallocarray(pattern->classes, room, sizeof *classes);

        if (!classes) {
            self->result = -ENOMEM;
            return 0;
        }
        pattern->classes = classes;
        pattern->class_room = room;
    }
    pattern->classes[pattern->class_count] =
        (struct mwd_class){.first = pattern->range_count, .count = 0};
    return pattern->class_count++;
}

static void close_class(struct mwd_pattern_parser *self, uint32_t number)
{
    if (self->result == 0)
        self->pattern->classes[number].count =
            self->pattern->range_count - self->pattern->classes[number].first;
}

static const struct set *find_perl(char letter)
{
    for (size_t i = 0; i < sizeof perl_sets / sizeof perl_sets[0]; i++)
        if ((letter | 0x20) == perl_sets[i].name[0] && letter >= 'A')
            return &perl_sets[i];
    return NULL;
}

static bool is_negated(char letter)
{
    return letter <= 'Z';
}

bool mwd_pattern_perl_class(struct mwd_pattern_parser *self, char letter, uint32_t *ret)
{
    const struct set *set = find_perl(letter);

    if (!set)
        return false;
    *ret = open_class(self);
    add_set(self, set, is_negated(letter));
    close_class(self, *ret);
    return true;
}

/* [:name:] or [:^name:], behind its first [. */
static void parse_posix(struct mwd_pattern_parser *self)
{
    const char *begin = self->at - 1, *name = self->at + 1, *end;
    bool negated = name < self->end && *name == '^';

    name += negated;
    end = memmem(name, (size_t)(self->end - name), ":]", 2);
    for (size_t i = 0; end && i < sizeof posix_sets / sizeof posix_sets[0]; i++) {
        if (strlen(posix_sets[i].name) != (size_t)(end - name) ||
            memcmp(posix_sets[i].name, name, (size_t)(end - name)) != 0)
            continue;
        add_set(self, &posix_sets[i], negated);
        self->at = end + 2;
        return;
    }
    mwd_pattern_fail(self, begin, "there is no class of this name");
}

/* One character, or a set: then false. */
static bool parse_one(struct mwd_pattern_parser *self, uint32_t *ret)
{
    const struct set *set;

    if (*self->at == '[' && self->end - self->at > 1 && self->at[1] == ':') {
        self->at++;
        parse_posix(self);
        return false;
    }
    if (*self->at != '\\') {
        *ret = mwd_pattern_take_char(self);
        return true;
    }
    set = self->end - self->at > 1 ? find_perl(self->at[1]) : NULL;
    if (!set) {
        self->at++;
        *ret = mwd_pattern_parse_escape(self);
        return true;
    }
    add_set(self, set, is_negated(self->at[1]));
    self->at += 2;
    return false;
}

static void parse_range(struct mwd_pattern_parser *self)
{
    const char *begin = self->at;
    struct mwd_range range;

    if (!parse_one(self, &range.low))
        return;
    range.high = range.low;
    if (self->end - self->at > 1 && self->at[0] == '-' && self->at[1] != ']') {
        self->at++;
        if (!parse_one(self, &range.high))
            mwd_pattern_fail(self, begin, "a range ends in one character");
    }
    if (self->result == 0 && range.high < range.low)
        mwd_pattern_fail(self, begin, "a range ends before it begins");
    if (self->result == 0 && self->fold && range.high > 0x7f)
        mwd_pattern_fail(self, begin, "under (?i) only ASCII is taken");
    add(self, range);
}

/* A ] that comes first is one of the characters. */
uint32_t mwd_pattern_parse_class(struct mwd_pattern_parser *self)
{
    const char *begin = self->at - 1;
    uint32_t number = open_class(self);
    bool negated = self->at < self->end && *self->at == '^', first = true;

    self->at += negated;
    while (self->result == 0 && self->at < self->end && (first || *self->at != ']')) {
        parse_range(self);
        first = false;
    }
    if (self->result < 0)
        return 0;
    if (self->at == self->end) {
        mwd_pattern_fail(self, begin, "this [ is never closed");
        return 0;
    }
    self->at++;
    close_class(self, number);
    self->pattern->classes[number].negated = negated;
    return number;
}

bool mwd_pattern_has_class(const struct mwd_pattern *self, uint32_t number, uint32_t character)
{
    const struct mwd_class *class = &self->classes[number];
    bool found = false;

    for (uint32_t i = 0; i < class->count && !found; i++) {
        const struct mwd_range *range = &self->ranges[class->first + i];

        found = character >= range->low && character <= range->high;
    }
    return found != class->negated;
}
