/* /proc/vmstat: "pgfault 1452712". Counters by zone ("pgalloc_normal") are added up where the table
 * asks for all zones. */
#include "collect/collect.h"
#include "collect/fields_internal.h"

static int read_value(struct mw_scan *rest, enum mw_reading reading, union mw_value *ret)
{
    (void)reading;
    return mw_fields_number(rest, &ret->u);
}

int mw_fields_vmstat(struct mw_fields *self, struct mw_scan text, struct mw_block *block)
{
    static const struct mw_field_format format = {' ', read_value};

    return mw_fields_parse(self, &format, text, block);
}

int mw_parse_vmstat(const char *bytes, size_t size, struct mw_block *block)
{
    struct mw_fields fields;

    mw_fields_init(&fields, "/proc/vmstat");
    return mw_fields_vmstat(&fields, mw_scan_over(bytes, size), block);
}
