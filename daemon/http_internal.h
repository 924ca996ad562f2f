/* What the http_* files share. Not for others.
 *
 * The files, from the network inwards: http_address, http_unix, http_listen (sockets),
 * http_activation (those of systemd), http_accept (who gets in), http_connection (lives and
 * deadlines), http_recv (bytes that are kept from libmicrohttpd), http_request (what is asked),
 * http_upload (bodies of requests), http_head, http_path, http_query, http_host, http_auth (its
 * checks), http_body, http_kept, http_negotiate, http_gzip, http_events, http_stream, http_download
 * (its answers), http_problem (its refusals), http_server (the whole).
 */
#ifndef MWD_HTTP_INTERNAL_H
#define MWD_HTTP_INTERNAL_H
#include "daemon/http_server.h"

#include "base/hash.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum {
    /* A connection's memory in libmicrohttpd: request, parsed headers and the head of the answer.
     * What is over MWD_HTTP_HEADER_BYTES is room for the latter two. */
    MWD_HTTP_POOL_BYTES = 20 * 1024,
    MWD_HTTP_HEADER_BYTES = 16 * 1024,
    MWD_HTTP_URI_BYTES = 2048,
    MWD_HTTP_DETAIL_BYTES = 256,
    MWD_HTTP_KEPT_MAX = 64,
    MWD_HTTP_ASKED_MAX = 1024, /* questions that are remembered when no place is left */
    MWD_HTTP_SHELVES = 4,      /* that kept bodies stand on, see http_kept.c */
    MWD_HTTP_LINGER_MAX = 16,
    MWD_HTTP_UNIX_PLACES = 16,
    MWD_HTTP_EVENTS_MAX = 1024, /* that wait for streams; a storm of alerts fits in */
    MWD_HTTP_TOKEN_MIN = 16,
    MWD_HTTP_TOKEN_MAX = 256,
    MWD_HTTP_TOKENS_MAX = 64,
    MWD_HTTP_HOST_BYTES = 256,
    MWD_HTTP_GZIP_MIN = 860, /* smaller bodies fit into one packet anyway */
    MWD_HTTP_SWEEP_MS = 500,
    MWD_HTTP_HEARTBEAT_MS = 15000,
};

/* ---- http_problem.c: refusals, as RFC 9457 problem documents ---- */

struct mwd_http_problem {
    unsigned status;
    unsigned retry_after_s;             /* 0 = no such header */
    const char *allow;                  /* with 405 */
    const char *text;                   /* in place of detail, whatever its size; NULL = none */
    char detail[MWD_HTTP_DETAIL_BYTES]; /* one that does not fit ends in "..." */
};

/* Fills in *ret, without the extras, and returns -EPROTO for the caller to hand on. */
int mwd_http_problem(struct mwd_http_problem *ret, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL when memory is out. */
struct MHD_Response *mwd_http_problem_response(const struct mwd_http_problem *problem);

/* A whole answer with "Connection: close", written past libmicrohttpd to a socket that it does not
 * have or will close. Best effort. */
void mwd_http_send_refusal(int fd, const struct mwd_http_problem *problem);

typedef enum MHD_Result (*mwd_http_queue_fn)(struct MHD_Connection *connection, unsigned status,
                                             struct MHD_Response *response);
/* libmicrohttpd's own MHD_queue_response(), see http_problem.c. NULL: not found. */
mwd_http_queue_fn mwd_http_queue_function(void);

/* ---- http_host.c: names that a request may call us by ---- */

struct mwd_http_hosts {
    uint32_t count;
    char (*names)[MWD_HTTP_HOST_BYTES]; /* lower case, no port, no brackets */
};

/* Errors   -EINVAL not a host name, -ENOMEM. */
int mwd_http_hosts_add(struct mwd_http_hosts *self, const char *name);
void mwd_http_hosts_deinit(struct mwd_http_hosts *self);
/* `host` as in a Host header; any port. `arrival` may be NULL. */
bool mwd_http_hosts_allow(const struct mwd_http_hosts *self, const char *arrival, const char *host);
/* The same of an Origin header. */
bool mwd_http_hosts_allow_origin(const struct mwd_http_hosts *self, const char *arrival,
                                 const char *origin);

/* ---- http_auth.c: who may do what ---- */

struct mwd_http_token {
    enum mwd_role role;
    uint32_t size;
    char text[MWD_HTTP_TOKEN_MAX]; /* padded with NUL */
};

struct mwd_http_tokens {
    uint32_t count;
    struct mwd_http_token rows[MWD_HTTP_TOKENS_MAX];
};

/* Each is more than the one before. */
enum mwd_http_right { MWD_HTTP_NONE, MWD_HTTP_READ, MWD_HTTP_PUSH, MWD_HTTP_ADMIN };

/* What a role takes. */
enum mwd_http_right mwd_http_right_of_role(enum mwd_role role);

/* Errors   -EINVAL with "FILE:LINE: ..." or "FILE: ..." in `error`. `path` is for messages. */
int mwd_http_tokens_parse(const char *text, size_t size, const char *path, struct mwd_buffer *error,
                          struct mwd_http_tokens *ret);
/* Errors   also those of open(), and -EACCES when others may read the file. */
int mwd_http_tokens_load(const char *path, struct mwd_buffer *error, struct mwd_http_tokens **ret);
struct mwd_http_tokens *mwd_http_tokens_destroy(struct mwd_http_tokens *self);
/* What an Authorization header is worth; `self` may be NULL. */
enum mwd_http_right mwd_http_tokens_right(const struct mwd_http_tokens *self,
                                          const char *authorization);

/* Whether the process behind a unix socket may administrate, by its groups when it connected;
 * nobody is looked up, which could take its time. `group` of -1 = no such group. */
bool mwd_http_peer_is_admin(int fd, const struct ucred *peer, gid_t group);

/* ---- http_head.c: header fields of a request ---- */

struct mwd_http_head {
    const char *host, *accept_encoding, *if_none_match, *authorization, *origin; /* NULL = none */
    const char *content_type, *accept;
    uint32_t fields, hosts, lengths;
    uint64_t length; /* of the body; UINT64_MAX: not a number, or a larger one */
    bool transfer_encoding, odd_name;
};

void mwd_http_head_add(struct mwd_http_head *self, const char *name, const char *value);
/* Errors   -EPROTO, a request after which the connection cannot go on; see *ret. */
int mwd_http_head_check(const struct mwd_http_head *self, size_t size, bool needs_host,
                        struct mwd_http_problem *ret);
/* Whether a body follows, or something that says so. */
bool mwd_http_head_announces_body(const struct mwd_http_head *self);
/* Whether the route takes what follows. Errors -EPROTO: 400, 411, 413, 415. */
int mwd_http_head_check_body(const struct mwd_http_head *self, const struct mwd_route *route,
                             struct mwd_http_problem *ret);

/* ---- http_query.c: percent coding and query words ---- */

/* Decodes `size` bytes to `ret`, which has room for one more, and ends them with NUL.
 * Errors   -EINVAL bad percent coding or a NUL, -EILSEQ not UTF-8. Else the size. */
ssize_t mwd_http_decode(const char *from, size_t size, bool plus_is_space, char *ret);

/* `scratch` has room for the query's length and two, and lives as long as *ret.
 * Errors   -EPROTO. */
int mwd_http_query_parse(const char *query, const struct mwd_param *params, char *scratch,
                         struct mwd_request *ret, struct mwd_http_problem *problem);

/* The same for two queries that mean the same. `ret` has room for MWD_HTTP_URI_BYTES and
 * 2 * MWD_PARAMS_MAX. Returns its size; 0 when nothing was asked. */
size_t mwd_http_query_canonical(const struct mwd_param *params, const struct mwd_request *request,
                                char *ret);

/* ---- http_path.c: paths and routes ---- */

struct mwd_http_event;

struct mwd_http_route {
    const struct mwd_route *row;
    size_t size;                   /* of the path, up to the braces */
    bool wild;                     /* the path has {name} in it */
    const char *behind;            /* the braces: "" or "/ack" */
    uint32_t forms;                /* rows behind this one that show the same in another form */
    bool is_form;                  /* it is one of them */
    struct mwd_http_event *newest; /* of a stream; NULL = to be rendered */
    uint64_t newest_at;            /* its position in the queue of events */
    uint32_t streams;
};

struct mwd_http_path {
    const char *text; /* decoded */
    const char *tail; /* its last segment, which may hold slashes when they were encoded */
};

/* What stands for {name}, into value[MWD_HTTP_VALUE_BYTES] where something stands behind it; NULL
 * when the route has none. */
enum { MWD_HTTP_VALUE_BYTES = 128 };
const char *mwd_http_path_value(const struct mwd_http_route *route,
                                const struct mwd_http_path *path, char *value);

void mwd_http_routes_init(struct mwd_http_route *routes, const struct mwd_route *rows,
                          uint32_t count);

/* `url` in absolute form ("http://HOST/PATH"): its path, and the host in `authority`, which has
 * MWD_HTTP_HOST_BYTES. Else `url`, and `authority` is empty. */
const char *mwd_http_path_of(const char *url, char *authority);

/* `scratch` has room for the length of `raw` and two. Errors -EPROTO. */
int mwd_http_path_parse(const char *raw, char *scratch, struct mwd_http_path *ret,
                        struct mwd_http_problem *problem);

/* Shape    `allow` has MWD_HTTP_ALLOW_BYTES, and is what problem->allow points to.
 * Errors   -EPROTO: 404 or 405. */
enum { MWD_HTTP_ALLOW_BYTES = 64 };
int mwd_http_route_find(struct mwd_http_route *routes, uint32_t count,
                        const struct mwd_http_path *path, const char *method, char *allow,
                        struct mwd_http_route **ret, struct mwd_http_problem *problem);

/* ---- http_negotiate.c ---- */

/* How much `accept` (may be NULL) wants this media type. The parameter `version` counts where both
 * have one; others do not. What cannot be read is passed over. */
struct mwd_http_wish {
    unsigned quality;     /* thousandths; 0 = refused, or not named */
    unsigned specificity; /* 0 not named, then by a range of all, of a type, and by its own name */
    uint32_t place;       /* in the list, from 0 */
};
struct mwd_http_wish mwd_http_accept_wish(const char *accept, const char *media_type);
/* The form of `route` that `accept` wants most; the first one where it says nothing, or nonsense,
 * or wants none of them: an answer that was not asked for is better than none to who scrapes. */
struct mwd_http_route *mwd_http_route_form(struct mwd_http_route *route, const char *accept);
/* `accept_encoding` may be NULL. */
bool mwd_http_accepts_gzip(const char *accept_encoding);
/* If-None-Match: a list of tags, weak ones too, or "*". */
bool mwd_http_etag_matches(const char *if_none_match, const char *etag);

/* ---- http_gzip.c ---- */

/* Errors   -ENOMEM, -EFBIG: more than `limit` bytes. */
int mwd_http_gzip(const char *bytes, size_t size, size_t limit, struct mwd_buffer *ret);

/* ---- the server ---- */

/* What a reload swaps. */
struct mwd_http_policy {
    struct mwd_http_limits limits;
    struct mwd_http_tokens *tokens; /* NULL = none */
    struct mwd_http_hosts hosts;
    gid_t admin_group; /* (gid_t)-1 = none */
    bool insecure;
};

struct mwd_http_listener {
    struct mwd_http_listener *next;
    struct mwd_http_server *server;
    uv_poll_t poll;
    int fd;
    char *wanted;                /* as the setting says it */
    char *address;               /* as it came out */
    char host[INET6_ADDRSTRLEN]; /* the address without port; "" on a unix socket */
    dev_t device;                /* of the socket file */
    ino_t inode;
    bool is_unix, loopback, wildcard, activated;
    bool polled; /* the handle is open */
    bool paused; /* not polled until the next sweep */
    bool kept;   /* during a reload */
};

enum mwd_http_phase { MWD_HTTP_READING, MWD_HTTP_ANSWERING, MWD_HTTP_STREAMING, MWD_HTTP_ENDING };

struct mwd_http_stream;

struct mwd_http_connection {
    struct mwd_http_connection *prev, *next;
    struct mwd_http_server *server;
    struct MHD_Connection *mhd;
    struct mwd_http_stream *stream;
    uint64_t since_ms; /* when the phase began, on the loop's clock */
    enum mwd_http_phase phase;
    int fd;
    unsigned char last_byte; /* that was received, see http_recv.c */
    bool is_unix, remote;
    bool linger;    /* the client may still be sending: do not cut its answer off by a reset */
    bool head_done; /* this request's headers have been looked at */
    bool uri_too_long;
    char *query; /* of this request, raw; NULL = none */
    const char *uri_end;
    struct mwd_http_head head;
    struct mwd_http_upload *upload; /* the request's body, or NULL */
    struct ucred peer;              /* on a unix socket */
    char arrival[INET6_ADDRSTRLEN]; /* local address, when the listener's does not tell it */
};

struct mwd_http_body {
    struct MHD_Response *response;
    const char *bytes; /* live as long as the response */
    size_t size;
    unsigned status;
};

/* Bytes of a body that went, for one that comes. */
struct mwd_http_spare {
    char *bytes; /* `capacity` and one; or NULL */
    size_t capacity;
    unsigned age; /* publishes since it was used */
};

struct mwd_http_download;

struct mwd_http_linger {
    int fd;
    uint64_t until_ms;
};

struct mwd_http_server {
    uv_loop_t *loop;
    struct mwd_log *log;
    void *context;
    struct mwd_http_route *routes;
    uint32_t route_count;
    struct mwd_http_policy *policy;

    struct MHD_Daemon *daemon;
    mwd_http_queue_fn queue_response;
    bool running; /* inside MHD_run() */
    bool rerun;   /* something was resumed meanwhile */

    uv_poll_t poll; /* libmicrohttpd's epoll descriptor */
    uv_idle_t again;
    uv_timer_t sweep, drain;
    bool poll_open;
    unsigned handles; /* open ones, listeners' included */

    struct mwd_http_listener *listeners;
    bool activated_tcp, activated_unix;
    struct mwd_http_connection *connections;
    struct mwd_http_connection *arriving; /* being handed to libmicrohttpd */
    struct mwd_http_connection **by_fd;   /* NULL where the descriptor is not one of them */
    uint32_t by_fd_count;
    struct mwd_http_linger lingers[MWD_HTTP_LINGER_MAX];
    uint32_t linger_count;
    int reserve_fd;

    struct mw_store *store;
    const struct mw_heap_type *kept_type;
    struct mw_cache *kept[MWD_HTTP_SHELVES];
    struct mw_hash_key asked_key;
    uint32_t asked[MWD_HTTP_ASKED_MAX]; /* a mark of each; 0 = none */
    bool asked_any;
    struct mwd_http_spare spare;
    uint64_t body_number, seq;
    char boot[17];
    struct mwd_http_stream *streams;
    const struct mw_heap_type *event_type;
    struct mw_queue *events;
    uint64_t events_first, events_end; /* positions in it, counted from the first event ever */
    uint64_t events_unmade;            /* for lack of memory */
    uint32_t event_readers;            /* streams that are not dropped */
    struct mwd_http_download *downloads;

    struct mwd_http_stats stats;
    bool closing;
    uint64_t closing_since_ms;
    void (*on_closed)(void *context);
    void *closed_context;
};

/* ---- http_server.c ---- */

/* Lets libmicrohttpd do what there is to do. May be called from its own callbacks. */
void mwd_http_turn(struct mwd_http_server *self);
/* For close callbacks: frees the server with its last handle. */
void mwd_http_handle_closed(struct mwd_http_server *self);

/* ---- http_recv.c ---- */

/* Around what may make libmicrohttpd read. */
void mwd_http_recv_begin(const struct mwd_http_server *server);
void mwd_http_recv_end(void);
/* Makes room for a connection in server->by_fd. Errors -ENOMEM. */
int mwd_http_recv_expect(struct mwd_http_server *self, int fd);
/* Spoils in place what must not be seen. */
void mwd_http_recv_clean(struct mwd_http_connection *connection, unsigned char *bytes, size_t size);
/* Undoes it in a body, but for NUL. `before` is the byte in front of these; what a body begins with
 * comes after '\n'. */
void mwd_http_recv_restore(unsigned char *bytes, size_t size, unsigned char before);

/* ---- http_policy.c ---- */

/* What the settings ask for, ready to be taken into use. On errors nothing has changed.
 * Errors   as mwd_http_server_create(). */
int mwd_http_prepare(struct mwd_http_server *self, const struct mwd_http_settings *settings,
                     struct mwd_buffer *error, struct mwd_http_policy **ret_policy,
                     struct mwd_http_listener **ret_fresh);
struct mwd_http_policy *mwd_http_policy_destroy(struct mwd_http_policy *self);

/* ---- http_address.c ---- */

union mwd_http_sockaddr {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un local;
};

/* Text of a TCP address: without port in `host` (INET6_ADDRSTRLEN), with it in `text`
 * (MWD_HTTP_HOST_BYTES). */
void mwd_http_address_text(const union mwd_http_sockaddr *address, char *host, char *text);
/* Fills in what a listener knows of its address; `wanted` of NULL = what it is bound to.
 * Errors   -ENOMEM, those of getsockname(). */
int mwd_http_address_describe(struct mwd_http_listener *self, const char *wanted);
/* "ADDR:PORT" in numbers. Hand *ret to freeaddrinfo(). Errors -EINVAL. */
struct addrinfo;
int mwd_http_address_parse(const char *text, struct addrinfo **ret);

/* ---- http_listen.c ---- */

/* Opens what the settings ask for and `self` does not have yet; what stays is marked `kept`.
 * Errors   as mwd_http_server_create(); then *ret is untouched. */
int mwd_http_listeners_open(struct mwd_http_server *self, const struct mwd_http_settings *settings,
                            struct mwd_buffer *error, struct mwd_http_listener **ret);
void mwd_http_listeners_discard(struct mwd_http_listener *list);
/* Takes the list over, on errors too. Errors: those of uv_poll_init(). */
int mwd_http_listeners_start(struct mwd_http_server *self, struct mwd_http_listener *list);
/* Closes those that are not `kept`, and clears the mark of the others. */
void mwd_http_listeners_close_others(struct mwd_http_server *self);
/* A listener around `fd`, which becomes its own and is closed on errors.
 * Errors   -ENOMEM, those of getsockname(). */
int mwd_http_listener_create(int fd, const char *wanted, struct mwd_http_listener **ret);

/* ---- http_unix.c ---- */

/* Errors   as mwd_http_server_create(). */
int mwd_http_unix_open(const char *path, struct mwd_buffer *error, struct mwd_http_listener **ret);
bool mwd_http_unix_is_ours(const struct mwd_http_listener *self);

/* ---- http_activation.c ---- */

/* The sockets that systemd passed, appended to *list; unsets its variables.
 * Errors   -EINVAL and those of fcntl() and getsockopt(). */
int mwd_http_activation_take(struct mwd_buffer *error, struct mwd_http_listener **list);

/* ---- http_accept.c ---- */

void mwd_http_on_connection(uv_poll_t *handle, int status, int events);
void mwd_http_reserve_open(struct mwd_http_server *self);
/* Polls again those that were paused. */
void mwd_http_accept_resume(struct mwd_http_server *self);

/* ---- http_connection.c ---- */

void mwd_http_on_notify(void *server, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);
void mwd_http_on_completed(void *server, struct MHD_Connection *mhd, void **request_context,
                           enum MHD_RequestTerminationCode code);
struct mwd_http_connection *mwd_http_connection_of(struct MHD_Connection *mhd);
void mwd_http_connection_enter(struct mwd_http_connection *self, enum mwd_http_phase phase);
/* Ends a connection that is late. */
void mwd_http_connection_cut(struct mwd_http_connection *self);
void mwd_http_on_sweep(uv_timer_t *timer);
void mwd_http_sweep_wanted(struct mwd_http_server *self);
/* Takes a descriptor whose last answer is written: reads what still comes, and closes it soon. */
void mwd_http_linger_add(struct mwd_http_server *self, int fd);
void mwd_http_linger_close(struct mwd_http_server *self);
/* Whether an answer is on its way on any connection. */
bool mwd_http_is_answering(const struct mwd_http_server *self);

/* ---- http_request.c ---- */

void *mwd_http_on_uri(void *server, const char *uri, struct MHD_Connection *mhd);
size_t mwd_http_on_unescape(void *context, struct MHD_Connection *mhd, char *text);
enum MHD_Result mwd_http_on_request(void *server, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *data_size, void **request_context);
/* Queues the answer; `response` stays the caller's, and may be NULL. */
enum MHD_Result mwd_http_answer(struct mwd_http_connection *self, unsigned status,
                                struct MHD_Response *response);
enum MHD_Result mwd_http_answer_problem(struct mwd_http_connection *self,
                                        const struct mwd_http_problem *problem);
/* Writes the answer past libmicrohttpd and returns MHD_NO, on which it closes the connection. Only
 * while no answer is on its way there. */
enum MHD_Result mwd_http_refuse(struct mwd_http_connection *self,
                                const struct mwd_http_problem *problem);

/* ---- http_upload.c: bodies of requests ---- */

/* Room for `size` bytes, charged as bodies of answers are. Errors -EPROTO. */
int mwd_http_upload_begin(struct mwd_http_connection *self, size_t size,
                          struct mwd_http_problem *problem);
/* What comes after `size` is left out, and libmicrohttpd does not let that happen. */
void mwd_http_upload_add(struct mwd_http_connection *self, const char *bytes, size_t size);
void mwd_http_upload_give(const struct mwd_http_connection *self, struct mwd_request *ret);
void mwd_http_upload_end(struct mwd_http_connection *self);

/* ---- http_body.c: bodies alive ---- */

/* Bytes that are left for further ones. */
uint64_t mwd_http_body_room(const struct mwd_http_server *self);
/* Takes the bytes of `buffer` over, unless it fails with -ENOMEM. Leaves ret->status alone.
 * Owner    of ret->response: the caller. */
int mwd_http_body_wrap(struct mwd_http_server *self, struct mwd_buffer *buffer,
                       struct mwd_http_body *ret);
/* At each publish: gives spare bytes back that nobody has needed for long. And at once. */
void mwd_http_spare_age(struct mwd_http_server *self);
void mwd_http_spare_drop(struct mwd_http_server *self);
/* Adds the header fields that all bodies have. */
void mwd_http_body_describe(const struct mwd_http_body *self, const struct mwd_http_route *route);
/* Errors   -EPROTO: refused, see *problem. */
int mwd_http_render(struct mwd_http_server *self, const struct mwd_http_route *route,
                    const struct mwd_request *request, struct mwd_reply *reply,
                    struct mwd_http_problem *problem);
/* Renders, wraps and describes. Errors as above. */
int mwd_http_body_make(struct mwd_http_server *self, const struct mwd_http_route *route,
                       const struct mwd_request *request, struct mwd_http_body *ret,
                       struct mwd_http_problem *problem);
/* Counts a rejection and makes a 503 of it. */
int mwd_http_no_room(struct mwd_http_server *self, const char *what,
                     struct mwd_http_problem *problem);

/* ---- http_kept.c: bodies that are kept ---- */

/* Errors   -ENOMEM, -ENOSPC: then there is something to deinit, too. */
int mwd_http_bodies_init(struct mwd_http_server *self, struct mw_store *store);
void mwd_http_bodies_deinit(struct mwd_http_server *self);
enum MHD_Result mwd_http_answer_body(struct mwd_http_connection *self, struct mwd_http_route *route,
                                     const struct mwd_request *request);
/* Fills in what is not counted as it happens. */
void mwd_http_bodies_stats(const struct mwd_http_server *self, struct mwd_http_kept_stats *ret);
/* Lets go of bodies of this lifetime. */
void mwd_http_bodies_drop(struct mwd_http_server *self, enum mwd_lifetime lifetime);

/* ---- http_events.c: the queue of events ---- */

struct mwd_http_event {
    struct mwd_http_server *server;
    uint32_t references;
    struct mwd_buffer text;
};

/* Takes NULL, and returns it. */
struct mwd_http_event *mwd_http_event_unref(struct mwd_http_event *self);

/* Needs self->store. Errors   -ENOMEM, -ENOSPC: then there is something to deinit, too. */
int mwd_http_events_init(struct mwd_http_server *self);
void mwd_http_events_deinit(struct mwd_http_server *self);
/* Fills in what is not counted as it happens. */
void mwd_http_events_stats(const struct mwd_http_server *self, struct mwd_http_event_stats *ret);
/* A new event for the streams of each route. */
void mwd_http_events_publish(struct mwd_http_server *self);
/* Makes route->newest when there is none. Errors   -EPROTO: refused, see *problem. */
int mwd_http_events_render(struct mwd_http_server *self, struct mwd_http_route *route,
                           const struct mwd_request *request, struct mwd_http_problem *problem);

/* One reader more: it has a claim on every event from the position on that is returned. */
uint64_t mwd_http_events_join(struct mwd_http_server *self);
/* The next event for this reader, with a reference of its own; NULL when there is none yet. */
struct mwd_http_event *mwd_http_events_next(struct mwd_http_server *self,
                                            const struct mwd_http_route *route, uint64_t *position);
/* It gives up its claims. */
void mwd_http_events_leave(struct mwd_http_server *self, uint64_t position);

/* ---- http_stream.c: readers of that queue ---- */

struct mwd_http_stream {
    struct mwd_http_stream *prev, *next;
    struct mwd_http_connection *connection;
    struct mwd_http_route *route;
    struct mwd_http_event *sending;
    size_t sent;         /* of it */
    uint64_t position;   /* of the next event in the queue */
    uint64_t written_ms; /* when something was last handed over */
    bool suspended, beat;
    bool dropped; /* it has no claims any more, and its connection ends */
};

enum MHD_Result mwd_http_answer_stream(struct mwd_http_connection *self,
                                       struct mwd_http_route *route,
                                       const struct mwd_request *request, bool head_only);
/* Gives up on a reader that does not read. */
void mwd_http_stream_drop(struct mwd_http_stream *self);
/* Wakes streams that have something to send; with `closing` set that is their end. */
void mwd_http_streams_wake(struct mwd_http_server *self);
/* Heartbeats and streams that nobody reads. */
void mwd_http_streams_sweep(struct mwd_http_server *self);

/* ---- http_download.c ---- */

enum MHD_Result mwd_http_answer_download(struct mwd_http_connection *self,
                                         struct mwd_http_route *route,
                                         const struct mwd_request *request);
/* Lets those go on that are to end: all, or whose connections were cut. */
void mwd_http_downloads_wake(struct mwd_http_server *self, bool all);
#endif
