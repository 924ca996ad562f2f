/* Which rows come first. A rank is 64 bits that grow with the value, turned over for a falling
 * order, so that comparing rows is comparing numbers; only texts that begin alike are looked at
 * again. Rows are collected until there are twice as many as are wanted, then sorted and cut to
 * the wanted ones, and from then on what comes after the last of these is not even stored. */
#include "daemon/view_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RUN = 1 /* so few are sorted faster by insertion than by merging */ };

int mwd_view_ranking_init(struct mwd_view_ranking *self, const struct mwd_view_input *input,
                          const struct mwd_process_query *query)
{
    const struct mw_block *block = mw_sample_block(input->sample, MW_SOURCE_PROCESS);
    uint32_t rows = mw_block_head(block)->rows;
    uint32_t limit = query->limit < rows ? (uint32_t)query->limit : rows;
    uint32_t capacity = limit < rows / 2 ? 2 * limit : rows;
    struct mwd_view_ranked *memory = NULL;

    if (limit && !(memory = malloc(2 * (size_t)capacity * sizeof(*memory))))
        return -ENOMEM;
    *self = (struct mwd_view_ranking){
        .input = input,
        .block = block,
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
    return self->sort == MW_PROCESS_NAME || self->sort == MW_PROCESS_CGROUP;
}

/* Returns false when the value is absent. */
static bool rising_rank(const struct mwd_view_ranking *self, uint32_t row, uint64_t *ret)
{
    union mw_value value;

    if (self->sort == MW_PROCESS_START) {
        *ret = mw_block_keys(self->block)[row].birth;
        return *ret != 0;
    }
    if (is_text(self)) {
        struct mw_subject_text text = text_of(self, row);

        *ret = text_rank(text);
        return text.absence == MW_PRESENT;
    }
    if (mw_sample_get(self->input->sample, self->sort, row, &value) != MW_PRESENT)
        return false;
    *ret = value_rank(mw_reading_info(self->sort)->value, value);
    return true;
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

/* Written so that the outcome for two numbers is no branch: it is as good as random. */
static inline bool precedes(const struct mwd_view_ranking *self, const struct mwd_view_ranked *left,
                            const struct mwd_view_ranked *right)
{
    if (left->last != right->last)
        return left->last < right->last;
    if (left->rank == right->rank)
        return precedes_in_tie(self, left, right);
    return left->rank < right->rank;
}

static void sort_run(const struct mwd_view_ranking *self, struct mwd_view_ranked *items,
                     uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct mwd_view_ranked item = items[i];
        uint32_t at = i;

        for (; at > 0 && precedes(self, &item, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

static inline const struct mwd_view_ranked *choose(bool second, const struct mwd_view_ranked *first_one, const struct mwd_view_ranked *second_one)
{
    uintptr_t mask = 0 - (uintptr_t)second;

    return (const struct mwd_view_ranked *)(((uintptr_t)first_one & ~mask) | ((uintptr_t)second_one & mask));
}

static void merge_even(struct mwd_view_ranking *self, uint32_t begin, uint32_t width)
{
    const struct mwd_view_ranked *left = self->items + begin, *right = left + width;
    const struct mwd_view_ranked *left_last = right - 1, *right_last = right + width - 1;
    struct mwd_view_ranked *put = self->scratch + begin, *put_last = put + 2 * width - 1;

    for (uint32_t i = 0; i < width; i++) {
        bool forward = precedes(self, right, left);
        bool backward = precedes(self, right_last, left_last);

        *put++ = *choose(forward, left, right);
        right += forward;
        left += !forward;
        *put_last-- = *choose(backward, right_last, left_last);
        left_last -= backward;
        right_last -= !backward;
    }
}

/* Two neighbours, each in order: items [begin, middle) and [middle, end). */
static void merge(struct mwd_view_ranking *self, uint32_t begin, uint32_t middle, uint32_t end)
{
    const struct mwd_view_ranked *left = self->items + begin, *left_end = self->items + middle;
    const struct mwd_view_ranked *right = left_end, *right_end = self->items + end;
    struct mwd_view_ranked *put = self->scratch + begin;

    if (middle - begin == end - middle) {
        merge_even(self, begin, middle - begin);
        return;
    }
    while (left < left_end && right < right_end) {
        bool take_right = precedes(self, right, left);

        *put++ = *choose(take_right, left, right);
        right += take_right;
        left += !take_right;
    }
    memcpy(put, left, (size_t)(left_end - left) * sizeof(*put));
    put += left_end - left;
    memcpy(put, right, (size_t)(right_end - right) * sizeof(*put));
}

static uint32_t at_most(uint32_t value, uint32_t bound)
{
    return value < bound ? value : bound;
}

static void sort(struct mwd_view_ranking *self)
{
    uint32_t count = self->count;

    for (uint32_t at = 0; at < count; at += RUN)
        sort_run(self, self->items + at, at_most(RUN, count - at));
    for (uint32_t width = RUN; width < count; width *= 2) {
        struct mwd_view_ranked *merged = self->scratch;

        for (uint32_t at = 0; at < count; at += 2 * width)
            merge(self, at, at_most(at + width, count), at_most(at + 2 * width, count));
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
