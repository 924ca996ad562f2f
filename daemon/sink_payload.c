/* What goes out, rendered once when a message is taken. */
#include "daemon/sink_internal.h"

#include "daemon/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LABELS_MAX = 64 * 1024, TIME_ROOM = 40 };

/* 2026-11-26T04:17:27.123Z */
static void put_time(int64_t ms, char ret[TIME_ROOM])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    size_t size = 0;

    if (gmtime_r(&seconds, &utc))
        size = strftime(ret, TIME_ROOM, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(ret + size, TIME_ROOM - size, ".%03dZ", (int)(ms % 1000));
}

/* [a-zA-Z_][a-zA-Z0-9_]*, in small pieces, since a name may have any length. */
static void put_label_name(struct mwd_json *json, const char *name)
{
    char safe[128];
    size_t size = 0;

    for (; name[size] && size < sizeof safe - 1; size++) {
        char c = name[size];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        safe[size] = '_';
        if (letter || (size > 0 && c >= '0' && c <= '9'))
            safe[size] = c;
    }
    safe[size] = '\0';
    mwd_json_key(json, safe);
}

static void put_pairs(struct mwd_json *json, const char *key, const struct mwd_sink_pair *pairs,
                      uint32_t count)
{
    mwd_json_key(json, key);
    mwd_json_open_object(json);
    for (uint32_t i = 0; i < count; i++) {
        if (pairs[i].name[0] == '\0')
            continue;
        put_label_name(json, pairs[i].name);
        mwd_json_string(json, pairs[i].value);
    }
    mwd_json_close_object(json);
}

static int render_alertmanager(const struct mwd_sink_message *message, struct mwd_buffer *out)
{
    struct mwd_json json;
    char time[TIME_ROOM];

    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    put_pairs(&json, "labels", message->labels, message->label_count);
    put_pairs(&json, "annotations", message->annotations, message->annotation_count);
    put_time(message->starts_ms, time);
    mwd_json_key(&json, "startsAt");
    mwd_json_string(&json, time);
    if (message->status == MWD_SINK_RESOLVED) {
        bool after = message->ends_ms > message->starts_ms;

        mwd_sink_alertmanager_close(out, after ? message->ends_ms : message->starts_ms);
    }
    if (out->failed)
        return out->failed;
    return out->size > LABELS_MAX ? -EMSGSIZE : 0;
}

void mwd_sink_alertmanager_close(struct mwd_buffer *out, int64_t ends_ms)
{
    char time[TIME_ROOM];

    put_time(ends_ms, time);
    mwd_buffer_printf(out, ",\"endsAt\":\"%s\"}", time);
}

static int render_journal(const struct mwd_sink_message *message, struct mwd_buffer *out)
{
    struct mwd_buffer body;

    mwd_buffer_init(&body, MWD_SINK_BODY_MAX);
    int r = mwd_sink_body(message->body, message->body_size, &body);
    if (r == 0) {
        mwd_sink_journal_render(message, body.bytes, body.size, out);
        r = out->failed;
    }
    mwd_buffer_deinit(&body);
    return r;
}

int mwd_sink_payload(enum mwd_target_type type, const struct mwd_sink_message *message,
                     struct mwd_buffer *out)
{
    switch (type) {
    case MWD_TARGET_ALERTMANAGER:
        return render_alertmanager(message, out);
    case MWD_TARGET_JOURNAL:
        return render_journal(message, out);
    case MWD_TARGET_WEBHOOK:
    case MWD_TARGET_EXEC:
        break;
    }
    return mwd_sink_body(message->body, message->body_size, out);
}
