/* Who gets in. At the limit, and when descriptors are used up, a newcomer is told so and let go;
 * it is never left waiting in the backlog. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AT_ONCE = 64, REFUSAL_READ = 4096 };

void mwd_http_reserve_open(struct mwd_http_server *self)
{
    if (self->reserve_fd < 0)
        self->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* ---- refusing ---- */

static void say_full(struct mwd_http_server *self, int fd, const char *why)
{
    struct mwd_http_problem problem;

    mwd_http_problem(&problem, 503, "%s", why);
    problem.retry_after_s = 1;
    self->stats.rejections++;
    mwd_http_send_refusal(fd, &problem);
    shutdown(fd, SHUT_WR);
}

/* Without a free descriptor accept() cannot even refuse: the reserve is given up for the moment of
 * one refusal. Returns whether one could be accepted. */
static bool refuse_with_reserve(struct mwd_http_server *self, struct mwd_http_listener *listener)
{
    char request[REFUSAL_READ];
    int fd;

    if (self->reserve_fd < 0)
        return false;
    close(self->reserve_fd);
    self->reserve_fd = -1;
    fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        say_full(self, fd,
                 "no descriptor is left for another connection: raise the daemon's limit of open "
                 "files (LimitNOFILE= of its unit, or ulimit -n)");
        /* Closing with bytes unread would send a reset, which may overtake the answer. */
        (void)!recv(fd, request, sizeof request, MSG_DONTWAIT);
        close(fd);
    }
    mwd_http_reserve_open(self);
    return fd >= 0;
}

/* ---- limits ---- */

static uint32_t places(const struct mwd_http_server *self, bool is_unix)
{
    uint32_t all = self->policy->limits.max_connections;
    uint32_t kept = MWD_HTTP_UNIX_PLACES < all / 2 ? MWD_HTTP_UNIX_PLACES : all / 2;

    if (is_unix)
        return all;
    for (const struct mwd_http_listener *l = self->listeners; l; l = l->next)
        if (l->is_unix)
            return all - kept;
    return all;
}

/* Connections that have ended may still be counted: libmicrohttpd gets a chance to notice. */
static bool is_full(struct mwd_http_server *self, bool is_unix)
{
    uint32_t limit = places(self, is_unix);

    if (self->stats.connections < limit)
        return false;
    mwd_http_turn(self);
    return self->stats.connections >= limit;
}

/* ---- letting in ---- */

static void note_arrival(struct mwd_http_connection *connection,
                         const struct mwd_http_listener *listener)
{
    union mwd_http_sockaddr address = {0};
    socklen_t size = sizeof address;
    char text[MWD_HTTP_HOST_BYTES];

    if (listener->wildcard && getsockname(connection->fd, &address.any, &size) == 0)
        mwd_http_address_text(&address, connection->arrival, text);
}

static void note_peer(struct mwd_http_connection *connection)
{
    socklen_t size = sizeof connection->peer;

    if (getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &connection->peer, &size) < 0)
        connection->peer.uid = (uid_t)-1;
}

static void admit(struct mwd_http_server *self, const struct mwd_http_listener *listener, int fd,
                  const struct sockaddr *address, socklen_t size)
{
    struct mwd_http_connection *connection = calloc(1, sizeof *connection);

    if (!connection || mwd_http_recv_expect(self, fd) < 0) {
        free(connection);
        self->stats.rejections++;
        close(fd);
        return;
    }
    connection->server = self;
    connection->fd = fd;
    connection->is_unix = listener->is_unix;
    connection->remote = !listener->is_unix && !listener->loopback;
    if (listener->is_unix)
        note_peer(connection);
    else
        note_arrival(connection, listener);
    self->arriving = connection;
    if (MHD_add_connection(self->daemon, fd, address, size) == MHD_NO)
        self->stats.rejections++; /* it has closed the descriptor */
    free(self->arriving);         /* unless it became a connection, see mwd_http_on_notify() */
    self->arriving = NULL;
    mwd_http_sweep_wanted(self);
}

static void pause_listener(struct mwd_http_listener *listener)
{
    uv_poll_stop(&listener->poll);
    listener->paused = true;
    mwd_http_sweep_wanted(listener->server);
}

void mwd_http_accept_resume(struct mwd_http_server *self)
{
    mwd_http_reserve_open(self);
    for (struct mwd_http_listener *l = self->listeners; l; l = l->next) {
        if (!l->paused)
            continue;
        l->paused = false;
        uv_poll_start(&l->poll, UV_READABLE, mwd_http_on_connection);
    }
}

/* What to do when accept() fails: true to go on with the next. */
static bool survive(struct mwd_http_server *self, struct mwd_http_listener *listener, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        if (refuse_with_reserve(self, listener))
            return true;
        break;
    case ENOMEM:
    case ENOBUFS:
        break;
    default: /* the client went away again, or was stopped by the network: its own matter */
        return true;
    }
    pause_listener(listener);
    return false;
}

static bool accept_one(struct mwd_http_server *self, struct mwd_http_listener *listener)
{
    union mwd_http_sockaddr address = {0};
    socklen_t size = sizeof address;
    int fd = accept4(listener->fd, &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return survive(self, listener, errno);
    if (is_full(self, listener->is_unix)) {
        say_full(self, fd, "as many connections are open as max-connections allows");
        mwd_http_linger_add(self, fd);
    } else {
        admit(self, listener, fd, &address.any, size);
    }
    return true;
}

void mwd_http_on_connection(uv_poll_t *handle, int status, int events)
{
    struct mwd_http_listener *listener = handle->data;

    (void)events;
    if (status < 0) {
        pause_listener(listener);
        return;
    }
    for (int i = 0; i < AT_ONCE && !listener->server->closing; i++)
        if (!accept_one(listener->server, listener))
            break;
}
