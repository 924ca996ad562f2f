#include "daemon/http_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- one name ---- */

static bool is_port(const char *text)
{
    if (*text == '\0')
        return true;
    return *text == ':' && strspn(text + 1, "0123456789") == strlen(text + 1);
}

/* An IPv6 address has many spellings; libc's own is the one that is compared. */
static int copy_ipv6(const char *from, size_t size, char *ret)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (size >= sizeof text)
        return -EINVAL;
    memcpy(text, from, size);
    text[size] = '\0';
    if (inet_pton(AF_INET6, text, &address) != 1)
        return -EINVAL;
    inet_ntop(AF_INET6, &address, ret, MWD_HTTP_HOST_BYTES);
    return 0;
}

static int copy_name(const char *from, size_t size, char *ret)
{
    if (size && from[size - 1] == '.') /* the root of DNS, said aloud */
        size--;
    if (!size || size >= MWD_HTTP_HOST_BYTES)
        return -EINVAL;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)from[i];

        if (!isalnum(c) && c != '.' && c != '-' && c != '_')
            return -EINVAL;
        ret[i] = (char)tolower(c);
    }
    ret[size] = '\0';
    return 0;
}

/* NAME, NAME:PORT, [IPV6], [IPV6]:PORT to a lower-case name without port. */
static int normalize(const char *text, char *ret)
{
    const char *end;

    if (*text == '[') {
        end = strchr(text, ']');
        if (!end || !is_port(end + 1))
            return -EINVAL;
        return copy_ipv6(text + 1, (size_t)(end - text - 1), ret);
    }
    end = strchr(text, ':');
    if (!end)
        return copy_name(text, strlen(text), ret);
    if (strchr(end + 1, ':')) /* an IPv6 address without brackets, as settings may say it */
        return copy_ipv6(text, strlen(text), ret);
    if (!is_port(end))
        return -EINVAL;
    return copy_name(text, (size_t)(end - text), ret);
}

/* ---- the set ---- */

static bool has(const struct mwd_http_hosts *self, const char *name)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (strcmp(self->names[i], name) == 0)
            return true;
    return false;
}

int mwd_http_hosts_add(struct mwd_http_hosts *self, const char *name)
{
    char normal[MWD_HTTP_HOST_BYTES] = {0};
    void *grown;

    if (normalize(name, normal) < 0)
        return -EINVAL;
    if (has(self, normal))
        return 0;
    grown = realloc(self->names, (self->count + 1) * sizeof self->names[0]);
    if (!grown)
        return -ENOMEM;
    self->names = grown;
    memcpy(self->names[self->count++], normal, sizeof normal);
    return 0;
}

void mwd_http_hosts_deinit(struct mwd_http_hosts *self)
{
    free(self->names);
    *self = (struct mwd_http_hosts){0};
}

bool mwd_http_hosts_allow(const struct mwd_http_hosts *self, const char *arrival, const char *host)
{
    char normal[MWD_HTTP_HOST_BYTES];

    if (!host || normalize(host, normal) < 0)
        return false;
    return has(self, normal) || (arrival && strcmp(arrival, normal) == 0);
}

bool mwd_http_hosts_allow_origin(const struct mwd_http_hosts *self, const char *arrival,
                                 const char *origin)
{
    if (strncasecmp(origin, "http://", 7) == 0)
        return mwd_http_hosts_allow(self, arrival, origin + 7);
    if (strncasecmp(origin, "https://", 8) == 0)
        return mwd_http_hosts_allow(self, arrival, origin + 8);
    return false;
}
