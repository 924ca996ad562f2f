#include "sample/block.h"

#include "base/utf8.h"
#include "sample/block_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static inline size_t column_of(const struct mw_block *self, enum mw_reading reading)
{
    size_t column = (size_t)reading - self->first;

    assert(reading >= self->first && column < self->columns);
    return column;
}

static inline union mw_value *value_at(const struct mw_block *self, size_t column, uint32_t row)
{
    assert(row < self->head->stride);
    return self->values + column * self->head->stride + row;
}

static inline void set_absence(const struct mw_block *self, size_t column, uint32_t row,
                               unsigned absence)
{
    unsigned char *pair = self->absences + column * self->absence_stride + row / 2;
    unsigned shift = row % 2 * 4;

    *pair = (unsigned char)((*pair & ~(15u << shift)) | absence << shift);
}

void mw_block_set_time(struct mw_block *self, uint64_t seq, int64_t time_ms, uint64_t time_ns)
{
    self->head->seq = seq;
    self->head->time_ms = time_ms;
    self->head->time_ns = time_ns;
}

void mw_block_set_key(struct mw_block *self, uint32_t row, struct mw_block_key key)
{
    assert(row < self->head->stride);
    self->keys[row] = key;
    if (row >= self->head->rows)
        self->head->rows = row + 1;
}

void mw_block_put(struct mw_block *self, enum mw_reading reading, uint32_t row,
                  union mw_value value)
{
    size_t column = column_of(self, reading);

    *value_at(self, column, row) = value;
    set_absence(self, column, row, MW_PRESENT);
}

void mw_block_put_absent(struct mw_block *self, enum mw_reading reading, uint32_t row,
                         enum mw_absence absence)
{
    size_t column = column_of(self, reading);

    value_at(self, column, row)->u = 0;
    set_absence(self, column, row, absence);
}

void mw_block_clear_row(struct mw_block *self, uint32_t row)
{
    for (size_t column = 0; column < self->columns; column++) {
        value_at(self, column, row)->u = 0;
        set_absence(self, column, row, MW_ABSENT_UNSUPPORTED);
    }
    self->keys[row] = (struct mw_block_key){0, 0};
}

static int tail_append(struct mw_block_tail *self, const void *bytes, size_t size)
{
    if (size > self->capacity - self->size) {
        size_t capacity = (self->size + size) * 2;
        char *grown = realloc(self->bytes, capacity);

        if (grown == NULL)
            return -ENOMEM;
        self->bytes = grown;
        self->capacity = capacity;
    }
    if (size > 0) {
        memcpy(self->bytes + self->size, bytes, size);
        self->size += size;
    }
    return 0;
}

/* The longest front of at most `max` bytes that ends where a character ends. */
static size_t cut_text(const char *text, size_t size, size_t max)
{
    if (size <= max)
        return size;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

int mw_block_add_event(struct mw_block *self, enum mw_block_event_type type, uint32_t row,
                       enum mw_absence absence, const char *text, size_t size)
{
    struct mw_block_event event = {.row = row, .type = (uint8_t)type};
    int error;

    assert(row < self->head->stride);
    size = absence == MW_PRESENT ? cut_text(text, size, MW_BLOCK_TEXT_MAX) : 0;
    if (size > MW_BLOCK_TEXTS_MAX - self->text.size)
        return -E2BIG;
    assert(size == 0 || (mw_utf8_valid(text, size) && memchr(text, 0, size) == NULL));
    event.key = self->keys[row];
    event.absence = (uint8_t)absence;
    event.text_size = (uint16_t)size;
    event.text_offset = (uint32_t)self->text.size;
    error = tail_append(&self->text, text, size);
    if (error == 0)
        error = tail_append(&self->events, &event, sizeof(event));
    return error;
}

static uint32_t event_count(const struct mw_block *self)
{
    return (uint32_t)(self->events.size / sizeof(struct mw_block_event));
}

static void tail_move(struct mw_block_tail *self, void *to)
{
    if (self->size > 0)
        memcpy(to, self->bytes, self->size);
    mw_block_tail_empty(self);
}

static int buffer_grow(struct mw_block *self, uint64_t size)
{
    struct mw_block_head *grown;

    if (size <= self->capacity)
        return 0;
    grown = realloc(self->head, size);
    if (grown == NULL)
        return -ENOMEM;
    self->head = grown;
    self->capacity = size;
    return 0;
}

/* Free rows at the end are dropped, unless an event still speaks of them. */
static uint32_t rows_in_use(const struct mw_block *self)
{
    const struct mw_block_event *events = (const void *)self->events.bytes;
    uint32_t rows = self->head->rows;
    uint32_t used = 0;

    for (uint32_t i = 0; i < event_count(self); i++)
        used = events[i].row >= used ? events[i].row + 1 : used;
    while (rows > used && self->keys[rows - 1].id == 0)
        rows--;
    return rows > used ? rows : used;
}

int mw_block_finish(struct mw_block *self)
{
    const uint64_t text_offset = self->head->events_offset + self->events.size;
    const uint64_t size = text_offset + self->text.size;
    struct mw_block_counts counts;
    struct mw_block_head *head;
    int error = buffer_grow(self, size);

    if (error < 0)
        return error;
    mw_block_map(self);
    head = self->head;
    head->rows = rows_in_use(self);
    head->events = event_count(self);
    head->text_offset = text_offset;
    head->text_size = (uint32_t)self->text.size;
    head->size = size;
    tail_move(&self->events, (char *)head + head->events_offset);
    tail_move(&self->text, (char *)head + text_offset);
    mw_block_count(head, head, &counts);
    head->live = counts.live;
    memcpy(head->absent, counts.absent, sizeof(head->absent));
    return 0;
}

const struct mw_block_head *mw_block_head(const struct mw_block *self)
{
    return self->head;
}

const struct mw_block_key *mw_block_keys(const struct mw_block *self)
{
    return self->keys;
}

enum mw_absence mw_block_get(const struct mw_block *self, enum mw_reading reading, uint32_t row,
                             union mw_value *ret)
{
    size_t column = column_of(self, reading);
    unsigned absence;

    if (row >= self->head->stride)
        return MW_ABSENT_UNSUPPORTED;
    absence = mw_block_nibble(self->absences + column * self->absence_stride, row);
    if (absence == MW_PRESENT)
        *ret = *value_at(self, column, row);
    return (enum mw_absence)absence;
}

const union mw_value *mw_block_column(const struct mw_block *self, enum mw_reading reading)
{
    return self->values + column_of(self, reading) * self->head->stride;
}

const unsigned char *mw_block_absences(const struct mw_block *self, enum mw_reading reading)
{
    return self->absences + column_of(self, reading) * self->absence_stride;
}

const struct mw_block_event *mw_block_events(const struct mw_block *self)
{
    return (const void *)((const char *)self->head + self->head->events_offset);
}

const char *mw_block_text(const struct mw_block *self)
{
    return (const char *)self->head + self->head->text_offset;
}
