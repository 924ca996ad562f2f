#include "base/units.h"

#include "base/clock.h"
#include "base/scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *word;
    uint64_t factor;
};

#define POWER_OF_1024(n) (UINT64_C(1) << (10 * (n)))
#define SECOND ((uint64_t)MW_NS_PER_S)

/* Largest first, and of equal ones first that to be written. */
static const struct unit sizes[] = {
    {"TB", POWER_OF_1024(4)},
    {"TiB", POWER_OF_1024(4)},
    {"GB", POWER_OF_1024(3)},
    {"GiB", POWER_OF_1024(3)},
    {"MB", POWER_OF_1024(2)},
    {"MiB", POWER_OF_1024(2)},
    {"KB", POWER_OF_1024(1)},
    {"KiB", POWER_OF_1024(1)},
    {"", 1},
    {"B", 1},
    {NULL, 0},
};

static const struct unit spans[] = {
    {"d", 86400 * SECOND}, {"h", 3600 * SECOND}, {"m", 60 * SECOND}, {"s", SECOND},
    {"ms", MW_NS_PER_MS},  {"us", MW_NS_PER_US}, {"ns", 1},          {NULL, 0},
};

static const uint64_t bytes_max = INT64_MAX;
static const uint64_t span_max = UINT64_C(100) * 365 * 86400 * MW_NS_PER_S;

/* Digits, then whatever follows. False when there are no digits; a number over 64 bits is taken as
 * UINT64_MAX, which is over every bound here. */
static bool split_number(const char *text, uint64_t *ret_number, const char **ret_rest)
{
    struct mw_scan scan = mw_scan_over(text, strlen(text));
    size_t digits = strspn(text, "0123456789");

    *ret_rest = text + digits;
    if (!mw_scan_u64(&scan, ret_number))
        *ret_number = UINT64_MAX;
    return digits > 0;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

static int scale(uint64_t number, uint64_t factor, uint64_t max, uint64_t *ret)
{
    if (number > max / factor)
        return -ERANGE;
    *ret = number * factor;
    return 0;
}

int mw_units_parse_bytes(const char *text, uint64_t *ret)
{
    const char *rest, *word;
    uint64_t number;

    if (!split_number(text, &number, &rest))
        return -EINVAL;
    word = skip_blanks(rest);
    if (word != rest && *word == '\0')
        return -EINVAL;
    for (const struct unit *unit = sizes; unit->word != NULL; unit++)
        if (strcasecmp(word, unit->word) == 0)
            return scale(number, unit->factor, bytes_max, ret);
    return -EINVAL;
}

int mw_units_parse_span_ns(const char *text, uint64_t *ret)
{
    const char *rest, *word;
    uint64_t number;

    if (!split_number(text, &number, &rest))
        return -EINVAL;
    if (number == 0 && *rest == '\0') {
        *ret = 0;
        return 0;
    }
    word = skip_blanks(rest);
    for (const struct unit *unit = spans; unit->word != NULL; unit++)
        if (strcmp(word, unit->word) == 0)
            return scale(number, unit->factor, span_max, ret);
    return -EINVAL;
}

int mw_units_parse_count(const char *text, uint64_t *ret)
{
    const char *rest;
    uint64_t number;

    if (!split_number(text, &number, &rest) || *rest != '\0')
        return -EINVAL;
    return scale(number, 1, bytes_max, ret);
}

static void format(uint64_t value, const struct unit *units, char *buffer, size_t size)
{
    if (value == 0) {
        snprintf(buffer, size, "0");
        return;
    }
    while (value % units->factor != 0)
        units++;
    snprintf(buffer, size, "%" PRIu64 "%s", value / units->factor, units->word);
}

void mw_units_format_bytes(uint64_t bytes, char *buffer, size_t size)
{
    format(bytes, sizes, buffer, size);
}

void mw_units_format_span(uint64_t ns, char *buffer, size_t size)
{
    format(ns, spans, buffer, size);
}
