#include "sample/derive_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* What a rule computes with. The `right` input of a rate is its counter one block ago. */
struct inputs {
    uint64_t left, right;
    double seconds; /* between the two blocks; 0 or less when the clock did not move on */
    double unit;    /* bytes or events that one count stands for */
};

typedef enum mw_absence (*rule_fn)(const struct inputs *in, union mw_value *ret);

struct rule {
    enum mw_reading reading, left, right;
    rule_fn compute;
    bool in_pages;
};

static enum mw_absence difference(const struct inputs *in, union mw_value *ret)
{
    if (in->right > in->left)
        return MW_ABSENT_STALE;
    ret->u = in->left - in->right;
    return MW_PRESENT;
}

static enum mw_absence ratio(const struct inputs *in, union mw_value *ret)
{
    if (in->right == 0 || in->left > in->right)
        return MW_ABSENT_STALE;
    ret->f = (double)in->left / (double)in->right;
    return MW_PRESENT;
}

static enum mw_absence rate(const struct inputs *in, union mw_value *ret)
{
    if (in->right > in->left || in->seconds <= 0)
        return MW_ABSENT_STALE;
    ret->f = (double)(in->left - in->right) * in->unit / in->seconds;
    return MW_PRESENT;
}

static const struct rule rules[] = {
    {MW_SYSTEM_MEM_USED, MW_SYSTEM_MEM_TOTAL, MW_SYSTEM_MEM_AVAILABLE, difference, false},
    {MW_SYSTEM_MEM_AVAILABLE_RATIO, MW_SYSTEM_MEM_AVAILABLE, MW_SYSTEM_MEM_TOTAL, ratio, false},
    {MW_SYSTEM_SWAP_USED, MW_SYSTEM_SWAP_TOTAL, MW_SYSTEM_SWAP_FREE, difference, false},
    {MW_SYSTEM_SWAP_IN_RATE, MW_SYSTEM_PSWPIN, MW_NONE, rate, true},
    {MW_SYSTEM_SWAP_OUT_RATE, MW_SYSTEM_PSWPOUT, MW_NONE, rate, true},
    {MW_SYSTEM_MAJOR_FAULT_RATE, MW_SYSTEM_PGMAJFAULT, MW_NONE, rate, false},
};

enum { RULES = sizeof(rules) / sizeof(rules[0]) };

struct mw_derivation {
    double page_size;
    uint64_t time_ns;              /* of the block before */
    struct mw_derived left[RULES]; /* its left inputs */
    struct mw_derived values[];    /* by column */
};

int mw_derivation_create(struct mw_derivation **ret)
{
    const size_t columns = mw_source_columns(MW_SOURCE_DERIVED);
    struct mw_derivation *self = calloc(1, sizeof(*self) + columns * sizeof(self->values[0]));

    if (self == NULL)
        return -ENOMEM;
    self->page_size = (double)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < RULES; i++)
        self->left[i].absence = MW_ABSENT_STALE;
    for (size_t i = 0; i < columns; i++)
        self->values[i].absence = MW_ABSENT_UNSUPPORTED;
    *ret = self;
    return 0;
}

struct mw_derivation *mw_derivation_destroy(struct mw_derivation *self)
{
    free(self);
    return NULL;
}

static struct mw_derived input(const struct mw_block *system, enum mw_reading reading)
{
    struct mw_derived input = {.absence = MW_PRESENT};

    input.absence = mw_block_get(system, reading, 0, &input.value);
    return input;
}

/* A counter that was absent one block ago leaves nothing to compare with, whatever the reason. */
static struct mw_derived before(const struct mw_derived *left)
{
    struct mw_derived input = *left;

    if (input.absence != MW_PRESENT)
        input.absence = MW_ABSENT_STALE;
    return input;
}

static struct mw_derived apply(const struct mw_derivation *self, const struct rule *rule,
                               const struct mw_derived *left, const struct mw_derived *right,
                               double seconds)
{
    struct mw_derived derived = {.absence = left->absence};
    struct inputs in = {left->value.u, right->value.u, seconds,
                        rule->in_pages ? self->page_size : 1};

    if (derived.absence == MW_PRESENT)
        derived.absence = right->absence;
    if (derived.absence == MW_PRESENT)
        derived.absence = rule->compute(&in, &derived.value);
    return derived;
}

void mw_derivation_update(struct mw_derivation *self, const struct mw_block *system)
{
    uint64_t time_ns = mw_block_head(system)->time_ns;
    double seconds = (double)(int64_t)(time_ns - self->time_ns) / MW_NS_PER_S;

    for (size_t i = 0; i < RULES; i++) {
        const struct rule *rule = &rules[i];
        struct mw_derived left = input(system, rule->left);
        struct mw_derived right =
            rule->right != MW_NONE ? input(system, rule->right) : before(&self->left[i]);

        self->values[mw_reading_info(rule->reading)->column] =
            apply(self, rule, &left, &right, seconds);
        self->left[i] = left;
    }
    self->time_ns = time_ns;
    mw_derive_ledger(system, self->values);
}

void mw_derivation_update_urgent(struct mw_derivation *self, const struct mw_block *system)
{
    for (size_t i = 0; i < RULES; i++) {
        const struct rule *rule = &rules[i];

        if (rule->right == MW_NONE)
            continue;
        struct mw_derived left = input(system, rule->left);
        struct mw_derived right = input(system, rule->right);

        self->values[mw_reading_info(rule->reading)->column] = apply(self, rule, &left, &right, 0);
    }
    mw_derive_ledger(system, self->values);
}

const struct mw_derived *mw_derivation_values(const struct mw_derivation *self)
{
    return self->values;
}
