/* view: what a sample looks like to others. Each function renders one document into a buffer.
 *
 * All documents are made from the reading table: a new row shows up in them by itself.
 * Absence  a key without a value is null, and its reason stands in "absent" of the same object,
 *          which is there when it has something to say. Before the first sample all is stale.
 * Errors   those of the buffer: a document that is too large or finds no memory ends in it.
 * State    none; pure functions of their input.
 */
#ifndef MWD_VIEW_H
#define MWD_VIEW_H
#include "daemon/buffer.h"
#include "daemon/groups.h"
#include "daemon/json.h"
#include "daemon/names.h"
#include "daemon/services.h"
#include "daemon/windows.h"
#include "heap/heap.h"
#include "sample/sample.h"
#include "subject/subject.h"

/* What /metrics shows of a sample so that it keeps to its number of series. */
struct mwd_view_plan {
    uint32_t groups;                  /* of processes, besides the rest */
    uint32_t subjects[MW_KIND_COUNT]; /* heaps, queues, caches, services: the first ones */
    uint64_t left_out;                /* series of those of them that are not shown */
};

struct mwd_view_input {
    const struct mw_sample *sample; /* NULL before the first one */
    const struct mw_subjects *subjects;
    const struct mwd_names *names;       /* of others; NULL = there are none */
    const struct mwd_services *services; /* names of services; NULL: none has one */
    const struct mwd_groups *groups;     /* of this sample, for metrics; NULL = none are shown */
    const struct mwd_grouping *grouping; /* what they are made by; NULL: by names of processes */
    const struct mwd_matcher *rules;     /* of `grouping` */
    const struct mwd_windows *windows;   /* up to this sample, for metrics; NULL = none are shown */
    const struct mwd_view_plan *plan; /* of this sample, for metrics; NULL = everything is shown */
    const struct mw_block *newer;     /* in place of the sample's block of that source; or NULL */
    uint32_t row; /* of kinds with many subjects; for the others and for /memory 0 */
};

/* What a managed heap of this process tells beside its readings. */
struct mwd_view_heap {
    struct mw_heap_space spaces[MW_SPACES];
    uint64_t pauses[MW_PAUSE_BUCKETS];
};

enum mwd_order { MWD_ORDER_DESC, MWD_ORDER_ASC };

struct mwd_process_query {
    enum mw_reading sort; /* a reading of kind process; default MW_PROCESS_RSS */
    enum mwd_order order;
    uint64_t limit;   /* UINT64_MAX = all */
    const char *name; /* glob (glob.h), or NULL; a process without a known name matches none */
    uint64_t pid;     /* 0 = any */
};

struct mwd_service_query {
    enum mw_reading sort; /* a reading of kind service; default MW_SERVICE_MEMORY */
    enum mwd_order order;
    uint64_t limit;   /* UINT64_MAX = all */
    const char *name; /* glob, or NULL */
};

/* The /api/v1/memory object. */
void mwd_view_memory(const struct mwd_view_input *input, struct mwd_buffer *out);
/* {"timeMs":., "seq":., every reading of that kind ..., "absent":{}}; a kind with one subject. */
void mwd_view_kind(const struct mwd_view_input *input, enum mw_kind kind, struct mwd_buffer *out);
/* {"timeMs":., "seq":., "total":., "processes":[{}]}: total counts the matches before the limit.
 * Processes whose value to sort by is absent come last; equal ones are in the order of pids. */
void mwd_view_processes(const struct mwd_view_input *input, const struct mwd_process_query *query,
                        struct mwd_buffer *out);
/* One process as an object. Errors -ENOENT no such pid. */
int mwd_view_process(const struct mwd_view_input *input, uint64_t pid, struct mwd_buffer *out);
/* {"timeMs":., "seq":., "queues":[{"name":., ...}]}: all subjects of kind heap, queue or cache.
 * `heap` is of the daemon's own heap; NULL for other kinds. Of heaps that others report it is not
 * known: "spaces" and the histogram are empty then, "physical" is null. */
void mwd_view_named(const struct mwd_view_input *input, enum mw_kind kind,
                    const struct mwd_view_heap *heap, struct mwd_buffer *out);
/* One of them as an object. Errors -ENOENT there is none of this name. */
int mwd_view_named_one(const struct mwd_view_input *input, enum mw_kind kind, const char *name,
                       const struct mwd_view_heap *heap, struct mwd_buffer *out);
/* {"timeMs":., "seq":., "total":., "services":[{"name":., ...}]}, as processes are. */
void mwd_view_services(const struct mwd_view_input *input, const struct mwd_service_query *query,
                       struct mwd_buffer *out);
/* The /memory object with every system and daemon reading and all processes (--once). */
void mwd_view_once(const struct mwd_view_input *input, struct mwd_buffer *out);
/* Shares out `most` series, of which those of the machine, the daemon and the rest of all processes
 * are always there: a few hundred. `groups` are wanted. */
void mwd_view_plan(const struct mwd_view_input *input, uint32_t most, uint32_t groups,
                   struct mwd_view_plan *ret);
/* Prometheus text 0.0.4 of all readings; those of processes by group. */
void mwd_view_metrics(const struct mwd_view_input *input, struct mwd_buffer *out);
/* The same as OpenMetrics 1.0. */
void mwd_view_openmetrics(const struct mwd_view_input *input, struct mwd_buffer *out);
/* Readings of the system under the names that node_exporter gives them, text 0.0.4. */
void mwd_view_node(const struct mwd_view_input *input, struct mwd_buffer *out);
/* {"timeMs":., "seq":., "rules":[{"name":., "origin":., "processes":., "children":., "matched":.,
 * "givenUp":.}], "names":., "ungrouped":., "waiting":., "lost":.}; without rules the list is empty
 * and all are 0. */
void mwd_view_groups(const struct mwd_view_input *input, struct mwd_buffer *out);
/* Groups of processes under the names that process-exporter gives them, text 0.0.4. */
void mwd_view_process_exporter(const struct mwd_view_input *input, struct mwd_buffer *out);

/* ---- what documents show, for those who describe them ---- */

struct mwd_view_member {
    const char *key;
    enum mw_reading reading;
};

struct mwd_view_members {
    uint32_t count;
    struct mwd_view_member items[MW_READING_COUNT];
};

/* Objects of readings. */
enum mwd_view_object {
    MWD_VIEW_SYSTEM,
    MWD_VIEW_PROCESS, /* besides "pid", which is no reading */
    MWD_VIEW_DAEMON,
    MWD_VIEW_MEMORY, /* the outermost of /memory */
    MWD_VIEW_MEMORY_SYSTEM,
    MWD_VIEW_MEMORY_PROCESS,
    MWD_VIEW_HEAP, /* besides "name", "physical", "spaces" and these two: */
    MWD_VIEW_HEAP_COLLECTIONS,
    MWD_VIEW_HEAP_PAUSES, /* besides "histogram" */
    MWD_VIEW_QUEUE,       /* besides "name", as caches */
    MWD_VIEW_CACHE,
    MWD_VIEW_SERVICE
};

/* The readings of an object in their order: the same list that its document is made from. */
void mwd_view_members(enum mwd_view_object object, struct mwd_view_members *ret);

/* Names that ?sort= takes: keys of process readings, NULL-terminated; constant. */
const char *const *mwd_view_sort_words(void);
/* The reading of kind process with this key, MW_NONE when there is none. */
enum mw_reading mwd_view_sort_reading(const char *key);
/* The same for services. */
const char *const *mwd_view_service_sort_words(void);
enum mw_reading mwd_view_service_sort_reading(const char *key);
#endif
