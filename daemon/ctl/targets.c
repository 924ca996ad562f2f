/* Machines as people write them, into what Prometheus reads as file_sd: addresses with their port,
 * and labels. What Prometheus would refuse or quietly take for something else is refused here,
 * where the place is known: a scheme or a path, an address of IPv6 without brackets, a port that is
 * none. */
#include "daemon/ctl/targets.h"

#include "base/utf8.h"
#include "daemon/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HOST_MAX = 253, PART_MAX = 63, PORT_DIGITS = 5, SHOWN_MAX = 80 };

static const char digits[] = "0123456789";
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

/* How many bytes from the start on are of the set. */
static size_t span(const char *text, size_t size, const char *set)
{
    size_t at = 0;

    while (at < size && is_one_of(text[at], set))
        at++;
    return at;
}

static bool is_address(int family, const char *text, size_t size)
{
    char copy[INET6_ADDRSTRLEN], bytes[sizeof(struct in6_addr)];

    if (size >= sizeof copy || memchr(text, '\0', size))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return inet_pton(family, copy, bytes) == 1;
}

/* ---- hosts ---- */

/* A part of a name, between dots. '_' is in no name of a machine, but in names of containers. */
static bool is_part(const char *text, size_t size)
{
    if (size == 0 || size > PART_MAX || text[0] == '-' || text[size - 1] == '-')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_one_of(text[i], letters) && !is_one_of(text[i], digits) && text[i] != '-' &&
            text[i] != '_')
            return false;
    return true;
}

/* What looks like an address of IPv4 has to be one. */
static bool is_host(const char *text, size_t size)
{
    if (size == 0 || size > HOST_MAX)
        return false;
    if (span(text, size, "0123456789.") == size)
        return is_address(AF_INET, text, size);
    for (size_t begin = 0; begin <= size;) {
        const char *dot = memchr(text + begin, '.', size - begin);
        size_t end = dot ? (size_t)(dot - text) : size;

        if (!is_part(text + begin, end - begin))
            return false;
        begin = end + 1;
    }
    return true;
}

static bool parse_port(const char *text, size_t size, unsigned *ret)
{
    unsigned port = 0;

    if (size == 0 || size > PORT_DIGITS || span(text, size, digits) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    *ret = port;
    return port >= 1 && port <= 65535;
}

/* Length of the host in "host:port" or "[address]:port"; brackets are a part of it. */
static size_t host_size(const char *text, size_t size)
{
    const char *end = size > 0 && text[0] == '[' ? memchr(text, ']', size) : NULL;
    const char *colon = memchr(text, ':', size);

    if (end)
        return (size_t)(end - text) + 1;
    return colon ? (size_t)(colon - text) : size;
}

static const char *check_host(const char *text, size_t size, size_t host)
{
    if (memchr(text, '/', size))
        return "only HOST or HOST:PORT is taken, without a scheme or a path";
    if (text[0] == '[')
        return host > 2 && text[host - 1] == ']' && is_address(AF_INET6, text + 1, host - 2)
                   ? NULL
                   : "between brackets stands an address of IPv6, as [2001:db8::7]:9636";
    if (host < size && memchr(text + host + 1, ':', size - host - 1))
        return "an address of IPv6 stands in brackets, as [2001:db8::7]:9636";
    if (!is_host(text, host))
        return "a host is a name of letters, digits, dots and hyphens, or an address";
    return NULL;
}

const char *mwd_ctl_target_parse(const char *text, size_t size, char ret[MWD_CTL_TARGET_ROOM])
{
    size_t host = host_size(text, size);
    unsigned port = MWD_CTL_TARGET_PORT;
    const char *why = size == 0 ? "a host is missing" : check_host(text, size, host);

    if (why)
        return why;
    if (host < size && (text[host] != ':' || !parse_port(text + host + 1, size - host - 1, &port)))
        return "a port is a whole number from 1 to 65535";
    snprintf(ret, MWD_CTL_TARGET_ROOM, "%.*s:%u", (int)host, text, port);
    return NULL;
}

/* ---- labels ---- */

const char *mwd_ctl_target_label(const char *text, struct mwd_ctl_target_label *ret)
{
    const char *equals = strchr(text, '=');
    size_t size = equals ? (size_t)(equals - text) : 0;

    if (size == 0 || size >= sizeof ret->name)
        return "takes NAME=TEXT, as environment=production; a name has 1 to 63 bytes";
    for (size_t i = 0; i < size; i++)
        if (!is_one_of(text[i], letters) && text[i] != '_' &&
            (i == 0 || !is_one_of(text[i], digits)))
            return "a name is of letters, digits and _, and does not begin with a digit";
    if (!mw_utf8_valid(equals + 1, strlen(equals + 1)))
        return "the text is not UTF-8";
    memcpy(ret->name, text, size);
    ret->name[size] = '\0';
    ret->text = equals + 1;
    return NULL;
}

/* ---- the list ---- */

void mwd_ctl_targets_init(struct mwd_ctl_targets *self)
{
    *self = (struct mwd_ctl_targets){.count = 0};
    mwd_buffer_init(&self->list, MWD_CTL_TARGETS_BYTES);
    mwd_buffer_init(&self->mistakes, MWD_CTL_TARGETS_BYTES);
}

void mwd_ctl_targets_deinit(struct mwd_ctl_targets *self)
{
    mwd_buffer_deinit(&self->list);
    mwd_buffer_deinit(&self->mistakes);
}

/* The first few; the others are counted. */
static void add_mistake(struct mwd_ctl_targets *self, const char *place, const char *text,
                        size_t size, const char *why)
{
    bool is_long = size > SHOWN_MAX;

    if (self->mistake_count++ < MWD_CTL_TARGETS_MISTAKES)
        mwd_buffer_printf(&self->mistakes, "%s: \"%.*s%s\": %s%c", place,
                          is_long ? SHOWN_MAX : (int)size, text, is_long ? "..." : "", why, '\0');
}

void mwd_ctl_targets_add(struct mwd_ctl_targets *self, const char *place, const char *text,
                         size_t size)
{
    char target[MWD_CTL_TARGET_ROOM];
    const char *why = mwd_ctl_target_parse(text, size, target);

    if (why) {
        add_mistake(self, place, text, size, why);
        return;
    }
    mwd_buffer_printf(&self->list, "%s\n      \"%s\"", self->count > 0 ? "," : "", target);
    self->count++;
}

void mwd_ctl_targets_add_line(struct mwd_ctl_targets *self, const char *place, const char *line,
                              size_t size)
{
    const char *comment = memchr(line, '#', size);
    size_t end = comment ? (size_t)(comment - line) : size;

    for (size_t at = 0; at < end;) {
        size_t blank = span(line + at, end - at, " \t\r\v\f");
        size_t begin = at + blank;

        for (at = begin; at < end && !is_one_of(line[at], " \t\r\v\f");)
            at++;
        if (at > begin)
            mwd_ctl_targets_add(self, place, line + begin, at - begin);
    }
}

int mwd_ctl_targets_render(const struct mwd_ctl_targets *self,
                           const struct mwd_ctl_target_label *labels, unsigned label_count,
                           struct mwd_buffer *out)
{
    struct mwd_json json;

    if (self->list.failed)
        return self->list.failed;
    mwd_buffer_puts(out, "[\n  {\n    \"targets\": [");
    mwd_buffer_append(out, self->list.bytes, self->list.size);
    mwd_buffer_puts(out, "\n    ]");
    if (label_count > 0) {
        mwd_buffer_puts(out, ",\n    \"labels\": ");
        mwd_json_init(&json, out);
        mwd_json_open_object(&json);
        for (unsigned i = 0; i < label_count; i++) {
            mwd_json_key(&json, labels[i].name);
            mwd_json_string(&json, labels[i].text);
        }
        mwd_json_close_object(&json);
    }
    mwd_buffer_puts(out, "\n  }\n]\n");
    return out->failed;
}
