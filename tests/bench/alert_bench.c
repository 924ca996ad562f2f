/* alert_bench [--subjects N] [--rules N] [--json]: CPU time of one evaluation of N rules on N
 * processes, of which one in a hundred is over its levels.
 *
 *     first    all subjects are new: every glob is matched
 *     steady   no subject comes or goes, no value crosses a level
 *     crowd    all of them cross their level at once, and the table is full
 *
 * Values change from sample to sample. The processes are rows of a block, their names come from a
 * function as in the daemon; every rule means every one of them, half of them by a glob. The middle
 * of 51 evaluations is told, and the longest of them.
 */
#include "alert/alert.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 51, LEVEL = 1 << 30 };

struct bench {
    uint32_t subjects, rules;
    struct mw_block_pool *system, *process;
    struct mw_sealer *sealer;
    struct mw_alerts *alerts;
    char (*names)[16];
    uint64_t seq, over_every; /* one in so many is over its level */
};

static void fail(const char *what)
{
    fprintf(stderr, "alert_bench: %s\n", what);
    exit(1);
}

static bool name_of(void *context, const struct mw_block *block, uint32_t row,
                    const char **ret_name, size_t *ret_size)
{
    const struct bench *self = context;

    (void)block;
    *ret_name = self->names[row];
    *ret_size = strlen(self->names[row]);
    return true;
}

static void offer(struct bench *self, struct mw_block_pool *pool, uint32_t rows)
{
    struct mw_block *block;

    if (mw_block_take(pool, NULL, rows, &block) < 0)
        fail("no block");
    mw_block_set_time(block, self->seq, (int64_t)self->seq * 1000, self->seq * MW_NS_PER_S);
    for (uint32_t row = 0; row < rows; row++) {
        uint64_t rss = self->seq * 4096 + row;

        mw_block_set_key(block, row, (struct mw_block_key){row + 1, 1});
        if (pool == self->system) {
            mw_block_put(block, MW_SYSTEM_MEM_TOTAL, row, (union mw_value){.u = UINT64_C(1) << 34});
            continue;
        }
        if (row % self->over_every == 0)
            rss += LEVEL;
        mw_block_put(block, MW_PROCESS_RSS, row, (union mw_value){.u = rss});
        mw_block_put(block, MW_PROCESS_SWAP, row, (union mw_value){.u = rss});
    }
    if (mw_block_finish(block) < 0)
        fail("no memory");
    mw_sealer_offer(self->sealer, block, self->seq * MW_NS_PER_S);
    mw_block_unref(block);
}

static struct mw_sample *seal(struct bench *self)
{
    struct mw_sample *sample;

    self->seq++;
    offer(self, self->system, 1);
    offer(self, self->process, self->subjects);
    if (mw_sealer_seal(self->sealer, self->seq * MW_NS_PER_S, &sample) < 0)
        fail("no sample");
    return sample;
}

static void set_rules(struct bench *self)
{
    struct mw_alert_rule *rules = calloc(self->rules, sizeof(*rules));

    for (uint32_t i = 0; rules && i < self->rules; i++) {
        mw_alert_rule_init(&rules[i]);
        snprintf(rules[i].name, sizeof(rules[i].name), "rule %u", i);
        rules[i].reading = i % 3 ? MW_PROCESS_RSS : MW_PROCESS_SWAP;
        rules[i].raise.amount = LEVEL;
        if (i % 4 == 0) /* 1 GiB of 16 */
            rules[i].raise = (struct mw_alert_level){100.0 / 16, true};
        rules[i].clear = mw_alert_clear_default(&rules[i]);
        if (i % 2)
            snprintf(rules[i].subject, sizeof(rules[i].subject), "p*s-*");
    }
    if (!rules || mw_alerts_set_rules(self->alerts, rules, self->rules) < 0)
        fail("rules were refused");
    free(rules);
}

static void init(struct bench *self)
{
    struct mw_alert_config config;

    mw_alert_config_default(&config);
    self->names = calloc(self->subjects, sizeof(*self->names));
    if (!self->names || mw_block_pool_create(MW_SOURCE_SYSTEM, &self->system) < 0 ||
        mw_block_pool_create(MW_SOURCE_PROCESS, &self->process) < 0 ||
        mw_sealer_create(&self->sealer) < 0 || mw_alerts_create(&config, &self->alerts) < 0)
        fail("no memory");
    for (uint32_t i = 0; i < self->subjects; i++)
        snprintf(self->names[i], sizeof(self->names[i]), "process-%u", i % 5000);
    mw_alerts_set_names(self->alerts, name_of, self);
    self->over_every = 100;
    set_rules(self);
}

static void deinit(struct bench *self)
{
    self->alerts = mw_alerts_destroy(self->alerts);
    self->sealer = mw_sealer_destroy(self->sealer);
    self->system = mw_block_pool_destroy(self->system);
    self->process = mw_block_pool_destroy(self->process);
    free(self->names);
}

/* CPU time of one evaluation in us; events are taken afterwards. */
static double evaluate(struct bench *self)
{
    struct mw_sample *sample = seal(self);
    struct mw_alert event;
    uint64_t begin, end;

    begin = mw_clock_thread_cpu_ns();
    if (mw_alerts_fit(self->alerts, sample) < 0)
        fail("no memory");
    mw_alerts_evaluate(self->alerts, sample, UINT32_MAX);
    end = mw_clock_thread_cpu_ns();
    while (mw_alerts_take(self->alerts, &event))
        ;
    mw_sample_unref(sample);
    return (double)(end - begin) / MW_NS_PER_US;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static void tell(const char *what, double middle, double longest, bool json)
{
    if (json)
        printf("{\"what\":\"%s\",\"middleUs\":%.0f,\"longestUs\":%.0f}\n", what, middle, longest);
    else
        printf("%-8s %9.0f us   longest %9.0f us\n", what, middle, longest);
}

static void measure(struct bench *self, const char *what, uint64_t over_every, bool json)
{
    double us[ROUNDS];

    self->over_every = over_every;
    for (int i = 0; i < 3; i++)
        evaluate(self);
    for (int i = 0; i < ROUNDS; i++)
        us[i] = evaluate(self);
    qsort(us, ROUNDS, sizeof(us[0]), by_size);
    tell(what, us[ROUNDS / 2], us[ROUNDS - 1], json);
}

int main(int argc, char **argv)
{
    struct bench bench = {.subjects = 10000, .rules = 20};
    bool json = false;
    double first;

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (i + 1 < argc && strcmp(argv[i], "--subjects") == 0)
            bench.subjects = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--rules") == 0)
            bench.rules = (uint32_t)strtoul(argv[++i], NULL, 10);
        else
            fail("it takes --subjects N, --rules N and --json");
    init(&bench);
    first = evaluate(&bench);
    tell("first", first, first, json);
    measure(&bench, "steady", 100, json);
    measure(&bench, "crowd", 1, json);
    deinit(&bench);
    return 0;
}
