/* What the push_* files share. Not for others. */
#ifndef MWD_PUSH_INTERNAL_H
#define MWD_PUSH_INTERNAL_H
#include "daemon/push.h"
#include "daemon/push_flow.h"

struct mwd_push_subject {
    uint64_t pushed_ns;
    struct mwd_push_report known;
    union {
        struct mwd_flow flow; /* of a queue */
        struct mwd_use use;   /* of a cache */
    } over_time;
};

/* By place, as in names. */
struct mwd_push_book {
    struct mwd_push_subject *subjects;
    uint32_t room;
};

struct mwd_push {
    struct mwd_push_options options;
    struct mwd_names *names;
    struct mwd_push_numbers numbers;
    struct mwd_push_book books[MW_KIND_COUNT];
};

/* Number of the field with this key or word, -ENOENT when there is none. */
int mwd_push_field_find(enum mw_kind kind, const char *word, size_t size);

/* ---- push_rows.c ---- */

void mwd_push_over_time(struct mwd_push_subject *self, enum mw_kind kind, uint64_t now_ns);
#endif
