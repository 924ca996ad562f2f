#include "daemon/log.h"

#include "base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

static const char ellipsis[] = "...";

struct mwd_log {
    int fd;
    bool journal;
    _Atomic int level;
    _Atomic unsigned lost;
};

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t size;
};

/* systemd names the journal's socket in $JOURNAL_STREAM as DEVICE:INODE. A child whose stderr went
 * elsewhere still inherits the variable, hence the comparison. */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];

    if (!stream || fstat(fd, &status) < 0)
        return false;
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(own, stream) == 0;
}

int mwd_log_create(int fd, enum mwd_log_level level, struct mwd_log **ret)
{
    struct mwd_log *self = malloc(sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->fd = fd;
    self->journal = is_journal(fd);
    atomic_init(&self->level, (int)level);
    atomic_init(&self->lost, 0);
    *ret = self;
    return 0;
}

struct mwd_log *mwd_log_destroy(struct mwd_log *self)
{
    free(self);
    return NULL;
}

void mwd_log_set_level(struct mwd_log *self, enum mwd_log_level level)
{
    atomic_store_explicit(&self->level, (int)level, memory_order_relaxed);
}

static void put_priority(struct line *line, enum mwd_log_level level)
{
    static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};

    line->size = (size_t)(stpcpy(line->bytes, priorities[level]) - line->bytes);
}

static void put_time_and_level(struct line *line, enum mwd_log_level level)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    line->size = strftime(line->bytes, sizeof(line->bytes), "%Y-%m-%dT%H:%M:%S", &utc);
    line->size += (size_t)snprintf(line->bytes + line->size, sizeof(line->bytes) - line->size,
                                   ".%03ldZ %s: ", now.tv_nsec / 1000000, words[level]);
}

/* Bytes at the front that can be shown as they are: a character that is no control character (the
 * 8-bit ones, U+0080 to U+009F, steer terminals too). 0 when the first byte is to be escaped. */
static size_t shown_as_is(const char *text, size_t size)
{
    unsigned char first = (unsigned char)text[0];
    size_t sequence;

    if (first < 0x80)
        return first >= 0x20 && first != 0x7f;
    sequence = mw_utf8_sequence(text, size);
    if (sequence == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0)
        return 0;
    return sequence;
}

/* One character, or the four of "\xNN". Returns false when it does not fit; *ret_taken is how many
 * bytes of the text it stands for. */
static bool put_character(struct line *line, const char *text, size_t size, size_t *ret_taken)
{
    char escape[5];
    size_t shown = shown_as_is(text, size);
    size_t length = shown ? shown : 4;

    if (line->size + length > LINE_MAX_BYTES - 1)
        return false;
    if (!shown)
        snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)text[0]);
    memcpy(line->bytes + line->size, shown ? text : escape, length);
    line->size += length;
    *ret_taken = shown ? shown : 1;
    return true;
}

/* The text, as far as it fits with a newline behind it, and with the ellipsis where it does not. */
static void put_text(struct line *line, const char *text, size_t size)
{
    size_t ellipsis_size = sizeof(ellipsis) - 1;
    size_t ellipsis_at = line->size;
    size_t taken;

    for (size_t at = 0; at < size; at += taken) {
        if (!put_character(line, text + at, size - at, &taken)) {
            memcpy(line->bytes + ellipsis_at, ellipsis, ellipsis_size);
            line->size = ellipsis_at + ellipsis_size;
            return;
        }
        if (line->size <= LINE_MAX_BYTES - 1 - ellipsis_size)
            ellipsis_at = line->size;
    }
}

/* A terminal that is stopped, or a pipe that nobody reads, must not stop the daemon: what it does
 * not take at once is lost, and counted. */
static bool is_ready(struct mwd_log *self)
{
    struct pollfd poller = {.fd = self->fd, .events = POLLOUT};

    if (poll(&poller, 1, 0) > 0)
        return true;
    atomic_fetch_add_explicit(&self->lost, 1, memory_order_relaxed);
    return false;
}

static void begin_line(const struct mwd_log *self, enum mwd_log_level level, struct line *line)
{
    if (self->journal)
        put_priority(line, level);
    else
        put_time_and_level(line, level);
}

static void end_line(const struct mwd_log *self, struct line *line)
{
    ssize_t written;

    line->bytes[line->size++] = '\n';
    do
        written = write(self->fd, line->bytes, line->size);
    while (written < 0 && errno == EINTR);
}

static void write_lost(struct mwd_log *self)
{
    unsigned lost = atomic_exchange_explicit(&self->lost, 0, memory_order_relaxed);
    char text[64];
    struct line line;

    if (!lost)
        return;
    snprintf(text, sizeof(text), "%u lines before this one were lost: nobody read them", lost);
    begin_line(self, MWD_LOG_WARNING, &line);
    put_text(&line, text, strlen(text));
    end_line(self, &line);
}

static void write_text(struct mwd_log *self, enum mwd_log_level level, const char *text)
{
    struct line line;

    if (!is_ready(self))
        return;
    write_lost(self);
    begin_line(self, level, &line);
    put_text(&line, text, strlen(text));
    end_line(self, &line);
}

void mwd_log(struct mwd_log *self, enum mwd_log_level level, const char *format, ...)
{
    int error = errno;
    char text[LINE_MAX_BYTES]; /* what is cut off here would not fit into the line either */
    va_list arguments;
    int length;

    if (!self || (int)level > atomic_load_explicit(&self->level, memory_order_relaxed))
        return;
    va_start(arguments, format);
    length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_text(self, level, length < 0 ? format : text);
    errno = error;
}
