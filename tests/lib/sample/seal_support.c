#include "tests/lib/sample/seal_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static const enum mw_source block_sources[] = {MW_SOURCE_SYSTEM, MW_SOURCE_PROCESS, MW_SOURCE_SELF,
                                               MW_SOURCE_DAEMON};

int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof(*self));

    assert_int_equal(mw_sealer_create(&self->sealer), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(mw_block_pool_create(block_sources[i], &self->pools[block_sources[i]]), 0);
    *state = self;
    return 0;
}

int teardown(void **state)
{
    struct fixture *self = *state;

    assert_null(mw_sealer_destroy(self->sealer));
    for (int i = 0; i < MW_SOURCE_COUNT; i++)
        mw_block_pool_destroy(self->pools[i]);
    free(self);
    return 0;
}

struct mw_block *begin(struct fixture *self, enum mw_source source, uint64_t time_ns)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(self->pools[source], NULL, 4, &block), 0);
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    mw_block_set_time(block, ++self->seq[source], (int64_t)(time_ns / 1000000), time_ns);
    return block;
}

void put(struct mw_block *block, enum mw_reading reading, uint64_t value)
{
    mw_block_put(block, reading, 0, (union mw_value){.u = value});
}

void offer(struct fixture *self, struct mw_block *block, uint64_t now_ns)
{
    assert_int_equal(mw_block_finish(block), 0);
    mw_sealer_offer(self->sealer, block, now_ns);
    mw_block_unref(block);
}

struct mw_sample *seal(struct fixture *self, uint64_t now_ns)
{
    struct mw_sample *sample = NULL;

    assert_int_equal(mw_sealer_seal(self->sealer, now_ns, &sample), 0);
    return sample;
}

void assert_u64(const struct mw_sample *sample, enum mw_reading reading, uint64_t expected)
{
    union mw_value value = {.u = ~expected};

    assert_int_equal(mw_sample_get(sample, reading, 0, &value), MW_PRESENT);
    assert_int_equal(value.u, expected);
}

void assert_f64(const struct mw_sample *sample, enum mw_reading reading, double expected)
{
    union mw_value value = {.f = expected + 1};

    assert_int_equal(mw_sample_get(sample, reading, 0, &value), MW_PRESENT);
    assert_true(value.f > expected - 1e-9 && value.f < expected + 1e-9);
}
