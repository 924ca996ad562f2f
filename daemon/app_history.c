/* History: what the configuration makes of it, and the route that asks it. */
#include "daemon/app_internal.h"
#include "daemon/view_history.h"

#include <errno.h>
#include <inttypes.h>

/* ---- configuration ---- */

void mwd_app_history_config(const struct mwd_config *config, struct mw_history_config *ret)
{
    mw_history_config_default(ret);
    ret->interval_ms = config->interval_ns / MW_NS_PER_MS;
    if (ret->slow_ms < ret->interval_ms)
        ret->slow_ms = ret->interval_ms;
    ret->recent_ms = config->history_recent_ns / MW_NS_PER_MS;
    if (ret->recent_ms < ret->interval_ms)
        ret->recent_ms = ret->interval_ms;
    ret->minutes_ms = config->history_minutes_ns / MW_NS_PER_MS;
    ret->top = (uint32_t)config->history_top;
    ret->bytes = config->history_size;
}

size_t mwd_app_history_least(const struct mwd_config *config)
{
    struct mw_history_config history;

    mwd_app_history_config(config, &history);
    return mw_history_bytes_min() + sizeof(int64_t) * (history.recent_ms / history.interval_ms +
                                                       history.minutes_ms / MW_HISTORY_MINUTE_MS);
}

/* A quarter is for garbage, names, and what else is on the heap. */
size_t mwd_app_history_bytes(const struct mwd_app *self, const struct mwd_config *config)
{
    size_t room = mwd_heap_room(self->heap, config->heap_limit), least = mw_history_bytes_min();
    size_t most = room - room / 4 > least ? room - room / 4 : least;

    return config->history_size < most ? config->history_size : most;
}

void mwd_app_history_say_bound(const struct mwd_app *self)
{
    size_t bytes = mwd_app_history_bytes(self, self->config);

    if (bytes < self->config->history_size)
        mwd_log(self->log, MWD_LOG_INFO,
                "history-size: heap.limit leaves room for %zu bytes of the %" PRIu64
                "; the history keeps to that",
                bytes, self->config->history_size);
}

int mwd_app_history_check(const struct mwd_app *self, const struct mwd_config *new_config,
                          struct mwd_buffer *error)
{
    size_t bytes = mwd_app_history_bytes(self, new_config);
    struct mw_history_numbers numbers;

    mw_history_get_numbers(self->history, &numbers);
    if (bytes >= numbers.bytes || bytes >= numbers.bytes_limit)
        return 0;
    mwd_buffer_printf(
        error,
        bytes < new_config->history_size
            ? "heap.limit: it leaves %zu bytes to the history, less than the %zu that "
              "are in use; a restart begins with none\n"
            : "history-size: %zu bytes are less than the %zu that are in use; a "
              "restart begins with none\n",
        bytes, numbers.bytes);
    return -EBUSY;
}

void mwd_app_history_apply(struct mwd_app *self)
{
    mw_history_set_bytes(self->history, mwd_app_history_bytes(self, self->config));
    mwd_app_history_say_bound(self);
}

/* ---- the route ---- */

enum { READING, SUBJECT, FROM, TO, STEP };

static const char *const reading_examples[] = {"system.memAvailable", "daemon.rss", NULL};
static const char *const subject_examples[] = {"system", NULL}; /* of the default reading */
static const char *const from_examples[] = {"-1h", "1795377600000", NULL};
static const char *const to_examples[] = {"now", "-10m", NULL};
static const char *const step_examples[] = {"10s", "10000", NULL};

const struct mwd_param mwd_app_history_params[] = {
    [READING] = {"reading",
                 "the id of a reading, as system.memAvailable (which is the default) or "
                 "process.rss",
                 reading_examples, 0, MWD_HISTORY_WORD_MAX, MWD_PARAM_TEXT, NULL},
    [SUBJECT] = {"subject",
                 "whose it is: a process id, as 4711, or PID:STARTTIMEMS for one that is gone; "
                 "the name of a heap, queue or cache; the system and the daemon need none",
                 subject_examples, 0, MWD_HISTORY_SUBJECT_MAX, MWD_PARAM_TEXT, NULL},
    [FROM] =
        {"from",
         "milliseconds since 1970, or a span back from the newest sample, as -1h (the default)",
         from_examples, 0, MWD_HISTORY_WORD_MAX, MWD_PARAM_TEXT, NULL},
    [TO] = {"to", "the same, or now (the default)", to_examples, 0, MWD_HISTORY_WORD_MAX,
            MWD_PARAM_TEXT, NULL},
    [STEP] = {"step",
              "a span, as 10s, or milliseconds; so long that there are at most 10000 of them (by "
              "default about 360)",
              step_examples, 0, MWD_HISTORY_WORD_MAX, MWD_PARAM_TEXT, NULL},
    {NULL, NULL, NULL, 0, 0, MWD_PARAM_COUNT, NULL},
};
_Static_assert(MW_HISTORY_POINTS_MAX == 10000, "a text above says so");
_Static_assert(MWD_HISTORY_DETAIL_SIZE <= sizeof(((struct mwd_app *)0)->detail),
               "a complaint finds room");

int mwd_app_get_history(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    const struct mwd_view_input input = {.sample = self->sample,
                                         .subjects = self->subjects,
                                         .services = &self->services,
                                         .names = mwd_push_names(self->push)};
    const struct mwd_history_words words = {request->params[READING],  request->params[SUBJECT],
                                            request->params[FROM],     request->params[TO],
                                            request->params[STEP],     &self->services,
                                            mwd_push_names(self->push)};

    if (!self->sample) {
        reply->status = 503;
        reply->detail = "the first sample is still being taken";
        reply->retry_after_s = 1;
        return 0;
    }
    int r = mwd_view_history(&input, self->history, &words, reply->body, self->detail);
    if (r != -EINVAL && r != -ENOENT)
        return r;
    reply->status = r == -EINVAL ? 400 : 404;
    reply->detail = self->detail;
    return 0;
}
