#include "daemon/ctl/ctl.h"

#include "base/units.h"
#include "daemon/options.h"

#include <errno.h>
#include <string.h>

enum { S_NS = 1000 * 1000 * 1000, COUNT_MAX = 4194304 };

const struct mwd_ctl_verb_row mwd_ctl_verbs[MWD_CTL_VERBS] = {
#define MWD_CTL_VERB(id, name, operand, function, help) [MWD_CTL_##id] = {name, operand, help},
#include "daemon/ctl/verbs.def"
#undef MWD_CTL_VERB
};

const struct mwd_ctl_option_row mwd_ctl_option_rows[] = {
#define MWD_CTL_OPTION(field, name, argument, type, verbs, help)                                   \
    {name, argument, help, MWD_CTL_##type, verbs, offsetof(struct mwd_ctl_options, field)},
#include "daemon/ctl/options.def"
#undef MWD_CTL_OPTION
};
const unsigned mwd_ctl_option_count = sizeof mwd_ctl_option_rows / sizeof mwd_ctl_option_rows[0];

struct parser {
    char **first; /* behind the program's name */
    char **left;  /* next argument; NULL-terminated, as argv is */
    struct mwd_ctl_options options;
    uint64_t given; /* one bit an option row */
    struct mwd_buffer *error;
};

/* `got` may be NULL. */
static int fail(struct parser *self, const char *word, const char *sentence, const char *got)
{
    mwd_buffer_printf(self->error, "%s: %s", word, sentence);
    if (got)
        mwd_buffer_printf(self->error, "; got \"%s\"", got);
    return -EINVAL;
}

bool mwd_ctl_is_word(const char *words, const char *text)
{
    size_t size = strlen(text);

    for (const char *at = words; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (size > 0 && strncmp(at, text, size) == 0 && (at[size] == '|' || at[size] == '\0'))
            return true;
    return false;
}

bool mwd_ctl_is_list(const char *argument)
{
    return *argument >= 'a' && *argument <= 'z';
}

unsigned mwd_ctl_files(enum mwd_ctl_verb verb, const char *operand)
{
    if (verb == MWD_CTL_RULES)
        return operand != NULL;
    if (verb == MWD_CTL_SILENCE)
        return operand && strcmp(operand, "undo") == 0;
    if (verb != MWD_CTL_HEAP || !operand)
        return 0;
    return strcmp(operand, "diff") == 0 ? 2 : strcmp(operand, "snapshot") == 0;
}

/* ---- options ---- */

static void *field(struct parser *self, const struct mwd_ctl_option_row *row)
{
    return (char *)&self->options + row->offset;
}

static int set_count(struct parser *self, const struct mwd_ctl_option_row *row, const char *value)
{
    uint64_t count;

    if (mw_units_parse_count(value, &count) < 0 || count < 1 || count > COUNT_MAX)
        return fail(self, row->name, "takes a whole number from 1 to 4194304", value);
    *(uint64_t *)field(self, row) = count;
    return 0;
}

static int set_span(struct parser *self, const struct mwd_ctl_option_row *row, const char *value)
{
    uint64_t ns;

    if (mw_units_parse_span_ns(value, &ns) < 0 || ns < S_NS / 10 || ns > 3600ULL * S_NS)
        return fail(self, row->name, "takes a span from 100ms to 1h, as 5s", value);
    *(uint64_t *)field(self, row) = ns;
    return 0;
}

static int set_text(struct parser *self, const struct mwd_ctl_option_row *row, const char *value)
{
    if (*value == '\0')
        return fail(self, row->name, "takes something that is not empty", NULL);
    if (strchr(row->argument, '|') && !mwd_ctl_is_word(row->argument, value)) {
        mwd_buffer_printf(self->error, "%s: takes %s; got \"%s\"", row->name, row->argument, value);
        return -EINVAL;
    }
    *(const char **)field(self, row) = value;
    return 0;
}

static int add_text(struct parser *self, const struct mwd_ctl_option_row *row, const char *value)
{
    struct mwd_ctl_texts *texts = field(self, row);

    if (texts->count == MWD_CTL_TEXTS_MAX)
        return fail(self, row->name, "may be given 16 times at the most", value);
    texts->items[texts->count++] = value;
    return 0;
}

/* The value behind "=", or the next argument. */
static int find_value(struct parser *self, const struct mwd_ctl_option_row *row, const char **value)
{
    if (*value)
        return 0;
    if (!*self->left || strncmp(*self->left, "--", 2) == 0)
        return fail(self, row->name, "needs a value behind it", NULL);
    *value = *self->left++;
    return 0;
}

static int take_option(struct parser *self, const struct mwd_ctl_option_row *row, const char *value)
{
    int r;

    if (row->type == MWD_CTL_FLAG) {
        if (value)
            return fail(self, row->name, "takes no value", value);
        *(bool *)field(self, row) = true;
        return 0;
    }
    r = find_value(self, row, &value);
    if (r < 0)
        return r;
    if (row->type == MWD_CTL_TEXTS)
        return add_text(self, row, value);
    if (row->type == MWD_CTL_COUNT)
        return set_count(self, row, value);
    return row->type == MWD_CTL_SPAN ? set_span(self, row, value) : set_text(self, row, value);
}

static int find_option(struct parser *self, const char *argument)
{
    size_t size = strcspn(argument, "=");

    for (unsigned i = 0; i < mwd_ctl_option_count; i++) {
        const struct mwd_ctl_option_row *row = &mwd_ctl_option_rows[i];

        if (strlen(row->name) != size || strncmp(row->name, argument, size) != 0)
            continue;
        self->given |= UINT64_C(1) << i;
        return take_option(self, row, argument[size] ? argument + size + 1 : NULL);
    }
    return fail(self, argument, "there is no such option; memwatchctl --help lists them", NULL);
}

/* ---- verbs ---- */

static int fail_verb(struct parser *self, const char *word)
{
    mwd_buffer_printf(self->error, "%s: there is no such verb; it is one of", word);
    for (unsigned i = 0; i < MWD_CTL_VERBS; i++)
        mwd_buffer_printf(self->error, " %s", mwd_ctl_verbs[i].name);
    return -EINVAL;
}

static int take_verb(struct parser *self, const char *word)
{
    for (unsigned i = 0; i < MWD_CTL_VERBS; i++) {
        if (strcmp(mwd_ctl_verbs[i].name, word) == 0) {
            self->options.verb = (enum mwd_ctl_verb)i;
            return 0;
        }
    }
    return fail_verb(self, word);
}

/* "HOST..." */
static bool takes_many(const struct mwd_ctl_verb_row *verb)
{
    size_t size = verb->operand ? strlen(verb->operand) : 0;

    return size > 3 && strcmp(verb->operand + size - 3, "...") == 0;
}

/* To the front of argv, in places of what has been read: so there is room for all of them. */
static int take_word(struct parser *self)
{
    self->options.words = self->first;
    self->first[self->options.word_count++] = self->left[-1];
    return 0;
}

static int take_operand(struct parser *self, const char *word)
{
    const struct mwd_ctl_verb_row *verb = &mwd_ctl_verbs[self->options.verb];

    if (takes_many(verb))
        return take_word(self);
    if (self->options.operand &&
        self->options.file_count < mwd_ctl_files(self->options.verb, self->options.operand)) {
        self->options.files[self->options.file_count++] = word;
        return 0;
    }
    if (verb->operand && strchr(verb->operand, ' ') && self->options.operand &&
        !self->options.second) {
        self->options.second = word;
        return 0;
    }
    if (!verb->operand || self->options.operand)
        return fail(self, word, "there is nothing that this could be; options begin with --", NULL);
    if (mwd_ctl_is_list(verb->operand) && !mwd_ctl_is_word(verb->operand, word)) {
        mwd_buffer_printf(self->error, "%s: takes %s; got \"%s\"", verb->name, verb->operand, word);
        return -EINVAL;
    }
    self->options.operand = word;
    return 0;
}

static int take_arguments(struct parser *self)
{
    bool only_words = false;
    int r = 0;

    while (r == 0 && *self->left) {
        const char *argument = *self->left++;

        if (!only_words && strcmp(argument, "--") == 0)
            only_words = true;
        else if (!only_words && argument[0] == '-' && argument[1] != '\0')
            r = find_option(self, argument);
        else if (self->options.verb == MWD_CTL_VERBS)
            r = take_verb(self, argument);
        else
            r = take_operand(self, argument);
    }
    return r;
}

/* ---- all together ---- */

/* Without a word it shows what is asked for most. */
static bool stands_alone(enum mwd_ctl_verb verb)
{
    return verb == MWD_CTL_HEAP || verb == MWD_CTL_RULES || verb == MWD_CTL_TARGETS;
}

static int check_verb(struct parser *self)
{
    const struct mwd_ctl_verb_row *verb;

    if (self->options.verb == MWD_CTL_VERBS)
        return fail(self, "memwatchctl", "needs a verb, as status; --help lists them", NULL);
    verb = &mwd_ctl_verbs[self->options.verb];
    if (verb->operand && !self->options.operand && !stands_alone(self->options.verb)) {
        mwd_buffer_printf(self->error, "%s: needs %s behind it", verb->name, verb->operand);
        return -EINVAL;
    }
    unsigned files = verb->operand ? mwd_ctl_files(self->options.verb, self->options.operand) : 0;
    if (self->options.file_count < files) {
        mwd_buffer_printf(self->error, "%s %s: needs %u %s%s behind it; got %u", verb->name,
                          self->options.operand, files,
                          self->options.verb == MWD_CTL_SILENCE ? "id" : "file",
                          files == 1 ? "" : "s", self->options.file_count);
        return -EINVAL;
    }
    return 0;
}

static int check_options(struct parser *self)
{
    for (unsigned i = 0; i < mwd_ctl_option_count; i++) {
        const struct mwd_ctl_option_row *row = &mwd_ctl_option_rows[i];

        if ((self->given >> i & 1) && !(row->verbs >> self->options.verb & 1)) {
            mwd_buffer_printf(self->error, "%s: does not go with %s", row->name,
                              mwd_ctl_verbs[self->options.verb].name);
            return -EINVAL;
        }
    }
    if (self->options.socket && self->options.url)
        return fail(self, "--socket", "does not go with --url: one daemon is asked", NULL);
    return 0;
}

int mwd_ctl_parse(int argc, char **argv, struct mwd_buffer *error, struct mwd_ctl_options *ret)
{
    struct parser self = {
        .first = argv + (argc > 0),
        .left = argv + (argc > 0),
        .options = {.verb = MWD_CTL_VERBS,
                    .timeout_ns = 5ULL * S_NS,
                    .interval_ns = S_NS,
                    .limit = UINT64_MAX,
                    .pid = UINT64_MAX,
                    .count = UINT64_MAX,
                    .top = UINT64_MAX},
        .error = error,
    };
    int r = take_arguments(&self);

    if (r == 0 && !self.options.help && !self.options.version)
        r = check_verb(&self);
    if (r == 0 && self.options.verb != MWD_CTL_VERBS)
        r = check_options(&self);
    if (r == 0)
        *ret = self.options;
    return r;
}
