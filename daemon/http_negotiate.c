#include "daemon/http_internal.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* ---- Accept-Encoding ---- */

/* 0, 0. or 0.000, up to the end of a parameter. */
static bool is_zero(const char *at)
{
    if (*at++ != '0')
        return false;
    if (*at == '.')
        at += 1 + strspn(at + 1, "0");
    return strchr(",; \t", *at) != NULL;
}

/* Whether the parameters of an element have a q that is 0. */
static bool has_zero_q(const char *at, const char *end)
{
    while ((at = memchr(at, ';', (size_t)(end - at)))) {
        at = skip_blanks(at + 1);
        if (strncasecmp(at, "q=", 2) == 0)
            return is_zero(at + 2);
    }
    return false;
}

enum verdict { SILENT, REFUSED, WELCOME };

static bool is_coding(const char *at, size_t size, const char *name)
{
    return size == strlen(name) && strncasecmp(at, name, size) == 0;
}

bool mwd_http_accepts_gzip(const char *accept_encoding)
{
    enum verdict gzip = SILENT, any = SILENT;
    const char *at = accept_encoding;

    while (at && *at) {
        const char *end = at + strcspn(at, ",");
        size_t size;

        at = skip_blanks(at);
        size = strcspn(at, ",; \t");
        if (is_coding(at, size, "gzip") || is_coding(at, size, "x-gzip"))
            gzip = has_zero_q(at, end) ? REFUSED : WELCOME;
        else if (is_coding(at, size, "*"))
            any = has_zero_q(at, end) ? REFUSED : WELCOME;
        at = *end ? end + 1 : end;
    }
    return (gzip == SILENT ? any : gzip) == WELCOME;
}

/* ---- Accept ---- */

/* "0.75", "1", ".5" in thousandths; -1 for what is none. */
static int quality_of(const char *at, size_t size)
{
    int quality = 0, weight = 1000;

    if (size == 0 || (*at != '0' && *at != '1'))
        return -1;
    quality = (*at - '0') * 1000;
    if (size > 1 && (at[1] != '.' || size > 5))
        return -1;
    for (size_t i = 2; i < size; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        weight /= 10;
        quality += (at[i] - '0') * weight;
    }
    return quality <= 1000 ? quality : -1;
}

/* The value of the parameter with this name, NULL when there is none. */
static const char *parameter(const char *at, const char *end, const char *name, size_t *ret_size)
{
    size_t size = strlen(name);

    while ((at = memchr(at, ';', (size_t)(end - at)))) {
        at = skip_blanks(at + 1);
        if (strncasecmp(at, name, size) == 0 && at[size] == '=') {
            *ret_size = strcspn(at + size + 1, ",; \t");
            return at + size + 1;
        }
    }
    return NULL;
}

/* 0: the range does not hold the type; else as in struct mwd_http_wish. */
static unsigned range_holds(const char *range, size_t size, const char *media_type)
{
    size_t whole = strcspn(media_type, ";"), main_part = strcspn(media_type, "/") + 1;

    if (size == 3 && memcmp(range, "*/*", 3) == 0)
        return 1;
    if (size == main_part + 1 && range[main_part] == '*' &&
        strncasecmp(range, media_type, main_part) == 0)
        return 2;
    return size == whole && strncasecmp(range, media_type, whole) == 0 ? 3 : 0;
}

static bool same_version(const char *range, const char *end, const char *media_type)
{
    size_t wanted_size, size;
    const char *wanted = parameter(range, end, "version", &wanted_size);
    const char *version = parameter(media_type, media_type + strlen(media_type), "version", &size);

    return !wanted || !version || (wanted_size == size && memcmp(wanted, version, size) == 0);
}

/* What one element of the list, up to `end`, says of the type. */
static struct mwd_http_wish wish_of(const char *at, const char *end, const char *media_type)
{
    struct mwd_http_wish wish = {.specificity = range_holds(at, strcspn(at, ",; \t"), media_type)};
    const char *given;
    size_t size;
    int quality = 1000;

    if (!wish.specificity || !same_version(at, end, media_type))
        return (struct mwd_http_wish){0};
    given = parameter(at, end, "q", &size);
    if (given)
        quality = quality_of(given, size);
    if (quality < 0)
        return (struct mwd_http_wish){0};
    wish.quality = (unsigned)quality;
    return wish;
}

struct mwd_http_wish mwd_http_accept_wish(const char *accept, const char *media_type)
{
    struct mwd_http_wish best = {0};
    const char *at = accept;

    for (uint32_t place = 0; at && *at; place++) {
        const char *end = at + strcspn(at, ",");
        struct mwd_http_wish wish = wish_of(skip_blanks(at), end, media_type);

        wish.place = place;
        if (wish.specificity > best.specificity)
            best = wish;
        at = *end ? end + 1 : end;
    }
    return best;
}

static bool is_dearer(const struct mwd_http_wish *wish, const struct mwd_http_wish *than)
{
    if (wish->quality != than->quality)
        return wish->quality > than->quality;
    if (wish->specificity != than->specificity)
        return wish->quality && wish->specificity > than->specificity;
    return wish->quality && wish->place < than->place;
}

struct mwd_http_route *mwd_http_route_form(struct mwd_http_route *route, const char *accept)
{
    struct mwd_http_route *found = route;
    struct mwd_http_wish most;

    if (!route->forms || !accept)
        return route;
    most = mwd_http_accept_wish(accept, route->row->media_type);
    for (struct mwd_http_route *form = route + 1; form <= route + route->forms; form++) {
        struct mwd_http_wish wish = mwd_http_accept_wish(accept, form->row->media_type);

        if (!is_dearer(&wish, &most))
            continue;
        most = wish;
        found = form;
    }
    return found;
}

/* ---- If-None-Match ---- */

bool mwd_http_etag_matches(const char *if_none_match, const char *etag)
{
    const char *at = skip_blanks(if_none_match);
    size_t size = strlen(etag);

    if (*at == '*')
        return *skip_blanks(at + 1) == '\0';
    while (*at) {
        const char *end;

        if (strncmp(at, "W/", 2) == 0) /* the comparison is the weak one: RFC 9110, 13.1.2 */
            at += 2;
        if (*at != '"' || !(end = strchr(at + 1, '"')))
            return false;
        end++;
        if ((size_t)(end - at) == size && memcmp(at, etag, size) == 0)
            return true;
        at = skip_blanks(end);
        if (*at && *at != ',')
            return false;
        at += strspn(at, ", \t");
    }
    return false;
}
