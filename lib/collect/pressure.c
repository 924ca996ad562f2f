/* /proc/pressure/memory: two lines of named numbers, of which "full" may be missing.
 *
 *     some avg10=0.00 avg60=0.12 avg300=0.45 total=123456
 *
 * The table calls them "some avg10", "some avg60" ...: the line's word and the number's name. */
#include "collect/collect.h"
#include "collect/fields_internal.h"

#include <errno.h>
#include <string.h>

enum { NAME_MAX_SIZE = 64 };

static int read_percent(struct mw_scan *text, double *ret)
{
    if (!mw_scan_decimal(text, ret))
        return -EINVAL;
    return *ret > 100 ? -ERANGE : 0;
}

static struct mw_field find_number(const struct mw_fields *fields, const struct mw_scan *word,
                                   const struct mw_scan *name)
{
    char whole[NAME_MAX_SIZE];
    size_t word_size = mw_scan_left(word), name_size = mw_scan_left(name);

    if (word_size + 1 + name_size > sizeof(whole))
        return (struct mw_field){MW_NONE, false};
    memcpy(whole, word->at, word_size);
    whole[word_size] = ' ';
    memcpy(whole + word_size + 1, name->at, name_size);
    return mw_fields_find(fields, whole, word_size + 1 + name_size);
}

/* One "name=number". `error` is not 0 when it is known already that the number is not whole. */
static void read_number(const struct mw_fields *fields, const struct mw_scan *word,
                        struct mw_scan *item, int error, struct mw_field_cells *cells)
{
    struct mw_scan name;
    union mw_value value = {0};

    if (!mw_scan_until(item, '=', &name))
        return;
    struct mw_field field = find_number(fields, word, &name);
    if (field.reading == MW_NONE)
        return;
    if (!error && mw_reading_info(field.reading)->value == MW_VALUE_F64)
        error = read_percent(item, &value.f);
    else if (!error)
        error = mw_fields_number(item, &value.u);
    if (!error && !mw_scan_done(item))
        error = -EINVAL;
    mw_field_cells_put(cells, field, error, value);
}

/* `error` is for the last number of the line, the only one that a cut can have shortened. */
static void read_line(const struct mw_fields *fields, struct mw_scan *line, int error,
                      struct mw_field_cells *cells)
{
    struct mw_scan word, item;

    if (!mw_scan_until(line, ' ', &word))
        return;
    while (mw_scan_until(line, ' ', &item))
        read_number(fields, &word, &item, 0, cells);
    read_number(fields, &word, line, error, cells);
}

int mw_fields_pressure(struct mw_fields *self, struct mw_scan text, struct mw_block *block)
{
    struct mw_field_cells cells = {0};
    struct mw_scan line;

    if (mw_scan_done(&text))
        mw_field_cells_cut(&cells);
    while (mw_scan_until(&text, '\n', &line))
        read_line(self, &line, 0, &cells);
    if (!mw_scan_done(&text)) {
        read_line(self, &text, -ENODATA, &cells);
        mw_field_cells_cut(&cells);
    }
    return mw_field_cells_store(&cells, self, block);
}

int mw_parse_pressure(const char *bytes, size_t size, struct mw_block *block)
{
    struct mw_fields fields;

    mw_fields_init(&fields, "/proc/pressure/memory");
    return mw_fields_pressure(&fields, mw_scan_over(bytes, size), block);
}
