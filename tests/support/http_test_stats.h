/* What http_test_server says, but for its routes. */
#ifndef MW_TEST_HTTP_TEST_STATS_H
#define MW_TEST_HTTP_TEST_STATS_H
#include "daemon/http_server.h"

/* Text that looks like rows of numbers, up to exactly `size`. */
void http_test_pad(struct mwd_buffer *out, size_t size);
/* What the server tells of itself and of its queue of events, as JSON. */
void http_test_put_stats(const struct mwd_http_server *http, struct mwd_buffer *out);
#endif
