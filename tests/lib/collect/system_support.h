/* What the tests of the system half share: texts of fixtures and a block to parse into. */
#ifndef MW_TEST_SYSTEM_SUPPORT_H
#define MW_TEST_SYSTEM_SUPPORT_H
#include "collect/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Exactly as long as its content, on the heap: the address sanitizer sees a look past the end. */
struct text {
    char *bytes;
    size_t size;
};

struct text text_of(const char *string);
struct text text_of_file(const char *path);
struct text text_of_fixture(const char *name); /* "healthy/proc/meminfo" */
void text_free(struct text *self);

/* One row of MW_SOURCE_SYSTEM in the making, filled with values that no text contains, so that a
 * reading that a parser forgets is seen. */
struct target {
    struct mw_block_pool *pool;
    struct mw_block *block;
};

enum { UNTOUCHED = 4711 };

struct target target_create(void);
void target_free(struct target *self);

/* Parses a text into a new target. */
typedef int (*parser)(const char *bytes, size_t size, struct mw_block *block);
int target_parse(struct target *self, parser parse, const char *string);
int target_parse_fixture(struct target *self, parser parse, const char *name);

void assert_value(const struct mw_block *block, enum mw_reading reading, uint64_t value);
void assert_share(const struct mw_block *block, enum mw_reading reading, double value);
void assert_absent(const struct mw_block *block, enum mw_reading reading, enum mw_absence absence);

/* All rows of the table with this `file`: present ones are counted, absent ones have this reason.
 */
unsigned count_present(const struct mw_block *block, const char *file, enum mw_absence otherwise);

/* Two blocks say the same of every reading of the system source. */
void assert_same(const struct mw_block *one, const struct mw_block *other);

/* The number in a line "NAME: 123 kB" or "NAME 123" of a text, found without the code under test;
 * false when there is no such line. */
bool number_in(const struct text *text, const char *name, char stop, uint64_t *ret);

/* A machine of the test's own: a directory with proc/ in it, below /tmp. */
struct tree {
    char path[64];
    char proc[72];
};

struct tree tree_create(void);
void tree_free(struct tree *self);
/* "proc/self/cgroup"; folders that are missing are made, an old content is replaced in place. */
void tree_write(const struct tree *self, const char *name, const char *content);
void tree_write_bytes(const struct tree *self, const char *name, const char *bytes, size_t size);
void tree_remove(const struct tree *self, const char *name);

/* A collector over a tree or a fixture, and its newest system block. */
struct beat {
    struct mw_collector *collector;
    struct mw_block *block;
};

struct beat beat_over(const char *proc_root);
struct beat beat_over_fixture(const char *name);
void beat_next(struct beat *self);
void beat_free(struct beat *self);

/* The next fault; false when there is none. */
void assert_fault(struct beat *self, const char *file, int error);
void assert_no_fault(struct beat *self);
#endif
