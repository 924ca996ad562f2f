#include "tests/lib/collect/service_support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct tree tree_of_groups(bool v1)
{
    struct tree tree = tree_create();

    tree_write(&tree, "proc/self/cgroup", v1 ? "4:memory:/\n0::/\n" : "0::/\n");
    tree_write(&tree, "proc/self/mountinfo",
               v1 ? "30 26 0:36 / /cg rw - cgroup cgroup rw,memory\n"
                  : "32 22 0:27 / /cg rw - cgroup2 cgroup2 rw\n");
    tree_write(&tree, "proc/meminfo", "MemTotal: 1024 kB\n");
    tree_write(&tree, "proc/vmstat", "pgfault 1\n");
    tree_write(&tree, "proc/pressure/memory",
               "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
               "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
    return tree;
}

void group_put(const struct tree *tree, const char *group, const char *file, const char *text)
{
    char name[256];

    snprintf(name, sizeof name, "cg/%s/%s", group, file);
    tree_write(tree, name, text);
}

static const struct {
    bool v1;
    const char *file, *text;
} files[] = {
    {true, "memory.usage_in_bytes", "4096\n"},
    {true, "memory.limit_in_bytes", "8192\n"},
    {true, "memory.max_usage_in_bytes", "5000\n"},
    {true, "memory.failcnt", "7\n"},
    {true, "memory.stat", "cache 1\nrss 2\ntotal_cache 30\ntotal_rss 40\ntotal_swap 50\n"},
    {true, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"},
    {false, "memory.current", "4096\n"},
    {false, "memory.max", "8192\n"},
    {false, "memory.high", "max\n"},
    {false, "memory.peak", "5000\n"},
    {false, "memory.swap.current", "50\n"},
    {false, "memory.stat", "anon 40\nfile 30\nkernel 9\n"},
    {false, "memory.events", "low 4\nhigh 5\nmax 7\noom 3\noom_kill 2\n"},
};

enum { FILES = sizeof files / sizeof *files };

void group_fill(const struct tree *tree, const char *group, bool v1)
{
    for (int i = 0; i < FILES; i++)
        if (files[i].v1 == v1)
            group_put(tree, group, files[i].file, files[i].text);
}

void group_remove(const struct tree *tree, const char *group)
{
    char path[512];

    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/cg/%s/%s", tree->path, group, files[i].file);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/cg/%s", tree->path, group);
    assert_int_equal(rmdir(path), 0);
}

struct mw_collector *collector_over(const struct tree *tree, bool watch)
{
    const struct mw_collect_options options = {tree->proc, 0, 60, mw_clock_system(), watch};
    struct mw_collector *collector = NULL;

    assert_int_equal(mw_collector_create(&options, &collector), 0);
    return collector;
}

struct mw_block *services_of(struct mw_collector *collector)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_collector_read_services(collector, &block), 0);
    return block;
}

void assert_row(const struct mw_block *block, uint32_t row, enum mw_reading reading, uint64_t value)
{
    union mw_value got = {.u = ~value};

    assert_int_equal(mw_block_get(block, reading, row, &got), MW_PRESENT);
    assert_int_equal(got.u, value);
}

void assert_row_absent(const struct mw_block *block, uint32_t row, enum mw_reading reading,
                       enum mw_absence absence)
{
    union mw_value got;

    assert_int_equal(mw_block_get(block, reading, row, &got), absence);
}

void assert_row_all_absent(const struct mw_block *block, uint32_t row, enum mw_absence absence)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SERVICE);

    for (uint32_t i = 0; i < mw_source_columns(MW_SOURCE_SERVICE); i++)
        assert_row_absent(block, row, first + i, absence);
}
