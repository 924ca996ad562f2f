#include "daemon/deliver/deliver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, WAIT_MS = 60000, WAIT_MAX = 1 + 3 * DELIVER_EXCHANGES };

struct deliver {
    struct deliver_channel channel;
    struct deliver_posts *posts;
    struct deliver_hooks hooks;
};

static uint32_t exchanges(const struct deliver *self)
{
    return deliver_posts_count(self->posts) + self->hooks.count;
}

static void wait_for_something(struct deliver *self)
{
    struct curl_waitfd fds[WAIT_MAX];
    int wait_ms = WAIT_MS;
    bool full = exchanges(self) >= DELIVER_EXCHANGES;
    unsigned events =
        (full ? 0 : CURL_WAIT_POLLIN) | (self->channel.out.size > 0 ? CURL_WAIT_POLLOUT : 0);

    fds[0] = (struct curl_waitfd){.fd = self->channel.fd, .events = (short)events};
    uint32_t count = 1 + deliver_hooks_wait(&self->hooks, fds + 1, WAIT_MAX - 1, &wait_ms);
    curl_multi_poll(deliver_posts_multi(self->posts), fds, count, wait_ms, NULL);
}

static void begin_requests(struct deliver *self)
{
    struct deliver_request request;

    while (exchanges(self) < DELIVER_EXCHANGES && deliver_channel_next(&self->channel, &request))
        if (request.wire.kind == MWD_WIRE_RUN)
            deliver_hooks_begin(&self->hooks, &request, &self->channel);
        else
            deliver_posts_begin(self->posts, &request, &self->channel);
}

static void serve(struct deliver *self)
{
    while (!self->channel.closed) {
        wait_for_something(self);
        deliver_channel_read(&self->channel);
        begin_requests(self);
        deliver_posts_step(self->posts, &self->channel);
        deliver_hooks_step(&self->hooks, &self->channel);
        begin_requests(self); /* those that had to wait for a place */
        deliver_channel_write(&self->channel);
    }
}

static bool is_socket(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

int main(int argc, char **argv)
{
    struct deliver self = {0};

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("memwatchd-deliver " MW_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc != 1 || !is_socket(STDIN_FILENO)) {
        fputs("memwatchd-deliver: memwatchd starts it when there is an alert to send; see "
              "memwatchd(8)\n",
              stderr);
        return EXIT_USAGE;
    }
    deliver_harden();
    if (deliver_posts_create(&self.posts) < 0)
        return EXIT_FAILURE;
    deliver_channel_init(&self.channel, STDIN_FILENO);
    serve(&self);
    deliver_hooks_deinit(&self.hooks);
    deliver_posts_destroy(self.posts);
    deliver_channel_deinit(&self.channel);
    return EXIT_SUCCESS;
}
