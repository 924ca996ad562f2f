/* A star first stands for nothing; each time that what follows it fails, it is made to take one
 * character more. Only the last star is ever gone back to: what an earlier one could take instead,
 * the last one can take as well. So there is no tree of choices to search, and no recursion. */
#include "base/glob.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

struct span {
    const char *at;
    const char *end;
};

/* The next character; a byte that is not UTF-8 becomes a number that no character has. */
static uint32_t take(struct span *self)
{
    const unsigned char *bytes = (const unsigned char *)self->at;
    size_t size = mw_utf8_sequence(self->at, (size_t)(self->end - self->at));
    uint32_t character;

    self->at += size ? size : 1;
    switch (size) {
    case 0:
        return UINT32_C(0x80000000) | bytes[0];
    case 1:
        return bytes[0];
    case 2:
        character = bytes[0] & 0x1f;
        break;
    case 3:
        character = bytes[0] & 0x0f;
        break;
    default:
        character = bytes[0] & 0x07;
    }
    for (size_t i = 1; i < size; i++)
        character = character << 6 | (bytes[i] & 0x3f);
    return character;
}

static bool skip(struct span *self, char byte)
{
    if (self->at == self->end || *self->at != byte)
        return false;
    self->at++;
    return true;
}

/* One character of a pattern, with the backslash before it undone. */
static uint32_t take_literal(struct span *pattern)
{
    struct span after = *pattern;

    if (skip(&after, '\\') && after.at != after.end)
        *pattern = after;
    return take(pattern);
}

/* The part of a set that begins here: a character, or a range. */
static bool take_range(struct span *pattern, uint32_t character)
{
    uint32_t low = take_literal(pattern), high;
    struct span after = *pattern;

    if (!skip(&after, '-') || after.at == after.end || *after.at == ']')
        return character == low;
    *pattern = after;
    high = take_literal(pattern);
    return low <= character && character <= high;
}

/* The set whose [ is already taken. Returns false when it is never closed; then *pattern stays. */
static bool take_set(struct span *pattern, uint32_t character, bool *ret_matches)
{
    struct span at = *pattern;
    bool negated = skip(&at, '!') || skip(&at, '^');
    bool found = false;

    do { /* a ] that comes first is one of the characters */
        if (at.at == at.end)
            return false;
        found |= take_range(&at, character);
    } while (!skip(&at, ']'));
    *pattern = at;
    *ret_matches = found != negated;
    return true;
}

/* One character of the text against what stands at the front of the pattern, which is no star. */
static bool take_one(struct span *pattern, struct span *text)
{
    uint32_t character;
    bool matches;

    if (pattern->at == pattern->end || text->at == text->end)
        return false;
    character = take(text);
    if (skip(pattern, '?'))
        return true;
    if (*pattern->at == '[') {
        struct span set = {pattern->at + 1, pattern->end};

        if (take_set(&set, character, &matches)) {
            *pattern = set;
            return matches;
        }
    }
    return take_literal(pattern) == character;
}

bool mw_glob_matches(const char *pattern, const char *text, size_t size)
{
    size_t length = strnlen(pattern, MW_GLOB_MAX + 1);
    struct span want = {pattern, pattern + length};
    struct span have = {text, text + size};
    struct span after_star = {NULL, NULL}; /* what follows the last star */
    struct span retry = have;              /* where what it took ends */

    if (length > MW_GLOB_MAX)
        return false;
    while (have.at != have.end || want.at != want.end) {
        if (skip(&want, '*')) {
            after_star = want;
            retry = have;
        } else if (!take_one(&want, &have)) {
            if (!after_star.at || retry.at == retry.end)
                return false;
            take(&retry);
            want = after_star;
            have = retry;
        }
    }
    return true;
}
