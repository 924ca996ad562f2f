#include "daemon/ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 12, CELL_BYTES = 400, GAP = 2, FLOW_LEAST = 16 };

struct mwd_ctl_table {
    const struct mwd_ctl_column *columns;
    unsigned count;
    char **cells; /* row by row */
    size_t cell_count, cell_room;
    bool failed;
};

/* How a table is laid out on one terminal. */
struct layout {
    size_t widths[COLUMNS_MAX];
    bool shown[COLUMNS_MAX];
    unsigned hidden, last;
};

int mwd_ctl_table_create(const struct mwd_ctl_column *columns, unsigned count,
                         struct mwd_ctl_table **ret)
{
    struct mwd_ctl_table *self;

    if (count < 1 || count > COLUMNS_MAX)
        return -EINVAL;
    self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->columns = columns;
    self->count = count;
    *ret = self;
    return 0;
}

struct mwd_ctl_table *mwd_ctl_table_destroy(struct mwd_ctl_table *self)
{
    if (!self)
        return NULL;
    for (size_t i = 0; i < self->cell_count; i++)
        free(self->cells[i]);
    free(self->cells);
    free(self);
    return NULL;
}

/* Names come from whoever named a process: nothing in them may steer the terminal. */
static void make_harmless(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            *c = c[1] = '?';
}

static bool make_room(struct mwd_ctl_table *self)
{
    size_t room = self->cell_room ? 2 * self->cell_room : 64;
    char **cells;

    if (self->cell_count < self->cell_room)
        return true;
    cells = realloc(self->cells, room * sizeof *cells);
    if (!cells)
        return false;
    self->cells = cells;
    self->cell_room = room;
    return true;
}

void mwd_ctl_table_cell(struct mwd_ctl_table *self, const char *format, ...)
{
    char text[CELL_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    make_harmless(text);
    char *copy = make_room(self) ? strdup(text) : NULL;
    if (copy)
        self->cells[self->cell_count++] = copy;
    else
        self->failed = true;
}

/* ---- layout ---- */

/* Characters: every byte that does not continue one. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void measure(const struct mwd_ctl_table *self, const struct mwd_ctl *ctl, struct layout *ret)
{
    for (unsigned i = 0; i < self->count; i++) {
        ret->shown[i] = ctl->columns == 0 || ctl->columns >= self->columns[i].at_least;
        ret->hidden += !ret->shown[i];
        ret->widths[i] = width_of(self->columns[i].title);
        if (ret->shown[i])
            ret->last = i;
        for (size_t at = i; at < self->cell_count; at += self->count) {
            size_t width = width_of(self->cells[at]);

            if (width > ret->widths[i])
                ret->widths[i] = width;
        }
    }
}

/* What is too wide is taken from the last column. */
static void narrow(const struct mwd_ctl *ctl, struct layout *layout)
{
    size_t before = 0;

    for (unsigned i = 0; i < layout->last; i++)
        before += layout->shown[i] ? layout->widths[i] + GAP : 0;
    if (ctl->columns == 0 || before + layout->widths[layout->last] <= ctl->columns)
        return;
    layout->widths[layout->last] =
        ctl->columns > before + FLOW_LEAST ? ctl->columns - before : FLOW_LEAST;
}

/* ---- printing ---- */

/* Bytes of so many characters at the front. */
static size_t bytes_of(const char *text, size_t width)
{
    size_t size = 0;

    for (; text[size]; size++)
        if (((unsigned char)text[size] & 0xc0) != 0x80 && width-- == 0)
            break;
    return size;
}

static const char *paint_of(const char *text)
{
    if (strcmp(text, "yes") == 0)
        return "\x1b[32m";
    return strcmp(text, "no") == 0 ? "\x1b[31m" : "\x1b[33m";
}

static void put_spaces(size_t count, struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "%*s", (int)count, "");
}

static void put_cell(const struct mwd_ctl_column *column, size_t width, const char *text,
                     const char *paint, struct mwd_buffer *out)
{
    size_t size = bytes_of(text, width);
    size_t pad = width > width_of(text) ? width - width_of(text) : 0;

    if (column->right)
        put_spaces(pad, out);
    if (paint)
        mwd_buffer_puts(out, paint);
    mwd_buffer_append(out, text, size);
    if (paint)
        mwd_buffer_puts(out, "\x1b[0m");
    if (!column->right)
        put_spaces(pad, out);
}

/* Trailing blanks are for nobody. */
static void end_line(struct mwd_buffer *out)
{
    while (out->size > 0 && out->bytes[out->size - 1] == ' ')
        out->size--;
    mwd_buffer_puts(out, "\n");
}

/* Where the part of a text that fits into the width ends: at a blank if there is one. */
static size_t flow(const char *text, size_t width)
{
    size_t size = bytes_of(text, width);
    size_t cut = size;

    if (text[size] == '\0')
        return size;
    while (cut > 0 && text[cut] != ' ')
        cut--;
    return cut > 0 ? cut : size;
}

/* The rest of a text that did not fit, under its own column. */
static void put_rest(const struct layout *layout, size_t column_at, const char *text,
                     struct mwd_buffer *out)
{
    size_t width = layout->widths[layout->last];

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t size = flow(text, width);

        put_spaces(column_at, out);
        mwd_buffer_append(out, text, size);
        mwd_buffer_puts(out, "\n");
        text += size;
    }
}

static void put_row(const struct mwd_ctl_table *self, const struct mwd_ctl *ctl,
                    const struct layout *layout, char *const *cells, struct mwd_buffer *out)
{
    const struct mwd_ctl_column *last = &self->columns[layout->last];
    const char *rest = "";
    size_t column_at = 0;

    for (unsigned i = 0; i <= layout->last; i++) {
        const struct mwd_ctl_column *column = &self->columns[i];
        char part[CELL_BYTES];

        if (!layout->shown[i])
            continue;
        snprintf(part, sizeof part, "%s", cells[i]);
        if (i == layout->last && last->flows) {
            size_t size = flow(part, layout->widths[i]);

            rest = cells[i] + size;
            part[size] = '\0';
        }
        put_cell(column, layout->widths[i], part,
                 ctl->colour && column->painted ? paint_of(part) : NULL, out);
        if (i < layout->last) {
            put_spaces(GAP, out);
            column_at += layout->widths[i] + GAP;
        }
    }
    end_line(out);
    put_rest(layout, column_at, rest, out);
}

static void put_titles(const struct mwd_ctl_table *self, const struct mwd_ctl *ctl,
                       const struct layout *layout, struct mwd_buffer *out)
{
    for (unsigned i = 0; i <= layout->last; i++) {
        if (!layout->shown[i])
            continue;
        put_cell(&self->columns[i], layout->widths[i], self->columns[i].title,
                 ctl->colour ? "\x1b[1m" : NULL, out);
        if (i < layout->last)
            put_spaces(GAP, out);
    }
    end_line(out);
}

void mwd_ctl_table_put(const struct mwd_ctl_table *self, const struct mwd_ctl *ctl,
                       struct mwd_buffer *out)
{
    struct layout layout = {.hidden = 0};

    measure(self, ctl, &layout);
    narrow(ctl, &layout);
    put_titles(self, ctl, &layout, out);
    for (size_t i = 0; i + self->count <= self->cell_count; i += self->count)
        put_row(self, ctl, &layout, self->cells + i, out);
    if (layout.hidden > 0)
        mwd_buffer_printf(out, "%u column%s hidden here: use --json\n", layout.hidden,
                          layout.hidden == 1 ? "" : "s");
    if (self->failed)
        out->failed = -ENOMEM;
}
