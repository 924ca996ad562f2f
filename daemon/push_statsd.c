#include "daemon/push_statsd.h"

#include "base/scan.h"
#include "sample/sample.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- the path ---- */

static int parse_path(const char *path, size_t size, struct mwd_statsd_line *ret)
{
    const char *first = memchr(path, '.', size);
    const char *last = memrchr(path, '.', size);

    if (!first || first == last)
        return -EBADMSG;
    ret->kind = (struct mwd_statsd_word){path, (size_t)(first - path)};
    ret->name = (struct mwd_statsd_word){first + 1, (size_t)(last - first - 1)};
    ret->field = (struct mwd_statsd_word){last + 1, (size_t)(path + size - last - 1)};
    return ret->kind.size && ret->name.size && ret->field.size ? 0 : -EBADMSG;
}

/* ---- numbers ---- */

static int take_whole(struct mw_scan *scan, double *ret)
{
    const char *start = scan->at;
    uint64_t value = 0;

    for (; !mw_scan_done(scan) && is_digit(*scan->at); scan->at++) {
        value = value * 10 + (uint64_t)(*scan->at - '0');
        if (value > MW_READING_MAX)
            return -ERANGE;
    }
    *ret = (double)value;
    return scan->at > start ? 0 : -ERANGE;
}

static bool take(struct mw_scan *scan, char c)
{
    if (mw_scan_done(scan) || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static int take_zeros(struct mw_scan *scan)
{
    const char *start = scan->at;

    while (take(scan, '0'))
        ;
    return scan->at > start ? 0 : -ERANGE;
}

static int parse_value(struct mw_scan value, bool *ret_signed, double *ret)
{
    bool minus = take(&value, '-');
    int r;

    *ret_signed = minus || take(&value, '+');
    r = take_whole(&value, ret);
    if (r == 0 && take(&value, '.'))
        r = take_zeros(&value);
    if (r < 0 || !mw_scan_done(&value))
        return -ERANGE;
    if (minus)
        *ret = -*ret;
    return 0;
}

static int parse_rate(struct mw_scan rate, double *ret)
{
    if (!mw_scan_decimal(&rate, ret) || !mw_scan_done(&rate))
        return -ERANGE;
    return *ret > 0 && *ret <= 1 ? 0 : -ERANGE;
}

/* ---- the line ---- */

/* Up to the next '|', which is passed over. */
static struct mw_scan next_part(struct mw_scan *rest)
{
    struct mw_scan part = *rest;
    const char *bar = memchr(rest->at, '|', mw_scan_left(rest));

    if (bar)
        part.end = bar;
    rest->at = bar ? bar + 1 : rest->end;
    return part;
}

static int parse_type(const struct mw_scan *type, bool has_sign, struct mwd_statsd_line *ret)
{
    if (mw_scan_left(type) == 0)
        return -EBADMSG;
    if (mw_scan_left(type) != 1 || (*type->at != 'g' && *type->at != 'c'))
        return -ENOTSUP;
    if (*type->at == 'c')
        ret->type = MWD_STATSD_COUNT;
    else
        ret->type = has_sign ? MWD_STATSD_CHANGE : MWD_STATSD_SET;
    return 0;
}

static int parse_extra(struct mw_scan part, struct mwd_statsd_line *ret)
{
    double rate;

    if (take(&part, '#'))
        return 0;
    if (!take(&part, '@'))
        return -EBADMSG;
    if (ret->type != MWD_STATSD_COUNT || parse_rate(part, &rate) < 0)
        return -ERANGE;
    ret->value /= rate;
    return 0;
}

static int parse_extras(struct mw_scan *rest, struct mwd_statsd_line *ret)
{
    int r = 0;

    while (r == 0 && !mw_scan_done(rest))
        r = parse_extra(next_part(rest), ret);
    if (r == 0 && ret->type == MWD_STATSD_COUNT &&
        !(ret->value >= 0 && ret->value <= (double)MW_READING_MAX))
        return -ERANGE;
    return r;
}

int mwd_statsd_parse(const char *line, size_t size, struct mwd_statsd_line *ret)
{
    const char *colon = memchr(line, ':', size);
    struct mw_scan rest, value, type;
    bool has_sign = false;
    int r;

    if (!colon)
        return -EBADMSG;
    rest = mw_scan_over(colon + 1, (size_t)(line + size - colon - 1));
    value = next_part(&rest);
    type = next_part(&rest);
    r = parse_path(line, (size_t)(colon - line), ret);
    if (r == 0 && value.end == rest.end) /* there was no '|' */
        r = -EBADMSG;
    if (r == 0)
        r = parse_value(value, &has_sign, &ret->value);
    if (r == 0)
        r = parse_type(&type, has_sign, ret);
    return r < 0 ? r : parse_extras(&rest, ret);
}
