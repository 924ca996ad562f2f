/* What the files of memwatchd-deliver share.
 *
 * The program does one exchange for each request that it reads from its stdin, a socket of the
 * daemon's, and answers it there; it ends when the daemon closes its end. It decides nothing: what
 * is tried again, and when, is the daemon's matter (daemon/sink.h). So it can be killed at any
 * moment.
 *
 * Bounds   DELIVER_EXCHANGES at once; beyond that it does not read. One request has MWD_WIRE_MAX
 *          bytes at most.
 */
#ifndef MWD_DELIVER_H
#define MWD_DELIVER_H
#include "daemon/wire.h"

#include <curl/curl.h>
#include <sys/types.h>

enum { DELIVER_EXCHANGES = 128, DELIVER_OUTPUT_MAX = 512 };

/* A request with the bytes that its texts point into. */
struct deliver_request {
    char *record;
    struct mwd_wire_request wire;
};

/* ---- channel.c: the daemon's socket ---- */

struct deliver_channel {
    int fd;
    struct mwd_buffer in, out;
    bool closed; /* the daemon has gone, or says what is no request */
};

void deliver_channel_init(struct deliver_channel *self, int fd);
void deliver_channel_deinit(struct deliver_channel *self);
/* Takes what has come, up to a bound. */
void deliver_channel_read(struct deliver_channel *self);
void deliver_channel_write(struct deliver_channel *self);
/* The next whole request; hand ret->record to free(). Returns false when there is none. */
bool deliver_channel_next(struct deliver_channel *self, struct deliver_request *ret);
/* The first form of `why` is cut where a character would be cut in two. */
void deliver_channel_answer(struct deliver_channel *self, const struct mwd_wire_answer *answer);

/* ---- post.c: requests over HTTP ---- */

struct deliver_posts;

/* Errors   -ENOMEM. */
int deliver_posts_create(struct deliver_posts **ret);
struct deliver_posts *deliver_posts_destroy(struct deliver_posts *self);
CURLM *deliver_posts_multi(const struct deliver_posts *self);
uint32_t deliver_posts_count(const struct deliver_posts *self);
/* Takes the request over. What cannot begin is answered at once. */
void deliver_posts_begin(struct deliver_posts *self, struct deliver_request *request,
                         struct deliver_channel *channel);
void deliver_posts_step(struct deliver_posts *self, struct deliver_channel *channel);

/* What an answer's status means. */
enum mwd_wire_outcome deliver_outcome_of(long status);

/* ---- token.c ---- */

enum { DELIVER_TOKEN_MAX = 4096 };

/* The file's first line. Errors   those of open(2) and read(2); -EINVAL not a regular file, empty,
 * or bytes that a header cannot have; -EFBIG. */
int deliver_token_read(const char *path, char ret[DELIVER_TOKEN_MAX + 1]);

/* ---- hook.c: programs ---- */

struct deliver_hook;

struct deliver_hooks {
    struct deliver_hook *first;
    uint32_t count;
};

/* Kills what runs. */
void deliver_hooks_deinit(struct deliver_hooks *self);
void deliver_hooks_begin(struct deliver_hooks *self, struct deliver_request *request,
                         struct deliver_channel *channel);
void deliver_hooks_step(struct deliver_hooks *self, struct deliver_channel *channel);
/* Adds what to wait for; returns how many. `ret_ms` becomes earlier when a time limit is. */
uint32_t deliver_hooks_wait(const struct deliver_hooks *self, struct curl_waitfd *ret,
                            uint32_t room, int *ret_ms);

/* ---- harden.c ---- */

/* Gives up what it does not need. Before anything is opened. */
void deliver_harden(void);
/* In a hook's process: limits that are this program's only. Async-signal-safe. */
void deliver_soften(void);

uint64_t deliver_now_ms(void);
#endif
