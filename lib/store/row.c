#include "store/store_internal.h"

#include <string.h>

void mw_store_row_fill(struct mw_store_row *self, const char *kind,
                       const struct mw_store_column *columns, const double *values, size_t count)
{
    self->kind = kind;
    self->count = count;
    for (size_t i = 0; i < count; i++)
        self->numbers[i] = (struct mw_store_number){
            .key = columns[i].key,
            .unit = columns[i].unit,
            .total = columns[i].total,
            .absent = values[i] < 0,
            .value = values[i] < 0 ? 0 : values[i],
        };
}

const struct mw_store_number *mw_store_row_find(const struct mw_store_row *self, const char *key)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->numbers[i].key, key) == 0)
            return &self->numbers[i];
    return NULL;
}
