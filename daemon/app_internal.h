/* What the app's own files share. Not for others. */
#ifndef MWD_APP_INTERNAL_H
#define MWD_APP_INTERNAL_H
#include "daemon/app.h"
#include "daemon/grouper.h"
#include "daemon/heap.h"
#include "daemon/http_server.h"
#include "daemon/notify.h"
#include "daemon/push.h"
#include "daemon/push_flow.h"
#include "daemon/push_socket.h"
#include "daemon/recorder.h"
#include "daemon/replayer.h"
#include "daemon/sampler.h"
#include "daemon/services.h"
#include "daemon/snapshot.h"
#include "daemon/view.h"
#include "daemon/windows.h"
#include "history/history.h"

/* A process that does not change has its status file read this often: it changes little, and
 * costs three times as much as statm. */
enum { MWD_STATUS_INTERVAL_S = 60 };

/* Sources that are the loop's own and have named subjects: one pool and one count each. */
struct mwd_app_named {
    struct mw_block_pool *pool;
    uint64_t seq;
    struct mw_block_key *told; /* whose names stand in the recording; of `told_rows` rows */
    uint32_t told_rows;
};
enum { MWD_APP_NAMED = 3 };

struct mwd_app {
    const struct mwd_app_options *options;
    struct mwd_config *config;
    struct mwd_log *log;
    uv_loop_t loop;
    uv_signal_t on_term, on_int, on_hup;
    uv_timer_t stale_check, status_timer, watchdog_timer;
    bool closing;
    struct mwd_notify *notify;
    bool stale;          /* as last told */
    bool reload_refused; /* the last one was */

    struct mwd_sampler *sampler; /* one of these two feeds the app */
    struct mwd_replayer *replayer;
    struct mwd_recorder *recorder; /* or NULL */
    struct mwd_http_server *http;

    struct mwd_heap *heap;
    struct mw_history *history; /* on it, as subjects are; NULL with --once */

    struct mwd_snapshots *snapshots; /* of it */
    uv_signal_t on_usr2;

    struct mwd_app_alerts *alerts;

    struct mwd_push *push; /* what others report; NULL with --once */
    struct mwd_push_socket *push_socket;
    uv_timer_t push_timer;
    uint32_t push_changed;   /* kinds, a bit each, that have news for the rules */
    uint64_t push_urgent_ns; /* when they were last told */
    struct mwd_flow events_flow;
    struct mwd_use bodies_use, names_use;
    uint64_t heap_floor, heap_fulls; /* after the last full collection; how many there were */

    struct mw_sealer *sealer;
    struct mw_subjects *subjects;
    struct mwd_services services;     /* those of the configuration */
    struct mwd_grouping *grouping;    /* by rules; NULL with --once */
    struct mwd_grouper *grouper;      /* NULL until there are rules */
    uint64_t groups_round;            /* of it, that all processes were asked for in */
    struct mwd_groups *all_groups;    /* the same, of /metrics/process */
    struct mwd_groups *groups;        /* of the newest sample */
    struct mwd_windows *windows;      /* up to it; told nothing with --once */
    struct mwd_view_plan series_plan; /* of it, for /metrics */
    uint64_t series_left_out;
    struct mw_block_pool *own_blocks; /* what the loop itself knows: MW_SOURCE_DAEMON */
    struct mw_sample *sample;         /* the newest; NULL before the first */
    uint64_t own_seq;
    struct mwd_app_named named[MWD_APP_NAMED]; /* heaps, queues, caches */
    struct mw_block_pool *heap_now;            /* a heap as it is when somebody asks */
    bool named_replayed;                       /* they are the recorded daemon's */
    uint32_t processes;                        /* in the newest process block */
    bool processes_known;
    uint64_t beat_ns; /* when the last beat was sealed, on the loop's clock */

    uv_timer_t urgent_timer; /* ends the wait of blocks that came too soon after an urgent sample */
    bool urgent_waits;
    uint64_t urgent_ns; /* when the last urgent sample was sealed */
    uint64_t urgent_samples, urgent_folded;

    uv_prepare_t own_watch; /* see app_own.c */
    uint32_t own_heap_step; /* of the own heap, as last told */

    int64_t started_ms;
    uint64_t started_ns;
    bool replay_ended;
    int replay_status;

    struct mwd_buffer reload_error; /* what the last reload complained about */
    char detail[256];               /* of a problem document being made */
};

/* ---- app_sample.c: blocks in, samples out ---- */

int mwd_app_samples_init(struct mwd_app *self);
void mwd_app_samples_deinit(struct mwd_app *self);
void mwd_app_record(struct mwd_app *self, struct mw_block *const *blocks, uint32_t count);
void mwd_app_on_blocks(void *context, struct mw_block *const *blocks, uint32_t count);
/* After the loop. Errors: those of uv_timer_init(). */
int mwd_app_urgent_init(struct mwd_app *self);
/* Context: the app. Blocks that cannot wait for the next beat: a sample with them is sealed,
 * published and judged at once; history, and rates from beat to beat, are left as they are. The
 * blocks stay the caller's.
 * Bound    100 samples a second; what comes sooner is in the one that follows within 10 ms. */
void mwd_app_urgent(void *context, struct mw_block *const *blocks, uint32_t count);
/* Seals again when no block has come for so long that sources have become stale. */
void mwd_app_check_stale(struct mwd_app *self);
bool mwd_app_is_stale(const struct mwd_app *self);
/* How long ago the newest process block may have come before it is called stale. */
uint64_t mwd_app_stale_after_ns(const struct mwd_config *config);

/* ---- app_heap.c: what the daemon keeps on its managed heap ---- */

/* The heap alone, before the samples that name their subjects on it. `loop` may be NULL: then it
 * works in allocations only. */
int mwd_app_heap_init(struct mwd_app *self, uv_loop_t *loop);
/* After the samples. */
int mwd_app_history_init(struct mwd_app *self);
/* Both, last of all. */
void mwd_app_heap_deinit(struct mwd_app *self);
/* Takes the newest sample into the history, and lets the collector work when all is quiet. */
void mwd_app_heap_feed(struct mwd_app *self);
/* Errors   -EINVAL, with a line in `error`: the heap could not work with its limit. */
int mwd_app_heap_check(const struct mwd_config *config, struct mwd_buffer *error);
/* For a reload. Errors -EINVAL as above, -EBUSY more is in use, with a line in `error`: then the
 * limit is what it was. */
int mwd_app_heap_set_limit(struct mwd_app *self, const struct mwd_config *config,
                           struct mwd_buffer *error);
/* Takes the rest of self->config, which cannot fail. */
void mwd_app_heap_reloaded(struct mwd_app *self);

/* ---- app_named.c: the daemon's own heap, queues and caches as blocks ---- */

int mwd_app_named_init(struct mwd_app *self);
void mwd_app_named_deinit(struct mwd_app *self);
/* Offers the newest of each to the sealer and the recording. Of a recording that has none, those of
 * the daemon that plays it. */
void mwd_app_named_offer(struct mwd_app *self, uint64_t now_ns);
/* A sample at once with what is new in these kinds, a bit each. */
void mwd_app_named_urgent(struct mwd_app *self, uint32_t kinds);
/* A recorded block: takes the names that stand in it. */
void mwd_app_named_recorded(struct mwd_app *self, const struct mw_block *block);
/* The heap as it is now, beside those that are reported. One reference, the caller's. Errors
 * -ENOMEM. */
int mwd_app_heap_now(struct mwd_app *self, struct mw_block **ret);

/* ---- app_heaps.c: handlers of heaps, queues and caches ---- */

extern const struct mwd_param mwd_app_name_param; /* the last part of a path */
extern const struct mwd_param mwd_app_collect_params[];

int mwd_app_get_heaps(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_get_heap(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_get_trace(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_collect(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_get_queues(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_get_queue(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_get_caches(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_get_cache(void *context, const struct mwd_request *request, struct mwd_reply *reply);

/* ---- app_own.c: the own heap, when it passes a step of its limit between beats ---- */

/* After the heap. Errors: those of uv_prepare_*(). */
int mwd_app_own_init(struct mwd_app *self);
/* A beat tells of it. */
void mwd_app_own_told(struct mwd_app *self);

/* ---- app_groups.c: groups of processes by rules ---- */

/* After the loop and the samples. Errors: -ENOMEM, those of mwd_grouper_create(). */
int mwd_app_groups_init(struct mwd_app *self);
/* While the loop runs; then deinit. Both take an app without. */
void mwd_app_groups_close(struct mwd_app *self);
void mwd_app_groups_deinit(struct mwd_app *self);
/* Once a new configuration counts. */
void mwd_app_groups_reloaded(struct mwd_app *self);
/* The next block of processes, after the subjects have taken it. */
void mwd_app_groups_follow(struct mwd_app *self, const struct mw_block *block);
/* NULL when there are no rules: then processes are grouped by their names. */
const struct mwd_grouping *mwd_app_grouping(const struct mwd_app *self);

/* ---- app_services.c ---- */

/* Names as the configuration has them now. */
void mwd_app_name_services(struct mwd_app *self);
extern const struct mwd_param mwd_app_service_params[];
int mwd_app_get_services(void *context, const struct mwd_request *request, struct mwd_reply *reply);

/* ---- app_push.c: what others report ---- */

/* After the loop, before samples. Errors: -ENOMEM, those of uv_timer_init(). */
int mwd_app_push_init(struct mwd_app *self);
/* Errors   with "KEY: what is wrong" in `error`. */
int mwd_app_push_listen(struct mwd_app *self, struct mwd_buffer *error);
void mwd_app_push_close(struct mwd_app *self);
/* The name of the subject in this row of a block, whatever its kind, as rules are to see it: valid
 * until the next sample. False: it has none that is known. `app` is a struct mwd_app. */
bool mwd_app_subject_name(void *app, const struct mw_block *block, uint32_t row,
                          const char **ret_name, size_t *ret_size);

int mwd_app_put_queue(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_put_cache(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_put_heap(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_delete_queue(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_delete_cache(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_delete_heap(void *context, const struct mwd_request *request, struct mwd_reply *reply);

/* ---- app_history.c ---- */

void mwd_app_history_config(const struct mwd_config *config, struct mw_history_config *ret);
/* Bytes on the heap that it needs from the start: a time for each sample and minute, and what
 * cannot be given up. */
size_t mwd_app_history_least(const struct mwd_config *config);
/* Its bound: history-size, or as much of it as the heap with that limit has room for. */
size_t mwd_app_history_bytes(const struct mwd_app *self, const struct mwd_config *config);
void mwd_app_history_say_bound(const struct mwd_app *self);
/* Whether a reload may take this. Errors   -EBUSY, with a line in `error`. */
int mwd_app_history_check(const struct mwd_app *self, const struct mwd_config *new_config,
                          struct mwd_buffer *error);
/* The configuration is a new one, which was checked. */
void mwd_app_history_apply(struct mwd_app *self);
extern const struct mwd_param mwd_app_history_params[];
int mwd_app_get_history(void *context, const struct mwd_request *request, struct mwd_reply *reply);

/* ---- app_alert_views.c: what is shown of alerts ---- */

extern const struct mwd_param mwd_app_alerts_params[];
extern const struct mwd_param mwd_app_alert_param; /* the last part of a path */
int mwd_app_get_alerts(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_get_alert(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_get_rules(void *context, const struct mwd_request *request, struct mwd_reply *reply);
/* An event of mw_alerts_take() to all who listen to the stream of events. */
void mwd_app_tell_alert(struct mwd_app *self, const struct mw_alert *alert);
/* To be called once for each alert, when it becomes pending or fires: gives it what the history has
 * of the time before. */
void mwd_app_alert_evidence(struct mwd_app *self, const struct mw_alert *alert);

/* ---- app_snapshot.c: heap snapshots ---- */

/* After the heap. Errors: -ENOMEM, those of uv_*_init(). */
int mwd_app_snapshots_init(struct mwd_app *self);
int mwd_app_post_snapshot(void *context, const struct mwd_request *request,
                          struct mwd_reply *reply);

/* ---- app_alerts.c: rules over samples, and who is told ---- */

/* After the heap and HTTP. Errors: -ENOMEM, those of uv_*_init(). */
int mwd_app_alerts_init(struct mwd_app *self);
/* While the loop runs; then deinit, before the heap goes. Both take an app without. */
void mwd_app_alerts_close(struct mwd_app *self);
void mwd_app_alerts_deinit(struct mwd_app *self);
/* Holds the rules against the newest sample. */
void mwd_app_alerts_feed(struct mwd_app *self);
struct mw_alerts *mwd_app_alert_table(const struct mwd_app *self);
/* How storing them goes. Returns false when nothing is stored, as in a replay. */
bool mwd_app_alerts_stored(const struct mwd_app *self, uint64_t *ret_failures, bool *ret_failing);
/* Takes the rules and sinks of a new configuration, while self->config is the old one. Errors: with
 * a line in `error`; then all is as it was. */
int mwd_app_alerts_reload(struct mwd_app *self, const struct mwd_config *new_config,
                          struct mwd_buffer *error);
/* Once the new configuration counts. */
void mwd_app_alerts_reloaded(struct mwd_app *self);

/* ---- app_silences.c ---- */

extern const struct mwd_param mwd_app_silence_param, mwd_app_ack_param; /* ids in paths */
int mwd_app_get_silences(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_post_silence(void *context, const struct mwd_request *request, struct mwd_reply *reply);
int mwd_app_delete_silence(void *context, const struct mwd_request *request,
                           struct mwd_reply *reply);
int mwd_app_post_ack(void *context, const struct mwd_request *request, struct mwd_reply *reply);

/* ---- app_routes.c ---- */

/* Makes self->series_plan for the newest sample under the configuration of now. */
void mwd_app_plan_series(struct mwd_app *self);

extern const struct mwd_route mwd_app_routes[];
extern const uint32_t mwd_app_route_count;

/* The one word of answers that say no more. */
enum mwd_app_status { MWD_APP_OK, MWD_APP_READY, MWD_APP_RELOADED };
extern const char *const mwd_app_status_words[]; /* NULL at the end */

/* ---- app_schemas_json.c ---- */

struct cJSON;
/* Fills in components/schemas of the OpenAPI description. */
void mwd_app_add_schemas(struct cJSON *schemas);
/* app_schemas_alert_json.c: its part of them. */
void mwd_app_add_alert_schemas(struct cJSON *schemas);
/* app_schemas_silence_json.c: its part of them. */
void mwd_app_add_silence_schemas(struct cJSON *schemas);
/* owner[key] = {"$ref": that schema} */
void mwd_app_add_reference(struct cJSON *owner, const char *key, const char *schema);

/* ---- app_responses_json.c ---- */

/* Whether its answers are kept, so that there are ETags of them. */
bool mwd_app_route_is_kept(const struct mwd_route *route);
/* Fills in components/responses and components/headers of the OpenAPI description. */
void mwd_app_add_response_components(struct cJSON *components);
/* The header fields of an answer with what was asked for. */
void mwd_app_add_good_headers(struct cJSON *response, const struct mwd_route *route);
/* All others that the route has. */
void mwd_app_add_refusals(struct cJSON *responses, const struct mwd_route *route);

/* ---- app_openapi_json.c ---- */

/* Errors   -ENOMEM. */
int mwd_app_openapi(const struct mwd_route *routes, uint32_t route_count, struct mwd_buffer *out);

/* ---- app_reload.c ---- */

/* Errors   -EMFILE, with a line in `error`: too few descriptors to serve anybody. */
int mwd_app_check_file_limit(struct mwd_buffer *error);
void mwd_app_http_settings(const struct mwd_config *config, struct mwd_log *log,
                           struct mwd_http_settings *ret);
/* Descriptors that may be kept for statm files under this process's limit. */
uint32_t mwd_app_keep_fds(const struct mwd_config *config, struct mwd_log *log);
void mwd_app_apply_log_level(struct mwd_app *self);
/* 0, or -EINVAL with what is wrong in self->reload_error: then nothing has changed. */
int mwd_app_reload(struct mwd_app *self);

/* ---- app_service.c ---- */

/* Timers, and locked memory; when all else has been allocated. Errors: those of uv_timer_*(). */
int mwd_app_service_start(struct mwd_app *self);
void mwd_app_service_ready(struct mwd_app *self);
/* Tells when samples have become stale, or fresh again. */
void mwd_app_service_look(struct mwd_app *self);
void mwd_app_service_reload_begins(struct mwd_app *self);
void mwd_app_service_reload_ended(struct mwd_app *self, bool refused);
void mwd_app_service_stops(struct mwd_app *self);
#endif
