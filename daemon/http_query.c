#include "daemon/http_internal.h"

#include "base/units.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { COUNT_BYTES = 21 }; /* a 64-bit number and NUL */

/* ---- percent coding ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%XX" stands for; -1 when the digits are not there. */
static int escaped_byte(const char *from, size_t size)
{
    int high, low;

    if (size < 3)
        return -1;
    high = hex_digit(from[1]);
    low = hex_digit(from[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

ssize_t mwd_http_decode(const char *from, size_t size, bool plus_is_space, char *ret)
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        int c = (unsigned char)from[i];

        if (c == '%') {
            c = escaped_byte(from + i, size - i);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c <= 0)
            return -EINVAL;
        ret[used++] = (char)c;
    }
    ret[used] = '\0';
    return used == 0 || mw_utf8_valid(ret, used) ? (ssize_t)used : -EILSEQ;
}

/* ---- query words ---- */

static int unknown_word(const struct mwd_param *params, const char *name,
                        struct mwd_http_problem *ret)
{
    size_t used;

    mwd_http_problem(ret, 400, "\"%.40s\": this path has no such query word", name);
    used = strlen(ret->detail);
    for (const struct mwd_param *p = params; p && p->name && used < sizeof ret->detail; p++)
        used += (size_t)snprintf(ret->detail + used, sizeof ret->detail - used, "%s%s",
                                 p == params ? "; it takes " : ", ", p->name);
    return -EPROTO;
}

static bool is_one_of(const char *const *words, const char *value)
{
    for (; *words; words++)
        if (strcmp(*words, value) == 0)
            return true;
    return false;
}

static bool takes(const struct mwd_param *param, const char *value, uint64_t *count)
{
    switch (param->type) {
    case MWD_PARAM_COUNT:
        return mw_units_parse_count(value, count) == 0 && *count >= param->min &&
               *count <= param->max;
    case MWD_PARAM_WORD:
        return is_one_of(param->words, value);
    case MWD_PARAM_TEXT:
        return param->max == 0 || strlen(value) <= param->max;
    }
    return true;
}

static int take_word(const struct mwd_param *params, const char *name, const char *value,
                     struct mwd_request *ret, struct mwd_http_problem *problem)
{
    for (uint32_t i = 0; params && params[i].name && i < MWD_PARAMS_MAX; i++) {
        if (strcmp(params[i].name, name) != 0)
            continue;
        if (ret->params[i])
            return mwd_http_problem(problem, 400, "%s: given twice; it takes %s once", name,
                                    params[i].takes);
        if (!takes(&params[i], value, &ret->counts[i]))
            return mwd_http_problem(problem, 400, "%s: takes %s, not \"%.40s\"", name,
                                    params[i].takes, value);
        ret->params[i] = value;
        return 0;
    }
    return unknown_word(params, name, problem);
}

static int bad_encoding(const struct mwd_param *params, const char *piece, int size,
                        struct mwd_http_problem *ret)
{
    const char *what = "is badly encoded: percent signs with two digits, UTF-8, no NUL";

    if (size > 40)
        size = 40;
    for (const struct mwd_param *p = params; p && p->name; p++)
        if (strncmp(piece, p->name, strlen(p->name)) == 0 && piece[strlen(p->name)] == '=')
            return mwd_http_problem(ret, 400, "%s: %s; it takes %s", p->name, what, p->takes);
    return mwd_http_problem(ret, 400, "\"%.*s\" %s", size, piece, what);
}

/* One "name=value" of `size` bytes. Returns the bytes of `scratch` that it took. */
static ssize_t take_piece(const struct mwd_param *params, const char *piece, size_t size,
                          char *scratch, struct mwd_request *ret, struct mwd_http_problem *problem)
{
    const char *equals = memchr(piece, '=', size);
    size_t name_size = equals ? (size_t)(equals - piece) : size;
    ssize_t name, value = 0;
    char *at;

    name = mwd_http_decode(piece, name_size, true, scratch);
    if (name < 0)
        return bad_encoding(params, piece, (int)size, problem);
    at = scratch + name + 1;
    *at = '\0';
    if (equals)
        value = mwd_http_decode(equals + 1, size - name_size - 1, true, at);
    if (value < 0)
        return bad_encoding(params, piece, (int)size, problem);
    if (take_word(params, scratch, at, ret, problem) < 0)
        return -EPROTO;
    return name + value + 2;
}

int mwd_http_query_parse(const char *query, const struct mwd_param *params, char *scratch,
                         struct mwd_request *ret, struct mwd_http_problem *problem)
{
    while (query && *query) {
        size_t size = strcspn(query, "&");

        if (size) {
            ssize_t taken = take_piece(params, query, size, scratch, ret, problem);

            if (taken < 0)
                return (int)taken;
            scratch += taken;
        }
        query += size;
        query += *query == '&';
    }
    return 0;
}

/* ---- keys of kept bodies ---- */

static size_t put(char *at, const char *text)
{
    size_t size = strlen(text) + 1; /* the NUL parts it from what follows: no value has one */

    memcpy(at, text, size);
    return size;
}

size_t mwd_http_query_canonical(const struct mwd_param *params, const struct mwd_request *request,
                                char *ret)
{
    size_t used = 0;

    if (request->path_value)
        used += put(ret, request->path_value);
    for (uint32_t i = 0; params && params[i].name && i < MWD_PARAMS_MAX; i++) {
        if (!request->params[i])
            continue;
        ret[used++] = (char)('0' + i);
        if (params[i].type == MWD_PARAM_COUNT)
            used += (size_t)snprintf(ret + used, COUNT_BYTES, "%" PRIu64, request->counts[i]) + 1;
        else
            used += put(ret + used, request->params[i]);
    }
    return used;
}
