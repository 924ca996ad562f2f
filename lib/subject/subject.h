/* subject: who is measured. Keys, names and lifetimes of the rows that blocks speak about.
 *
 * The registry follows the events of process blocks, in order and without a gap, and answers for
 * each row of the newest block who its subject is. Equal names are stored once.
 *
 * Threads  one owner (the loop).
 * Bound    as many subjects as the newest block has rows, two texts of at most MW_BLOCK_TEXT_MAX
 *          bytes each.
 */
#ifndef MW_SUBJECT_H
#define MW_SUBJECT_H
#include "sample/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_subjects;

/* Valid until the next mw_subjects_apply(). */
struct mw_subject_text {
    const char *bytes; /* UTF-8, no NUL; NULL when absent */
    size_t size;
    enum mw_absence absence;
};

struct mw_subject {
    struct mw_block_key key;
    struct mw_subject_text name;
    struct mw_subject_text cgroup;
    enum mw_absence birth_absence; /* of key.birth */
};

/* Owner    the caller; hand *ret to mw_subjects_destroy(). Errors -ENOMEM. */
int mw_subjects_create(struct mw_subjects **ret);
struct mw_subjects *mw_subjects_destroy(struct mw_subjects *self);

/* Takes in the events of a block of MW_SOURCE_PROCESS.
 * Errors   -ENOMEM: what could not be stored is absent as stale, the rest is taken in. */
int mw_subjects_apply(struct mw_subjects *self, const struct mw_block *block);

/* The subject of this row. A row that the registry knows nothing of, or whose key is another,
 * has name and cgroup absent as stale, a birth of 0 too. Returns false when the row is free. */
bool mw_subjects_at(const struct mw_subjects *self, const struct mw_block *block, uint32_t row,
                    struct mw_subject *ret);

uint32_t mw_subjects_count(const struct mw_subjects *self); /* subjects alive */
size_t mw_subjects_texts(const struct mw_subjects *self);   /* different texts stored */

#ifdef __cplusplus
}
#endif
#endif
