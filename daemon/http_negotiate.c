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
