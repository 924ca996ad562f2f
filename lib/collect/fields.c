#include "collect/fields_internal.h"

#include <errno.h>
#include <string.h>

enum { NOT_SEEN, FOUND, NO_SENSE };

/* A free slot ends every search, so the slots must never be all taken. */
_Static_assert(MW_READING_COUNT <= MW_FIELDS_SLOTS / 2, "more slots are needed for so many rows");

/* Where a reading of the file stands among the lines that are remembered. */
struct walk {
    struct mw_fields *fields;
    size_t line;
    size_t name; /* offset of that line's name */
};

/* FNV-1a. `sum` is part of the key: "pgscan_*" and a plain "pgscan_" are different fields. */
static uint32_t slot_of(const char *name, size_t size, bool sum)
{
    uint32_t hash = sum ? 2166136261u ^ 1u : 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    return (hash ^ hash >> 16) % MW_FIELDS_SLOTS;
}

/* The name without the star, and whether there is one. */
static size_t name_of(const char *field, bool *ret_sum)
{
    size_t size = strlen(field);

    *ret_sum = size > 1 && field[size - 1] == '*' && field[size - 2] == '_';
    return *ret_sum ? size - 1 : size;
}

static bool is_named(enum mw_reading reading, const char *name, size_t size, bool sum)
{
    bool field_sum;
    const char *field = mw_reading_info(reading)->field;

    return name_of(field, &field_sum) == size && field_sum == sum && memcmp(field, name, size) == 0;
}

/* The slot that holds this name, or the free one where it belongs. */
static uint32_t find_slot(const struct mw_fields *self, const char *name, size_t size, bool sum)
{
    uint32_t at = slot_of(name, size, sum);

    while (self->slots[at] != MW_NONE && !is_named(self->slots[at], name, size, sum))
        at = (at + 1) % MW_FIELDS_SLOTS;
    return at;
}

void mw_fields_init(struct mw_fields *self, const char *file)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);

    self->lines = self->names_size = self->row_count = 0;
    for (size_t i = 0; i < MW_FIELDS_SLOTS; i++)
        self->slots[i] = MW_NONE;
    for (uint16_t column = 0; column < mw_source_columns(MW_SOURCE_SYSTEM); column++) {
        uint16_t reading = (uint16_t)(first + column);
        const struct mw_reading_info *info = mw_reading_info(reading);

        if (strcmp(info->file, file) != 0)
            continue;
        bool sum;
        size_t size = name_of(info->field, &sum);
        self->slots[find_slot(self, info->field, size, sum)] = reading;
        self->rows[self->row_count++] = reading;
    }
}

struct mw_field mw_fields_find(const struct mw_fields *self, const char *name, size_t size)
{
    uint16_t exact = self->slots[find_slot(self, name, size, false)];

    if (exact != MW_NONE)
        return (struct mw_field){exact, false};
    for (size_t at = size; at > 0; at--) {
        if (name[at - 1] != '_')
            continue;
        uint16_t sum = self->slots[find_slot(self, name, at, true)];
        if (sum != MW_NONE)
            return (struct mw_field){sum, true};
    }
    return (struct mw_field){MW_NONE, false};
}

/* Both names end at their first `stop`, so equal bytes up to a stop are equal names. */
static bool is_as_before(const struct walk *self, const struct mw_scan *line, char stop)
{
    const struct mw_fields *fields = self->fields;

    if (self->line >= fields->lines)
        return false;
    size_t size = fields->line[self->line].name_size;
    return mw_scan_left(line) > size && line->at[size] == stop &&
           memcmp(line->at, fields->names + self->name, size) == 0;
}

static void remember(struct walk *self, const struct mw_scan *name, struct mw_field field)
{
    struct mw_fields *fields = self->fields;
    size_t size = mw_scan_left(name);

    fields->lines = (uint16_t)self->line;
    fields->names_size = (uint16_t)self->name;
    if (fields->lines == MW_FIELDS_LINES_MAX || size > MW_FIELDS_NAMES_MAX - self->name)
        return;
    memcpy(fields->names + self->name, name->at, size);
    fields->line[self->line++] = (struct mw_fields_line){field, (uint16_t)size};
    self->name += size;
    fields->lines++;
    fields->names_size = (uint16_t)self->name;
}

/* Takes the name and the stop behind it. */
static struct mw_field take_name(struct walk *self, struct mw_scan *line, char stop)
{
    struct mw_scan name;

    if (is_as_before(self, line, stop)) {
        const struct mw_fields_line *before = &self->fields->line[self->line++];

        self->name += before->name_size;
        line->at += before->name_size + 1;
        return before->field;
    }
    if (!mw_scan_until(line, stop, &name))
        return (struct mw_field){MW_NONE, false};
    struct mw_field field = mw_fields_find(self->fields, name.at, mw_scan_left(&name));
    remember(self, &name, field);
    return field;
}

int mw_fields_number(struct mw_scan *self, uint64_t *ret)
{
    if (mw_scan_u64(self, ret))
        return *ret > MW_READING_MAX ? -ERANGE : 0;
    bool digit = !mw_scan_done(self) && *self->at >= '0' && *self->at <= '9';
    return digit ? -ERANGE : -EINVAL;
}

void mw_field_cells_put(struct mw_field_cells *self, struct mw_field field, int error,
                        union mw_value value)
{
    uint8_t *state = &self->states[field.reading];
    union mw_value *cell = &self->values[field.reading];

    if (*state == NO_SENSE || (*state == FOUND && !field.sum))
        return;
    if (*state == FOUND) {
        value.u += cell->u; /* both are far below 2^63: no carry is lost */
        if (value.u > MW_READING_MAX)
            error = -ERANGE;
    }
    *state = error ? NO_SENSE : FOUND;
    *cell = value;
    if (!self->error)
        self->error = error;
}

void mw_field_cells_cut(struct mw_field_cells *self)
{
    self->cut = true;
    if (!self->error)
        self->error = -ENODATA;
}

int mw_field_cells_store(const struct mw_field_cells *self, const struct mw_fields *fields,
                         struct mw_block *block)
{
    enum mw_absence not_seen = self->cut ? MW_ABSENT_STALE : MW_ABSENT_UNSUPPORTED;

    for (uint16_t i = 0; i < fields->row_count; i++) {
        enum mw_reading reading = fields->rows[i];

        if (self->states[reading] == FOUND) {
            mw_block_put(block, reading, 0, self->values[reading]);
        } else {
            mw_block_put_absent(block, reading, 0,
                                self->states[reading] == NOT_SEEN ? not_seen : MW_ABSENT_STALE);
        }
    }
    return self->error;
}

void mw_fields_absent(const struct mw_fields *self, enum mw_absence absence, struct mw_block *block)
{
    for (uint16_t i = 0; i < self->row_count; i++)
        mw_block_put_absent(block, self->rows[i], 0, absence);
}

static void read_line(struct walk *walk, const struct mw_field_format *format, struct mw_scan *line,
                      struct mw_field_cells *cells)
{
    union mw_value value = {0};
    struct mw_field field = take_name(walk, line, format->stop);

    if (field.reading == MW_NONE)
        return;
    int error = format->value(line, field.reading, &value);
    if (!error && !mw_scan_done(line))
        error = -EINVAL;
    mw_field_cells_put(cells, field, error, value);
}

/* The digits of a line without its newline may be the front of a longer number. */
static void read_cut_line(struct walk *walk, const struct mw_field_format *format,
                          struct mw_scan *line, struct mw_field_cells *cells)
{
    struct mw_field field = take_name(walk, line, format->stop);

    if (field.reading != MW_NONE)
        mw_field_cells_put(cells, field, -ENODATA, (union mw_value){0});
    mw_field_cells_cut(cells);
}

int mw_fields_parse(struct mw_fields *self, const struct mw_field_format *format,
                    struct mw_scan text, struct mw_block *block)
{
    struct mw_field_cells cells = {0};
    struct walk walk = {self, 0, 0};
    struct mw_scan line;

    if (mw_scan_done(&text))
        mw_field_cells_cut(&cells);
    while (mw_scan_until(&text, '\n', &line))
        read_line(&walk, format, &line, &cells);
    if (!mw_scan_done(&text))
        read_cut_line(&walk, format, &text, &cells);
    return mw_field_cells_store(&cells, self, block);
}
