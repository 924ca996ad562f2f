#include "tests/lib/alert/alert_support.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { STALE_AFTER_S = 5 };

static bool name_of(void *context, const struct mw_block *block, uint32_t row,
                    const char **ret_name, size_t *ret_size)
{
    struct scene *self = context;
    bool is_queue = mw_block_head(block)->source == MW_SOURCE_QUEUE;
    const char *name = is_queue ? self->queues[row].name : self->processes[row].name;

    self->asked++;
    if (self->no_names || !name)
        return false;
    *ret_name = name;
    *ret_size = strlen(name);
    return true;
}

static void make_table(struct scene *self, const struct mw_alert_config *config)
{
    struct mw_alert_config usual;

    mw_alert_config_default(&usual);
    assert_int_equal(mw_alerts_create(config ? config : &usual, &self->alerts), 0);
    mw_alerts_set_names(self->alerts, name_of, self);
}

void scene_init(struct scene *self, const struct mw_alert_config *config)
{
    static const enum mw_source sources[] = {MW_SOURCE_SYSTEM, MW_SOURCE_PROCESS, MW_SOURCE_QUEUE};

    memset(self, 0, sizeof(*self));
    make_table(self, config);
    assert_int_equal(mw_sealer_create(&self->sealer), 0);
    mw_sealer_set_stale_after(self->sealer, (uint64_t)STALE_AFTER_S * MW_NS_PER_S);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        assert_int_equal(mw_block_pool_create(sources[i], &self->pools[sources[i]]), 0);
    self->time_ms = SCENE_START_S * INT64_C(1000);
    self->mono_ns = UINT64_C(77) * MW_NS_PER_S;
    self->mem_total = 1000000;
    self->mem_available = 900000;
    self->sources = UINT32_MAX;
    self->queue_rows = SCENE_ROWS;
}

void scene_deinit(struct scene *self)
{
    self->alerts = mw_alerts_destroy(self->alerts);
    self->sealer = mw_sealer_destroy(self->sealer);
    for (int i = 0; i < MW_SOURCE_COUNT; i++)
        self->pools[i] = mw_block_pool_destroy(self->pools[i]);
}

void scene_restart(struct scene *self, const struct mw_alert_config *config)
{
    mw_alerts_destroy(self->alerts);
    make_table(self, config);
    self->mono_ns = UINT64_C(3) * MW_NS_PER_S; /* clocks of two boots have nothing in common */
}

struct mw_alert_rule scene_rule(const char *name, double raise, double clear)
{
    struct mw_alert_rule rule;

    mw_alert_rule_init(&rule);
    strcpy(rule.name, name);
    rule.reading = MW_QUEUE_LENGTH;
    rule.raise.amount = raise;
    rule.clear.amount = clear;
    return rule;
}

void scene_set_rule(struct scene *self, const struct mw_alert_rule *rule)
{
    assert_int_equal(mw_alerts_set_rules(self->alerts, rule, 1), 0);
}

void scene_queue(struct scene *self, uint32_t row, const char *name, uint64_t length)
{
    self->queues[row] = (struct scene_row){name, {row + 1, 0}, length, 0, 200};
}

void scene_process(struct scene *self, uint32_t row, const char *name, uint64_t pid, uint64_t rss)
{
    self->processes[row] = (struct scene_row){name, {pid, pid * 1000}, rss, 0, 0};
}

/* ---- samples ---- */

static void put(struct mw_block *block, enum mw_reading reading, uint32_t row, uint64_t value)
{
    if (value == UNKNOWN)
        mw_block_put_absent(block, reading, row, MW_ABSENT_DENIED);
    else
        mw_block_put(block, reading, row, (union mw_value){.u = value});
}

static void fill_system(struct scene *self, struct mw_block *block)
{
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    put(block, MW_SYSTEM_MEM_TOTAL, 0, self->mem_total);
    put(block, MW_SYSTEM_MEM_AVAILABLE, 0, self->mem_available);
    put(block, MW_SYSTEM_OOM_KILL, 0, self->oom_kills);
}

static void fill_queues(struct scene *self, struct mw_block *block)
{
    for (uint32_t i = 0; i < self->queue_rows; i++) {
        const struct scene_row *row = &self->queues[i];

        if (!row->name)
            continue;
        mw_block_set_key(block, i, row->key);
        put(block, MW_QUEUE_LENGTH, i, row->value);
        put(block, MW_QUEUE_ENQUEUED, i, row->total);
        put(block, MW_QUEUE_CAPACITY, i, row->capacity);
    }
}

static void fill_processes(struct scene *self, struct mw_block *block)
{
    for (uint32_t i = 0; i < SCENE_ROWS; i++)
        if (self->processes[i].name) {
            mw_block_set_key(block, i, self->processes[i].key);
            put(block, MW_PROCESS_RSS, i, self->processes[i].value);
        }
}

static void offer(struct scene *self, enum mw_source source, uint32_t rows,
                  void (*fill)(struct scene *, struct mw_block *))
{
    struct mw_block *block;

    assert_int_equal(mw_block_take(self->pools[source], NULL, rows, &block), 0);
    mw_block_set_time(block, self->seq, self->time_ms, self->mono_ns);
    fill(self, block);
    assert_int_equal(mw_block_finish(block), 0);
    mw_sealer_offer(self->sealer, block, self->mono_ns);
    mw_block_unref(block);
}

static struct mw_sample *seal(struct scene *self, int64_t ms)
{
    struct mw_sample *sample;

    self->seq++;
    self->time_ms += ms;
    self->mono_ns += (uint64_t)ms * MW_NS_PER_MS;
    offer(self, MW_SOURCE_SYSTEM, 1, fill_system);
    offer(self, MW_SOURCE_PROCESS, SCENE_ROWS, fill_processes);
    if (!self->queues_late)
        offer(self, MW_SOURCE_QUEUE, self->queue_rows, fill_queues);
    assert_int_equal(mw_sealer_seal(self->sealer, self->mono_ns, &sample), 0);
    return sample;
}

static void take_all(struct scene *self)
{
    while (mw_alerts_take(self->alerts, &self->events[self->count]))
        assert_true(++self->count < SCENE_EVENTS);
}

static int evaluate(struct scene *self, const struct mw_sample *sample)
{
    if (!self->without_fit)
        assert_int_equal(mw_alerts_fit(self->alerts, sample), 0);
    return mw_alerts_evaluate(self->alerts, sample, self->sources);
}

int scene_tick_untaken(struct scene *self, int64_t ms)
{
    struct mw_sample *sample = seal(self, ms);
    int r = evaluate(self, sample);

    mw_sample_unref(sample);
    return r;
}

void scene_tick(struct scene *self, int64_t ms)
{
    struct mw_sample *sample = seal(self, ms);

    while (evaluate(self, sample) == MW_ALERTS_MORE)
        take_all(self);
    take_all(self);
    mw_sample_unref(sample);
}

void scene_run(struct scene *self, uint32_t seconds, uint64_t length)
{
    self->queues[0].value = length;
    for (uint32_t i = 0; i < seconds; i++)
        scene_tick(self, 1000);
}

/* ---- asking ---- */

uint32_t scene_events_of(const struct scene *self, enum mw_alert_state state)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < self->count; i++)
        count += self->events[i].state == state;
    return count;
}

const struct mw_alert *scene_last(const struct scene *self)
{
    assert_true(self->count > 0);
    return &self->events[self->count - 1];
}

static bool find(const struct scene *self, const char *rule, const char *name, struct mw_alert *ret)
{
    for (uint32_t i = 0; i < mw_alerts_places(self->alerts); i++)
        if (mw_alerts_at(self->alerts, i, ret) && strcmp(ret->rule_name, rule) == 0 &&
            strcmp(ret->name, name) == 0)
            return true;
    return false;
}

bool scene_has(const struct scene *self, const char *rule, const char *name)
{
    struct mw_alert alert;

    return find(self, rule, name, &alert);
}

struct mw_alert scene_alert(const struct scene *self, const char *rule, const char *name)
{
    struct mw_alert alert;

    assert_true(find(self, rule, name, &alert));
    return alert;
}

struct mw_alert_numbers scene_numbers(const struct scene *self)
{
    struct mw_alert_numbers numbers;

    mw_alerts_get_numbers(self->alerts, &numbers);
    return numbers;
}
