/* app: owns everything and is the only place that wires parts together.
 *
 * Blocks come in from the sampler (or a recording), are sealed into a sample, and the sample is
 * published to HTTP. Nothing below this file knows of two parts at once.
 */
#ifndef MWD_APP_H
#define MWD_APP_H
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/notify.h"

#include <stdbool.h>

struct mwd_app_options {
    const struct mwd_config_input *config_input; /* read again at each reload */
    struct mwd_config *config;                   /* becomes the app's */
    struct mwd_log *log;
    struct mwd_notify *notify; /* the service manager; NULL = none */
    const char *record;        /* file to write blocks to, or NULL */
    const char *replay;        /* file to take blocks from, or NULL: sample this machine */
    double speed;              /* of the replay */
    unsigned heap_modes;       /* of enum mw_heap_mode: for tests */
};

/* What the configuration refers to and only the parts can judge: the file of tokens.
 * Errors   -EINVAL or another negative errno, with a line in `error`. */
int mwd_app_check(const struct mwd_config *config, struct mwd_buffer *error);

/* Runs the daemon until SIGTERM or SIGINT. Returns the exit code. */
int mwd_app_run(const struct mwd_app_options *options);

/* Takes one sample (with `replay`: the recording's last), prints it as JSON to stdout. Returns the
 * exit code. */
int mwd_app_once(const struct mwd_app_options *options);
#endif
