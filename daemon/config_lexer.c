/* Words, strings and comments of a configuration file: those that libconfuse reads as people mean
 * them. Where it would read something else, or quietly drop a byte, the token is bad and says why.
 */
#include "daemon/config_internal.h"

#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

static const char not_text[] = "there is a byte in it that is not text";
static const char expands[] =
    "nothing is expanded here: ${ stands in single quotes, or as \\${ in double ones";
static const char open_quote[] = "a quote is not closed on its line";
static const char open_comment[] = "a comment is never closed";
static const char bad_escape[] = "a backslash stands only before \", \\ or $";
static const char appends[] = "a list is given whole: = and not +=";
static const char needs_quotes[] = "this is taken in quotes only";

static void skip_blanks(struct mwd_config_lexer *self)
{
    for (;; self->at++)
        if (*self->at == '\n')
            self->line++;
        else if (*self->at != ' ' && *self->at != '\t' && *self->at != '\r')
            return;
}

static bool is_text(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (iscntrl((unsigned char)bytes[i]))
            return false;
    return mw_utf8_valid(bytes, size);
}

static const char *fault_of_word(const char *bytes, size_t size)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/%@[]~";

    if (strspn(bytes, allowed) >= size)
        return NULL;
    if (!is_text(bytes, size))
        return not_text;
    if (memmem(bytes, size, "${", 2))
        return expands;
    return strncmp(bytes, "+=", 2) == 0 ? appends : needs_quotes;
}

/* A brace belongs to a word only behind a dollar, where the word is refused as a whole. */
static size_t word_size(const char *bytes)
{
    size_t size = strcspn(bytes, " \t\r\n{}=,\"'#");

    if (strncmp(bytes, "+=", 2) == 0)
        return 2;
    if (size && bytes[size - 1] == '$' && bytes[size] == '{')
        size += strcspn(bytes + size, " \t\r\n=,\"'#");
    return size ? size : 1;
}

static void lex_word(struct mwd_config_token *token)
{
    token->size = word_size(token->bytes);
    token->why = fault_of_word(token->bytes, token->size);
    token->kind = token->why ? MWD_TOKEN_BAD : MWD_TOKEN_WORD;
}

/* Bytes of the string up to its closing quote, or up to the end of its line. */
static size_t string_size(const char *bytes, bool *ret_closed)
{
    size_t size = 1;

    while (bytes[size] && bytes[size] != '\n' && bytes[size] != bytes[0])
        size += bytes[size] == '\\' && bytes[size + 1] && bytes[size + 1] != '\n' ? 2 : 1;
    *ret_closed = bytes[size] == bytes[0];
    return size;
}

static const char *fault_of_double_quoted(const char *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (bytes[i] == '$' && bytes[i + 1] == '{')
            return expands;
        if (bytes[i] == '\\' && !strchr("\"\\$", bytes[++i]))
            return bad_escape;
    }
    return NULL;
}

static void lex_string(struct mwd_config_token *token)
{
    bool closed;

    token->size = string_size(token->bytes, &closed);
    if (!closed)
        token->why = open_quote;
    else if (!is_text(token->bytes, token->size))
        token->why = not_text;
    else if (*token->bytes == '"')
        token->why = fault_of_double_quoted(token->bytes + 1, token->size - 1);
    token->size += closed;
    token->kind = token->why ? MWD_TOKEN_BAD : MWD_TOKEN_STRING;
}

static void lex_block_comment(struct mwd_config_lexer *self, struct mwd_config_token *token)
{
    char *end = strstr(token->bytes + 2, "*/");

    token->kind = end ? MWD_TOKEN_COMMENT : MWD_TOKEN_BAD;
    token->why = end ? NULL : open_comment;
    token->size = end ? (size_t)(end + 2 - token->bytes) : strlen(token->bytes);
    for (size_t i = 0; i < token->size; i++)
        self->line += token->bytes[i] == '\n';
}

void mwd_config_lex(struct mwd_config_lexer *self, struct mwd_config_token *ret)
{
    skip_blanks(self);
    *ret = (struct mwd_config_token){.bytes = self->at, .line = self->line};
    if (*self->at == '\0') {
        ret->kind = MWD_TOKEN_END;
    } else if (*self->at == '#' || strncmp(self->at, "//", 2) == 0) {
        ret->kind = MWD_TOKEN_COMMENT;
        ret->size = strcspn(self->at, "\n");
    } else if (strncmp(self->at, "/*", 2) == 0) {
        lex_block_comment(self, ret);
    } else if (strchr("{}=,", *self->at)) {
        ret->kind = MWD_TOKEN_PUNCTUATION;
        ret->size = 1;
    } else if (*self->at == '"' || *self->at == '\'') {
        lex_string(ret);
    } else {
        lex_word(ret);
    }
    self->at += ret->size;
}

void mwd_config_blank(char *from, const char *to)
{
    for (; from < to; from++)
        if (*from != '\n')
            *from = ' ';
}
