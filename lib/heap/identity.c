/* Identities: an object has one id in all snapshots, wherever it moves.
 *
 * Ids are told in the order of addresses, so the first snapshot needs one number for the whole old
 * space: the first id, the others follow. Later ones find that some objects died and new ones came
 * in between; then the sequence breaks into runs. What remains to be known is which of the ids in
 * sequence belongs to an object. For that a page has a bit for every two words, set when an object
 * with an id begins there: the bits before an object are the ids before its own. Objects have two
 * words at least, so two of them never share a bit; and the flag NUMBERED in its header tells an
 * object that has an id from one that was born later at the place of a dead one. So nothing needs
 * to be done when objects die. 2 KiB for a page of 256 KiB are 0.8 %.
 *
 * Sliding keeps the order of addresses. Telling ids again, for a snapshot or while objects move, is
 * therefore one pass: reading moves up through the old bits, writing through the new ones, and
 * writing is never ahead. The page being written is kept aside until it is full; what stands behind
 * has been read by then.
 *
 * Young objects are seldom in a snapshot, as its collection makes them old; only the limit can keep
 * them young. They stand in a list with their ids, which a scavenge brings up to date, and join the
 * others at the next pass.
 *
 * All tables are reserved at the first snapshot, for the heap's highest limit, so that no
 * collection can fail for them. Memory comes to them as they are used.
 */
#include "heap/identity_internal.h"

#include "heap/heap_internal.h"

#include <errno.h>
#include <string.h>

enum { STEP = 2 };

/* ---- life ---- */

static size_t starts_bytes(const struct mw_heap *heap)
{
    return heap->pool.page_max * MW_PAIR_WORDS * sizeof(uint64_t);
}

static size_t counts_bytes(const struct mw_heap *heap)
{
    return heap->pool.page_max * sizeof(uint16_t);
}

static size_t runs_bytes(const struct mw_heap *heap)
{
    return heap->pool.page_max * (MW_PAGE_ROOM / MW_OBJECT_MIN) * sizeof(struct mw_run);
}

void mw_identity_init(struct mw_heap *self)
{
    self->identity.next = MW_ID_FIRST;
}

static void unmap_tables(struct mw_heap *heap)
{
    struct mw_identity *self = &heap->identity;

    mw_vm_unmap(self->starts, starts_bytes(heap));
    mw_vm_unmap(self->counts, counts_bytes(heap));
    mw_vm_unmap(self->runs, runs_bytes(heap));
    mw_vm_unmap(self->spare, runs_bytes(heap));
    self->starts = NULL;
    self->counts = NULL;
    self->runs = self->spare = NULL;
}

void mw_identity_deinit(struct mw_heap *self)
{
    unmap_tables(self);
    mw_vm_unmap(self->identity.loose, self->identity.loose_bytes);
}

static int map_tables(struct mw_heap *heap)
{
    struct mw_identity *self = &heap->identity;

    if (self->starts != NULL)
        return 0;
    self->starts = mw_vm_table(&heap->vm, starts_bytes(heap));
    self->counts = mw_vm_table(&heap->vm, counts_bytes(heap));
    self->runs = mw_vm_table(&heap->vm, runs_bytes(heap));
    self->spare = mw_vm_table(&heap->vm, runs_bytes(heap));
    if (self->starts != NULL && self->counts != NULL && self->runs != NULL && self->spare != NULL)
        return 0;
    unmap_tables(heap);
    return -ENOMEM;
}

uint32_t mw_identity_fresh(struct mw_heap *self, uint64_t count)
{
    uint32_t first = self->identity.next;

    self->identity.next += STEP * (uint32_t)count;
    return first;
}

uint64_t mw_identity_most(void)
{
    return (UINT32_MAX - MW_ID_FIRST) / STEP;
}

uint64_t mw_identity_left(const struct mw_heap *self)
{
    return (UINT32_MAX - self->identity.next) / STEP;
}

void mw_identity_restart(struct mw_heap *self)
{
    self->identity.next = MW_ID_FIRST;
    self->identity.restarted = true;
}

/* ---- reading: the ids as they were told before ---- */

static size_t page_of(const struct mw_heap *heap, uintptr_t object)
{
    return (object - (uintptr_t)heap->pool.base) >> MW_PAGE_SHIFT;
}

static size_t pair_of(uintptr_t object)
{
    return object % MW_PAGE_SIZE / MW_WORD / 2;
}

static uint64_t *starts_of(const struct mw_identity *self, size_t page)
{
    return self->starts + page * MW_PAIR_WORDS;
}

static size_t count_bits(const uint64_t *words, size_t first, size_t end)
{
    size_t count = 0;

    for (size_t i = first / 64; i * 64 < end; i++) {
        uint64_t word = words[i];

        if (i == first / 64)
            word = word >> first % 64 << first % 64;
        if (i == end / 64)
            word &= ((uint64_t)1 << end % 64) - 1;
        count += mw_popcount(word);
    }
    return count;
}

static void skip_ids(struct mw_identity *self, size_t count)
{
    struct mw_identity_pass *pass = &self->pass;

    while (count > 0 && pass->run < self->run_count) {
        size_t left = self->runs[pass->run].count - pass->offset;

        if (count < left) {
            pass->offset += (uint32_t)count;
            return;
        }
        count -= left;
        pass->run++;
        pass->offset = 0;
    }
}

/* Reads what stands before that place. */
static void read_up_to(struct mw_identity *self, size_t page, size_t pair)
{
    struct mw_identity_pass *pass = &self->pass;

    for (; pass->page < page; pass->page++) {
        if (self->counts[pass->page] != 0)
            skip_ids(self, count_bits(starts_of(self, pass->page), pass->pair, MW_PAIRS));
        pass->pair = 0;
    }
    if (self->counts[page] != 0)
        skip_ids(self, count_bits(starts_of(self, page), pass->pair, pair));
    pass->pair = pair;
}

/* 0 when it does not stand in the list. Asked for in the order of addresses. */
static uint32_t loose_id(struct mw_identity *self, uintptr_t object)
{
    struct mw_identity_pass *pass = &self->pass;

    while (pass->loose < self->loose_count && self->loose[pass->loose].object < object)
        pass->loose++;
    if (pass->loose == self->loose_count || self->loose[pass->loose].object != object)
        return 0;
    return self->loose[pass->loose].id;
}

static uint32_t known_id(struct mw_identity *self, uintptr_t object)
{
    const struct mw_identity_pass *pass = &self->pass;
    uint32_t id = loose_id(self, object);

    if (id != 0 || pass->run == self->run_count)
        return id;
    return self->runs[pass->run].first + STEP * pass->offset;
}

/* ---- writing: the ids as they are told from now on ---- */

/* Only what has changed: after a fork that costs a copy, and most pages are as they were. */
static void write_page(struct mw_identity *self)
{
    struct mw_identity_pass *pass = &self->pass;
    uint64_t *starts = starts_of(self, pass->to_page);

    if (self->counts[pass->to_page] != pass->to_count)
        self->counts[pass->to_page] = (uint16_t)pass->to_count;
    if (pass->to_count == 0)
        return;
    if (memcmp(starts, pass->to_starts, sizeof(pass->to_starts)) != 0)
        memcpy(starts, pass->to_starts, sizeof(pass->to_starts));
    memset(pass->to_starts, 0, sizeof(pass->to_starts));
    pass->to_count = 0;
}

static void write_up_to(struct mw_identity *self, size_t page)
{
    struct mw_identity_pass *pass = &self->pass;

    for (; pass->to_page < page; pass->to_page++)
        if (pass->to_count != 0 || self->counts[pass->to_page] != 0)
            write_page(self);
}

static void append_id(struct mw_identity *self, uint32_t id)
{
    struct mw_identity_pass *pass = &self->pass;
    struct mw_run *last = self->spare + pass->to_runs;

    if (pass->to_runs > 0 && last[-1].first + STEP * last[-1].count == id) {
        last[-1].count++;
    } else {
        *last = (struct mw_run){id, 1};
        pass->to_runs++;
    }
}

static void write_id(struct mw_heap *heap, uintptr_t object, uint32_t id)
{
    struct mw_identity *self = &heap->identity;
    size_t pair = pair_of(object);

    write_up_to(self, page_of(heap, object));
    self->pass.to_starts[pair / 64] |= (uint64_t)1 << pair % 64;
    self->pass.to_count++;
    append_id(self, id);
}

/* ---- a pass ---- */

/* Heap sort: in place, no recursion, and never slow. */
static void sift_down(struct mw_loose *loose, size_t at, size_t count)
{
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        struct mw_loose held = loose[at];

        if (child + 1 < count && loose[child + 1].object > loose[child].object)
            child++;
        if (loose[child].object <= held.object)
            return;
        loose[at] = loose[child];
        loose[child] = held;
        at = child;
    }
}

static void sort_loose(struct mw_loose *loose, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(loose, i, count);
    for (size_t end = count; end-- > 1;) {
        struct mw_loose most = loose[0];

        loose[0] = loose[end];
        loose[end] = most;
        sift_down(loose, 0, end);
    }
}

static void pass_begin(struct mw_identity *self, bool forget)
{
    self->pass = (struct mw_identity_pass){.forget = forget};
    sort_loose(self->loose, self->loose_count);
}

static size_t tables_bytes(const struct mw_heap *heap)
{
    const struct mw_identity *self = &heap->identity;
    size_t bytes = self->run_count * sizeof(struct mw_run) + self->loose_bytes;

    for (size_t page = 0; page < heap->pool.page_max; page++)
        if (self->counts[page] != 0)
            bytes += MW_PAIR_WORDS * sizeof(uint64_t) + sizeof(uint16_t);
    return bytes;
}

static void pass_end(struct mw_heap *heap)
{
    struct mw_identity *self = &heap->identity;
    struct mw_run *read = self->runs;

    write_up_to(self, heap->pool.page_max);
    self->runs = self->spare;
    self->spare = read;
    mw_vm_discard(read, self->run_count * sizeof(struct mw_run));
    self->run_count = self->pass.to_runs;
    heap->malloced -= self->bytes;
    self->bytes = tables_bytes(heap);
    heap->malloced += self->bytes;
}

/* ---- snapshots ---- */

int mw_identity_number_begin(struct mw_heap *self, bool forget, size_t young)
{
    struct mw_identity *identity = &self->identity;
    size_t bytes = mw_vm_round(young * sizeof(struct mw_loose));

    if (map_tables(self) < 0)
        return -ENOMEM;
    identity->young = bytes != 0 ? mw_vm_table(&self->vm, bytes) : NULL;
    if (bytes != 0 && identity->young == NULL)
        return -ENOMEM;
    identity->young_count = 0;
    identity->young_bytes = bytes;
    pass_begin(identity, forget);
    return 0;
}

static bool has_id(const struct mw_identity *self, const uintptr_t *object)
{
    return object[0] & MW_FLAG_NUMBERED && !self->pass.forget;
}

/* Written only where it changes: after a fork each page that is written is copied, or at least
 * costs a fault, and most objects have their id from the snapshot before. */
static void set_numbered(uintptr_t *object)
{
    if (!(object[0] & MW_FLAG_NUMBERED))
        object[0] |= MW_FLAG_NUMBERED;
}

void mw_identity_number(struct mw_heap *self, uintptr_t *object)
{
    struct mw_identity *identity = &self->identity;
    uintptr_t address = (uintptr_t)object;
    uint32_t id;

    read_up_to(identity, page_of(self, address), pair_of(address));
    id = has_id(identity, object) ? known_id(identity, address) : 0;
    set_numbered(object);
    write_id(self, address, id != 0 ? id : mw_identity_fresh(self, 1));
}

void mw_identity_number_young(struct mw_heap *self, uintptr_t *object)
{
    struct mw_identity *identity = &self->identity;
    uintptr_t address = (uintptr_t)object;
    uint32_t id;

    if (identity->young_count == 0)
        identity->pass.loose = 0;
    id = has_id(identity, object) ? loose_id(identity, address) : 0;
    set_numbered(object);
    identity->young[identity->young_count++] =
        (struct mw_loose){address, id != 0 ? id : mw_identity_fresh(self, 1)};
}

void mw_identity_number_end(struct mw_heap *self)
{
    struct mw_identity *identity = &self->identity;

    mw_vm_unmap(identity->loose, identity->loose_bytes);
    identity->loose = identity->young;
    identity->loose_count = identity->young_count;
    identity->loose_bytes = identity->young_bytes;
    identity->young = NULL;
    identity->restarted = false;
    pass_end(self);
}

void mw_identity_touch(struct mw_heap *self, size_t page)
{
    volatile uint64_t *starts;

    if (self->identity.starts == NULL || self->identity.counts[page] == 0)
        return;
    starts = starts_of(&self->identity, page);
    starts[0] = starts[0];
}

/* ---- sliding ---- */

void mw_identity_slide_begin(struct mw_heap *self)
{
    pass_begin(&self->identity, false);
}

void mw_identity_slid(struct mw_heap *self, uintptr_t from, uintptr_t to)
{
    struct mw_identity *identity = &self->identity;
    uint32_t id;

    read_up_to(identity, page_of(self, from), pair_of(from));
    id = known_id(identity, from);
    if (id != 0)
        write_id(self, to, id);
}

/* What became old has joined the others. */
static void keep_young(struct mw_heap *heap)
{
    struct mw_identity *self = &heap->identity;
    size_t kept = 0;

    for (size_t i = 0; i < self->loose_count; i++)
        if (mw_is_young(&heap->nursery, self->loose[i].object))
            self->loose[kept++] = self->loose[i];
    self->loose_count = kept;
}

void mw_identity_slide_end(struct mw_heap *self)
{
    keep_young(self);
    pass_end(self);
}

/* ---- what happens to loose ones in between ---- */

void mw_identity_scavenged(struct mw_heap *self, uintptr_t from, size_t size)
{
    struct mw_identity *identity = &self->identity;
    size_t kept = 0;

    for (size_t i = 0; i < identity->loose_count; i++) {
        struct mw_loose entry = identity->loose[i];

        entry.object = mw_scavenged_place(from, size, entry.object);
        if (entry.object != 0)
            identity->loose[kept++] = entry;
    }
    identity->loose_count = kept;
}

void mw_identity_clear(struct mw_heap *self)
{
    struct mw_identity *identity = &self->identity;
    size_t kept = 0;

    for (size_t i = 0; i < identity->loose_count; i++)
        if (mw_mark_is_live(self, identity->loose[i].object))
            identity->loose[kept++] = identity->loose[i];
    identity->loose_count = kept;
}
