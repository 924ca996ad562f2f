#include "daemon/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What libmicrohttpd keeps for each field besides its text. */
enum { FIELD_BYTES = 64 };

static void add_length(struct mwd_http_head *self, const char *value)
{
    self->lengths++;
    self->length = UINT64_MAX;
    if (*value && strspn(value, "0123456789") == strlen(value))
        self->length = strtoull(value, NULL, 10); /* too large a one becomes the largest */
}

static void add_host(struct mwd_http_head *self, const char *value)
{
    self->hosts++;
    self->host = value;
}

/* Of lists that come in several fields the first counts: that costs a cache hit, or the form that
 * was liked best, at most. */
static void set_first(const char **field, const char *value)
{
    if (!*field)
        *field = value;
}

void mwd_http_head_add(struct mwd_http_head *self, const char *name, const char *value)
{
    size_t size = strlen(name);

    self->fields++;
    if (!value)
        value = "";
    /* libmicrohttpd lets "Content-Length : 5" pass as a field of another name, where a proxy may
     * have read a length. The bytes are what http_recv.c has put in place of wrong ones. */
    if (!size || strpbrk(name, " \t\xfc\xfd\xfe\xff"))
        self->odd_name = true;
    switch (size) {
    case 4:
        if (strcasecmp(name, "Host") == 0)
            add_host(self, value);
        break;
    case 6:
        if (strcasecmp(name, "Origin") == 0)
            set_first(&self->origin, value);
        else if (strcasecmp(name, "Accept") == 0)
            set_first(&self->accept, value);
        break;
    case 12:
        if (strcasecmp(name, "Content-Type") == 0)
            set_first(&self->content_type, value);
        break;
    case 13:
        if (strcasecmp(name, "If-None-Match") == 0)
            set_first(&self->if_none_match, value);
        else if (strcasecmp(name, "Authorization") == 0)
            set_first(&self->authorization, value);
        break;
    case 14:
        if (strcasecmp(name, "Content-Length") == 0)
            add_length(self, value);
        break;
    case 15:
        if (strcasecmp(name, "Accept-Encoding") == 0)
            set_first(&self->accept_encoding, value);
        break;
    case 17:
        if (strcasecmp(name, "Transfer-Encoding") == 0)
            self->transfer_encoding = true;
        break;
    }
}

/* Bytes of MWD_HTTP_POOL_BYTES that such a request has taken. */
static size_t cost(const struct mwd_http_head *self, size_t size)
{
    return size + self->fields * (size_t)FIELD_BYTES;
}

int mwd_http_head_check(const struct mwd_http_head *self, size_t size, bool needs_host,
                        struct mwd_http_problem *ret)
{
    if (size > MWD_HTTP_HEADER_BYTES ||
        cost(self, size) > MWD_HTTP_HEADER_BYTES + MWD_HTTP_HEADER_BYTES / 8)
        return mwd_http_problem(ret, 431, "the header fields are larger than 16 KiB together");
    if (self->odd_name)
        return mwd_http_problem(
            ret, 400, "a header field's name is empty, or has a blank or no letter in it");
    if (self->lengths && self->transfer_encoding)
        return mwd_http_problem(ret, 400, "Content-Length and Transfer-Encoding together");
    if (self->lengths > 1)
        return mwd_http_problem(ret, 400, "Content-Length is given %u times",
                                (unsigned)self->lengths);
    if (self->hosts > 1)
        return mwd_http_problem(ret, 400, "Host is given %u times", (unsigned)self->hosts);
    if (!self->hosts && needs_host)
        return mwd_http_problem(ret, 400, "Host is missing");
    return 0;
}

/* ---- bodies ---- */

bool mwd_http_head_announces_body(const struct mwd_http_head *self)
{
    return self->transfer_encoding || (self->lengths && self->length > 0);
}

/* With parameters or without; there is but one charset that JSON can have. */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t size = sizeof json - 1;

    if (!type || strncasecmp(type, json, size) != 0)
        return false;
    type += size;
    type += strspn(type, " \t");
    return *type == '\0' || *type == ';';
}

/* A body in chunks would be a second way to read where a request ends, and a sender of a few
 * numbers knows their length. */
int mwd_http_head_check_body(const struct mwd_http_head *self, const struct mwd_route *route,
                             struct mwd_http_problem *ret)
{
    if (!route->takes && mwd_http_head_announces_body(self))
        return mwd_http_problem(ret, 413, "%s on this path takes no body", route->method);
    if (!route->takes)
        return 0;
    if (self->transfer_encoding || !self->lengths)
        return mwd_http_problem(ret, 411, "this takes a body whose Content-Length is given");
    if (self->length > MWD_REQUEST_BODY_MAX)
        return mwd_http_problem(ret, 413, "a body takes %d bytes at most", MWD_REQUEST_BODY_MAX);
    if (self->length > 0 && !is_json(self->content_type))
        return mwd_http_problem(ret, 415, "this takes Content-Type: application/json");
    return 0;
}
