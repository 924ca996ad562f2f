/* A track is a chain of chunks, the oldest first. A chunk begins with an entry that needs no other
 * one before it: so the oldest can go at any time, and reading begins at any of them. The first
 * chunk is small, because most subjects hardly change or do not live long; the next ones are
 * larger. Chunks are born old and filled in place: nothing is copied, nothing becomes garbage
 * before its time.
 *
 * The near-limit callback may shed history inside any allocation here. It never takes the last
 * chunk of a chain, so what was looked up before stays true but for the oldest one.
 */
#include "history/history_internal.h"

#include <string.h>

static const uint32_t words_of[MW_TRACK_SIZES] = {8, 32, MW_TRACK_WORDS_MAX};

static size_t room_of(unsigned size)
{
    return (words_of[size] - MW_TRACK_HEAD) * sizeof(uint64_t);
}

/* What a chunk takes in the heap, with its header. */
static size_t bytes_of(uint64_t room)
{
    return room + (MW_TRACK_HEAD + 1) * sizeof(uint64_t);
}

int mw_tracks_init(struct mw_tracks *self, struct mw_heap *heap)
{
    static const struct mw_heap_field next = {"next", MW_TRACK_NEXT};
    int error = 0;

    *self = (struct mw_tracks){.heap = heap};
    for (unsigned i = 0; error == 0 && i < MW_TRACK_SIZES; i++) {
        struct mw_heap_type_info info = {.name = "HistoryTrackChunk",
                                         .kind = MW_KIND_FIXED,
                                         .words = words_of[i],
                                         .fields = &next,
                                         .field_count = 1};

        error = mw_heap_add_type(heap, &info, &self->chunks[i]);
    }
    return error;
}

/* ---- writing ---- */

static bool append(struct mw_tracks *self, struct mw_ref chunk, const unsigned char *bytes,
                   size_t size)
{
    uint64_t *words;
    bool fits;

    mw_heap_raw_enter(self->heap);
    words = mw_heap_raw(self->heap, chunk);
    fits = words[MW_TRACK_ROOM] - words[MW_TRACK_USED] >= size;
    if (fits) {
        memcpy((unsigned char *)(words + MW_TRACK_HEAD) + words[MW_TRACK_USED], bytes, size);
        words[MW_TRACK_USED] += size;
    }
    mw_heap_raw_leave(self->heap);
    return fits;
}

static void link_last(struct mw_tracks *self, struct mw_ref subject, enum mw_tier tier,
                      struct mw_ref chunk)
{
    size_t newest = mw_subject_field(tier, MW_SUBJECT_NEWEST);
    struct mw_ref last = mw_heap_get(self->heap, subject, newest);

    if (mw_ref_is_none(last))
        mw_heap_set(self->heap, subject, mw_subject_field(tier, MW_SUBJECT_OLDEST), chunk);
    else
        mw_heap_set(self->heap, last, MW_TRACK_NEXT, chunk);
    mw_heap_set(self->heap, subject, newest, chunk);
}

static int begin_chunk(struct mw_tracks *self, struct mw_ref subject, enum mw_tier tier,
                       uint64_t tick, const unsigned char *bytes, size_t size)
{
    size_t newest = mw_subject_field(tier, MW_SUBJECT_NEWEST);
    unsigned i = mw_ref_is_none(mw_heap_get(self->heap, subject, newest)) ? 0 : 1;
    struct mw_ref chunk;

    while (i + 1 < MW_TRACK_SIZES && room_of(i) < size)
        i++;
    chunk = mw_heap_new_in(self->heap, self->chunks[i], MW_PLACE_OLD);
    if (mw_ref_is_none(chunk))
        return mw_history_heap_error(self->heap);
    mw_heap_set_word(self->heap, chunk, MW_TRACK_FIRST, tick);
    mw_heap_set_word(self->heap, chunk, MW_TRACK_ROOM, room_of(i));
    append(self, chunk, bytes, size);
    link_last(self, subject, tier, chunk);
    self->bytes += bytes_of(room_of(i));
    return 0;
}

/* As a reader will have it: a column without a value keeps the one of the entry before. */
static void take_over(struct mw_track_end *end, unsigned columns,
                      const struct mw_track_state *before, const struct mw_track_state *now)
{
    for (unsigned i = 0; i < columns; i++) {
        end->state.values[i] = now->reasons[i] == 0 ? now->values[i] : before->values[i];
        end->state.reasons[i] = now->reasons[i];
    }
    end->state.tick = now->tick;
    end->state.slow = now->slow;
    end->fresh = false;
}

static int write_entry(struct mw_tracks *self, struct mw_ref subject, enum mw_tier tier,
                       unsigned columns, struct mw_track_end *end, const struct mw_track_state *now)
{
    MW_SCOPE(scope, self->heap);
    uint64_t no_values[MW_TRACK_COLUMNS_MAX] = {0};
    uint8_t no_reasons[MW_TRACK_COLUMNS_MAX] = {0};
    struct mw_track_state nothing = {now->tick, false, no_values, no_reasons};
    unsigned char bytes[MW_ENTRY_MAX];
    struct mw_ref chunk = mw_ref_none();
    int error;

    if (!end->fresh)
        chunk = mw_heap_get(self->heap, subject, mw_subject_field(tier, MW_SUBJECT_NEWEST));
    if (!mw_ref_is_none(chunk) &&
        append(self, chunk, bytes, mw_entry_encode(columns, &end->state, now, bytes))) {
        take_over(end, columns, &end->state, now);
        return 0;
    }
    error = begin_chunk(self, subject, tier, now->tick, bytes,
                        mw_entry_encode(columns, &nothing, now, bytes));
    if (error == 0)
        take_over(end, columns, &nothing, now);
    return error;
}

/* That nothing is known from the lost tick on. */
static int write_gap(struct mw_tracks *self, struct mw_ref subject, enum mw_tier tier,
                     unsigned columns, struct mw_track_end *end)
{
    uint64_t values[MW_TRACK_COLUMNS_MAX] = {0};
    uint8_t reasons[MW_TRACK_COLUMNS_MAX];
    struct mw_track_state gap = {end->lost, false, values, reasons};

    memcpy(values, end->state.values, columns * sizeof(*values));
    memset(reasons, MW_ABSENT_STALE, columns);
    return write_entry(self, subject, tier, columns, end, &gap);
}

int mw_track_put(struct mw_tracks *self, struct mw_ref subject, enum mw_tier tier, unsigned columns,
                 struct mw_track_end *end, const struct mw_track_state *now)
{
    int error = 0;

    if (end->lost != MW_TICK_NONE && end->lost < now->tick)
        error = write_gap(self, subject, tier, columns, end);
    if (error == 0)
        error = write_entry(self, subject, tier, columns, end, now);
    if (error == 0)
        end->lost = MW_TICK_NONE;
    else if (end->lost == MW_TICK_NONE)
        end->lost = now->tick;
    return error;
}

/* ---- dropping ---- */

/* The oldest chunk is worthless when the one behind it begins no later than `first`. Returns its
 * size then, or 0. */
static size_t worthless(struct mw_tracks *self, struct mw_ref oldest, uint64_t first)
{
    struct mw_ref next = mw_heap_get(self->heap, oldest, MW_TRACK_NEXT);

    if (mw_ref_is_none(next) || mw_heap_get_word(self->heap, next, MW_TRACK_FIRST) > first)
        return 0;
    return bytes_of(mw_heap_get_word(self->heap, oldest, MW_TRACK_ROOM));
}

size_t mw_track_drop(struct mw_tracks *self, struct mw_ref subject, enum mw_tier tier,
                     uint64_t first)
{
    size_t field = mw_subject_field(tier, MW_SUBJECT_OLDEST), bytes = 0, size;

    do {
        MW_SCOPE(scope, self->heap);
        struct mw_ref oldest = mw_heap_get(self->heap, subject, field);

        size = mw_ref_is_none(oldest) ? 0 : worthless(self, oldest, first);
        if (size > 0)
            mw_heap_set(self->heap, subject, field, mw_heap_get(self->heap, oldest, MW_TRACK_NEXT));
        bytes += size;
    } while (size > 0);
    self->bytes -= bytes;
    return bytes;
}

static size_t chain_bytes(const uintptr_t *fields, enum mw_tier tier)
{
    uintptr_t chunk = fields[mw_subject_field(tier, MW_SUBJECT_OLDEST)];
    size_t bytes = 0;

    for (const uint64_t *words; chunk != 0; chunk = words[MW_TRACK_NEXT]) {
        words = mw_heap_payload(chunk);
        bytes += bytes_of(words[MW_TRACK_ROOM]);
    }
    return bytes;
}

size_t mw_track_bytes(struct mw_tracks *self, struct mw_ref subject)
{
    size_t bytes = 0;

    mw_heap_raw_enter(self->heap);
    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++)
        bytes += chain_bytes(mw_heap_raw(self->heap, subject), tier);
    mw_heap_raw_leave(self->heap);
    return bytes;
}
