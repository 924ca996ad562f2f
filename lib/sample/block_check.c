/* Distrust. A block may come from a file or from another process, so nothing in it is used before
 * it was compared with what this build would have written: layout by equality, counts by counting
 * again, texts byte by byte. The bytes may stand at any address, hence memcpy for every word. */
#include "base/utf8.h"
#include "sample/block_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static uint64_t load_word(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static uint64_t key_id(const unsigned char *keys, uint64_t row)
{
    return load_word(keys + row * sizeof(struct mw_block_key) + offsetof(struct mw_block_key, id));
}

static void count_word(const unsigned char *column, const unsigned char *keys, uint32_t row,
                       uint32_t rows, uint32_t *absent)
{
    uint32_t end = rows - row < MW_BLOCK_WORD_ROWS ? rows : row + MW_BLOCK_WORD_ROWS;

    for (; row < end; row++) {
        unsigned absence = mw_block_nibble(column, row);

        if (absence != MW_PRESENT && key_id(keys, row) != 0)
            absent[absence]++;
    }
}

void mw_block_count(const void *bytes, const struct mw_block_head *head,
                    struct mw_block_counts *ret)
{
    const struct mw_block_layout layout = mw_block_layout(head->columns, head->stride);
    const unsigned char *keys = (const unsigned char *)bytes + layout.keys;
    const unsigned char *column = (const unsigned char *)bytes + layout.absences;

    memset(ret, 0, sizeof(*ret));
    for (uint32_t row = 0; row < head->rows; row++)
        ret->live += key_id(keys, row) != 0;
    for (uint32_t i = 0; i < head->columns; i++, column += layout.absence_stride) {
        for (uint32_t row = 0; row < head->rows; row += MW_BLOCK_WORD_ROWS) {
            /* Nearly every word is 0: sixteen values that are there. */
            if (load_word(column + row / 2) != 0)
                count_word(column, keys, row, head->rows, ret->absent);
        }
    }
}

static bool head_fits(const struct mw_block_head *head, size_t size)
{
    struct mw_block_layout layout;

    if (head->magic != MW_BLOCK_MAGIC || head->size != size || head->seq == 0 ||
        head->source >= MW_SOURCE_COUNT || !mw_block_source_valid((enum mw_source)head->source) ||
        head->columns != mw_source_columns((enum mw_source)head->source) || head->stride == 0 ||
        head->stride > MW_BLOCK_ROWS_MAX || head->rows > head->stride ||
        head->text_size > MW_BLOCK_TEXTS_MAX)
        return false;
    if (head->rows > 1 && mw_kind_has_one_subject(mw_source_kind((enum mw_source)head->source)))
        return false;
    layout = mw_block_layout(head->columns, head->stride);
    return head->keys_offset == layout.keys && head->values_offset == layout.values &&
           head->absence_offset == layout.absences && head->events_offset == layout.events &&
           head->text_offset ==
               layout.events + head->events * (uint64_t)sizeof(struct mw_block_event) &&
           size == head->text_offset + head->text_size;
}

/* Rows above `rows` are free: a copy of the block may take them into use. */
static bool keys_fit(const unsigned char *bytes, const struct mw_block_head *head)
{
    for (uint32_t row = head->rows; row < head->stride; row++)
        if (key_id(bytes + head->keys_offset, row) != 0)
            return false;
    return true;
}

/* Each absence is below MW_ABSENCE_COUNT, sixteen at a time: adding 3 to one of 5 to 7 carries into
 * its top bit, and one of 8 or more has it already. */
static bool absences_fit(const unsigned char *bytes, const struct mw_block_head *head)
{
    const uint64_t top = 0x8888888888888888u, low = 0x7777777777777777u, add = 0x3333333333333333u;

    _Static_assert(MW_ABSENCE_COUNT == 5, "`add` is 8 - MW_ABSENCE_COUNT in every half byte");
    for (uint64_t at = head->absence_offset; at < head->events_offset; at += sizeof(uint64_t)) {
        uint64_t word = load_word(bytes + at);

        if (((word | ((word & low) + add)) & top) != 0)
            return false;
    }
    return true;
}

/* JSON has no spelling for infinity, and a word is one printable character. */
static bool value_fits(enum mw_value_type type, uint64_t bits)
{
    union mw_value value = {.u = bits};

    return type == MW_VALUE_F64 ? isfinite(value.f) : bits > ' ' && bits <= '~';
}

static bool column_fits(const unsigned char *bytes, const struct mw_block_head *head,
                        uint32_t column, enum mw_value_type type)
{
    const struct mw_block_layout layout = mw_block_layout(head->columns, head->stride);
    const unsigned char *values =
        bytes + layout.values + (uint64_t)column * head->stride * sizeof(union mw_value);
    const unsigned char *absences = bytes + layout.absences + column * layout.absence_stride;

    for (uint32_t row = 0; row < head->rows; row++)
        if (mw_block_nibble(absences, row) == MW_PRESENT &&
            !value_fits(type, load_word(values + row * sizeof(union mw_value))))
            return false;
    return true;
}

static bool values_fit(const unsigned char *bytes, const struct mw_block_head *head)
{
    enum mw_reading first = mw_source_first((enum mw_source)head->source);

    for (uint32_t i = 0; i < head->columns; i++) {
        enum mw_value_type type = mw_reading_info((enum mw_reading)(first + i))->value;

        if ((type == MW_VALUE_F64 || type == MW_VALUE_TEXT) && !column_fits(bytes, head, i, type))
            return false;
    }
    return true;
}

static bool event_fits(const struct mw_block_head *head, const struct mw_block_event *event,
                       const char *text)
{
    bool has_text = event->type == MW_EVENT_NAME || event->type == MW_EVENT_CGROUP;

    if (event->type > MW_EVENT_GONE || event->row >= head->rows ||
        event->absence >= MW_ABSENCE_COUNT || event->text_size > MW_BLOCK_TEXT_MAX ||
        event->text_offset > head->text_size ||
        event->text_size > head->text_size - event->text_offset)
        return false;
    if (event->text_size > 0 && (!has_text || event->absence != MW_PRESENT))
        return false;
    text += event->text_offset;
    return mw_utf8_valid(text, event->text_size) && memchr(text, 0, event->text_size) == NULL;
}

static bool events_fit(const unsigned char *bytes, const struct mw_block_head *head)
{
    const char *text = (const char *)bytes + head->text_offset;

    for (uint32_t i = 0; i < head->events; i++) {
        struct mw_block_event event;

        memcpy(&event, bytes + head->events_offset + i * sizeof(event), sizeof(event));
        if (!event_fits(head, &event, text))
            return false;
    }
    return true;
}

static bool counts_fit(const unsigned char *bytes, const struct mw_block_head *head)
{
    struct mw_block_counts counts;

    mw_block_count(bytes, head, &counts);
    return counts.live == head->live &&
           memcmp(counts.absent, head->absent, sizeof(counts.absent)) == 0;
}

int mw_block_check(const void *bytes, size_t size)
{
    struct mw_block_head head;

    if (size < sizeof(head))
        return -EBADMSG;
    memcpy(&head, bytes, sizeof(head));
    if (!head_fits(&head, size) || !keys_fit(bytes, &head) || !absences_fit(bytes, &head) ||
        !counts_fit(bytes, &head) || !values_fit(bytes, &head) || !events_fit(bytes, &head))
        return -EBADMSG;
    return 0;
}
