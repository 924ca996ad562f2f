/* pattern: regular expressions in a part of the syntax of RE2, which Go's regexp has too. A leaf.
 *
 * Shape    a | b, ab, a* a+ a? a{2} a{2,} a{2,5} and each with ? behind it, (a) (?:a) (?P<name>a)
 *          (?<name>a), (?i) (?s) (?i:a), ^ $ \A \z \b \B, . [a-z] [^a-z] [[:alpha:]] \d \s \w
 *          \D \S \W \t \n \r \f \v \a \x41 \x{263a}, \ and a mark. Only groups with a name are
 *          told of. What RE2 has besides, as \pL, \Q and (?m), is refused; so is a letter that
 *          is not ASCII under (?i), which folds ASCII alone.
 * Meaning  RE2's: the leftmost match, and of those at one place the first in the order in which the
 *          expression tries them.
 * Units    characters are UTF-8; a byte that is not counts as one U+FFFD.
 * Bound    time grows with size of the text times steps of the pattern, whatever both are; nothing
 *          is allocated while matching.
 * Threads  one match at a time: a pattern holds the room that it works in.
 * Source   github.com/google/re2/wiki/Syntax
 */
#ifndef MWD_PATTERN_H
#define MWD_PATTERN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MWD_PATTERN_SIZE_MAX = 1024,  /* bytes of a pattern */
    MWD_PATTERN_STEPS_MAX = 2000, /* of its program, in which a{5} is five times a */
    MWD_PATTERN_NAMES_MAX = 16,
    MWD_PATTERN_NAME_MAX = 32, /* bytes of one */
    MWD_PATTERN_TEXT_MAX = 1 << 24
};

struct mwd_pattern;

struct mwd_pattern_error {
    uint32_t at;     /* byte of the pattern, from 0 */
    const char *why; /* a constant sentence */
};

/* A part of the text; `begin` is UINT32_MAX when the group took no part in the match. */
struct mwd_pattern_span {
    uint32_t begin, end;
};

/* Owner    the caller; hand *ret to mwd_pattern_destroy().
 * Errors   -EINVAL with *ret_error, -ENOMEM. */
int mwd_pattern_create(const char *text, struct mwd_pattern_error *ret_error,
                       struct mwd_pattern **ret);
struct mwd_pattern *mwd_pattern_destroy(struct mwd_pattern *self);

uint32_t mwd_pattern_names(const struct mwd_pattern *self);
/* The name of group `index`, in the order in which they open; lives with self. */
const char *mwd_pattern_name(const struct mwd_pattern *self, uint32_t index);

/* Whether it is found anywhere in the text; then spans[i] is what group i took. More than
 * MWD_PATTERN_TEXT_MAX bytes are not looked at. */
bool mwd_pattern_match(struct mwd_pattern *self, const char *text, size_t size,
                       struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX]);
#endif
