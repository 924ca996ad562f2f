/* What tests of the registry share: one, a collector's part in feeding it, and what must be known.
 */
#ifndef MW_TEST_SUBJECT_SUPPORT_H
#define MW_TEST_SUBJECT_SUPPORT_H
#include "subject/subject.h"
#include "tests/lib/store/store_support.h"

/* A registry, and what a collector keeps to feed it. The heap checks each call, and nothing old can
 * be read outside of a hold. */
struct fixture {
    struct bench bench;
    struct mw_subjects *subjects;
    struct mw_block_pool *pool;
    struct mw_block *last; /* the block that was applied last */
    struct mw_block *next; /* being filled in */
    uint64_t seq;
};

void begin(struct fixture *self, uint32_t rows);
void finish(struct fixture *self);
void apply(struct fixture *self);
void add_event(struct fixture *self, enum mw_block_event_type type, uint32_t row, const char *text);
void born(struct fixture *self, uint32_t row, uint64_t pid, const char *name);
void gone(struct fixture *self, uint32_t row);
int setup(void **state);
int setup_in_motion(void **state);
int setup_unchecked(void **state);
int teardown(void **state);
void assert_text(const struct mw_subject_text *text, const char *expected);
void assert_name(const struct fixture *self, uint32_t row, const char *expected);
void assert_cgroup(const struct fixture *self, uint32_t row, const char *expected);
void assert_no_name(const struct fixture *self, uint32_t row, enum mw_absence absence);
size_t texts(const struct fixture *self);
void assert_free(const struct fixture *self, uint32_t row);

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define IN_MOTION(function) cmocka_unit_test_setup_teardown(function, setup_in_motion, teardown)
#define UNCHECKED(function) cmocka_unit_test_setup_teardown(function, setup_unchecked, teardown)
#endif
