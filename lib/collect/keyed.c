/* Lines of a word and a number: memory.stat, memory.events, memory.oom_control. */
#include "collect/collect.h"

#include "base/scan.h"

#include <errno.h>
#include <string.h>

static uint32_t find(const char *const *keys, uint32_t count, const struct mw_scan *word)
{
    size_t size = mw_scan_left(word);
    uint32_t i = 0;

    while (i < count && (strlen(keys[i]) != size || memcmp(keys[i], word->at, size) != 0))
        i++;
    return i;
}

static int read_number(struct mw_scan *line, uint64_t *ret)
{
    bool digit = !mw_scan_done(line) && *line->at >= '0' && *line->at <= '9';
    uint64_t number;

    if (!mw_scan_u64(line, &number))
        return digit ? -ERANGE : -EINVAL;
    if (!mw_scan_done(line))
        return -EINVAL;
    if (number > MW_READING_MAX)
        return -ERANGE;
    *ret = number;
    return 0;
}

int mw_parse_keyed(const char *bytes, size_t size, const char *const *keys, uint32_t count,
                   uint64_t *values, uint32_t *ret_found)
{
    struct mw_scan text = mw_scan_over(bytes, size), line, word;
    uint32_t found = 0, seen = 0;
    int error = size == 0 ? -ENODATA : 0;

    while (mw_scan_until(&text, '\n', &line)) {
        if (!mw_scan_until(&line, ' ', &word))
            continue;
        uint32_t at = find(keys, count, &word);
        if (at == count || seen & UINT32_C(1) << at)
            continue;
        seen |= UINT32_C(1) << at;
        int failed = read_number(&line, &values[at]);
        if (!failed)
            found |= UINT32_C(1) << at;
        error = error ? error : failed;
    }
    *ret_found = found;
    return mw_scan_done(&text) || error ? error : -ENODATA;
}
