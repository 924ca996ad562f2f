/* Lives and deadlines of connections.
 *
 * libmicrohttpd's own timeout starts anew with each byte, so who drips one now and then is never
 * closed; it is not used. Here a request must be complete within request-timeout of the accept or
 * of the end of the answer before it, and its answer be taken within response-timeout, whatever
 * trickles meanwhile. Who is late is found by a sweep and shut down, which libmicrohttpd sees as
 * the client's leaving.
 */
#include "daemon/http_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINGER_MS = 1000, LINGER_READ = 16384, LINGER_READS = 64 };

struct mwd_http_connection *mwd_http_connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void mwd_http_connection_enter(struct mwd_http_connection *self, enum mwd_http_phase phase)
{
    self->phase = phase;
    self->since_ms = uv_now(self->server->loop);
}

/* ---- birth and death ---- */

static struct mwd_http_connection *start(struct mwd_http_server *server, struct MHD_Connection *mhd)
{
    struct mwd_http_connection *self = server->arriving;

    server->arriving = NULL;
    self->mhd = mhd;
    self->next = server->connections;
    if (self->next)
        self->next->prev = self;
    server->connections = self;
    server->by_fd[self->fd] = self;
    server->stats.connections++;
    server->stats.connections_total++;
    mwd_http_connection_enter(self, MWD_HTTP_READING);
    return self;
}

static void end(struct mwd_http_server *server, struct mwd_http_connection *self)
{
    if (self->linger)
        mwd_http_linger_add(server, fcntl(self->fd, F_DUPFD_CLOEXEC, 0));
    server->by_fd[self->fd] = NULL;
    if (self->prev)
        self->prev->next = self->next;
    else
        server->connections = self->next;
    if (self->next)
        self->next->prev = self->prev;
    server->stats.connections--;
    mwd_http_upload_end(self);
    free(self->query);
    free(self);
}

void mwd_http_on_notify(void *server, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *socket_context = start(server, mhd);
    else
        end(server, *socket_context);
}

void mwd_http_on_completed(void *server, struct MHD_Connection *mhd, void **request_context,
                           enum MHD_RequestTerminationCode code)
{
    struct mwd_http_connection *self = *request_context;

    (void)server;
    (void)mhd;
    (void)code;
    if (!self)
        return;
    mwd_http_upload_end(self);
    if (self->query) {
        free(self->query);
        self->query = NULL;
    }
    if (self->phase != MWD_HTTP_ENDING)
        mwd_http_connection_enter(self, MWD_HTTP_READING);
}

bool mwd_http_is_answering(const struct mwd_http_server *self)
{
    for (const struct mwd_http_connection *c = self->connections; c; c = c->next)
        if (c->phase == MWD_HTTP_ANSWERING || c->phase == MWD_HTTP_STREAMING)
            return true;
    return false;
}

/* ---- deadlines ---- */

/* With a reset instead of a farewell: the kernel would keep what was not taken for minutes. */
void mwd_http_connection_cut(struct mwd_http_connection *self)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (self->phase != MWD_HTTP_READING)
        setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    shutdown(self->fd, SHUT_RDWR);
    self->linger = false;
    self->server->stats.timeouts++;
    mwd_http_connection_enter(self, MWD_HTTP_ENDING);
}

static void check_deadline(struct mwd_http_connection *self, uint64_t now_ms)
{
    const struct mwd_http_limits *limits = &self->server->policy->limits;
    uint64_t allowed_ns = limits->request_timeout_ns;

    if (self->phase == MWD_HTTP_STREAMING || self->phase == MWD_HTTP_ENDING)
        return;
    if (self->phase == MWD_HTTP_ANSWERING)
        allowed_ns = limits->response_timeout_ns;
    if (now_ms - self->since_ms >= allowed_ns / MW_NS_PER_MS)
        mwd_http_connection_cut(self);
}

static void check_deadlines(struct mwd_http_server *self)
{
    uint64_t now_ms = uv_now(self->loop);

    for (struct mwd_http_connection *c = self->connections; c; c = c->next)
        check_deadline(c, now_ms);
}

/* ---- lingering ---- */

/* Returns whether the other side is done. */
static bool drain(int fd)
{
    char bytes[LINGER_READ];

    for (int i = 0; i < LINGER_READS; i++) {
        ssize_t size = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

        if (size <= 0)
            return size == 0 || errno != EAGAIN;
    }
    return false;
}

static void drop_linger(struct mwd_http_server *self, uint32_t index)
{
    close(self->lingers[index].fd);
    self->linger_count--;
    memmove(&self->lingers[index], &self->lingers[index + 1],
            (self->linger_count - index) * sizeof self->lingers[0]);
}

void mwd_http_linger_add(struct mwd_http_server *self, int fd)
{
    if (fd < 0)
        return;
    if (drain(fd) || self->closing) {
        close(fd);
        return;
    }
    if (self->linger_count == MWD_HTTP_LINGER_MAX)
        drop_linger(self, 0);
    self->lingers[self->linger_count++] =
        (struct mwd_http_linger){fd, uv_now(self->loop) + LINGER_MS};
    mwd_http_sweep_wanted(self);
}

void mwd_http_linger_close(struct mwd_http_server *self)
{
    while (self->linger_count)
        drop_linger(self, self->linger_count - 1);
}

static void check_lingers(struct mwd_http_server *self)
{
    for (uint32_t i = self->linger_count; i-- > 0;)
        if (drain(self->lingers[i].fd) || uv_now(self->loop) >= self->lingers[i].until_ms)
            drop_linger(self, i);
}

/* ---- the sweep ---- */

void mwd_http_sweep_wanted(struct mwd_http_server *self)
{
    if (!uv_is_active((uv_handle_t *)&self->sweep) && !self->closing)
        uv_timer_start(&self->sweep, mwd_http_on_sweep, MWD_HTTP_SWEEP_MS, MWD_HTTP_SWEEP_MS);
}

/* The turn is also the safety net: whatever libmicrohttpd might have missed waits at most for
 * this. */
void mwd_http_on_sweep(uv_timer_t *timer)
{
    struct mwd_http_server *self = timer->data;

    check_deadlines(self);
    check_lingers(self);
    mwd_http_streams_sweep(self);
    mwd_http_downloads_wake(self, false);
    mwd_http_accept_resume(self);
    mwd_http_turn(self);
    if (!self->connections && !self->linger_count)
        uv_timer_stop(timer);
}
