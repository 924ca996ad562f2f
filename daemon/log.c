#include "daemon/log_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char journal_socket[] = "/run/systemd/journal/socket";

int mwd_log_create_with(int fd, const struct mw_clock *clock, const char *journal_path,
                        struct mwd_log **ret)
{
    struct mwd_log *self = calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->fd = fd;
    self->is_journal = mwd_log_is_journal(fd);
    mwd_log_journal_open(&self->journal, fd, journal_path);
    mwd_log_counter_init(&self->counter, clock);
    atomic_init(&self->level, (int)MWD_LOG_INFO);
    atomic_init(&self->lost, 0);
    *ret = self;
    return 0;
}

int mwd_log_create(int fd, enum mwd_log_level level, struct mwd_log **ret)
{
    int r = mwd_log_create_with(fd, mw_clock_system(), journal_socket, ret);

    if (r == 0)
        mwd_log_set_level(*ret, level);
    return r;
}

void mwd_log_set_level(struct mwd_log *self, enum mwd_log_level level)
{
    atomic_store_explicit(&self->level, (int)level, memory_order_relaxed);
}

static bool is_wanted(const struct mwd_log *self, enum mwd_log_level level)
{
    return self && (int)level <= atomic_load_explicit(&self->level, memory_order_relaxed);
}

/* ---- one entry goes out ---- */

/* A terminal that is stopped, or a pipe that nobody reads, must not stop the daemon. */
static bool is_ready(const struct mwd_log *self)
{
    struct pollfd poller = {.fd = self->fd, .events = POLLOUT};

    return poll(&poller, 1, 0) > 0;
}

static void write_line(struct mwd_log *self, const struct mwd_log_entry *entry)
{
    struct mwd_log_line line;
    ssize_t written;

    mwd_log_line_begin(&line, entry->level, self->is_journal);
    mwd_log_line_put(&line, entry->text);
    line.bytes[line.size++] = '\n';
    do
        written = write(self->fd, line.bytes, line.size);
    while (written < 0 && errno == EINTR);
}

/* A journal that has gone (it may come back) still has its old end of stderr. Returns whether
 * somebody took it. */
static bool send_out(struct mwd_log *self, const struct mwd_log_entry *entry)
{
    int r = self->journal.fd >= 0 ? mwd_log_journal_send(&self->journal, entry) : -ENOTCONN;

    if (r == 0 || r == -EAGAIN)
        return r == 0;
    if (!is_ready(self))
        return false;
    write_line(self, entry);
    return true;
}

static void count_lost(struct mwd_log *self, unsigned lines)
{
    atomic_fetch_add_explicit(&self->lost, lines, memory_order_relaxed);
}

/* Returns false when not even that is taken. */
static bool tell_lost(struct mwd_log *self)
{
    unsigned lost = atomic_exchange_explicit(&self->lost, 0, memory_order_relaxed);
    char text[64];

    if (!lost)
        return true;
    snprintf(text, sizeof(text), "%u lines before this one were lost: nobody read them", lost);
    if (send_out(self, &(struct mwd_log_entry){.level = MWD_LOG_WARNING, .text = text}))
        return true;
    count_lost(self, lost);
    return false;
}

static void write_entry(struct mwd_log *self, const struct mwd_log_entry *entry)
{
    if (!tell_lost(self) || !send_out(self, entry))
        count_lost(self, 1);
}

static void format_clock(int64_t wall_ms, char ret[16])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    strftime(ret, 16, "%H:%M:%SZ", &utc);
}

/* ---- what others call ---- */

void mwd_log(struct mwd_log *self, enum mwd_log_level level, const char *format, ...)
{
    int error = errno;
    char text[MWD_LOG_LINE_MAX]; /* what is cut off here would not fit into the line either */
    va_list arguments;

    if (!is_wanted(self, level))
        return;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_entry(self, &(struct mwd_log_entry){.level = level, .text = length < 0 ? format : text});
    errno = error;
}

/* What was counted of an event and never told. */
static void write_counted(struct mwd_log *self, const struct mwd_log_counted *counted)
{
    const struct mwd_log_event event = {counted->name, counted->where};
    char text[MWD_LOG_LINE_MAX], since[16];

    format_clock(counted->line_ms, since);
    snprintf(text, sizeof(text), "%s (%" PRIu64 " times since %s)", counted->text, counted->count,
             since);
    write_entry(self, &(struct mwd_log_entry){counted->level, &event, counted->count, text});
}

static void append_count(char *text, size_t size, const struct mwd_log_verdict *verdict)
{
    size_t used = strlen(text);
    char since[16];

    format_clock(verdict->since_ms, since);
    snprintf(text + used, size - used, " (%" PRIu64 " times since %s)", verdict->count, since);
}

static void note_event(struct mwd_log *self, struct mwd_log_entry *entry, char *text, size_t size)
{
    struct mwd_log_verdict verdict;

    mwd_log_counter_note(&self->counter, entry, &verdict);
    if (verdict.evicted)
        write_counted(self, &verdict.the_other);
    if (!verdict.write)
        return;
    if (verdict.since_ms && verdict.count > 1)
        append_count(text, size, &verdict);
    entry->count = verdict.count;
    write_entry(self, entry);
}

void mwd_log_event(struct mwd_log *self, enum mwd_log_level level,
                   const struct mwd_log_event *event, const char *format, ...)
{
    int error = errno;
    char text[MWD_LOG_LINE_MAX];
    struct mwd_log_entry entry = {.level = level, .event = event, .text = text};
    va_list arguments;

    if (!is_wanted(self, level))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    note_event(self, &entry, text, sizeof(text));
    errno = error;
}

struct mwd_log *mwd_log_destroy(struct mwd_log *self)
{
    struct mwd_log_counted counted;

    if (!self)
        return NULL;
    while (mwd_log_counter_take(&self->counter, &counted))
        write_counted(self, &counted);
    mwd_log_counter_deinit(&self->counter);
    mwd_log_journal_close(&self->journal);
    free(self);
    return NULL;
}
