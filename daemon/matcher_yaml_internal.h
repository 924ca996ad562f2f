/* What the files that read YAML share; private to daemon/matcher_yaml*.c. */
#ifndef MWD_MATCHER_YAML_INTERNAL_H
#define MWD_MATCHER_YAML_INTERNAL_H
#include "daemon/matcher_internal.h"

struct mwd_yaml_text {
    char *bytes;
    struct mwd_matcher_place place;
};

/* Where reading is. After the first thing wrong `result` is negative, and functions that return
 * whether all is well return false. */
struct mwd_yaml {
    const char *next;       /* where the next line begins */
    const char *line, *end; /* the one that is read */
    const char *at;
    uint32_t number; /* of it; from 1 */
    bool done;       /* there is no line any more */
    struct mwd_matcher_place *place;
    struct mwd_buffer *why;
    int result;
};

struct mwd_matcher_place mwd_yaml_place_of(const struct mwd_yaml *self, const char *at);
bool mwd_yaml_fail_at(struct mwd_yaml *self, struct mwd_matcher_place place, const char *sentence);
/* Shows what stands there. */
bool mwd_yaml_fail(struct mwd_yaml *self, const char *at, const char *sentence);

/* To the next line that says something, behind its blanks. False at the end, and after an error. */
bool mwd_yaml_next_line(struct mwd_yaml *self);
size_t mwd_yaml_column(const struct mwd_yaml *self); /* from 0 */
bool mwd_yaml_is_at_end(const struct mwd_yaml *self);
void mwd_yaml_skip_blanks(struct mwd_yaml *self);
/* "- ", or one at the end of the line. */
bool mwd_yaml_is_dash(const struct mwd_yaml *self);
/* Only blanks and a comment are left of the line; the second function says so when not. */
bool mwd_yaml_is_done_line(struct mwd_yaml *self);
bool mwd_yaml_end_line(struct mwd_yaml *self);

/* One text, in quotes or without; `flow`: in a list in brackets. Its bytes are the caller's. */
bool mwd_yaml_take_text(struct mwd_yaml *self, bool flow, struct mwd_yaml_text *ret);
#endif
