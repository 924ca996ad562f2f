/* /proc/meminfo: "MemFree:         24161656 kB", "HugePages_Total:       0". */
#include "collect/collect.h"
#include "collect/fields_internal.h"

#include <errno.h>

enum { KIB = 1024 };

/* The kernel marks amounts of memory with " kB" and numbers of pages with nothing; the table says
 * which of the two a reading is, and the other one would be off by a factor of 1024. */
static int read_value(struct mw_scan *rest, enum mw_reading reading, union mw_value *ret)
{
    mw_scan_blanks(rest);
    int error = mw_fields_number(rest, &ret->u);
    if (error)
        return error;
    bool kib = mw_scan_literal(rest, " kB");
    if (kib != (mw_reading_info(reading)->unit == MW_UNIT_BYTES))
        return -EINVAL;
    if (kib && ret->u > MW_READING_MAX / KIB)
        return -ERANGE;
    ret->u *= kib ? KIB : 1;
    return 0;
}

int mw_fields_meminfo(struct mw_fields *self, struct mw_scan text, struct mw_block *block)
{
    static const struct mw_field_format format = {':', read_value};

    return mw_fields_parse(self, &format, text, block);
}

int mw_parse_meminfo(const char *bytes, size_t size, struct mw_block *block)
{
    struct mw_fields fields;

    mw_fields_init(&fields, "/proc/meminfo");
    return mw_fields_meminfo(&fields, mw_scan_over(bytes, size), block);
}
