/* Policy: when and how much. Pure functions over numbers; nothing here touches a heap. */
#include "heap/heap_internal.h"

#define MIB ((size_t)1 << 20)

enum {
    SPARSE_PAGES = 4,
    SMALL_GROUPS = 4,
    FORGET_MS = 8000,
    GROWTH = 4,
    GROWTH_MOST = 16,
    SLIDE_COST = 2000, /* ns a KiB */
    FILL_LEAST = 256 * 1024,
    FILL_QUICK = 4,
    FILL_HOLD = 64,
};

/* More is any time; sums of several such times are numbers yet. */
#define TIME_US_MOST (UINT64_C(1) << 40)

static size_t least(size_t left, size_t right)
{
    return left < right ? left : right;
}

static size_t most(size_t left, size_t right)
{
    return left > right ? left : right;
}

uint64_t mw_policy_ns(uint64_t us)
{
    return (us < TIME_US_MOST ? us : TIME_US_MOST) * MW_NS_PER_US;
}

/* Bytes of old objects at which the next full collection begins, with so many alive now. Three
 * times as many make marking a small part of what the program does meanwhile; a small heap may grow
 * by 8 MiB first, or by a sixty-fourth of its limit up to 16 MiB, else a program of a few megabytes
 * would be marked all the time. Never more than half of what is left to the limit: nearer to it,
 * collections come more often. */
size_t mw_policy_next_full(size_t live, size_t limit)
{
    size_t step = most(8 * MIB, least(limit / 64, 16 * MIB));
    size_t wish = most(3 * live, live + step);
    size_t left = limit > live ? limit - live : 0;

    return most(least(wish, live + left / 2), live + MW_PAGE_SIZE);
}

/* Marking in slices begins when three quarters of the way to the next full collection are gone. */
size_t mw_policy_next_mark(size_t live, size_t full_at)
{
    return full_at - (full_at - live) / 4;
}

/* Words to mark for each word that becomes old, so that all is marked half-way to `full_at`. */
size_t mw_policy_pace(size_t live, size_t full_at)
{
    size_t room = full_at > live ? full_at - live : 0;

    return least(1 + 2 * live / most(room, MW_PAGE_SIZE), 1000);
}

/* External bytes cost nothing to mark; 64 MiB of them may come before anyone looks. */
size_t mw_policy_next_external(size_t external)
{
    size_t more = most(64 * MIB, external / 2);

    return external < SIZE_MAX - more ? external + more : SIZE_MAX;
}

/* Bytes that may stay in the pool: as many as the program is likely to fill before the next full
 * collection and, as that ends late, half as many again; half of the limit at most. A peak is
 * forgotten in some eight seconds: a page that is given back and comes again costs a millisecond
 * (measured: half of ringc's time, a sixth of bintrees'). */
size_t mw_policy_pool_cap(size_t live, size_t full_at, size_t limit, size_t before, uint64_t ns)
{
    size_t wish = full_at - live;
    uint64_t ms = ns / MW_NS_PER_MS;
    size_t kept = ms < FORGET_MS ? before - (size_t)(before / FORGET_MS * ms) : 0;

    return least(most(wish + wish / 2, kept), limit / 2);
}

/* An entry for every eighth object of eight words, up to what the deepest of the benchmarks took: a
 * pause that brought in all of that took a millisecond longer. */
size_t mw_policy_mark_stack(size_t old)
{
    return least(old / 64, MIB / 2);
}

/* What is not needed of a group is a quarter of the old space at most; so small heaps stay small.
 */
bool mw_policy_group(size_t pages)
{
    return pages >= (size_t)SMALL_GROUPS * MW_GROUP;
}

/* Whether the old space is so full of holes that idle time is well spent on sliding. */
bool mw_policy_sparse(size_t pages, size_t live)
{
    return pages > SPARSE_PAGES + live / MW_PAGE_ROOM && pages * MW_PAGE_SIZE > 2 * live;
}

/* Whether sliding is not likely to take longer than it may. Before the first one, what the slowest
 * machine that was tried took. */
bool mw_policy_slide(size_t live, uint64_t cost, uint64_t most_ns)
{
    return most_ns == 0 || (cost > 0 ? cost : SLIDE_COST) * (live / 1024) <= most_ns;
}

/* How far halves may grow when the program did not say: to four times of what they are, as long as
 * both together are not over an eighth of the limit; and to sixteen times, as V8's do, where that
 * is a thirty-second at most: they take from what a heap can hold near its limit. */
size_t mw_policy_semi_max(size_t semi, size_t limit)
{
    size_t most_semi = least(GROWTH_MOST * semi, MW_SEMI_MAX);

    while (most_semi > GROWTH * semi && 2 * most_semi > limit / 32)
        most_semi /= 2;
    while (most_semi > semi && 2 * most_semi > limit / 8)
        most_semi /= 2;
    return most_semi;
}

/* What survives its first scavenge and is dead at the second was copied because the scavenge came
 * too early: in larger halves it would have died where it was born. When that was more than fits
 * into a half (the first touch of new memory is worth it) and a quarter of all that was copied,
 * larger halves pay. Where objects live long they do not, however many survive. */
bool mw_policy_grow_new(size_t capacity, size_t aged, size_t in_vain)
{
    return in_vain > capacity && in_vain > aged / 4;
}

/* Of halves twice as large, twice as much may survive as did of these at most, and what that took
 * says how much it takes then. */
bool mw_policy_quick_enough(size_t capacity, size_t moved, uint64_t cost, uint64_t most_ns)
{
    return most_ns == 0 || cost * (2 * least(moved, capacity) / 1024) <= most_ns;
}

static bool is_most_of(uint64_t part, uint64_t whole)
{
    return part > whole - whole / 4;
}

/* Whether half as much was tried the last time and took as long, though less was copied. */
static bool was_in_vain(const struct mw_fill *self, const struct mw_filled *last)
{
    return self->tried_ns != 0 && !is_most_of(last->copied, self->tried_copied) &&
           is_most_of(last->ns, self->tried_ns);
}

/* Whether copying takes the time, and half as much cannot copy as much. */
static bool would_help(const struct mw_filled *last)
{
    return last->copied > last->bytes / 2 && last->roots_ns < last->ns / 2;
}

static void fill_less(struct mw_fill *self, const struct mw_filled *last)
{
    self->quick = 0;
    if (self->bytes <= FILL_LEAST)
        return;
    self->bytes /= 2;
    self->tried_ns = last->ns;
    self->tried_copied = last->copied;
}

static void fill_more(struct mw_fill *self, size_t capacity)
{
    self->quick = 0;
    self->bytes = least(2 * self->bytes, capacity);
}

/* Less is filled only as long as that is sure to copy less, and more again when it is not: so a
 * program does not scavenge more often for nothing. What takes time beside copying and roots is
 * found out by one step in vain. */
void mw_policy_fill(struct mw_fill *self, size_t capacity, const struct mw_filled *last,
                    uint64_t most_ns)
{
    bool in_vain = was_in_vain(self, last), helps = would_help(last);
    bool slow = most_ns != 0 && last->ns > most_ns;

    self->tried_ns = 0;
    self->hold -= self->hold > 0;
    if (in_vain) {
        self->hold = FILL_HOLD;
        fill_more(self, capacity);
    } else if (helps && slow && self->hold == 0)
        fill_less(self, last);
    else if (helps && last->ns > most_ns / 2) /* twice as much would be slow */
        self->quick = 0;
    else if (++self->quick == FILL_QUICK)
        fill_more(self, capacity);
}

/* Less than 1000 bytes in a millisecond: V8's line between a program that runs and one that waits.
 */
bool mw_policy_quiet(uint64_t bytes, uint64_t ns)
{
    return bytes / 1000 <= ns / MW_NS_PER_MS;
}

/* More than four fifths outlive their first scavenge: copying them is a waste, twice. */
bool mw_policy_pretenure(uint64_t born, uint64_t survived)
{
    return 5 * survived > 4 * born;
}

bool mw_policy_dense(size_t live)
{
    return live > MW_PAGE_SIZE - MW_PAGE_SIZE / 8;
}
