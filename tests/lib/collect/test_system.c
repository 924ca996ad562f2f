#include "collect/system_internal.h"
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static const char meminfo[] = "/proc/meminfo";
static const char vmstat[] = "/proc/vmstat";
static const char pressure[] = "/proc/pressure/memory";

/* A machine that has the two files that every kernel has. */
static struct tree small_tree(void)
{
    struct tree tree = tree_create();

    tree_write(&tree, "proc/meminfo", "MemTotal: 1024 kB\nMemFree: 512 kB\n");
    tree_write(&tree, "proc/vmstat", "pgfault 1\n");
    return tree;
}

static unsigned present(const struct beat *beat, const char *file)
{
    return count_present(beat->block, file, MW_ABSENT_UNSUPPORTED);
}

static void every_fixture_gives_one_whole_block(void **state)
{
    static const struct {
        const char *name;
        unsigned meminfo, vmstat, pressure;
    } cases[] = {{"healthy", 54, 74, 8},       {"no_swap", 54, 74, 8},
                 {"hostile_names", 54, 74, 8}, {"container", 54, 74, 8},
                 {"container_v1", 54, 74, 8},  {"old_kernel", 43, 37, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct beat beat = beat_over_fixture(cases[i].name);
        const struct mw_block_head *head = mw_block_head(beat.block);

        assert_int_equal(present(&beat, meminfo), cases[i].meminfo);
        assert_int_equal(present(&beat, vmstat), cases[i].vmstat);
        assert_int_equal(present(&beat, pressure), cases[i].pressure);
        assert_int_equal(head->source, MW_SOURCE_SYSTEM);
        assert_int_equal(head->live, 1);
        assert_int_equal(mw_block_keys(beat.block)[0].id, 1);
        assert_int_equal(mw_block_keys(beat.block)[0].birth, 0);
        assert_no_fault(&beat);
        beat_free(&beat);
    }
}

static void a_machine_whose_sources_lie_shows_the_rest(void **state)
{
    struct beat beat = beat_over_fixture("truncated");

    (void)state;
    assert_value(beat.block, MW_SYSTEM_MEM_TOTAL, UINT64_C(8131204) * 1024);
    assert_absent(beat.block, MW_SYSTEM_MEM_FREE, MW_ABSENT_STALE);
    assert_value(beat.block, MW_SYSTEM_PGFREE, 95012441);
    assert_share(beat.block, MW_SYSTEM_PRESSURE_SOME_AVG10, 0.12);
    assert_fault(&beat, meminfo, -EINVAL);
    assert_fault(&beat, vmstat, -ERANGE);
    assert_fault(&beat, pressure, -ERANGE);
    assert_no_fault(&beat);
    beat_free(&beat);
}

static void a_missing_file_takes_only_its_own_readings(void **state)
{
    struct tree tree = small_tree();
    struct beat beat;

    (void)state;
    tree_remove(&tree, "proc/vmstat");
    beat = beat_over(tree.proc);
    assert_int_equal(present(&beat, meminfo), 2);
    assert_int_equal(present(&beat, vmstat), 0);
    assert_fault(&beat, vmstat, -ENOENT);
    assert_no_fault(&beat); /* a kernel may have been built without pressure */
    beat_next(&beat);
    assert_no_fault(&beat); /* said once */
    tree_write(&tree, "proc/vmstat", "pgfault 9\n");
    tree_write(&tree, "proc/pressure/memory", "some avg10=1.00 total=2\n");
    beat_next(&beat);
    assert_value(beat.block, MW_SYSTEM_PGFAULT, 9);
    assert_share(beat.block, MW_SYSTEM_PRESSURE_SOME_AVG10, 1.0);
    assert_no_fault(&beat);
    beat_free(&beat);
    tree_free(&tree);
}

static void a_refused_file_is_denied(void **state)
{
    struct tree tree = small_tree();
    char path[128];
    struct beat beat;
    bool root = geteuid() == 0;

    (void)state;
    snprintf(path, sizeof(path), "%s/meminfo", tree.proc);
    assert_int_equal(chmod(path, 0), 0);
    assert_true(!root || seteuid(65534) == 0);
    beat = beat_over(tree.proc);
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(count_present(beat.block, meminfo, MW_ABSENT_DENIED), 0);
    assert_value(beat.block, MW_SYSTEM_PGFAULT, 1);
    assert_fault(&beat, meminfo, -EACCES);
    beat_free(&beat);
    tree_free(&tree);
}

/* A descriptor that can be opened and not read at an offset: the next beat opens the file anew. */
static void a_file_that_cannot_be_read_is_opened_again(void **state)
{
    struct tree tree = small_tree();
    char path[128];
    struct beat beat;

    (void)state;
    snprintf(path, sizeof(path), "%s/meminfo", tree.proc);
    tree_remove(&tree, "proc/meminfo");
    assert_int_equal(mkdir(path, 0755), 0);
    beat = beat_over(tree.proc);
    assert_int_equal(count_present(beat.block, meminfo, MW_ABSENT_STALE), 0);
    assert_fault(&beat, meminfo, -EISDIR);
    tree_remove(&tree, "proc/meminfo");
    tree_write(&tree, "proc/meminfo", "MemTotal: 2048 kB\n");
    beat_next(&beat);
    assert_value(beat.block, MW_SYSTEM_MEM_TOTAL, UINT64_C(2048) * 1024);
    beat_free(&beat);
    tree_free(&tree);
}

static void a_pipe_in_the_place_of_a_file_is_not_waited_for(void **state)
{
    static const char *const names[] = {"meminfo", "self/cgroup"};
    struct tree tree = small_tree();
    char path[128];
    struct beat beat;

    (void)state;
    tree_write(&tree, "proc/self/cgroup", "0::/\n");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", tree.proc, names[i]);
        assert_int_equal(remove(path), 0);
        assert_int_equal(mkfifo(path, 0644), 0);
    }
    beat = beat_over(tree.proc);
    assert_int_equal(count_present(beat.block, meminfo, MW_ABSENT_STALE), 0);
    assert_absent(beat.block, MW_SYSTEM_CONSTRAINED, MW_ABSENT_STALE);
    beat_free(&beat);
    tree_free(&tree);
}

/* Names of one length, then a line that counts only when the whole text was read. */
static void write_meminfo_of_size(const struct tree *tree, size_t size)
{
    static const char line[] = "Filler: 000000 kB\n", last[] = "MemTotal: 1024 kB\n";
    const size_t line_size = sizeof(line) - 1, last_size = sizeof(last) - 1;
    char *text = malloc(size);

    assert_non_null(text);
    memset(text, '\n', size);
    for (size_t at = 0; at + line_size + last_size <= size; at += line_size)
        memcpy(text + at, line, line_size);
    memcpy(text + size - last_size, last, last_size);
    tree_write_bytes(tree, "proc/meminfo", text, size);
    free(text);
}

static void a_text_of_any_size_up_to_the_limit_is_read_whole(void **state)
{
    static const size_t sizes[] = {
        MW_TEXT_START - 1, MW_TEXT_START, MW_TEXT_START + 1, (size_t)5 * MW_TEXT_START,
        MW_TEXT_MAX - 1,   MW_TEXT_MAX,   MW_TEXT_MAX + 1};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct tree tree = small_tree();
        struct beat beat;

        write_meminfo_of_size(&tree, sizes[i]);
        beat = beat_over(tree.proc);
        if (sizes[i] < MW_TEXT_MAX) { /* a full buffer does not show the end of the text */
            assert_value(beat.block, MW_SYSTEM_MEM_TOTAL, UINT64_C(1024) * 1024);
        } else {
            assert_absent(beat.block, MW_SYSTEM_MEM_TOTAL, MW_ABSENT_STALE);
            assert_fault(&beat, meminfo, -EFBIG);
        }
        assert_no_fault(&beat);
        beat_free(&beat);
        tree_free(&tree);
    }
}

static void each_beat_tells_the_files_as_they_are_now(void **state)
{
    struct tree tree = small_tree();
    struct beat beat = beat_over(tree.proc);

    (void)state;
    assert_value(beat.block, MW_SYSTEM_MEM_FREE, UINT64_C(512) * 1024);
    tree_write(&tree, "proc/meminfo", "MemFree: 256 kB\nBuffers: 1 kB\n");
    beat_next(&beat);
    assert_value(beat.block, MW_SYSTEM_MEM_FREE, UINT64_C(256) * 1024);
    assert_value(beat.block, MW_SYSTEM_BUFFERS, 1024);
    assert_absent(beat.block, MW_SYSTEM_MEM_TOTAL, MW_ABSENT_UNSUPPORTED); /* not the old one */
    assert_int_equal(mw_block_head(beat.block)->seq, 2);
    beat_free(&beat);
    tree_free(&tree);
}

/* A beat that nobody has a buffer for reads nothing and uses up no number. */
static void without_a_free_buffer_the_next_beat_goes_on(void **state)
{
    struct tree tree = small_tree();
    struct beat beat = beat_over(tree.proc);
    struct mw_block *held[MW_BLOCK_POOL_SIZE] = {NULL};
    struct mw_block *none = NULL;

    (void)state;
    held[0] = mw_block_ref(beat.block);
    for (int i = 1; i < MW_BLOCK_POOL_SIZE; i++)
        assert_int_equal(mw_collector_read_system(beat.collector, &held[i]), 0);
    assert_int_equal(mw_collector_read_system(beat.collector, &none), -EBUSY);
    assert_int_equal(mw_collector_read_system(beat.collector, &none), -EBUSY);
    held[1] = mw_block_unref(held[1]);
    beat_next(&beat);
    assert_int_equal(mw_block_head(beat.block)->seq, MW_BLOCK_POOL_SIZE + 1);
    for (int i = 0; i < MW_BLOCK_POOL_SIZE; i++)
        mw_block_unref(held[i]);
    beat_free(&beat);
    tree_free(&tree);
}

/* Beats over the live files: two readings of one counter never go down, and MemTotal is what the
 * kernel tells by another way. */
static void reads_this_machine(void **state)
{
    struct beat beat = beat_over("/proc");
    union mw_value before = {0}, after = {0};
    struct sysinfo info;

    (void)state;
    assert_int_equal(sysinfo(&info), 0);
    assert_value(beat.block, MW_SYSTEM_MEM_TOTAL, (uint64_t)info.totalram * info.mem_unit);
    assert_int_equal(mw_block_get(beat.block, MW_SYSTEM_PGFAULT, 0, &before), MW_PRESENT);
    beat_next(&beat);
    assert_int_equal(mw_block_get(beat.block, MW_SYSTEM_PGFAULT, 0, &after), MW_PRESENT);
    assert_true(after.u >= before.u);
    assert_no_fault(&beat);
    beat_free(&beat);
}

/* MemFree as an independent reader sees it before and after. */
static void free_memory_lies_between_two_independent_readings(void **state)
{
    enum { SLACK = 64 * 1024 * 1024 };
    struct text text = text_of_file(meminfo);
    struct beat beat = beat_over("/proc");
    uint64_t kib = 0;
    union mw_value value = {0};

    (void)state;
    assert_true(number_in(&text, "MemFree", ':', &kib));
    assert_int_equal(mw_block_get(beat.block, MW_SYSTEM_MEM_FREE, 0, &value), MW_PRESENT);
    assert_true(value.u + SLACK > kib * 1024 && value.u < kib * 1024 + SLACK);
    text_free(&text);
    beat_free(&beat);
}

static void errors_have_their_reasons(void **state)
{
    (void)state;
    assert_int_equal(mw_system_absence(-ENOENT), MW_ABSENT_UNSUPPORTED);
    assert_int_equal(mw_system_absence(-EOPNOTSUPP), MW_ABSENT_UNSUPPORTED);
    assert_int_equal(mw_system_absence(-EACCES), MW_ABSENT_DENIED);
    assert_int_equal(mw_system_absence(-EPERM), MW_ABSENT_DENIED);
    assert_int_equal(mw_system_absence(-EIO), MW_ABSENT_STALE);
    assert_int_equal(mw_system_absence(-EMFILE), MW_ABSENT_STALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fixture_gives_one_whole_block),
        cmocka_unit_test(a_machine_whose_sources_lie_shows_the_rest),
        cmocka_unit_test(a_missing_file_takes_only_its_own_readings),
        cmocka_unit_test(a_refused_file_is_denied),
        cmocka_unit_test(a_file_that_cannot_be_read_is_opened_again),
        cmocka_unit_test(a_pipe_in_the_place_of_a_file_is_not_waited_for),
        cmocka_unit_test(a_text_of_any_size_up_to_the_limit_is_read_whole),
        cmocka_unit_test(each_beat_tells_the_files_as_they_are_now),
        cmocka_unit_test(without_a_free_buffer_the_next_beat_goes_on),
        cmocka_unit_test(reads_this_machine),
        cmocka_unit_test(free_memory_lies_between_two_independent_readings),
        cmocka_unit_test(errors_have_their_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
