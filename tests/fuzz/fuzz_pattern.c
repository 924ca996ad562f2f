/* A pattern, a line end, and a text. What is refused has a place within the pattern; what is found
 * stands within the text; and a pattern that is found goes on being found when it is put between
 * .* and .*, whatever it is. */
#include "daemon/pattern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static struct mwd_pattern *make(const char *text)
{
    struct mwd_pattern_error error = {UINT32_MAX, NULL};
    struct mwd_pattern *pattern = NULL;
    int r = mwd_pattern_create(text, &error, &pattern);

    need(r == 0 || r == -EINVAL || r == -ENOMEM);
    if (r == -EINVAL)
        need(error.why && error.at <= strlen(text));
    need((r == 0) == (pattern != NULL));
    return pattern;
}

static bool match(struct mwd_pattern *pattern, const char *text, size_t size)
{
    struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX];
    bool found = mwd_pattern_match(pattern, text, size, spans);

    for (uint32_t i = 0; found && i < mwd_pattern_names(pattern); i++) {
        need(strlen(mwd_pattern_name(pattern, i)) > 0);
        need(spans[i].begin == UINT32_MAX ||
             (spans[i].begin <= spans[i].end && spans[i].end <= size));
    }
    return found;
}

static void check_between(const char *text, const char *subject, size_t size, bool found)
{
    char wrapped[MWD_PATTERN_SIZE_MAX + 32];
    struct mwd_pattern *pattern;

    if (strlen(text) + 16 > MWD_PATTERN_SIZE_MAX)
        return;
    snprintf(wrapped, sizeof wrapped, "(?s:.*)(?:%s)(?s:.*)$", text);
    pattern = make(wrapped);
    if (pattern)
        need(match(pattern, subject, size) == found);
    mwd_pattern_destroy(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t first = end ? (size_t)(end - data) : size, rest = end ? size - first - 1 : 0;
    char *text = malloc(first + 1), *subject = malloc(rest + 1);
    struct mwd_pattern *pattern;

    need(text && subject);
    memcpy(text, data, first);
    text[first] = '\0';
    memcpy(subject, data + size - rest, rest);
    pattern = strlen(text) == first ? make(text) : NULL;
    if (pattern)
        check_between(text, subject, rest, match(pattern, subject, rest));
    mwd_pattern_destroy(pattern);
    free(subject);
    free(text);
    return 0;
}
