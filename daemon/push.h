/* push: queues, heaps and caches that other programs report. A part of the daemon.
 *
 * A report is a set of fields of one subject, or a change of one field. What a report does not say
 * is unknown: it is absent, never 0. Who reports a name first has it until it expires; see
 * daemon/names.h for names and their bound.
 *
 * Bound    MWD_NAMES_MAX names a kind, those of the daemon beside them.
 * Errors   a report is taken whole or not at all; each refusal is counted by its reason.
 * Threads  the loop's only.
 */
#ifndef MWD_PUSH_H
#define MWD_PUSH_H
#include "base/clock.h"
#include "daemon/log.h"
#include "daemon/names.h"
#include "daemon/push_statsd.h"

struct mwd_push;
struct mwd_flow;
struct mwd_use;

enum { MWD_PUSH_FIELDS_MAX = 8, MWD_PUSH_DETAIL_SIZE = 256 };

/* Why a report was refused; as the readings of the daemon have it. */
enum mwd_push_reason {
    MWD_PUSH_SYNTAX,
    MWD_PUSH_FIELD,
    MWD_PUSH_VALUE,
    MWD_PUSH_NAME,
    MWD_PUSH_OWNER,
    MWD_PUSH_FULL,
    MWD_PUSH_SIZE,
    MWD_PUSH_REASONS
};

struct mwd_push_options {
    const struct mw_clock *clock;
    struct mwd_log *log;
    uint64_t expire_ns; /* a name that nobody reports for so long goes */
    /* Something of this kind has a new value. */
    void (*on_change)(void *context, enum mw_kind kind);
    void *context;
};

struct mwd_push_numbers {
    uint64_t pushes, datagrams, drops, expired;
    uint64_t refused[MWD_PUSH_REASONS];
    uint32_t names;
};

/* Owner    the caller; hand *ret to mwd_push_destroy(). Errors -ENOMEM. */
int mwd_push_create(const struct mwd_push_options *options, struct mwd_push **ret);
struct mwd_push *mwd_push_destroy(struct mwd_push *self);
void mwd_push_set_expire(struct mwd_push *self, uint64_t expire_ns);

const struct mwd_names *mwd_push_names(const struct mwd_push *self);
void mwd_push_get_numbers(const struct mwd_push *self, struct mwd_push_numbers *ret);
/* For what is refused, dropped or received before it gets here. */
void mwd_push_count_refusal(struct mwd_push *self, enum mwd_push_reason reason);
void mwd_push_count_datagrams(struct mwd_push *self, uint64_t received, uint64_t dropped);

/* ---- fields ---- */

struct mwd_push_field {
    enum mw_reading reading; /* its key is the field's name in JSON, and one of two in statsd */
    const char *word;        /* the other one */
    bool total;              /* it only grows */
};

/* The fields of a kind, MWD_PUSH_FIELDS_MAX at most; the first one is the least that a report has.
 * NULL for kinds that nobody reports. */
const struct mwd_push_field *mwd_push_fields(enum mw_kind kind, uint32_t *ret_count);

struct mwd_push_report {
    double values[MWD_PUSH_FIELDS_MAX]; /* whole, 0 to MW_READING_MAX; NAN = not said */
};

/* What a JSON object says.
 * Errors   -EINVAL, with what is wrong and what is taken in `detail`, and counted. */
int mwd_push_parse(struct mwd_push *self, enum mw_kind kind, const char *body, size_t size,
                   struct mwd_push_report *ret, char detail[MWD_PUSH_DETAIL_SIZE]);

/* ---- reports ---- */

/* All that is known of a subject from now on.
 * Errors   those of mwd_names_take(), counted. */
int mwd_push_put(struct mwd_push *self, enum mw_kind kind, const char *name,
                 struct mwd_name_owner owner, const struct mwd_push_report *report);
/* One field; what is known of others stays. A counter that was unknown begins at 0, and a change of
 * a gauge, too. Faults are counted. */
void mwd_push_line(struct mwd_push *self, const char *line, size_t size,
                   struct mwd_name_owner owner);
/* Errors   those of mwd_names_look(). */
int mwd_push_remove(struct mwd_push *self, enum mw_kind kind, const char *name,
                    struct mwd_name_owner owner);
/* Lets go of those whose time is over; to be called now and then. */
void mwd_push_expire(struct mwd_push *self);

/* ---- as rows of a block; `self` of NULL has none ---- */

/* Rows that fill() needs; those of names that went are free. */
uint32_t mwd_push_rows(const struct mwd_push *self, enum mw_kind kind);
void mwd_push_fill(const struct mwd_push *self, enum mw_kind kind, uint32_t first_row,
                   struct mw_block *block);
/* What follows from numbers over time; what is not known stays absent. */
void mwd_push_put_flow(const struct mwd_flow *flow, uint32_t row, struct mw_block *block);
void mwd_push_put_use(const struct mwd_use *use, uint32_t row, struct mw_block *block);
#endif
