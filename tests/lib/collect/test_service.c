/* Named control groups as rows: what is there is read, what is not says why. */
#include "tests/lib/collect/service_support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void set(struct mw_collector *collector, const char *first, const char *second)
{
    const char *paths[] = {first, second};

    assert_int_equal(mw_collector_set_services(collector, paths, second ? 2 : 1), 0);
}

static void assert_no_fault_in(struct mw_collector *collector)
{
    struct mw_fault fault;

    assert_false(mw_collector_next_fault(collector, &fault));
}

/* The same numbers by the same keys, whatever the hierarchy calls them. */
static void both_versions_are_read(void **state)
{
    (void)state;
    for (int v1 = 0; v1 < 2; v1++) {
        struct tree tree = tree_of_groups(v1);
        struct mw_collector *collector = collector_over(&tree, false);

        group_fill(&tree, "a.slice/b.service", v1);
        set(collector, "/a.slice/b.service", NULL);
        struct mw_block *block = services_of(collector);

        assert_int_equal(mw_block_head(block)->rows, 1);
        assert_int_equal(mw_block_keys(block)[0].id, mw_service_id("a.slice/b.service"));
        assert_row(block, 0, MW_SERVICE_MEMORY, 4096);
        assert_row(block, 0, MW_SERVICE_LIMIT, 8192);
        assert_row(block, 0, MW_SERVICE_PEAK, 5000);
        assert_row(block, 0, MW_SERVICE_SWAP, 50);
        assert_row(block, 0, MW_SERVICE_ANON, 40);
        assert_row(block, 0, MW_SERVICE_FILE, 30);
        assert_row(block, 0, MW_SERVICE_OOM_KILLS, 2);
        assert_row(block, 0, MW_SERVICE_LIMIT_HITS, 7);
        assert_row_absent(block, 0, MW_SERVICE_HIGH, MW_ABSENT_UNSUPPORTED);
        if (v1) {
            assert_row_absent(block, 0, MW_SERVICE_HIGH_HITS, MW_ABSENT_UNSUPPORTED);
        } else {
            assert_row(block, 0, MW_SERVICE_LOW_HITS, 4);
            assert_row(block, 0, MW_SERVICE_HIGH_HITS, 5);
        }
        assert_no_fault_in(collector);
        mw_block_unref(block);
        mw_collector_destroy(collector);
        tree_free(&tree);
    }
}

/* Whoever plays a recording has no configuration: names come with the first block, and now and then
 * again, for who has missed it. */
static void names_are_told_now_and_then(void **state)
{
    struct tree tree = tree_of_groups(true);
    struct mw_collector *collector = collector_over(&tree, false);
    unsigned told = 0;

    (void)state;
    set(collector, "a.slice/b", "c\xff");
    for (int beat = 0; beat < 100; beat++) {
        struct mw_block *block = services_of(collector);
        const struct mw_block_event *event = mw_block_events(block);
        uint32_t events = mw_block_head(block)->events;

        assert_true(events == 1 || (events == 0 && beat > 0));
        told += events;
        if (events == 1) {
            assert_int_equal(event->type, MW_EVENT_NAME);
            assert_int_equal(event->key.id, mw_service_id("/a.slice/b"));
            assert_int_equal(event->text_size, 10);
            assert_memory_equal(mw_block_text(block) + event->text_offset, "/a.slice/b", 10);
        }
        mw_block_unref(block);
    }
    assert_int_equal(told, 2);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

/* No limit is not a limit of 2^63. */
static void without_a_limit_there_is_none(void **state)
{
    struct tree tree = tree_of_groups(true);
    struct mw_collector *collector = collector_over(&tree, false);

    (void)state;
    group_fill(&tree, "a", true);
    group_put(&tree, "a", "memory.limit_in_bytes", "9223372036854771712\n");
    set(collector, "a", NULL);
    struct mw_block *block = services_of(collector);

    assert_row_absent(block, 0, MW_SERVICE_LIMIT, MW_ABSENT_UNSUPPORTED);
    assert_row(block, 0, MW_SERVICE_MEMORY, 4096);
    mw_block_unref(block);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

/* A service that stops and starts is the same one, and is no fault while it is not there. */
static void a_group_comes_and_goes(void **state)
{
    struct tree tree = tree_of_groups(false);
    struct mw_collector *collector = collector_over(&tree, false);
    struct mw_block *block;

    (void)state;
    set(collector, "x.service", "y.service");
    group_fill(&tree, "y.service", false);
    block = services_of(collector);
    assert_row_all_absent(block, 0, MW_ABSENT_VANISHED);
    assert_row(block, 1, MW_SERVICE_MEMORY, 4096);
    mw_block_unref(block);
    group_fill(&tree, "x.service", false);
    group_remove(&tree, "y.service");
    block = services_of(collector);
    assert_row(block, 0, MW_SERVICE_MEMORY, 4096);
    assert_row_all_absent(block, 1, MW_ABSENT_VANISHED);
    assert_int_equal(mw_block_keys(block)[1].id, mw_service_id("/y.service"));
    mw_block_unref(block);
    assert_no_fault_in(collector);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

/* One file that makes no sense takes only its own readings away, and is told. */
static void a_bad_file_is_a_fault_and_stale(void **state)
{
    struct tree tree = tree_of_groups(false);
    struct mw_collector *collector = collector_over(&tree, false);
    struct mw_fault fault;

    (void)state;
    group_fill(&tree, "a", false);
    group_put(&tree, "a", "memory.current", "12x\n");
    group_put(&tree, "a", "memory.stat", "anon 99999999999999999999\nfile 30\n");
    set(collector, "a", NULL);
    struct mw_block *block = services_of(collector);

    assert_row_absent(block, 0, MW_SERVICE_MEMORY, MW_ABSENT_STALE);
    assert_row_absent(block, 0, MW_SERVICE_ANON, MW_ABSENT_STALE);
    assert_row(block, 0, MW_SERVICE_FILE, 30);
    assert_row(block, 0, MW_SERVICE_LIMIT, 8192);
    assert_true(mw_collector_next_fault(collector, &fault));
    assert_string_equal(fault.file, "memory.current");
    assert_int_equal(fault.error, -EINVAL);
    assert_true(mw_collector_next_fault(collector, &fault));
    assert_string_equal(fault.file, "memory.stat");
    mw_block_unref(block);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

/* Without a controller of memory a group is not gone: this system has no such numbers. */
static void without_a_hierarchy_it_is_unsupported(void **state)
{
    struct tree tree = tree_of_groups(false);
    struct mw_collector *collector = collector_over(&tree, false);
    struct mw_block *block;

    (void)state;
    tree_write(&tree, "proc/self/mountinfo", "22 1 0:5 / /proc rw - proc proc rw\n");
    set(collector, "a", NULL);
    block = services_of(collector);
    assert_row_all_absent(block, 0, MW_ABSENT_UNSUPPORTED);
    mw_block_unref(block);
    tree_remove(&tree, "proc/self/cgroup");
    set(collector, "a", NULL);
    block = services_of(collector);
    assert_row_all_absent(block, 0, MW_ABSENT_UNSUPPORTED);
    mw_block_unref(block);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

/* In a container only a part of the hierarchy is mounted: the path is that of the outside, and what
 * lies elsewhere is not taken for the mount point. */
static void a_part_that_is_mounted_is_found(void **state)
{
    struct tree tree = tree_of_groups(false);
    struct mw_collector *collector = collector_over(&tree, false);
    struct mw_block *block;

    (void)state;
    tree_write(&tree, "proc/self/mountinfo", "32 22 0:27 /box /cg rw - cgroup2 cgroup2 rw\n");
    group_fill(&tree, "x.service", false);
    group_put(&tree, ".", "memory.current", "1\n");
    set(collector, "/box/x.service", "/other/x.service");
    block = services_of(collector);
    assert_row(block, 0, MW_SERVICE_MEMORY, 4096);
    assert_row_all_absent(block, 1, MW_ABSENT_VANISHED);
    mw_block_unref(block);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

static void a_group_that_is_closed_is_denied(void **state)
{
    struct tree tree = tree_of_groups(false);
    struct mw_collector *collector = collector_over(&tree, false);
    char path[128];

    (void)state;
    group_fill(&tree, "a/b", false);
    set(collector, "a/b", NULL);
    snprintf(path, sizeof path, "%s/cg/a", tree.path);
    assert_int_equal(chmod(path, 0), 0);
    bool root = geteuid() == 0; /* whom no mode keeps out */
    if (root)
        assert_int_equal(seteuid(65534), 0);
    struct mw_block *block = services_of(collector);

    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(path, 0700), 0);
    assert_row_all_absent(block, 0, MW_ABSENT_DENIED);
    mw_block_unref(block);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

static void too_many_or_too_long_ones_are_refused(void **state)
{
    struct tree tree = tree_of_groups(false);
    struct mw_collector *collector = collector_over(&tree, false);
    const char *many[MW_SERVICES_MAX + 1];
    char names[MW_SERVICES_MAX + 1][8], longest[MW_SERVICE_PATH_MAX + 1];
    const char *paths[] = {longest};
    struct mw_block *block;

    (void)state;
    for (int i = 0; i <= MW_SERVICES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        many[i] = names[i];
    }
    assert_int_equal(mw_collector_set_services(collector, many, MW_SERVICES_MAX - 1), 0);
    assert_int_equal(mw_collector_set_services(collector, many, MW_SERVICES_MAX), 0);
    assert_int_equal(mw_collector_set_services(collector, many, MW_SERVICES_MAX + 1), -E2BIG);
    memset(longest, 'x', sizeof longest);
    longest[MW_SERVICE_PATH_MAX] = '\0';
    assert_int_equal(mw_collector_set_services(collector, paths, 1), -ENAMETOOLONG);
    block = services_of(collector);
    assert_int_equal(mw_block_head(block)->live, MW_SERVICES_MAX); /* those of before stay */
    mw_block_unref(block);
    longest[MW_SERVICE_PATH_MAX - 1] = '\0';
    assert_int_equal(mw_collector_set_services(collector, paths, 1), 0);
    block = services_of(collector);
    assert_int_equal(mw_block_head(block)->live, 1);
    mw_block_unref(block);
    assert_int_equal(mw_collector_set_services(collector, NULL, 0), 0);
    block = services_of(collector);
    assert_int_equal(mw_block_head(block)->rows, 0);
    mw_block_unref(block);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

static void an_id_is_that_of_the_path(void **state)
{
    (void)state;
    assert_int_equal(mw_service_id("a/b"), mw_service_id("//a/b"));
    assert_int_not_equal(mw_service_id("a/b"), mw_service_id("a/c"));
    assert_int_not_equal(mw_service_id(""), 0);
    /* FNV-1a of "a", as its authors publish it: the id is the same in every build. */
    assert_true(mw_service_id("/a") == UINT64_C(0xaf63dc4c8601ec8c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_are_read),
        cmocka_unit_test(names_are_told_now_and_then),
        cmocka_unit_test(without_a_limit_there_is_none),
        cmocka_unit_test(a_group_comes_and_goes),
        cmocka_unit_test(a_bad_file_is_a_fault_and_stale),
        cmocka_unit_test(without_a_hierarchy_it_is_unsupported),
        cmocka_unit_test(a_part_that_is_mounted_is_found),
        cmocka_unit_test(a_group_that_is_closed_is_denied),
        cmocka_unit_test(too_many_or_too_long_ones_are_refused),
        cmocka_unit_test(an_id_is_that_of_the_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
