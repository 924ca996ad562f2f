#include "daemon/config_internal.h"

#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for a path of 4096 bytes of which each takes four characters, and a sentence. */
enum { ERROR_SIZE_MAX = 20000, CAPACITY_MIN = 16, REST_SIZE_MAX = 32 };

void mwd_config_errors_deinit(struct mwd_config_errors *self)
{
    for (uint32_t i = 0; i < self->kept_count; i++)
        mwd_buffer_deinit(&self->kept[i].text);
    free(self->kept);
    self->kept = NULL;
    self->kept_count = self->kept_capacity = 0;
}

void mwd_config_errors_next_source(struct mwd_config_errors *self)
{
    self->source_begin = self->kept_count;
}

static int grow(struct mwd_config_errors *self)
{
    uint32_t capacity = self->kept_capacity ? 2 * self->kept_capacity : CAPACITY_MIN;
    struct mwd_config_error *kept;

    if (self->kept_count < self->kept_capacity)
        return 0;
    kept = reallocarray(self->kept, capacity, sizeof *kept);
    if (!kept)
        return -ENOMEM;
    self->kept = kept;
    self->kept_capacity = capacity;
    return 0;
}

/* Makes room behind the last error of the same source that is not of a later line. When all places
 * are taken, the one of the latest line goes. */
static struct mwd_config_error *insert(struct mwd_config_errors *self, uint32_t line)
{
    uint32_t at = self->kept_count;

    while (at > self->source_begin && self->kept[at - 1].line > line)
        at--;
    if (at == MWD_CONFIG_ERRORS_MAX || grow(self) < 0)
        return NULL;
    if (self->kept_count == MWD_CONFIG_ERRORS_MAX)
        mwd_buffer_deinit(&self->kept[--self->kept_count].text);
    memmove(&self->kept[at + 1], &self->kept[at], (self->kept_count - at) * sizeof self->kept[0]);
    self->kept_count++;
    self->kept[at].line = line;
    mwd_buffer_init(&self->kept[at].text, ERROR_SIZE_MAX);
    return &self->kept[at];
}

struct mwd_buffer *mwd_config_errors_add(struct mwd_config_errors *self,
                                         const struct mwd_config_place *place)
{
    struct mwd_config_error *error = insert(self, place->line);

    self->count++;
    if (!error)
        return NULL;
    mwd_config_put_clean(&error->text, place->source, strlen(place->source), SIZE_MAX);
    if (place->line)
        mwd_buffer_printf(&error->text, ":%u", (unsigned)place->line);
    if (place->key)
        mwd_buffer_printf(&error->text, ": %s", place->key);
    mwd_buffer_puts(&error->text, ": ");
    return &error->text;
}

struct mwd_buffer *mwd_config_fail(struct mwd_config_loader *loader, const char *source,
                                   uint32_t block, const struct mwd_config_token *key,
                                   uint32_t line)
{
    char name[2 * MWD_CONFIG_SHOWN_MAX + 1];
    bool in_block = block < MWD_CONFIG_BLOCKS;
    int size = key->bytes && key->size < MWD_CONFIG_SHOWN_MAX ? (int)key->size
               : key->bytes                                   ? MWD_CONFIG_SHOWN_MAX
                                                              : 0;
    struct mwd_config_place place = {source, line, key->bytes || in_block ? name : NULL};

    snprintf(name, sizeof name, "%s%s%.*s", in_block ? mwd_config_blocks[block] : "",
             in_block && key->bytes ? "." : "", size, key->bytes ? key->bytes : "");
    return mwd_config_errors_add(&loader->errors, &place);
}

void mwd_config_errors_write(const struct mwd_config_errors *self, struct mwd_buffer *out)
{
    uint32_t told = 0;

    for (; told < self->kept_count; told++) {
        const struct mwd_buffer *text = &self->kept[told].text;

        if (text->size + REST_SIZE_MAX > out->limit - out->size)
            break;
        mwd_buffer_append(out, text->bytes, text->size);
        mwd_buffer_puts(out, "\n");
    }
    if (self->count > told)
        mwd_buffer_printf(out, "and %u more\n", (unsigned)(self->count - told));
}

void mwd_config_put_clean(struct mwd_buffer *out, const char *text, size_t size, size_t max)
{
    size_t shown = size < max ? size : max;
    size_t step;

    for (size_t i = 0; i < shown; i += step) {
        step = mw_utf8_sequence(text + i, size - i);
        if (step == 0 || iscntrl((unsigned char)text[i])) {
            mwd_buffer_printf(out, "\\x%02x", (unsigned char)text[i]);
            step = 1;
        } else {
            mwd_buffer_append(out, text + i, step);
        }
    }
    if (shown < size)
        mwd_buffer_puts(out, "...");
}
