/* One process after the other, thousands of them in a document. What the rows have in common (keys
 * with their punctuation, where a column begins) is laid out once; then a field is a copy of fixed
 * size, a look at four bits, and the digits. Room is asked for once a row, for the longest that it
 * can be. */
#include "daemon/view_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    BATCH = 16,                        /* rows whose memory is asked for at the same time */
    KEY_COPY = MW_READING_KEY_MAX + 4, /* more than most keys have, but no loop */
    MEMBER_ROOM = 2 * KEY_COPY + MWD_JSON_NUMBER_ROOM + MWD_VIEW_WORD_ROOM,
    OTHER_MEMBERS = 4, /* pid, start, name and cgroup */
    OTHER_ROOM = 64    /* brackets, "absent", and what a copy writes past what is wanted */
};

/* What was absent in a row, in the order in which it comes. */
struct reasons {
    uint32_t count;
    struct {
        const struct mwd_view_key *key;
        enum mw_absence absence;
    } items[MW_READING_COUNT];
};

static struct mwd_view_key key_of(enum mw_reading reading)
{
    struct mwd_view_key key;

    key.size =
        (uint32_t)snprintf(key.text, sizeof(key.text), ",\"%s\":", mw_reading_info(reading)->key);
    return key;
}

static struct mwd_view_word word_of(enum mw_absence absence)
{
    struct mwd_view_word word;

    word.size =
        (uint32_t)snprintf(word.text, sizeof(word.text), "\"%s\"", mw_absence_word(absence));
    return word;
}

void mwd_view_rows_init(struct mwd_view_rows *self, const struct mwd_view_input *input)
{
    const struct mw_block *block = mw_sample_block(input->sample, MW_SOURCE_PROCESS);
    enum mw_reading first = mw_source_first(MW_SOURCE_PROCESS);

    self->subjects = input->subjects;
    self->block = block;
    self->stale = mw_sample_stale(input->sample, MW_SOURCE_PROCESS);
    self->start = key_of(MW_PROCESS_START);
    self->name = key_of(MW_PROCESS_NAME);
    self->cgroup = key_of(MW_PROCESS_CGROUP);
    for (int absence = 0; absence < MW_ABSENCE_COUNT; absence++)
        self->words[absence] = word_of((enum mw_absence)absence);
    self->count = mw_source_columns(MW_SOURCE_PROCESS);
    self->room = (self->count + OTHER_MEMBERS) * (size_t)MEMBER_ROOM + OTHER_ROOM;
    for (uint32_t i = 0; i < self->count; i++)
        self->fields[i] = (struct mwd_view_field){
            .values = mw_block_column(block, first + i),
            .absences = mw_block_absences(block, first + i),
            .type = mw_reading_info(first + i)->value,
            .key = key_of(first + i),
        };
}

static inline char *put_key(char *at, const struct mwd_view_key *key)
{
    memcpy(at, key->text, KEY_COPY);
    return at + key->size;
}

static char *put_null(char *at, const struct mwd_view_key *key, enum mw_absence absence,
                      struct reasons *reasons)
{
    reasons->items[reasons->count].key = key;
    reasons->items[reasons->count++].absence = absence;
    memcpy(at, "null", 4);
    return at + 4;
}

static inline char *put_value(char *at, enum mw_value_type type, union mw_value value)
{
    char letter = (char)value.u;

    switch (type) {
    case MW_VALUE_I64:
        return mwd_json_at_i64(at, value.i);
    case MW_VALUE_F64:
        return mwd_json_at_f64(at, value.f);
    case MW_VALUE_TEXT:
        return mwd_json_at_text(at, &letter, 1);
    default:
        return mwd_json_at_u64(at, value.u);
    }
}

static char *put_fields(const struct mwd_view_rows *self, uint32_t row, char *at,
                        struct reasons *reasons)
{
    for (const struct mwd_view_field *field = self->fields; field < self->fields + self->count;
         field++) {
        unsigned absence = (unsigned)field->absences[row / 2] >> (row % 2 * 4) & 15;

        if (self->stale)
            absence = MW_ABSENT_STALE;
        at = put_key(at, &field->key);
        if (absence == MW_PRESENT)
            at = put_value(at, field->type, field->values[row]);
        else
            at = put_null(at, &field->key, absence, reasons);
    }
    return at;
}

static char *put_start(const struct mwd_view_rows *self, const struct mw_subject *subject, char *at,
                       struct reasons *reasons)
{
    at = put_key(at, &self->start);
    if (subject->birth_absence == MW_PRESENT)
        return mwd_json_at_u64(at, subject->key.birth);
    return put_null(at, &self->start, subject->birth_absence, reasons);
}

static char *put_text(const struct mwd_view_key *key, const struct mw_subject_text *text, char *at,
                      struct reasons *reasons)
{
    at = put_key(at, key);
    if (text->absence == MW_PRESENT)
        return mwd_json_at_text(at, text->bytes, text->size);
    return put_null(at, key, text->absence, reasons);
}

static char *put_reasons(const struct mwd_view_rows *self, const struct reasons *reasons, char *at)
{
    if (!reasons->count)
        return at;
    at = stpcpy(at, ",\"absent\":");
    for (uint32_t i = 0; i < reasons->count; i++) {
        const struct mwd_view_word *word = &self->words[reasons->items[i].absence];
        char *comma = at;

        at = put_key(at, reasons->items[i].key);
        if (i == 0)
            *comma = '{';
        memcpy(at, word->text, sizeof(word->text));
        at += word->size;
    }
    *at++ = '}';
    return at;
}

static char *put_row(const struct mwd_view_rows *self, uint32_t row,
                     const struct mw_subject *subject, char *at)
{
    struct reasons reasons;

    reasons.count = 0;
    memcpy(at, "\"pid\":", 6);
    at = mwd_json_at_u64(at + 6, subject->key.id);
    at = put_start(self, subject, at, &reasons);
    at = put_text(&self->name, &subject->name, at, &reasons);
    at = put_fields(self, row, at, &reasons);
    at = put_text(&self->cgroup, &subject->cgroup, at, &reasons);
    at = put_reasons(self, &reasons, at);
    *at++ = '}';
    return at;
}

static struct mw_subject subject_at(const struct mwd_view_rows *self, uint32_t row)
{
    static const struct mw_subject_text unknown = {NULL, 0, MW_ABSENT_STALE};
    struct mw_subject subject;

    if (self->subjects && mw_subjects_at(self->subjects, self->block, row, &subject))
        return subject;
    const struct mw_block_key key = mw_block_keys(self->block)[row];

    return (struct mw_subject){key, unknown, unknown, key.birth ? MW_PRESENT : MW_ABSENT_STALE};
}

static size_t room_for(const struct mwd_view_rows *self, const struct mw_subject *subject)
{
    return self->room + 6 * (subject->name.size + subject->cgroup.size);
}

static void put_into(const struct mwd_view_rows *self, uint32_t row,
                     const struct mw_subject *subject, const char *before, struct mwd_buffer *out)
{
    char *at = mwd_buffer_reserve(out, room_for(self, subject));

    if (at)
        mwd_buffer_commit(out, (size_t)(put_row(self, row, subject, stpcpy(at, before)) - at));
}

/* The room asked for is more than a row takes in the end. So close to the limit of the buffer the
 * row is made apart: whether it fits is a matter of what it really takes. */
static void put_one(const struct mwd_view_rows *self, uint32_t row,
                    const struct mw_subject *subject, const char *before, struct mwd_buffer *out)
{
    struct mwd_buffer apart;

    if (room_for(self, subject) <= out->limit - out->size) {
        put_into(self, row, subject, before, out);
        return;
    }
    mwd_buffer_init(&apart, SIZE_MAX);
    put_into(self, row, subject, before, &apart);
    if (apart.failed && !out->failed)
        out->failed = apart.failed;
    mwd_buffer_append(out, apart.bytes, apart.size);
    mwd_buffer_deinit(&apart);
}

void mwd_view_rows_put(const struct mwd_view_rows *self, uint32_t row, const char *before,
                       struct mwd_buffer *out)
{
    struct mw_subject subject = subject_at(self, row);

    put_one(self, row, &subject, before, out);
}

/* Rows come in order of rank, so each one is somewhere else in every column. */
static void prefetch(const struct mwd_view_rows *self, uint32_t row)
{
    for (uint32_t i = 0; i < self->count; i++)
        __builtin_prefetch(&self->fields[i].values[row]);
    __builtin_prefetch(&mw_block_keys(self->block)[row]);
}

void mwd_view_rows_list(const struct mwd_view_rows *self, const struct mwd_view_ranked *items,
                        uint32_t count, struct mwd_buffer *out)
{
    struct mw_subject subjects[BATCH];

    for (uint32_t at = 0; at < count && !out->failed; at += BATCH) {
        uint32_t end = count - at < BATCH ? count : at + BATCH;

        for (uint32_t i = at; i < end; i++)
            prefetch(self, items[i].row);
        for (uint32_t i = at; i < end; i++)
            subjects[i - at] = subject_at(self, items[i].row);
        for (uint32_t i = at; i < end; i++)
            put_one(self, items[i].row, &subjects[i - at], i ? ",{" : "{", out);
    }
}
