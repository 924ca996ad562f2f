/* Any bytes as a heap snapshot: an error names a byte that is there, and what is taken has a tree
 * of dominators whose sizes add up, has not grown against itself, and whose paths end. */
#include "dump/dump.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void must_say_why(int error, const char *why, size_t size)
{
    unsigned long long at = 0;

    must(error == -EBADMSG || error == -EFBIG);
    must(sscanf(why, "byte %llu: ", &at) == 1 && at <= size);
}

static void must_add_up(const struct mw_dump *dump)
{
    struct mw_dump_totals totals;
    struct mw_dump_node node, above;
    uint64_t sum = 0, all = 0;

    mw_dump_get_totals(dump, &totals);
    for (uint32_t i = 0; mw_dump_get_node(dump, i, &node); i++) {
        char path[MW_DUMP_PATH_MAX];

        must(mw_dump_get_node(dump, node.dominator, &above));
        must(node.retained >= node.size && above.retained >= node.retained);
        must(mw_dump_path(dump, i, path) < totals.nodes && strlen(path) < sizeof path);
        all = node.dominator == i ? node.retained : all;
        sum += node.size;
    }
    must(sum == totals.bytes && all == sum);
}

static void must_not_have_grown(const struct mw_dump *dump)
{
    struct mw_dump_diff *diff;

    must(mw_dump_compare(dump, dump, &diff) == 0);
    must(diff->size == 0 && diff->grown >= MW_DUMP_NONE);
    mw_dump_diff_destroy(diff);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    char why[MW_DUMP_WHY_MAX];
    struct mw_dump *dump = NULL;

    must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    int r = mw_dump_read(fd, &dump, why);
    if (r == 0) {
        must_add_up(dump);
        must_not_have_grown(dump);
        mw_dump_trim(dump);
    } else {
        must_say_why(r, why, size);
    }
    mw_dump_destroy(dump);
    close(fd);
    return 0;
}
