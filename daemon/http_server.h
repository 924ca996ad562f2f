/* http_server: HTTP/1.1 over TCP and unix sockets in the libuv loop. It knows nothing of memory:
 * its owner brings a table of routes, and says when what they show has changed.
 *
 * libmicrohttpd runs in external epoll mode; connections are accepted here and given to it. The
 * traps of that pair, and what stands against each, are told on top of http_server.c.
 *
 * Bodies   a route renders into a buffer; the bytes are kept under (route, query, encoding) until
 *          the next publish, shared by all connections, and freed with the last reader.
 * Bounds   connections, event streams, bytes of bodies, header bytes, time for a request and for
 *          its answer; each with a stated answer (503 and Retry-After, 431, closing).
 * Threads  the loop's only.
 */
#ifndef MWD_HTTP_SERVER_H
#define MWD_HTTP_SERVER_H
#include "daemon/buffer.h"
#include "daemon/log.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

/* Each may also do what those before it may. */
enum mwd_role { MWD_ROLE_READ, MWD_ROLE_PUSH, MWD_ROLE_ADMIN };

/* How long what a route shows stays true. */
enum mwd_lifetime {
    MWD_ALWAYS_FRESH, /* rendered for each request (healthz) */
    MWD_PER_SAMPLE,   /* until mwd_http_server_publish() */
    MWD_FOREVER,      /* openapi.json */
    MWD_ONCE          /* a download, of POST: `render` opens it for this one client */
};

enum mwd_param_type { MWD_PARAM_COUNT, MWD_PARAM_WORD, MWD_PARAM_TEXT };

/* A query word of a route, or the part of its path in braces. */
struct mwd_param {
    const char *name;
    const char *takes; /* "a whole number from 0 to 1000000", for messages and OpenAPI */
    /* NULL-terminated. MWD_PARAM_WORD: the allowed ones; MWD_PARAM_TEXT: examples of what `render`
     * takes, when it takes not any text, for OpenAPI; or NULL. */
    const char *const *words;
    uint64_t min, max; /* MWD_PARAM_COUNT; MWD_PARAM_TEXT: at most `max` bytes, 0 = any number */
    enum mwd_param_type type;
    /* MWD_PARAM_TEXT: the allowed ones, when `render` checks them; for OpenAPI. Or NULL. */
    const char *const *(*words_of)(void);
};

enum { MWD_PARAMS_MAX = 8, MWD_REQUEST_BODY_MAX = 64 * 1024 };

/* Who asks over TCP has no user here. */
#define MWD_UID_NONE ((uid_t)-1)

struct mwd_request {
    const char *path_value;             /* what stood for {name} in the route's path, or NULL */
    const char *params[MWD_PARAMS_MAX]; /* checked against the table; NULL = not given */
    uint64_t counts[MWD_PARAMS_MAX];    /* value of those of MWD_PARAM_COUNT */
    const char *body; /* of a route that takes one: at most MWD_REQUEST_BODY_MAX bytes, then NUL */
    size_t body_size;
    uid_t uid;  /* of who asks over a unix socket, or MWD_UID_NONE */
    bool admin; /* of a route that takes more than MWD_ROLE_READ: who asks may administrate */
};

/* A body that is read from a descriptor while it is sent, and of which nothing is kept. */
struct mwd_download {
    int fd;        /* does not block; becomes the server's */
    char name[64]; /* of the file that the client is to make of it */
    /* Asked when `fd` has come to its end. 0: that was all; else the answer is cut off, so that the
     * client sees that something is missing. */
    int (*verdict)(void *context);
    /* Called once, last: nobody reads any more. */
    void (*done)(void *context);
    void *context;
};

struct mwd_reply {
    struct mwd_buffer *body;
    unsigned status;        /* 200, or 204 of a route without a body, unless `render` says else */
    const char *detail;     /* with a status >= 400: a problem document is made of it */
    unsigned retry_after_s; /* 0 = no such header */
    struct mwd_download download; /* MWD_ONCE, and a status < 400 */
};

/* Neighbours with the same method and path are one route in several forms, which differ in media
 * type and in `render`. Accept chooses; the first is for who says nothing that can be met. */
struct mwd_route {
    const char *method; /* "GET" (HEAD comes with it), "POST", "PUT", "DELETE" */
    /* "/api/v1/processes/{pid}": a last segment in braces takes any text; one in the middle, as in
     * "/alerts/{id}/ack", any of at most 127 bytes without a slash. */
    const char *path;
    const char *media_type;         /* NULL: it answers without a body, 204 */
    const char *summary;            /* for OpenAPI */
    const struct mwd_param *params; /* ends with a row without a name; NULL = none */
    /* Fills in the reply. Errors (negative errno) become 500 and are logged. */
    int (*render)(void *context, const struct mwd_request *request, struct mwd_reply *reply);
    enum mwd_role role;
    enum mwd_lifetime lifetime;
    bool stream; /* Server-Sent Events: `render` makes one event's data, at each publish */
    /* For OpenAPI, as the summary: */
    const struct mwd_param *path_param; /* what stands for {name}: `render` checks it; or NULL */
    const char *schema;                 /* what the body, or an event's data, is; NULL = text */
    /* It takes a body, JSON of this schema, which `render` checks; NULL = it takes none. With one,
     * `lifetime` is MWD_ALWAYS_FRESH. */
    const char *takes;
};

struct mwd_http_limits {
    uint32_t max_connections; /* the last 16 are kept for the unix socket */
    uint32_t max_streams;
    uint64_t max_body_bytes;
    uint64_t request_timeout_ns, response_timeout_ns;
    uint64_t drain_ns; /* what answers on their way get at the end to arrive */
};

struct mwd_http_settings {
    const char *const *listen; /* "ADDR:PORT", port 0 picks one */
    uint32_t listen_count;
    const char *socket;       /* path or "" */
    const char *socket_group; /* or "" */
    const char *const *hosts; /* besides the listen addresses and localhost */
    uint32_t host_count;
    const char *token_file; /* or "" */
    bool insecure;
    struct mwd_http_limits limits;
    /* Where bodies are kept; outlives the server. Not looked at by a reload. */
    struct mw_store *store;
    bool activated; /* take the sockets that systemd passed (LISTEN_FDS) */
};

/* Bodies that are kept; as a cache tells of itself. */
struct mwd_http_kept_stats {
    uint32_t entries, limit;
    uint64_t bytes, bytes_limit;
    uint64_t hits, misses, evictions; /* totals; a body that only lacks its gzip form is a miss */
};

/* Events on their way to the streams, which share one queue: an event is in it until each stream
 * has taken it. `offered` is always `passed` + `left` + `waiting`. */
struct mwd_http_event_stats {
    uint64_t waiting, room;
    uint64_t oldest_age_ms; /* 0 when none waits */
    uint64_t offered, passed;
    uint64_t refused; /* found it full, and the slowest streams were dropped; or without memory */
    uint64_t left;    /* when the last stream ended */
};

struct mwd_http_stats {
    uint64_t requests, request_errors, connections_total, rejections, timeouts;
    uint64_t streams_dropped; /* because nobody read them */
    uint64_t body_bytes;
    uint32_t connections, streams;
    struct mwd_http_kept_stats kept;
    struct mwd_http_event_stats events;
};

struct mwd_http_server;

/* Opens the listeners and answers from the next turn of the loop on. `routes` and `context`
 * outlive the server.
 * Errors   negative errno, with a sentence that says which setting and why in `error`. */
int mwd_http_server_create(uv_loop_t *loop, const struct mwd_route *routes, uint32_t route_count,
                           void *context, const struct mwd_http_settings *settings,
                           struct mwd_log *log, struct mwd_buffer *error,
                           struct mwd_http_server **ret);

/* Whether create() would accept these settings, as far as that can be told without opening a
 * listener: names and the file of tokens.
 * Errors   as create(). */
int mwd_http_settings_check(const struct mwd_http_settings *settings, struct mwd_buffer *error);

/* Changes listeners, hosts, tokens and limits without touching an open connection. Listeners that
 * stay the same stay open. On any error nothing has changed. */
int mwd_http_server_reload(struct mwd_http_server *self, const struct mwd_http_settings *settings,
                           struct mwd_buffer *error);

/* What routes show has changed: bodies of MWD_PER_SAMPLE are let go, streams get their event. `seq`
 * goes into ETags. */
void mwd_http_server_publish(struct mwd_http_server *self, uint64_t seq);

/* An event `name` of its own for each stream that is open now, in order and none left out. When
 * 1024 events wait, the streams that have not come to the oldest one are dropped. */
void mwd_http_server_tell(struct mwd_http_server *self, const char *name,
                          const struct mwd_buffer *data);

void mwd_http_server_stats(const struct mwd_http_server *self, struct mwd_http_stats *ret);

/* Address number `index` that it listens on, as "127.0.0.1:9636" or a path; NULL past the last. */
const char *mwd_http_server_address(const struct mwd_http_server *self, uint32_t index);

/* Stops listening, ends streams, closes connections; `on_closed` is called from the loop when
 * nothing of it is left there, and then the object is gone. Takes NULL: calls at once. */
void mwd_http_server_close(struct mwd_http_server *self, void (*on_closed)(void *context),
                           void *context);
#endif
