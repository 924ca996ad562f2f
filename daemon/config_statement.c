/* The second pass in front of libconfuse: config_guard.c says why. */
#include "daemon/config_internal.h"

#include <string.h>

struct reader {
    struct mwd_config_loader *loader;
    const char *source;
    struct mwd_config_spans *spans;
    struct mwd_config_lexer lexer;
    uint32_t block; /* in which it is */
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

/* About the key of a statement, where it stands. */
static struct mwd_buffer *fail(const struct reader *self, const struct mwd_config_token *key)
{
    return mwd_config_fail(self->loader, self->source, self->block, key, key->line);
}

/* The name of what was probably meant, or NULL. */
static const char *guess(const struct reader *self, const struct statement *statement)
{
    const struct mwd_config_token *name = &statement->key;
    uint32_t key = mwd_config_nearest(self->block, name->bytes, name->size);
    uint32_t block = MWD_CONFIG_BLOCKS;

    if (self->block == MWD_CONFIG_BLOCKS && statement->braced && !statement->equals)
        block = mwd_config_nearest_block(name->bytes, name->size);
    if (block < MWD_CONFIG_BLOCKS)
        return mwd_config_blocks[block];
    return key < MWD_CONFIG_KEYS ? mwd_config_keys[key].name : NULL;
}

static void fail_unknown(const struct reader *self, const struct statement *statement)
{
    const struct mwd_config_token *name = &statement->key;
    uint32_t dotted = mwd_config_find(name->bytes, name->size);
    const char *meant = guess(self, statement);
    struct mwd_buffer *error = fail(self, name);

    if (!error)
        return;
    if (self->block == MWD_CONFIG_BLOCKS && dotted < MWD_CONFIG_KEYS) {
        mwd_buffer_printf(error, "stands in its block: %s { %s = ... }",
                          mwd_config_blocks[mwd_config_block_of(dotted)],
                          mwd_config_short_name(dotted));
        return;
    }
    if (mwd_config_titled_kind(name->bytes, name->size) < MWD_TITLED_KINDS) {
        mwd_buffer_printf(error, "is a block with a title: %.*s \"NAME\" { ... }", (int)name->size,
                          name->bytes);
        return;
    }
    mwd_buffer_puts(error, "no such key");
    if (meant)
        mwd_buffer_printf(error, "; did you mean %s?", meant);
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
    uint32_t key = mwd_config_find_in(self->block, name->bytes, name->size);
    struct mwd_config_span *span;
    const char *fault;
    struct mwd_buffer *error;

    if (key == MWD_CONFIG_KEYS) {
        fail_unknown(self, statement);
        return false;
    }
    fault = fault_of(statement, &mwd_config_keys[key]);
    span = &self->spans->keys[key];
    if (!fault && !span->line) {
        *span = (struct mwd_config_span){name->bytes, statement->end, name->line, self->lexer.line};
        return true;
    }
    self->loader->bad[key] = true;
    error = fail(self, name);
    if (error && fault)
        mwd_buffer_printf(error, "%s; it takes %s", fault, mwd_config_keys[key].takes);
    else if (error)
        mwd_buffer_printf(error, "was given in line %u already", (unsigned)span->line);
    return false;
}

/* ---- blocks ---- */

static void mark_bad(struct mwd_config_loader *loader, uint32_t block)
{
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++)
        loader->bad[key] |= mwd_config_block_of(key) == block;
}

/* Back to behind the { of a block that is never closed, and from there to the first statement that
 * can only stand outside, so that one missing brace is one error. */
static void skip_open_block(struct reader *self, struct statement *statement, uint32_t block)
{
    struct mwd_config_lexer before;
    struct mwd_config_token token;
    bool inside = true;

    self->lexer =
        (struct mwd_config_lexer){statement->key.bytes + statement->key.size, statement->key.line};
    mwd_config_lex(&self->lexer, &token); /* { */
    while (inside) {
        before = self->lexer;
        mwd_config_lex(&self->lexer, &token);
        inside = token.kind != MWD_TOKEN_END;
        if (begins_statement(self, &token))
            inside = mwd_config_find_in(block, token.bytes, token.size) < MWD_CONFIG_KEYS ||
                     (mwd_config_find_in(MWD_CONFIG_BLOCKS, token.bytes, token.size) ==
                          MWD_CONFIG_KEYS &&
                      mwd_config_find_block(token.bytes, token.size) == MWD_CONFIG_BLOCKS);
    }
    self->lexer = before;
    statement->end = before.at;
}

static bool accept_block(struct reader *self, struct statement *statement, uint32_t block)
{
    const struct mwd_config_token *name = &statement->key;
    struct mwd_config_span *span = &self->spans->blocks[block];
    bool is_block = statement->braced && !statement->equals;
    struct mwd_buffer *error;

    if (is_block && !statement->never_ends && !span->line) {
        *span = (struct mwd_config_span){name->bytes, statement->end, name->line, self->lexer.line};
        return true;
    }
    mark_bad(self->loader, block);
    error = fail(self, name);
    if (error && !is_block)
        mwd_buffer_printf(error, "is a block of keys and takes no value: %s { ... }",
                          mwd_config_blocks[block]);
    else if (error && statement->never_ends)
        mwd_buffer_puts(error, "its { is never closed");
    else if (error)
        mwd_buffer_printf(error, "was given in line %u already", (unsigned)span->line);
    if (is_block && statement->never_ends)
        skip_open_block(self, statement, block);
    return false;
}

/* Keys are expected there and nothing else; what libconfuse would say of it is of no help. */
static void fail_mark(const struct reader *self, const struct mwd_config_token *token)
{
    static const struct mwd_config_token none = {.bytes = NULL};
    struct mwd_buffer *error =
        mwd_config_fail(self->loader, self->source, self->block, &none, token->line);

    if (error)
        mwd_buffer_printf(error, "a key is expected in it; got %c", *token->bytes);
}

static void clean_statement(struct reader *self, struct statement *statement);

/* All between the braces of a block, whose last byte is the closing one. */
static void clean_block(struct reader *self, const struct statement *block)
{
    struct mwd_config_lexer behind = self->lexer;
    struct mwd_config_token token;

    self->lexer = (struct mwd_config_lexer){block->key.bytes + block->key.size, block->key.line};
    self->block = mwd_config_find_block(block->key.bytes, block->key.size);
    mwd_config_lex(&self->lexer, &token); /* { */
    for (mwd_config_lex(&self->lexer, &token); token.bytes < block->end - 1;
         mwd_config_lex(&self->lexer, &token)) {
        struct statement statement = {.key = token, .end = token.bytes + token.size};

        if (token.kind == MWD_TOKEN_PUNCTUATION) {
            fail_mark(self, &token);
            mwd_config_blank(token.bytes, statement.end);
            continue;
        }
        read_statement(self, &statement);
        clean_statement(self, &statement);
    }
    self->block = MWD_CONFIG_BLOCKS;
    self->lexer = behind;
}

/* ---- all ---- */

/* What is not a word by now is a mark of the first pass: reported already. */
static void clean_statement(struct reader *self, struct statement *statement)
{
    const struct mwd_config_token *name = &statement->key;
    bool is_word = name->kind == MWD_TOKEN_WORD;
    uint32_t block = MWD_CONFIG_BLOCKS;
    bool good;

    if (is_word && self->block == MWD_CONFIG_BLOCKS)
        block = mwd_config_find_block(name->bytes, name->size);
    if (block < MWD_CONFIG_BLOCKS)
        good = accept_block(self, statement, block);
    else
        good = is_word && accept(self, statement);
    if (!good)
        mwd_config_blank(name->bytes, statement->end);
    else if (block < MWD_CONFIG_BLOCKS)
        clean_block(self, statement);
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
                                 struct mwd_config_spans *ret_spans)
{
    struct reader self = {loader, source, ret_spans, mwd_config_lexer_over(text),
                          MWD_CONFIG_BLOCKS};
    struct statement statement;

    memset(ret_spans, 0, sizeof *ret_spans);
    while (next_statement(&self, &statement))
        clean_statement(&self, &statement);
}

/* ---- what libconfuse refused ---- */

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

static void drop_span(struct mwd_config_span *span)
{
    mwd_config_blank(span->begin, span->end);
    span->line = 0;
}

/* A block goes whole with one of its braces: without it the rest would be read as something else.
 */
static bool drop_block(struct mwd_config_loader *loader, uint32_t block, uint32_t line,
                       struct mwd_config_spans *spans)
{
    struct mwd_config_span *span = &spans->blocks[block];

    if (!span->line || (span->line != line && span->last_line != line))
        return false;
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++)
        if (mwd_config_block_of(key) == block)
            spans->keys[key].line = 0;
    mark_bad(loader, block);
    drop_span(span);
    return true;
}

/* It goes by what clean_statements() found: with something taken out, the same text could be read
 * as other statements than before. */
bool mwd_config_drop_line(struct mwd_config_loader *loader, char *text, uint32_t line,
                          struct mwd_config_spans *spans)
{
    bool dropped = false;

    for (uint32_t block = 0; block < MWD_CONFIG_BLOCKS; block++)
        dropped |= drop_block(loader, block, line, spans);
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++) {
        struct mwd_config_span *span = &spans->keys[key];

        if (!span->line || span->line > line || span->last_line < line)
            continue;
        drop_span(span);
        loader->bad[key] = true;
        dropped = true;
    }
    return drop_rest(text, line) || dropped;
}
