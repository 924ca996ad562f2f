/* What libconfuse must not see.
 *
 * libconfuse 3.3 reads blocks and lists well, but seven things about it would hurt whoever edits
 * the file in a hurry. Each was tried, and each has a test:
 *
 *  - A comment adds two to its line numbers, so every later message names a wrong line.
 *  - ${NAME} becomes the environment's value, outside of quotes too: a secret could end up in a
 *    message, and a changed environment would change what the file says.
 *  - A comment or, where a key is expected, a quote that is never closed takes the rest of the file
 *    with it, and the parse succeeds.
 *  - A string may go over lines, so a missing quote shows up as an error far below.
 *  - Bytes outside of quotes that it has no use for, as * or +, are left out without a word, and so
 *    is what follows \0 in a string.
 *  - It stops at the first unknown key.
 *  - A key that is given twice counts the second time, and += adds to it.
 *
 * So text goes through two passes first. The first one goes by tokens: it blanks comments, and
 * puts a mark in place of what would be misread. The second one goes by statements: it blanks those
 * whose key is unknown, was given already, or has no value that it could have, and blocks that are
 * never closed or stand there twice. Both keep line ends where they are. What is left for
 * libconfuse to refuse is the inside of lists and stray punctuation; config_text.c takes out what
 * stands on such a line and parses again.
 */
#include "daemon/config_internal.h"

#include <string.h>

struct state {
    struct mwd_config_token word; /* the last one that may be a key, or no bytes */
    struct mwd_config_token key;  /* the one whose value is being read, or no bytes */
    uint32_t block;               /* the one in whose braces all this stands */
    unsigned depth;
    bool value; /* one is expected, outside of braces */
};

/* Within a known block keys are expected, as outside; its braces do not count as depth. */
static bool moves_block(struct state *state, char mark)
{
    bool outside = state->block == MWD_CONFIG_BLOCKS;

    if (state->depth || mark != (outside ? '{' : '}'))
        return false;
    if (!outside)
        state->block = MWD_CONFIG_BLOCKS;
    else if (!state->value && state->word.bytes)
        state->block = mwd_config_find_block(state->word.bytes, state->word.size);
    return !outside || state->block < MWD_CONFIG_BLOCKS;
}

static void see_punctuation(struct state *state, char mark)
{
    if (moves_block(state, mark)) {
        state->key.bytes = state->word.bytes = NULL;
        state->value = false;
        return;
    }
    if (mark == '{')
        state->depth++;
    else if (mark == '}' && state->depth)
        state->depth--;
    else if (mark == '=' && !state->depth)
        state->key = state->word;
    state->value = mark == '=' && !state->depth;
    if (mark == '}' && !state->depth)
        state->key.bytes = NULL;
}

static void see_word(struct state *state, const struct mwd_config_token *token)
{
    state->word = *token;
    if (state->depth || state->value || token->kind != MWD_TOKEN_WORD)
        state->word.bytes = NULL;
    if (!state->depth)
        state->key.bytes = NULL;
    state->value = false;
}

static size_t first_line(const struct mwd_config_token *token)
{
    size_t size = strcspn(token->bytes, "\r\n");

    return size < token->size ? size : token->size;
}

/* A mark that libconfuse takes for a word; nothing else can bring that byte into the text. */
static void poison(struct mwd_config_loader *loader, const char *source, const struct state *state,
                   const struct mwd_config_token *token)
{
    struct mwd_buffer *error =
        mwd_config_fail(loader, source, state->block, &state->key, token->line);
    bool is_equal;

    if (error) {
        mwd_buffer_puts(error, token->why);
        mwd_buffer_puts(error, "; got ");
        mwd_config_put_clean(error, token->bytes, first_line(token), MWD_CONFIG_SHOWN_MAX);
    }
    /* += was meant as an equal sign; what follows it may be wrong too and should be seen. */
    is_equal = strncmp(token->bytes, "+=", 2) == 0;
    mwd_config_blank(token->bytes, token->bytes + token->size);
    *token->bytes = MWD_CONFIG_MARK;
    if (is_equal)
        *token->bytes = '=';
}

void mwd_config_clean_tokens(struct mwd_config_loader *loader, const char *source, char *text)
{
    struct mwd_config_lexer lexer = mwd_config_lexer_over(text);
    struct state state = {.block = MWD_CONFIG_BLOCKS};
    struct mwd_config_token token;

    do {
        mwd_config_lex(&lexer, &token);
        if (token.kind == MWD_TOKEN_STRING && !state.depth && !state.value) {
            token.kind = MWD_TOKEN_BAD;
            token.why = "a key is expected, without quotes";
        }
        if (token.kind == MWD_TOKEN_COMMENT)
            mwd_config_blank(token.bytes, token.bytes + token.size);
        else if (token.kind == MWD_TOKEN_PUNCTUATION)
            see_punctuation(&state, *token.bytes);
        else if (token.kind == MWD_TOKEN_BAD)
            poison(loader, source, &state, &token);
        if (token.kind != MWD_TOKEN_COMMENT && token.kind != MWD_TOKEN_PUNCTUATION)
            see_word(&state, &token);
    } while (token.kind != MWD_TOKEN_END);
}
