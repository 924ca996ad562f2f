/* A pattern, a NUL, a text. The answer is that of a matcher that tries everything, written the
 * plain recursive way and therefore given small texts only; and a pattern made of the text itself,
 * every character escaped, matches it. */
#include "base/glob.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SMALL = 24 };

static void need(bool truth)
{
    if (!truth)
        abort();
}

/* ASCII without sets and backslashes. */
static bool plain_matches(const char *pattern, const char *text, size_t size)
{
    while (pattern[0] == '*' && pattern[1] == '*') /* each one more would double the work */
        pattern++;
    if (*pattern == '*')
        return plain_matches(pattern + 1, text, size) ||
               (size > 0 && plain_matches(pattern, text + 1, size - 1));
    if (!*pattern || !size)
        return !*pattern && !size;
    return (*pattern == '?' || *pattern == *text) && plain_matches(pattern + 1, text + 1, size - 1);
}

static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80 || strchr("[\\", text[i]))
            return false;
    return size <= SMALL;
}

static void match_itself(const char *text, size_t size)
{
    char pattern[2 * MW_GLOB_MAX + 1];
    size_t put = 0;

    for (size_t at = 0; at < size;) {
        size_t length = mw_utf8_sequence(text + at, size - at);

        pattern[put++] = '\\';
        memcpy(pattern + put, text + at, length ? length : 1);
        put += length ? length : 1;
        at += length ? length : 1;
    }
    pattern[put] = '\0';
    if (put <= MW_GLOB_MAX)
        need(mw_glob_matches(pattern, text, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t pattern_size = strnlen((const char *)data, size);
    char *pattern = strndup((const char *)data, size);
    const char *text = (const char *)data + pattern_size;
    size_t text_size = size - pattern_size;
    bool matches;

    need(pattern != NULL);
    if (text_size > 0) { /* the NUL between them */
        text++;
        text_size--;
    }
    matches = mw_glob_matches(pattern, text, text_size);
    if (is_plain(pattern, pattern_size) && is_plain(text, text_size))
        need(matches == plain_matches(pattern, text, text_size));
    if (!memchr(text, 0, text_size) && text_size <= MW_GLOB_MAX)
        match_itself(text, text_size);
    free(pattern);
    return 0;
}
