/* rules test FILE --recording R: the rules of a configuration over a recording, on its own clock.
 * For each rule, when it would have fired and for how long, and how often it would have flapped:
 * fired again within ten minutes of its end. Needs no daemon. */
#include "daemon/ctl/ctl.h"

#include "alert/alert.h"
#include "base/clock.h"
#include "base/units.h"
#include "daemon/config.h"
#include "daemon/names.h"
#include "daemon/services.h"
#include "subject/subject.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OUT_MAX = 16 << 20,
    READ_BYTES = 1 << 20,
    FIRINGS_MAX = 10000,
    FIRINGS_SHOWN = 50,
    STALE_AFTER_S = 15,
    FLAP_MS = 600 * 1000,
    SPAN_MAX = 32,
};

/* One time that a rule fired. */
struct firing {
    struct mw_alert alert; /* as it last was told */
    char summary[MW_ALERT_SUMMARY_MAX + 1];
    bool flapped;
};

struct tally {
    uint64_t fired, flapped;
    int64_t longest_ms;
};

struct trial {
    struct mw_alerts *alerts;
    struct mw_sealer *sealer;
    struct mw_heap *heap;
    struct mw_store *store;       /* on it */
    struct mw_subjects *subjects; /* in that */
    struct mwd_names *names;      /* of heaps, queues and caches */
    struct mwd_services services;
    struct mw_recording_reader *reader;
    struct mwd_config *config;
    struct firing *firings; /* [FIRINGS_MAX] */
    uint32_t count;
    uint64_t left_out; /* firings that found no place there */
    struct tally tallies[MW_ALERT_RULES_MAX];
    bool seen[MW_SOURCE_COUNT]; /* sources that are in the recording */
    int64_t first_ms, last_ms;
    uint64_t samples, last_ns;
    struct mwd_buffer bytes; /* of the file, not read yet */
};

/* ---- what happens ---- */

static struct firing *find(struct trial *self, const struct mw_alert *alert)
{
    for (uint32_t i = self->count; i-- > 0;)
        if (self->firings[i].alert.fingerprint == alert->fingerprint)
            return &self->firings[i];
    return NULL;
}

static struct tally *tally_of(struct trial *self, const struct mw_alert *alert)
{
    for (uint32_t i = 0; i < self->config->alert_count; i++)
        if (strcmp(self->config->alerts[i].name, alert->rule_name) == 0)
            return &self->tallies[i];
    return NULL;
}

static void note_length(struct trial *self, const struct mw_alert *alert, int64_t end_ms)
{
    struct tally *tally = tally_of(self, alert);

    if (tally && end_ms - alert->fired_ms > tally->longest_ms)
        tally->longest_ms = end_ms - alert->fired_ms;
}

static void on_firing(struct trial *self, const struct mw_alert *alert)
{
    const struct firing *before = find(self, alert);
    struct tally *tally = tally_of(self, alert);
    bool flapped = before && alert->fired_ms - before->alert.resolved_ms <= FLAP_MS;

    if (tally) {
        tally->fired++;
        tally->flapped += flapped;
    }
    if (self->count == FIRINGS_MAX) {
        self->left_out++;
        return;
    }
    self->firings[self->count] = (struct firing){.alert = *alert, .flapped = flapped};
    mw_alert_summary(alert, self->firings[self->count].summary);
    self->count++;
}

static void on_event(struct trial *self, const struct mw_alert *alert)
{
    struct firing *firing;

    if (alert->state == MW_ALERT_FIRING)
        on_firing(self, alert);
    if (alert->state != MW_ALERT_RESOLVED)
        return;
    note_length(self, alert, alert->resolved_ms);
    firing = find(self, alert);
    if (firing && firing->alert.since_ms == alert->since_ms)
        firing->alert = *alert;
}

/* What still fires at the end of the recording has lasted until there. */
static void finish(struct trial *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->firings[i].alert.resolved_ms == 0)
            note_length(self, &self->firings[i].alert, self->last_ms);
}

/* ---- samples ---- */

static bool name_of_process(const struct trial *self, const struct mw_block *block, uint32_t row,
                            const char **ret_name, size_t *ret_size)
{
    struct mw_subject subject;

    if (!mw_subjects_at(self->subjects, block, row, &subject) || !subject.name.bytes)
        return false;
    *ret_name = subject.name.bytes;
    *ret_size = subject.name.size;
    return true;
}

static bool name_of(void *context, const struct mw_block *block, uint32_t row,
                    const char **ret_name, size_t *ret_size)
{
    const struct trial *self = context;
    enum mw_kind kind = mw_source_kind((enum mw_source)mw_block_head(block)->source);
    struct mw_block_key key = mw_block_keys(block)[row];

    if (kind == MW_KIND_PROCESS)
        return name_of_process(self, block, row, ret_name, ret_size);
    *ret_name = kind == MW_KIND_SERVICE ? mwd_services_name(&self->services, key)
                                        : mwd_name_of(self->names, kind, key);
    if (!*ret_name)
        return false;
    *ret_size = strlen(*ret_name);
    return true;
}

/* What the recorded daemon called its rows; a name that cannot be taken is one of no rule. */
static void know_names(struct trial *self, const struct mw_block *block)
{
    enum mw_kind kind = mw_source_kind((enum mw_source)mw_block_head(block)->source);
    const struct mw_block_event *event = mw_block_events(block);

    for (uint32_t i = 0; i < mw_block_head(block)->events; i++, event++) {
        const char *text = mw_block_text(block) + event->text_offset;

        if (event->type != MW_EVENT_NAME)
            continue;
        if (kind == MW_KIND_SERVICE)
            mwd_services_know(&self->services, event->key, text, event->text_size);
        else if (mwd_name_kind(kind))
            mwd_names_know(self->names, kind, event->key, text, event->text_size);
    }
}

static int evaluate(struct trial *self)
{
    struct mw_sample *sample;
    struct mw_alert alert;
    int r = mw_sealer_seal(self->sealer, self->last_ns, &sample);

    if (r == -ENODATA) /* the first beat has no block of the machine */
        return 0;
    if (r < 0)
        return r;
    self->samples++;
    self->last_ms = mw_sample_time_ms(sample);
    if (self->samples == 1)
        self->first_ms = self->last_ms;
    mw_alerts_fit(self->alerts, sample);
    do {
        r = mw_alerts_evaluate(self->alerts, sample, UINT32_MAX);
        while (mw_alerts_take(self->alerts, &alert))
            on_event(self, &alert);
    } while (r == MW_ALERTS_MORE);
    mw_sample_unref(sample);
    return 0;
}

static int take_block(struct trial *self, const struct mw_recording_frame *frame)
{
    const struct mw_block_head *head;
    int r = 0;

    if (!frame->block)
        return 0;
    head = mw_block_head(frame->block);
    self->last_ns = head->time_ns;
    self->seen[head->source] = true;
    mw_sealer_offer(self->sealer, frame->block, head->time_ns);
    know_names(self, frame->block);
    if (head->source == MW_SOURCE_PROCESS)
        r = mw_subjects_apply(self->subjects, frame->block);
    mw_block_unref(frame->block);
    return r;
}

/* ---- the recording ---- */

/* Room for what an item needs, filled from the file as far as that goes. Returns the bytes read. */
static ssize_t read_more(struct trial *self, int fd)
{
    char *room = mwd_buffer_reserve(&self->bytes, READ_BYTES);
    ssize_t got;

    if (!room)
        return self->bytes.failed;
    got = read(fd, room, READ_BYTES);
    if (got < 0)
        return errno == EINTR ? 1 : -errno;
    mwd_buffer_commit(&self->bytes, (size_t)got);
    return got;
}

static void drop(struct trial *self, size_t size)
{
    memmove(self->bytes.bytes, self->bytes.bytes + size, self->bytes.size - size);
    self->bytes.size -= size;
}

/* Everything whole that is there. Returns MW_RECORDING_MORE when it wants more. */
static int read_frames(struct trial *self)
{
    struct mw_recording_frame frame;
    size_t at = 0;
    int r;

    for (;;) {
        r = mw_recording_read_frame(self->reader, self->bytes.bytes + at, self->bytes.size - at,
                                    &frame);
        if (r != 0)
            break;
        at += frame.size;
        if (frame.begins_beat && self->last_ns != 0)
            r = evaluate(self);
        if (r == 0)
            r = take_block(self, &frame);
        if (r < 0)
            break;
    }
    drop(self, at);
    return r;
}

static int read_header(struct trial *self, int fd)
{
    size_t size;
    ssize_t got;
    int r;

    do {
        got = read_more(self, fd);
        if (got < 0)
            return (int)got;
        r = mw_recording_read_header(self->reader, self->bytes.bytes, self->bytes.size, &size);
    } while (r == MW_RECORDING_MORE && got > 0);
    if (r == 0)
        drop(self, size);
    return r == MW_RECORDING_MORE ? -EBADMSG : r;
}

static int play(struct trial *self, int fd)
{
    ssize_t got = 1;
    int r = read_header(self, fd);

    while (r == 0 && got > 0) {
        r = self->bytes.size > 0 ? read_frames(self) : MW_RECORDING_MORE;
        if (r == MW_RECORDING_MORE) {
            got = read_more(self, fd);
            r = got < 0 ? (int)got : 0;
        }
    }
    if (r == 0)
        r = evaluate(self);
    if (r == 0)
        finish(self);
    return r;
}

/* ---- telling, as tables ---- */

static const struct mwd_ctl_column rule_columns[] = {
    {.title = "RULE"},
    {.title = "FIRED", .right = true},
    {.title = "FLAPPED", .right = true},
    {.title = "LONGEST", .right = true},
};
static const struct mwd_ctl_column firing_columns[] = {
    {.title = "FIRED AT"},
    {.title = "FOR", .right = true},
    {.title = "RULE"},
    {.title = "WHAT", .flows = true},
};

static void put_span(int64_t ms, char ret[SPAN_MAX])
{
    mw_units_format_span((uint64_t)(ms > 0 ? ms : 0) * MW_NS_PER_MS, ret, SPAN_MAX);
}

static void put_rules(struct trial *self, struct mwd_ctl_table *table)
{
    for (uint32_t i = 0; i < self->config->alert_count; i++) {
        const struct mw_alert_rule *rule = &self->config->alerts[i];
        char longest[SPAN_MAX];

        if (!rule->enabled)
            continue;
        put_span(self->tallies[i].longest_ms, longest);
        mwd_ctl_table_cell(table, "%s", rule->name);
        if (!self->seen[mw_reading_info(rule->reading)->source] &&
            mw_reading_info(rule->reading)->source != MW_SOURCE_DERIVED) {
            mwd_ctl_table_cell(table, "not recorded");
            mwd_ctl_table_cell(table, "-");
            mwd_ctl_table_cell(table, "-");
            continue;
        }
        mwd_ctl_table_cell(table, "%" PRIu64, self->tallies[i].fired);
        mwd_ctl_table_cell(table, "%" PRIu64, self->tallies[i].flapped);
        mwd_ctl_table_cell(table, "%s", self->tallies[i].fired ? longest : "-");
    }
}

static void put_firings(struct trial *self, struct mwd_ctl_table *table)
{
    for (uint32_t i = 0; i < self->count && i < FIRINGS_SHOWN; i++) {
        const struct firing *firing = &self->firings[i];
        const struct mw_alert *alert = &firing->alert;
        char at[MWD_CTL_TIME_MAX], span[SPAN_MAX];

        mwd_ctl_put_time((uint64_t)alert->fired_ms, at);
        put_span((alert->resolved_ms ? alert->resolved_ms : self->last_ms) - alert->fired_ms, span);
        mwd_ctl_table_cell(table, "%s", at);
        mwd_ctl_table_cell(table, "%s%s", span, alert->resolved_ms ? "" : "+");
        mwd_ctl_table_cell(table, "%s", alert->rule_name);
        mwd_ctl_table_cell(table, "%s%s", firing->summary, firing->flapped ? " (again)" : "");
    }
}

static void put_one_table(struct mwd_ctl *ctl, struct trial *self,
                          const struct mwd_ctl_column *columns, size_t count,
                          void (*put)(struct trial *, struct mwd_ctl_table *),
                          struct mwd_buffer *out)
{
    struct mwd_ctl_table *table;
    int r = mwd_ctl_table_create(columns, (unsigned)count, &table);

    if (r < 0) {
        out->failed = r;
        return;
    }
    put(self, table);
    mwd_ctl_table_put(table, ctl, out);
    mwd_ctl_table_destroy(table);
}

static void put_tables(struct mwd_ctl *ctl, struct trial *self, struct mwd_buffer *out)
{
    uint64_t rest =
        self->left_out + (self->count > FIRINGS_SHOWN ? self->count - FIRINGS_SHOWN : 0);
    char from[MWD_CTL_TIME_MAX], to[MWD_CTL_TIME_MAX];

    mwd_ctl_put_time((uint64_t)self->first_ms, from);
    mwd_ctl_put_time((uint64_t)self->last_ms, to);
    mwd_buffer_printf(out, "%" PRIu64 " samples, %s to %s\n\n", self->samples, from, to);
    put_one_table(ctl, self, rule_columns, sizeof rule_columns / sizeof rule_columns[0], put_rules,
                  out);
    if (self->count == 0)
        return;
    mwd_buffer_puts(out, "\n");
    put_one_table(ctl, self, firing_columns, sizeof firing_columns / sizeof firing_columns[0],
                  put_firings, out);
    if (rest > 0)
        mwd_buffer_printf(out, "and %" PRIu64 " more; --json has them\n", rest);
}

/* ---- telling, as JSON ---- */

static cJSON *firing_as_json(const struct firing *firing)
{
    const struct mw_alert *alert = &firing->alert;
    cJSON *item = cJSON_CreateObject();

    cJSON_AddStringToObject(item, "subject", alert->subject);
    cJSON_AddStringToObject(item, "name", alert->name);
    cJSON_AddNumberToObject(item, "sinceMs", (double)alert->since_ms);
    cJSON_AddNumberToObject(item, "firedMs", (double)alert->fired_ms);
    if (alert->resolved_ms)
        cJSON_AddNumberToObject(item, "resolvedMs", (double)alert->resolved_ms);
    else
        cJSON_AddNullToObject(item, "resolvedMs");
    cJSON_AddBoolToObject(item, "flapped", firing->flapped);
    cJSON_AddStringToObject(item, "summary", firing->summary);
    return item;
}

static cJSON *rule_as_json(const struct trial *self, uint32_t index)
{
    const struct mw_alert_rule *rule = &self->config->alerts[index];
    const struct mw_reading_info *info = mw_reading_info(rule->reading);
    cJSON *item = cJSON_CreateObject();
    cJSON *firings;

    cJSON_AddStringToObject(item, "rule", rule->name);
    cJSON_AddBoolToObject(item, "recorded",
                          info->source == MW_SOURCE_DERIVED || self->seen[info->source]);
    cJSON_AddNumberToObject(item, "fired", (double)self->tallies[index].fired);
    cJSON_AddNumberToObject(item, "flapped", (double)self->tallies[index].flapped);
    cJSON_AddNumberToObject(item, "longestMs", (double)self->tallies[index].longest_ms);
    firings = cJSON_AddArrayToObject(item, "firings");
    for (uint32_t i = 0; i < self->count; i++)
        if (strcmp(self->firings[i].alert.rule_name, rule->name) == 0)
            cJSON_AddItemToArray(firings, firing_as_json(&self->firings[i]));
    return item;
}

static void put_json(const struct trial *self, struct mwd_buffer *out)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *rules;

    cJSON_AddNumberToObject(document, "samples", (double)self->samples);
    cJSON_AddNumberToObject(document, "fromMs", (double)self->first_ms);
    cJSON_AddNumberToObject(document, "toMs", (double)self->last_ms);
    cJSON_AddNumberToObject(document, "leftOut", (double)self->left_out);
    rules = cJSON_AddArrayToObject(document, "rules");
    for (uint32_t i = 0; i < self->config->alert_count; i++)
        if (self->config->alerts[i].enabled)
            cJSON_AddItemToArray(rules, rule_as_json(self, i));
    mwd_ctl_put_json(document, out);
}

/* ---- beginning and end ---- */

static int load_config(const char *path, struct mwd_config **ret)
{
    static char *no_environment[] = {NULL};
    struct mwd_config_input input = {.path = path, .environment = no_environment};
    struct mwd_buffer errors;
    int code = MWD_CTL_OK;
    int r;

    mwd_buffer_init(&errors, OUT_MAX);
    r = mwd_config_load(&input, &errors, ret);
    if (r > 0)
        mwd_ctl_complain("rules test: %s cannot be taken:\n%.*s", path, (int)errors.size,
                         errors.bytes);
    else if (r < 0)
        mwd_ctl_complain("rules test: %s: %s", path, strerror(-r));
    if (r != 0)
        code = r > 0 ? MWD_CTL_USAGE : MWD_CTL_FAILED;
    mwd_buffer_deinit(&errors);
    return code;
}

/* Names of processes need a heap of their own, of the size that a daemon has. */
static int create_subjects(struct trial *self)
{
    struct mw_heap_config config;
    int r;

    mw_heap_config_default(&config);
    r = mw_heap_create(&config, &self->heap);
    if (r == 0)
        r = mw_store_create(self->heap, &self->store);
    return r < 0 ? r : mw_subjects_create(self->store, &self->subjects);
}

static int make(struct trial *self)
{
    struct mw_alert_config config;
    int r;

    mw_alert_config_default(&config);
    mwd_buffer_init(&self->bytes, (size_t)2 * MW_RECORDING_FRAME_MAX);
    self->firings = calloc(FIRINGS_MAX, sizeof *self->firings);
    if (!self->firings)
        return -ENOMEM;
    r = mw_alerts_create(&config, &self->alerts);
    if (r == 0)
        r = mw_sealer_create(&self->sealer);
    if (r == 0)
        r = create_subjects(self);
    if (r == 0)
        r = mwd_names_create(&self->names);
    if (r == 0)
        r = mw_recording_reader_create(&self->reader);
    if (r == 0)
        r = mw_alerts_set_rules(self->alerts, self->config->alerts, self->config->alert_count);
    if (r < 0)
        return r;
    mw_alerts_set_names(self->alerts, name_of, self);
    mw_sealer_set_stale_after(self->sealer, (uint64_t)STALE_AFTER_S * MW_NS_PER_S);
    return 0;
}

static void unmake(struct trial *self)
{
    mw_alerts_destroy(self->alerts);
    mw_sealer_destroy(self->sealer);
    mw_subjects_destroy(self->subjects);
    mw_store_destroy(self->store);
    mw_heap_destroy(self->heap);
    mw_recording_reader_destroy(self->reader);
    mwd_names_destroy(self->names);
    mwd_services_deinit(&self->services);
    mwd_config_destroy(self->config);
    free(self->firings);
    mwd_buffer_deinit(&self->bytes);
}

static int tell(struct mwd_ctl *ctl, struct trial *self)
{
    struct mwd_buffer out;
    int code;

    mwd_buffer_init(&out, OUT_MAX);
    if (ctl->options->json)
        put_json(self, &out);
    else
        put_tables(ctl, self, &out);
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

static int complain_of_recording(const struct trial *self, const char *path, int r)
{
    if (r == -EBADMSG && self->reader)
        mwd_ctl_complain("rules test: %s is no recording that can be read: %s", path,
                         mw_recording_reader_error(self->reader));
    else
        mwd_ctl_complain("rules test: %s: %s", path, strerror(-r));
    return MWD_CTL_FAILED;
}

int mwd_ctl_rules_test(struct mwd_ctl *ctl, const char *path)
{
    const char *recording = ctl->options->recording;
    struct trial self = {.samples = 0};
    int code, fd, r;

    if (!recording) {
        mwd_ctl_complain("rules test: needs --recording FILE, made by memwatchctl record or "
                         "memwatchd --record");
        return MWD_CTL_USAGE;
    }
    code = load_config(path, &self.config);
    if (code != MWD_CTL_OK)
        return code;
    r = make(&self);
    fd = r < 0 ? -1 : open(recording, O_RDONLY | O_CLOEXEC);
    if (r == 0)
        r = fd < 0 ? -errno : play(&self, fd);
    code = r < 0 ? complain_of_recording(&self, recording, r) : tell(ctl, &self);
    if (fd >= 0)
        close(fd);
    unmake(&self);
    return code;
}
