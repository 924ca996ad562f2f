#include "tests/support/http_test_stats.h"

#include <inttypes.h>
#include <stdio.h>

void http_test_pad(struct mwd_buffer *out, size_t size)
{
    while (out->size < size && !out->failed) {
        char row[64];
        int length = snprintf(row, sizeof row, "{\"pid\":%zu,\"rss\":%zu},", out->size * 7 % 32768,
                              out->size * 4096);
        size_t left = size - out->size;

        mwd_buffer_append(out, row, (size_t)length < left ? (size_t)length : left);
    }
}

static void put_queue(const struct mwd_http_event_stats *events, struct mwd_buffer *out)
{
    mwd_buffer_printf(out,
                      "{\"waiting\":%" PRIu64 ",\"room\":%" PRIu64 ",\"oldestAgeMs\":%" PRIu64
                      ",\"offered\":%" PRIu64 ",\"passed\":%" PRIu64 ",\"refused\":%" PRIu64
                      ",\"left\":%" PRIu64 "}",
                      events->waiting, events->room, events->oldest_age_ms, events->offered,
                      events->passed, events->refused, events->left);
}

void http_test_put_stats(const struct mwd_http_server *http, struct mwd_buffer *out)
{
    struct mwd_http_stats s;

    mwd_http_server_stats(http, &s);
    mwd_buffer_printf(out,
                      "{\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"total\":%" PRIu64
                      ",\"rejections\":%" PRIu64 ",\"timeouts\":%" PRIu64 ",\"bodyBytes\":%" PRIu64
                      ",\"connections\":%u,\"streams\":%u,\"dropped\":%" PRIu64 ",\"queue\":",
                      s.requests, s.request_errors, s.connections_total, s.rejections, s.timeouts,
                      s.body_bytes, s.connections, s.streams, s.streams_dropped);
    put_queue(&s.events, out);
    mwd_buffer_puts(out, "}\n");
}
