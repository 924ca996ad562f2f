#include "daemon/http_internal.h"

#include "base/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* "::ffff:127.0.0.1", as sockets that systemd made for both families say it, is 127.0.0.1. */
static bool is_ipv4(const union mwd_http_sockaddr *address, struct in_addr *ret, in_port_t *port)
{
    if (address->any.sa_family == AF_INET) {
        *ret = address->four.sin_addr;
        *port = address->four.sin_port;
        return true;
    }
    if (!IN6_IS_ADDR_V4MAPPED(&address->six.sin6_addr))
        return false;
    memcpy(ret, &address->six.sin6_addr.s6_addr[12], sizeof *ret);
    *port = address->six.sin6_port;
    return true;
}

void mwd_http_address_text(const union mwd_http_sockaddr *address, char *host, char *text)
{
    struct in_addr four;
    in_port_t port;

    if (is_ipv4(address, &four, &port)) {
        inet_ntop(AF_INET, &four, host, INET6_ADDRSTRLEN);
        snprintf(text, MWD_HTTP_HOST_BYTES, "%s:%u", host, ntohs(port));
    } else {
        inet_ntop(AF_INET6, &address->six.sin6_addr, host, INET6_ADDRSTRLEN);
        snprintf(text, MWD_HTTP_HOST_BYTES, "[%s]:%u", host, ntohs(address->six.sin6_port));
    }
}

static void classify(struct mwd_http_listener *self, const union mwd_http_sockaddr *address)
{
    struct in_addr four;
    in_port_t port;

    if (is_ipv4(address, &four, &port)) {
        self->loopback = (ntohl(four.s_addr) >> 24) == IN_LOOPBACKNET;
        self->wildcard = four.s_addr == htonl(INADDR_ANY);
    } else {
        self->loopback = IN6_IS_ADDR_LOOPBACK(&address->six.sin6_addr);
        self->wildcard = IN6_IS_ADDR_UNSPECIFIED(&address->six.sin6_addr);
    }
}

int mwd_http_address_describe(struct mwd_http_listener *self, const char *wanted)
{
    union mwd_http_sockaddr address = {0};
    socklen_t size = sizeof address;
    char text[MWD_HTTP_HOST_BYTES];

    if (getsockname(self->fd, &address.any, &size) < 0)
        return -errno;
    self->is_unix = address.any.sa_family == AF_UNIX;
    if (self->is_unix) {
        snprintf(text, sizeof text, "%s", address.local.sun_path);
    } else {
        mwd_http_address_text(&address, self->host, text);
        classify(self, &address);
    }
    self->wanted = strdup(wanted ? wanted : text);
    self->address = strdup(text);
    return self->wanted && self->address ? 0 : -ENOMEM;
}

/* ---- from text ---- */

/* Cuts "ADDR:PORT" or "[ADDR]:PORT" in two. */
static int split(const char *text, char *host, const char **ret_port)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    size_t size;

    if (!colon || mw_units_parse_count(colon + 1, &port) < 0 || port > UINT16_MAX)
        return -EINVAL;
    size = (size_t)(colon - text);
    if (*text == '[') {
        if (text[--size] != ']')
            return -EINVAL;
        text++;
        size--;
    }
    if (size >= INET6_ADDRSTRLEN)
        return -EINVAL;
    memcpy(host, text, size);
    host[size] = '\0';
    *ret_port = colon + 1;
    return 0;
}

int mwd_http_address_parse(const char *text, struct addrinfo **ret)
{
    const struct addrinfo hints = {.ai_family = *text == '[' ? AF_INET6 : AF_INET,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    char host[INET6_ADDRSTRLEN];
    const char *port;
    struct in_addr four;

    if (split(text, host, &port) < 0)
        return -EINVAL;
    /* getaddrinfo() takes "*" and "127.1" for addresses too. */
    if (*host == '*' || (hints.ai_family == AF_INET && inet_pton(AF_INET, host, &four) != 1))
        return -EINVAL;
    return getaddrinfo(host, port, &hints, ret) == 0 ? 0 : -EINVAL;
}
