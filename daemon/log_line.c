#include "daemon/log_internal.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char ellipsis[] = "...";

static void put_priority(struct mwd_log_line *line, enum mwd_log_level level)
{
    static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};

    line->size = (size_t)(stpcpy(line->bytes, priorities[level]) - line->bytes);
}

static void put_time_and_level(struct mwd_log_line *line, enum mwd_log_level level)
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

void mwd_log_line_begin(struct mwd_log_line *self, enum mwd_log_level level, bool priority)
{
    if (priority)
        put_priority(self, level);
    else
        put_time_and_level(self, level);
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
static bool put_character(struct mwd_log_line *line, const char *text, size_t size,
                          size_t *ret_taken)
{
    char escape[5];
    size_t shown = shown_as_is(text, size);
    size_t length = shown ? shown : 4;

    if (line->size + length > MWD_LOG_LINE_MAX - 1)
        return false;
    if (!shown)
        snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)text[0]);
    memcpy(line->bytes + line->size, shown ? text : escape, length);
    line->size += length;
    *ret_taken = shown ? shown : 1;
    return true;
}

void mwd_log_line_put(struct mwd_log_line *self, const char *text)
{
    size_t size = strlen(text);
    size_t ellipsis_size = sizeof(ellipsis) - 1;
    size_t ellipsis_at = self->size;
    size_t taken;

    for (size_t at = 0; at < size; at += taken) {
        if (!put_character(self, text + at, size - at, &taken)) {
            memcpy(self->bytes + ellipsis_at, ellipsis, ellipsis_size);
            self->size = ellipsis_at + ellipsis_size;
            return;
        }
        if (self->size <= MWD_LOG_LINE_MAX - 1 - ellipsis_size)
            ellipsis_at = self->size;
    }
}
