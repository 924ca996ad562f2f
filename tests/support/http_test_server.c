/* http_test_server: mwd_http_server with routes that tests and benchmarks need, and nothing of
 * memwatchd. Prints its addresses and "ready"; SIGUSR1 publishes, SIGHUP reloads with the arguments
 * that stand in --reload-file (one a line), SIGTERM closes and prints how long that took. */
#include "daemon/http_server.h"
#include "tests/support/http_test_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIST_MAX = 16, ARGUMENTS_MAX = 64, ERROR_LIMIT = 4096, MAX_EVENT = 1 << 20 };
enum { MS = 1000 * 1000 };

struct options {
    const char *listen[LIST_MAX];
    const char *hosts[LIST_MAX];
    const char *reload_file;
    struct mwd_http_settings settings;
    unsigned publish_ms, big_bytes, event_bytes;
    bool debug;
};

struct server {
    uv_loop_t loop;
    struct options options;
    struct mwd_log *log;
    struct mw_heap *heap;
    struct mw_store *store; /* where bodies are kept */
    struct mwd_http_server *http;
    uv_signal_t term, hup, usr1;
    uv_timer_t publisher;
    uint64_t seq, renders, told, closing_ns;
};

/* ---- routes ---- */

static int get_small(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct server *self = context;

    (void)request;
    mwd_buffer_printf(reply->body, "{\"seq\":%" PRIu64 ",\"renders\":%" PRIu64 "}", self->seq,
                      ++self->renders);
    http_test_pad(reply->body, 2048);
    return 0;
}

static int get_big(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct server *self = context;

    (void)request;
    http_test_pad(reply->body, self->options.big_bytes);
    return 0;
}

static int get_query(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct server *self = context;

    mwd_buffer_printf(reply->body, "render %" PRIu64 "\nvalue %s\n", ++self->renders,
                      request->path_value ? request->path_value : "-");
    for (int i = 0; i < 3; i++)
        mwd_buffer_printf(reply->body, "param %s %" PRIu64 "\n",
                          request->params[i] ? request->params[i] : "-", request->counts[i]);
    return 0;
}

static int get_tiny(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)context;
    (void)request;
    mwd_buffer_puts(reply->body, "{}\n");
    return 0;
}

static int get_event(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct server *self = context;

    (void)request;
    mwd_buffer_printf(reply->body, "{\"seq\":%" PRIu64 "}", self->seq);
    if (self->options.event_bytes > reply->body->size)
        http_test_pad(reply->body, self->options.event_bytes);
    return 0;
}

/* So many events that no stream is to miss. */
static int post_tell(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct server *self = context;

    for (uint64_t i = 0; i < (request->params[0] ? request->counts[0] : 1); i++) {
        struct mwd_buffer data;

        mwd_buffer_init(&data, MAX_EVENT);
        mwd_buffer_printf(&data, "%" PRIu64 " ", ++self->told);
        http_test_pad(&data, self->options.event_bytes);
        mwd_http_server_tell(self->http, "told", &data);
        mwd_buffer_deinit(&data);
    }
    mwd_buffer_printf(reply->body, "%" PRIu64, self->told);
    return 0;
}

static int get_stats(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct server *self = context;

    (void)request;
    http_test_put_stats(self->http, reply->body);
    return 0;
}

static int fail(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)context;
    (void)request;
    (void)reply;
    return -EIO;
}

static int refuse(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)context;
    (void)request;
    reply->status = 503;
    reply->detail = "not \"yet\"";
    reply->retry_after_s = 7;
    return 0;
}

/* ---- downloads: a child writes `big` bytes; what is said of them depends on the path ---- */

enum download_end { DOWNLOAD_WHOLE, DOWNLOAD_CUT, DOWNLOAD_STUCK };

struct download {
    pid_t child;
    enum download_end end;
};

static int verdict(void *context)
{
    const struct download *self = context;

    return self->end == DOWNLOAD_CUT ? -EIO : 0;
}

static void done(void *context)
{
    struct download *self = context;

    kill(self->child, SIGKILL);
    waitpid(self->child, NULL, 0);
    free(self);
}

static void write_download(int fd, size_t size, enum download_end end)
{
    char row[26 * 200];

    for (size_t i = 0; i < sizeof row; i++)
        row[i] = (char)('a' + i % 26);
    while (size > 0) {
        ssize_t written = write(fd, row, size < sizeof row ? size : sizeof row);

        if (written < 0 || (written % 26 != 0 && (size_t)written < size))
            _exit(1);
        size -= (size_t)written;
    }
    if (end == DOWNLOAD_STUCK)
        pause();
    _exit(0);
}

static int open_download(struct server *self, enum download_end end, struct mwd_reply *reply)
{
    struct download *download = calloc(1, sizeof *download);
    int fds[2];

    if (!download || pipe2(fds, O_CLOEXEC) < 0)
        abort();
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    download->end = end;
    download->child = fork();
    if (download->child == 0)
        write_download(fds[1], self->options.big_bytes, end);
    close(fds[1]);
    reply->download = (struct mwd_download){
        .fd = fds[0], .name = "a.txt", .verdict = verdict, .done = done, .context = download};
    return 0;
}

static int post_download(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)request;
    return open_download(context, DOWNLOAD_WHOLE, reply);
}

static int post_cut(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)request;
    return open_download(context, DOWNLOAD_CUT, reply);
}

static int post_stuck(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)request;
    return open_download(context, DOWNLOAD_STUCK, reply);
}

/* What came, as it came. */
static int put_echo(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)context;
    mwd_buffer_append(reply->body, request->body, request->body_size);
    return 0;
}

static int nothing(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)context;
    (void)request;
    reply->status = 204;
    return 0;
}

/* Who asks. */
static int get_whoami(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)context;
    mwd_buffer_printf(reply->body, "%lld %s\n",
                      request->uid == MWD_UID_NONE ? -1LL : (long long)request->uid,
                      request->admin ? "admin" : "other");
    return 0;
}

static const char *const order_words[] = {"desc", "asc", NULL};
static const struct mwd_param params[] = {
    {"limit", "a whole number from 0 to 100", NULL, 0, 100, MWD_PARAM_COUNT, NULL},
    {"order", "desc or asc", order_words, 0, 0, MWD_PARAM_WORD, NULL},
    {"name", "a glob", NULL, 0, 0, MWD_PARAM_TEXT, NULL},
    {NULL, NULL, NULL, 0, 0, MWD_PARAM_COUNT, NULL},
};

#define JSON "application/json"

static const struct mwd_route routes[] = {
    {"GET", "/small", JSON, "", NULL, get_small, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, NULL,
     NULL},
    {"GET", "/big", JSON, "", params, get_big, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, NULL,
     NULL},
    {"GET", "/query", "text/plain", "", params, get_query, MWD_ROLE_READ, MWD_PER_SAMPLE, false,
     NULL, NULL, NULL},
    {"GET", "/items/{id}", "text/plain", "", NULL, get_query, MWD_ROLE_READ, MWD_PER_SAMPLE, false,
     NULL, NULL, NULL},
    {"GET", "/items/first", JSON, "", NULL, get_tiny, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL,
     NULL, NULL},
    {"GET", "/forever", JSON, "", NULL, get_small, MWD_ROLE_READ, MWD_FOREVER, false, NULL, NULL,
     NULL},
    {"GET", "/events", "text/event-stream", "", NULL, get_event, MWD_ROLE_READ, MWD_PER_SAMPLE,
     true, NULL, NULL, NULL},
    {"GET", "/stats", JSON, "", NULL, get_stats, MWD_ROLE_READ, MWD_ALWAYS_FRESH, false, NULL, NULL,
     NULL},
    {"POST", "/tell", "text/plain", "", params, post_tell, MWD_ROLE_READ, MWD_ALWAYS_FRESH, false,
     NULL, NULL, NULL},
    {"GET", "/secret", JSON, "", NULL, get_tiny, MWD_ROLE_ADMIN, MWD_ALWAYS_FRESH, false, NULL,
     NULL, NULL},
    {"POST", "/secret", JSON, "", NULL, get_tiny, MWD_ROLE_ADMIN, MWD_ALWAYS_FRESH, false, NULL,
     NULL, NULL},
    {"POST", "/touch", JSON, "", NULL, get_tiny, MWD_ROLE_READ, MWD_ALWAYS_FRESH, false, NULL, NULL,
     NULL},
    {"POST", "/download", "text/plain", "", NULL, post_download, MWD_ROLE_READ, MWD_ONCE, false,
     NULL, NULL, NULL},
    {"POST", "/cut", "text/plain", "", NULL, post_cut, MWD_ROLE_READ, MWD_ONCE, false, NULL, NULL,
     NULL},
    {"POST", "/stuck", "text/plain", "", NULL, post_stuck, MWD_ROLE_READ, MWD_ONCE, false, NULL,
     NULL, NULL},
    {"PUT", "/echo", "text/plain", "", NULL, put_echo, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false, NULL,
     NULL, "Anything"},
    {"DELETE", "/echo", NULL, "", NULL, nothing, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false, NULL, NULL,
     NULL},
    {"POST", "/whoami", "text/plain", "", NULL, get_whoami, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false,
     NULL, NULL, NULL},
    {"GET", "/fail", JSON, "", NULL, fail, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, NULL, NULL},
    {"GET", "/refuse", JSON, "", NULL, refuse, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, NULL,
     NULL},
};

/* ---- options ---- */

static const struct option long_options[] = {
    {"listen", 1, NULL, 'l'},
    {"socket", 1, NULL, 's'},
    {"socket-group", 1, NULL, 'g'},
    {"host", 1, NULL, 'h'},
    {"token-file", 1, NULL, 't'},
    {"insecure", 0, NULL, 'i'},
    {"activated", 0, NULL, 'a'},
    {"max-connections", 1, NULL, 'c'},
    {"max-streams", 1, NULL, 'm'},
    {"max-body-bytes", 1, NULL, 'b'},
    {"request-timeout", 1, NULL, 'q'},
    {"response-timeout", 1, NULL, 'p'},
    {"drain", 1, NULL, 'D'},
    {"publish", 1, NULL, 'u'},
    {"big", 1, NULL, 'B'},
    {"event", 1, NULL, 'E'},
    {"reload-file", 1, NULL, 'r'},
    {"debug", 0, NULL, 'd'},
    {NULL, 0, NULL, 0},
};

static uint64_t number(void)
{
    return strtoull(optarg, NULL, 10);
}

static int take_limit(struct options *self, int option)
{
    struct mwd_http_limits *limits = &self->settings.limits;

    switch (option) {
    case 'c':
        limits->max_connections = (uint32_t)number();
        return 0;
    case 'm':
        limits->max_streams = (uint32_t)number();
        return 0;
    case 'b':
        limits->max_body_bytes = number();
        return 0;
    case 'q':
        limits->request_timeout_ns = number() * MS;
        return 0;
    case 'p':
        limits->response_timeout_ns = number() * MS;
        return 0;
    case 'D':
        limits->drain_ns = number() * MS;
        return 0;
    case 'u':
        self->publish_ms = (unsigned)number();
        return 0;
    case 'B':
        self->big_bytes = (unsigned)number();
        return 0;
    case 'E':
        self->event_bytes = (unsigned)number();
        return 0;
    default:
        return -EINVAL;
    }
}

static int take(struct options *self, int option)
{
    struct mwd_http_settings *settings = &self->settings;

    switch (option) {
    case 'l':
        self->listen[settings->listen_count++ % LIST_MAX] = optarg;
        return 0;
    case 'h':
        self->hosts[settings->host_count++ % LIST_MAX] = optarg;
        return 0;
    case 's':
        settings->socket = optarg;
        return 0;
    case 'g':
        settings->socket_group = optarg;
        return 0;
    case 't':
        settings->token_file = optarg;
        return 0;
    case 'i':
        settings->insecure = true;
        return 0;
    case 'a':
        settings->activated = true;
        return 0;
    case 'r':
        self->reload_file = optarg;
        return 0;
    case 'd':
        self->debug = true;
        return 0;
    default:
        return take_limit(self, option);
    }
}

static int parse(int argc, char **argv, struct options *ret)
{
    int option;

    *ret = (struct options){
        .publish_ms = 100,
        .big_bytes = 1024 * 1024,
        .settings = {.socket = "",
                     .socket_group = "",
                     .token_file = "",
                     .limits = {256, 64, 64 << 20, 10000ull * MS, 30000ull * MS, 400ull * MS}},
    };
    optind = 0;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (take(ret, option) < 0)
            return -EINVAL;
    return 0;
}

/* `ret` stays where it is: the settings point into it. */
static void settle(struct options *ret)
{
    ret->settings.listen = ret->listen;
    ret->settings.hosts = ret->hosts;
}

/* ---- events ---- */

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fflush(stdout);
}

static void on_closed(void *context)
{
    struct server *self = context;

    say("closed %" PRIu64 "\n", (uv_hrtime() - self->closing_ns) / MS);
    uv_close((uv_handle_t *)&self->term, NULL);
    uv_close((uv_handle_t *)&self->hup, NULL);
    uv_close((uv_handle_t *)&self->usr1, NULL);
    uv_close((uv_handle_t *)&self->publisher, NULL);
}

static void on_term(uv_signal_t *handle, int number_)
{
    struct server *self = handle->data;

    (void)number_;
    uv_signal_stop(handle);
    self->closing_ns = uv_hrtime();
    mwd_http_server_close(self->http, on_closed, self);
}

static void publish(struct server *self)
{
    mwd_http_server_publish(self->http, ++self->seq);
}

static void on_usr1(uv_signal_t *handle, int number_)
{
    (void)number_;
    publish(handle->data);
}

static void on_publish(uv_timer_t *handle)
{
    publish(handle->data);
}

static void say_addresses(const struct server *self)
{
    const char *address;

    for (uint32_t i = 0; (address = mwd_http_server_address(self->http, i)); i++)
        say("address %s\n", address);
    say("ready\n");
}

static int read_arguments(const char *path, char *text, size_t size, char **argv)
{
    FILE *file = fopen(path, "re");
    int argc = 1;
    char *save = NULL;

    if (!file)
        return -errno;
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    for (char *word = strtok_r(text, "\n", &save); word && argc < ARGUMENTS_MAX;
         word = strtok_r(NULL, "\n", &save))
        argv[argc++] = word;
    argv[argc] = NULL;
    return argc;
}

static void on_hup(uv_signal_t *handle, int number_)
{
    struct server *self = handle->data;
    char *argv[ARGUMENTS_MAX + 1] = {(char *)(uintptr_t) "reload"};
    char text[4096];
    struct options options;
    struct mwd_buffer error;
    int argc = read_arguments(self->options.reload_file, text, sizeof text, argv);

    (void)number_;
    mwd_buffer_init(&error, ERROR_LIMIT);
    if (argc < 0 || parse(argc, argv, &options) < 0) {
        say("reload: bad arguments\n");
        return;
    }
    settle(&options);
    if (mwd_http_server_reload(self->http, &options.settings, &error) < 0)
        say("reload: %.*s\n", (int)error.size, error.bytes);
    else
        say_addresses(self);
    mwd_buffer_deinit(&error);
}

static int start(struct server *self)
{
    struct mwd_buffer error;
    int r;

    mwd_buffer_init(&error, ERROR_LIMIT);
    self->options.settings.store = self->store;
    r = mwd_http_server_create(&self->loop, routes, sizeof routes / sizeof routes[0], self,
                               &self->options.settings, self->log, &error, &self->http);
    if (r < 0)
        fprintf(stderr, "error %d: %.*s\n", -r, (int)error.size, error.bytes);
    mwd_buffer_deinit(&error);
    return r;
}

static void watch(struct server *self, uv_signal_t *handle, uv_signal_cb callback, int number_)
{
    uv_signal_init(&self->loop, handle);
    handle->data = self;
    uv_signal_start(handle, callback, number_);
}

static int run(struct server *self)
{
    int r = start(self);

    if (r == 0) {
        watch(self, &self->term, on_term, SIGTERM);
        watch(self, &self->hup, on_hup, SIGHUP);
        watch(self, &self->usr1, on_usr1, SIGUSR1);
        uv_timer_init(&self->loop, &self->publisher);
        self->publisher.data = self;
        if (self->options.publish_ms)
            uv_timer_start(&self->publisher, on_publish, 0, self->options.publish_ms);
        say_addresses(self);
    }
    uv_run(&self->loop, UV_RUN_DEFAULT);
    return r;
}

static int make_store(struct server *self)
{
    struct mw_heap_config config;
    int r;

    mw_heap_config_default(&config);
    r = mw_heap_create(&config, &self->heap);
    return r == 0 ? mw_store_create(self->heap, &self->store) : r;
}

int main(int argc, char **argv)
{
    static struct server self; /* large, and zero */
    int r;

    if (parse(argc, argv, &self.options) < 0)
        return 2;
    settle(&self.options);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&self.loop);
    if (mwd_log_create(2, self.options.debug ? MWD_LOG_DEBUG : MWD_LOG_INFO, &self.log) < 0 ||
        make_store(&self) < 0)
        return 1;
    r = run(&self);
    if (uv_loop_close(&self.loop) != 0)
        fprintf(stderr, "the loop is still busy\n");
    mw_store_destroy(self.store);
    mw_heap_destroy(self.heap);
    mwd_log_destroy(self.log);
    return r < 0 ? 1 : 0;
}
