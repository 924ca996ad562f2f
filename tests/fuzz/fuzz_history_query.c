/* Five words with a NUL between them, as a query has them; an empty one was not given. What is
 * taken can be asked: a reading that is kept, not too many points, time that does not run
 * backwards. What is refused has a sentence. */
#include "daemon/view_history.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 5 };
#define NOW INT64_C(1795377600123)

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void check(const struct mwd_history_query *query)
{
    uint64_t span = (uint64_t)(query->to - query->from);

    need(mw_history_keeps(query->reading));
    need(query->from >= 0 && query->from <= query->to && query->step > 0);
    need((span + query->step - 1) / query->step <= MW_HISTORY_POINTS_MAX);
    need(mw_reading_info(query->reading)->kind != MW_KIND_PROCESS || query->subject.id > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *at = text;
    const char *words[WORDS] = {NULL};
    char detail[MWD_HISTORY_DETAIL_SIZE];
    struct mwd_history_query query;

    need(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    for (int i = 0; i < WORDS && at <= text + size; i++) {
        words[i] = *at ? at : NULL;
        at += strlen(at) + 1;
    }
    const struct mwd_history_words given = {.reading = words[0],
                                            .subject = words[1],
                                            .from = words[2],
                                            .to = words[3],
                                            .step = words[4]};

    memset(detail, 1, sizeof detail);
    if (mwd_history_query_parse(&given, NOW, &query, detail) == 0)
        check(&query);
    else
        need(memchr(detail, 0, sizeof detail) && strchr(detail, ':'));
    free(text);
    return 0;
}
