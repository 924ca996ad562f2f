/* fields: which reading a line of a key-value file ("MemFree:  512 kB", "pgfault 7") belongs to.
 *
 * The reading table says which fields exist; nothing here names one. A field that ends in "_*" is
 * the sum over all lines whose name begins with what stands before the star.
 *
 * The kernel writes these files in the same order each time, so the names of the lines are
 * remembered with what they were found to be: a line with the name that stood at its place before
 * costs one comparison. From the first line that differs on, names are hashed and remembered anew.
 *
 * Threads  one owner.
 * Bound    MW_FIELDS_LINES_MAX lines and MW_FIELDS_NAMES_MAX bytes of names are remembered, those
 *          beyond are hashed each time.
 */
#ifndef MW_COLLECT_FIELDS_INTERNAL_H
#define MW_COLLECT_FIELDS_INTERNAL_H
#include "base/scan.h"
#include "sample/sample.h"

enum { MW_FIELDS_SLOTS = 1024, MW_FIELDS_LINES_MAX = 384, MW_FIELDS_NAMES_MAX = 8192 };

struct mw_field {
    uint16_t reading; /* enum mw_reading; MW_NONE: the table has no such field */
    bool sum;         /* one of several lines that are added up */
};

struct mw_fields_line {
    struct mw_field field;
    uint16_t name_size;
};

struct mw_fields {
    uint16_t rows[MW_READING_COUNT]; /* the table's rows of this file */
    uint16_t row_count;
    uint16_t slots[MW_FIELDS_SLOTS]; /* the same by the hash of their fields; MW_NONE = free */
    uint16_t lines;                  /* remembered; their names stand one behind the other */
    uint16_t names_size;
    struct mw_fields_line line[MW_FIELDS_LINES_MAX];
    char names[MW_FIELDS_NAMES_MAX];
};

/* How the lines of a file are built: a name, `stop`, and what `value` makes sense of.
 * Errors of value()  -EINVAL, -ERANGE. */
struct mw_field_format {
    char stop;
    int (*value)(struct mw_scan *rest, enum mw_reading reading, union mw_value *ret);
};

/* What was found for each reading, until the end of the file is seen. */
struct mw_field_cells {
    union mw_value values[MW_READING_COUNT];
    uint8_t states[MW_READING_COUNT]; /* 0 not seen, 1 found, 2 makes no sense */
    bool cut;                         /* the text ended too early: what was not seen may exist */
    int error;                        /* the first thing wrong */
};

/* For all rows of MW_SOURCE_SYSTEM whose `file` is this one. */
void mw_fields_init(struct mw_fields *self, const char *file);

/* By name; MW_NONE in the answer when there is none. */
struct mw_field mw_fields_find(const struct mw_fields *self, const char *name, size_t size);

/* Reads a whole file of one field a line into row 0 of the block.
 * Returns  0, or the first thing wrong: -ENODATA empty or cut short in a line, -EINVAL, -ERANGE. */
int mw_fields_parse(struct mw_fields *self, const struct mw_field_format *format,
                    struct mw_scan text, struct mw_block *block);

/* A value, or with `error` the news that there is none. The first line of a name wins. */
void mw_field_cells_put(struct mw_field_cells *self, struct mw_field field, int error,
                        union mw_value value);
void mw_field_cells_cut(struct mw_field_cells *self);

/* Not seen: unsupported, or stale when the text was cut; no sense: stale. Returns the error. */
int mw_field_cells_store(const struct mw_field_cells *self, const struct mw_fields *fields,
                         struct mw_block *block);

/* All readings of the file are absent. */
void mw_fields_absent(const struct mw_fields *self, enum mw_absence absence,
                      struct mw_block *block);

/* mw_scan_u64() that says why not: -EINVAL no digit, -ERANGE over MW_READING_MAX. */
int mw_fields_number(struct mw_scan *self, uint64_t *ret);

/* The parsers of collect.h, with the memory of the beat before. */
int mw_fields_meminfo(struct mw_fields *self, struct mw_scan text, struct mw_block *block);
int mw_fields_vmstat(struct mw_fields *self, struct mw_scan text, struct mw_block *block);
int mw_fields_pressure(struct mw_fields *self, struct mw_scan text, struct mw_block *block);
#endif
