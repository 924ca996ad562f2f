/* The hash is SipHash-1-3 with all of its key, and keys differ. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { BYTES = 64 };

static const struct mw_hash_key counted = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};

/* Figures from an independent implementation of the paper's function, with 1 and 3 rounds. */
static void test_known_answers(void **state)
{
    unsigned char bytes[BYTES];

    (void)state;
    for (unsigned i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)i;
    assert_true(mw_hash(&counted, bytes, 0) == 0xabac0158050fc4dcu);
    assert_true(mw_hash(&counted, bytes, 7) == 0xd3927d989bb11140u);
    assert_true(mw_hash(&counted, bytes, 8) == 0x369095118d299a8eu);
    assert_true(mw_hash(&counted, bytes, 63) == 0x9d199062b7bbb3a8u);
}

static void test_every_byte_and_the_size_count(void **state)
{
    unsigned char bytes[BYTES] = {0};
    uint64_t plain = mw_hash(&counted, bytes, BYTES);

    (void)state;
    for (unsigned i = 0; i < BYTES; i++) {
        assert_true(mw_hash(&counted, bytes, i) != plain);
        bytes[i] = 1;
        assert_true(mw_hash(&counted, bytes, BYTES) != plain);
        bytes[i] = 0;
    }
}

static void test_keys_differ(void **state)
{
    struct mw_hash_key one = mw_hash_key_make(state), other = mw_hash_key_make(state);

    assert_true(mw_hash(&one, "memory", 6) != mw_hash(&other, "memory", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_every_byte_and_the_size_count),
        cmocka_unit_test(test_keys_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
