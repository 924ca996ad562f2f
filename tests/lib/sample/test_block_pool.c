#include "sample/block_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct mw_block_pool *pool_of(enum mw_source source)
{
    struct mw_block_pool *pool = NULL;

    assert_int_equal(mw_block_pool_create(source, &pool), 0);
    return pool;
}

static struct mw_block *take(struct mw_block_pool *pool, const struct mw_block *before,
                             uint32_t rows)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(pool, before, rows, &block), 0);
    return block;
}

static void finish(struct mw_block *block)
{
    mw_block_set_time(block, 1, 1000, 2000);
    assert_int_equal(mw_block_finish(block), 0);
}

static void computed_sources_have_no_blocks(void **state)
{
    struct mw_block_pool *pool = NULL;

    (void)state;
    assert_int_equal(mw_block_pool_create(MW_SOURCE_DERIVED, &pool), -EINVAL);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SUBJECT, &pool), -EINVAL);
    assert_null(pool);
    assert_null(mw_block_pool_destroy(NULL));
    assert_null(mw_block_unref(NULL));
}

static void three_blocks_and_no_more(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_SELF);
    struct mw_block *blocks[3], *fourth = NULL;

    (void)state;
    for (int i = 0; i < 3; i++)
        blocks[i] = take(pool, NULL, 1);
    assert_int_equal(mw_block_take(pool, NULL, 1, &fourth), -EBUSY);
    assert_null(fourth);
    mw_block_ref(blocks[1]);
    mw_block_unref(blocks[1]);
    assert_int_equal(mw_block_take(pool, NULL, 1, &fourth), -EBUSY);
    mw_block_unref(blocks[1]);
    assert_ptr_equal(take(pool, NULL, 1), blocks[1]);
    for (int i = 0; i < 3; i++)
        mw_block_unref(blocks[i]);
    mw_block_pool_destroy(pool);
}

/* A block that nobody refers to any more may be copied from, but not written over meanwhile. */
static void the_block_before_is_never_the_one_taken(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_SELF);
    struct mw_block *before = take(pool, NULL, 1);

    (void)state;
    mw_block_set_key(before, 0, (struct mw_block_key){1, 0});
    mw_block_put(before, MW_DAEMON_RSS, 0, (union mw_value){.u = 42});
    finish(before);
    for (int i = 0; i < 10; i++) {
        struct mw_block *block;
        union mw_value value;

        mw_block_unref(before);
        block = take(pool, before, 1);
        assert_ptr_not_equal(block, before);
        assert_int_equal(mw_block_get(block, MW_DAEMON_RSS, 0, &value), MW_PRESENT);
        assert_int_equal(value.u, 42);
        finish(block);
        before = block;
    }
    mw_block_unref(before);
    mw_block_pool_destroy(pool);
}

static void rows_are_bounded(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_SELF);
    struct mw_block *block = take(pool, NULL, MW_BLOCK_ROWS_MAX - 1);

    (void)state;
    assert_int_equal(mw_block_head(block)->stride, MW_BLOCK_ROWS_MAX - 1);
    mw_block_unref(block);
    block = take(pool, NULL, MW_BLOCK_ROWS_MAX);
    assert_int_equal(mw_block_head(block)->stride, MW_BLOCK_ROWS_MAX);
    mw_block_set_key(block, MW_BLOCK_ROWS_MAX - 1, (struct mw_block_key){1, 0});
    mw_block_put(block, MW_DAEMON_FAULTS, MW_BLOCK_ROWS_MAX - 1, (union mw_value){.u = 1});
    finish(block);
    assert_int_equal(mw_block_head(block)->rows, MW_BLOCK_ROWS_MAX);
    mw_block_unref(block);
    assert_int_equal(mw_block_take(pool, NULL, (uint32_t)MW_BLOCK_ROWS_MAX + 1, &block), -E2BIG);
    mw_block_pool_destroy(pool);
}

/* Growing by half stops at the bound, not beyond it. */
static void the_last_stride_is_the_bound(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_SELF);
    const uint32_t most = MW_BLOCK_ROWS_MAX / 4 * 3;
    struct mw_block *before = take(pool, NULL, most), *block;

    (void)state;
    block = take(pool, before, most + 1);
    assert_int_equal(mw_block_head(block)->stride, MW_BLOCK_ROWS_MAX);
    mw_block_unref(before);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

static void strides_grow_by_half_and_shrink_late(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *block = take(pool, NULL, 1);
    uint32_t changes = 0;

    (void)state;
    assert_int_equal(mw_block_head(block)->stride, 64);
    finish(block);
    for (uint32_t rows = 1; rows <= 10000; rows++) {
        struct mw_block *next = take(pool, block, rows);

        assert_true(mw_block_head(next)->stride >= rows);
        changes += mw_block_head(next)->stride != mw_block_head(block)->stride;
        finish(next);
        mw_block_unref(block);
        block = next;
    }
    assert_in_range(changes, 5, 15);
    for (int i = 0; i < 20; i++) {
        struct mw_block *next = take(pool, block, 1);

        finish(next);
        mw_block_unref(block);
        block = next;
    }
    assert_in_range(mw_block_head(block)->stride, 64, 256);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

/* A row keeps its place, so a copy has room for every row of the block before. */
static void a_copy_never_loses_rows(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *block = take(pool, NULL, 1000), *next;

    (void)state;
    mw_block_set_key(block, 999, (struct mw_block_key){5, 6});
    finish(block);
    next = take(pool, block, 1);
    finish(next);
    assert_int_equal(mw_block_head(next)->rows, 1000);
    assert_int_equal(mw_block_keys(next)[999].id, 5);
    mw_block_unref(block);
    mw_block_unref(next);
    mw_block_pool_destroy(pool);
}

/* ---- memory ---- */

static size_t memory_of(const struct mw_block *block)
{
    return block->capacity + block->events.capacity + block->text.capacity;
}

static void birth(struct mw_block *block, uint32_t row, uint64_t pid)
{
    if (mw_block_keys(block)[row].id != 0) {
        assert_int_equal(mw_block_add_event(block, MW_EVENT_GONE, row, MW_PRESENT, NULL, 0), 0);
        mw_block_clear_row(block, row);
    }
    mw_block_set_key(block, row, (struct mw_block_key){pid, pid});
    assert_int_equal(mw_block_add_event(block, MW_EVENT_BORN, row, MW_PRESENT, NULL, 0), 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, row, MW_PRESENT, "worker", 6), 0);
}

static void memory_stays_flat_over_a_million_births(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *before = NULL;
    size_t early = 0, late = 0;
    uint64_t pid = 0;

    (void)state;
    srandom(1);
    for (int round = 0; round < 10000; round++) {
        struct mw_block *block = take(pool, before, 200);

        for (int i = 0; i < 100; i++)
            birth(block, (uint32_t)(random() % 200), ++pid);
        finish(block);
        if (round < 100 && memory_of(block) > early)
            early = memory_of(block);
        else if (memory_of(block) > late)
            late = memory_of(block);
        mw_block_unref(before);
        before = block;
    }
    assert_int_equal(pid, 1000000);
    assert_true(late <= early + early / 20);
    mw_block_unref(before);
    mw_block_pool_destroy(pool);
}

/* The first block of a daemon tells of all processes at once; later ones need not pay for it. */
static void a_burst_of_births_is_given_back(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *first = take(pool, NULL, 100), *later;
    static char text[MW_BLOCK_TEXT_MAX];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (uint32_t i = 0; i < 1000; i++)
        mw_block_add_event(first, MW_EVENT_NAME, i % 100, MW_PRESENT, text, sizeof(text));
    finish(first);
    assert_true(memory_of(first) < mw_block_head(first)->size + 200000);
    mw_block_unref(first);
    later = take(pool, NULL, 100);
    assert_ptr_equal(first, later);
    assert_true(memory_of(later) < 200000);
    mw_block_unref(later);
    mw_block_pool_destroy(pool);
}

/* ---- load ---- */

static void a_loaded_block_is_the_same(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *block = take(pool, NULL, 3), *loaded = NULL, *next;
    const struct mw_block_head *head;
    union mw_value value;
    char *bytes;

    (void)state;
    birth(block, 1, 77);
    mw_block_put(block, MW_PROCESS_RSS, 1, (union mw_value){.u = 123});
    mw_block_put_absent(block, MW_PROCESS_SWAP, 1, MW_ABSENT_DENIED);
    finish(block);
    head = mw_block_head(block);
    bytes = malloc(head->size + 1);
    memcpy(bytes + 1, head, head->size); /* at an odd address, as in the middle of a file */
    assert_int_equal(mw_block_load(pool, bytes + 1, head->size, &loaded), 0);
    free(bytes);
    assert_memory_equal(mw_block_head(loaded), head, head->size);
    assert_int_equal(mw_block_get(loaded, MW_PROCESS_RSS, 1, &value), MW_PRESENT);
    assert_int_equal(value.u, 123);
    assert_int_equal(mw_block_get(loaded, MW_PROCESS_SWAP, 1, &value), MW_ABSENT_DENIED);
    assert_int_equal(mw_block_keys(loaded)[1].id, 77);
    assert_memory_equal(mw_block_text(loaded), "worker", 6);

    next = take(pool, loaded, 100);
    finish(next);
    assert_int_equal(mw_block_get(next, MW_PROCESS_RSS, 1, &value), MW_PRESENT);
    assert_int_equal(mw_block_get(next, MW_PROCESS_RSS, 2, &value), MW_ABSENT_UNSUPPORTED);
    mw_block_unref(block);
    mw_block_unref(loaded);
    mw_block_unref(next);
    mw_block_pool_destroy(pool);
}

static void load_refuses_and_leaves_the_pool_whole(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_SELF), *other = pool_of(MW_SOURCE_DAEMON);
    struct mw_block *block = take(pool, NULL, 1), *loaded = NULL, *held[2];
    const struct mw_block_head *head;

    (void)state;
    finish(block);
    head = mw_block_head(block);
    assert_int_equal(mw_block_load(other, head, head->size, &loaded), -EBADMSG);
    assert_int_equal(mw_block_load(pool, head, head->size - 1, &loaded), -EBADMSG);
    assert_int_equal(mw_block_load(pool, head, 0, &loaded), -EBADMSG);
    held[0] = take(pool, NULL, 1);
    held[1] = take(pool, NULL, 1);
    assert_int_equal(mw_block_load(pool, head, head->size, &loaded), -EBUSY);
    assert_null(loaded);
    mw_block_unref(held[0]);
    mw_block_unref(held[1]);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
    mw_block_pool_destroy(other);
}

/* ---- threads ---- */

enum { TURNS = 20000 };

static void *turn(void *argument)
{
    struct mw_block *block = argument;
    union mw_value value;

    for (int i = 0; i < TURNS; i++) {
        mw_block_ref(block);
        if (mw_block_get(block, MW_DAEMON_RSS, 0, &value) != MW_PRESENT || value.u != 42)
            return (void *)1;
        mw_block_unref(block);
    }
    mw_block_unref(block);
    return NULL;
}

static struct mw_block *published(struct mw_block_pool *pool)
{
    struct mw_block *block = NULL;

    while (mw_block_take(pool, NULL, 1, &block) == -EBUSY) {
    }
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    mw_block_put(block, MW_DAEMON_RSS, 0, (union mw_value){.u = 42});
    finish(block);
    return block;
}

/* The pool's owner goes while two threads still read; the last of them frees the block. */
static void a_pool_may_go_before_its_blocks(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_SELF);
    struct mw_block *block = published(pool);
    pthread_t threads[2];
    void *failed;

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, turn, mw_block_ref(block)), 0);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct mw_block *block;
    bool closed;
    uint64_t last;
    bool failed;
};

static struct mw_block *mailbox_get(struct mailbox *self)
{
    struct mw_block *block;

    pthread_mutex_lock(&self->lock);
    while (self->block == NULL && !self->closed)
        pthread_cond_wait(&self->changed, &self->lock);
    block = self->block;
    self->block = NULL;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return block;
}

static void mailbox_put(struct mailbox *self, struct mw_block *block)
{
    pthread_mutex_lock(&self->lock);
    while (self->block != NULL)
        pthread_cond_wait(&self->changed, &self->lock);
    self->block = block;
    self->closed = block == NULL;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void *reader(void *argument)
{
    struct mailbox *box = argument;
    struct mw_block *block;

    while ((block = mailbox_get(box)) != NULL) {
        union mw_value value = {.u = 0};

        mw_block_get(block, MW_DAEMON_RSS, 0, &value);
        box->failed = box->failed || value.u != box->last + 1;
        box->last = value.u;
        mw_block_unref(block);
    }
    return NULL;
}

/* As in the daemon: one thread fills, another reads and lets go; a block is filled again only when
 * its reading is over. The thread sanitizer watches. */
static void a_block_is_written_again_only_when_it_was_read(void **state)
{
    struct mailbox box = {
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, false, 0, false};
    struct mw_block_pool *pool = pool_of(MW_SOURCE_SELF);
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, reader, &box), 0);
    for (uint64_t i = 1; i <= TURNS; i++) {
        struct mw_block *block = NULL;

        while (mw_block_take(pool, NULL, 1, &block) == -EBUSY) {
        }
        mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
        mw_block_put(block, MW_DAEMON_RSS, 0, (union mw_value){.u = i});
        finish(block);
        mailbox_put(&box, block);
    }
    mailbox_put(&box, NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(box.failed);
    assert_int_equal(box.last, TURNS);
    mw_block_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computed_sources_have_no_blocks),
        cmocka_unit_test(three_blocks_and_no_more),
        cmocka_unit_test(the_block_before_is_never_the_one_taken),
        cmocka_unit_test(rows_are_bounded),
        cmocka_unit_test(the_last_stride_is_the_bound),
        cmocka_unit_test(strides_grow_by_half_and_shrink_late),
        cmocka_unit_test(a_copy_never_loses_rows),
        cmocka_unit_test(memory_stays_flat_over_a_million_births),
        cmocka_unit_test(a_burst_of_births_is_given_back),
        cmocka_unit_test(a_loaded_block_is_the_same),
        cmocka_unit_test(load_refuses_and_leaves_the_pool_whole),
        cmocka_unit_test(a_pool_may_go_before_its_blocks),
        cmocka_unit_test(a_block_is_written_again_only_when_it_was_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
