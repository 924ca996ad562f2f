/* libmicrohttpd 0.9.75 in a libuv loop: what can go wrong, and what stands against it here.
 *
 * - It keeps half-done work in a list of its own. MHD_get_timeout() saying yes means "run again
 *   now" (its timeouts are off, so there is no other reason), and an idle handle does that.
 * - At its connection limit or without descriptors it goes deaf, for it stops watching the listen
 *   socket and wakes only by accident. It gets no listen socket: http_accept.c accepts, at limits
 *   of ours; MHD_run() is repeated while connections end; and a sweep runs it twice a second.
 * - MHD_resume_connection() does nothing until the next MHD_run(), which therefore follows at once.
 * - A content reader that returns 0 is asked again at once, and MHD_stop_daemon() aborts when a
 *   connection is suspended: http_events.c and http_download.c suspend first, and here both end
 * before the stop.
 * - Its idle timeout is moved by every byte: http_connection.c counts from the beginning.
 * - It refuses some requests by itself, in HTML: http_problem.c.
 * - It lets pass a missing Host, a Content-Length beside a Transfer-Encoding, blanks in field
 *   names: http_head.c.
 * - Over unix sockets it complains of TCP options for each connection: dropped from the log.
 */
#include "base/clock.h"
#include "daemon/http_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { LINE_BYTES = 512, DRAIN_STEP_MS = 10 };

/* ---- running libmicrohttpd ---- */

static void on_again(uv_idle_t *handle)
{
    mwd_http_turn(handle->data);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    mwd_http_turn(handle->data);
}

void mwd_http_turn(struct mwd_http_server *self)
{
    MHD_UNSIGNED_LONG_LONG ignored;
    uint32_t before;

    self->rerun = true;
    if (self->running)
        return;
    self->running = true;
    do {
        before = self->stats.connections;
        self->rerun = false;
        mwd_http_recv_begin(self);
        MHD_run(self->daemon);
        mwd_http_recv_end();
    } while (self->rerun || self->stats.connections < before);
    self->running = false;
    if (MHD_get_timeout(self->daemon, &ignored) == MHD_YES)
        uv_idle_start(&self->again, on_again);
    else
        uv_idle_stop(&self->again);
}

static void on_message(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void on_message(void *context, const char *format, va_list arguments)
{
    struct mwd_http_server *self = context;
    char line[LINE_BYTES];

    if (strstr(format, "TCP_NODELAY") || strstr(format, "TCP_CORK"))
        return;
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    if (!strstr(line, "TCP_NODELAY") && !strstr(line, "TCP_CORK"))
        mwd_log(self->log, MWD_LOG_DEBUG, "libmicrohttpd: %s", line);
}

static int start_daemon(struct mwd_http_server *self)
{
    self->queue_response = mwd_http_queue_function();
    if (!self->queue_response)
        return -ENOSYS;
    self->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, mwd_http_on_request, self, MHD_OPTION_EXTERNAL_LOGGER, on_message, self,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT32_MAX, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MWD_HTTP_POOL_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, mwd_http_on_notify, self, MHD_OPTION_NOTIFY_COMPLETED,
        mwd_http_on_completed, self, MHD_OPTION_URI_LOG_CALLBACK, mwd_http_on_uri, self,
        MHD_OPTION_UNESCAPE_CALLBACK, mwd_http_on_unescape, self, MHD_OPTION_END);
    return self->daemon ? 0 : -ENOMEM;
}

/* ---- birth ---- */

static void open_handles(struct mwd_http_server *self)
{
    uv_timer_init(self->loop, &self->sweep);
    uv_timer_init(self->loop, &self->drain);
    uv_idle_init(self->loop, &self->again);
    self->sweep.data = self->drain.data = self->again.data = self->poll.data = self;
    self->handles += 3;
}

static int open_poll(struct mwd_http_server *self)
{
    int fd = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int r = uv_poll_init(self->loop, &self->poll, fd);

    if (r < 0)
        return r;
    self->poll_open = true;
    self->handles++;
    return uv_poll_start(&self->poll, UV_READABLE, on_readable);
}

static int take_activated(struct mwd_http_server *self, struct mwd_buffer *error)
{
    int r = mwd_http_activation_take(error, &self->listeners);

    for (const struct mwd_http_listener *l = self->listeners; l; l = l->next) {
        self->activated_unix |= l->is_unix;
        self->activated_tcp |= !l->is_unix;
    }
    return r;
}

static int init(struct mwd_http_server *self, const struct mwd_route *routes, uint32_t route_count,
                struct mw_store *store)
{
    int r;
    uint64_t boot;

    self->routes = calloc(route_count, sizeof *self->routes);
    if (!self->routes)
        return -ENOMEM;
    self->route_count = route_count;
    mwd_http_routes_init(self->routes, routes, route_count);
    if (getrandom(&boot, sizeof boot, 0) != sizeof boot)
        return -errno;
    snprintf(self->boot, sizeof self->boot, "%016" PRIx64, boot);
    mwd_http_reserve_open(self);
    r = mwd_http_bodies_init(self, store);
    if (r == 0)
        r = mwd_http_events_init(self);
    return r == 0 ? start_daemon(self) : r;
}

/* Everything that is not a handle. */
static void destroy(struct mwd_http_server *self)
{
    if (self->daemon)
        MHD_stop_daemon(self->daemon);
    mwd_http_events_deinit(self);
    mwd_http_bodies_deinit(self);
    if (self->reserve_fd >= 0)
        close(self->reserve_fd);
    mwd_http_listeners_discard(self->listeners);
    mwd_http_policy_destroy(self->policy);
    free(self->routes);
    free(self->by_fd);
    free(self);
}

/* From here on the loop knows the server: it can go only by mwd_http_server_close(). */
static int enter_loop(struct mwd_http_server *self, struct mwd_http_listener *fresh)
{
    struct mwd_http_listener *activated = self->listeners;
    int r;

    open_handles(self);
    r = open_poll(self);
    self->listeners = NULL;
    if (r == 0)
        r = mwd_http_listeners_start(self, activated);
    if (r == 0)
        r = mwd_http_listeners_start(self, fresh);
    return r;
}

/* ---- death ---- */

void mwd_http_handle_closed(struct mwd_http_server *self)
{
    void (*on_closed)(void *context) = self->on_closed;
    void *context = self->closed_context;

    if (--self->handles > 0)
        return;
    destroy(self);
    on_closed(context);
}

static void on_handle_closed(uv_handle_t *handle)
{
    mwd_http_handle_closed(handle->data);
}

/* Nobody is suspended by now: streams end when `closing` is set. */
static void finish(struct mwd_http_server *self)
{
    mwd_http_linger_close(self);
    mwd_http_bodies_drop(self, MWD_PER_SAMPLE);
    mwd_http_bodies_drop(self, MWD_FOREVER);
    mwd_http_spare_drop(self);
    if (self->poll_open)
        uv_close((uv_handle_t *)&self->poll, on_handle_closed);
    MHD_stop_daemon(self->daemon);
    self->daemon = NULL;
    mwd_http_events_deinit(self);
    uv_close((uv_handle_t *)&self->sweep, on_handle_closed);
    uv_close((uv_handle_t *)&self->drain, on_handle_closed);
    uv_close((uv_handle_t *)&self->again, on_handle_closed);
}

/* Answers that are on their way get a moment to arrive. */
static void on_drain(uv_timer_t *timer)
{
    struct mwd_http_server *self = timer->data;

    mwd_http_streams_wake(self);
    mwd_http_downloads_wake(self, true);
    mwd_http_turn(self);
    if (!mwd_http_is_answering(self) ||
        uv_now(self->loop) - self->closing_since_ms >= self->policy->limits.drain_ns / MW_NS_PER_MS)
        finish(self);
}

void mwd_http_server_close(struct mwd_http_server *self, void (*on_closed)(void *context),
                           void *context)
{
    if (!self) {
        on_closed(context);
        return;
    }
    self->on_closed = on_closed;
    self->closed_context = context;
    self->closing = true;
    self->closing_since_ms = uv_now(self->loop);
    uv_timer_stop(&self->sweep);
    for (struct mwd_http_listener *l = self->listeners; l; l = l->next)
        l->kept = false;
    mwd_http_listeners_close_others(self);
    uv_timer_start(&self->drain, on_drain, 0, DRAIN_STEP_MS);
}

/* ---- its life ---- */

static void ignore(void *context)
{
    (void)context;
}

int mwd_http_server_create(uv_loop_t *loop, const struct mwd_route *routes, uint32_t route_count,
                           void *context, const struct mwd_http_settings *settings,
                           struct mwd_log *log, struct mwd_buffer *error,
                           struct mwd_http_server **ret)
{
    struct mwd_http_server *self = calloc(1, sizeof *self);
    struct mwd_http_listener *fresh = NULL;
    int r;

    if (!self)
        return -ENOMEM;
    self->loop = loop;
    self->log = log;
    self->context = context;
    self->reserve_fd = -1;
    r = init(self, routes, route_count, settings->store);
    if (r == 0 && settings->activated)
        r = take_activated(self, error);
    if (r == 0)
        r = mwd_http_prepare(self, settings, error, &self->policy, &fresh);
    if (r < 0)
        goto fail;
    r = enter_loop(self, fresh);
    if (r < 0) {
        mwd_buffer_puts(error, strerror(-r));
        mwd_http_server_close(self, ignore, NULL);
        return r;
    }
    *ret = self;
    return 0;

fail:
    if (!error->size)
        mwd_buffer_puts(error, strerror(-r));
    destroy(self);
    return r;
}

int mwd_http_server_reload(struct mwd_http_server *self, const struct mwd_http_settings *settings,
                           struct mwd_buffer *error)
{
    struct mwd_http_policy *policy;
    struct mwd_http_listener *fresh;
    int r = mwd_http_prepare(self, settings, error, &policy, &fresh);

    if (r < 0)
        return r;
    r = mwd_http_listeners_start(self, fresh);
    if (r < 0) {
        mwd_buffer_puts(error, strerror(-r));
        mwd_http_policy_destroy(policy);
        return r;
    }
    mwd_http_policy_destroy(self->policy);
    self->policy = policy;
    mwd_http_listeners_close_others(self);
    return 0;
}

void mwd_http_server_publish(struct mwd_http_server *self, uint64_t seq)
{
    if (self->closing)
        return;
    self->seq = seq;
    mwd_http_bodies_drop(self, MWD_PER_SAMPLE);
    mwd_http_spare_age(self);
    mwd_http_events_publish(self);
}

void mwd_http_server_stats(const struct mwd_http_server *self, struct mwd_http_stats *ret)
{
    *ret = self->stats;
    mwd_http_bodies_stats(self, &ret->kept);
    mwd_http_events_stats(self, &ret->events);
}

const char *mwd_http_server_address(const struct mwd_http_server *self, uint32_t index)
{
    const struct mwd_http_listener *l = self->listeners;

    while (l && index-- > 0)
        l = l->next;
    return l ? l->address : NULL;
}
