#include "manual.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 78, TEXT_MAX = 4096 };

/* A hyphen that begins an option is a minus to copy, not a mark to break a line at; a backslash,
 * and a full stop or a quote at the start of a line, would be read as roff. mandoc asks for markup
 * where it sees a function's name in running text. */
static void put_word(const char *word, size_t size, struct mwd_buffer *out)
{
    bool option = size > 2 && strncmp(word, "--", 2) == 0;

    for (size_t i = 0; i < size; i++)
        if (word[i] == '\\')
            mwd_buffer_puts(out, "\\e");
        else if (word[i] == '-' && option)
            mwd_buffer_puts(out, "\\-");
        else if (word[i] == '(' && i > 0 && i + 1 < size && word[i + 1] == ')')
            mwd_buffer_puts(out, "\\&(");
        else
            mwd_buffer_append(out, &word[i], 1);
}

static bool ends_sentence(const char *word, size_t size)
{
    return size > 1 && strchr(".?!", word[size - 1]);
}

static void add_word(struct filler *self, const char *word, size_t size)
{
    if (self->column > 0 && self->column + 1 + size > WIDTH)
        fill_end(self);
    if (self->column > 0)
        mwd_buffer_puts(self->out, " ");
    else if (strchr(".'", word[0]))
        mwd_buffer_puts(self->out, "\\&");
    put_word(word, size, self->out);
    self->column += (unsigned)size + 1;
    if (ends_sentence(word, size))
        fill_end(self);
}

void fill(struct filler *self, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof text) {
        self->out->failed = -1;
        return;
    }
    for (const char *at = text; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");

        if (word > 0)
            add_word(self, at, word);
        at += word;
    }
}

void fill_end(struct filler *self)
{
    if (self->column > 0)
        mwd_buffer_puts(self->out, "\n");
    self->column = 0;
}

void put_argument(const char *text, struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "\"");
    for (; *text; text++)
        if (*text == '"')
            mwd_buffer_puts(out, "\\(dq");
        else if (*text == '\\')
            mwd_buffer_puts(out, "\\e");
        else
            mwd_buffer_append(out, text, 1);
    mwd_buffer_puts(out, "\"");
}
