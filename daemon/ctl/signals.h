/* Signals as something to wait for: verbs that run until they are interrupted. */
#ifndef MWD_CTL_SIGNALS_H
#define MWD_CTL_SIGNALS_H
#include <stdbool.h>
#include <stdint.h>

/* A descriptor that is readable when SIGINT, SIGTERM, SIGHUP or SIGWINCH has come, instead of what
 * they do else. Errors those of signalfd(2). */
int mwd_ctl_signals_open(void);

enum mwd_ctl_event { MWD_CTL_TIME, MWD_CTL_END, MWD_CTL_RESIZED, MWD_CTL_KEY };

/* Waits until `until_ns` of the monotonic clock. `key_fd` is -1 when no keys are read; of a key the
 * byte is in *ret_key. */
enum mwd_ctl_event mwd_ctl_wait(int signals, int key_fd, uint64_t until_ns, char *ret_key);
#endif
