/* row: what a container tells about itself, as numbers with names: what subjects of the kinds
 * `queue` and `cache` show.
 */
#ifndef MW_STORE_ROW_H
#define MW_STORE_ROW_H
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mw_store_unit {
    MW_STORE_COUNT,
    MW_STORE_BYTES,
    MW_STORE_MS,
    MW_STORE_RATIO, /* 0 to 1 */
    MW_STORE_PER_S,
    MW_STORE_YES_NO, /* 1 or 0 */
};

struct mw_store_number {
    const char *key; /* as in JSON; constant */
    enum mw_store_unit unit;
    bool total;  /* a counter: it only grows */
    bool absent; /* there is no such value now; `value` is 0 then */
    double value;
};

enum { MW_STORE_NUMBERS_MAX = 16 };

struct mw_store_row {
    const char *kind; /* "queue" or "cache"; constant */
    size_t count;
    struct mw_store_number numbers[MW_STORE_NUMBERS_MAX];
};

/* NULL when the row has no number of this key. */
const struct mw_store_number *mw_store_row_find(const struct mw_store_row *self, const char *key);

#ifdef __cplusplus
}
#endif
#endif
