/* A recording without a daemon: the collectors run here, once an interval, and what they read goes
 * straight to the file. All of it on one thread, since nobody else waits.
 *
 * The file is whole after each beat. One that cannot be written is cut back to the end of the beat
 * before it, so that what is there plays without a warning.
 */
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/signals.h"

#include "collect/collect.h"
#include "sample/sample.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { SOURCES = 3, STATUS_INTERVAL_S = 60, KEEP_FDS = 512, BEAT_MAX = 64 << 20 };

struct recording {
    const char *path;
    struct mw_collector *collector;
    struct mw_recording_writer *writer;
    struct mwd_buffer beat; /* read, and not in the file yet */
    struct mw_pace pace;
    int fd;
    uint64_t bytes, samples; /* in the file, all of them whole */
};

/* ---- the file ---- */

static int write_all(int fd, const struct mwd_buffer *bytes)
{
    size_t done = 0;

    while (done < bytes->size) {
        ssize_t written = write(fd, bytes->bytes + done, bytes->size - done);

        if (written < 0 && errno != EINTR)
            return -errno;
        done += written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* Returns 0, or an error after which the file ends where it was whole. */
static int write_beat(struct recording *self)
{
    int r = self->beat.failed ? self->beat.failed : write_all(self->fd, &self->beat);

    if (r == 0) {
        self->bytes += self->beat.size;
        self->beat.size = 0;
    } else if (ftruncate(self->fd, (off_t)self->bytes) < 0) {
        mwd_ctl_complain("record: %s: its last sample is cut off, which --replay will say: %s",
                         self->path, strerror(errno));
    }
    return r;
}

static int open_file(struct recording *self)
{
    self->fd = open(self->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (self->fd >= 0)
        return 0;
    if (errno == EEXIST)
        mwd_ctl_complain("record: %s is already there; a recording needs a new file", self->path);
    else
        mwd_ctl_complain("record: %s cannot be made: %s", self->path, strerror(errno));
    return -errno;
}

/* ---- a beat ---- */

static int (*const readers[])(struct mw_collector *, struct mw_block **) = {
    mw_collector_read_system, mw_collector_read_processes};

static void tell_faults(struct recording *self)
{
    struct mw_fault fault;

    while (mw_collector_next_fault(self->collector, &fault))
        mwd_ctl_complain("record: %s: %s (%s); its readings are absent in the recording",
                         fault.file, fault.reason, strerror(-fault.error));
}

static int put_block(struct recording *self, struct mw_block *block, bool is_first)
{
    struct mw_recording_bytes frame;
    int r = mw_recording_write_frame(self->writer, block, is_first, &frame);

    if (r == 0)
        mwd_buffer_append(&self->beat, frame.bytes, frame.size);
    mw_block_unref(block);
    return r;
}

/* A source that cannot be read is told as a fault and left out; the others go on. */
static int read_beat(struct recording *self)
{
    struct mw_block *block;
    bool is_first = true;
    int r = 0;

    for (size_t i = 0; i < sizeof readers / sizeof readers[0] && r == 0; i++) {
        if (readers[i](self->collector, &block) < 0)
            continue;
        r = put_block(self, block, is_first);
        is_first = false;
    }
    if (r == 0 && mw_collector_read_self(self->collector, &self->pace, &block) == 0)
        r = put_block(self, block, is_first);
    tell_faults(self);
    return r;
}

static int record_beat(struct recording *self)
{
    int r = read_beat(self);

    if (r == 0)
        r = write_beat(self);
    if (r == 0)
        self->samples++;
    else
        mwd_ctl_complain("record: %s: the recording ends after %" PRIu64 " samples: %s", self->path,
                         self->samples, strerror(-r));
    return r;
}

/* ---- from the first to the last ---- */

static int start(struct recording *self)
{
    const struct mw_collect_options options = {.proc_root = "/proc",
                                               .keep_fds = KEEP_FDS,
                                               .status_interval_s = STATUS_INTERVAL_S,
                                               .clock = mw_clock_system()};
    struct mw_recording_bytes header = {NULL, 0};
    int r = mw_collector_create(&options, &self->collector);

    if (r < 0) {
        mwd_ctl_complain("record: %s cannot be read: %s", options.proc_root, strerror(-r));
        return r;
    }
    r = mw_recording_writer_create((uint32_t)sysconf(_SC_PAGESIZE), &self->writer);
    if (r == 0)
        r = mw_recording_write_header(self->writer, &header);
    if (r < 0) {
        mwd_ctl_complain("record: %s", strerror(-r));
        return r;
    }
    mwd_buffer_append(&self->beat, header.bytes, header.size);
    return open_file(self);
}

static void stop(struct recording *self)
{
    if (self->fd >= 0)
        close(self->fd);
    mw_recording_writer_destroy(self->writer);
    mw_collector_destroy(self->collector);
    mwd_buffer_deinit(&self->beat);
}

/* When the next one is due on a grid of intervals; what was missed is counted, never caught up. */
static uint64_t next_due(struct recording *self, uint64_t due_ns, uint64_t interval_ns)
{
    uint64_t now = mw_clock_monotonic_ns(mw_clock_system());
    uint64_t missed = now > due_ns + interval_ns ? (now - due_ns) / interval_ns : 0;

    self->pace.missed_samples += missed;
    return due_ns + (missed + 1) * interval_ns;
}

static void note_lateness(struct recording *self, uint64_t due_ns)
{
    uint64_t now = mw_clock_monotonic_ns(mw_clock_system());

    self->pace.late_ns = now > due_ns ? now - due_ns : 0;
}

static int run(struct recording *self, const struct mwd_ctl_options *options, int signals)
{
    uint64_t due = mw_clock_monotonic_ns(mw_clock_system());

    for (;;) {
        enum mwd_ctl_event event = MWD_CTL_TIME;
        char key;

        note_lateness(self, due);
        int r = record_beat(self);
        if (r < 0 || self->samples >= options->count)
            return r;
        due = next_due(self, due, options->interval_ns);
        do
            event = mwd_ctl_wait(signals, -1, due, &key);
        while (event == MWD_CTL_RESIZED);
        if (event == MWD_CTL_END)
            return 0;
    }
}

static int print_end(struct mwd_ctl *self, const struct recording *recording)
{
    struct mwd_buffer out;
    char size[32];

    mwd_buffer_init(&out, 1 << 16);
    if (self->options->json) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddStringToObject(object, "file", recording->path);
        cJSON_AddNumberToObject(object, "samples", (double)recording->samples);
        cJSON_AddNumberToObject(object, "bytes", (double)recording->bytes);
        mwd_ctl_put_json(object, &out);
    } else {
        mwd_ctl_size(self, recording->bytes, size);
        mwd_buffer_printf(&out, "%s: %" PRIu64 " samples, %s; memwatchd --replay plays them\n",
                          recording->path, recording->samples, size);
    }
    int code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

int mwd_ctl_record(struct mwd_ctl *self)
{
    struct recording recording = {.path = self->options->operand, .fd = -1};
    int signals = mwd_ctl_signals_open();
    int r = signals;

    mwd_buffer_init(&recording.beat, BEAT_MAX);
    if (signals < 0)
        mwd_ctl_complain("record: signals cannot be waited for: %s", strerror(-signals));
    else
        r = start(&recording);
    if (r == 0)
        r = run(&recording, self->options, signals);
    stop(&recording);
    if (signals >= 0)
        close(signals);
    int code = recording.samples > 0 ? print_end(self, &recording) : MWD_CTL_FAILED;
    return r < 0 ? MWD_CTL_FAILED : code;
}
