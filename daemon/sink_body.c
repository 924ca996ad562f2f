/* Cutting a JSON object so that what is left is one, too.
 *
 * Everything is copied from the front. A member or element that does not fit is taken back as a
 * whole, and so is all behind it; a container keeps those that did fit. For each bracket that is
 * open a byte is set aside, and the mark's bytes from the beginning, so closing always fits. Texts
 * over 1 KiB lose their end, so that one long text does not push out everything behind it. Blanks
 * between tokens are not copied.
 */
#include "daemon/sink.h"

#include "base/utf8.h"

#include <errno.h>
#include <string.h>

enum { DEPTH_MAX = 32, TEXT_MAX = 1024 };

#define MARK "\"truncated\":true"

struct cutter {
    const char *at, *end;
    struct mwd_buffer *out;
    size_t limit;    /* of out->size */
    size_t text_max; /* bytes of a text */
    unsigned depth;
    bool full;   /* something did not fit: from here on all is only read */
    bool broken; /* the item that is being copied is not all there */
    bool lost;   /* a text was cut */
};

static void skip_blanks(struct cutter *self)
{
    while (self->at < self->end && memchr(" \t\r\n", *self->at, 4))
        self->at++;
}

static bool take(struct cutter *self, char c)
{
    skip_blanks(self);
    if (self->at == self->end || *self->at != c)
        return false;
    self->at++;
    return true;
}

static void put(struct cutter *self, const char *bytes, size_t size)
{
    if (self->full || self->out->size + size > self->limit)
        self->full = self->broken = true;
    else
        mwd_buffer_append(self->out, bytes, size);
}

/* ---- tokens; false: there is none ---- */

/* Bytes of one character in a text, an escape included; 0 = what stands there is none. */
static size_t character_size(const char *at, const char *end)
{
    size_t left = (size_t)(end - at);

    if ((unsigned char)*at < 0x20)
        return 0;
    if (*at != '\\')
        return mw_utf8_sequence(at, left);
    if (left >= 2 && memchr("\"\\/bfnrt", at[1], 8))
        return 2;
    if (left < 6 || at[1] != 'u')
        return 0;
    for (int i = 2; i < 6; i++)
        if (!memchr("0123456789abcdefABCDEF", at[i], 22))
            return 0;
    return 6;
}

/* The first escape of a pair that is one character. */
static bool is_high_surrogate(const char *at, size_t size)
{
    return size == 6 && (at[2] == 'd' || at[2] == 'D') && memchr("89abAB", at[3], 6);
}

static bool copy_text(struct cutter *self)
{
    const char *begin = ++self->at, *cut = begin;

    while (self->at < self->end && *self->at != '"') {
        size_t size = character_size(self->at, self->end);

        if (size == 0)
            return false;
        bool whole = !is_high_surrogate(self->at, size);
        self->at += size;
        if (whole && (size_t)(self->at - begin) <= self->text_max)
            cut = self->at;
    }
    if (self->at == self->end)
        return false;
    if ((size_t)(self->at - begin) <= self->text_max)
        cut = self->at;
    self->lost |= cut != self->at;
    put(self, begin - 1, (size_t)(cut - begin) + 1);
    put(self, "\"", 1);
    self->at++;
    return true;
}

static size_t skip_digits(struct cutter *self)
{
    const char *begin = self->at;

    while (self->at < self->end && *self->at >= '0' && *self->at <= '9')
        self->at++;
    return (size_t)(self->at - begin);
}

static bool skip_one_of(struct cutter *self, const char *any)
{
    if (self->at == self->end || !memchr(any, *self->at, strlen(any)))
        return false;
    self->at++;
    return true;
}

static bool copy_number(struct cutter *self)
{
    const char *begin = self->at;

    skip_one_of(self, "-");
    bool zero = self->at < self->end && *self->at == '0';
    size_t whole = skip_digits(self);
    if (whole == 0 || (zero && whole > 1))
        return false;
    if (skip_one_of(self, ".") && skip_digits(self) == 0)
        return false;
    if (skip_one_of(self, "eE")) {
        skip_one_of(self, "+-");
        if (skip_digits(self) == 0)
            return false;
    }
    put(self, begin, (size_t)(self->at - begin));
    return true;
}

static bool copy_word(struct cutter *self)
{
    static const char *const words[] = {"true", "false", "null"};

    for (int i = 0; i < 3; i++) {
        size_t size = strlen(words[i]);

        if ((size_t)(self->end - self->at) >= size && memcmp(self->at, words[i], size) == 0) {
            self->at += size;
            put(self, words[i], size);
            return true;
        }
    }
    return false;
}

/* ---- containers ---- */

static bool copy_value(struct cutter *self);

static bool copy_key(struct cutter *self)
{
    skip_blanks(self);
    if (self->at == self->end || *self->at != '"' || !copy_text(self) || !take(self, ':'))
        return false;
    put(self, ":", 1);
    return true;
}

static bool copy_item(struct cutter *self, bool object, bool first)
{
    size_t before = self->out->size;
    bool was_broken = self->broken;

    if (!first)
        put(self, ",", 1);
    if ((object && !copy_key(self)) || !copy_value(self))
        return false;
    if (self->broken && !was_broken) {
        self->out->size = before;
        self->broken = false;
    }
    return true;
}

static bool copy_items(struct cutter *self, bool object)
{
    char close = object ? '}' : ']';

    for (bool first = true; !take(self, close); first = false)
        if ((!first && !take(self, ',')) || !copy_item(self, object, first))
            return false;
    return true;
}

/* The outermost object is closed by who began, behind the mark. */
static bool copy_container(struct cutter *self)
{
    bool object = *self->at == '{';

    if (++self->depth > DEPTH_MAX)
        return false;
    self->limit--;
    put(self, self->at++, 1);
    bool opened = !self->broken;
    if (!copy_items(self, object))
        return false;
    self->limit++;
    if (--self->depth > 0 && opened)
        mwd_buffer_append(self->out, object ? "}" : "]", 1);
    return true;
}

static bool copy_value(struct cutter *self)
{
    skip_blanks(self);
    if (self->at == self->end)
        return false;
    switch (*self->at) {
    case '{':
    case '[':
        return copy_container(self);
    case '"':
        return copy_text(self);
    case 't':
    case 'f':
    case 'n':
        return copy_word(self);
    default:
        return copy_number(self);
    }
}

int mwd_sink_body(const char *body, size_t size, struct mwd_buffer *out)
{
    bool large = size > MWD_SINK_BODY_MAX;
    size_t before = out->size;
    struct cutter cutter = {
        .at = body,
        .end = body + size,
        .out = out,
        .limit = before + MWD_SINK_BODY_MAX - (large ? sizeof MARK : 0),
        .text_max = large ? TEXT_MAX : SIZE_MAX,
    };

    skip_blanks(&cutter);
    bool fine = cutter.at < cutter.end && *cutter.at == '{' && copy_container(&cutter);
    skip_blanks(&cutter);
    if (!fine || cutter.at < cutter.end) {
        out->size = before;
        return -EINVAL;
    }
    if (cutter.full || cutter.lost)
        mwd_buffer_puts(out, out->size > before + 1 ? "," MARK : MARK);
    mwd_buffer_puts(out, "}");
    return out->failed;
}
