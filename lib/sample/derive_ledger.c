/* The ledger: where the machine's memory is, in parts that add up to MemTotal to the byte.
 *
 * The kernel keeps no such account. Lines of /proc/meminfo overlap, and some of what is in use is
 * in none of them. So each part is what its lines say less what another part has, and the rest is
 * a row of its own, which may be negative: lines are read one after the other and counted by CPU,
 * so they may claim a little more than there is.
 *
 * What overlaps, and who has it here:
 *   Cached        holds Shmem: tmpfs is page cache to the kernel. Shared memory is its own part.
 *                 Buffers is the page cache of block devices and not in Cached.
 *   AnonPages     holds AnonHugePages, and the pages in the swap cache that are mapped.
 *   SwapCached    is not in Cached. What of it is mapped is in AnonPages too, and meminfo does not
 *                 say how much that is. But the anonymous lists hold exactly the mapped pages, the
 *                 shared ones and the unmapped ones of the swap cache: what is left of the lists
 *                 without the first two is the third. Locked pages are on another list, so this is
 *                 too little rather than too much.
 *   KReclaimable  holds SReclaimable, and what drivers can give back besides.
 *   VmallocUsed   holds the stacks of threads where the kernel maps them (VMAP_STACK, the rule on
 *                 64 bits), and always module code, shadow call stacks, large tables. Where it is
 *                 less than the stacks they cannot be in it. It is 0 from Linux 4.4 to 5.2.
 *   Hugetlb       is in nothing else: its pages are neither anonymous nor page cache here. Before
 *                 Linux 4.19 there is only the number of pages of the default size.
 *   Zswap         is the compressed pool itself and in nothing else. Zram has no line: it is in the
 *                 rest, as are drivers' and network buffers, balloons, and memory of GPUs.
 *   MemFree       holds what the contiguous allocator (CMA) and unaccepted memory have free.
 *
 * A part that is absent is not in the sum, so it makes the rest larger and nothing wrong. */
#include "sample/derive_internal.h"

static bool get(const struct mw_block *system, enum mw_reading reading, uint64_t *ret)
{
    union mw_value value;

    if (mw_block_get(system, reading, 0, &value) != MW_PRESENT)
        return false;
    *ret = value.u;
    return true;
}

/* 0 for what is not there: of lines whose absence means that another line holds them. */
static uint64_t get_or_none(const struct mw_block *system, enum mw_reading reading)
{
    uint64_t value = 0;

    if (reading != MW_NONE)
        get(system, reading, &value);
    return value;
}

/* A line beyond what any machine has is not believed: sums of it would not be numbers any more. */
static struct mw_derived read_line(const struct mw_block *system, enum mw_reading reading)
{
    struct mw_derived line = {.absence = MW_PRESENT};

    line.absence = mw_block_get(system, reading, 0, &line.value);
    if (line.absence == MW_PRESENT && line.value.u > MW_READING_MAX)
        line.absence = MW_ABSENT_STALE;
    return line;
}

/* ---- the parts ---- */

struct part {
    enum mw_reading reading, line;
    enum mw_reading also;    /* added where it is there, or MW_NONE */
    enum mw_reading without; /* taken off where it is there, or MW_NONE */
    /* What no sum of lines says; NULL: the sum is all. `value` is that of `line`. */
    struct mw_derived (*correct)(const struct mw_block *system, struct mw_derived value);
};

static struct mw_derived without_stacks(const struct mw_block *system, struct mw_derived value)
{
    uint64_t stacks = get_or_none(system, MW_SYSTEM_KERNEL_STACK);

    if (value.absence == MW_PRESENT && value.value.u >= stacks)
        value.value.u -= stacks;
    return value;
}

static struct mw_derived or_default_pool(const struct mw_block *system, struct mw_derived value)
{
    uint64_t pages, size;

    if (value.absence != MW_ABSENT_UNSUPPORTED ||
        !get(system, MW_SYSTEM_HUGE_PAGES_TOTAL, &pages) ||
        !get(system, MW_SYSTEM_HUGE_PAGE_SIZE, &size))
        return value;
    if (size != 0 && pages > MW_READING_MAX / size)
        return (struct mw_derived){.absence = MW_ABSENT_STALE};
    return (struct mw_derived){{.u = pages * size}, MW_PRESENT};
}

static struct mw_derived unmapped_only(const struct mw_block *system, struct mw_derived value)
{
    uint64_t active, inactive, mapped, listed, known;

    if (value.absence != MW_PRESENT)
        return value;
    if (!get(system, MW_SYSTEM_ACTIVE_ANON, &active) ||
        !get(system, MW_SYSTEM_INACTIVE_ANON, &inactive) ||
        !get(system, MW_SYSTEM_ANON_PAGES, &mapped))
        return (struct mw_derived){.absence = MW_ABSENT_UNSUPPORTED};
    listed = active + inactive;
    known = mapped + get_or_none(system, MW_SYSTEM_SHMEM);
    listed = listed > known ? listed - known : 0;
    if (value.value.u > listed)
        value.value.u = listed;
    return value;
}

static const struct part parts[] = {
    {MW_SYSTEM_LEDGER_FREE, MW_SYSTEM_MEM_FREE, MW_NONE, MW_NONE, NULL},
    {MW_SYSTEM_LEDGER_PAGE_CACHE, MW_SYSTEM_CACHED, MW_SYSTEM_BUFFERS, MW_SYSTEM_SHMEM, NULL},
    {MW_SYSTEM_LEDGER_ANON, MW_SYSTEM_ANON_PAGES, MW_NONE, MW_NONE, NULL},
    {MW_SYSTEM_LEDGER_SHARED, MW_SYSTEM_SHMEM, MW_NONE, MW_NONE, NULL},
    {MW_SYSTEM_LEDGER_SWAP_CACHE, MW_SYSTEM_SWAP_CACHED, MW_NONE, MW_NONE, unmapped_only},
    {MW_SYSTEM_LEDGER_SLAB_RECLAIMABLE, MW_SYSTEM_S_RECLAIMABLE, MW_NONE, MW_NONE, NULL},
    {MW_SYSTEM_LEDGER_SLAB_UNRECLAIMABLE, MW_SYSTEM_S_UNRECLAIM, MW_NONE, MW_NONE, NULL},
    {MW_SYSTEM_LEDGER_KERNEL_RECLAIMABLE, MW_SYSTEM_K_RECLAIMABLE, MW_NONE, MW_SYSTEM_S_RECLAIMABLE,
     NULL},
    {MW_SYSTEM_LEDGER_PAGE_TABLES, MW_SYSTEM_PAGE_TABLES, MW_SYSTEM_SEC_PAGE_TABLES, MW_NONE, NULL},
    {MW_SYSTEM_LEDGER_KERNEL_STACKS, MW_SYSTEM_KERNEL_STACK, MW_NONE, MW_NONE, NULL},
    {MW_SYSTEM_LEDGER_PERCPU, MW_SYSTEM_PERCPU, MW_NONE, MW_NONE, NULL},
    {MW_SYSTEM_LEDGER_VMALLOC, MW_SYSTEM_VMALLOC_USED, MW_NONE, MW_NONE, without_stacks},
    {MW_SYSTEM_LEDGER_HUGE_PAGES, MW_SYSTEM_HUGETLB, MW_NONE, MW_NONE, or_default_pool},
    {MW_SYSTEM_LEDGER_ZSWAP, MW_SYSTEM_ZSWAP, MW_NONE, MW_NONE, NULL},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

_Static_assert(PARTS + 1 == MW_SYSTEM_LEDGER_UNEXPLAINED - MW_SYSTEM_LEDGER_FREE + 1,
               "each row of the ledger is a part, but for the rest");

/* Lines that contradict each other leave their part absent: a guess would be in the sum. */
static struct mw_derived compute(const struct mw_block *system, const struct part *part)
{
    struct mw_derived value = read_line(system, part->line);
    uint64_t without = get_or_none(system, part->without);

    if (part->correct != NULL)
        return part->correct(system, value);
    if (value.absence != MW_PRESENT)
        return value;
    value.value.u += get_or_none(system, part->also);
    if (value.value.u < without || value.value.u - without > MW_READING_MAX)
        return (struct mw_derived){.absence = MW_ABSENT_STALE};
    value.value.u -= without;
    return value;
}

/* The sum of all parts is below 2^57, far from where signed numbers end. */
static struct mw_derived rest(const struct mw_block *system, uint64_t sum)
{
    struct mw_derived rest = read_line(system, MW_SYSTEM_MEM_TOTAL);

    if (rest.absence != MW_PRESENT)
        return rest;
    rest.value.i = (int64_t)rest.value.u - (int64_t)sum;
    if (rest.value.i < -(int64_t)MW_READING_MAX)
        return (struct mw_derived){.absence = MW_ABSENT_STALE};
    return rest;
}

void mw_derive_ledger(const struct mw_block *system, struct mw_derived *values)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < PARTS; i++) {
        struct mw_derived value = compute(system, &parts[i]);

        if (value.absence == MW_PRESENT)
            sum += value.value.u;
        values[mw_reading_info(parts[i].reading)->column] = value;
    }
    values[mw_reading_info(MW_SYSTEM_LEDGER_UNEXPLAINED)->column] = rest(system, sum);
}
