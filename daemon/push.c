#include "daemon/push_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int mwd_push_create(const struct mwd_push_options *options, struct mwd_push **ret)
{
    struct mwd_push *self = calloc(1, sizeof *self);
    int r;

    if (!self)
        return -ENOMEM;
    self->options = *options;
    r = mwd_names_create(&self->names);
    if (r < 0)
        mwd_push_destroy(self);
    else
        *ret = self;
    return r;
}

struct mwd_push *mwd_push_destroy(struct mwd_push *self)
{
    if (!self)
        return NULL;
    for (int kind = 0; kind < MW_KIND_COUNT; kind++)
        free(self->books[kind].subjects);
    mwd_names_destroy(self->names);
    free(self);
    return NULL;
}

void mwd_push_set_expire(struct mwd_push *self, uint64_t expire_ns)
{
    self->options.expire_ns = expire_ns;
}

const struct mwd_names *mwd_push_names(const struct mwd_push *self)
{
    return self ? self->names : NULL;
}

/* ---- counts ---- */

void mwd_push_get_numbers(const struct mwd_push *self, struct mwd_push_numbers *ret)
{
    *ret = self->numbers;
    ret->names = 0;
    for (enum mw_kind kind = 0; kind < MW_KIND_COUNT; kind++)
        ret->names += mwd_names_alive(self->names, kind);
}

void mwd_push_count_refusal(struct mwd_push *self, enum mwd_push_reason reason)
{
    self->numbers.refused[reason]++;
}

void mwd_push_count_datagrams(struct mwd_push *self, uint64_t received, uint64_t dropped)
{
    self->numbers.datagrams += received;
    self->numbers.drops += dropped;
}

/* Returns the error. */
static int refuse(struct mwd_push *self, int error)
{
    switch (error) {
    case -EEXIST:
    case -EACCES:
        mwd_push_count_refusal(self, MWD_PUSH_OWNER);
        break;
    case -ENOSPC:
    case -ENOMEM:
        mwd_push_count_refusal(self, MWD_PUSH_FULL);
        break;
    default:
        mwd_push_count_refusal(self, MWD_PUSH_NAME);
        break;
    }
    return error;
}

/* ---- fields ---- */

static bool is_text(const char *text, const char *word, size_t size)
{
    return strlen(text) == size && memcmp(text, word, size) == 0;
}

int mwd_push_field_find(enum mw_kind kind, const char *word, size_t size)
{
    uint32_t count;
    const struct mwd_push_field *fields = mwd_push_fields(kind, &count);

    for (uint32_t i = 0; i < count; i++)
        if (is_text(fields[i].word, word, size) ||
            is_text(mw_reading_info(fields[i].reading)->key, word, size))
            return (int)i;
    return -ENOENT;
}

/* ---- subjects ---- */

static int fit(struct mwd_push_book *book, uint32_t place)
{
    uint32_t room = book->room ? 2 * book->room : 16;
    struct mwd_push_subject *subjects;

    if (place < book->room)
        return 0;
    subjects = realloc(book->subjects, room * sizeof *subjects);
    if (!subjects)
        return -ENOMEM;
    book->subjects = subjects;
    book->room = room;
    return 0;
}

static void begin(struct mwd_push_subject *subject)
{
    memset(subject, 0, sizeof *subject);
    for (int i = 0; i < MWD_PUSH_FIELDS_MAX; i++)
        subject->known.values[i] = NAN;
}

/* Places are given one after the other, so there is always room for all before this one. */
static int find(struct mwd_push *self, enum mw_kind kind, const char *name, size_t size,
                struct mwd_name_owner owner, struct mwd_push_subject **ret)
{
    uint32_t place;
    int r = fit(&self->books[kind], mwd_names_places(self->names, kind));

    if (r == 0)
        r = mwd_names_take(self->names, kind, name, size, owner,
                           mw_clock_wall_ms(self->options.clock), &place);
    if (r < 0)
        return refuse(self, r);
    *ret = &self->books[kind].subjects[place];
    if (r == 1)
        begin(*ret);
    return r;
}

static void changed(struct mwd_push *self, enum mw_kind kind, struct mwd_push_subject *subject)
{
    uint64_t now_ns = mw_clock_monotonic_ns(self->options.clock);

    self->numbers.pushes++;
    subject->pushed_ns = now_ns;
    mwd_push_over_time(subject, kind, now_ns);
    self->options.on_change(self->options.context, kind);
}

/* ---- whole reports ---- */

int mwd_push_put(struct mwd_push *self, enum mw_kind kind, const char *name,
                 struct mwd_name_owner owner, const struct mwd_push_report *report)
{
    struct mwd_push_subject *subject;
    int r = find(self, kind, name, strlen(name), owner, &subject);

    if (r < 0)
        return r;
    subject->known = *report;
    changed(self, kind, subject);
    return 0;
}

/* ---- from a recording ---- */

int mwd_push_know(struct mwd_push *self, enum mw_kind kind, struct mw_block_key key,
                  const char *name, size_t size)
{
    struct mwd_push_book *book = &self->books[kind];
    uint32_t before = mwd_names_places(self->names, kind), places;
    int r = mwd_names_know(self->names, kind, key, name, size);

    places = mwd_names_places(self->names, kind);
    for (uint32_t place = before; place < places; place++) {
        if (fit(book, place) < 0)
            return -ENOMEM;
        begin(&book->subjects[place]);
    }
    return r;
}

int mwd_push_remove(struct mwd_push *self, enum mw_kind kind, const char *name,
                    struct mwd_name_owner owner)
{
    uint32_t place;
    int r = mwd_names_look(self->names, kind, name, strlen(name), owner, &place);

    if (r < 0)
        return r;
    mwd_names_leave(self->names, kind, place);
    return 0;
}

/* ---- lines ---- */

static enum mw_kind find_kind(const struct mwd_statsd_word *word)
{
    static const enum mw_kind kinds[] = {MW_KIND_QUEUE, MW_KIND_HEAP, MW_KIND_CACHE};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (is_text(mw_kind_word(kinds[i]), word->text, word->size))
            return kinds[i];
    return MW_KIND_COUNT;
}

/* What the field will be, or NAN: a gauge that is counted, a number out of bounds. */
static double next_value(const struct mwd_push_field *field, double known,
                         const struct mwd_statsd_line *line)
{
    double value = line->value;

    if (line->type == MWD_STATSD_COUNT && !field->total)
        return NAN;
    if (line->type == MWD_STATSD_CHANGE && field->total)
        return NAN;
    if (line->type != MWD_STATSD_SET && !isnan(known))
        value += known;
    return value >= 0 && value <= (double)MW_READING_MAX ? value : NAN;
}

/* Of a name that is not there, or is another's, nothing is known; taking it says which. */
static double known_value(const struct mwd_push *self, enum mw_kind kind, int field,
                          const struct mwd_statsd_word *name, struct mwd_name_owner owner)
{
    uint32_t place;

    if (mwd_names_look(self->names, kind, name->text, name->size, owner, &place) < 0)
        return NAN;
    return self->books[kind].subjects[place].known.values[field];
}

static void apply(struct mwd_push *self, enum mw_kind kind, int at,
                  const struct mwd_statsd_line *line, struct mwd_name_owner owner)
{
    uint32_t count;
    const struct mwd_push_field *field = &mwd_push_fields(kind, &count)[at];
    double value = next_value(field, known_value(self, kind, at, &line->name, owner), line);
    struct mwd_push_subject *subject;

    if (isnan(value)) {
        mwd_push_count_refusal(self, MWD_PUSH_VALUE);
        return;
    }
    if (find(self, kind, line->name.text, line->name.size, owner, &subject) < 0)
        return;
    subject->known.values[at] = value;
    changed(self, kind, subject);
}

static enum mwd_push_reason reason_of(int error)
{
    return error == -ERANGE ? MWD_PUSH_VALUE : error == -ENOTSUP ? MWD_PUSH_FIELD : MWD_PUSH_SYNTAX;
}

void mwd_push_line(struct mwd_push *self, const char *text, size_t size,
                   struct mwd_name_owner owner)
{
    struct mwd_statsd_line line;
    enum mw_kind kind;
    int at = -ENOENT;
    int r = mwd_statsd_parse(text, size, &line);

    if (r < 0) {
        mwd_push_count_refusal(self, reason_of(r));
        return;
    }
    kind = find_kind(&line.kind);
    if (kind != MW_KIND_COUNT)
        at = mwd_push_field_find(kind, line.field.text, line.field.size);
    if (at < 0)
        mwd_push_count_refusal(self, MWD_PUSH_FIELD);
    else
        apply(self, kind, at, &line, owner);
}

/* ---- the end of a name ---- */

static void expire(struct mwd_push *self, enum mw_kind kind, uint32_t place)
{
    const char *name = mwd_names_text(self->names, kind, place);

    self->numbers.expired++;
    mwd_names_leave(self->names, kind, place);
    mwd_log_event(self->options.log, MWD_LOG_INFO, &(struct mwd_log_event){"push-expired", name},
                  "%s \"%s\" has not been reported for %llu s and is no longer shown; see "
                  "push-expire",
                  mw_kind_word(kind), name,
                  (unsigned long long)(self->options.expire_ns / MW_NS_PER_S));
}

void mwd_push_expire(struct mwd_push *self)
{
    uint64_t now_ns = mw_clock_monotonic_ns(self->options.clock);

    for (enum mw_kind kind = 0; kind < MW_KIND_COUNT; kind++)
        for (uint32_t place = 0; place < mwd_push_rows(self, kind); place++)
            if (mwd_names_key(self->names, kind, place).id != 0 &&
                now_ns - self->books[kind].subjects[place].pushed_ns >= self->options.expire_ns)
                expire(self, kind, place);
}
