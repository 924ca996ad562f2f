/* The registry: one reference a row, kept in step by the events of each block.
 *
 * Events are enough as long as no block is missing. After a gap (a replay that begins in the
 * middle, a block that was dropped) a row may belong to somebody whose birth was never told, and a
 * death may have gone unheard. Subjects whose key is not that of the block are then forgotten, so
 * that a name is never shown for the wrong process; a later event brings its row back.
 *
 * To forget is to drop a reference. A Subject is never used again for another process: whoever
 * else refers to it, as history does, keeps what it said last.
 */
#include "subject/subject.h"

#include <errno.h>
#include <stdlib.h>

enum { ROWS_FIRST = 16 };

/* Words of a Subject; the first two are references. */
enum { NAME, CGROUP, ID, BIRTH, ABSENCES, TEXTS_SIZE, WORDS };

/* Four bits each in the word ABSENCES, by the word that they are of; 16 bits each in TEXTS_SIZE. */
enum { ABSENCE_BITS = 4, SIZE_BITS = 16 };

_Static_assert(MW_ABSENCE_COUNT <= 1 << ABSENCE_BITS, "a reason has room");
_Static_assert(MW_BLOCK_TEXT_MAX < 1 << SIZE_BITS, "a size has room");

struct mw_subjects {
    struct mw_heap *heap;
    struct mw_intern *texts;
    const struct mw_heap_type *subject_type, *table_type;
    struct mw_global *table; /* on the heap: row to Subject, none where the row is free */
    uint32_t rows;           /* that may be taken */
    uint32_t capacity;       /* rows there is room for; those from `rows` on hold none */
    uint32_t count;
    uint64_t seq; /* of the last block */
    uint64_t lost;
};

/* ---- birth and death ---- */

static int heap_error(const struct mw_heap *heap)
{
    int error = mw_heap_error(heap);

    return error < 0 ? error : -ENOMEM;
}

static int set_capacity(struct mw_subjects *self, uint32_t capacity)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref table = mw_heap_new_array(self->heap, self->table_type, capacity, MW_PLACE_OLD);
    int error = 0;

    if (mw_ref_is_none(table))
        return heap_error(self->heap);
    if (self->table == NULL)
        error = mw_global_create(self->heap, table, false, &self->table);
    else
        error = mw_heap_copy(self->heap, table, 0, mw_global_get(self->heap, self->table), 0,
                             self->rows);
    if (error < 0)
        return error;
    mw_global_set(self->heap, self->table, table);
    self->capacity = capacity;
    return 0;
}

static int add_types(struct mw_subjects *self)
{
    static const struct mw_heap_field fields[] = {{"name", NAME}, {"cgroup", CGROUP}};
    static const struct mw_heap_type_info subject = {"Subject", MW_KIND_FIXED, WORDS, fields,
                                                     2,         NULL};
    static const struct mw_heap_type_info table = {"Subjects", MW_KIND_REFS, 0, NULL, 0, NULL};
    int error = mw_heap_add_type(self->heap, &subject, &self->subject_type);

    return error < 0 ? error : mw_heap_add_type(self->heap, &table, &self->table_type);
}

int mw_subjects_create(struct mw_store *store, struct mw_subjects **ret)
{
    struct mw_subjects *self = calloc(1, sizeof(*self));
    int error;

    if (self == NULL)
        return -ENOMEM;
    self->heap = mw_store_heap(store);
    error = add_types(self);
    if (error == 0)
        error = set_capacity(self, ROWS_FIRST);
    if (error == 0)
        error = mw_intern_create(store, MW_SUBJECTS_TEXTS_MAX, &self->texts);
    if (error < 0)
        goto fail;
    *ret = self;
    return 0;

fail:
    mw_subjects_destroy(self);
    return error;
}

struct mw_subjects *mw_subjects_destroy(struct mw_subjects *self)
{
    if (self != NULL) {
        mw_intern_destroy(self->texts);
        mw_global_destroy(self->heap, self->table);
        free(self);
    }
    return NULL;
}

/* ---- one subject ---- */

static struct mw_block_key key_of(const uint64_t *words)
{
    return (struct mw_block_key){words[ID], words[BIRTH]};
}

static bool same_key(struct mw_block_key left, struct mw_block_key right)
{
    return left.id == right.id && left.birth == right.birth;
}

static uint64_t bits_at(uint64_t word, unsigned place, unsigned bits)
{
    return word >> place * bits & ((UINT64_C(1) << bits) - 1);
}

static void set_bits(struct mw_subjects *self, struct mw_ref subject, size_t index, unsigned place,
                     unsigned bits, uint64_t value)
{
    uint64_t word = mw_heap_get_word(self->heap, subject, index);

    word ^= (bits_at(word, place, bits) ^ value) << place * bits;
    mw_heap_set_word(self->heap, subject, index, word);
}

static void set_absence(struct mw_subjects *self, struct mw_ref subject, unsigned of,
                        enum mw_absence absence)
{
    set_bits(self, subject, ABSENCES, of, ABSENCE_BITS, absence);
}

/* The payload of a row's Subject, or NULL. In a raw region. */
static const uint64_t *words_at(const struct mw_subjects *self, uint32_t row)
{
    MW_SCOPE(scope, self->heap);
    const uintptr_t *table = mw_heap_raw(self->heap, mw_global_get(self->heap, self->table));

    return row < self->rows && table[row] != 0 ? mw_heap_payload(table[row]) : NULL;
}

static bool is_of(const struct mw_subjects *self, uint32_t row, struct mw_block_key key)
{
    const uint64_t *words;
    bool is;

    mw_heap_raw_enter(self->heap);
    words = words_at(self, row);
    is = words != NULL && same_key(key_of(words), key);
    mw_heap_raw_leave(self->heap);
    return is;
}

/* ---- rows ---- */

static struct mw_ref subject_in(const struct mw_subjects *self, uint32_t row)
{
    return mw_heap_get(self->heap, mw_global_get(self->heap, self->table), row);
}

static void forget(struct mw_subjects *self, uint32_t row)
{
    MW_SCOPE(scope, self->heap);

    self->count -= !mw_ref_is_none(subject_in(self, row));
    mw_heap_set(self->heap, mw_global_get(self->heap, self->table), row, mw_ref_none());
}

/* A new subject, of which nothing but the key is known. */
static int settle(struct mw_subjects *self, uint32_t row, struct mw_block_key key)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref subject;

    forget(self, row);
    if (key.id == 0)
        return 0;
    subject = mw_heap_new(self->heap, self->subject_type);
    if (mw_ref_is_none(subject))
        return heap_error(self->heap);
    mw_heap_set_word(self->heap, subject, ID, key.id);
    mw_heap_set_word(self->heap, subject, BIRTH, key.birth);
    set_absence(self, subject, NAME, MW_ABSENT_STALE);
    set_absence(self, subject, CGROUP, MW_ABSENT_STALE);
    mw_heap_set(self->heap, mw_global_get(self->heap, self->table), row, subject);
    self->count++;
    return 0;
}

/* Without memory for more rows those that there is room for are kept. */
static int fit_rows(struct mw_subjects *self, uint32_t rows)
{
    while (self->rows > rows)
        forget(self, --self->rows);
    if (rows > self->capacity || rows < self->capacity / 4) {
        int error = set_capacity(self, rows + rows / 2 + ROWS_FIRST);

        if (error < 0 && rows > self->capacity) {
            self->lost += rows - self->capacity;
            self->rows = self->capacity;
            return error;
        }
    }
    self->rows = rows;
    return 0;
}

/* ---- events ---- */

static int set_label(struct mw_subjects *self, uint32_t row, unsigned of,
                     const struct mw_block_event *event, const char *text)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref subject = subject_in(self, row), object = mw_ref_none();
    enum mw_absence absence = (enum mw_absence)event->absence;
    int error = 0;

    if (mw_ref_is_none(subject))
        return 0;
    if (absence == MW_PRESENT)
        error = mw_intern_get(self->texts, text + event->text_offset, event->text_size, &object);
    mw_heap_set(self->heap, subject, of, object);
    set_absence(self, subject, of, error < 0 ? MW_ABSENT_STALE : absence);
    set_bits(self, subject, TEXTS_SIZE, of, SIZE_BITS,
             mw_ref_is_none(object) ? 0 : event->text_size);
    return error;
}

static int set_birth_absence(struct mw_subjects *self, uint32_t row, enum mw_absence absence)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref subject = subject_in(self, row);

    if (!mw_ref_is_none(subject))
        set_absence(self, subject, BIRTH, absence);
    return 0;
}

static int apply_event(struct mw_subjects *self, const struct mw_block_event *event,
                       const char *text)
{
    int error = 0;

    if (event->type == MW_EVENT_GONE) {
        forget(self, event->row);
        return 0;
    }
    if (event->type == MW_EVENT_BORN || !is_of(self, event->row, event->key))
        error = settle(self, event->row, event->key);
    if (error < 0)
        return error;
    switch (event->type) {
    case MW_EVENT_BORN:
        return set_birth_absence(self, event->row, (enum mw_absence)event->absence);
    case MW_EVENT_NAME:
        return set_label(self, event->row, NAME, event, text);
    case MW_EVENT_CGROUP:
        return set_label(self, event->row, CGROUP, event, text);
    default:
        return 0;
    }
}

static void forget_strangers(struct mw_subjects *self, const struct mw_block *block)
{
    const struct mw_block_key *keys = mw_block_keys(block);

    for (uint32_t row = 0; row < self->rows; row++)
        if (!is_of(self, row, keys[row]))
            forget(self, row);
}

int mw_subjects_apply(struct mw_subjects *self, const struct mw_block *block)
{
    const struct mw_block_head *head = mw_block_head(block);
    const struct mw_block_event *events = mw_block_events(block);
    const char *text = mw_block_text(block);
    int error = fit_rows(self, head->rows);

    for (uint32_t i = 0; i < head->events; i++) {
        if (events[i].row < self->rows) {
            int failed = apply_event(self, &events[i], text);

            self->lost += failed < 0;
            error = error < 0 ? error : failed;
        }
    }
    if (head->seq != self->seq + 1)
        forget_strangers(self, block);
    self->seq = head->seq;
    return error;
}

/* ---- asking ---- */

void mw_subjects_hold(const struct mw_subjects *self)
{
    if (self != NULL)
        mw_heap_raw_enter(self->heap);
}

void mw_subjects_release(const struct mw_subjects *self)
{
    if (self != NULL)
        mw_heap_raw_leave(self->heap);
}

static struct mw_subject_text text_of(const uint64_t *words, unsigned of)
{
    enum mw_absence absence = (enum mw_absence)bits_at(words[ABSENCES], of, ABSENCE_BITS);

    if (words[of] == 0)
        return (struct mw_subject_text){NULL, 0, absence};
    return (struct mw_subject_text){mw_heap_payload(words[of]),
                                    bits_at(words[TEXTS_SIZE], of, SIZE_BITS), absence};
}

/* Whether there is one is for the key to say; older recordings give no reason. */
static enum mw_absence birth_absence(struct mw_block_key key, enum mw_absence told)
{
    if (key.birth != 0)
        return MW_PRESENT;
    return told != MW_PRESENT ? told : MW_ABSENT_STALE;
}

static void read_words(const uint64_t *words, struct mw_subject *ret)
{
    ret->key = key_of(words);
    ret->name = text_of(words, NAME);
    ret->cgroup = text_of(words, CGROUP);
    ret->birth_absence =
        birth_absence(ret->key, (enum mw_absence)bits_at(words[ABSENCES], BIRTH, ABSENCE_BITS));
}

bool mw_subjects_at(const struct mw_subjects *self, const struct mw_block *block, uint32_t row,
                    struct mw_subject *ret)
{
    static const struct mw_subject_text unknown = {NULL, 0, MW_ABSENT_STALE};
    const uint64_t *words;
    struct mw_block_key key;

    if (row >= mw_block_head(block)->rows || mw_block_keys(block)[row].id == 0)
        return false;
    key = mw_block_keys(block)[row];
    mw_heap_raw_enter(self->heap);
    words = words_at(self, row);
    if (words != NULL && same_key(key_of(words), key))
        read_words(words, ret);
    else
        *ret = (struct mw_subject){key, unknown, unknown, birth_absence(key, MW_PRESENT)};
    mw_heap_raw_leave(self->heap);
    return true;
}

struct mw_ref mw_subjects_object(const struct mw_subjects *self, const struct mw_block *block,
                                 uint32_t row)
{
    MW_SCOPE(scope, self->heap);

    if (row >= mw_block_head(block)->rows || !is_of(self, row, mw_block_keys(block)[row]))
        return mw_ref_none();
    return mw_scope_escape(&scope, subject_in(self, row));
}

void mw_subjects_read(const struct mw_subjects *self, struct mw_ref object, struct mw_subject *ret)
{
    mw_heap_raw_enter(self->heap);
    read_words(mw_heap_raw(self->heap, object), ret);
    mw_heap_raw_leave(self->heap);
}

static size_t object_bytes(size_t payload)
{
    return (1 + (payload + 7) / 8) * sizeof(uint64_t);
}

size_t mw_subjects_bytes(const struct mw_subjects *self, struct mw_ref object)
{
    struct mw_subject subject;

    mw_subjects_read(self, object, &subject);
    return object_bytes(WORDS * sizeof(uint64_t)) + object_bytes(subject.name.size) +
           object_bytes(subject.cgroup.size);
}

uint32_t mw_subjects_count(const struct mw_subjects *self)
{
    return self->count;
}

uint64_t mw_subjects_lost(const struct mw_subjects *self)
{
    return self->lost;
}

void mw_subjects_get_names(const struct mw_subjects *self, struct mw_intern_numbers *ret)
{
    mw_intern_get_numbers(self->texts, ret);
}

size_t mw_subjects_texts(const struct mw_subjects *self)
{
    struct mw_intern_numbers numbers;

    mw_intern_get_numbers(self->texts, &numbers);
    return numbers.texts;
}
