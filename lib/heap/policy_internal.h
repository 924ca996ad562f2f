/* policy: when and how much. Pure decisions over numbers. */
#ifndef MW_HEAP_POLICY_INTERNAL_H
#define MW_HEAP_POLICY_INTERNAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mw_policy {
    size_t full_at;          /* bytes of old objects at which a full collection must end */
    size_t mark_at;          /* the same, at which marking in slices begins */
    size_t external_full_at; /* the same for external bytes */
};

/* How much of a half is filled until the next scavenge is due; survivors with it. */
struct mw_fill {
    size_t bytes;
    unsigned quick;    /* scavenges in a row after which twice as much could be filled */
    unsigned hold;     /* scavenges until less may be tried again */
    uint64_t tried_ns; /* what the last one took, if it made it less; else 0 */
    size_t tried_copied;
};

/* A scavenge that came because so much was filled. */
struct mw_filled {
    size_t bytes, copied;
    uint64_t ns, roots_ns; /* all told; of these for handles and globals, when there are many */
};

/* Of microseconds that a program asks for, as many as it likes. */
uint64_t mw_policy_ns(uint64_t us);
size_t mw_policy_next_full(size_t live, size_t limit);
size_t mw_policy_semi_max(size_t semi, size_t limit);
size_t mw_policy_next_mark(size_t live, size_t full_at);
size_t mw_policy_pace(size_t live, size_t full_at);
size_t mw_policy_next_external(size_t external);
/* Bytes; `ns` have passed since the cap was `before`. */
size_t mw_policy_pool_cap(size_t live, size_t full_at, size_t limit, size_t before, uint64_t ns);
/* Bytes of the mark stack that should have memory, with so many of old objects. */
size_t mw_policy_mark_stack(size_t old);
/* Whether pages are brought in by groups, with so many there. */
bool mw_policy_group(size_t pages);
bool mw_policy_dense(size_t live);
bool mw_policy_sparse(size_t pages, size_t live);
bool mw_policy_slide(size_t live, uint64_t cost, uint64_t most_ns);
/* Whether halves of `capacity` should double: of so many `aged` bytes so many were copied in vain
 * since they last did. */
bool mw_policy_grow_new(size_t capacity, size_t aged, size_t in_vain);
/* Whether a scavenge of halves twice as large is likely to take no more than `most_ns` (0: any
 * time): of late `moved` bytes survived at most, and each KiB costs so many nanoseconds. */
bool mw_policy_quick_enough(size_t capacity, size_t moved, uint64_t cost, uint64_t most_ns);
/* After one: less, when it took longer than `most_ns` (0: any time) to copy most of what was
 * filled, so that less will be copied; and more again when that will be quick enough, or would not
 * help. */
void mw_policy_fill(struct mw_fill *self, size_t capacity, const struct mw_filled *last,
                    uint64_t most_ns);
/* Whether a program that allocated so many bytes in that time does next to nothing. */
bool mw_policy_quiet(uint64_t bytes, uint64_t ns);
/* Whether objects of a type should be born old. */
bool mw_policy_pretenure(uint64_t born, uint64_t survived);
#endif
