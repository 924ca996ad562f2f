/* The journal's native protocol: one datagram an entry, FIELD=VALUE a line.
 *
 *     MESSAGE             the line
 *     PRIORITY            3, 4, 6 or 7, as syslog(3) counts
 *     SYSLOG_IDENTIFIER   memwatchd
 *     MEMWATCHD_EVENT     which event it is, for lines that are counted: `journalctl
 *                         MEMWATCHD_EVENT=source-fault` finds all of one kind
 *     MEMWATCHD_WHERE     file, address or setting that it is about
 *     MEMWATCHD_COUNT     how often it has happened since the line before
 *
 * All texts have their control characters escaped, so no value ever holds a newline and the
 * protocol's other form, with lengths, is not needed.
 */
#include "daemon/log_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* systemd names the journal's socket in $JOURNAL_STREAM as DEVICE:INODE. A child whose stderr went
 * elsewhere still inherits the variable, hence the comparison. */
bool mwd_log_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];

    if (!stream || fstat(fd, &status) < 0)
        return false;
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(own, stream) == 0;
}

void mwd_log_journal_open(struct mwd_log_journal *self, int fd, const char *path)
{
    self->path = path;
    self->fd = -1;
    if (mwd_log_is_journal(fd))
        self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void mwd_log_journal_close(struct mwd_log_journal *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

static void end_field(struct mwd_log_line *line)
{
    line->bytes[line->size++] = '\n';
}

static void put_field(struct mwd_log_line *line, const char *name, const char *value)
{
    mwd_log_line_put(line, name);
    mwd_log_line_put(line, "=");
    mwd_log_line_put(line, value);
    end_field(line);
}

static void put_event(struct mwd_log_line *line, const struct mwd_log_entry *entry)
{
    char count[24];

    snprintf(count, sizeof(count), "%" PRIu64, entry->count);
    put_field(line, "MEMWATCHD_EVENT", entry->event->name);
    put_field(line, "MEMWATCHD_WHERE", entry->event->where);
    put_field(line, "MEMWATCHD_COUNT", count);
}

/* The short fields come first: a message that is too long is cut off, they are not. */
static void put_entry(struct mwd_log_line *line, const struct mwd_log_entry *entry)
{
    static const char *const priorities[] = {"3", "4", "6", "7"};

    line->size = 0;
    put_field(line, "PRIORITY", priorities[entry->level]);
    put_field(line, "SYSLOG_IDENTIFIER", "memwatchd");
    if (entry->event)
        put_event(line, entry);
    put_field(line, "MESSAGE", entry->text);
}

int mwd_log_journal_send(struct mwd_log_journal *self, const struct mwd_log_entry *entry)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct mwd_log_line line;
    ssize_t sent;

    if (strlen(self->path) >= sizeof(to.sun_path))
        return -ENAMETOOLONG;
    memcpy(to.sun_path, self->path, strlen(self->path) + 1);
    put_entry(&line, entry);
    do
        sent = sendto(self->fd, line.bytes, line.size, MSG_NOSIGNAL, (struct sockaddr *)&to,
                      sizeof(to));
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}
