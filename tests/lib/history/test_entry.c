/* What is written of a change is what is read: for any values, reasons, ticks and column counts. */
#include "history/history_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static uint64_t chance(uint64_t below)
{
    static uint64_t seed = 88172645463325252u;

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

struct columns {
    struct mw_track_state state;
    uint64_t values[MW_TRACK_COLUMNS_MAX];
    uint8_t reasons[MW_TRACK_COLUMNS_MAX];
};

static void bind(struct columns *self)
{
    memset(self, 0, sizeof(*self));
    self->state.values = self->values;
    self->state.reasons = self->reasons;
}

static uint64_t any_value(uint64_t before)
{
    switch (chance(6)) {
    case 0:
        return before + 4096 * chance(100);
    case 1:
        return before - 4096 * chance(100000);
    case 2:
        return before + chance(1000) - 500;
    case 3:
        return ~(UINT64_MAX >> chance(64)) + chance(3);
    default:
        return before;
    }
}

static void change(struct columns *self, unsigned columns)
{
    uint64_t alike = 0, before;

    self->state.tick += chance(3) == 0 ? chance(1u << 30) : chance(3);
    self->state.slow = chance(2);
    for (unsigned i = 0; i < columns; i++) {
        self->reasons[i] = chance(5) == 0 ? (uint8_t)(1 + chance(4)) : 0;
        if (self->reasons[i] != 0)
            continue;
        before = self->values[i];
        self->values[i] = chance(3) == 0 ? before + alike : any_value(before);
        alike = self->values[i] - before;
    }
}

static void round_trip(unsigned columns)
{
    unsigned char bytes[MW_ENTRY_MAX + 1] = {0};
    struct columns before, now, read;

    bind(&before);
    bind(&now);
    bind(&read);
    for (int i = 0; i < 2000; i++) {
        size_t size;

        change(&now, columns);
        size = mw_entry_encode(columns, &before.state, &now.state, bytes);
        assert_true(size <= MW_ENTRY_MAX);
        assert_int_equal(mw_entry_tick(columns, bytes, read.state.tick), now.state.tick);
        assert_int_equal(mw_entry_decode(columns, bytes, &read.state), size);
        assert_int_equal(read.state.tick, now.state.tick);
        assert_int_equal(read.state.slow, now.state.slow);
        assert_memory_equal(read.reasons, now.reasons, columns);
        assert_memory_equal(read.values, now.values, columns * sizeof(uint64_t));
        memcpy(before.values, now.values, sizeof(now.values));
        memcpy(before.reasons, now.reasons, sizeof(now.reasons));
        before.state.tick = now.state.tick;
    }
}

static void entries_come_back(void **state)
{
    (void)state;
    for (unsigned columns = 1; columns <= MW_TRACK_COLUMNS_MAX; columns++)
        round_trip(columns);
}

/* The figure that the memory budget of 500 processes stands on. */
static void a_few_pages_more_take_two_bytes(void **state)
{
    unsigned char bytes[MW_ENTRY_MAX];
    struct columns before, now;

    (void)state;
    bind(&before);
    bind(&now);
    now.state.tick = 1;
    now.values[0] = 4096 * UINT64_C(10);
    assert_int_equal(mw_entry_encode(3, &before.state, &now.state, bytes), 2);
    now.values[1] = now.values[0]; /* and another one alike */
    assert_int_equal(mw_entry_encode(3, &before.state, &now.state, bytes), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back),
        cmocka_unit_test(a_few_pages_more_take_two_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
