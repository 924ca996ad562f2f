/* push_socket: where datagrams of statsd lines come in: a unix socket, whose senders the kernel
 * names, and a UDP address, whose senders anybody can pretend to be. Feeds daemon/push.h.
 *
 * Bound    MWD_PUSH_DATAGRAM_MAX bytes a datagram, a longer one is refused whole and counted; at
 *          most 256 datagrams of a socket are taken in a turn of the loop. On the unix socket a
 *          sender waits, or is told EAGAIN, when as many wait as net.unix.max_dgram_qlen says;
 *          what the kernel drops on UDP it counts.
 * Threads  the loop's only.
 */
#ifndef MWD_PUSH_SOCKET_H
#define MWD_PUSH_SOCKET_H
#include "daemon/buffer.h"
#include "daemon/push.h"

#include <uv.h>

enum { MWD_PUSH_DATAGRAM_MAX = 8192 };

struct mwd_push_socket;

/* "" = none, for both. `*ret` is NULL when there is neither.
 * Errors   negative errno, with "KEY: what is wrong" in `error`. */
int mwd_push_socket_create(uv_loop_t *loop, struct mwd_push *push, const char *path,
                           const char *udp, struct mwd_buffer *error, struct mwd_push_socket **ret);
/* "ADDR:PORT" of the UDP address as it came out, or "". */
const char *mwd_push_socket_udp(const struct mwd_push_socket *self);
/* Frees itself when the loop has let go of it. Takes NULL. */
void mwd_push_socket_close(struct mwd_push_socket *self);
#endif
