/* A machine whose queues and processes a test says one by one, a clock that it turns, and the
 * alerts of it. */
#ifndef MW_TEST_ALERT_SUPPORT_H
#define MW_TEST_ALERT_SUPPORT_H
#include "alert/alert.h"

enum { SCENE_ROWS = 64, SCENE_EVENTS = 4096, SCENE_START_S = 1795377600 };

#define UNKNOWN UINT64_MAX /* a value that is absent */

/* One row of the queue or the process source; name NULL: nobody. */
struct scene_row {
    const char *name;
    struct mw_block_key key;
    uint64_t value; /* length of a queue, rss of a process */
    uint64_t total; /* enqueuedTotal of a queue */
    uint64_t capacity;
};

struct scene {
    struct mw_alerts *alerts;
    struct mw_sealer *sealer;
    struct mw_block_pool *pools[MW_SOURCE_COUNT];
    uint64_t seq, mono_ns;
    int64_t time_ms;
    uint64_t mem_total, mem_available, oom_kills;
    struct scene_row queues[SCENE_ROWS], processes[SCENE_ROWS];
    uint64_t asked;      /* names */
    uint32_t queue_rows; /* of a block of queues */
    bool queues_late;    /* the source of queues gives no more blocks */
    bool without_fit;    /* no room is made for rows */
    bool no_names;       /* nobody knows a name */
    uint32_t sources;    /* that are evaluated */
    uint32_t count;      /* events so far, in their order: */
    struct mw_alert events[SCENE_EVENTS];
};

/* Default bounds where `config` is NULL. */
void scene_init(struct scene *self, const struct mw_alert_config *config);
void scene_deinit(struct scene *self);
/* The same machine goes on with a new table, which knows nothing. */
void scene_restart(struct scene *self, const struct mw_alert_config *config);
void scene_set_rule(struct scene *self, const struct mw_alert_rule *rule);

/* queue.length above `raise` until `clear`, of any queue. */
struct mw_alert_rule scene_rule(const char *name, double raise, double clear);

void scene_queue(struct scene *self, uint32_t row, const char *name, uint64_t length);
void scene_process(struct scene *self, uint32_t row, const char *name, uint64_t pid, uint64_t rss);

/* Time goes on, a sample is sealed and evaluated; events are taken until there are no more. */
void scene_tick(struct scene *self, int64_t ms);
/* The same, events stay where they are. Returns what mw_alerts_evaluate() does. */
int scene_tick_untaken(struct scene *self, int64_t ms);
/* So many ticks of a second, the first queue being so long. */
void scene_run(struct scene *self, uint32_t seconds, uint64_t length);

uint32_t scene_events_of(const struct scene *self, enum mw_alert_state state);
const struct mw_alert *scene_last(const struct scene *self);
/* The alert of this rule and subject. Fails the test when there is none. */
struct mw_alert scene_alert(const struct scene *self, const char *rule, const char *name);
bool scene_has(const struct scene *self, const char *rule, const char *name);
struct mw_alert_numbers scene_numbers(const struct scene *self);
#endif
