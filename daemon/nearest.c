#include "daemon/nearest.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_SIZE = 48, FAR = 1000 };

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

static unsigned differ(char a, char b)
{
    return tolower((unsigned char)a) != tolower((unsigned char)b);
}

/* Bytes to insert, drop or replace to make one of the other (Levenshtein), by rows. */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned row[NAME_MAX_SIZE + 1];

    if (a_size > NAME_MAX_SIZE || b_size > NAME_MAX_SIZE)
        return FAR;
    for (unsigned j = 0; j <= b_size; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            unsigned replaced = diagonal + differ(a[i - 1], b[j - 1]);

            diagonal = row[j];
            row[j] = smallest(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[b_size];
}

int mwd_nearest_offer(struct mwd_nearest *self, const char *given, size_t size, const char *name)
{
    size_t name_size = strlen(name);
    unsigned changes = distance(given, size, name, name_size);

    if ((self->name && changes >= self->changes) || (size_t)5 * changes > 2 * name_size)
        return 0;
    self->name = name;
    self->changes = changes;
    return 1;
}
