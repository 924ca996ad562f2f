/* Names in any bytes: what comes out is valid UTF-8, loses nothing that was valid, and stays as it
 * is when it is escaped once more. */
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void escape_into(const char *bytes, size_t size, size_t capacity)
{
    char *out = malloc(capacity + 1);
    char *again = malloc(capacity + 1);

    if (out != NULL && again != NULL) {
        size_t written = mw_utf8_escape(bytes, size, out, capacity);

        expect(written <= capacity && mw_utf8_valid(out, written));
        expect(mw_utf8_escape(out, written, again, capacity) == written);
        expect(memcmp(out, again, written) == 0);
        if (capacity >= 4 * size) {
            expect(written >= size);
            expect((written == size) == mw_utf8_valid(bytes, size));
        }
    }
    free(out);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escape_into((const char *)data, size, 4 * size);
    escape_into((const char *)data, size, size);
    escape_into((const char *)data, size, size / 2);
    return 0;
}
