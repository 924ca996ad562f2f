/* Patterns, by PCRE2. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "daemon/pattern.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* $ is the end of the text, as in RE2; \C would take characters to pieces. */
static const uint32_t options =
    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;

/* Ahead of the pattern, so that on_place() is called at each place where the text is tried. */
#define PLACE "(?C255)"

struct mwd_pattern {
    pcre2_code *code;
    pcre2_match_context *bounds;
    uint32_t name_count;
    struct {
        const char *name; /* in `code` */
        uint32_t group;
    } names[MWD_PATTERN_NAMES_MAX];
};

/* ---- making one ---- */

static int fail(struct mwd_pattern_error *error, size_t at, const char *why)
{
    error->at = (uint32_t)at;
    snprintf(error->why, sizeof error->why, "%s", why);
    return -EINVAL;
}

static int fail_compile(struct mwd_pattern_error *error, int code, size_t at)
{
    char why[MWD_PATTERN_WHY_MAX] = "";

    if (code == PCRE2_ERROR_HEAP_FAILED)
        return -ENOMEM;
    pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
    return fail(error, at, why);
}

/* Things that only count at the very beginning of a pattern, as (*UTF), have no place there. */
static void fit_place(const char *text, char ret[MWD_PATTERN_SIZE_MAX + sizeof PLACE])
{
    snprintf(ret, MWD_PATTERN_SIZE_MAX + sizeof PLACE, "%s%s", PLACE, text);
}

/* Whatever the library was built with. */
static pcre2_compile_context *create_syntax(void)
{
    pcre2_compile_context *syntax = pcre2_compile_context_create(NULL);

    if (!syntax)
        return NULL;
    pcre2_set_newline(syntax, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(syntax, MWD_PATTERN_DEPTH_MAX);
    return syntax;
}

static int compile(struct mwd_pattern *self, const char *text, struct mwd_pattern_error *error)
{
    pcre2_compile_context *syntax = create_syntax();
    char whole[MWD_PATTERN_SIZE_MAX + sizeof PLACE];
    PCRE2_SIZE at = 0;
    int code = PCRE2_ERROR_HEAP_FAILED;

    fit_place(text, whole);
    if (syntax)
        self->code =
            pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED, options, &code, &at, syntax);
    pcre2_compile_context_free(syntax);
    return self->code ? 0 : fail_compile(error, code, at > strlen(PLACE) ? at - strlen(PLACE) : 0);
}

static uint32_t number_of(const struct mwd_pattern *self, uint32_t what)
{
    uint32_t number = 0;

    pcre2_pattern_info(self->code, what, &number);
    return number;
}

/* An entry of the library's table is a number of two bytes and a name. */
static int take_names(struct mwd_pattern *self, size_t end, struct mwd_pattern_error *error)
{
    uint32_t count = number_of(self, PCRE2_INFO_NAMECOUNT);
    uint32_t size = number_of(self, PCRE2_INFO_NAMEENTRYSIZE);
    PCRE2_SPTR entry = NULL;

    if (number_of(self, PCRE2_INFO_JCHANGED))
        return fail(error, end, "(?J) lets two groups have one name");
    if (count > MWD_PATTERN_NAMES_MAX)
        return fail(error, end, "it has more than 16 groups with a name");
    pcre2_pattern_info(self->code, PCRE2_INFO_NAMETABLE, &entry);
    for (uint32_t i = 0; i < count; i++, entry += size) {
        self->names[i].name = (const char *)entry + 2;
        self->names[i].group = (uint32_t)(entry[0] << 8 | entry[1]);
    }
    self->name_count = count;
    return 0;
}

static int set_bounds(struct mwd_pattern *self)
{
    self->bounds = pcre2_match_context_create(NULL);
    if (!self->bounds)
        return -ENOMEM;
    pcre2_set_match_limit(self->bounds, MWD_PATTERN_WAYS_MAX);
    pcre2_set_depth_limit(self->bounds, MWD_PATTERN_WAYS_MAX);
    pcre2_set_heap_limit(self->bounds, MWD_PATTERN_ROOM_KB);
    return 0;
}

int mwd_pattern_create(const char *text, struct mwd_pattern_error *ret_error,
                       struct mwd_pattern **ret)
{
    struct mwd_pattern *self;
    size_t size = strlen(text);

    if (size > MWD_PATTERN_SIZE_MAX)
        return fail(ret_error, MWD_PATTERN_SIZE_MAX, "it is over 1024 bytes");
    self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    int r = compile(self, text, ret_error);
    if (r == 0)
        r = take_names(self, size, ret_error);
    if (r == 0)
        r = set_bounds(self);
    if (r == 0)
        *ret = self;
    else
        mwd_pattern_destroy(self);
    return r;
}

struct mwd_pattern *mwd_pattern_destroy(struct mwd_pattern *self)
{
    if (!self)
        return NULL;
    pcre2_match_context_free(self->bounds);
    pcre2_code_free(self->code);
    free(self);
    return NULL;
}

uint32_t mwd_pattern_names(const struct mwd_pattern *self)
{
    return self->name_count;
}

const char *mwd_pattern_name(const struct mwd_pattern *self, uint32_t index)
{
    return self->names[index].name;
}

/* ---- matching ---- */

static uint64_t spent_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The library counts the ways of each place alone, and a text has as many places as bytes. */
static int on_place(pcre2_callout_block *block, void *context)
{
    const uint64_t *end_ns = context;

    (void)block;
    return spent_ns() > *end_ns ? PCRE2_ERROR_CALLOUT : 0;
}

/* That of one match, as others may go on at the same time. */
static pcre2_match_context *bound_time(const struct mwd_pattern *self, uint64_t *end_ns)
{
    pcre2_match_context *bounds = pcre2_match_context_copy(self->bounds);

    *end_ns = spent_ns() + (uint64_t)MWD_PATTERN_TIME_MS * 1000000;
    if (bounds)
        pcre2_set_callout(bounds, on_place, end_ns);
    return bounds;
}

/* What is not a bound, and not memory, is a thing that bytes cannot bring about. */
static int outcome(int result)
{
    if (result >= 0)
        return 0;
    if (result == PCRE2_ERROR_NOMATCH)
        return -ENOENT;
    return result == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -E2BIG;
}

static void take_spans(const struct mwd_pattern *self, pcre2_match_data *match,
                       struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX])
{
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(match);

    for (uint32_t i = 0; i < self->name_count; i++) {
        const PCRE2_SIZE *place = places + (size_t)2 * self->names[i].group;

        spans[i] = place[0] == PCRE2_UNSET
                       ? (struct mwd_pattern_span){UINT32_MAX, UINT32_MAX}
                       : (struct mwd_pattern_span){(uint32_t)place[0], (uint32_t)place[1]};
    }
}

/* The room of a match may be megabytes after a hostile text, so it is not kept. */
int mwd_pattern_match(const struct mwd_pattern *self, const char *text, size_t size,
                      struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX])
{
    uint64_t end_ns;
    pcre2_match_context *bounds = bound_time(self, &end_ns);
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(self->code, NULL);
    int r = -ENOMEM;

    if (size > MWD_PATTERN_TEXT_MAX)
        size = MWD_PATTERN_TEXT_MAX;
    if (match && bounds)
        r = outcome(pcre2_match(self->code, (PCRE2_SPTR)text, size, 0, 0, match, bounds));
    if (r == 0)
        take_spans(self, match, spans);
    pcre2_match_data_free(match);
    pcre2_match_context_free(bounds);
    return r;
}
