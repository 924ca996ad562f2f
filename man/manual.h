/* manual: what the files of the generator share.
 *
 * A page is written by hand in mdoc(7), as NAME.SECTION.in. A line of the form @WORD@ or
 * @WORD NAME@ stands for rows of a table: the one of that name, or all that were not named before.
 * A row that a page's tables have and the page does not, is an error: the build fails.
 */
#ifndef MW_MANUAL_H
#define MW_MANUAL_H
#include "daemon/buffer.h"

#include <stdbool.h>

/* One table as a page shows it. */
struct view {
    const char *word, *words;          /* "@key interval@", "@keys@" */
    const char *(*name)(unsigned row); /* NULL past the last */
    void (*put)(unsigned row, struct mwd_buffer *out);
};

extern const struct view views[];
extern const unsigned view_count;

/* Text for a text line: escaped, filled to lines, one sentence never behind another. `text` need
 * not end with a full stop; *column is where the line stands, 0 = at its start. */
struct filler {
    struct mwd_buffer *out;
    unsigned column;
};
void fill(struct filler *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fill_end(struct filler *self);

/* The same on a macro line, where blanks and quotes separate arguments. */
void put_argument(const char *text, struct mwd_buffer *out);
#endif
