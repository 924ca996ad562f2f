/* Alerts in systemd's journal, by its native protocol: one datagram an entry. A value on one line
 * is FIELD=VALUE; one with a newline in it is FIELD, its length as 64 bits, low byte first, and the
 * bytes.
 *
 *     MESSAGE             the summary
 *     MESSAGE_ID          one for all firings, one for all resolved: `journalctl MESSAGE_ID=...`
 *     PRIORITY            2 critical, 4 warning, 6 info; 5 resolved
 *     SYSLOG_IDENTIFIER   memwatchd
 *     MEMWATCHD_EVENT     alert-firing, alert-resolved
 *     MEMWATCHD_ID, MEMWATCHD_FINGERPRINT, MEMWATCHD_STATUS, MEMWATCHD_SEVERITY
 *     MEMWATCHD_LABEL_*   each label, its name in capitals
 *     MEMWATCHD_BODY      what a webhook would get
 */
#include "daemon/sink_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Made by chance once, and part of the interface: memwatchd(8) names them. */
#define FIRING_ID "5b1ac0a8e0f94f52a1f6ad0c9e1f3b70"
#define RESOLVED_ID "c2d7719f0b3c4e6c8a5c4f6f2be9d814"

/* ---- rendering ---- */

static void put_field(struct mwd_buffer *out, const char *name, const char *value, size_t size)
{
    unsigned char length[8];

    mwd_buffer_puts(out, name);
    if (memchr(value, '\n', size)) {
        for (int i = 0; i < 8; i++)
            length[i] = (unsigned char)((uint64_t)size >> (8 * i));
        mwd_buffer_puts(out, "\n");
        mwd_buffer_append(out, (const char *)length, sizeof length);
    } else {
        mwd_buffer_puts(out, "=");
    }
    mwd_buffer_append(out, value, size);
    mwd_buffer_puts(out, "\n");
}

static void put_text(struct mwd_buffer *out, const char *name, const char *value)
{
    put_field(out, name, value ? value : "", value ? strlen(value) : 0);
}

/* Names of fields are capitals, digits and '_', at most 64 of them. */
static void put_label(struct mwd_buffer *out, const struct mwd_sink_pair *label)
{
    char name[65] = "MEMWATCHD_LABEL_";
    size_t size = strlen(name);

    for (const char *at = label->name; *at && size < sizeof name - 1; at++) {
        bool fits = (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');

        name[size] = '_';
        if (fits)
            name[size] = *at;
        else if (*at >= 'a' && *at <= 'z')
            name[size] = (char)(*at - 'a' + 'A');
        size++;
    }
    name[size] = '\0';
    put_text(out, name, label->value);
}

static const char *priority_of(const struct mwd_sink_message *message)
{
    if (message->status == MWD_SINK_RESOLVED)
        return "5";
    if (message->severity && strcmp(message->severity, "critical") == 0)
        return "2";
    return message->severity && strcmp(message->severity, "info") == 0 ? "6" : "4";
}

void mwd_sink_journal_render(const struct mwd_sink_message *message, const char *body,
                             size_t body_size, struct mwd_buffer *out)
{
    bool firing = message->status == MWD_SINK_FIRING;

    put_text(out, "MESSAGE_ID", firing ? FIRING_ID : RESOLVED_ID);
    put_text(out, "PRIORITY", priority_of(message));
    put_text(out, "SYSLOG_IDENTIFIER", "memwatchd");
    put_text(out, "MEMWATCHD_EVENT", firing ? "alert-firing" : "alert-resolved");
    put_text(out, "MEMWATCHD_ID", message->id);
    put_text(out, "MEMWATCHD_FINGERPRINT", message->fingerprint);
    put_text(out, "MEMWATCHD_STATUS", firing ? "firing" : "resolved");
    put_text(out, "MEMWATCHD_SEVERITY", message->severity);
    for (uint32_t i = 0; i < message->label_count; i++)
        put_label(out, &message->labels[i]);
    put_text(out, "MESSAGE", message->summary);
    put_field(out, "MEMWATCHD_BODY", body, body_size);
}

/* ---- sending ---- */

static int send_to(int fd, const char *path, const char *entry, size_t size)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    ssize_t sent;

    if (strlen(path) >= sizeof to.sun_path)
        return -ENAMETOOLONG;
    memcpy(to.sun_path, path, strlen(path) + 1);
    do
        sent = sendto(fd, entry, size, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int mwd_sink_journal_send(const char *path, const char *entry, size_t size)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    int r = send_to(fd, path, entry, size);
    close(fd);
    return r;
}
