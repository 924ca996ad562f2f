/* pattern: regular expressions of PCRE2, with a bound on what one match may cost. A leaf.
 *
 * Beside   RE2, and so Go's regexp, whose patterns are written for process-exporter: they are taken
 *          and mean the same, as (?P<name>a), (?i), (?m), (?s), (?U), \pL, \Q..\E, [[:alpha:]],
 *          \A and \z do; $ is the end of the text and not a line end before it, and \d \s \w \b are
 *          ASCII. Different are \v, which is any vertical blank, \s, which has the vertical tab
 *          too, and names of groups, which have at most 32 bytes and no digit first. Besides there
 *          are \Z, (?=a), (?<!a), \1, (?>a), a*+ and what else PCRE2 has, but \C, (?J) and what it
 *          has at the beginning of a pattern only, as (*UCP).
 * Meaning  the leftmost match, and of those at one place the first in the order in which the
 *          expression tries them. Only groups with a name are told of.
 * Units    characters are UTF-8; a byte that is not is matched by nothing.
 * Bound    RE2 needs none, PCRE2 tries one way after the other. So at each place of the text a
 *          match turns back at most MWD_PATTERN_WAYS_MAX times, each time over no more than the
 *          text; it goes on to another place for MWD_PATTERN_TIME_MS on the processor, and takes at
 *          most MWD_PATTERN_ROOM_KB; beyond, the answer is -E2BIG. Of 16 KB of text that is 0.1 s
 *          for patterns as people write them, and seconds for one that was written to be slow.
 *          No code is made at run time: MemoryDenyWriteExecute in the unit forbids it.
 * Threads  a pattern does not change: it may be matched on several at a time.
 * Source   pcre2pattern(3), pcre2api(3), github.com/google/re2/wiki/Syntax
 */
#ifndef MWD_PATTERN_H
#define MWD_PATTERN_H
#include <stddef.h>
#include <stdint.h>

enum {
    MWD_PATTERN_SIZE_MAX = 1024, /* bytes of a pattern */
    MWD_PATTERN_NAMES_MAX = 16,
    MWD_PATTERN_DEPTH_MAX = 64,     /* groups in one another */
    MWD_PATTERN_WAYS_MAX = 1 << 18, /* of one place */
    MWD_PATTERN_TIME_MS = 250,      /* of one match */
    MWD_PATTERN_ROOM_KB = 4096,     /* of one match, while it lasts */
    MWD_PATTERN_TEXT_MAX = 1 << 24,
    MWD_PATTERN_WHY_MAX = 160
};

struct mwd_pattern;

struct mwd_pattern_error {
    uint32_t at; /* bytes of the pattern up to where it was seen */
    char why[MWD_PATTERN_WHY_MAX];
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
/* The name of group `index`, in the order of the alphabet; lives with self. */
const char *mwd_pattern_name(const struct mwd_pattern *self, uint32_t index);

/* Looks for it anywhere in the text; when it is there spans[i] is what group i took. More than
 * MWD_PATTERN_TEXT_MAX bytes are not looked at.
 * Errors   -ENOENT it is not there, -E2BIG it was not found within the bound, -ENOMEM. */
int mwd_pattern_match(const struct mwd_pattern *self, const char *text, size_t size,
                      struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX]);
#endif
