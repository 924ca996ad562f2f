/* snapshot: who holds what, as a file that Chrome's developer tools and memlab open (their name for
 * it must end in .heapsnapshot).
 *
 * Taking one is a full collection and then some walks over the heap. It needs no memory of the
 * heap, so it works at the limit and inside the near-limit callback; beside it about 1 % of the
 * heap's size, with identities included, which stay for the next snapshot.
 *
 * What is in it   a node for each object that is alive, under the name of its type, or under what
 * it says if it is text; an edge for each reference, under the name of its field or its index; the
 * open scopes with their handles, by the place that opened them (65,536 of them; the last one has
 * the handles of all others); globals, weak ones as weak edges; external memory, owned by its
 * object. The sizes of all nodes but those of external memory sum up to mw_heap_numbers.used, less
 * what has died in a new space that could not be emptied at the limit. Identities   an object has
 * the same id in every snapshot of its heap, wherever it moves; ids are odd, and an id does not
 * come back, until some two thousand million of them are used up and all objects get other ones
 * (`new_ids`). Text   the content of MW_KIND_TEXT stands in the file, its first 1,024 bytes.
 */
#ifndef MW_HEAP_SNAPSHOT_H
#define MW_HEAP_SNAPSHOT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mw_heap;

enum { MW_SNAPSHOT_WHY_MAX = 160 };

struct mw_heap_snapshot_report {
    uint64_t nodes, edges;
    uint64_t file_bytes;
    size_t memory_bytes; /* beside the heap while it was taken, identities included */
    bool new_ids; /* other ids than in earlier snapshots: no memory for them, or all used up */
    char why[MW_SNAPSHOT_WHY_MAX]; /* which step failed, and how; "" when none did */
};

/* Writes to a file, pipe or socket, from where it stands; the descriptor stays the caller's. One
 * that does not block is waited for. After an error the file holds a part of a snapshot. `ret` may
 * be NULL.
 * Errors   -ENOMEM, -EBUSY inside a collection, -EPERM another thread or a raw region, -EFBIG more
 * than 2^31 objects, and what write(2) says. -EPIPE comes as the signal SIGPIPE first. */
int mw_heap_snapshot_write(struct mw_heap *self, int fd, struct mw_heap_snapshot_report *ret);

/* Writes to a new file beside `path`, readable by its owner only, and gives it that name when all
 * of it is on the disk. After an error there is no half file, and an older one at `path` is as it
 * was, unless only the folder could not be synced: then the new one has the name.
 * Errors   as above, those of open(2), fsync(2) and rename(2), and -EEXIST when a device, pipe or
 * socket has that name. */
int mw_heap_snapshot_save(struct mw_heap *self, const char *path,
                          struct mw_heap_snapshot_report *ret);

/* ---- in two halves ---- */

/* A heap that is ready to be written. `prepare` collects and counts; `emit` and `store` only read
 * then, and allocate nothing: after fork() the child may call them while the parent goes on. In the
 * process that prepared, the heap must not be used in between (-ESTALE, as far as it is noticed).
 * `destroy` takes NULL, and returns it; the heap may be gone by then.
 * Errors   those of mw_heap_snapshot_write() and _save(), as far as each collects or writes. */
struct mw_heap_snapshot;
/* Ahead of `begin`, for a program that must not stand still: marks for about so many microseconds.
 * Returns whether there is more to do. If `begin` does not come, allocations and mw_heap_step() end
 * that marking. */
bool mw_heap_snapshot_step(struct mw_heap *self, uint64_t us);
/* As `prepare`, for a child that writes it: a short pause if `step` has returned false just before,
 * otherwise no longer than `prepare`. Who writes it collects once more, first; only that report has
 * counts. */
int mw_heap_snapshot_begin(struct mw_heap *self, struct mw_heap_snapshot **ret,
                           struct mw_heap_snapshot_report *ret_report);
int mw_heap_snapshot_prepare(struct mw_heap *self, struct mw_heap_snapshot **ret,
                             struct mw_heap_snapshot_report *ret_report);
int mw_heap_snapshot_emit(struct mw_heap_snapshot *self, int fd,
                          struct mw_heap_snapshot_report *ret);
int mw_heap_snapshot_store(struct mw_heap_snapshot *self, const char *path,
                           struct mw_heap_snapshot_report *ret);
struct mw_heap_snapshot *mw_heap_snapshot_destroy(struct mw_heap_snapshot *self);

#ifdef __cplusplus
}
#endif
#endif
