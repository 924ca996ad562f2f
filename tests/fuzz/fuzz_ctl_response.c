/* Whatever answers memwatchctl: what is taken has a status and a body that was in the answer; no
 * prefix of a refused answer is read past its end (the sanitizer watches a copy of its exact size).
 */
#include "daemon/ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void try_response(const char *bytes, size_t size)
{
    struct mwd_buffer body;
    unsigned status = 0;

    mwd_buffer_init(&body, 1 << 16);
    int r = mwd_ctl_response_parse(bytes, size, &status, &body);
    expect(r == 0 || r == -ENODATA || r == -EBADMSG || r == -ENOMEM);
    expect(body.size <= size);
    if (r == 0)
        expect(status <= 999);
    mwd_buffer_deinit(&body);
}

static void begin(void *context, unsigned status)
{
    (void)context;
    expect(status <= 999);
}

static int take(void *context, const char *bytes, size_t size)
{
    mwd_buffer_append(context, bytes, size);
    return 0;
}

/* The same in two pieces: what is whole is as it was, what is refused is refused. */
static void try_pieces(const char *bytes, size_t size)
{
    struct mwd_buffer whole, pieces;
    const struct mwd_ctl_sink sink = {begin, take, &pieces};
    struct mwd_ctl_incoming incoming;
    unsigned status;
    size_t half = size > 0 ? (unsigned char)bytes[0] % size : 0;

    mwd_buffer_init(&whole, 1 << 20);
    mwd_buffer_init(&pieces, 1 << 20);
    mwd_ctl_incoming_init(&incoming, &sink);
    int r = mwd_ctl_response_parse(bytes, size, &status, &whole);
    int r_pieces = mwd_ctl_incoming_feed(&incoming, bytes, half);
    if (r_pieces == 0)
        r_pieces = mwd_ctl_incoming_feed(&incoming, bytes + half, size - half);
    if (r_pieces == 0)
        r_pieces = mwd_ctl_incoming_end(&incoming);
    expect(r != 0 || r_pieces != 0 || whole.size == pieces.size);
    if (r == 0 && r_pieces == 0 && whole.size > 0)
        expect(memcmp(whole.bytes, pieces.bytes, whole.size) == 0);
    mwd_ctl_incoming_deinit(&incoming);
    mwd_buffer_deinit(&pieces);
    mwd_buffer_deinit(&whole);
}

static void try_url(const char *text)
{
    struct mwd_ctl_url url;
    const char *why = NULL;
    int r = mwd_ctl_url_parse(text, &url, &why);

    expect(r == 0 || (r == -EINVAL && why));
    if (r == 0)
        expect(strlen(url.host) < sizeof url.host && atoi(url.port) > 0 && atoi(url.port) < 65536);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);

    if (!copy)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    try_url(copy);
    char *exact = realloc(copy, size > 0 ? size : 1);
    try_response(exact, size);
    try_pieces(exact, size);
    free(exact);
    return 0;
}
