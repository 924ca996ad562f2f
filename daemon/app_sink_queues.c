/* The queue of each sink as a subject of kind queue, "sinks/NAME", beside those that programs
 * report: it is watched by the same rules, and told of through the other sinks. */
#include "daemon/app_alerts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A name that nobody reports goes; one that does not change is reported this often, in beats. */
enum { REPEAT_BEATS = 10 };

/* Names of sinks are any text; names of queues are not. */
static void make_name(const char *sink, char ret[MWD_NAME_MAX + 1])
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./@";

    snprintf(ret, MWD_NAME_MAX + 1, "sinks/%.*s", MWD_NAME_MAX - 6, sink);
    for (char *at = ret; *at; at++)
        if (!strchr(plain, *at))
            *at = '_';
}

static void set(struct mwd_push_report *report, enum mw_reading reading, uint64_t value)
{
    uint32_t count;
    const struct mwd_push_field *fields = mwd_push_fields(MW_KIND_QUEUE, &count);

    for (uint32_t i = 0; i < count; i++)
        if (fields[i].reading == reading)
            report->values[i] = (double)value;
}

static void report_one(struct mwd_app_alerts *self, uint32_t index)
{
    struct mwd_push_report report;
    struct mwd_sink_numbers numbers;
    char name[MWD_NAME_MAX + 1];

    for (int i = 0; i < MWD_PUSH_FIELDS_MAX; i++)
        report.values[i] = (double)NAN;
    mwd_sinks_get_numbers(self->sinks, index, &numbers);
    make_name(numbers.name, name);
    set(&report, MW_QUEUE_LENGTH, numbers.queue.length);
    set(&report, MW_QUEUE_CAPACITY, numbers.queue.capacity);
    set(&report, MW_QUEUE_ENQUEUED, numbers.queue.enqueued);
    set(&report, MW_QUEUE_DEQUEUED, numbers.queue.dequeued);
    set(&report, MW_QUEUE_OLDEST_AGE, numbers.queue.oldest_age_ns / MW_NS_PER_MS);
    mwd_push_put(self->app->push, MW_KIND_QUEUE, name,
                 (struct mwd_name_owner){.uid = getuid(), .is_daemon = true}, &report);
}

/* What lies still costs nothing: reports make the rules look. */
static bool is_news(struct mwd_app_alerts *self, uint32_t index)
{
    struct mwd_sink_numbers numbers;
    uint64_t total;

    mwd_sinks_get_numbers(self->sinks, index, &numbers);
    total = numbers.queue.enqueued + numbers.queue.dequeued + numbers.queue.cleared;
    if (total == self->reported[index] && numbers.queue.length == 0 &&
        self->beats % REPEAT_BEATS != 1)
        return false;
    self->reported[index] = total;
    return true;
}

void mwd_app_report_sinks(struct mwd_app_alerts *self)
{
    uint32_t count = self->sinks && self->app->push ? mwd_sinks_queue_count(self->sinks) : 0;

    for (uint32_t i = 0; i < count && i < MWD_APP_SINK_QUEUES_MAX; i++)
        if (is_news(self, i))
            report_one(self, i);
}
