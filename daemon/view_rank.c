/* Which rows come first. A rank is 64 bits that grow with the value, turned over for a falling
 * order, so that comparing rows is comparing numbers; only texts that begin alike are looked at
 * again. Rows are collected until there are twice as many as are wanted, then sorted and cut to
 * the wanted ones, and from then on what comes after the last of these is not even stored. */
#include "daemon/view_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int mwd_view_ranking_init(struct mwd_view_ranking *self, const struct mwd_view_input *input,
                          const struct mwd_process_query *query)
{
    const struct mw_block *block = mw_sample_block(input->sample, MW_SOURCE_PROCESS);
    uint32_t rows = mw_block_head(block)->rows;
    uint32_t limit = query->limit < rows ? (uint32_t)query->limit : rows;
    uint32_t capacity = limit < rows / 2 ? 2 * limit : rows;
    bool in_block = mw_reading_info(query->sort)->source == MW_SOURCE_PROCESS;
    struct mwd_view_ranked *memory = NULL;

    if (limit && !(memory = malloc(2 * (size_t)capacity * sizeof(*memory))))
        return -ENOMEM;
    *self = (struct mwd_view_ranking){
        .input = input,
        .block = block,
        .values = in_block ? mw_block_column(block, query->sort) : NULL,
        .absences = in_block ? mw_block_absences(block, query->sort) : NULL,
        .stale = mw_sample_stale(input->sample, MW_SOURCE_PROCESS),
        .type = mw_reading_info(query->sort)->value,
        .sort = query->sort,
        .falling = query->order == MWD_ORDER_DESC,
        .limit = limit,
        .capacity = capacity,
        .memory = memory,
        .items = memory,
        .scratch = memory ? memory + capacity : NULL,
    };
    return 0;
}

void mwd_view_ranking_deinit(struct mwd_view_ranking *self)
{
    free(self->memory);
    *self = (struct mwd_view_ranking){0};
}

/* ---- the rank of a row ---- */

static struct mw_subject_text text_of(const struct mwd_view_ranking *self, uint32_t row)
{
    static const struct mw_subject_text unknown = {NULL, 0, MW_ABSENT_STALE};
    struct mw_subject subject;

    if (!self->input->subjects ||
        !mw_subjects_at(self->input->subjects, self->block, row, &subject))
        return unknown;
    return self->sort == MW_PROCESS_NAME ? subject.name : subject.cgroup;
}

/* Its first 8 bytes, as a number that compares as they do. */
static uint64_t text_rank(struct mw_subject_text text)
{
    uint64_t rank = 0;

    for (size_t i = 0; i < sizeof(rank); i++)
        rank = rank << 8 | (i < text.size ? (unsigned char)text.bytes[i] : 0);
    return rank;
}

/* The sign bit is turned over, and in a negative number of IEEE 754 all others too. */
static uint64_t value_rank(enum mw_value_type type, union mw_value value)
{
    const uint64_t sign = UINT64_C(1) << 63;

    switch (type) {
    case MW_VALUE_I64:
        return value.u ^ sign;
    case MW_VALUE_F64:
        return value.u & sign ? ~value.u : value.u | sign;
    default:
        return value.u;
    }
}

static bool is_text(const struct mwd_view_ranking *self)
{
    return !self->values && self->type == MW_VALUE_TEXT;
}

/* Returns false when the value is absent. */
static bool rising_rank(const struct mwd_view_ranking *self, uint32_t row, uint64_t *ret)
{
    struct mw_subject_text text;

    if (self->values) {
        *ret = value_rank(self->type, self->values[row]);
        return !self->stale &&
               ((unsigned)self->absences[row / 2] >> row % 2 * 4 & 15) == MW_PRESENT;
    }
    if (self->sort == MW_PROCESS_START) {
        *ret = mw_block_keys(self->block)[row].birth;
        return *ret != 0;
    }
    text = text_of(self, row);
    *ret = text_rank(text);
    return text.absence == MW_PRESENT;
}

static struct mwd_view_ranked ranked(const struct mwd_view_ranking *self, uint32_t row)
{
    uint64_t rank;

    if (!rising_rank(self, row, &rank))
        return (struct mwd_view_ranked){.row = row, .last = 1};
    return (struct mwd_view_ranked){.rank = self->falling ? ~rank : rank, .row = row};
}

/* ---- comparing and sorting ---- */

static int compare_texts(struct mw_subject_text left, struct mw_subject_text right)
{
    size_t common = left.size < right.size ? left.size : right.size;
    int difference = common ? memcmp(left.bytes, right.bytes, common) : 0;

    return difference ? difference : (left.size > right.size) - (left.size < right.size);
}

static bool precedes_in_tie(const struct mwd_view_ranking *self, const struct mwd_view_ranked *left,
                            const struct mwd_view_ranked *right)
{
    const struct mw_block_key *keys = mw_block_keys(self->block);

    if (is_text(self) && !left->last) {
        int difference = compare_texts(text_of(self, left->row), text_of(self, right->row));

        if (difference)
            return self->falling ? difference > 0 : difference < 0;
    }
    return keys[left->row].id < keys[right->row].id;
}

/* Which of two different ranks is smaller is as good as random: a processor that guesses is wrong
 * half of the time. So neither this answer nor what either() makes of it is a branch. */
static inline bool precedes(const struct mwd_view_ranking *self, const struct mwd_view_ranked *left,
                            const struct mwd_view_ranked *right)
{
    if (left->last != right->last)
        return left->last < right->last;
    if (left->rank == right->rank)
        return precedes_in_tie(self, left, right);
    return left->rank < right->rank;
}

static inline const struct mwd_view_ranked *
either(const struct mwd_view_ranked *first, const struct mwd_view_ranked *second, bool take_second)
{
    const struct mwd_view_ranked *both[] = {first, second};

    return both[take_second];
}

/* Both runs have the same length: the front half of the result is made from their fronts while the
 * back half is made from their backs. So neither can run out, and each of the two ways can go on
 * while the other one waits for memory. */
static void merge_even(struct mwd_view_ranking *self, uint32_t begin, uint32_t width)
{
    const struct mwd_view_ranked *left = self->items + begin, *left_last = left + width - 1;
    const struct mwd_view_ranked *right = left + width, *right_last = right + width - 1;
    struct mwd_view_ranked *put = self->scratch + begin, *put_last = put + 2 * (size_t)width - 1;

    for (uint32_t i = 0; i < width; i++) {
        bool front = precedes(self, right, left);
        bool back = precedes(self, right_last, left_last);

        *put++ = *either(left, right, front);
        right += front;
        left += !front;
        *put_last-- = *either(right_last, left_last, back);
        left_last -= back;
        right_last -= !back;
    }
}

static void merge_uneven(struct mwd_view_ranking *self, uint32_t begin, uint32_t middle,
                         uint32_t end)
{
    const struct mwd_view_ranked *left = self->items + begin, *left_end = self->items + middle;
    const struct mwd_view_ranked *right = left_end, *right_end = self->items + end;
    struct mwd_view_ranked *put = self->scratch + begin;

    while (left < left_end && right < right_end)
        *put++ = precedes(self, right, left) ? *right++ : *left++;
    while (left < left_end)
        *put++ = *left++;
    while (right < right_end)
        *put++ = *right++;
}

static uint32_t at_most(uint32_t value, uint32_t bound)
{
    return value < bound ? value : bound;
}

static void merge_all(struct mwd_view_ranking *self, uint32_t width)
{
    uint32_t count = self->count;
    uint32_t at = 0;

    for (; count - at >= 2 * width; at += 2 * width)
        merge_even(self, at, width);
    merge_uneven(self, at, at + at_most(width, count - at), count);
}

static void sort(struct mwd_view_ranking *self)
{
    for (uint32_t width = 1; width < self->count; width *= 2) {
        struct mwd_view_ranked *merged = self->scratch;

        merge_all(self, width);
        self->scratch = self->items;
        self->items = merged;
    }
}

static void cut(struct mwd_view_ranking *self)
{
    sort(self);
    self->count = at_most(self->count, self->limit);
}

void mwd_view_ranking_add(struct mwd_view_ranking *self, uint32_t row)
{
    struct mwd_view_ranked item;

    if (!self->limit)
        return;
    if (self->count == self->capacity) {
        cut(self);
        self->is_cut = true;
    }
    item = ranked(self, row);
    if (!self->is_cut || precedes(self, &item, &self->items[self->limit - 1]))
        self->items[self->count++] = item;
}

void mwd_view_ranking_finish(struct mwd_view_ranking *self)
{
    cut(self);
}
