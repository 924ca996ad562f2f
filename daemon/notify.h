/* notify: what the daemon tells its service manager, by the protocol of sd_notify(3). A leaf.
 *
 * Without $NOTIFY_SOCKET every call does nothing, so nobody has to ask whether there is a manager.
 * A datagram that the manager does not take at once is lost: telling must never hold up the loop.
 * Threads  one.
 * Source   sd_notify(3), sd_watchdog_enabled(3), systemd.service(5).
 */
#ifndef MWD_NOTIFY_H
#define MWD_NOTIFY_H
#include <stdbool.h>
#include <stdint.h>

struct mwd_notify;

/* Reads $NOTIFY_SOCKET (a path, or @NAME for the abstract namespace), $WATCHDOG_USEC and
 * $WATCHDOG_PID. A socket of another form is taken for none.
 * Owner    the caller; hand *ret to mwd_notify_destroy(). Errors -ENOMEM, those of socket(2). */
int mwd_notify_create(struct mwd_notify **ret);
struct mwd_notify *mwd_notify_destroy(struct mwd_notify *self);

/* Whether there is a manager that listens. */
bool mwd_notify_is_heard(const struct mwd_notify *self);

/* How often the manager wants mwd_notify_watchdog() at the latest; 0 = it does not watch. */
uint64_t mwd_notify_watchdog_ns(const struct mwd_notify *self);

/* `self` may be NULL in all of these. */
void mwd_notify_ready(struct mwd_notify *self);
void mwd_notify_reloading(struct mwd_notify *self); /* ready() ends it */
void mwd_notify_stopping(struct mwd_notify *self);
void mwd_notify_watchdog(struct mwd_notify *self);

/* One line for `systemctl status`; control characters become blanks, more than 512 bytes are cut
 * off. The same text twice in a row is sent once. */
void mwd_notify_status(struct mwd_notify *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Why the daemon is about to end: `error` is a negative errno, 0 = not one. */
void mwd_notify_failed(struct mwd_notify *self, int error, const char *reason);
#endif
