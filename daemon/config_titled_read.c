/* Titled blocks in a text: alert "NAME" { key = value ... }.
 *
 * They are read here, and blanked before the guard and libconfuse see the text. Of what libconfuse
 * could do for them only the traps would be left: a title that comes again in a second file is an
 * error to it, it stops at the first unknown key, and it would have to read the text anew for each
 * mistake in each of 256 blocks. The words, strings and comments are those of config_lexer.c, so a
 * value means the same as anywhere else in the file.
 *
 * A block is recognised by its shape, WORD "TITLE" {, at whatever depth: where a brace before it
 * was never closed, that is one error and not one for each block behind it.
 */
#include "daemon/config_internal.h"
#include "daemon/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct mwd_config_loader *loader;
    const char *source;
    struct mwd_config_lexer lexer;
    enum mwd_titled_kind kind;
    struct mwd_titled *block; /* NULL: it has no place to go to, and is read for its errors alone */
    char title[2 * MWD_CONFIG_TITLE_MAX];
    char *room; /* for the texts of one value; no text is longer than what it was written as */
    char *room_at;
    int result;
};

static void next(struct reader *self, struct mwd_config_token *ret)
{
    do
        mwd_config_lex(&self->lexer, ret);
    while (ret->kind == MWD_TOKEN_COMMENT);
}

static bool is_mark(const struct mwd_config_token *token, char mark)
{
    return token->kind == MWD_TOKEN_PUNCTUATION && *token->bytes == mark;
}

static bool is_text(const struct mwd_config_token *token)
{
    return token->kind == MWD_TOKEN_STRING || token->kind == MWD_TOKEN_WORD;
}

/* ---- errors ---- */

/* About a key of the block, or with MWD_TITLED_KEYS about the block. */
static struct mwd_buffer *fail(struct reader *self, uint32_t key, uint32_t line)
{
    char where[MWD_CONFIG_WHERE_SIZE];
    struct mwd_config_place place = {self->source, line, where};

    if (self->block)
        self->block->bad = true;
    mwd_config_titled_where(self->kind, self->title, key, where);
    return mwd_config_errors_add(&self->loader->errors, &place);
}

static void put_token(struct mwd_buffer *error, const struct mwd_config_token *token)
{
    size_t line = strcspn(token->bytes, "\r\n");

    if (token->kind == MWD_TOKEN_END) {
        mwd_buffer_puts(error, "the end of the file");
        return;
    }
    mwd_config_put_clean(error, token->bytes, line < token->size ? line : token->size,
                         MWD_CONFIG_SHOWN_MAX);
}

static bool fail_token(struct reader *self, uint32_t key, const struct mwd_config_token *token,
                       const char *sentence)
{
    struct mwd_buffer *error = fail(self, key, token->line);

    if (error) {
        mwd_buffer_printf(error, "%s; got ", token->kind == MWD_TOKEN_BAD ? token->why : sentence);
        put_token(error, token);
    }
    return false;
}

/* A key that is not known was told of already. */
static bool fail_needs(struct reader *self, uint32_t key, uint32_t line, const char *sentence)
{
    struct mwd_buffer *error = key < MWD_TITLED_KEYS ? fail(self, key, line) : NULL;

    if (error)
        mwd_buffer_printf(error, "%s; it takes %s", sentence, mwd_config_titled_keys[key].takes);
    return false;
}

static void fail_open(struct reader *self, uint32_t line)
{
    struct mwd_buffer *error = fail(self, MWD_TITLED_KEYS, line);

    if (error)
        mwd_buffer_puts(error, "its { is never closed");
}

static void fail_unknown(struct reader *self, const struct mwd_config_token *name)
{
    const char *meant = mwd_config_titled_nearest(self->kind, name->bytes, name->size);
    struct mwd_buffer *error = fail(self, MWD_TITLED_KEYS, name->line);

    if (!error)
        return;
    mwd_buffer_puts(error, "no such key: ");
    put_token(error, name);
    if (meant)
        mwd_buffer_printf(error, "; did you mean %s?", meant);
}

/* ---- values ---- */

/* The text of a word or a string, without its quotes. Behind a backslash stands what
 * config_lexer.c let through. */
static const char *text_of(struct reader *self, const struct mwd_config_token *token)
{
    const char *at = token->bytes, *end = token->bytes + token->size;
    char *text = self->room_at, *to = text;
    char quote = 0;

    if (token->kind == MWD_TOKEN_STRING) {
        quote = *at++;
        end--;
    }
    while (at < end) {
        bool escaped =
            *at == '\\' && at + 1 < end && (quote == '"' || (quote && strchr("'\\", at[1])));

        at += escaped;
        *to++ = *at++;
    }
    *to = '\0';
    self->room_at = to + 1;
    return text;
}

static void add(struct reader *self, const struct mwd_config_token *token,
                struct mwd_config_given *given)
{
    if (given->count < MWD_CONFIG_LIST_MAX)
        given->items[given->count] = (struct mwd_config_item){text_of(self, token), token->line};
    given->count++;
}

/* By what follows it: then what came before must have ended. */
static bool begins_key(const struct reader *self, const struct mwd_config_token *token)
{
    struct reader ahead = *self;
    struct mwd_config_token follows;

    if (token->kind != MWD_TOKEN_WORD)
        return false;
    next(&ahead, &follows);
    return is_mark(&follows, '=');
}

/* Behind the { of a list. One that is never closed ends where the next key, or the block, does. */
static bool read_list(struct reader *self, struct mwd_config_given *given)
{
    struct mwd_config_token token;
    bool good = true, comma = true;

    for (;;) {
        struct mwd_config_lexer before = self->lexer;

        next(self, &token);
        if (is_mark(&token, '}'))
            return good;
        if (token.kind == MWD_TOKEN_END || is_mark(&token, '{') || is_mark(&token, '=') ||
            begins_key(self, &token)) {
            self->lexer = before;
            return fail_needs(self, given->key, given->place.line, "its { is never closed");
        }
        if (good && !is_mark(&token, ',') && (!is_text(&token) || !comma))
            good = fail_token(self, given->key, &token,
                              comma ? "a text is expected" : "a comma is expected");
        if (good && is_text(&token))
            add(self, &token, given);
        comma = is_mark(&token, ',');
    }
}

/* Behind the name of a key. */
static bool read_value(struct reader *self, struct mwd_config_given *given, bool *ret_braced)
{
    struct mwd_config_lexer before = self->lexer;
    struct mwd_config_token token;

    *ret_braced = false;
    next(self, &token);
    if (token.kind == MWD_TOKEN_BAD)
        return fail_token(self, given->key, &token, "");
    if (!is_mark(&token, '=')) {
        if (!is_text(&token) || begins_key(self, &token))
            self->lexer = before;
        return fail_needs(self, given->key, given->place.line, "needs = and a value");
    }
    before = self->lexer;
    next(self, &token);
    *ret_braced = is_mark(&token, '{');
    if (*ret_braced)
        return read_list(self, given);
    if (token.kind == MWD_TOKEN_BAD)
        return fail_token(self, given->key, &token, "");
    if (!is_text(&token) || begins_key(self, &token)) {
        self->lexer = before;
        return fail_needs(self, given->key, given->place.line, "needs a value");
    }
    add(self, &token, given);
    return true;
}

/* ---- keys ---- */

static void take(struct reader *self, const struct mwd_config_given *given, bool braced)
{
    const struct mwd_titled_value *before = self->block->values[given->key];
    struct mwd_buffer *error;

    if (braced && mwd_config_titled_keys[given->key].type != MWD_KEY_LIST) {
        fail_needs(self, given->key, given->place.line, "takes one value and not a list");
        return;
    }
    if (before && before->source == self->loader->source) {
        error = fail(self, given->key, given->place.line);
        if (error)
            mwd_buffer_printf(error, "was given in line %u already", (unsigned)before->line);
        return;
    }
    self->result = mwd_config_titled_put(self->loader, self->block, given);
}

static void read_key(struct reader *self, const struct mwd_config_token *name)
{
    char where[MWD_CONFIG_WHERE_SIZE];
    struct mwd_config_given given = {.place = {self->source, name->line, where}};
    bool braced, good;

    if (name->kind != MWD_TOKEN_WORD) {
        fail_token(self, MWD_TITLED_KEYS, name, "a key is expected in it");
        return;
    }
    given.key = mwd_config_titled_find(self->kind, name->bytes, name->size);
    mwd_config_titled_where(self->kind, self->title, given.key, where);
    self->room_at = self->room;
    if (given.key == MWD_TITLED_KEYS)
        fail_unknown(self, name);
    good = read_value(self, &given, &braced);
    if (good && given.key < MWD_TITLED_KEYS && self->block)
        take(self, &given, braced);
}

/* ---- blocks ---- */

/* Does WORD "TITLE" { begin here? A title without quotes is one only behind a word that is known:
 * elsewhere that is a value and what comes next. */
static bool begins_block(const struct reader *self, const struct mwd_config_token *word,
                         struct mwd_config_token *ret_title)
{
    struct reader ahead = *self;
    struct mwd_config_token brace;
    bool known;

    if (word->kind != MWD_TOKEN_WORD)
        return false;
    known = mwd_config_titled_kind(word->bytes, word->size) < MWD_TITLED_KINDS;
    next(&ahead, ret_title);
    next(&ahead, &brace);
    return is_mark(&brace, '{') &&
           (ret_title->kind == MWD_TOKEN_STRING || (known && is_text(ret_title)) ||
            (known && ret_title->kind == MWD_TOKEN_BAD));
}

static void read_keys(struct reader *self, uint32_t line)
{
    struct mwd_config_token token, title;

    while (self->result == 0) {
        struct mwd_config_lexer before = self->lexer;

        next(self, &token);
        if (is_mark(&token, '}'))
            return;
        if (token.kind == MWD_TOKEN_END || begins_block(self, &token, &title)) {
            self->lexer = before;
            fail_open(self, line);
            return;
        }
        read_key(self, &token);
    }
}

static void open_block(struct reader *self, uint32_t line)
{
    struct mwd_config_place place = {self->source, line, NULL};
    struct mwd_titled *block = NULL;
    struct mwd_buffer *error;
    int r = mwd_config_titled_open(self->loader, self->kind, self->title, &place, &block);

    self->block = NULL;
    if (r == -EEXIST) {
        error = fail(self, MWD_TITLED_KEYS, line);
        if (error)
            mwd_buffer_printf(error, "was given in line %u already", (unsigned)block->line);
    } else if (r == -E2BIG && !self->loader->too_many[self->kind]) {
        error = fail(self, MWD_TITLED_KEYS, line);
        if (error)
            mwd_buffer_printf(error, "is one too many: there are at most %d of them",
                              (int)mwd_config_titled_max[self->kind]);
        self->loader->too_many[self->kind] = true;
    } else if (r == 0) {
        self->block = block;
    }
    if (r == -ENOMEM)
        self->result = r;
}

/* A title that is none is told, and shown as far as it goes. */
static void read_title(struct reader *self, const struct mwd_config_token *title)
{
    const char *text;
    size_t size;

    self->block = NULL;
    self->title[0] = '\0';
    if (title->kind == MWD_TOKEN_BAD) {
        fail_token(self, MWD_TITLED_KEYS, title, "");
        return;
    }
    self->room_at = self->room;
    text = text_of(self, title);
    size = strlen(text);
    if (size < 1 || size > MWD_CONFIG_TITLE_MAX) {
        fail_token(self, MWD_TITLED_KEYS, title, "takes a name of 1 to 64 bytes");
        return;
    }
    memcpy(self->title, text, size + 1);
    open_block(self, title->line);
}

static void read_block(struct reader *self, const struct mwd_config_token *word)
{
    struct mwd_config_token title, brace;

    self->kind = (enum mwd_titled_kind)mwd_config_titled_kind(word->bytes, word->size);
    next(self, &title);
    next(self, &brace);
    read_title(self, &title);
    read_keys(self, word->line);
}

/* ---- blocks of words that are not known ---- */

static void fail_word(struct reader *self, const struct mwd_config_token *word)
{
    struct mwd_nearest nearest = {NULL, 0};
    struct mwd_config_place place = {self->source, word->line, NULL};
    struct mwd_buffer *error = mwd_config_errors_add(&self->loader->errors, &place);

    if (!error)
        return;
    for (uint32_t kind = 0; kind < MWD_TITLED_KINDS; kind++)
        mwd_nearest_offer(&nearest, word->bytes, word->size, mwd_config_titled_words[kind]);
    put_token(error, word);
    if (mwd_config_find_block(word->bytes, word->size) < MWD_CONFIG_BLOCKS)
        mwd_buffer_printf(error, ": is a block without a title: %.*s { ... }", (int)word->size,
                          word->bytes);
    else
        mwd_buffer_puts(error, ": no such block");
    if (nearest.name)
        mwd_buffer_printf(error, "; did you mean %s?", nearest.name);
}

/* Up to its closing brace, or to the next block that can be told. */
static void skip_block(struct reader *self, const struct mwd_config_token *word)
{
    struct mwd_config_token token, title;

    fail_word(self, word);
    next(self, &token); /* the title */
    next(self, &token); /* { */
    for (unsigned depth = 1; depth;) {
        struct mwd_config_lexer before = self->lexer;

        next(self, &token);
        if (token.kind == MWD_TOKEN_END || begins_block(self, &token, &title)) {
            self->lexer = before;
            return;
        }
        depth += is_mark(&token, '{');
        depth -= is_mark(&token, '}');
    }
}

int mwd_config_take_titled(struct mwd_config_loader *loader, const char *source, char *text)
{
    struct reader self = {.loader = loader, .source = source, .lexer = mwd_config_lexer_over(text)};
    struct mwd_config_token token, title;
    bool is_value = false; /* a word behind = is no key */

    self.room = malloc(strlen(text) + 2);
    if (!self.room)
        return -ENOMEM;
    next(&self, &token);
    while (token.kind != MWD_TOKEN_END && self.result == 0) {
        if (!is_value && begins_block(&self, &token, &title)) {
            if (mwd_config_titled_kind(token.bytes, token.size) < MWD_TITLED_KINDS)
                read_block(&self, &token);
            else
                skip_block(&self, &token);
            mwd_config_blank(token.bytes, self.lexer.at);
        }
        is_value = is_mark(&token, '=');
        next(&self, &token);
    }
    free(self.room);
    return self.result;
}
