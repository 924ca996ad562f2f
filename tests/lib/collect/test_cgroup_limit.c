#include "collect/cgroup_internal.h"
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t mib = UINT64_C(1) << 20;

static const char v2_mounts[] = "32 22 0:27 / /cg rw - cgroup2 cgroup2 rw\n";
static const char v1_mounts[] = "30 26 0:36 / /v1 rw - cgroup cgroup rw,memory\n";

static int parse(const char *string, uint64_t *ret)
{
    struct text text = text_of(string);
    int error = mw_cgroup_limit_parse(mw_scan_over(text.bytes, text.size), ret);

    text_free(&text);
    return error;
}

static void assert_limit(struct beat *beat, uint64_t limit, uint64_t used)
{
    assert_value(beat->block, MW_SYSTEM_CONSTRAINED, limit);
    assert_value(beat->block, MW_SYSTEM_CONSTRAINED_USED, used);
}

static void assert_no_limit(struct beat *beat, enum mw_absence absence)
{
    assert_absent(beat->block, MW_SYSTEM_CONSTRAINED, absence);
    assert_absent(beat->block, MW_SYSTEM_CONSTRAINED_USED, absence);
}

/* A tree with nothing but control groups: meminfo and vmstat are empty, which are two faults. */
static struct tree tree_of_group(const char *cgroup, const char *mounts)
{
    struct tree tree = tree_create();

    tree_write(&tree, "proc/self/cgroup", cgroup);
    tree_write(&tree, "proc/self/mountinfo", mounts);
    tree_write(&tree, "proc/meminfo", "MemTotal: 1024 kB\n");
    tree_write(&tree, "proc/vmstat", "pgfault 1\n");
    return tree;
}

static void group_write(const struct tree *tree, const char *file, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%llu\n", (unsigned long long)value);
    tree_write(tree, file, text);
}

static void numbers_are_limits(void **state)
{
    uint64_t limit;

    (void)state;
    assert_int_equal(parse("536870912\n", &limit), 0);
    assert_int_equal(limit, 536870912);
    assert_int_equal(parse("0\n", &limit), 0);
    assert_int_equal(limit, 0);
}

/* v1 says "none" with the largest number of pages that the kernel counts. */
static void the_largest_number_of_pages_is_no_limit(void **state)
{
    const uint64_t least = (UINT64_C(1) << 63) - 2 * (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t counter_max =
        (uint64_t)LONG_MAX / (uint64_t)sysconf(_SC_PAGESIZE) * (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t none[] = {least, least + 1, counter_max, INT64_MAX, UINT64_MAX};
    uint64_t limit;
    char text[32];

    (void)state;
    snprintf(text, sizeof(text), "%llu\n", (unsigned long long)least - 1);
    assert_int_equal(parse(text, &limit), 0);
    assert_int_equal(limit, least - 1);
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        snprintf(text, sizeof(text), "%llu\n", (unsigned long long)none[i]);
        assert_int_equal(parse(text, &limit), 0);
        assert_true(limit == UINT64_MAX);
    }
    assert_int_equal(parse("max\n", &limit), 0);
    assert_true(limit == UINT64_MAX);
}

static void other_texts_make_no_sense(void **state)
{
    static const char *const texts[] = {"",      "\n",   "max",   "maximum\n", "max\n\n", "12",
                                        "12 \n", "-1\n", "12x\n", " 12\n",     "1\n2\n"};
    uint64_t limit;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(parse(texts[i], &limit), -EINVAL);
    assert_int_equal(parse("18446744073709551616\n", &limit), -ERANGE);
}

static void a_smaller_limit_of_an_ancestor_counts(void **state)
{
    struct beat beat = beat_over_fixture("container");

    (void)state;
    assert_limit(&beat, 536870912, 201326592);
    assert_no_fault(&beat);
    beat_free(&beat);
}

static void a_v1_container_has_its_limit_at_the_mount_point(void **state)
{
    struct beat beat = beat_over_fixture("container_v1");

    (void)state;
    assert_limit(&beat, 268435456, 241172480);
    assert_no_fault(&beat);
    beat_free(&beat);
}

static void without_a_limit_both_are_unsupported(void **state)
{
    static const char *const names[] = {"healthy", "no_swap", "hostile_names", "old_kernel",
                                        "truncated"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct beat beat = beat_over_fixture(names[i]);

        assert_no_limit(&beat, MW_ABSENT_UNSUPPORTED);
        beat_free(&beat);
    }
}

static void memory_high_is_a_limit_too(void **state)
{
    struct tree tree = tree_of_group("0::/a\n", v2_mounts);
    struct beat beat;

    (void)state;
    group_write(&tree, "cg/a/memory.max", 400 * mib);
    group_write(&tree, "cg/a/memory.high", 300 * mib);
    group_write(&tree, "cg/a/memory.current", 100 * mib);
    beat = beat_over(tree.proc);
    assert_limit(&beat, 300 * mib, 100 * mib);
    beat_free(&beat);
    tree_free(&tree);
}

static void both_hierarchies_of_a_hybrid_system_count(void **state)
{
    char mounts[256];
    struct tree tree;
    struct beat beat;

    (void)state;
    snprintf(mounts, sizeof(mounts), "%s%s", v1_mounts, v2_mounts);
    tree = tree_of_group("4:memory:/one\n0::/two\n", mounts);
    group_write(&tree, "v1/one/memory.limit_in_bytes", 500 * mib);
    group_write(&tree, "v1/one/memory.usage_in_bytes", 50 * mib);
    group_write(&tree, "cg/two/memory.max", 600 * mib);
    group_write(&tree, "cg/two/memory.current", 60 * mib);
    beat = beat_over(tree.proc);
    assert_limit(&beat, 500 * mib, 50 * mib);
    group_write(&tree, "v1/one/memory.limit_in_bytes", 700 * mib);
    beat_next(&beat);
    assert_limit(&beat, 600 * mib, 60 * mib);
    beat_free(&beat);
    tree_free(&tree);
}

/* A limit is a file that somebody writes to: it is read each beat, and the usage is always that of
 * the group that sets it now. */
static void a_changed_limit_is_seen_at_the_next_beat(void **state)
{
    struct tree tree = tree_of_group("0::/a/b\n", v2_mounts);
    struct beat beat;

    (void)state;
    tree_write(&tree, "cg/a/memory.max", "max\n");
    tree_write(&tree, "cg/a/b/memory.max", "max\n");
    group_write(&tree, "cg/a/memory.current", 20 * mib);
    group_write(&tree, "cg/a/b/memory.current", 10 * mib);
    beat = beat_over(tree.proc);
    assert_no_limit(&beat, MW_ABSENT_UNSUPPORTED);
    group_write(&tree, "cg/a/memory.max", 200 * mib);
    beat_next(&beat);
    assert_limit(&beat, 200 * mib, 20 * mib);
    group_write(&tree, "cg/a/b/memory.max", 200 * mib); /* of equal ones the lower group */
    beat_next(&beat);
    assert_limit(&beat, 200 * mib, 10 * mib);
    group_write(&tree, "cg/a/b/memory.max", 201 * mib);
    group_write(&tree, "cg/a/memory.current", 21 * mib);
    beat_next(&beat);
    assert_limit(&beat, 200 * mib, 21 * mib);
    tree_write(&tree, "cg/a/memory.max", "max\n");
    tree_write(&tree, "cg/a/b/memory.max", "max\n");
    beat_next(&beat);
    assert_no_limit(&beat, MW_ABSENT_UNSUPPORTED);
    assert_no_fault(&beat);
    beat_free(&beat);
    tree_free(&tree);
}

/* With one limit unknown the smallest is unknown. */
static void a_limit_that_makes_no_sense_leaves_it_stale(void **state)
{
    struct tree tree = tree_of_group("0::/a\n", v2_mounts);
    struct beat beat;

    (void)state;
    group_write(&tree, "cg/memory.max", 200 * mib);
    group_write(&tree, "cg/memory.current", 20 * mib);
    tree_write(&tree, "cg/a/memory.max", "lots\n");
    beat = beat_over(tree.proc);
    assert_no_limit(&beat, MW_ABSENT_STALE);
    assert_fault(&beat, "memory.max", -EINVAL);
    tree_write(&tree, "cg/a/memory.max", "99999999999999999999999999999999999999999999999\n");
    beat_next(&beat);
    assert_no_limit(&beat, MW_ABSENT_STALE);
    tree_write(&tree, "cg/a/memory.max", "9007199254740992\n"); /* matters only when it counts */
    beat_next(&beat);
    assert_limit(&beat, 200 * mib, 20 * mib);
    tree_write(&tree, "cg/memory.max", "max\n");
    beat_next(&beat);
    assert_no_limit(&beat, MW_ABSENT_STALE);
    assert_fault(&beat, "memory.max", -ERANGE);
    group_write(&tree, "cg/memory.max", 200 * mib);
    tree_write(&tree, "cg/a/memory.max", "max\n");
    beat_next(&beat);
    assert_limit(&beat, 200 * mib, 20 * mib);
    assert_no_fault(&beat);
    beat_free(&beat);
    tree_free(&tree);
}

static void a_usage_that_is_missing_leaves_the_limit(void **state)
{
    struct tree tree = tree_of_group("0::/a\n", v2_mounts);
    struct beat beat;

    (void)state;
    group_write(&tree, "cg/a/memory.max", 200 * mib);
    beat = beat_over(tree.proc);
    assert_value(beat.block, MW_SYSTEM_CONSTRAINED, 200 * mib);
    assert_absent(beat.block, MW_SYSTEM_CONSTRAINED_USED, MW_ABSENT_UNSUPPORTED);
    assert_fault(&beat, "memory.current", -ENOENT);
    group_write(&tree, "cg/a/memory.current", 20 * mib);
    beat_next(&beat);
    assert_limit(&beat, 200 * mib, 20 * mib);
    tree_write(&tree, "cg/a/memory.current", "max\n");
    beat_next(&beat);
    assert_absent(beat.block, MW_SYSTEM_CONSTRAINED_USED, MW_ABSENT_STALE);
    assert_fault(&beat, "memory.current", -EINVAL);
    group_write(&tree, "cg/a/memory.current", MW_READING_MAX + 1);
    beat_next(&beat);
    assert_absent(beat.block, MW_SYSTEM_CONSTRAINED_USED, MW_ABSENT_STALE);
    assert_fault(&beat, "memory.current", -ERANGE);
    beat_free(&beat);
    tree_free(&tree);
}

/* What cannot be opened is told once and tried again when the place is looked up again. */
static void a_refused_limit_is_denied(void **state)
{
    struct tree tree = tree_of_group("0::/a\n", v2_mounts);
    bool root = geteuid() == 0;
    char path[128];
    struct beat beat;

    (void)state;
    group_write(&tree, "cg/memory.max", 200 * mib);
    group_write(&tree, "cg/memory.current", 20 * mib);
    group_write(&tree, "cg/a/memory.high", 100 * mib);
    snprintf(path, sizeof(path), "%s/cg/memory.max", tree.path);
    assert_int_equal(chmod(path, 0), 0);
    assert_true(!root || seteuid(65534) == 0);
    beat = beat_over(tree.proc);
    assert_true(!root || seteuid(0) == 0);
    assert_no_limit(&beat, MW_ABSENT_DENIED);
    assert_fault(&beat, "cgroup", -EACCES);
    assert_int_equal(chmod(path, 0644), 0);
    for (int i = 1; i < MW_CGROUP_FIND_BEATS; i++) {
        beat_next(&beat);
        assert_no_limit(&beat, MW_ABSENT_DENIED);
    }
    assert_int_equal(beat.collector->faults.total, 1);
    group_write(&tree, "cg/a/memory.current", 10 * mib);
    beat_next(&beat);
    assert_limit(&beat, 100 * mib, 10 * mib);
    beat_free(&beat);
    tree_free(&tree);
}

static void a_kernel_without_control_groups_is_no_fault(void **state)
{
    struct tree tree = tree_of_group("0::/a\n", v2_mounts);
    struct beat beat;

    (void)state;
    tree_remove(&tree, "proc/self/cgroup");
    beat = beat_over(tree.proc);
    assert_no_limit(&beat, MW_ABSENT_UNSUPPORTED);
    assert_no_fault(&beat);
    beat_free(&beat);
    tree_write(&tree, "proc/self/cgroup", "0::/a\n");
    tree_remove(&tree, "proc/self/mountinfo");
    beat = beat_over(tree.proc);
    assert_no_limit(&beat, MW_ABSENT_UNSUPPORTED);
    assert_fault(&beat, "/proc/self/mountinfo", -ENOENT);
    beat_free(&beat);
    tree_free(&tree);
}

static void a_move_to_another_group_is_seen_after_60_beats(void **state)
{
    struct tree tree = tree_of_group("0::/a\n", v2_mounts);
    struct beat beat;

    (void)state;
    group_write(&tree, "cg/a/memory.max", 200 * mib);
    group_write(&tree, "cg/a/memory.current", 20 * mib);
    group_write(&tree, "cg/b/memory.max", 300 * mib);
    group_write(&tree, "cg/b/memory.current", 30 * mib);
    beat = beat_over(tree.proc);
    tree_write(&tree, "proc/self/cgroup", "0::/b\n");
    for (int i = 1; i < MW_CGROUP_FIND_BEATS; i++) {
        beat_next(&beat);
        assert_limit(&beat, 200 * mib, 20 * mib);
    }
    beat_next(&beat);
    assert_limit(&beat, 300 * mib, 30 * mib);
    beat_free(&beat);
    tree_free(&tree);
}

/* `depth` groups above the own one, the mount point is the last of them and alone has a limit. */
static struct tree tree_of_depth(int depth)
{
    static const char deep[] = "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z"
                               "/A/B/C/D/E/F/G/H/I/J/K/L/M/N/O/P/Q/R/S/T/U/V/W/X/Y/Z";
    char cgroup[256];
    struct tree tree;

    snprintf(cgroup, sizeof(cgroup), "0::%.*s\n", 2 * depth, deep);
    tree = tree_of_group(cgroup, v2_mounts);
    group_write(&tree, "cg/memory.max", 200 * mib);
    group_write(&tree, "cg/memory.current", 20 * mib);
    return tree;
}

static void as_many_ancestors_as_stated_are_looked_at(void **state)
{
    (void)state;
    for (int depth = MW_CGROUP_ANCESTORS_MAX - 1; depth <= MW_CGROUP_ANCESTORS_MAX + 1; depth++) {
        struct tree tree = tree_of_depth(depth);
        struct beat beat = beat_over(tree.proc);

        if (depth <= MW_CGROUP_ANCESTORS_MAX) {
            assert_limit(&beat, 200 * mib, 20 * mib);
        } else {
            assert_no_limit(&beat, MW_ABSENT_UNSUPPORTED);
            assert_fault(&beat, "cgroup", -E2BIG);
        }
        assert_no_fault(&beat);
        beat_free(&beat);
        tree_free(&tree);
    }
}

static int open_files(void)
{
    int count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void no_descriptor_is_left_behind(void **state)
{
    const int before = open_files();
    struct beat beat = beat_over_fixture("container");
    const int during = open_files();

    (void)state;
    for (int i = 0; i < 2 * MW_CGROUP_FIND_BEATS + 1; i++)
        beat_next(&beat);
    assert_int_equal(open_files(), during);
    beat_free(&beat);
    assert_int_equal(open_files(), before);
}

/* ---- a real group of this kernel ---- */

struct live {
    char parent[PATH_MAX], group[PATH_MAX + 32];
    const char *limit, *usage;
};

static bool write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX + 64];
    int fd;
    bool done;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY);
    done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return done;
}

/* Makes a group below the own one that limits memory. False where this may not be done. */
static bool live_create(struct live *self)
{
    struct text cgroup = text_of_file("/proc/self/cgroup");
    struct text mountinfo = text_of_file("/proc/self/mountinfo");
    struct mw_cgroup_texts texts = {mw_scan_over(cgroup.bytes, cgroup.size),
                                    mw_scan_over(mountinfo.bytes, mountinfo.size),
                                    mw_scan_over("", 0)};
    struct mw_cgroup_place place;
    bool v1 = mw_cgroup_place_find(&texts, MW_CGROUP_V1, &place) == 0;
    bool found = v1 || mw_cgroup_place_find(&texts, MW_CGROUP_V2, &place) == 0;

    text_free(&cgroup);
    text_free(&mountinfo);
    if (!found || place.size >= PATH_MAX)
        return false;
    memcpy(self->parent, place.dir, place.size);
    self->parent[place.size] = 0;
    snprintf(self->group, sizeof(self->group), "%s/mw-test-%d", self->parent, (int)getpid());
    self->limit = v1 ? "memory.limit_in_bytes" : "memory.max";
    return mkdir(self->group, 0755) == 0 && write_file(self->group, self->limit, "268435456");
}

/* In a process of its own, which ends with 0 when everything was as it should be, and with the line
 * of the first thing that was not. */
static void live_in_the_group(const struct live *self)
{
    const struct mw_collect_options options = {
        .proc_root = "/proc", .keep_fds = 8, .status_interval_s = 60, .clock = mw_clock_system()};
    struct mw_collector *collector = NULL;
    struct mw_block *block = NULL;
    union mw_value limit = {0}, used = {0};
    enum mw_absence absence;

    if (!write_file(self->group, "cgroup.procs", "0") ||
        mw_collector_create(&options, &collector) || mw_collector_read_system(collector, &block))
        _exit(1);
    if (mw_block_get(block, MW_SYSTEM_CONSTRAINED, 0, &limit) || limit.u != 268435456 ||
        mw_block_get(block, MW_SYSTEM_CONSTRAINED_USED, 0, &used) || used.u > limit.u)
        _exit(2);
    block = mw_block_unref(block);
    if (!write_file(self->parent, "cgroup.procs", "0") || rmdir(self->group) ||
        mw_collector_read_system(collector, &block))
        _exit(3);
    absence = mw_block_get(block, MW_SYSTEM_CONSTRAINED, 0, &limit);
    if (absence != MW_ABSENT_UNSUPPORTED && (absence != MW_PRESENT || limit.u == 268435456))
        _exit(4); /* neither the limit of a group that is no more nor its loss: the parent's */
    mw_block_unref(block);
    mw_collector_destroy(collector);
    _exit(0);
}

static void follows_a_real_group_through_limit_and_removal(void **state)
{
    struct live live;
    int status = 0;
    pid_t pid;

    (void)state;
    if (!live_create(&live)) {
        print_message("no memory group may be made here: not checked on this machine\n");
        rmdir(live.group);
        skip();
    }
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        live_in_the_group(&live);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    rmdir(live.group);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_limits),
        cmocka_unit_test(the_largest_number_of_pages_is_no_limit),
        cmocka_unit_test(other_texts_make_no_sense),
        cmocka_unit_test(a_smaller_limit_of_an_ancestor_counts),
        cmocka_unit_test(a_v1_container_has_its_limit_at_the_mount_point),
        cmocka_unit_test(without_a_limit_both_are_unsupported),
        cmocka_unit_test(memory_high_is_a_limit_too),
        cmocka_unit_test(both_hierarchies_of_a_hybrid_system_count),
        cmocka_unit_test(a_changed_limit_is_seen_at_the_next_beat),
        cmocka_unit_test(a_limit_that_makes_no_sense_leaves_it_stale),
        cmocka_unit_test(a_usage_that_is_missing_leaves_the_limit),
        cmocka_unit_test(a_refused_limit_is_denied),
        cmocka_unit_test(a_kernel_without_control_groups_is_no_fault),
        cmocka_unit_test(a_move_to_another_group_is_seen_after_60_beats),
        cmocka_unit_test(as_many_ancestors_as_stated_are_looked_at),
        cmocka_unit_test(no_descriptor_is_left_behind),
        cmocka_unit_test(follows_a_real_group_through_limit_and_removal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
