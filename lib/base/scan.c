#include "base/scan.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool mw_scan_u64(struct mw_scan *self, uint64_t *ret)
{
    const char *at = self->at;
    uint64_t value = 0;

    for (; at < self->end && is_digit(*at); at++) {
        unsigned digit = (unsigned)(*at - '0');

        if (value > UINT64_MAX / 10 || (value == UINT64_MAX / 10 && digit > UINT64_MAX % 10))
            return false;
        value = value * 10 + digit;
    }
    if (at == self->at)
        return false;
    self->at = at;
    *ret = value;
    return true;
}

/* Both the digits without their point (below 10^15) and the power of ten are exact as doubles, so
 * one division gives the nearest double to what is written. */
bool mw_scan_decimal(struct mw_scan *self, double *ret)
{
    enum { DIGITS_MAX = 15 };
    const char *at = self->at;
    const char *point = NULL;
    double digits = 0, scale = 1;
    int count = 0;

    for (; at < self->end && (is_digit(*at) || *at == '.'); at++) {
        if (*at == '.') {
            if (point != NULL || count == 0)
                return false;
            point = at;
            continue;
        }
        digits = digits * 10 + (*at - '0');
        scale *= point != NULL ? 10 : 1;
        count++;
    }
    if (count == 0 || count > DIGITS_MAX || (point != NULL && point + 1 == at))
        return false;
    self->at = at;
    *ret = digits / scale;
    return true;
}

bool mw_scan_literal(struct mw_scan *self, const char *literal)
{
    size_t size = strlen(literal);

    if (mw_scan_left(self) < size || (size > 0 && memcmp(self->at, literal, size) != 0))
        return false;
    self->at += size;
    return true;
}

void mw_scan_blanks(struct mw_scan *self)
{
    while (self->at < self->end && (*self->at == ' ' || *self->at == '\t'))
        self->at++;
}

bool mw_scan_line(struct mw_scan *self, struct mw_scan *ret)
{
    struct mw_scan rest = *self;

    if (mw_scan_until(self, '\n', ret))
        return true;
    if (mw_scan_done(self))
        return false;
    self->at = self->end;
    *ret = rest;
    return true;
}

bool mw_scan_until(struct mw_scan *self, char stop, struct mw_scan *ret)
{
    size_t left = mw_scan_left(self);
    const char *found = left > 0 ? memchr(self->at, stop, left) : NULL;

    if (found == NULL)
        return false;
    *ret = (struct mw_scan){self->at, found};
    self->at = found + 1;
    return true;
}
