/* The daemon's heap: what a reload changes of it, and its lines in the log. */
#include "daemon/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

struct bench {
    uv_loop_t loop;
    int pipe[2];
    char text[8192];
    struct mwd_log *log;
    struct mwd_heap *heap;
};

static int open_bench(void **state)
{
    struct bench *self = calloc(1, sizeof *self);
    struct mwd_heap_options options = {.limit = 8 * MIB, .semi_space = MIB / 2};

    assert_non_null(self);
    assert_int_equal(uv_loop_init(&self->loop), 0);
    assert_int_equal(pipe2(self->pipe, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(mwd_log_create(self->pipe[1], MWD_LOG_INFO, &self->log), 0);
    options.log = self->log;
    assert_int_equal(mwd_heap_create(&self->loop, &options, &self->heap), 0);
    *state = self;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *self = *state;

    mwd_heap_close(self->heap);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    mwd_heap_destroy(self->heap);
    mwd_log_destroy(self->log);
    uv_loop_close(&self->loop);
    close(self->pipe[0]);
    close(self->pipe[1]);
    free(self);
    return 0;
}

/* What was logged since the last call. */
static const char *logged(struct bench *self)
{
    ssize_t size = read(self->pipe[0], self->text, sizeof self->text - 1);

    self->text[size > 0 ? size : 0] = '\0';
    return self->text;
}

static size_t limit_of(const struct bench *self)
{
    struct mw_heap_numbers numbers;

    mw_heap_get_numbers(mwd_heap_of(self->heap), &numbers);
    return numbers.limit;
}

static void trace_can_be_switched(void **state)
{
    struct bench *self = *state;
    struct mw_heap *heap = mwd_heap_of(self->heap);

    mw_heap_collect(heap, MW_COLLECT_MAJOR);
    assert_string_equal(logged(self), "");
    mwd_heap_set_trace(self->heap, true);
    mw_heap_collect(heap, MW_COLLECT_MINOR);
    assert_non_null(strstr(logged(self), "Scavenge"));
    mw_heap_collect(heap, MW_COLLECT_COMPACT);
    assert_non_null(strstr(logged(self), "Mark-Compact"));
    mwd_heap_set_trace(self->heap, false);
    mw_heap_collect(heap, MW_COLLECT_MINOR);
    assert_string_equal(logged(self), "");
}

/* Tables are reserved for that limit, and locked memory is counted by what is reserved. */
static void limit_goes_down_and_up_to_what_it_was(void **state)
{
    struct bench *self = *state;

    assert_int_equal(mwd_heap_set_limit(self->heap, 4 * MIB), 0);
    assert_int_equal(limit_of(self), 4 * MIB);
    assert_int_equal(mwd_heap_set_limit(self->heap, 6 * MIB), 0);
    assert_int_equal(limit_of(self), 6 * MIB);
    assert_int_equal(mwd_heap_set_limit(self->heap, 100 * MIB), 0);
    assert_int_equal(limit_of(self), 8 * MIB);
}

static void limit_below_what_is_in_use_is_refused(void **state)
{
    static const struct mw_heap_type_info info = {"Bytes", MW_KIND_BYTES, 0, NULL, 0, NULL};
    struct bench *self = *state;
    struct mw_heap *heap = mwd_heap_of(self->heap);
    const struct mw_heap_type *type;
    struct mw_global *global;
    MW_SCOPE(scope, heap);

    assert_int_equal(mw_heap_add_type(heap, &info, &type), 0);
    struct mw_ref bytes = mw_heap_new_array(heap, type, 5 * MIB, MW_PLACE_OLD);

    assert_int_equal(mw_global_create(heap, bytes, false, &global), 0);
    assert_int_equal(mwd_heap_set_limit(self->heap, 4 * MIB), -EBUSY);
    assert_int_equal(limit_of(self), 8 * MIB);
    mw_scope_close(&scope);
    mw_global_set(heap, global, mw_ref_none());
    assert_int_equal(mwd_heap_set_limit(self->heap, 4 * MIB), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trace_can_be_switched),
        TEST(limit_goes_down_and_up_to_what_it_was),
        TEST(limit_below_what_is_in_use_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
