/* Events of the kernel: what happens to a group makes the descriptor readable, and is then read
 * without touching the others. What needs a real cgroup or proc is in the scenario tests. */
#include "tests/lib/collect/service_support.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SERVICE = 1 << MW_SOURCE_SERVICE, SYSTEM = 1 << MW_SOURCE_SYSTEM };

static const char *const two[] = {"a", "b"};

struct watched {
    struct tree tree;
    struct mw_collector *collector;
};

static struct watched watch_two(void)
{
    struct watched self = {.tree = tree_of_groups(false)};

    group_fill(&self.tree, "a", false);
    group_fill(&self.tree, "b", false);
    self.collector = collector_over(&self.tree, true);
    assert_int_equal(mw_collector_set_services(self.collector, two, 2), 0);
    mw_block_unref(services_of(self.collector));
    return self;
}

static void end(struct watched *self)
{
    mw_collector_destroy(self->collector);
    tree_free(&self->tree);
}

static bool is_ready(const struct watched *self)
{
    struct pollfd fd = {mw_collector_event_fd(self->collector), POLLIN, 0};

    assert_true(fd.fd >= 0);
    return poll(&fd, 1, 0) == 1;
}

static struct mw_block *read_again(struct watched *self)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_collector_read_services_again(self->collector, &block), 0);
    return block;
}

static void an_event_is_told_and_its_group_is_read(void **state)
{
    struct watched self = watch_two();

    (void)state;
    assert_false(is_ready(&self));
    group_put(&self.tree, "a", "memory.current", "1\n");
    group_put(&self.tree, "b", "memory.current", "2\n");
    group_put(&self.tree, "b", "memory.events", "low 0\nhigh 0\nmax 8\noom 0\noom_kill 0\n");
    assert_true(is_ready(&self));
    assert_int_equal(mw_collector_on_event(self.collector), SERVICE | SYSTEM);
    assert_false(is_ready(&self));
    struct mw_block *block = read_again(&self);

    assert_row(block, 0, MW_SERVICE_MEMORY, 4096); /* as it was */
    assert_row(block, 1, MW_SERVICE_MEMORY, 2);
    assert_row(block, 1, MW_SERVICE_LIMIT_HITS, 8);
    mw_block_unref(block);
    block = services_of(self.collector);
    assert_row(block, 0, MW_SERVICE_MEMORY, 1);
    mw_block_unref(block);
    end(&self);
}

static void a_group_made_anew_is_watched_again(void **state)
{
    struct watched self = watch_two();

    (void)state;
    group_remove(&self.tree, "a");
    mw_collector_on_event(self.collector);
    struct mw_block *block = read_again(&self);

    assert_row_all_absent(block, 0, MW_ABSENT_VANISHED);
    mw_block_unref(block);
    group_fill(&self.tree, "a", false);
    mw_block_unref(services_of(self.collector));
    mw_collector_on_event(self.collector);
    assert_false(is_ready(&self));
    group_put(&self.tree, "a", "memory.events", "low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\n");
    assert_true(is_ready(&self));
    assert_true(mw_collector_on_event(self.collector) & SERVICE);
    block = read_again(&self);
    assert_row(block, 0, MW_SERVICE_LIMIT_HITS, 9);
    mw_block_unref(block);
    end(&self);
}

static void those_of_before_are_watched_no_more(void **state)
{
    struct watched self = watch_two();

    (void)state;
    assert_int_equal(mw_collector_set_services(self.collector, two, 1), 0);
    mw_block_unref(services_of(self.collector));
    mw_collector_on_event(self.collector);
    group_put(&self.tree, "b", "memory.events", "max 8\n");
    assert_false(is_ready(&self));
    end(&self);
}

/* The limit of the own group: an event is about the machine's readings. */
static void the_own_limit_is_watched(void **state)
{
    struct watched self = watch_two();
    struct mw_block *block = NULL;

    (void)state;
    mw_collector_destroy(self.collector);
    tree_write(&self.tree, "proc/self/cgroup", "0::/a\n");
    self.collector = collector_over(&self.tree, true);
    assert_int_equal(mw_collector_read_system(self.collector, &block), 0);
    mw_block_unref(block);
    assert_false(is_ready(&self));
    group_put(&self.tree, "a", "memory.events", "max 8\n");
    assert_true(is_ready(&self));
    assert_int_equal(mw_collector_on_event(self.collector), SYSTEM);
    end(&self);
}

/* Nothing is written into a tree that only looks like proc or a cgroup file system. */
static void files_that_are_not_the_kernels_are_left_alone(void **state)
{
    struct tree tree = tree_of_groups(true);
    const char *names[] = {"proc/pressure/memory", "cg/a/cgroup.event_control"};

    (void)state;
    group_fill(&tree, "a", true);
    group_put(&tree, "a", "cgroup.event_control", "untouched\n");
    struct mw_collector *collector = collector_over(&tree, true);

    assert_int_equal(mw_collector_set_services(collector, two, 1), 0);
    mw_block_unref(services_of(collector));
    for (int i = 0; i < 2; i++) {
        char path[128];

        snprintf(path, sizeof path, "%s/%s", tree.path, names[i]);
        struct text text = text_of_file(path);

        assert_memory_equal(text.bytes, i ? "untouched" : "some avg1", 9);
        text_free(&text);
    }
    struct mw_fault fault;

    assert_false(mw_collector_next_fault(collector, &fault));
    mw_collector_destroy(collector);
    tree_free(&tree);
}

static void without_watching_there_is_no_descriptor(void **state)
{
    struct tree tree = tree_of_groups(false);
    struct mw_collector *collector = collector_over(&tree, false);

    (void)state;
    assert_int_equal(mw_collector_event_fd(collector), -1);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

/* This machine's kernel: either it takes the triggers, or it is said once that it does not. */
static void pressure_is_watched_or_it_is_said(void **state)
{
    const struct mw_collect_options options = {"/proc", 0, 60, mw_clock_system(), true};
    struct mw_collector *collector = NULL;
    struct mw_fault fault;

    (void)state;
    assert_int_equal(mw_collector_create(&options, &collector), 0);
    while (mw_collector_next_fault(collector, &fault)) {
        assert_string_equal(fault.file, "/proc/pressure/memory");
        assert_true(fault.only_late);
        assert_true(fault.error == -EACCES || fault.error == -EPERM || fault.error == -EINVAL ||
                    fault.error == -EROFS);
    }
    mw_collector_destroy(collector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_told_and_its_group_is_read),
        cmocka_unit_test(a_group_made_anew_is_watched_again),
        cmocka_unit_test(those_of_before_are_watched_no_more),
        cmocka_unit_test(the_own_limit_is_watched),
        cmocka_unit_test(files_that_are_not_the_kernels_are_left_alone),
        cmocka_unit_test(without_watching_there_is_no_descriptor),
        cmocka_unit_test(pressure_is_watched_or_it_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
