/* subject: who is measured. Keys, names and lifetimes of the rows that blocks speak about.
 *
 * The registry follows the events of process blocks, in order and without a gap, and answers for
 * each row of the newest block who its subject is. Subjects and texts are objects of the managed
 * heap (classes Subject and Text): equal texts are stored once, and whoever refers to a subject
 * still knows its name when its row has long been another's.
 *
 * Texts    stay where they are until the heap is next allocated on or collected. Who uses them
 *          over more than one call holds them: mw_subjects_hold(self), look and copy,
 *          mw_subjects_release(self). A checked heap takes an allocation in between for misuse.
 * Threads  those of the heap: one owner.
 * Bound    as many subjects as the newest block has rows, two texts of at most MW_BLOCK_TEXT_MAX
 *          bytes each, MW_SUBJECTS_TEXTS_MAX different ones of them; all of it in the heap's limit.
 */
#ifndef MW_SUBJECT_H
#define MW_SUBJECT_H
#include "sample/sample.h"
#include "store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_subjects;

/* Those that nobody refers to any more count until a collection has found that. */
enum { MW_SUBJECTS_TEXTS_MAX = 1 << 18 };

struct mw_subject_text {
    const char *bytes; /* UTF-8, no NUL; in the heap, see above; NULL when absent */
    size_t size;
    enum mw_absence absence;
};

struct mw_subject {
    struct mw_block_key key;
    struct mw_subject_text name;
    struct mw_subject_text cgroup;
    enum mw_absence birth_absence; /* of key.birth */
};

/* Owner    the caller; hand *ret to mw_subjects_destroy() before the store and the heap go.
 * Errors   -ENOMEM. */
int mw_subjects_create(struct mw_store *store, struct mw_subjects **ret);
struct mw_subjects *mw_subjects_destroy(struct mw_subjects *self);

/* Takes in the events of a block of MW_SOURCE_PROCESS.
 * Errors   -ENOMEM, -ENOSPC (MW_SUBJECTS_TEXTS_MAX): what could not be stored is absent as stale
 *          until an event tells it anew, and counted; the rest is taken in. */
int mw_subjects_apply(struct mw_subjects *self, const struct mw_block *block);

/* ---- asking ---- */

/* They nest, and take NULL. */
void mw_subjects_hold(const struct mw_subjects *self);
void mw_subjects_release(const struct mw_subjects *self);

/* The subject of this row. A row that the registry knows nothing of, or whose key is another,
 * has name and cgroup absent as stale, a birth of 0 too. Returns false when the row is free. */
bool mw_subjects_at(const struct mw_subjects *self, const struct mw_block *block, uint32_t row,
                    struct mw_subject *ret);

/* The same as an object that can be referred to: a handle in the scope around, none where the
 * registry knows nothing. */
struct mw_ref mw_subjects_object(const struct mw_subjects *self, const struct mw_block *block,
                                 uint32_t row);
/* What such an object says, whether its row still is its own or not. */
void mw_subjects_read(const struct mw_subjects *self, struct mw_ref object, struct mw_subject *ret);
/* What it takes in the heap with its texts, as if nobody else had these. */
size_t mw_subjects_bytes(const struct mw_subjects *self, struct mw_ref object);

uint32_t mw_subjects_count(const struct mw_subjects *self); /* subjects alive */
uint64_t mw_subjects_lost(const struct mw_subjects *self);  /* subjects and texts not stored */
/* Different texts stored, those included of which no collection has found yet that nobody refers to
 * them. */
size_t mw_subjects_texts(const struct mw_subjects *self);
/* Of the table of texts: every name that is stored asks it once. */
void mw_subjects_get_names(const struct mw_subjects *self, struct mw_intern_numbers *ret);

#ifdef __cplusplus
}
#endif
#endif
