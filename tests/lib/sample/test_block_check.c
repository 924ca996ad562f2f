/* A block from outside: what is not exactly as this build writes it is refused, and whatever is let
 * through can be read without harm. */
#include "sample/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    unsigned char *at;
    size_t size;
};

static struct mw_block *filled(struct mw_block_pool *pool)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(pool, NULL, 70, &block), 0);
    for (uint32_t row = 0; row < 67; row += 2) {
        mw_block_set_key(block, row, (struct mw_block_key){row + 1, 5});
        mw_block_put(block, MW_PROCESS_RSS, row, (union mw_value){.u = row});
        mw_block_put(block, MW_PROCESS_STATE, row, (union mw_value){.u = 'R'});
        mw_block_put_absent(block, MW_PROCESS_SWAP, row, MW_ABSENT_DENIED);
    }
    mw_block_add_event(block, MW_EVENT_BORN, 2, MW_PRESENT, NULL, 0);
    mw_block_add_event(block, MW_EVENT_NAME, 2, MW_PRESENT, "n\xc3\xa4me", 5);
    mw_block_add_event(block, MW_EVENT_CGROUP, 2, MW_ABSENT_DENIED, NULL, 0);
    mw_block_add_event(block, MW_EVENT_NAME, 4, MW_PRESENT, "other", 5);
    mw_block_set_time(block, 9, 1000, 2000);
    assert_int_equal(mw_block_finish(block), 0);
    return block;
}

static struct bytes good_bytes(void)
{
    struct mw_block_pool *pool = NULL;
    struct mw_block *block;
    struct bytes bytes;

    assert_int_equal(mw_block_pool_create(MW_SOURCE_PROCESS, &pool), 0);
    block = filled(pool);
    bytes.size = mw_block_head(block)->size;
    bytes.at = malloc(bytes.size);
    memcpy(bytes.at, mw_block_head(block), bytes.size);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
    assert_int_equal(mw_block_check(bytes.at, bytes.size), 0);
    return bytes;
}

static struct mw_block_head *head_of(const struct bytes *bytes)
{
    return (struct mw_block_head *)(void *)bytes->at;
}

static struct mw_block_event *event_of(const struct bytes *bytes, int i)
{
    return (struct mw_block_event *)(void *)(bytes->at + head_of(bytes)->events_offset) + i;
}

/* Sets one field, expects refusal, sets it back and expects the block to be good again. */
#define REFUSED(bytes, field, wrong)                                                               \
    do {                                                                                           \
        __typeof__(field) kept = (field);                                                          \
        (field) = (__typeof__(field))(wrong);                                                      \
        assert_int_equal(mw_block_check((bytes).at, (bytes).size), -EBADMSG);                      \
        (field) = kept;                                                                            \
        assert_int_equal(mw_block_check((bytes).at, (bytes).size), 0);                             \
    } while (0)

static void a_wrong_head_is_refused(void **state)
{
    struct bytes bytes = good_bytes();
    struct mw_block_head *head = head_of(&bytes);

    (void)state;
    REFUSED(bytes, head->magic, head->magic + 1);
    REFUSED(bytes, head->source, MW_SOURCE_COUNT);
    REFUSED(bytes, head->source, MW_SOURCE_SUBJECT);
    REFUSED(bytes, head->source, MW_SOURCE_DERIVED);
    REFUSED(bytes, head->source, MW_SOURCE_SYSTEM);
    REFUSED(bytes, head->source, UINT32_MAX);
    REFUSED(bytes, head->size, head->size + 1);
    REFUSED(bytes, head->size, head->size - 1);
    REFUSED(bytes, head->seq, 0);
    free(bytes.at);
}

static void a_wrong_count_is_refused(void **state)
{
    struct bytes bytes = good_bytes();
    struct mw_block_head *head = head_of(&bytes);

    (void)state;
    REFUSED(bytes, head->rows, head->stride + 1);
    REFUSED(bytes, head->rows, head->rows - 1); /* a live row beyond the last */
    REFUSED(bytes, head->rows, 3);
    REFUSED(bytes, head->stride, 0);
    REFUSED(bytes, head->stride, head->stride - 1);
    REFUSED(bytes, head->stride, head->stride + 1);
    REFUSED(bytes, head->stride, UINT32_MAX);
    REFUSED(bytes, head->columns, head->columns + 1);
    REFUSED(bytes, head->columns, 0);
    REFUSED(bytes, head->events, head->events + 1);
    REFUSED(bytes, head->events, head->events - 1);
    REFUSED(bytes, head->events, UINT32_MAX);
    REFUSED(bytes, head->text_size, head->text_size + 1);
    REFUSED(bytes, head->text_size, UINT32_MAX);
    REFUSED(bytes, head->live, head->live + 1);
    REFUSED(bytes, head->absent[MW_PRESENT], 1);
    REFUSED(bytes, head->absent[MW_ABSENT_DENIED], 0);
    free(bytes.at);
}

static void a_wrong_offset_is_refused(void **state)
{
    static const uint64_t wrong[] = {0, 1, 7, 8, 1 << 20, UINT64_MAX, UINT64_MAX - 127};
    struct bytes bytes = good_bytes();
    struct mw_block_head *head = head_of(&bytes);

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        REFUSED(bytes, head->keys_offset, wrong[i]);
        REFUSED(bytes, head->values_offset, wrong[i]);
        REFUSED(bytes, head->absence_offset, wrong[i]);
        REFUSED(bytes, head->events_offset, wrong[i]);
        REFUSED(bytes, head->text_offset, wrong[i]);
    }
    REFUSED(bytes, head->values_offset, head->values_offset + 8);
    REFUSED(bytes, head->text_offset, head->text_offset - 32);
    free(bytes.at);
}

static void a_wrong_event_is_refused(void **state)
{
    struct bytes bytes = good_bytes();
    struct mw_block_event *born = event_of(&bytes, 0), *name = event_of(&bytes, 1);

    (void)state;
    REFUSED(bytes, name->type, MW_EVENT_GONE + 1);
    REFUSED(bytes, name->type, MW_EVENT_BORN); /* which has no text */
    REFUSED(bytes, name->row, head_of(&bytes)->rows);
    REFUSED(bytes, name->row, UINT32_MAX);
    REFUSED(bytes, name->absence, MW_ABSENCE_COUNT);
    REFUSED(bytes, name->absence, MW_ABSENT_STALE); /* and yet a text */
    REFUSED(bytes, name->text_offset, 6);           /* ten bytes in all, five of them its own */
    REFUSED(bytes, name->text_offset, UINT32_MAX);
    REFUSED(bytes, name->text_offset, 2); /* in the middle of a character */
    REFUSED(bytes, name->text_size, 11);
    REFUSED(bytes, name->text_size, MW_BLOCK_TEXT_MAX + 1);
    REFUSED(bytes, name->text_size, 2); /* half a character */
    REFUSED(bytes, born->text_size, 1);
    REFUSED(bytes, born->text_offset, 11);
    free(bytes.at);
}

static void a_wrong_text_is_refused(void **state)
{
    struct bytes bytes = good_bytes();
    char *text = (char *)bytes.at + head_of(&bytes)->text_offset;

    (void)state;
    REFUSED(bytes, text[0], '\xff');
    REFUSED(bytes, text[0], '\0');
    REFUSED(bytes, text[2], 'x');
    REFUSED(bytes, text[9], '\0');
    free(bytes.at);
}

static void a_wrong_absence_is_refused(void **state)
{
    struct bytes bytes = good_bytes();
    unsigned char *absences = bytes.at + head_of(&bytes)->absence_offset;
    unsigned char *last = bytes.at + head_of(&bytes)->events_offset - 1;

    (void)state;
    for (unsigned wrong = MW_ABSENCE_COUNT; wrong < 16; wrong++) {
        REFUSED(bytes, absences[0], (absences[0] & 0xf0) | wrong);
        REFUSED(bytes, absences[0], (absences[0] & 0x0f) | wrong << 4);
        REFUSED(bytes, *last, (*last & 0x0f) | wrong << 4);
    }
    free(bytes.at);
}

static void a_wrong_value_is_refused(void **state)
{
    struct bytes bytes = good_bytes();
    struct mw_block_head *head = head_of(&bytes);
    uint32_t column = mw_reading_info(MW_PROCESS_STATE)->column;
    uint64_t *letter =
        (uint64_t *)(void *)(bytes.at + head->values_offset + column * UINT64_C(8) * head->stride);

    (void)state;
    REFUSED(bytes, *letter, 0);
    REFUSED(bytes, *letter, ' ');
    REFUSED(bytes, *letter, 127);
    REFUSED(bytes, *letter, UINT64_MAX);
    free(bytes.at);
}

static void a_percentage_is_a_number(void **state)
{
    struct mw_block_pool *pool = NULL;
    struct mw_block *block = NULL;
    static const double wrong[] = {NAN, INFINITY, -INFINITY};

    (void)state;
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SYSTEM, &pool), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mw_block_take(pool, NULL, 1, &block), 0);
        mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
        mw_block_set_time(block, 1, 1, 1);
        mw_block_put(block, MW_SYSTEM_PRESSURE_SOME_AVG10, 0, (union mw_value){.f = wrong[i]});
        assert_int_equal(mw_block_finish(block), 0);
        assert_int_equal(mw_block_check(mw_block_head(block), mw_block_head(block)->size),
                         -EBADMSG);
        mw_block_unref(block);
    }
    mw_block_pool_destroy(pool);
}

static void a_source_without_rows_has_one(void **state)
{
    struct mw_block_pool *pool = NULL;
    struct mw_block *block = NULL;

    (void)state;
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SELF, &pool), 0);
    assert_int_equal(mw_block_take(pool, NULL, 2, &block), 0);
    mw_block_set_key(block, 1, (struct mw_block_key){1, 0});
    mw_block_set_time(block, 1, 1, 1);
    assert_int_equal(mw_block_finish(block), 0);
    assert_int_equal(mw_block_check(mw_block_head(block), mw_block_head(block)->size), -EBADMSG);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

static void every_cut_is_refused(void **state)
{
    struct bytes bytes = good_bytes();

    (void)state;
    for (size_t size = 0; size < bytes.size; size++) {
        unsigned char *cut = malloc(size > 0 ? size : 1);

        memcpy(cut, bytes.at, size);
        assert_int_equal(mw_block_check(cut, size), -EBADMSG);
        if (size >= sizeof(struct mw_block_head)) {
            ((struct mw_block_head *)(void *)cut)->size = size;
            assert_int_equal(mw_block_check(cut, size), -EBADMSG);
        }
        free(cut);
    }
    free(bytes.at);
}

static uint64_t touch(const struct mw_block *block)
{
    const struct mw_block_head *head = mw_block_head(block);
    enum mw_reading first = mw_source_first((enum mw_source)head->source);
    uint64_t sum = 0;

    for (uint32_t row = 0; row < head->rows; row++) {
        union mw_value value = {.u = 0};

        sum += mw_block_keys(block)[row].id;
        for (uint32_t i = 0; i < head->columns; i++)
            sum += mw_block_get(block, (enum mw_reading)(first + i), row, &value) + value.u;
    }
    for (uint32_t i = 0; i < head->events; i++) {
        const struct mw_block_event *event = &mw_block_events(block)[i];

        sum += mw_block_keys(block)[event->row].birth;
        for (uint32_t j = 0; j < event->text_size; j++)
            sum += (unsigned char)mw_block_text(block)[event->text_offset + j];
    }
    return sum;
}

/* Random damage: mostly refused; what is not must be readable under the address sanitizer. */
static void damage_is_refused_or_harmless(void **state)
{
    struct bytes bytes = good_bytes();
    struct mw_block_pool *pool = NULL;
    unsigned char *damaged = malloc(bytes.size);
    int passed = 0, refused = 0;

    (void)state;
    assert_int_equal(mw_block_pool_create(MW_SOURCE_PROCESS, &pool), 0);
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        struct mw_block *block = NULL;
        int error;

        memcpy(damaged, bytes.at, bytes.size);
        for (long j = random() % 3; j >= 0; j--) {
            size_t reach = random() % 2 ? sizeof(struct mw_block_head) : bytes.size;

            damaged[(size_t)random() % reach] ^= (unsigned char)(1 << random() % 8);
        }
        error = mw_block_load(pool, damaged, bytes.size, &block);
        if (error == 0)
            passed += touch(block) > 0;
        else
            refused += error == -EBADMSG;
        mw_block_unref(block);
    }
    assert_int_equal(passed + refused, 20000);
    assert_true(passed > 100 && refused > 10000);
    free(damaged);
    free(bytes.at);
    mw_block_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_head_is_refused),
        cmocka_unit_test(a_wrong_count_is_refused),
        cmocka_unit_test(a_wrong_offset_is_refused),
        cmocka_unit_test(a_wrong_event_is_refused),
        cmocka_unit_test(a_wrong_text_is_refused),
        cmocka_unit_test(a_wrong_absence_is_refused),
        cmocka_unit_test(a_wrong_value_is_refused),
        cmocka_unit_test(a_percentage_is_a_number),
        cmocka_unit_test(a_source_without_rows_has_one),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(damage_is_refused_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
