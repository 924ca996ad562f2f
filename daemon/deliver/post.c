/* Requests over HTTP, all of them in one multi handle: a slow one holds up nobody, and connections
 * are kept between requests to one target.
 *
 * Redirects are not followed: an alert, and a token, go to the address that was configured or
 * nowhere. The answer's body is read for its first bytes only, which may tell why. */
#include "daemon/deliver/deliver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_MAX = 64 * 1024, /* of a body; then the connection is closed */
    CONNECTIONS = 32,
    RETRY_AFTER_MAX_S = 24 * 3600,
};

struct post {
    struct post *next;
    struct deliver_request request;
    CURL *easy;
    struct curl_slist *headers;
    size_t answer_size;
    char answer[DELIVER_OUTPUT_MAX + 1]; /* its first bytes */
    char error[CURL_ERROR_SIZE];
};

struct deliver_posts {
    CURLM *multi;
    struct post *first;
    uint32_t count;
};

/* ---- life ---- */

int deliver_posts_create(struct deliver_posts **ret)
{
    struct deliver_posts *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        self->multi = curl_multi_init();
    if (!self->multi) {
        deliver_posts_destroy(self);
        return -ENOMEM;
    }
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
    *ret = self;
    return 0;
}

static void free_post(struct deliver_posts *self, struct post *post)
{
    if (post->easy) {
        curl_multi_remove_handle(self->multi, post->easy);
        curl_easy_cleanup(post->easy);
    }
    curl_slist_free_all(post->headers);
    free(post->request.record);
    free(post);
}

struct deliver_posts *deliver_posts_destroy(struct deliver_posts *self)
{
    if (!self)
        return NULL;
    while (self->first) {
        struct post *post = self->first;

        self->first = post->next;
        free_post(self, post);
    }
    curl_multi_cleanup(self->multi);
    curl_global_cleanup();
    free(self);
    return NULL;
}

CURLM *deliver_posts_multi(const struct deliver_posts *self)
{
    return self->multi;
}

uint32_t deliver_posts_count(const struct deliver_posts *self)
{
    return self->count;
}

/* ---- the request ---- */

static size_t take_answer(const char *bytes, size_t one, size_t size, void *context)
{
    struct post *post = context;

    (void)one; /* is 1 */
    for (size_t i = 0; i < size && post->answer_size + i < DELIVER_OUTPUT_MAX; i++)
        post->answer[post->answer_size + i] = bytes[i];
    post->answer_size += size;
    return post->answer_size > ANSWER_MAX ? 0 : size;
}

static int add_header(struct post *post, const char *name, const char *value)
{
    char line[DELIVER_TOKEN_MAX + 64];

    for (const char *at = value; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return -EINVAL;
    if ((size_t)snprintf(line, sizeof line, "%s%s", name, value) >= sizeof line)
        return -EFBIG;
    struct curl_slist *headers = curl_slist_append(post->headers, line);
    if (!headers)
        return -ENOMEM;
    post->headers = headers;
    return 0;
}

/* Into `why` when it cannot be. */
static int add_token(struct post *post, char *why, size_t room)
{
    const char *path = post->request.wire.token_file;
    char token[DELIVER_TOKEN_MAX + 1];

    if (path[0] == '\0')
        return 0;
    int r = deliver_token_read(path, token);
    if (r == 0)
        r = add_header(post, "Authorization: Bearer ", token);
    explicit_bzero(token, sizeof token);
    if (r == -EINVAL)
        snprintf(why, room, "token-file %s: it must be a file with a token in its first line",
                 path);
    else if (r < 0)
        snprintf(why, room, "token-file %s: %s", path, strerror(-r));
    return r;
}

static int add_headers(struct post *post, char *why, size_t room)
{
    int r = add_header(post, "Content-Type: ", "application/json");

    if (r == 0)
        r = add_header(post, "Expect:", ""); /* no waiting for 100 Continue */
    if (r == 0 && post->request.wire.id[0])
        r = add_header(post, "Idempotency-Key: ", post->request.wire.id);
    if (r < 0)
        snprintf(why, room, "its id makes no header: %s", strerror(-r));
    return r < 0 ? r : add_token(post, why, room);
}

static void set_options(struct post *post)
{
    const struct mwd_wire_request *wire = &post->request.wire;
    long timeout_ms = (long)wire->timeout_ms;

    curl_easy_setopt(post->easy, CURLOPT_PRIVATE, post);
    curl_easy_setopt(post->easy, CURLOPT_ERRORBUFFER, post->error);
    curl_easy_setopt(post->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(post->easy, CURLOPT_URL, wire->url);
    curl_easy_setopt(post->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(post->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(post->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(post->easy, CURLOPT_USERAGENT, "memwatchd/" MW_VERSION);
    curl_easy_setopt(post->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (wire->ca_file[0])
        curl_easy_setopt(post->easy, CURLOPT_CAINFO, wire->ca_file);
    curl_easy_setopt(post->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(post->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(post->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)wire->body_size);
    curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, wire->body);
    curl_easy_setopt(post->easy, CURLOPT_HTTPHEADER, post->headers);
    curl_easy_setopt(post->easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(post->easy, CURLOPT_WRITEDATA, post);
}

static bool begin(struct deliver_posts *self, struct post *post, char *why, size_t room)
{
    if (add_headers(post, why, room) < 0)
        return false;
    post->easy = curl_easy_init();
    if (!post->easy) {
        snprintf(why, room, "%s", strerror(ENOMEM));
        return false;
    }
    set_options(post);
    return curl_multi_add_handle(self->multi, post->easy) == CURLM_OK;
}

void deliver_posts_begin(struct deliver_posts *self, struct deliver_request *request,
                         struct deliver_channel *channel)
{
    struct post *post = calloc(1, sizeof *post);
    char why[512] = "the request could not be made";
    struct mwd_wire_answer answer = {
        .exchange = request->wire.exchange, .outcome = MWD_WIRE_AGAIN, .why = why};

    if (!post) {
        deliver_channel_answer(channel, &answer);
        free(request->record);
        return;
    }
    post->request = *request;
    if (!begin(self, post, why, sizeof why)) {
        deliver_channel_answer(channel, &answer);
        free_post(self, post);
        return;
    }
    post->next = self->first;
    self->first = post;
    self->count++;
}

/* ---- the answer ---- */

enum mwd_wire_outcome deliver_outcome_of(long status)
{
    if (status >= 200 && status < 300)
        return MWD_WIRE_DONE;
    if (status == 408 || status == 429 || status < 300 || status >= 500)
        return MWD_WIRE_AGAIN;
    return MWD_WIRE_REFUSED;
}

static uint64_t retry_after_ms(CURL *easy, long status)
{
    curl_off_t seconds = 0;

    if (status != 429 && status != 503)
        return 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    return seconds > 0 ? (uint64_t)seconds * 1000 : 0;
}

static void say_why(const struct post *post, long status, CURLcode code, char *ret, size_t room)
{
    const char *error = post->error[0] ? post->error : curl_easy_strerror(code);

    if (status == 0)
        snprintf(ret, room, "%s", error);
    else if (status >= 300 && status < 400)
        snprintf(ret, room,
                 "answered %ld, and redirects are not followed: configure the address that "
                 "it points to",
                 status);
    else
        snprintf(ret, room, "answered %ld%s%s", status, post->answer[0] ? ": " : "", post->answer);
}

static void answer_post(struct post *post, CURLcode code, struct deliver_channel *channel)
{
    char why[DELIVER_OUTPUT_MAX + 128] = "";
    long status = 0;

    curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
    /* An answer that is too long, or that ends too early, still has said what came of it. */
    if (code != CURLE_OK && code != CURLE_WRITE_ERROR && code != CURLE_PARTIAL_FILE)
        status = 0;
    struct mwd_wire_answer answer = {
        .exchange = post->request.wire.exchange,
        .outcome = deliver_outcome_of(status),
        .status = (uint32_t)status,
        .retry_after_ms = retry_after_ms(post->easy, status),
        .why = why,
    };
    if (answer.outcome != MWD_WIRE_DONE)
        say_why(post, status, code, why, sizeof why);
    deliver_channel_answer(channel, &answer);
}

static void remove_post(struct deliver_posts *self, struct post *post)
{
    struct post **at = &self->first;

    while (*at != post)
        at = &(*at)->next;
    *at = post->next;
    self->count--;
    free_post(self, post);
}

void deliver_posts_step(struct deliver_posts *self, struct deliver_channel *channel)
{
    CURLMsg *message;
    int left;

    curl_multi_perform(self->multi, &left);
    while ((message = curl_multi_info_read(self->multi, &left))) {
        struct post *post = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&post);
        answer_post(post, message->data.result, channel);
        remove_post(self, post);
    }
}
