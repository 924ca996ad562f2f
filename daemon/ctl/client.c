/* One question, one answer, one connection: "Connection: close" makes the end of the answer the end
 * of the stream, and --timeout bounds all of it, from connecting to the last byte. */
#include "daemon/ctl/ctl.h"

#include "base/clock.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 << 20, READ_BYTES = 65536 };

struct exchange {
    int fd;
    uint64_t until_ns;
};

/* Returns 0 when the socket is ready, -ETIMEDOUT. */
static int wait_for(const struct exchange *self, short events)
{
    struct pollfd poller = {.fd = self->fd, .events = events};
    int ready;

    do {
        uint64_t now = mw_clock_monotonic_ns(mw_clock_system());
        uint64_t left_ms = now < self->until_ns ? (self->until_ns - now) / MW_NS_PER_MS + 1 : 0;

        ready = poll(&poller, 1, (int)left_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? 0 : -ETIMEDOUT;
}

/* ---- connecting ---- */

static int connect_to(struct exchange *self, const struct sockaddr *address, socklen_t size)
{
    int error = 0;
    socklen_t error_size = sizeof error;

    self->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0)
        return -errno;
    if (connect(self->fd, address, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    int r = wait_for(self, POLLOUT);
    if (r == 0 && getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0)
        error = errno;
    return r < 0 ? r : -error;
}

static void hang_up(struct exchange *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

static int connect_socket(struct exchange *self, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return connect_to(self, (struct sockaddr *)&address, sizeof address);
}

/* A name may stand for more than one address: the first that answers is it. */
static int connect_url(struct exchange *self, const char *text)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *addresses;
    struct mwd_ctl_url url;
    const char *why;
    int r = mwd_ctl_url_parse(text, &url, &why);

    if (r < 0 || getaddrinfo(url.host, url.port, &hints, &addresses) != 0)
        return -EADDRNOTAVAIL;
    r = -EADDRNOTAVAIL;
    for (const struct addrinfo *at = addresses; at && r < 0; at = at->ai_next) {
        hang_up(self);
        r = connect_to(self, at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(addresses);
    return r;
}

static int connect_place(struct exchange *self, struct mwd_ctl_place *place)
{
    int r = place->over_url ? -ENOENT : connect_socket(self, place->socket);

    if (r == 0 || place->url[0] == '\0')
        return r;
    if (!place->over_url && place->only_one)
        return r;
    hang_up(self);
    int r_url = connect_url(self, place->url);
    if (r_url < 0 && !place->over_url)
        return r; /* the socket is what was meant */
    place->over_url = true;
    return r_url;
}

/* ---- asking ---- */

static int send_all(struct exchange *self, const struct mwd_buffer *request)
{
    size_t done = 0;

    while (done < request->size) {
        ssize_t sent = send(self->fd, request->bytes + done, request->size - done, MSG_NOSIGNAL);

        if (sent < 0 && errno == EAGAIN) {
            int r = wait_for(self, POLLOUT);

            if (r < 0)
                return r;
        } else if (sent < 0 && errno != EINTR) {
            return -errno;
        }
        done += sent > 0 ? (size_t)sent : 0;
    }
    return 0;
}

static int receive_all(struct exchange *self, struct mwd_buffer *answer)
{
    for (;;) {
        int r = wait_for(self, POLLIN);
        char *room = r == 0 ? mwd_buffer_reserve(answer, READ_BYTES) : NULL;

        if (!room)
            return r < 0 ? r : -EMSGSIZE;
        ssize_t got = recv(self->fd, room, READ_BYTES, 0);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        mwd_buffer_commit(answer, got > 0 ? (size_t)got : 0);
    }
}

static void put_request(const struct mwd_ctl *ctl, const char *method, const char *path,
                        struct mwd_buffer *out)
{
    const struct mwd_ctl_place *place = ctl->place;
    const char *host = place->over_url ? place->url + strlen("http://") : "localhost";

    mwd_buffer_printf(out,
                      "%s %s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: memwatchctl/" MW_VERSION "\r\n"
                      "Connection: close\r\n",
                      method, path, (int)strcspn(host, "/"), host);
    if (place->token[0])
        mwd_buffer_printf(out, "Authorization: Bearer %s\r\n", place->token);
    if (ctl->body)
        mwd_buffer_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                          strlen(ctl->body), ctl->body);
    else
        mwd_buffer_puts(out, strcmp(method, "POST") == 0 ? "Content-Length: 0\r\n\r\n" : "\r\n");
}

/* ---- an answer that is not kept ---- */

struct download {
    struct mwd_ctl_answer *answer; /* the status, and the body of a refusal */
    mwd_ctl_take_fn *take;
    void *context;
    int failed; /* what `take` said */
};

static void begin_download(void *context, unsigned status)
{
    struct download *self = context;

    self->answer->status = status;
}

static int take_download(void *context, const char *bytes, size_t size)
{
    struct download *self = context;

    if (self->answer->status == 200) {
        self->failed = self->take(self->context, bytes, size);
        return self->failed;
    }
    mwd_buffer_append(&self->answer->body, bytes, size);
    return self->answer->body.failed;
}

static int receive_pieces(struct exchange *self, uint64_t patience_ns,
                          struct mwd_ctl_incoming *incoming)
{
    char bytes[READ_BYTES];

    for (;;) {
        int r = wait_for(self, POLLIN);
        ssize_t got = r == 0 ? recv(self->fd, bytes, sizeof bytes, 0) : r;

        if (r < 0)
            return r;
        if (got == 0)
            return mwd_ctl_incoming_end(incoming);
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (got > 0)
            r = mwd_ctl_incoming_feed(incoming, bytes, (size_t)got);
        if (r < 0)
            return r;
        self->until_ns = mw_clock_monotonic_ns(mw_clock_system()) + patience_ns;
    }
}

static int receive_download(struct exchange *self, uint64_t patience_ns, struct download *download)
{
    const struct mwd_ctl_sink sink = {begin_download, take_download, download};
    struct mwd_ctl_incoming incoming;

    mwd_ctl_incoming_init(&incoming, &sink);
    int r = receive_pieces(self, patience_ns, &incoming);
    mwd_ctl_incoming_deinit(&incoming);
    return r;
}

static int receive_whole(struct exchange *self, struct mwd_ctl_answer *ret)
{
    struct mwd_buffer answer;

    mwd_buffer_init(&answer, ANSWER_MAX);
    int r = receive_all(self, &answer);
    if (r == 0)
        r = mwd_ctl_response_parse(answer.bytes, answer.size, &ret->status, &ret->body);
    mwd_buffer_deinit(&answer);
    return r;
}

/* `download` may be NULL. */
static int exchange(struct mwd_ctl *self, const char *method, const char *path,
                    struct download *download, struct mwd_ctl_answer *ret)
{
    struct exchange exchange = {
        .fd = -1,
        .until_ns = mw_clock_monotonic_ns(mw_clock_system()) + self->options->timeout_ns,
    };
    struct mwd_buffer request;

    mwd_buffer_init(&request, 64 << 10);
    int r = connect_place(&exchange, self->place);
    if (r == 0) {
        put_request(self, method, path, &request);
        r = request.failed ? -ENOMEM : send_all(&exchange, &request);
    }
    if (r == 0)
        r = download ? receive_download(&exchange, self->options->timeout_ns, download)
                     : receive_whole(&exchange, ret);
    hang_up(&exchange);
    mwd_buffer_deinit(&request);
    return r;
}

/* ---- what went wrong, and what to do ---- */

const char *mwd_ctl_address(const struct mwd_ctl *self)
{
    return self->place->over_url ? self->place->url : self->place->socket;
}

static const char *advice_for(int r)
{
    switch (r) {
    case -EACCES:
        return "this user may not use the socket: ask with --url http://127.0.0.1:9636, or as root";
    case -ETIMEDOUT:
        return "it did not answer in time: see `systemctl status memwatchd`, or wait longer with "
               "--timeout";
    case -ENODATA:
        return "it closed the connection before its answer was complete: see its log";
    case -EBADMSG:
        return "what answers there is not memwatchd: look at the address";
    default:
        return "is it running? `systemctl start memwatchd` starts it, --socket and --url say where "
               "else to ask";
    }
}

static const char *reason_for(int r)
{
    switch (r) {
    case -ENODATA:
        return "the answer is cut off";
    case -EBADMSG:
        return "the answer is no HTTP";
    default:
        return strerror(-r);
    }
}

static int ask(struct mwd_ctl *self, const char *method, const char *path,
               struct download *download, struct mwd_ctl_answer *ret)
{
    ret->status = 0;
    mwd_buffer_init(&ret->body, ANSWER_MAX);
    if (!self->place) {
        struct mwd_ctl_place *place = calloc(1, sizeof *place);
        int code = place ? mwd_ctl_place_find(self->options, place) : MWD_CTL_FAILED;

        if (code != MWD_CTL_OK) {
            free(place);
            return code;
        }
        self->place = place;
    }
    int r = exchange(self, method, path, download, ret);
    if (r == 0)
        return MWD_CTL_OK;
    if (download && download->failed)
        return MWD_CTL_FAILED;
    if (!self->quiet)
        mwd_ctl_complain("cannot reach memwatchd at %s: %s; %s", mwd_ctl_address(self),
                         reason_for(r), advice_for(r));
    return MWD_CTL_UNREACHABLE;
}

int mwd_ctl_ask(struct mwd_ctl *self, const char *method, const char *path,
                struct mwd_ctl_answer *ret)
{
    return ask(self, method, path, NULL, ret);
}

/* "0.1.0", or "of unknown version". */
static void find_version(struct mwd_ctl *self, char *ret, size_t size)
{
    struct mwd_ctl_answer answer;
    cJSON *document = NULL;

    snprintf(ret, size, "of unknown version");
    if (mwd_ctl_ask(self, "GET", "/api/v1/openapi.json", &answer) == MWD_CTL_OK &&
        answer.status == 200)
        document = cJSON_ParseWithLength(answer.body.bytes, answer.body.size);
    const char *version =
        mwd_ctl_text(cJSON_GetObjectItemCaseSensitive(document, "info"), "version", NULL);
    if (version)
        snprintf(ret, size, "%s", version);
    cJSON_Delete(document);
    mwd_buffer_deinit(&answer.body);
}

/* A refused reload has a line for each error. */
static void complain_lines(const char *text)
{
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = strchrnul(text, '\n');
        mwd_ctl_complain("%.*s", (int)(end - text), text);
    }
}

/* "subject: nothing is known of it" tells of a word of the query: the path itself is known. */
static bool names_a_word(const char *path, const char *detail)
{
    size_t size = strcspn(detail, ":");
    const char *query = strchr(path, '?');

    for (const char *at = query; at && size > 0; at = strchr(at + 1, '&'))
        if (strncmp(at + 1, detail, size) == 0 && at[1 + size] == '=')
            return true;
    return false;
}

static void explain(struct mwd_ctl *self, const char *path, const struct mwd_ctl_answer *answer)
{
    cJSON *problem = cJSON_ParseWithLength(answer->body.bytes, answer->body.size);
    const char *detail = mwd_ctl_text(problem, "detail", "it says no more");
    const char *address = mwd_ctl_address(self);
    char version[64];

    switch (answer->status) {
    case 400:
        complain_lines(detail);
        break;
    case 401:
    case 403:
        mwd_ctl_complain("%s: refused: %s; ask over the socket as root or as a member of the group "
                         "memwatchd, or with --url and the --token-file of an administrator",
                         address, detail);
        break;
    case 404:
        if (names_a_word(path, detail)) {
            mwd_ctl_complain("%s: %s", address, detail);
            break;
        }
        find_version(self, version, sizeof version);
        mwd_ctl_complain("%s: the daemon (memwatchd %s) does not know %.*s: it is older than this "
                         "memwatchctl (" MW_VERSION "); upgrade it and restart it",
                         address, version, (int)strcspn(path, "?"), path);
        break;
    default:
        if (strchr(detail, '\n')) {
            mwd_ctl_complain("%s: the daemon answers %u:", address, answer->status);
            complain_lines(detail);
        } else {
            mwd_ctl_complain("%s: the daemon answers %u: %s", address, answer->status, detail);
        }
    }
    cJSON_Delete(problem);
}

static int fetch(struct mwd_ctl *self, const char *method, const char *path,
                 struct download *download, struct mwd_ctl_answer *ret)
{
    int code = ask(self, method, path, download, ret);

    if (code != MWD_CTL_OK || ret->status / 100 == 2)
        return code;
    explain(self, path, ret);
    return ret->status == 400 ? MWD_CTL_USAGE : MWD_CTL_FAILED;
}

int mwd_ctl_fetch(struct mwd_ctl *self, const char *method, const char *path,
                  struct mwd_ctl_answer *ret)
{
    return fetch(self, method, path, NULL, ret);
}

int mwd_ctl_download(struct mwd_ctl *self, const char *method, const char *path,
                     mwd_ctl_take_fn *take, void *context)
{
    struct mwd_ctl_answer answer;
    struct download download = {.answer = &answer, .take = take, .context = context};
    int code = fetch(self, method, path, &download, &answer);

    mwd_buffer_deinit(&answer.body);
    return code;
}

int mwd_ctl_pass_on(struct mwd_ctl *self, const char *method, const char *path)
{
    struct mwd_ctl_answer answer;
    int code = mwd_ctl_fetch(self, method, path, &answer);

    if (code == MWD_CTL_OK && answer.body.size > 0 &&
        answer.body.bytes[answer.body.size - 1] != '\n')
        mwd_buffer_puts(&answer.body, "\n");
    if (code == MWD_CTL_OK)
        code = mwd_ctl_print(&answer.body);
    mwd_buffer_deinit(&answer.body);
    return code;
}
