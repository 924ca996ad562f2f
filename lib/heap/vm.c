#include "heap/vm_internal.h"

#include "heap/annotate_internal.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Memory in huge pages, where the kernel has them: the first touch of 2 MiB then costs a tenth of a
 * millisecond, and not ten (measured, see COMMIT_STEP), and a look at an object seldom waits for
 * the address. The kernel takes them only where all of a huge page may be written to, so what is
 * not brought in as a whole comes in small pages, as if nothing had been said.
 */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

enum {
    RESIDENT_STEP = 1024,
    /* Memory is brought in by so much at a time, and touched before more comes. When the kernel
     * fills in tables for more than some 6 MiB at a stretch, a hypervisor with shadow page tables
     * takes them for tables no longer in use, and drops what it knew of all addresses around: the
     * next scavenge then meets a page fault at every part of an old array (19 ms, measured). */
    COMMIT_STEP = 1024 * 1024,
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t mw_vm_round(size_t bytes)
{
    size_t page = page_size();

    return (bytes + page - 1) / page * page;
}

static bool refuses(struct mw_vm *self)
{
    bool rest = self->fail_rest && self->calls >= self->fail_at;

    return ++self->calls == self->fail_at || rest;
}

static void *map(struct mw_vm *self, size_t bytes, int protection)
{
    void *start;

    if (refuses(self))
        return NULL;
    start = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return start != MAP_FAILED ? start : NULL;
}

void *mw_vm_reserve(struct mw_vm *self, size_t bytes, size_t alignment)
{
    char *start = map(self, bytes + alignment, PROT_NONE);
    size_t before;

    if (start == NULL)
        return NULL;
    before = (alignment - (uintptr_t)start % alignment) % alignment;
    if (before != 0)
        mw_vm_unmap(start, before);
    mw_vm_unmap(start + before + bytes, alignment - before);
    madvise(start + before, bytes, MADV_HUGEPAGE);
    return start + before;
}

/* MADV_POPULATE_WRITE is the quicker way, but kernels before 5.14 do not know it, and under a
 * hypervisor with shadow page tables it leaves the costlier half of a fault (10 us a page,
 * measured) to the first access. So pages are touched in any case. */
static void touch(char *start, size_t bytes)
{
    size_t page = page_size();

    for (size_t at = 0; at < bytes; at += page)
        ((volatile char *)start)[at] = 0;
}

static int bring_in_step(char *start, size_t bytes)
{
    if (madvise(start, bytes, MADV_POPULATE_WRITE) < 0 && (errno == ENOMEM || errno == EFAULT))
        return -ENOMEM;
    mw_annotate_used(start, bytes);
    touch(start, bytes);
    return 0;
}

static int bring_in(char *start, size_t bytes)
{
    int error = 0;

    for (size_t at = 0; at < bytes && error == 0; at += COMMIT_STEP)
        error = bring_in_step(start + at, bytes - at < COMMIT_STEP ? bytes - at : COMMIT_STEP);
    return error;
}

int mw_vm_commit(struct mw_vm *self, void *start, size_t bytes)
{
    if (refuses(self) || mprotect(start, bytes, PROT_READ | PROT_WRITE) < 0)
        return -ENOMEM;
    if (bring_in(start, bytes) < 0) {
        mw_vm_decommit(start, bytes);
        return -ENOMEM;
    }
    return 0;
}

/* A daemon that must not be swapped out has locked its memory, and locked memory is not taken back
 * unless that is said: kernels know how since 5.18, before that it is unlocked meanwhile. (Under
 * sanitizers the C library's munlock() does nothing.) */
static void take_back(void *start, size_t bytes)
{
    if (madvise(start, bytes, MADV_DONTNEED_LOCKED) == 0 ||
        madvise(start, bytes, MADV_DONTNEED) == 0)
        return;
    syscall(SYS_munlock, start, bytes);
    madvise(start, bytes, MADV_DONTNEED);
    mlock2(start, bytes, MLOCK_ONFAULT);
}

void mw_vm_decommit(void *start, size_t bytes)
{
    take_back(start, bytes);
    mprotect(start, bytes, PROT_NONE);
}

void mw_vm_unmap(void *start, size_t bytes)
{
    if (start != NULL && munmap(start, bytes) < 0) /* one mapping too many, if it is a part */
        take_back(start, bytes);
}

void *mw_vm_table(struct mw_vm *self, size_t bytes)
{
    return map(self, bytes, PROT_READ | PROT_WRITE);
}

void mw_vm_bring_in(void *start, size_t bytes)
{
    bring_in(start, bytes);
}

void mw_vm_discard(void *start, size_t bytes)
{
    if (bytes != 0)
        take_back(start, bytes);
}

size_t mw_vm_resident(const void *start, size_t bytes)
{
    unsigned char pages[RESIDENT_STEP];
    size_t page = page_size();
    size_t resident = 0;

    for (size_t at = 0; at < bytes; at += RESIDENT_STEP * page) {
        size_t step = bytes - at < RESIDENT_STEP * page ? bytes - at : RESIDENT_STEP * page;

        if (mincore((char *)(uintptr_t)start + at, step, pages) < 0)
            return resident;
        for (size_t i = 0; i * page < step; i++)
            resident += (pages[i] & 1) * page;
    }
    return resident < bytes ? resident : bytes;
}
