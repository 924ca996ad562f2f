/* Bytes as process-exporter's file of groups. What is refused has a place within the file and a
 * reason; what is taken matches processes of chance without harm, and names them in text. */
#include "base/utf8.h"
#include "daemon/matcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void check_match(struct mwd_matcher *matcher, const char *argv, size_t size)
{
    struct mwd_matcher_process process = {.comm = "bash",
                                          .argv = argv,
                                          .argv_size = size,
                                          .username = "kate",
                                          .cgroups = argv,
                                          .pid = 7,
                                          .start_ms = 1};
    char name[MWD_MATCHER_NAME_MAX + 1];
    uint32_t rule = UINT32_MAX;

    if (mwd_matcher_match(matcher, &process, &rule, name) < 0)
        return;
    need(rule < mwd_matcher_count(matcher));
    need(strlen(name) > 0 && strlen(name) <= MWD_MATCHER_NAME_MAX);
    need(mw_utf8_valid(name, strlen(name)));
}

static void check_taken(struct mwd_matcher *matcher, const char *text, size_t size)
{
    static const char line[] = "/bin/bash\0--port\0008080\0";

    need(mwd_matcher_count(matcher) > 0);
    check_match(matcher, line, sizeof line - 1);
    check_match(matcher, text, size);
    check_match(matcher, "", 0);
}

/* In YAML \r and some characters end a line, too. */
static void check_refused(const char *text, const struct mwd_matcher_place *place,
                          const struct mwd_buffer *why)
{
    size_t size = strlen(text);

    need(place->line >= 1 && place->line <= size + 2);
    need(place->column >= 1 && place->column <= size + 1);
    need(why->size > 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mwd_matcher_place place = {0, 0};
    char *text = malloc(size + 1);
    struct mwd_matcher *matcher = NULL;
    struct mwd_buffer why;
    int r;

    need(text);
    need(mwd_matcher_create(&matcher) == 0);
    memcpy(text, data, size);
    text[size] = '\0';
    mwd_buffer_init(&why, 4096);
    r = mwd_matcher_load(matcher, "g.yml", text, &place, &why);
    need(r == 0 || r == -EINVAL || r == -ENOMEM);
    if (r == 0)
        check_taken(matcher, text, size);
    else if (r == -EINVAL)
        check_refused(text, &place, &why);
    mwd_buffer_deinit(&why);
    mwd_matcher_unref(matcher);
    free(text);
    return 0;
}
