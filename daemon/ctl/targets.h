/* targets: names of machines, as people write them, for Prometheus' service discovery by files.
 *
 * A target is HOST or HOST:PORT. HOST is a name, an address of IPv4, or one of IPv6 in brackets.
 * What is printed is one group of file_sd: a list of HOST:PORT, and labels that all of them get.
 */
#ifndef MWD_CTL_TARGETS_H
#define MWD_CTL_TARGETS_H
#include "daemon/buffer.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MWD_CTL_TARGET_PORT = 9636, /* the daemon's own default */
    MWD_CTL_TARGET_ROOM = 264,
    MWD_CTL_TARGETS_BYTES = 64 << 20,
    MWD_CTL_TARGETS_MISTAKES = 20 /* as many are shown */
};

/* Writes HOST:PORT. Returns NULL, or a sentence about what is wrong. */
const char *mwd_ctl_target_parse(const char *text, size_t size, char ret[MWD_CTL_TARGET_ROOM]);

struct mwd_ctl_target_label {
    char name[64];
    const char *text; /* borrowed */
};
/* Of "NAME=TEXT". Returns NULL, or a sentence about what is wrong. */
const char *mwd_ctl_target_label(const char *text, struct mwd_ctl_target_label *ret);

struct mwd_ctl_targets {
    struct mwd_buffer list, mistakes; /* a mistake begins with its place and ends with a 0 */
    unsigned count, mistake_count;
};

void mwd_ctl_targets_init(struct mwd_ctl_targets *self);
void mwd_ctl_targets_deinit(struct mwd_ctl_targets *self);
/* One target; what is none becomes a mistake at `place`. */
void mwd_ctl_targets_add(struct mwd_ctl_targets *self, const char *place, const char *text,
                         size_t size);
/* Any number of them with blanks between, up to a '#'. */
void mwd_ctl_targets_add_line(struct mwd_ctl_targets *self, const char *place, const char *line,
                              size_t size);
/* JSON. Returns 0, or the error of a buffer that is full. */
int mwd_ctl_targets_render(const struct mwd_ctl_targets *self,
                           const struct mwd_ctl_target_label *labels, unsigned label_count,
                           struct mwd_buffer *out);
#endif
