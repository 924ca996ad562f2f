/* The second pass in front of libconfuse: config_guard.c says why. */
#include "daemon/config_internal.h"

#include <string.h>

struct reader {
    struct mwd_config_loader *loader;
    const char *source;
    struct mwd_config_span *spans;
    struct mwd_config_lexer lexer;
};

struct statement {
    struct mwd_config_token key;
    const char *end;
    bool equals;     /* = follows the key */
    bool has_value;  /* and behind it stands something that a value could begin with */
    bool braced;     /* { is what it begins with */
    bool never_ends; /* without a } */
};

static bool is_mark(const struct mwd_config_token *token, char mark)
{
    return token->kind == MWD_TOKEN_PUNCTUATION && *token->bytes == mark;
}

/* Is this token a key, by what follows it, so that what came before must have ended? */
static bool begins_statement(const struct reader *self, const struct mwd_config_token *token)
{
    struct mwd_config_lexer ahead = self->lexer;
    struct mwd_config_token next;

    if (token->kind != MWD_TOKEN_WORD)
        return false;
    mwd_config_lex(&ahead, &next);
    return is_mark(&next, '=') || is_mark(&next, '{');
}

/* Goes behind the } that closes a list or a block. A list that is never closed ends where the next
 * key begins, so that one missing brace is one error. */
static bool skip_braces(struct reader *self, bool list)
{
    struct mwd_config_token token;

    for (unsigned depth = 1; depth;) {
        struct mwd_config_lexer before = self->lexer;

        mwd_config_lex(&self->lexer, &token);
        if (token.kind == MWD_TOKEN_END || (list && begins_statement(self, &token))) {
            self->lexer = before;
            return false;
        }
        depth += is_mark(&token, '{');
        depth -= is_mark(&token, '}');
    }
    return true;
}

static void read_value(struct reader *self, struct statement *statement)
{
    struct mwd_config_lexer before = self->lexer;
    struct mwd_config_token token;

    mwd_config_lex(&self->lexer, &token);
    statement->braced = is_mark(&token, '{');
    statement->has_value = statement->braced || token.kind == MWD_TOKEN_STRING ||
                           token.kind == MWD_TOKEN_BAD ||
                           (token.kind == MWD_TOKEN_WORD && !begins_statement(self, &token));
    if (!statement->has_value)
        self->lexer = before;
}

static void read_statement(struct reader *self, struct statement *statement)
{
    struct mwd_config_lexer before = self->lexer;
    struct mwd_config_token token;

    mwd_config_lex(&self->lexer, &token);
    statement->equals = is_mark(&token, '=');
    if (statement->equals)
        read_value(self, statement);
    else if (is_mark(&token, '{'))
        statement->braced = true;
    else
        self->lexer = before;
    if (statement->braced)
        statement->never_ends = !skip_braces(self, statement->equals);
    statement->end = self->lexer.at;
}

static void fail_unknown(const struct reader *self, const struct statement *statement)
{
    const struct mwd_config_token *key = &statement->key;
    uint32_t nearest = mwd_config_nearest(key->bytes, key->size);
    struct mwd_buffer *error = mwd_config_fail(self->loader, self->source, key, key->line);

    if (!error)
        return;
    mwd_buffer_puts(error, "no such key");
    if (nearest < MWD_CONFIG_KEYS)
        mwd_buffer_printf(error, "; did you mean %s?", mwd_config_keys[nearest].name);
    else if (!statement->equals && !statement->braced)
        mwd_buffer_puts(error, " (a value that has blanks in it stands in quotes)");
}

/* What is wrong with the statement of a known key, or NULL. */
static const char *fault_of(const struct statement *statement, const struct mwd_key_info *info)
{
    if (!statement->equals)
        return "needs = and a value";
    if (!statement->has_value)
        return "needs a value";
    if (statement->never_ends)
        return "its { is never closed";
    return statement->braced && info->type != MWD_KEY_LIST ? "takes one value and not a list"
                                                           : NULL;
}

static bool accept(struct reader *self, const struct statement *statement)
{
    const struct mwd_config_token *name = &statement->key;
    uint32_t key = mwd_config_find(name->bytes, name->size);
    const char *fault;
    struct mwd_buffer *error;

    if (key == MWD_CONFIG_KEYS) {
        fail_unknown(self, statement);
        return false;
    }
    fault = fault_of(statement, &mwd_config_keys[key]);
    if (!fault && !self->spans[key].line) {
        self->spans[key] =
            (struct mwd_config_span){name->bytes, statement->end, name->line, self->lexer.line};
        return true;
    }
    self->loader->bad[key] = true;
    error = mwd_config_fail(self->loader, self->source, name, name->line);
    if (error && fault)
        mwd_buffer_printf(error, "%s; it takes %s", fault, mwd_config_keys[key].takes);
    else if (error)
        mwd_buffer_printf(error, "was given in line %u already", (unsigned)self->spans[key].line);
    return false;
}

/* False at the end. Stray punctuation is passed over, it is libconfuse's. */
static bool next_statement(struct reader *self, struct statement *ret)
{
    *ret = (struct statement){.equals = false};
    do
        mwd_config_lex(&self->lexer, &ret->key);
    while (ret->key.kind == MWD_TOKEN_PUNCTUATION);
    if (ret->key.kind == MWD_TOKEN_END)
        return false;
    read_statement(self, ret);
    return true;
}

void mwd_config_clean_statements(struct mwd_config_loader *loader, const char *source, char *text,
                                 struct mwd_config_span ret_spans[MWD_CONFIG_KEYS])
{
    struct reader self = {loader, source, ret_spans, mwd_config_lexer_over(text)};
    struct statement statement;

    memset(ret_spans, 0, MWD_CONFIG_KEYS * sizeof *ret_spans);
    /* What is not a word by now is a mark of the first pass: reported already. */
    while (next_statement(&self, &statement))
        if (statement.key.kind != MWD_TOKEN_WORD || !accept(&self, &statement))
            mwd_config_blank(statement.key.bytes, statement.end);
}

/* Blanks what is left of a line. False when that was nothing. */
static bool drop_rest(char *text, uint32_t line)
{
    size_t size;

    while (text && --line)
        text = (text = strchr(text, '\n')) ? text + 1 : NULL;
    size = text ? strcspn(text, "\n") : 0;
    if (!size || strspn(text, " \t\r") >= size)
        return false;
    memset(text, ' ', size);
    return true;
}

/* It goes by what clean_statements() found: with something taken out, the same text could be read
 * as other statements than before. */
bool mwd_config_drop_line(struct mwd_config_loader *loader, char *text, uint32_t line,
                          struct mwd_config_span spans[MWD_CONFIG_KEYS])
{
    bool dropped = false;

    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++) {
        if (!spans[key].line || spans[key].line > line || spans[key].last_line < line)
            continue;
        mwd_config_blank(spans[key].begin, spans[key].end);
        spans[key].line = 0;
        loader->bad[key] = true;
        dropped = true;
    }
    return drop_rest(text, line) || dropped;
}
