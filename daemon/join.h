/* join: the end of a thread that may hang in a read. A leaf.
 *
 * What it still uses must stay behind with it: who starts such a thread shares that with it under
 * two owners, and it goes with the last of them.
 * Source   pthread_tryjoin_np(3), pthread_detach(3).
 */
#ifndef MWD_JOIN_H
#define MWD_JOIN_H
#include <pthread.h>
#include <stdbool.h>

/* Waits for the thread's end for at most `wait_ms`, and then leaves it to itself. Either way
 * `thread` is not to be used any more. Returns whether it has ended. */
bool mwd_join_or_abandon(pthread_t thread, unsigned wait_ms);
#endif
