/* Lines of YAML and the texts in them; what is above them, and why so little of it is read, stands
 * in matcher_yaml.c. */
#include "daemon/matcher_yaml_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GOT_MAX = 40 };

/* ---- errors ---- */

struct mwd_matcher_place mwd_yaml_place_of(const struct mwd_yaml *self, const char *at)
{
    return (struct mwd_matcher_place){self->number, (uint32_t)(at - self->line) + 1};
}

bool mwd_yaml_fail_at(struct mwd_yaml *self, struct mwd_matcher_place place, const char *sentence)
{
    if (self->result < 0)
        return false;
    self->result = -EINVAL;
    *self->place = place;
    mwd_buffer_puts(self->why, sentence);
    return false;
}

/* Shows what stands there. */
bool mwd_yaml_fail(struct mwd_yaml *self, const char *at, const char *sentence)
{
    int size = (int)(self->end - at < GOT_MAX ? self->end - at : GOT_MAX);

    if (self->result < 0)
        return false;
    mwd_yaml_fail_at(self, mwd_yaml_place_of(self, at), sentence);
    if (self->done)
        mwd_buffer_puts(self->why, "; got the end of the file");
    else if (size == 0)
        mwd_buffer_puts(self->why, "; got the end of the line");
    else
        mwd_buffer_printf(self->why, "; got %.*s", size, at);
    return false;
}

/* ---- lines ---- */

bool mwd_yaml_is_at_end(const struct mwd_yaml *self)
{
    return self->at == self->end;
}

void mwd_yaml_skip_blanks(struct mwd_yaml *self)
{
    while (!mwd_yaml_is_at_end(self) && *self->at == ' ')
        self->at++;
}

static bool is_comment(const struct mwd_yaml *self, const char *at)
{
    return *at == '#' && (at == self->line || at[-1] == ' ');
}

/* All bytes of a line are looked at, those of comments too. */
static bool check_bytes(struct mwd_yaml *self)
{
    for (const char *at = self->line; at < self->end;) {
        size_t size = mw_utf8_sequence(at, (size_t)(self->end - at));

        if (size == 0 || (unsigned char)*at < ' ' || *at == 0x7f) {
            self->end = at;
            return mwd_yaml_fail(
                self, at,
                *at == '\t' ? "a tab stands here: blanks are expected, and \\t in quotes"
                            : "a byte stands here that is not UTF-8, or cannot be printed");
        }
        at += size;
    }
    return true;
}

static void take_line(struct mwd_yaml *self)
{
    size_t size = strcspn(self->next, "\n");

    self->line = self->at = self->next;
    self->end = self->line + size;
    self->next = self->end + (*self->end == '\n');
    if (self->end > self->line && self->end[-1] == '\r')
        self->end--;
    self->number++;
}

/* To the next line that says something, behind its blanks. False at the end, and after an error. */
bool mwd_yaml_next_line(struct mwd_yaml *self)
{
    while (self->result == 0 && *self->next) {
        take_line(self);
        if (!check_bytes(self))
            return false;
        mwd_yaml_skip_blanks(self);
        if (!mwd_yaml_is_at_end(self) && *self->at != '#')
            return true;
    }
    self->line = self->at = self->end = self->next;
    self->number += self->result == 0 && !self->done;
    self->done = true;
    return false;
}

size_t mwd_yaml_column(const struct mwd_yaml *self)
{
    return (size_t)(self->at - self->line);
}

/* "- ", or one at the end of the line. */
bool mwd_yaml_is_dash(const struct mwd_yaml *self)
{
    return !self->done && *self->at == '-' && (self->at + 1 == self->end || self->at[1] == ' ');
}

bool mwd_yaml_is_done_line(struct mwd_yaml *self)
{
    mwd_yaml_skip_blanks(self);
    return mwd_yaml_is_at_end(self) || is_comment(self, self->at);
}

bool mwd_yaml_end_line(struct mwd_yaml *self)
{
    return mwd_yaml_is_done_line(self) ||
           mwd_yaml_fail(self, self->at, "the end of the line is expected");
}

/* ---- texts ---- */

static int hex_digits(const char *at, const char *end, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = at + i < end && at[i] ? strchr(digits, at[i] | 0x20) : NULL;

        if (!digit)
            return -1;
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

static char *put_utf8(char *to, int character)
{
    if (character < 0x80) {
        *to++ = (char)character;
    } else if (character < 0x800) {
        *to++ = (char)(0xc0 | character >> 6);
        *to++ = (char)(0x80 | (character & 0x3f));
    } else {
        *to++ = (char)(0xe0 | character >> 12);
        *to++ = (char)(0x80 | (character >> 6 & 0x3f));
        *to++ = (char)(0x80 | (character & 0x3f));
    }
    return to;
}

/* Behind a backslash between double quotes. */
static bool take_escape(struct mwd_yaml *self, char **to)
{
    static const char letters[] = "tnr\"\\/ ", means[] = "\t\n\r\"\\/ ";
    const char *begin = self->at - 1;
    const char *letter = mwd_yaml_is_at_end(self) ? NULL : strchr(letters, *self->at);
    int digits = mwd_yaml_is_at_end(self) ? 0 : *self->at == 'x' ? 2 : *self->at == 'u' ? 4 : 0;
    int character;

    if (letter) {
        *(*to)++ = means[letter - letters];
        self->at++;
        return true;
    }
    character = digits ? hex_digits(self->at + 1, self->end, digits) : -1;
    if (character <= 0 || (character >= 0xd800 && character < 0xe000))
        return mwd_yaml_fail(
            self, begin,
            "between double quotes \\\\, \\\", \\/, \\t, \\n, \\r, \\xNN and \\uNNNN are "
            "taken; between single ones a \\ is itself");
    *to = put_utf8(*to, character);
    self->at += 1 + digits;
    return true;
}

static bool take_double(struct mwd_yaml *self, char *to)
{
    const char *begin = self->at++;

    while (!mwd_yaml_is_at_end(self) && *self->at != '"')
        if (*self->at != '\\')
            *to++ = *self->at++;
        else if (self->at++, !take_escape(self, &to))
            return false;
    *to = '\0';
    if (mwd_yaml_is_at_end(self))
        return mwd_yaml_fail(self, begin, "a text in quotes ends on its line");
    self->at++;
    return true;
}

static bool take_single(struct mwd_yaml *self, char *to)
{
    const char *begin = self->at++;

    while (!mwd_yaml_is_at_end(self)) {
        if (*self->at == '\'' && (self->at + 1 == self->end || self->at[1] != '\''))
            break;
        self->at += *self->at == '\'';
        *to++ = *self->at++;
    }
    *to = '\0';
    if (mwd_yaml_is_at_end(self))
        return mwd_yaml_fail(self, begin, "a text in quotes ends on its line");
    self->at++;
    return true;
}

/* What a text without quotes cannot begin with: it would be something else in YAML. */
static bool may_begin(const struct mwd_yaml *self, bool flow)
{
    const char *at = self->at;
    char next = ' ';

    if (at + 1 < self->end)
        next = at[1];
    if (strchr("-?:", *at))
        return next != ' ' && !(flow && strchr(",[]{}", next));
    return !strchr(",[]{}#&*!|>%@`", *at);
}

/* A text without quotes goes on to a comment, or the end of the line or of the element. */
static const char *find_end(struct mwd_yaml *self, bool flow)
{
    const char *at = self->at;

    for (; at < self->end && !is_comment(self, at); at++) {
        bool colon = *at == ':' && (at + 1 == self->end || at[1] == ' ');

        if (flow && (*at == ',' || *at == ']'))
            break;
        if (colon || (flow && strchr("[{}?:", *at))) {
            mwd_yaml_fail(self, at, "a text with this in it is expected in quotes");
            break;
        }
    }
    while (at > self->at && at[-1] == ' ')
        at--;
    return at;
}

static bool is_null(const char *text)
{
    return strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

static bool take_plain(struct mwd_yaml *self, bool flow, char *to)
{
    const char *begin = self->at, *end;

    if (!may_begin(self, flow))
        return mwd_yaml_fail(self, begin, "a text is expected, in quotes if it begins with this");
    end = find_end(self, flow);
    memcpy(to, begin, (size_t)(end - begin));
    to[end - begin] = '\0';
    self->at = end;
    if (self->result == 0 && is_null(to))
        return mwd_yaml_fail(self, begin, "this is no text in YAML: one is expected, in quotes");
    return self->result == 0;
}

/* No text is longer than what it is written as. */
bool mwd_yaml_take_text(struct mwd_yaml *self, bool flow, struct mwd_yaml_text *ret)
{
    struct mwd_yaml_text text = {malloc((size_t)(self->end - self->at) + 1),
                                 mwd_yaml_place_of(self, self->at)};
    bool good;

    if (!text.bytes) {
        self->result = -ENOMEM;
        return false;
    }
    if (mwd_yaml_is_at_end(self))
        good = mwd_yaml_fail(self, self->at, "a text is expected");
    else if (*self->at == '"')
        good = take_double(self, text.bytes);
    else
        good =
            *self->at == '\'' ? take_single(self, text.bytes) : take_plain(self, flow, text.bytes);
    if (good)
        *ret = text;
    else
        free(text.bytes);
    return good;
}
