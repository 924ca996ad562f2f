/* Sinks of the daemon on a loop of their own, told by lines of JSON on stdin what to do:
 *
 *     {"apply": [{"name": "a", "type": "webhook", "urls": ["http://..."], "queue": 256}]}
 *     {"send": {"sink": "a", "id": "1", "fingerprint": "f", "status": "firing", "body": "{}"}}
 *     {"flood": {"sink": "a", "count": 1000}}, which waits for room as the daemon does
 *     {"numbers": true}
 *
 * What it answers, and what comes of alerts, are lines on stdout: {"event": "sent", "result": 0},
 * {"event": "done", "id": "1", "outcome": "delivered"}. The end of stdin ends it. */
#include "daemon/sink.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 << 20, PAIRS_MAX = 64 };

struct driver {
    uv_loop_t loop;
    uv_poll_t input;
    struct mw_heap *heap;
    struct mw_store *store;
    struct mwd_log *log;
    struct mwd_sinks *sinks;
    char flooded[64]; /* a sink */
    int flood_next, flood_end;
    size_t size;
    char bytes[LINE_MAX_BYTES];
};

/* ---- what it says ---- */

static void say(cJSON *event)
{
    char *text = cJSON_PrintUnformatted(event);

    puts(text);
    fflush(stdout);
    cJSON_free(text);
    cJSON_Delete(event);
}

static cJSON *event_of(const char *kind)
{
    cJSON *event = cJSON_CreateObject();

    cJSON_AddStringToObject(event, "event", kind);
    return event;
}

static void on_done(void *context, const struct mwd_sink_done *done)
{
    static const char *const outcomes[] = {"delivered", "refused", "expired", "coalesced",
                                           "removed"};
    cJSON *event = event_of("done");

    (void)context;
    cJSON_AddStringToObject(event, "sink", done->sink);
    cJSON_AddStringToObject(event, "id", done->id);
    cJSON_AddStringToObject(event, "fingerprint", done->fingerprint);
    cJSON_AddStringToObject(event, "status",
                            done->status == MWD_SINK_FIRING ? "firing" : "resolved");
    cJSON_AddStringToObject(event, "outcome", outcomes[done->outcome]);
    cJSON_AddStringToObject(event, "why", done->why);
    say(event);
}

static int send_numbered(struct driver *self, int number)
{
    char name[32];

    snprintf(name, sizeof name, "f%d", number);
    struct mwd_sink_pair labels[] = {{"alertname", "test"}, {"name", name}};
    struct mwd_sink_message message = {.id = name,
                                       .fingerprint = name,
                                       .severity = "warning",
                                       .summary = name,
                                       .body = "{}",
                                       .body_size = 2,
                                       .labels = labels,
                                       .label_count = 2,
                                       .starts_ms = 1795377600123};

    return mwd_sinks_send(self->sinks, self->flooded, &message);
}

static void flood(struct driver *self)
{
    while (self->flood_next < self->flood_end && send_numbered(self, self->flood_next) == 0)
        self->flood_next++;
}

static void on_room(void *context, const char *sink)
{
    cJSON *event = event_of("room");

    flood(context);
    cJSON_AddStringToObject(event, "sink", sink);
    say(event);
}

static void say_result(const char *kind, int result)
{
    cJSON *event = event_of(kind);

    cJSON_AddNumberToObject(event, "result", result);
    say(event);
}

static void add_queue(cJSON *queues, const struct mwd_sink_numbers *numbers)
{
    cJSON *queue = cJSON_AddObjectToObject(queues, numbers->name);

    cJSON_AddNumberToObject(queue, "length", (double)numbers->queue.length);
    cJSON_AddNumberToObject(queue, "capacity", (double)numbers->queue.capacity);
    cJSON_AddNumberToObject(queue, "oldestAgeMs", (double)numbers->queue.oldest_age_ns / 1e6);
    cJSON_AddNumberToObject(queue, "sent", (double)numbers->sent);
    cJSON_AddNumberToObject(queue, "refused", (double)numbers->refused);
    cJSON_AddNumberToObject(queue, "expired", (double)numbers->expired);
    cJSON_AddNumberToObject(queue, "coalesced", (double)numbers->coalesced);
    cJSON_AddNumberToObject(queue, "retried", (double)numbers->retried);
    cJSON_AddNumberToObject(queue, "active", (double)numbers->active);
    cJSON_AddNumberToObject(queue, "failingMs", (double)numbers->failing_ms);
}

static void say_numbers(struct driver *self)
{
    cJSON *event = event_of("numbers"), *queues = cJSON_AddObjectToObject(event, "queues");
    struct mwd_sink_child_numbers child;
    struct mwd_sink_numbers numbers;

    for (uint32_t i = 0; i < mwd_sinks_queue_count(self->sinks); i++) {
        mwd_sinks_get_numbers(self->sinks, i, &numbers);
        add_queue(queues, &numbers);
    }
    mwd_sinks_get_child(self->sinks, &child);
    cJSON_AddNumberToObject(event, "pid", child.pid);
    cJSON_AddNumberToObject(event, "starts", (double)child.starts);
    cJSON_AddNumberToObject(event, "crashes", (double)child.crashes);
    say(event);
}

/* ---- what it is told ---- */

static const char *text_of(const cJSON *object, const char *key, const char *otherwise)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text ? text : otherwise;
}

static double number_of(const cJSON *object, const char *key, double otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

static uint32_t texts_of(const cJSON *object, const char *key, const char **ret, uint32_t room)
{
    const cJSON *item;
    uint32_t count = 0;

    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, key)) if (count < room)
        ret[count++] = cJSON_GetStringValue(item);
    return count;
}

struct texts {
    const char *urls[MWD_SINK_TARGETS_MAX], *arguments[MWD_SINK_ARGUMENTS_MAX];
};

static enum mwd_target_type type_of(const char *name)
{
    static const char *const names[] = {"webhook", "alertmanager", "exec", "journal"};
    int type = 0;

    while (type < MWD_TARGET_JOURNAL && strcmp(names[type], name) != 0)
        type++;
    return (enum mwd_target_type)type;
}

static void read_settings(const cJSON *object, struct mwd_sink_settings *ret, struct texts *texts)
{
    mwd_sink_settings_default(ret);
    ret->name = text_of(object, "name", "");
    ret->type = type_of(text_of(object, "type", ""));
    ret->urls = texts->urls;
    ret->url_count = texts_of(object, "urls", texts->urls, MWD_SINK_TARGETS_MAX);
    ret->arguments = texts->arguments;
    ret->argument_count = texts_of(object, "arguments", texts->arguments, MWD_SINK_ARGUMENTS_MAX);
    ret->token_file = text_of(object, "token-file", "");
    ret->ca_file = text_of(object, "ca-file", "");
    ret->deadline_ms = (uint64_t)number_of(object, "deadline", (double)ret->deadline_ms);
    ret->timeout_ms = (uint64_t)number_of(object, "timeout", (double)ret->timeout_ms);
    ret->queue = (uint32_t)number_of(object, "queue", ret->queue);
}

static void apply(struct driver *self, const cJSON *list)
{
    struct mwd_sink_settings settings[MWD_SINKS_MAX];
    struct texts texts[MWD_SINKS_MAX];
    const cJSON *item;
    uint32_t count = 0;

    cJSON_ArrayForEach(item, list)
    {
        if (count < MWD_SINKS_MAX)
            read_settings(item, &settings[count], &texts[count]);
        count++;
    }
    say_result("applied", mwd_sinks_apply(self->sinks, settings, count));
}

static uint32_t read_pairs(const cJSON *object, struct mwd_sink_pair ret[PAIRS_MAX])
{
    const cJSON *item;
    uint32_t count = 0;

    cJSON_ArrayForEach(item, object) if (count < PAIRS_MAX) ret[count++] =
        (struct mwd_sink_pair){item->string, cJSON_GetStringValue(item)};
    return count;
}

static void send_message(struct driver *self, const cJSON *object)
{
    struct mwd_sink_pair labels[PAIRS_MAX], annotations[PAIRS_MAX];
    struct mwd_sink_message message = {
        .id = text_of(object, "id", ""),
        .fingerprint = text_of(object, "fingerprint", ""),
        .status = strcmp(text_of(object, "status", "firing"), "firing") == 0 ? MWD_SINK_FIRING
                                                                             : MWD_SINK_RESOLVED,
        .severity = text_of(object, "severity", "warning"),
        .summary = text_of(object, "summary", ""),
        .body = text_of(object, "body", "{}"),
        .labels = labels,
        .annotations = annotations,
        .label_count = read_pairs(cJSON_GetObjectItemCaseSensitive(object, "labels"), labels),
        .annotation_count =
            read_pairs(cJSON_GetObjectItemCaseSensitive(object, "annotations"), annotations),
        .starts_ms = (int64_t)number_of(object, "starts", 0),
        .ends_ms = (int64_t)number_of(object, "ends", 0),
    };

    message.body_size = strlen(message.body);
    say_result("sent", mwd_sinks_send(self->sinks, text_of(object, "sink", ""), &message));
}

static void begin_flood(struct driver *self, const cJSON *object)
{
    snprintf(self->flooded, sizeof self->flooded, "%s", text_of(object, "sink", ""));
    self->flood_next = 0;
    self->flood_end = (int)number_of(object, "count", 0);
    flood(self);
    say_result("flooded", self->flood_next);
}

static void obey(struct driver *self, const char *line)
{
    cJSON *command = cJSON_Parse(line);
    const cJSON *item = command ? command->child : NULL;

    if (item && strcmp(item->string, "apply") == 0)
        apply(self, item);
    else if (item && strcmp(item->string, "send") == 0)
        send_message(self, item);
    else if (item && strcmp(item->string, "flood") == 0)
        begin_flood(self, item);
    else if (item && strcmp(item->string, "numbers") == 0)
        say_numbers(self);
    else
        say_result("unknown", -EINVAL);
    cJSON_Delete(command);
}

static void obey_lines(struct driver *self)
{
    char *at = self->bytes, *end;

    while ((end = memchr(at, '\n', self->size - (size_t)(at - self->bytes)))) {
        *end = '\0';
        obey(self, at);
        at = end + 1;
    }
    self->size -= (size_t)(at - self->bytes);
    memmove(self->bytes, at, self->size);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    struct driver *self = poll->data;
    ssize_t size = read(STDIN_FILENO, self->bytes + self->size, LINE_MAX_BYTES - self->size);

    (void)events;
    if (status < 0 || size <= 0) {
        mwd_sinks_close(self->sinks);
        uv_close((uv_handle_t *)poll, NULL);
        return;
    }
    self->size += (size_t)size;
    obey_lines(self);
}

/* ---- life ---- */

static uint64_t number_from(const char *name)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : 0;
}

static int start(struct driver *self)
{
    struct mwd_sinks_options options = {.log = self->log,
                                        .program = getenv("DRIVER_PROGRAM"),
                                        .journal = getenv("DRIVER_JOURNAL"),
                                        .retry_first_ms = number_from("DRIVER_RETRY_FIRST_MS"),
                                        .retry_max_ms = number_from("DRIVER_RETRY_MAX_MS"),
                                        .resend_ms = number_from("DRIVER_RESEND_MS"),
                                        .idle_ms = number_from("DRIVER_IDLE_MS"),
                                        .on_done = on_done,
                                        .on_room = on_room,
                                        .context = self};
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    int r = mw_heap_create(&config, &self->heap);
    if (r == 0)
        r = mw_store_create(self->heap, &self->store);
    options.store = self->store;
    return r < 0 ? r : mwd_sinks_create(&self->loop, &options, NULL, 0, &self->sinks);
}

int main(void)
{
    struct driver *self = calloc(1, sizeof *self);

    signal(SIGPIPE, SIG_IGN); /* as in the daemon */
    if (!self || uv_loop_init(&self->loop) < 0 ||
        mwd_log_create(STDERR_FILENO, MWD_LOG_DEBUG, &self->log) < 0 || start(self) < 0)
        return 1;
    uv_poll_init(&self->loop, &self->input, STDIN_FILENO);
    self->input.data = self;
    uv_poll_start(&self->input, UV_READABLE, on_input);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    mwd_sinks_destroy(self->sinks);
    mw_store_destroy(self->store);
    mw_heap_destroy(self->heap);
    mwd_log_destroy(self->log);
    int r = uv_loop_close(&self->loop);
    free(self);
    return r < 0 ? 1 : 0;
}
