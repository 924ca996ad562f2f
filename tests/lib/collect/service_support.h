/* What tests of services share: a tree with control groups, and a collector over it. */
#ifndef MW_TEST_SERVICE_SUPPORT_H
#define MW_TEST_SERVICE_SUPPORT_H
#include "tests/lib/collect/system_support.h"

/* A machine with groups below /cg, of the unified hierarchy, or of the v1 memory controller. */
struct tree tree_of_groups(bool v1);
/* A file of a group: group_put(&tree, "a.slice", "memory.current", "4096\n"). */
void group_put(const struct tree *tree, const char *group, const char *file, const char *text);
/* All files that a group with a limit has. */
void group_fill(const struct tree *tree, const char *group, bool v1);
/* The group with all that group_fill() put there. */
void group_remove(const struct tree *tree, const char *group);

struct mw_collector *collector_over(const struct tree *tree, bool watch);
/* The newest services; the caller's reference. */
struct mw_block *services_of(struct mw_collector *collector);

void assert_row(const struct mw_block *block, uint32_t row, enum mw_reading reading,
                uint64_t value);
void assert_row_absent(const struct mw_block *block, uint32_t row, enum mw_reading reading,
                       enum mw_absence absence);
/* All readings of the row. */
void assert_row_all_absent(const struct mw_block *block, uint32_t row, enum mw_absence absence);
#endif
