/* Amounts as people write them: what is taken is within its bound and comes back the same when it
 * is written out; what is refused leaves the result alone. */
#include "base/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNTOUCHED = 0x5a5a };

typedef int (*parse_fn)(const char *text, uint64_t *ret);
typedef void (*format_fn)(uint64_t value, char *buffer, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void try_unit(const char *text, parse_fn parse, format_fn format)
{
    uint64_t value = UNTOUCHED, back = UNTOUCHED;
    int error = parse(text, &value);
    char written[32];

    if (error < 0) {
        expect((error == -EINVAL || error == -ERANGE) && value == UNTOUCHED);
        return;
    }
    expect(error == 0 && value <= INT64_MAX);
    if (format != NULL) {
        format(value, written, sizeof(written));
        expect(strlen(written) < sizeof(written) - 1);
        expect(parse(written, &back) == 0 && back == value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    try_unit(text, mw_units_parse_bytes, mw_units_format_bytes);
    try_unit(text, mw_units_parse_span_ns, mw_units_format_span);
    try_unit(text, mw_units_parse_count, NULL);
    free(text);
    return 0;
}
