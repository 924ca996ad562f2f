/* The registry: one entry a row, kept in step by the events of each block.
 *
 * Events are enough as long as no block is missing. After a gap (a replay that begins in the
 * middle, a block that was dropped) a row may belong to somebody whose birth was never told, and a
 * death may have gone unheard. Entries whose key is not that of the block are then forgotten, so
 * that a name is never shown for the wrong process; a later event brings its row back.
 */
#include "subject/subject.h"

#include "subject/subject_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct label {
    struct mw_text *text; /* NULL when absent */
    enum mw_absence absence;
};

struct entry {
    struct mw_block_key key; /* id 0: the row is free */
    struct label name, cgroup;
    enum mw_absence birth_absence; /* as it was told */
};

struct mw_subjects {
    struct mw_texts texts;
    struct entry *entries;
    uint32_t rows;     /* entries that may be taken */
    uint32_t capacity; /* entries there is room for; those from `rows` on are all zero */
    uint32_t count;
    uint64_t seq; /* of the last block */
};

int mw_subjects_create(struct mw_subjects **ret)
{
    struct mw_subjects *self = calloc(1, sizeof(*self));
    int error = -ENOMEM;

    if (self == NULL)
        return error;
    error = mw_texts_init(&self->texts);
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
        mw_texts_deinit(&self->texts);
        free(self->entries);
        free(self);
    }
    return NULL;
}

/* ---- entries ---- */

static void forget(struct mw_subjects *self, uint32_t row)
{
    struct entry *entry = &self->entries[row];

    mw_texts_put(&self->texts, entry->name.text);
    mw_texts_put(&self->texts, entry->cgroup.text);
    self->count -= entry->key.id != 0;
    *entry = (struct entry){0};
}

static void settle(struct mw_subjects *self, uint32_t row, struct mw_block_key key)
{
    struct entry *entry = &self->entries[row];

    forget(self, row);
    entry->key = key;
    entry->name.absence = MW_ABSENT_STALE;
    entry->cgroup.absence = MW_ABSENT_STALE;
    self->count += key.id != 0;
}

static int set_capacity(struct mw_subjects *self, uint32_t capacity)
{
    struct entry *entries = realloc(self->entries, capacity * sizeof(*entries));

    if (entries == NULL)
        return -ENOMEM;
    if (capacity > self->capacity)
        memset(entries + self->capacity, 0, (capacity - self->capacity) * sizeof(*entries));
    self->entries = entries;
    self->capacity = capacity;
    return 0;
}

static int fit_rows(struct mw_subjects *self, uint32_t rows)
{
    while (self->rows > rows)
        forget(self, --self->rows);
    if (rows > self->capacity || rows < self->capacity / 4) {
        int error = set_capacity(self, rows + rows / 2 + 1);

        if (error < 0 && rows > self->capacity) {
            self->rows = self->capacity;
            return error;
        }
    }
    self->rows = rows;
    return 0;
}

/* ---- events ---- */

static bool same_key(const struct mw_block_key *left, const struct mw_block_key *right)
{
    return left->id == right->id && left->birth == right->birth;
}

static int set_label(struct mw_subjects *self, struct label *label,
                     const struct mw_block_event *event, const char *text)
{
    struct mw_text *old = label->text;

    *label = (struct label){NULL, (enum mw_absence)event->absence};
    if (event->absence == MW_PRESENT) {
        label->text = mw_texts_get(&self->texts, text + event->text_offset, event->text_size);
        label->absence = label->text != NULL ? MW_PRESENT : MW_ABSENT_STALE;
    }
    mw_texts_put(&self->texts, old);
    return label->absence == MW_ABSENT_STALE && event->absence == MW_PRESENT ? -ENOMEM : 0;
}

static int apply_event(struct mw_subjects *self, const struct mw_block_event *event,
                       const char *text)
{
    struct entry *entry = &self->entries[event->row];

    if (event->type == MW_EVENT_GONE) {
        forget(self, event->row);
        return 0;
    }
    if (event->type == MW_EVENT_BORN || !same_key(&entry->key, &event->key))
        settle(self, event->row, event->key);
    switch (event->type) {
    case MW_EVENT_BORN:
        entry->birth_absence = (enum mw_absence)event->absence;
        return 0;
    case MW_EVENT_NAME:
        return set_label(self, &entry->name, event, text);
    case MW_EVENT_CGROUP:
        return set_label(self, &entry->cgroup, event, text);
    default:
        return 0;
    }
}

static void forget_strangers(struct mw_subjects *self, const struct mw_block *block)
{
    const struct mw_block_key *keys = mw_block_keys(block);

    for (uint32_t row = 0; row < self->rows; row++)
        if (!same_key(&self->entries[row].key, &keys[row]))
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

            error = error < 0 ? error : failed;
        }
    }
    if (head->seq != self->seq + 1)
        forget_strangers(self, block);
    self->seq = head->seq;
    return error;
}

/* ---- asking ---- */

static struct mw_subject_text text_of(const struct label *label)
{
    if (label->text == NULL)
        return (struct mw_subject_text){NULL, 0, label->absence};
    return (struct mw_subject_text){label->text->bytes, label->text->size, MW_PRESENT};
}

/* Whether there is one is for the key to say; older recordings give no reason. */
static enum mw_absence birth_absence(struct mw_block_key key, enum mw_absence told)
{
    if (key.birth != 0)
        return MW_PRESENT;
    return told != MW_PRESENT ? told : MW_ABSENT_STALE;
}

bool mw_subjects_at(const struct mw_subjects *self, const struct mw_block *block, uint32_t row,
                    struct mw_subject *ret)
{
    static const struct label unknown = {NULL, MW_ABSENT_STALE};
    const struct mw_block_key *key;
    bool known;

    if (row >= mw_block_head(block)->rows || mw_block_keys(block)[row].id == 0)
        return false;
    key = &mw_block_keys(block)[row];
    known = row < self->rows && same_key(&self->entries[row].key, key);
    ret->key = *key;
    ret->name = text_of(known ? &self->entries[row].name : &unknown);
    ret->cgroup = text_of(known ? &self->entries[row].cgroup : &unknown);
    ret->birth_absence =
        birth_absence(*key, known ? self->entries[row].birth_absence : MW_ABSENT_STALE);
    return true;
}

uint32_t mw_subjects_count(const struct mw_subjects *self)
{
    return self->count;
}

size_t mw_subjects_texts(const struct mw_subjects *self)
{
    return self->texts.count;
}
