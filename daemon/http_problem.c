/* Refusals, also those that libmicrohttpd makes by itself.
 *
 * libmicrohttpd 0.9.75 answers a request that it cannot parse (too long a request line, too many
 * header bytes, a bad length, an unknown version) with a scrap of HTML of its own, and has no hook
 * to change that. But it queues these answers through its public MHD_queue_response(), a symbol
 * that the dynamic linker looks up in the program first. So the program brings its own: whoever
 * calls it is libmicrohttpd itself, for our parts use the original, and the scrap is replaced by a
 * problem document of the same status. Where the library resolves the call within itself
 * (-Bsymbolic), its own text goes out; nothing else depends on this.
 */
#include "daemon/http_internal.h"
#include "daemon/json.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHALLENGE "Bearer realm=\"memwatchd\""

/* A byte takes up to six in JSON; a reload tells 64 KiB of errors. */
enum { DOCUMENT_LIMIT = 512 * 1024, ANSWER_LIMIT = DOCUMENT_LIMIT + 4096 };

int mwd_http_problem(struct mwd_http_problem *ret, unsigned status, const char *format, ...)
{
    va_list arguments;

    ret->status = status;
    ret->retry_after_s = 0;
    ret->allow = NULL;
    ret->text = NULL;
    va_start(arguments, format);
    int size = vsnprintf(ret->detail, sizeof ret->detail, format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof ret->detail)
        memcpy(ret->detail + sizeof ret->detail - sizeof "...", "...", sizeof "...");
    return -EPROTO;
}

static void write_document(const struct mwd_http_problem *problem, struct mwd_buffer *out)
{
    struct mwd_json json;

    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_json_key(&json, "type");
    mwd_json_string(&json, "about:blank");
    mwd_json_key(&json, "title");
    mwd_json_string(&json, MHD_get_reason_phrase_for(problem->status));
    mwd_json_key(&json, "status");
    mwd_json_u64(&json, problem->status);
    mwd_json_key(&json, "detail");
    mwd_json_string(&json, problem->text ? problem->text : problem->detail);
    mwd_json_close_object(&json);
    mwd_buffer_puts(out, "\n");
}

/* ---- as a response of libmicrohttpd ---- */

static void add_extras(struct MHD_Response *response, const struct mwd_http_problem *problem)
{
    char seconds[16];

    if (problem->allow)
        MHD_add_response_header(response, "Allow", problem->allow);
    if (problem->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", CHALLENGE);
    if (!problem->retry_after_s)
        return;
    snprintf(seconds, sizeof seconds, "%u", problem->retry_after_s);
    MHD_add_response_header(response, "Retry-After", seconds);
}

struct MHD_Response *mwd_http_problem_response(const struct mwd_http_problem *problem)
{
    struct mwd_buffer document;
    struct MHD_Response *response = NULL;

    mwd_buffer_init(&document, DOCUMENT_LIMIT);
    write_document(problem, &document);
    if (!document.failed)
        response =
            MHD_create_response_from_buffer(document.size, document.bytes, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        mwd_buffer_deinit(&document);
        return NULL;
    }
    MHD_add_response_header(response, "Content-Type", "application/problem+json");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    add_extras(response, problem);
    return response;
}

/* ---- past libmicrohttpd ---- */

static void write_date(struct mwd_buffer *out)
{
    time_t now = time(NULL);
    struct tm utc;
    char text[64];

    if (strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&now, &utc)))
        mwd_buffer_puts(out, text);
}

static void write_extras(const struct mwd_http_problem *problem, struct mwd_buffer *out)
{
    if (problem->allow)
        mwd_buffer_printf(out, "Allow: %s\r\n", problem->allow);
    if (problem->status == MHD_HTTP_UNAUTHORIZED)
        mwd_buffer_printf(out, "WWW-Authenticate: %s\r\n", CHALLENGE);
    if (problem->retry_after_s)
        mwd_buffer_printf(out, "Retry-After: %u\r\n", problem->retry_after_s);
}

void mwd_http_send_refusal(int fd, const struct mwd_http_problem *problem)
{
    struct mwd_buffer document, answer;

    mwd_buffer_init(&document, DOCUMENT_LIMIT);
    mwd_buffer_init(&answer, ANSWER_LIMIT);
    write_document(problem, &document);
    mwd_buffer_printf(&answer, "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n",
                      problem->status, MHD_get_reason_phrase_for(problem->status));
    write_date(&answer);
    write_extras(problem, &answer);
    mwd_buffer_printf(&answer,
                      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                      "Connection: close\r\nContent-Length: %zu\r\n\r\n",
                      document.size);
    mwd_buffer_append(&answer, document.bytes, document.size);
    /* A socket that does not take these few bytes at once belongs to nobody who reads. */
    if (!document.failed && !answer.failed)
        (void)!send(fd, answer.bytes, answer.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    mwd_buffer_deinit(&answer);
    mwd_buffer_deinit(&document);
}

/* ---- libmicrohttpd's own refusals ---- */

mwd_http_queue_fn mwd_http_queue_function(void)
{
    mwd_http_queue_fn function;
    void *symbol = dlsym(RTLD_NEXT, "MHD_queue_response");

    /* ISO C has no cast from an object pointer to a function pointer; POSIX has the bits equal. */
    memcpy(&function, &symbol, sizeof function);
    return function;
}

static const char *own_detail(unsigned status)
{
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "Content-Length is larger than any number here; a body takes 65536 bytes at most";
    case MHD_HTTP_URI_TOO_LONG:
        return "the request line is longer than what is read of it; 2048 bytes are taken";
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return "the header fields are larger than 16 KiB together";
    case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
        return "HTTP/1.1 and HTTP/1.0 are spoken here";
    case MHD_HTTP_INTERNAL_SERVER_ERROR:
        return "the request could not be worked on";
    default:
        return "the request is not well-formed HTTP/1.1";
    }
}

/* Written past libmicrohttpd, whose caller closes the connection when it gets MHD_NO: for a bad
 * Content-Length it would go on and put the head of the answer together a second time. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
                                   struct MHD_Response *response)
{
    struct mwd_http_connection *self = mwd_http_connection_of(connection);
    struct mwd_http_problem problem;

    (void)response;
    mwd_http_problem(&problem, status, "%s", own_detail(status));
    return mwd_http_refuse(self, &problem);
}
