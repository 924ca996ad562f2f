#include "collect/process_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { ROWS_MIN = 64 };

_Static_assert(sizeof(struct mw_process) == 64, "a process is one cache line");

void mw_process_table_deinit(struct mw_process_table *self)
{
    free(self->rows);
    free(self->slots);
    *self = (struct mw_process_table){0};
}

/* ---- slots ---- */

/* Fibonacci hashing: neighbouring pids, the usual case, spread over the whole table. */
static uint32_t home_of(const struct mw_process_table *self, uint32_t pid)
{
    return (pid * 2654435769u >> 7) & (self->slot_count - 1);
}

static uint32_t slot_of(const struct mw_process_table *self, uint32_t pid)
{
    uint32_t slot = home_of(self, pid);

    while (self->slots[slot] != 0 && self->rows[self->slots[slot] - 1].pid != pid)
        slot = (slot + 1) & (self->slot_count - 1);
    return slot;
}

uint32_t mw_process_table_find(const struct mw_process_table *self, uint32_t pid)
{
    /* an empty slot's 0 becomes MW_PROCESS_NONE */
    return self->slot_count > 0 ? self->slots[slot_of(self, pid)] - 1 : MW_PROCESS_NONE;
}

/* Closes the hole: what was pushed behind it by a collision moves up. */
static void clear_slot(struct mw_process_table *self, uint32_t hole)
{
    const uint32_t mask = self->slot_count - 1;

    for (uint32_t at = (hole + 1) & mask; self->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = home_of(self, self->rows[self->slots[at] - 1].pid);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            self->slots[hole] = self->slots[at];
            hole = at;
        }
    }
    self->slots[hole] = 0;
}

static int resize_slots(struct mw_process_table *self, uint32_t count)
{
    uint32_t *slots = calloc(count, sizeof(*slots));

    if (slots == NULL)
        return -ENOMEM;
    free(self->slots);
    self->slots = slots;
    self->slot_count = count;
    for (uint32_t row = 0; row < self->used; row++)
        if (self->rows[row].pid != 0)
            self->slots[slot_of(self, self->rows[row].pid)] = row + 1;
    return 0;
}

static uint32_t slots_for(uint32_t live)
{
    uint32_t count = 2 * ROWS_MIN;

    while (count < 2 * live)
        count *= 2;
    return count;
}

/* ---- rows ---- */

static int resize_rows(struct mw_process_table *self, uint32_t capacity)
{
    struct mw_process *rows = realloc(self->rows, capacity * sizeof(*rows));

    if (rows == NULL)
        return -ENOMEM;
    self->rows = rows;
    self->capacity = capacity;
    return 0;
}

int mw_process_table_reserve(struct mw_process_table *self, uint32_t more)
{
    uint32_t rows = self->live + more > self->used ? self->live + more : self->used;
    int error = 0;

    if (rows > self->capacity) {
        uint32_t grown = self->capacity + self->capacity / 4 + ROWS_MIN;

        error = resize_rows(self, rows > grown ? rows : grown);
    }
    if (error == 0 && slots_for(self->live + more) > self->slot_count)
        error = resize_slots(self, slots_for(self->live + more));
    return error;
}

uint32_t mw_process_table_add(struct mw_process_table *self, uint32_t pid)
{
    uint32_t row = self->lowest_free;

    while (row < self->used && self->rows[row].pid != 0)
        row++;
    if (row == self->used)
        self->used++;
    self->lowest_free = row + 1;
    self->live++;
    self->slots[slot_of(self, pid)] = row + 1;
    self->rows[row] = (struct mw_process){.pid = pid, .fd = -1};
    return row;
}

void mw_process_table_remove(struct mw_process_table *self, uint32_t row)
{
    clear_slot(self, slot_of(self, self->rows[row].pid));
    self->rows[row].pid = 0;
    self->live--;
    if (row < self->lowest_free)
        self->lowest_free = row;
    while (self->used > 0 && self->rows[self->used - 1].pid == 0)
        self->used--;
}

void mw_process_table_trim(struct mw_process_table *self)
{
    /* Failing to shrink is no failure. A quarter, so that a table does not go up and down. */
    if (self->used < self->capacity / 4 && self->capacity > 4 * ROWS_MIN)
        resize_rows(self, self->used * 2 > ROWS_MIN ? self->used * 2 : ROWS_MIN);
    if (slots_for(self->live) < self->slot_count / 4)
        resize_slots(self, slots_for(self->live) * 2);
}
