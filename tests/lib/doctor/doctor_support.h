/* What the tests of doctor share: a machine of the test's own on which every row says yes, to be
 * made worse, and rows that are looked at. */
#ifndef MW_TEST_DOCTOR_SUPPORT_H
#define MW_TEST_DOCTOR_SUPPORT_H
#include "doctor/doctor_internal.h"
#include "tests/lib/collect/system_support.h"

#define CAPABILITY(name) (UINT64_C(1) << (name))

enum { KEPT_FDS = 2000, OTHER_FDS = 352, LOCKED_BYTES = 192 << 20 };

extern const struct mw_doctor_options on_this_machine;

/* Linux 6.12 with cgroup v2, seen by a user without capabilities, whose processes are 77 and not 1
 * and 2. Its owner is not the user that the tests run as. */
struct tree healthy_create(void);
/* The user's status: who looks is given new capabilities. */
void tree_empower(const struct tree *self, uint64_t capabilities);
void tree_link(const struct tree *self, const char *name, const char *target);
void tree_rename(const struct tree *self, const char *from, const char *to);

/* One row of a look at the tree. Each row that is looked at has a reason, a remedy when something
 * is missing and none when not, and neither is cut. */
struct mw_doctor_row row_of(const struct tree *self, const char *id);
struct mw_doctor_row row_in(const struct mw_doctor_report *report, const char *id);

/* Parts of the reason and of the remedy; NULL = it is empty. */
void assert_row(const struct mw_doctor_row *row, enum mw_doctor_outcome outcome, const char *reason,
                const char *remedy);
/* row_of() and assert_row() */
void assert_tree(const struct tree *self, const char *id, enum mw_doctor_outcome outcome,
                 const char *reason, const char *remedy);

/* Somebody who looks at nothing, for the judges. */
struct mw_doctor_scene scene_of(const char *kernel, uint64_t capabilities);
struct mw_scan scan_of(const char *text);
#endif
