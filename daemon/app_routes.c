/* The route table: what is served where, and the handlers that bind HTTP to views. */
#include "daemon/app_internal.h"

#include "base/glob.h"
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const order_words[] = {"desc", "asc", NULL};

enum { SORT, ORDER, LIMIT, NAME, PID };
_Static_assert(MW_GLOB_MAX == 128, "a text below says so");

static const struct mwd_param process_params[] = {
    [SORT] = {"sort", "the key of a reading of processes, as rss or growth", NULL, 0, 0,
              MWD_PARAM_TEXT, mwd_view_sort_words},
    [ORDER] = {"order", "desc or asc", order_words, 0, 0, MWD_PARAM_WORD, NULL},
    [LIMIT] = {"limit", "a whole number from 0 to 4194304", NULL, 0, 4194304, MWD_PARAM_COUNT,
               NULL},
    [NAME] = {"name", "a glob over names of at most 128 bytes, as post*", NULL, 0, MW_GLOB_MAX,
              MWD_PARAM_TEXT, NULL},
    [PID] = {"pid", "a whole number from 1 to 4194304", NULL, 1, 4194304, MWD_PARAM_COUNT, NULL},
    {NULL, NULL, NULL, 0, 0, MWD_PARAM_COUNT, NULL},
};

const char *const mwd_app_status_words[] = {
    [MWD_APP_OK] = "ok", [MWD_APP_READY] = "ready", [MWD_APP_RELOADED] = "reloaded", NULL};

static void refuse(struct mwd_reply *reply, unsigned status, const char *detail)
{
    reply->status = status;
    reply->detail = detail;
}

static void not_yet(struct mwd_reply *reply)
{
    refuse(reply, 503, "the first sample is still being taken");
    reply->retry_after_s = 1;
}

static struct mwd_view_input view_of(const struct mwd_app *self)
{
    return (struct mwd_view_input){.sample = self->sample,
                                   .windows = self->windows,
                                   .subjects = self->subjects,
                                   .services = &self->services,
                                   .names = mwd_push_names(self->push)};
}

/* ---- readings ---- */

static int get_memory(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_view_input input = view_of(context);

    (void)request;
    if (!input.sample)
        not_yet(reply);
    else
        mwd_view_memory(&input, reply->body);
    return 0;
}

static void get_kind(struct mwd_app *self, enum mw_kind kind, struct mwd_reply *reply)
{
    struct mwd_view_input input = view_of(self);

    if (!input.sample)
        not_yet(reply);
    else
        mwd_view_kind(&input, kind, reply->body);
}

static int get_system(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)request;
    get_kind(context, MW_KIND_SYSTEM, reply);
    return 0;
}

static int get_daemon(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)request;
    get_kind(context, MW_KIND_DAEMON, reply);
    return 0;
}

typedef void (*metrics_view)(const struct mwd_view_input *input, struct mwd_buffer *out);

/* Once a sample for all who scrape; those of /metrics are there already, for their windows. */
static int put_groups(struct mwd_app *self, struct mwd_groups *groups, uint32_t limit,
                      metrics_view put, struct mwd_reply *reply)
{
    struct mwd_view_input input = view_of(self);
    int error;

    if (!input.sample) {
        not_yet(reply);
        return 0;
    }
    error = mwd_groups_update(groups, input.sample, input.subjects, limit);
    if (error < 0)
        return error;
    input.groups = groups;
    put(&input, reply->body);
    return 0;
}

static int put_metrics(struct mwd_app *self, metrics_view put, struct mwd_reply *reply)
{
    return put_groups(self, self->groups, (uint32_t)self->config->metrics_groups, put, reply);
}

/* All names, as dashboards made for process-exporter expect, up to what there may be at all. */
static int get_process_exporter(void *context, const struct mwd_request *request,
                                struct mwd_reply *reply)
{
    struct mwd_app *self = context;

    (void)request;
    return put_groups(self, self->all_groups, MWD_GROUPS_MAX, mwd_view_process_exporter, reply);
}

static int get_metrics(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)request;
    return put_metrics(context, mwd_view_metrics, reply);
}

static int get_openmetrics(void *context, const struct mwd_request *request,
                           struct mwd_reply *reply)
{
    (void)request;
    return put_metrics(context, mwd_view_openmetrics, reply);
}

static int get_node(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_view_input input = view_of(context);

    (void)request;
    if (!input.sample)
        not_yet(reply);
    else
        mwd_view_node(&input, reply->body);
    return 0;
}

/* Shape    the list of what ?sort= takes goes into self->detail. */
static const char *sort_complaint(struct mwd_app *self, const char *given)
{
    size_t used = (size_t)snprintf(self->detail, sizeof self->detail,
                                   "sort: there is no reading \"%.32s\"; it takes one of", given);

    for (const char *const *word = mwd_view_sort_words(); *word; word++) {
        if (used >= sizeof self->detail)
            break;
        used += (size_t)snprintf(self->detail + used, sizeof self->detail - used, " %s", *word);
    }
    return self->detail;
}

static int get_processes(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    struct mwd_view_input input = view_of(self);
    struct mwd_process_query query = {
        .sort = MW_PROCESS_RSS,
        .order = MWD_ORDER_DESC,
        .limit = request->params[LIMIT] ? request->counts[LIMIT] : UINT64_MAX,
        .name = request->params[NAME],
        .pid = request->counts[PID],
    };

    if (request->params[ORDER] && request->params[ORDER][0] == 'a')
        query.order = MWD_ORDER_ASC;
    if (request->params[SORT])
        query.sort = mwd_view_sort_reading(request->params[SORT]);
    if (query.sort == MW_NONE)
        refuse(reply, 400, sort_complaint(self, request->params[SORT]));
    else if (!input.sample)
        not_yet(reply);
    else
        mwd_view_processes(&input, &query, reply->body);
    return 0;
}

static int get_process(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_view_input input = view_of(context);
    const struct mwd_param *takes = &process_params[PID];
    uint64_t pid;

    if (mw_units_parse_count(request->path_value, &pid) < 0 || pid < takes->min || pid > takes->max)
        refuse(reply, 400,
               "the last part of the path is a process id, a whole number from 1 to 4194304");
    else if (!input.sample)
        not_yet(reply);
    else if (mwd_view_process(&input, pid, reply->body) == -ENOENT)
        refuse(reply, 404, "no process has this id in the newest sample");
    return 0;
}

/* ---- the daemon itself ---- */

static void put_status(struct mwd_reply *reply, enum mwd_app_status status)
{
    mwd_buffer_puts(reply->body, "{\"status\":\"");
    mwd_buffer_puts(reply->body, mwd_app_status_words[status]);
    mwd_buffer_puts(reply->body, "\"}\n");
}

static int get_healthz(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)context;
    (void)request;
    put_status(reply, MWD_APP_OK);
    return 0;
}

static int get_readyz(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;

    (void)request;
    if (!self->sample) {
        not_yet(reply);
    } else if (mwd_app_is_stale(self)) {
        refuse(reply, 503,
               self->replay_ended ? "the recording has ended: the newest sample is its last"
               : self->options->replay
                   ? "the newest sample is old: no other of the recording is due"
                   : "the newest sample is old: a source is stuck or the machine is too busy");
        reply->retry_after_s = 1;
    } else {
        put_status(reply, MWD_APP_READY);
    }
    return 0;
}

static int get_config(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;

    (void)request;
    mwd_config_json(self->config, reply->body);
    return 0;
}

static int post_reload(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;

    (void)request;
    if (mwd_app_reload(self) == 0)
        put_status(reply, MWD_APP_RELOADED);
    else
        refuse(reply, 500, self->reload_error.bytes ? self->reload_error.bytes : "out of memory");
    return 0;
}

static int get_openapi(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)context;
    (void)request;
    return mwd_app_openapi(mwd_app_routes, mwd_app_route_count, reply->body);
}

#define JSON "application/json"

const struct mwd_route mwd_app_routes[] = {
    {"GET", "/api/v1/memory", JSON, "The machine's memory at a glance, and the daemon's own", NULL,
     get_memory, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, "Memory", NULL},
    {"GET", "/api/v1/system", JSON, "Every reading of the system", NULL, get_system, MWD_ROLE_READ,
     MWD_PER_SAMPLE, false, NULL, "System", NULL},
    {"GET", "/api/v1/daemon", JSON, "Every reading of the daemon itself", NULL, get_daemon,
     MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, "Daemon", NULL},
    {"GET", "/api/v1/processes", JSON, "Processes, the largest first", process_params,
     get_processes, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, "Processes", NULL},
    {"GET", "/api/v1/processes/{pid}", JSON, "One process", NULL, get_process, MWD_ROLE_READ,
     MWD_PER_SAMPLE, false, &process_params[PID], "OneProcess", NULL},
    {"GET", "/api/v1/services", JSON, "Control groups that the configuration names",
     mwd_app_service_params, mwd_app_get_services, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL,
     "Services", NULL},
    {"GET", "/api/v1/heaps", JSON,
     "Heaps: the daemon's own as it is now, and those that are reported", NULL, mwd_app_get_heaps,
     MWD_ROLE_READ, MWD_ALWAYS_FRESH, false, NULL, "Heaps", NULL},
    {"GET", "/api/v1/heaps/{name}", JSON, "One heap", NULL, mwd_app_get_heap, MWD_ROLE_READ,
     MWD_ALWAYS_FRESH, false, &mwd_app_name_param, "OneHeap", NULL},
    {"GET", "/api/v1/heaps/memwatchd/trace", "text/plain; charset=utf-8",
     "The last collections of the daemon's heap, a line each, the oldest first", NULL,
     mwd_app_get_trace, MWD_ROLE_READ, MWD_ALWAYS_FRESH, false, NULL, NULL, NULL},
    {"POST", "/api/v1/heaps/memwatchd/collect", JSON,
     "Collects the daemon's heap, and answers when that is done", mwd_app_collect_params,
     mwd_app_collect, MWD_ROLE_ADMIN, MWD_ALWAYS_FRESH, false, NULL, "Collection", NULL},
    {"GET", "/api/v1/queues", JSON, "Queues: those of the daemon, and those that are reported",
     NULL, mwd_app_get_queues, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, "Queues", NULL},
    {"GET", "/api/v1/queues/{name}", JSON, "One queue", NULL, mwd_app_get_queue, MWD_ROLE_READ,
     MWD_PER_SAMPLE, false, &mwd_app_name_param, "OneQueue", NULL},
    {"GET", "/api/v1/caches", JSON, "Caches: those of the daemon, and those that are reported",
     NULL, mwd_app_get_caches, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, "Caches", NULL},
    {"GET", "/api/v1/caches/{name}", JSON, "One cache", NULL, mwd_app_get_cache, MWD_ROLE_READ,
     MWD_PER_SAMPLE, false, &mwd_app_name_param, "OneCache", NULL},
    {"GET", "/api/v1/alerts", JSON, "Alerts: what fires first, then what is pending or resolved",
     mwd_app_alerts_params, mwd_app_get_alerts, MWD_ROLE_READ, MWD_ALWAYS_FRESH, false, NULL,
     "Alerts", NULL},
    {"GET", "/api/v1/alerts/{id}", JSON, "One alert", NULL, mwd_app_get_alert, MWD_ROLE_READ,
     MWD_ALWAYS_FRESH, false, &mwd_app_alert_param, "Alert", NULL},
    {"GET", "/api/v1/rules", JSON, "Rules, and how many alerts each has", NULL, mwd_app_get_rules,
     MWD_ROLE_READ, MWD_ALWAYS_FRESH, false, NULL, "Rules", NULL},
    {"PUT", "/api/v1/queues/{name}", NULL, "Reports a queue; `length` alone is enough", NULL,
     mwd_app_put_queue, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false, &mwd_app_name_param, NULL,
     "QueueReport"},
    {"PUT", "/api/v1/caches/{name}", NULL, "Reports a cache; `entries` alone is enough", NULL,
     mwd_app_put_cache, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false, &mwd_app_name_param, NULL,
     "CacheReport"},
    {"PUT", "/api/v1/heaps/{name}", NULL, "Reports a heap; `heapUsed` alone is enough", NULL,
     mwd_app_put_heap, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false, &mwd_app_name_param, NULL,
     "HeapReport"},
    {"DELETE", "/api/v1/queues/{name}", NULL, "Forgets a queue that was reported", NULL,
     mwd_app_delete_queue, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false, &mwd_app_name_param, NULL, NULL},
    {"DELETE", "/api/v1/caches/{name}", NULL, "Forgets a cache that was reported", NULL,
     mwd_app_delete_cache, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false, &mwd_app_name_param, NULL, NULL},
    {"DELETE", "/api/v1/heaps/{name}", NULL, "Forgets a heap that was reported", NULL,
     mwd_app_delete_heap, MWD_ROLE_PUSH, MWD_ALWAYS_FRESH, false, &mwd_app_name_param, NULL, NULL},
    {"POST", "/api/v1/alerts/{id}/ack", NULL, "Somebody knows of an alert, which goes on", NULL,
     mwd_app_post_ack, MWD_ROLE_ADMIN, MWD_ALWAYS_FRESH, false, &mwd_app_ack_param, NULL, "Ack"},
    {"GET", "/api/v1/silences", JSON, "Silences that have not ended: who is not told of what", NULL,
     mwd_app_get_silences, MWD_ROLE_READ, MWD_ALWAYS_FRESH, false, NULL, "Silences", NULL},
    {"POST", "/api/v1/silences", JSON,
     "Adds a silence: what it means is not delivered, and still shown", NULL, mwd_app_post_silence,
     MWD_ROLE_ADMIN, MWD_ALWAYS_FRESH, false, NULL, "Silence", "NewSilence"},
    {"DELETE", "/api/v1/silences/{id}", NULL, "Undoes a silence: what still fires is delivered",
     NULL, mwd_app_delete_silence, MWD_ROLE_ADMIN, MWD_ALWAYS_FRESH, false, &mwd_app_silence_param,
     NULL, NULL},
    {"GET", "/api/v1/history", JSON, "One reading over time: least, mean and greatest by steps",
     mwd_app_history_params, mwd_app_get_history, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL,
     "History", NULL},
    {"GET", "/api/v1/events", "text/event-stream",
     "Server-Sent Events: `sample`, with the /api/v1/memory object, at each sample; `alert`, with "
     "an "
     "element of /api/v1/alerts, when one becomes pending, fires, or ends",
     NULL, get_memory, MWD_ROLE_READ, MWD_PER_SAMPLE, true, NULL, "Memory", NULL},
    {"GET", "/api/v1/config", JSON, "The effective configuration and where each key came from",
     NULL, get_config, MWD_ROLE_ADMIN, MWD_ALWAYS_FRESH, false, NULL, "Config", NULL},
    {"POST", "/api/v1/reload", JSON, "Reads the configuration again, as SIGHUP does", NULL,
     post_reload, MWD_ROLE_ADMIN, MWD_ALWAYS_FRESH, false, NULL, "Status", NULL},
    {"POST", "/api/v1/heaps/memwatchd/snapshot", "application/octet-stream",
     "A heap snapshot of the daemon, for Chrome DevTools and `memwatchctl heap diff`", NULL,
     mwd_app_post_snapshot, MWD_ROLE_ADMIN, MWD_ONCE, false, NULL, NULL, NULL},
    {"GET", "/api/v1/openapi.json", JSON, "This description", NULL, get_openapi, MWD_ROLE_READ,
     MWD_FOREVER, false, NULL, "Description", NULL},
    {"GET", "/metrics", "text/plain; version=0.0.4; charset=utf-8",
     "Readings of the system, processes by name, the daemon, its heap, queues and caches, and "
     "services as Prometheus text",
     NULL, get_metrics, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, NULL, NULL},
    {"GET", "/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8",
     "The same as OpenMetrics", NULL, get_openmetrics, MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL,
     NULL, NULL},
    {"GET", "/metrics/node", "text/plain; version=0.0.4; charset=utf-8",
     "Memory of the system under the names of node_exporter", NULL, get_node, MWD_ROLE_READ,
     MWD_PER_SAMPLE, false, NULL, NULL, NULL},
    {"GET", "/metrics/process", "text/plain; version=0.0.4; charset=utf-8",
     "Processes by name under the names of process-exporter", NULL, get_process_exporter,
     MWD_ROLE_READ, MWD_PER_SAMPLE, false, NULL, NULL, NULL},
    {"GET", "/healthz", JSON, "200 while the loop turns", NULL, get_healthz, MWD_ROLE_READ,
     MWD_ALWAYS_FRESH, false, NULL, "Status", NULL},
    {"GET", "/readyz", JSON, "200 while samples are fresh, else 503", NULL, get_readyz,
     MWD_ROLE_READ, MWD_ALWAYS_FRESH, false, NULL, "Status", NULL},
};
const uint32_t mwd_app_route_count = sizeof mwd_app_routes / sizeof mwd_app_routes[0];
