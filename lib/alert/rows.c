/* Which rules mean the subject of a row is asked when the subject comes, when it gets another name,
 * and when the rules change; not at every sample. What has been found out stands here by row. Rows
 * keep their subjects, so a key that is another than last time means a new subject. */
#include "alert/alert_internal.h"

#include "base/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MIN = 16 };

void mw_alert_rows_deinit(struct mw_alerts *self)
{
    for (int i = 0; i < MW_SOURCE_COUNT; i++) {
        struct mw_alert_rows *rows = &self->rows[i];

        free(rows->rows);
        free(rows->matched);
        free(rows->active);
        free(rows->tracks);
        *rows = (struct mw_alert_rows){0};
    }
}

/* ---- room ---- */

static int grow(void **memory, size_t old_size, size_t new_size, int fill)
{
    char *grown;

    if (new_size == old_size)
        return 0;
    grown = realloc(*memory, new_size);
    if (grown == NULL)
        return -ENOMEM;
    memset(grown + old_size, fill, new_size - old_size);
    *memory = grown;
    return 0;
}

/* A part that could not grow leaves `capacity` as it was, and the others larger than they need be:
 * each is grown from `capacity` again the next time. */
int mw_alert_rows_fit(struct mw_alerts *self, enum mw_source source, uint32_t count)
{
    struct mw_alert_rows *rows = &self->rows[source];
    size_t words = mw_alert_words(self->rules, source) * sizeof(uint64_t);
    size_t columns = self->rules->tracks[source] * sizeof(int32_t);
    size_t old = rows->capacity, new = ROWS_MIN;
    int r;

    if (count <= old || words == 0)
        return 0;
    new = count + count / 2 > new ? count + count / 2 : new;
    r = grow((void **)&rows->rows, old * sizeof(*rows->rows), new * sizeof(*rows->rows), 0);
    if (r == 0)
        r = grow((void **)&rows->matched, old * words, new *words, 0);
    if (r == 0)
        r = grow((void **)&rows->active, old * words, new *words, 0);
    if (r == 0)
        r = grow((void **)&rows->tracks, old * columns, new *columns, 0xff);
    if (r == 0)
        rows->capacity = (uint32_t) new;
    return r;
}

void mw_alert_rows_forget(struct mw_alerts *self, enum mw_source source, uint32_t row)
{
    struct mw_alert_rows *rows = &self->rows[source];
    uint32_t columns = self->rules->tracks[source];

    if (row >= rows->capacity || rows->rows[row].key.id == 0)
        return;
    rows->rows[row] = (struct mw_alert_row){0};
    for (uint32_t i = 0; i < columns; i++)
        mw_alert_track_give(self, &rows->tracks[(size_t)row * columns + i]);
}

void mw_alert_rows_forget_all(struct mw_alerts *self)
{
    for (int i = 0; i < MW_SOURCE_COUNT; i++)
        for (uint32_t row = 0; row < self->rows[i].capacity; row++)
            mw_alert_rows_forget(self, (enum mw_source)i, row);
}

/* ---- who ---- */

bool mw_alert_row_name(const struct mw_alert_pass *pass, uint32_t row, const char **ret_name,
                       size_t *ret_size)
{
    struct mw_alerts *self = pass->alerts;

    if (mw_kind_has_one_subject(pass->kind)) {
        *ret_name = mw_alert_name_of_one(pass->kind);
        *ret_size = strlen(*ret_name);
        return true;
    }
    return self->name && self->name(self->name_context, pass->block, row, ret_name, ret_size);
}

static struct mw_block_key key_of(const struct mw_alert_pass *pass, uint32_t row)
{
    if (mw_kind_has_one_subject(pass->kind))
        return (struct mw_block_key){1, 0};
    return mw_block_keys(pass->block)[row];
}

static bool same_key(struct mw_block_key left, struct mw_block_key right)
{
    return left.id == right.id && left.birth == right.birth;
}

static void match(const struct mw_alert_pass *pass, const char *name, size_t size,
                  struct mw_alert_seen *seen)
{
    struct mw_alerts *self = pass->alerts;
    const struct mw_alert_follow *follows = self->rules->follows + self->rules->first[pass->source];
    uint32_t count = mw_alert_rules_of(self->rules, pass->source);

    memset(seen->matched, 0, (count + 63) / 64 * sizeof(uint64_t));
    for (uint32_t i = 0; i < count; i++)
        if (follows[i].every || mw_glob_matches(follows[i].rule->subject, name, size))
            seen->matched[i / 64] |= UINT64_C(1) << i % 64;
    /* there may be alerts from before; each is looked for once */
    memcpy(seen->active, seen->matched, (count + 63) / 64 * sizeof(uint64_t));
    self->numbers.matches += count;
}

bool mw_alert_row_look(const struct mw_alert_pass *pass, uint32_t row, struct mw_alert_seen *seen)
{
    struct mw_block_key key = key_of(pass, row);
    const char *name;
    uint64_t name_hash;
    size_t size;

    if (key.id == 0 || !mw_alert_row_name(pass, row, &name, &size))
        return false;
    name_hash = mw_alert_hash_text(name, size);
    if (same_key(seen->row->key, key) && seen->row->name_hash == name_hash)
        return true;
    mw_alert_rows_forget(pass->alerts, pass->source, row);
    *seen->row =
        (struct mw_alert_row){key, name_hash, mw_alert_hash_subject(pass->kind, key, name, size)};
    match(pass, name, size, seen);
    return true;
}
