/* vm: address space and memory, the only place that asks the kernel for either. It can be told to
 * fail at the n-th time, so that every caller's way out is tested. */
#ifndef MW_HEAP_VM_INTERNAL_H
#define MW_HEAP_VM_INTERNAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mw_vm {
    uint64_t calls;
    uint64_t fail_at; /* the call that fails; 0: none */
    bool fail_rest;   /* and all that come after it */
};

/* What one entry of the kernel's second lowest table maps, where it can: one fault for all of it.
 */
#define MW_VM_HUGE ((size_t)2 << 20)

size_t mw_vm_round(size_t bytes);

/* Addresses without memory, aligned to a power of two. Memory that is given to MW_VM_HUGE of them
 * at once, if they are aligned to that, comes in one piece. NULL when there are none. */
void *mw_vm_reserve(struct mw_vm *self, size_t bytes, size_t alignment);
/* Gives memory to a part of them, zeroed and in place already: using it does not fault.
 * Errors   -ENOMEM. */
int mw_vm_commit(struct mw_vm *self, void *start, size_t bytes);
/* Takes the memory back and keeps the addresses, which cannot be read from then on. */
void mw_vm_decommit(void *start, size_t bytes);
void mw_vm_unmap(void *start, size_t bytes);
/* Memory that comes when it is touched, for tables whose bound is never near. NULL. */
void *mw_vm_table(struct mw_vm *self, size_t bytes);
/* Brings a part of a table in before it is used, from the start of one of the kernel's pages on.
 * Without memory nothing happens: it comes when it is touched. */
void mw_vm_bring_in(void *start, size_t bytes);
/* Gives the memory of a part of a table back; it is zero when it is touched again. */
void mw_vm_discard(void *start, size_t bytes);
/* How many bytes of a range are in memory. */
size_t mw_vm_resident(const void *start, size_t bytes);
#endif
