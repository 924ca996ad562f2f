/* bare_http BYTES TYPE: the least that libmicrohttpd in a libuv loop can do. It answers every GET
 * with one response made at the start, BYTES long and of media type TYPE. Prints its port. What our
 * own server costs on top of this is our doing. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

enum { IDLE_S = 30 };

struct bare {
    struct MHD_Daemon *daemon;
    struct MHD_Response *response;
    uv_loop_t loop;
    uv_poll_t poll;
    uv_timer_t timer;
};

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **request)
{
    struct bare *self = context;

    (void)url;
    (void)version;
    (void)data;
    (void)size;
    if (!*request) { /* an answer to the first call would end the connection */
        *request = self;
        return MHD_YES;
    }
    if (strcmp(method, "GET") != 0)
        return MHD_NO;
    return MHD_queue_response(connection, MHD_HTTP_OK, self->response);
}

static void on_timer(uv_timer_t *timer);

static void turn(struct bare *self)
{
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(self->daemon);
    if (MHD_get_timeout(self->daemon, &ms) == MHD_YES)
        uv_timer_start(&self->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&self->timer);
}

static void on_timer(uv_timer_t *timer)
{
    turn(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    turn(poll->data);
}

static struct MHD_Response *make_response(size_t size, const char *type)
{
    char *bytes = malloc(size ? size : 1);
    struct MHD_Response *response;

    if (!bytes)
        return NULL;
    memset(bytes, 'x', size);
    response = MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
    if (response)
        MHD_add_response_header(response, "Content-Type", type);
    return response;
}

static int print_port(struct MHD_Daemon *daemon)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    printf("%u\n", ntohs(address.sin_port));
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct bare self;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (argc != 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    self.response = make_response(strtoul(argv[1], NULL, 10), argv[2]);
    self.daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, &self, MHD_OPTION_SOCK_ADDR,
                         &address, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
    if (!self.response || !self.daemon || print_port(self.daemon) < 0)
        return 1;
    uv_loop_init(&self.loop);
    uv_timer_init(&self.loop, &self.timer);
    uv_poll_init(&self.loop, &self.poll,
                 MHD_get_daemon_info(self.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    self.timer.data = self.poll.data = &self;
    uv_poll_start(&self.poll, UV_READABLE, on_readable);
    return uv_run(&self.loop, UV_RUN_DEFAULT);
}
