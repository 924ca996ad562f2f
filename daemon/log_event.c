/* Once, then counted.
 *
 * The first time an event is a line. What follows is counted until a gap has gone by since that
 * line: one minute, then two, four and so on up to an hour. The next time after the gap is a line
 * again, which tells the count. Who has been quiet for two hours is new again. So a fault that
 * comes back each second costs a handful of lines a day, and the newest is never more than an hour
 * old.
 *
 * The table has MWD_LOG_EVENTS_MAX places; when it is full, the event that was seen longest ago
 * makes room, and what was counted of it is told first.
 */
#include "daemon/log_internal.h"

#include <stdio.h>
#include <string.h>

static const uint64_t first_gap_ns = 60ULL * MW_NS_PER_S;
static const uint64_t last_gap_ns = 3600ULL * MW_NS_PER_S;

void mwd_log_counter_init(struct mwd_log_counter *self, const struct mw_clock *clock)
{
    self->clock = clock;
    pthread_mutex_init(&self->lock, NULL);
    memset(self->events, 0, sizeof(self->events));
}

void mwd_log_counter_deinit(struct mwd_log_counter *self)
{
    pthread_mutex_destroy(&self->lock);
}

/* Names longer than their place are told apart by what fits. */
static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static bool is_it(const struct mwd_log_counted *self, const struct mwd_log_event *event)
{
    return self->name[0] != '\0' && strncmp(self->name, event->name, sizeof(self->name) - 1) == 0 &&
           strncmp(self->where, event->where, sizeof(self->where) - 1) == 0;
}

static bool is_older(const struct mwd_log_counted *self, const struct mwd_log_counted *than)
{
    if (than->name[0] == '\0')
        return false;
    return self->name[0] == '\0' || self->seen_ns < than->seen_ns;
}

/* The event's place, or the one that it may have. */
static struct mwd_log_counted *find(struct mwd_log_counter *self, const struct mwd_log_event *event)
{
    struct mwd_log_counted *oldest = &self->events[0];

    for (unsigned i = 0; i < MWD_LOG_EVENTS_MAX; i++) {
        if (is_it(&self->events[i], event))
            return &self->events[i];
        if (is_older(&self->events[i], oldest))
            oldest = &self->events[i];
    }
    return oldest;
}

static void begin(struct mwd_log_counted *self, const struct mwd_log_event *event,
                  struct mwd_log_verdict *ret)
{
    if (self->name[0] != '\0' && self->count > 0) {
        ret->evicted = true;
        ret->the_other = *self;
    }
    memset(self, 0, sizeof(*self));
    copy(self->name, sizeof(self->name), event->name);
    copy(self->where, sizeof(self->where), event->where);
}

static void write_now(struct mwd_log_counted *self, const struct mwd_log_counter *counter,
                      struct mwd_log_verdict *ret)
{
    ret->write = true;
    ret->count = self->count + 1;
    ret->since_ms = self->line_ms;
    self->gap_ns = self->gap_ns ? 2 * self->gap_ns : first_gap_ns;
    if (self->gap_ns > last_gap_ns)
        self->gap_ns = last_gap_ns;
    self->count = 0;
    self->line_ns = mw_clock_monotonic_ns(counter->clock);
    self->line_ms = mw_clock_wall_ms(counter->clock);
}

static void note(struct mwd_log_counter *self, const struct mwd_log_entry *entry,
                 struct mwd_log_verdict *ret)
{
    uint64_t now_ns = mw_clock_monotonic_ns(self->clock);
    struct mwd_log_counted *event = find(self, entry->event);

    if (!is_it(event, entry->event))
        begin(event, entry->event, ret);
    else if (event->count == 0 && now_ns - event->seen_ns > 2 * last_gap_ns)
        event->gap_ns = 0;
    event->seen_ns = now_ns;
    event->level = entry->level;
    if (event->gap_ns == 0 || now_ns - event->line_ns >= event->gap_ns) {
        write_now(event, self, ret);
        return;
    }
    event->count++;
    copy(event->text, sizeof(event->text), entry->text);
}

void mwd_log_counter_note(struct mwd_log_counter *self, const struct mwd_log_entry *entry,
                          struct mwd_log_verdict *ret)
{
    memset(ret, 0, sizeof(*ret));
    pthread_mutex_lock(&self->lock);
    note(self, entry, ret);
    pthread_mutex_unlock(&self->lock);
}

bool mwd_log_counter_take(struct mwd_log_counter *self, struct mwd_log_counted *ret)
{
    bool found = false;

    pthread_mutex_lock(&self->lock);
    for (unsigned i = 0; i < MWD_LOG_EVENTS_MAX && !found; i++) {
        found = self->events[i].name[0] != '\0' && self->events[i].count > 0;
        if (found) {
            *ret = self->events[i];
            self->events[i].count = 0;
        }
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}
