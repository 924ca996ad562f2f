/* A pattern, a line end, and a text. What is refused has a place within the pattern and a reason;
 * what is found stands within the text; and the same question has the same answer. */
#include "daemon/pattern.h"

#include <errno.h>
#include <stdbool.h>
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
    struct mwd_pattern_error error = {UINT32_MAX, ""};
    struct mwd_pattern *pattern = NULL;
    int r = mwd_pattern_create(text, &error, &pattern);

    need(r == 0 || r == -EINVAL || r == -ENOMEM);
    if (r == -EINVAL)
        need(strlen(error.why) > 5 && error.at <= strlen(text));
    need((r == 0) == (pattern != NULL));
    return pattern;
}

static int match(const struct mwd_pattern *pattern, const char *text, size_t size)
{
    struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX];
    int r = mwd_pattern_match(pattern, text, size, spans);

    need(r == 0 || r == -ENOENT || r == -E2BIG || r == -ENOMEM);
    for (uint32_t i = 0; r == 0 && i < mwd_pattern_names(pattern); i++) {
        need(strlen(mwd_pattern_name(pattern, i)) > 0);
        need(spans[i].begin == UINT32_MAX ||
             (spans[i].begin <= spans[i].end && spans[i].end <= size));
    }
    return r;
}

static void check_twice(const struct mwd_pattern *pattern, const char *text, size_t size)
{
    int first = match(pattern, text, size);

    need(match(pattern, text, size) == first);
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
        check_twice(pattern, subject, rest);
    mwd_pattern_destroy(pattern);
    free(subject);
    free(text);
    return 0;
}
