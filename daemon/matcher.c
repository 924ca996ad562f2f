/* Rules, and whether a process matches one. */
#include "daemon/matcher_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPTURES_MAX = MWD_MATCHER_ITEMS_MAX };

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct texts {
    char **items;
    uint32_t count;
};

struct rule {
    struct mwd_template *template;
    struct texts comm, exe;
    struct mwd_pattern **patterns;
    uint32_t pattern_count;
    char *origin;
    atomic_uint_least64_t given_up; /* one thread matches, another asks */
};

struct mwd_matcher {
    atomic_uint references;
    struct rule *rules;
    uint32_t count;
    unsigned needs;
    char line[MWD_MATCHER_LINE_MAX];                                /* argv, joined */
    char repaired[MWD_MATCHER_LINE_MAX * (sizeof REPLACEMENT - 1)]; /* if it is not UTF-8 */
};

/* ---- life ---- */

int mwd_matcher_create(struct mwd_matcher **ret)
{
    struct mwd_matcher *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    atomic_init(&self->references, 1);
    *ret = self;
    return 0;
}

struct mwd_matcher *mwd_matcher_ref(struct mwd_matcher *self)
{
    atomic_fetch_add(&self->references, 1);
    return self;
}

static void free_texts(struct texts *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        free(self->items[i]);
    free(self->items);
}

static void free_rule(struct rule *self)
{
    mwd_template_destroy(self->template);
    free_texts(&self->comm);
    free_texts(&self->exe);
    for (uint32_t i = 0; i < self->pattern_count; i++)
        mwd_pattern_destroy(self->patterns[i]);
    free(self->patterns);
    free(self->origin);
}

struct mwd_matcher *mwd_matcher_unref(struct mwd_matcher *self)
{
    if (!self || atomic_fetch_sub(&self->references, 1) > 1)
        return NULL;
    for (uint32_t i = 0; i < self->count; i++)
        free_rule(&self->rules[i]);
    free(self->rules);
    free(self);
    return NULL;
}

/* ---- adding a rule ---- */

static int fail(struct mwd_matcher_error *error, enum mwd_matcher_field field, uint32_t item,
                const char *why)
{
    error->field = field;
    error->item = item;
    if (why != error->why)
        snprintf(error->why, sizeof error->why, "%s", why);
    return -EINVAL;
}

static int copy_texts(struct texts *self, const struct mwd_matcher_list *list,
                      enum mwd_matcher_field field, struct mwd_matcher_error *error)
{
    if (list->count > MWD_MATCHER_ITEMS_MAX)
        return fail(error, field, MWD_MATCHER_ITEMS_MAX, "a list has at most 256 elements");
    self->items = calloc((size_t)list->count + 1, sizeof *self->items);
    if (!self->items)
        return -ENOMEM;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i][0] == '\0')
            return fail(error, field, i, "an empty text matches no process");
        self->items[self->count] = strdup(list->items[i]);
        if (!self->items[self->count])
            return -ENOMEM;
        self->count++;
    }
    return 0;
}

static int add_pattern(struct rule *rule, const char *text, struct mwd_matcher_error *error)
{
    struct mwd_pattern_error wrong;
    int r = mwd_pattern_create(text, &wrong, &rule->patterns[rule->pattern_count]);

    if (r == 0)
        rule->pattern_count++;
    if (r == -EINVAL) {
        snprintf(error->why, sizeof error->why,
                 "the pattern is not one that is taken: %s, seen behind its byte %u", wrong.why,
                 (unsigned)wrong.at);
        r = fail(error, MWD_MATCHER_CMDLINE, rule->pattern_count, error->why);
    }
    return r;
}

static int add_patterns(struct rule *rule, const struct mwd_matcher_list *list,
                        struct mwd_matcher_error *error)
{
    int r = 0;

    if (list->count > MWD_MATCHER_ITEMS_MAX)
        return fail(error, MWD_MATCHER_CMDLINE, MWD_MATCHER_ITEMS_MAX,
                    "a list has at most 256 elements");
    rule->patterns = calloc((size_t)list->count + 1, sizeof *rule->patterns);
    if (!rule->patterns)
        return -ENOMEM;
    for (uint32_t i = 0; r == 0 && i < list->count; i++)
        r = add_pattern(rule, list->items[i], error);
    return r;
}

static bool captures(const struct rule *rule, const char *name, size_t size)
{
    for (uint32_t i = 0; i < rule->pattern_count; i++)
        for (uint32_t j = 0; j < mwd_pattern_names(rule->patterns[i]); j++) {
            const char *other = mwd_pattern_name(rule->patterns[i], j);

            if (strlen(other) == size && memcmp(other, name, size) == 0)
                return true;
        }
    return false;
}

/* A name that no pattern captures would be empty in every group. */
static int check_matches(const struct rule *rule, struct mwd_matcher_error *error)
{
    uint32_t names = 0;

    for (uint32_t i = 0; i < rule->pattern_count; i++)
        names += mwd_pattern_names(rule->patterns[i]);
    if (names > CAPTURES_MAX)
        return fail(error, MWD_MATCHER_CMDLINE, 0, "its patterns have more than 256 named groups");
    for (uint32_t i = 0; i < rule->template->count; i++) {
        const struct mwd_template_part *part = &rule->template->parts[i];
        const char *name = rule->template->text + part->begin;

        if (part->field != MWD_TEMPLATE_MATCHES || captures(rule, name, part->size))
            continue;
        snprintf(error->why, sizeof error->why,
                 "no cmdline of this rule has a group (?P<%.*s>...) for {{.Matches.%.*s}}",
                 (int)part->size, name, (int)part->size, name);
        return fail(error, MWD_MATCHER_NAME, 0, error->why);
    }
    return 0;
}

static int make_template(struct rule *ret, const char *name, struct mwd_matcher_error *error)
{
    int r = mwd_template_create(name, &ret->template, error->why);

    return r == -EINVAL ? fail(error, MWD_MATCHER_NAME, 0, error->why) : r;
}

static int make_rule(struct rule *ret, const struct mwd_matcher_rule *rule,
                     struct mwd_matcher_error *error)
{
    const char *name = rule->name && rule->name[0] ? rule->name : "{{.ExeBase}}";
    int r;

    if (rule->comm.count == 0 && rule->exe.count == 0 && rule->cmdline.count == 0)
        return fail(error, MWD_MATCHER_WHOLE, 0, "a rule needs comm, exe or cmdline");
    ret->origin = strdup(rule->origin);
    if (!ret->origin)
        return -ENOMEM;
    r = copy_texts(&ret->comm, &rule->comm, MWD_MATCHER_COMM, error);
    if (r == 0)
        r = copy_texts(&ret->exe, &rule->exe, MWD_MATCHER_EXE, error);
    if (r == 0)
        r = add_patterns(ret, &rule->cmdline, error);
    if (r == 0)
        r = make_template(ret, name, error);
    return r < 0 ? r : check_matches(ret, error);
}

static unsigned needs_of(const struct rule *rule)
{
    const struct mwd_template *template = rule->template;
    bool argv = rule->exe.count > 0 || rule->pattern_count > 0 ||
                mwd_template_uses(template, MWD_TEMPLATE_EXE_BASE) ||
                mwd_template_uses(template, MWD_TEMPLATE_EXE_FULL);

    return (argv ? MWD_MATCHER_NEEDS_ARGV : 0U) |
           (mwd_template_uses(template, MWD_TEMPLATE_USERNAME) ? MWD_MATCHER_NEEDS_USER : 0U) |
           (mwd_template_uses(template, MWD_TEMPLATE_CGROUPS) ? MWD_MATCHER_NEEDS_CGROUPS : 0U);
}

int mwd_matcher_add(struct mwd_matcher *self, const struct mwd_matcher_rule *rule,
                    struct mwd_matcher_error *ret_error)
{
    struct rule made = {0}, *rules;
    int r;

    if (self->count == MWD_MATCHER_RULES_MAX)
        return -E2BIG;
    rules = reallocarray(self->rules, (size_t)self->count + 1, sizeof *rules);
    if (!rules)
        return -ENOMEM;
    self->rules = rules;
    r = make_rule(&made, rule, ret_error);
    if (r < 0) {
        free_rule(&made);
        return r;
    }
    self->rules[self->count++] = made;
    self->needs |= needs_of(&made);
    return 0;
}

uint32_t mwd_matcher_count(const struct mwd_matcher *self)
{
    return self->count;
}

const char *mwd_matcher_template(const struct mwd_matcher *self, uint32_t rule)
{
    return self->rules[rule].template->text;
}

const char *mwd_matcher_origin(const struct mwd_matcher *self, uint32_t rule)
{
    return self->rules[rule].origin;
}

uint64_t mwd_matcher_given_up(const struct mwd_matcher *self, uint32_t rule)
{
    return atomic_load(&self->rules[rule].given_up);
}

bool mwd_matcher_is_wide(const struct mwd_matcher *self, uint32_t rule)
{
    return mwd_template_uses(self->rules[rule].template, MWD_TEMPLATE_PID) ||
           mwd_template_uses(self->rules[rule].template, MWD_TEMPLATE_START_TIME);
}

unsigned mwd_matcher_needs(const struct mwd_matcher *self)
{
    return self->needs;
}

/* ---- matching ---- */

struct subject {
    const struct mwd_matcher_process *process;
    const char *line;
    size_t size;          /* of argv without the NULs at its end */
    const char *searched; /* the line; where it has bytes that are not UTF-8, its repaired copy */
    size_t searched_size;
    const char *exe, *base;
    size_t exe_size, base_size;
    bool has_argv;
    struct mwd_capture captures[CAPTURES_MAX];
    uint32_t capture_count;
};

static bool is_text(const char *text, const char *bytes, size_t size)
{
    return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

static bool has_comm(const struct rule *rule, const struct subject *subject)
{
    for (uint32_t i = 0; i < rule->comm.count; i++)
        if (strcmp(rule->comm.items[i], subject->process->comm) == 0)
            return true;
    return rule->comm.count == 0;
}

static bool has_exe(const struct rule *rule, const struct subject *subject)
{
    for (uint32_t i = 0; subject->has_argv && i < rule->exe.count; i++) {
        const char *exe = rule->exe.items[i];

        if (strchr(exe, '/') ? is_text(exe, subject->exe, subject->exe_size)
                             : is_text(exe, subject->base, subject->base_size))
            return true;
    }
    return rule->exe.count == 0;
}

/* The size of the part of the line that became the first `size` bytes of what is searched. */
static size_t size_in_line(const struct subject *subject, size_t size)
{
    size_t at = 0;

    if (subject->searched == subject->line)
        return size;
    for (size_t seen = 0; seen < size;) {
        size_t length = mw_utf8_sequence(subject->line + at, subject->size - at);

        seen += length > 0 ? length : strlen(REPLACEMENT);
        at += length > 0 ? length : 1;
    }
    return at;
}

/* What a group that took no part holds is empty. */
static void add_capture(struct subject *subject, const char *name, struct mwd_pattern_span span)
{
    struct mwd_capture capture = {name, subject->line, 0};

    if (span.begin != UINT32_MAX) {
        size_t begin = size_in_line(subject, span.begin);

        capture.bytes += begin;
        capture.size = size_in_line(subject, span.end) - begin;
    }
    subject->captures[subject->capture_count++] = capture;
}

/* One that costs too much is not found, and told of. */
static bool has_pattern(struct rule *rule, const struct mwd_pattern *pattern,
                        struct subject *subject)
{
    struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX];
    int r = mwd_pattern_match(pattern, subject->searched, subject->searched_size, spans);

    if (r < 0 && r != -ENOENT)
        atomic_fetch_add(&rule->given_up, 1);
    for (uint32_t i = 0; r == 0 && i < mwd_pattern_names(pattern); i++)
        add_capture(subject, mwd_pattern_name(pattern, i), spans[i]);
    return r == 0;
}

static bool matches(struct rule *rule, struct subject *subject)
{
    subject->capture_count = 0;
    if (!has_comm(rule, subject) || !has_exe(rule, subject))
        return false;
    for (uint32_t i = 0; i < rule->pattern_count; i++)
        if (!has_pattern(rule, rule->patterns[i], subject))
            return false;
    return true;
}

/* To Go's regexp a byte that is not UTF-8 is one U+FFFD, to PCRE2 it is the end of a text. */
static void repair(struct mwd_matcher *self, struct subject *subject)
{
    char *to = self->repaired;

    subject->searched = subject->line;
    subject->searched_size = subject->size;
    if (mw_utf8_valid(subject->line, subject->size))
        return;
    for (size_t at = 0; at < subject->size;) {
        size_t length = mw_utf8_sequence(subject->line + at, subject->size - at);

        to = length > 0 ? mempcpy(to, subject->line + at, length)
                        : mempcpy(to, REPLACEMENT, strlen(REPLACEMENT));
        at += length > 0 ? length : 1;
    }
    subject->searched = self->repaired;
    subject->searched_size = (size_t)(to - self->repaired);
}

/* NULs between arguments become blanks in the line, those at the end go. */
static void begin(struct mwd_matcher *self, const struct mwd_matcher_process *process,
                  struct subject *ret)
{
    size_t size = process->argv_size < sizeof self->line ? process->argv_size : sizeof self->line;

    ret->process = process;
    ret->has_argv = size > 0;
    while (size > 0 && process->argv[size - 1] == '\0')
        size--;
    for (size_t i = 0; i < size; i++)
        if (process->argv[i])
            self->line[i] = process->argv[i];
        else
            self->line[i] = ' ';
    ret->line = self->line;
    ret->size = size;
    repair(self, ret);
    ret->exe = ret->has_argv ? process->argv : process->comm;
    ret->exe_size = ret->has_argv ? strnlen(process->argv, size) : strlen(process->comm);
    mwd_matcher_base(ret->exe, ret->exe_size, &ret->base, &ret->base_size);
}

int mwd_matcher_match(struct mwd_matcher *self, const struct mwd_matcher_process *process,
                      uint32_t *ret_rule, char ret_name[MWD_MATCHER_NAME_MAX + 1])
{
    struct subject subject;

    begin(self, process, &subject);
    for (uint32_t i = 0; i < self->count; i++) {
        struct mwd_template_input input = {process, subject.exe, subject.exe_size, subject.captures,
                                           0};

        if (!matches(&self->rules[i], &subject))
            continue;
        input.capture_count = subject.capture_count;
        *ret_rule = i;
        return mwd_template_fill(self->rules[i].template, &input, ret_name) > 0 ? 0 : -ENOENT;
    }
    return -ENOENT;
}
