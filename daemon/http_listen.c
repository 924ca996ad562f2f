#include "daemon/http_internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- birth and death ---- */

static void destroy(struct mwd_http_listener *self)
{
    if (!self)
        return;
    close(self->fd);
    free(self->wanted);
    free(self->address);
    free(self);
}

int mwd_http_listener_create(int fd, const char *wanted, struct mwd_http_listener **ret)
{
    struct mwd_http_listener *self = calloc(1, sizeof *self);
    int r;

    if (!self) {
        close(fd);
        return -ENOMEM;
    }
    self->fd = fd;
    r = mwd_http_address_describe(self, wanted);
    if (r < 0) {
        destroy(self);
        return r;
    }
    *ret = self;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct mwd_http_listener *self = handle->data;
    struct mwd_http_server *server = self->server;

    destroy(self);
    mwd_http_handle_closed(server);
}

static void close_listener(struct mwd_http_listener *self)
{
    if (self->is_unix && !self->activated && mwd_http_unix_is_ours(self))
        unlink(self->wanted);
    if (self->polled)
        uv_close((uv_handle_t *)&self->poll, on_closed);
    else
        destroy(self);
}

void mwd_http_listeners_discard(struct mwd_http_listener *list)
{
    while (list) {
        struct mwd_http_listener *next = list->next;

        close_listener(list);
        list = next;
    }
}

/* ---- TCP ---- */

static int prepare(int fd, const struct addrinfo *address)
{
    const int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -errno;
    /* So that [::]:9636 and 0.0.0.0:9636 can both be listed, and mean what they say. */
    if (address->ai_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return -errno;
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0)
        return -errno;
    return listen(fd, SOMAXCONN) < 0 ? -errno : 0;
}

static int open_resolved(const struct addrinfo *address, const char *text,
                         struct mwd_http_listener **ret)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    r = prepare(fd, address);
    if (r < 0) {
        close(fd);
        return r;
    }
    return mwd_http_listener_create(fd, text, ret);
}

/* *ret is NULL when the address is an IPv6 one on a machine that has none of it. */
static int open_tcp(const char *text, struct mwd_buffer *error, struct mwd_http_listener **ret)
{
    struct addrinfo *address;
    bool six;
    int r = mwd_http_address_parse(text, &address);

    if (r < 0) {
        mwd_buffer_printf(error,
                          "listen: \"%s\" is not an address; it takes ADDR:PORT in numbers, as "
                          "127.0.0.1:9636 or [::1]:9636",
                          text);
        return r;
    }
    *ret = NULL;
    six = address->ai_family == AF_INET6;
    r = open_resolved(address, text, ret);
    freeaddrinfo(address);
    if (six && (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT))
        return 0;
    if (r < 0)
        mwd_buffer_printf(error, "listen: %s: %s", text, strerror(-r));
    return r;
}

/* ---- all of them ---- */

static struct mwd_http_listener *find(struct mwd_http_listener *list, const char *wanted)
{
    for (; list; list = list->next)
        if (!list->activated && strcmp(list->wanted, wanted) == 0)
            return list;
    return NULL;
}

static void append(struct mwd_http_listener **list, struct mwd_http_listener *one)
{
    while (*list)
        list = &(*list)->next;
    *list = one;
}

static int want_tcp(struct mwd_http_server *self, const char *text, struct mwd_buffer *error,
                    struct mwd_http_listener **fresh)
{
    struct mwd_http_listener *one = find(self->listeners, text);
    int r;

    if (one)
        one->kept = true;
    if (one || find(*fresh, text))
        return 0;
    r = open_tcp(text, error, &one);
    if (r < 0)
        return r;
    if (one)
        append(fresh, one);
    else
        mwd_log(self->log, MWD_LOG_WARNING,
                "listen: %s: this machine has no IPv6: going on without it; take it out of listen "
                "to be rid of this line",
                text);
    return 0;
}

static int want_unix(struct mwd_http_server *self, const char *path, struct mwd_buffer *error,
                     struct mwd_http_listener **fresh)
{
    struct mwd_http_listener *one = find(self->listeners, path);
    int r;

    if (one && mwd_http_unix_is_ours(one)) {
        one->kept = true;
        return 0;
    }
    r = mwd_http_unix_open(path, error, &one);
    if (r == 0)
        append(fresh, one);
    return r;
}

static bool has_any(struct mwd_http_server *self, const struct mwd_http_listener *fresh)
{
    for (const struct mwd_http_listener *l = self->listeners; l; l = l->next)
        if (l->kept)
            return true;
    return fresh != NULL;
}

/* Sockets from systemd stand in place of what is configured for their kind. */
static int want_all(struct mwd_http_server *self, const struct mwd_http_settings *settings,
                    struct mwd_buffer *error, struct mwd_http_listener **fresh)
{
    int r = 0;

    for (struct mwd_http_listener *l = self->listeners; l; l = l->next)
        l->kept = l->activated;
    for (uint32_t i = 0; !self->activated_tcp && r == 0 && i < settings->listen_count; i++)
        r = want_tcp(self, settings->listen[i], error, fresh);
    if (r == 0 && !self->activated_unix && *settings->socket)
        r = want_unix(self, settings->socket, error, fresh);
    if (r == 0 && !has_any(self, *fresh)) {
        mwd_buffer_puts(error, settings->listen_count
                                   ? "listen: none of the addresses is there on this machine"
                                   : "listen, socket: both are empty, so nobody could connect");
        r = -EADDRNOTAVAIL;
    }
    return r;
}

int mwd_http_listeners_open(struct mwd_http_server *self, const struct mwd_http_settings *settings,
                            struct mwd_buffer *error, struct mwd_http_listener **ret)
{
    struct mwd_http_listener *fresh = NULL;
    int r = want_all(self, settings, error, &fresh);

    if (r < 0)
        mwd_http_listeners_discard(fresh);
    else
        *ret = fresh;
    return r;
}

static int start(struct mwd_http_server *self, struct mwd_http_listener *one)
{
    int r = uv_poll_init(self->loop, &one->poll, one->fd);

    if (r < 0)
        return r;
    one->server = self;
    one->poll.data = one;
    one->polled = true;
    self->handles++;
    return uv_poll_start(&one->poll, UV_READABLE, mwd_http_on_connection);
}

int mwd_http_listeners_start(struct mwd_http_server *self, struct mwd_http_listener *list)
{
    for (struct mwd_http_listener *l = list; l; l = l->next) {
        int r = start(self, l);

        if (r < 0) {
            mwd_http_listeners_discard(list);
            return r;
        }
        l->kept = true;
    }
    append(&self->listeners, list);
    return 0;
}

void mwd_http_listeners_close_others(struct mwd_http_server *self)
{
    struct mwd_http_listener **at = &self->listeners;

    while (*at) {
        struct mwd_http_listener *one = *at;

        if (one->kept) {
            one->kept = false;
            at = &one->next;
        } else {
            *at = one->next;
            close_listener(one);
        }
    }
}
