/* Points go straight into the body, a piece each; reasons are gathered beside it and follow. */
#include "daemon/view_history.h"

#include "daemon/view_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    POINT_ROOM = 4 * MWD_JSON_NUMBER_ROOM + 8,
    REASON_ROOM = MWD_JSON_DIGITS_ROOM + 24,
    WHOLE_FROM = 1000000,
    LOW_DIGITS = 6, /* of a time, that change from point to point */
    LOW_ONE = 1000000
};

/* The largest whole number that a double tells from its neighbours. */
#define EXACT_MAX (UINT64_C(1) << 53)

struct answer {
    const struct mwd_view_input *input;
    const struct mw_history *history;
    struct mwd_history_query query;
    struct mw_history_life life;
    char subject[MWD_HISTORY_SUBJECT_MAX + 2];
    struct mwd_json json;
    struct mwd_buffer reasons; /* members of "absent", with a comma before each but the first */
    enum mw_value_type type;
    bool any_point;
    int64_t high; /* all but the low digits of the last time that was written; and these as text */
    size_t high_size;
    char high_text[MWD_JSON_DIGITS_ROOM];
};

const char *mwd_history_gap_word(unsigned gap)
{
    if (gap == MW_GAP_NO_SAMPLE)
        return "unrecorded";
    if (gap == MW_GAP_NO_SUBJECT)
        return "nonexistent";
    return mw_absence_word((enum mw_absence)gap);
}

/* ---- the subject ---- */

/* The machine and the daemon are as old as what is remembered of them. */
static void find_life_of_all(struct answer *self)
{
    struct mw_history_numbers numbers;

    mw_history_get_numbers(self->history, &numbers);
    self->life = (struct mw_history_life){numbers.last_ms, numbers.last_ms, true, true};
    if (numbers.samples > 0)
        self->life.first_ms = numbers.first_ms;
    if (numbers.minutes > 0 && numbers.minutes_first_ms < self->life.first_ms)
        self->life.first_ms = numbers.minutes_first_ms;
}

static int complain_of_birth(const struct answer *self, struct mw_block_key newest, char *detail)
{
    snprintf(detail, MWD_HISTORY_DETAIL_SIZE,
             "subject: nothing is remembered of the process %" PRIu64 " of that start; the newest "
             "with this id is %" PRIu64 ":%" PRIu64,
             self->query.subject.id, newest.id, newest.birth);
    return -ENOENT;
}

static int find_process(struct answer *self, char *detail)
{
    struct mw_block_key newest, *key = &self->query.subject;

    if (mw_history_find(self->history, MW_KIND_PROCESS, key->id, &newest) == 0) {
        snprintf(detail, MWD_HISTORY_DETAIL_SIZE,
                 "subject: nothing is remembered of a process with the id %" PRIu64
                 ": there was none, or its data is too old",
                 key->id);
        return -ENOENT;
    }
    if (self->query.newest)
        *key = newest;
    if (mw_history_life(self->history, MW_KIND_PROCESS, *key, &self->life) < 0)
        return complain_of_birth(self, newest, detail);
    snprintf(self->subject, sizeof self->subject, "%" PRIu64 ":%" PRIu64, key->id, key->birth);
    return 0;
}

static int find_named(struct answer *self, enum mw_kind kind, char *detail)
{
    const char *name = mwd_view_name(self->input, kind, self->query.subject);

    if (!name || mw_history_life(self->history, kind, self->query.subject, &self->life) < 0) {
        snprintf(detail, MWD_HISTORY_DETAIL_SIZE, "subject: nothing is remembered of this %s",
                 mw_kind_word(kind));
        return -ENOENT;
    }
    snprintf(self->subject, sizeof self->subject, "%s", name);
    return 0;
}

static int find_subject(struct answer *self, char *detail)
{
    enum mw_kind kind = mw_reading_info(self->query.reading)->kind;

    if (kind == MW_KIND_PROCESS)
        return find_process(self, detail);
    if (!mw_kind_has_one_subject(kind))
        return find_named(self, kind, detail);
    find_life_of_all(self);
    snprintf(self->subject, sizeof self->subject, "%s",
             kind == MW_KIND_SYSTEM ? "system" : "memwatchd");
    return 0;
}

/* ---- its name ---- */

/* Of one that is gone, the last one that it had. */
static enum mw_absence find_name(const struct answer *self, struct mw_subject *ret)
{
    if (mw_history_subject(self->history, self->query.subject, ret))
        return ret->name.absence;
    return self->life.alive ? MW_ABSENT_STALE : MW_ABSENT_VANISHED;
}

static void put_process_name(struct answer *self)
{
    struct mw_subject subject;
    enum mw_absence absence = find_name(self, &subject);

    if (absence == MW_PRESENT) {
        mwd_json_text(&self->json, subject.name.bytes, subject.name.size);
        return;
    }
    mwd_json_null(&self->json);
    mwd_buffer_printf(&self->reasons, "\"name\":\"%s\"", mw_absence_word(absence));
}

static void put_name(struct answer *self)
{
    mwd_json_key(&self->json, "name");
    if (mw_reading_info(self->query.reading)->kind != MW_KIND_PROCESS) {
        mwd_json_string(&self->json, self->subject);
        return;
    }
    mw_subjects_hold(self->input->subjects);
    put_process_name(self);
    mw_subjects_release(self->input->subjects);
}

/* ---- points ---- */

/* Times of neighbours differ in their last digits: the others are copied. */
static char *at_time(struct answer *self, char *at, int64_t time)
{
    char low[MWD_JSON_DIGITS_ROOM];

    if (time < LOW_ONE)
        return mwd_json_at_i64(at, time);
    if (time / LOW_ONE != self->high) {
        self->high = time / LOW_ONE;
        self->high_size =
            (size_t)(mwd_json_digits(self->high_text, (uint64_t)self->high) - self->high_text);
    }
    memcpy(at, self->high_text, MWD_JSON_DIGITS_ROOM);
    mwd_json_digits(low, (uint64_t)(LOW_ONE + time % LOW_ONE)); /* with a 1 in front */
    memcpy(at + self->high_size, low + 1, LOW_DIGITS);
    return at + self->high_size + LOW_DIGITS;
}

static char *at_value(char *at, enum mw_value_type type, union mw_value value)
{
    if (type == MW_VALUE_F64)
        return mwd_json_at_f64(at, value.f);
    return type == MW_VALUE_I64 ? mwd_json_at_i64(at, value.i) : mwd_json_at_u64(at, value.u);
}

/* Of large whole numbers to the next whole one: what is behind the point says nothing. */
static char *at_mean(char *at, enum mw_value_type type, double mean)
{
    if (type != MW_VALUE_F64 && (mean > WHOLE_FROM || mean < -WHOLE_FROM))
        return mwd_json_at_i64(at, (int64_t)(mean < 0 ? mean - 0.5 : mean + 0.5));
    return mwd_json_at_f64(at, mean);
}

static char *at_word(char *at, const char *word)
{
    while (*word)
        *at++ = *word++;
    return at;
}

static void put_reason(struct answer *self, const struct mw_history_point *point)
{
    char *begin = mwd_buffer_reserve(&self->reasons, REASON_ROOM), *at = begin;

    if (!begin)
        return;
    if (self->reasons.size > 0)
        *at++ = ',';
    *at++ = '"';
    at = mwd_json_at_i64(at, point->time);
    at = at_word(at, "\":\"");
    at = at_word(at, mwd_history_gap_word(point->gap));
    *at++ = '"';
    mwd_buffer_commit(&self->reasons, (size_t)(at - begin));
}

/* Whether all three are the same number, as they are where a step has one sample. */
static bool is_one_number(const struct answer *self, const struct mw_history_point *point)
{
    return self->type == MW_VALUE_U64 && point->min.u == point->max.u && point->max.u < EXACT_MAX &&
           point->mean == (double)point->max.u;
}

static char *at_three_times(char *at, uint64_t value)
{
    char text[MWD_JSON_NUMBER_ROOM];
    size_t size;

    text[0] = ',';
    size = (size_t)(mwd_json_at_u64(text + 1, value) - text);
    for (int i = 0; i < 3; i++, at += size)
        memcpy(at, text, MWD_JSON_NUMBER_ROOM);
    return at;
}

static char *at_numbers(const struct answer *self, char *at, const struct mw_history_point *point)
{
    if (is_one_number(self, point))
        return at_three_times(at, point->max.u);
    *at++ = ',';
    at = at_value(at, self->type, point->min);
    *at++ = ',';
    at = at_mean(at, self->type, point->mean);
    *at++ = ',';
    return at_value(at, self->type, point->max);
}

static int put_point(void *context, const struct mw_history_point *point)
{
    struct answer *self = context;
    char *begin = mwd_buffer_reserve(self->json.out, POINT_ROOM), *at = begin;

    if (!begin)
        return self->json.out->failed;
    if (self->any_point)
        *at++ = ',';
    *at++ = '[';
    at = at_time(self, at, point->time);
    self->any_point = true;
    if (point->count > 0) {
        at = at_numbers(self, at, point);
    } else {
        at = at_word(at, ",null,null,null");
        put_reason(self, point);
    }
    *at++ = ']';
    mwd_buffer_commit(self->json.out, (size_t)(at - begin));
    return 0;
}

static int put_points(struct answer *self)
{
    const struct mw_history_question question = {self->query.reading, self->query.subject,
                                                 self->query.from, self->query.to,
                                                 self->query.step};

    self->type = mw_reading_info(self->query.reading)->value;
    mwd_json_key(&self->json, "points");
    mwd_json_open_array(&self->json);
    int r = mw_history_ask(self->history, &question, put_point, self, NULL);
    mwd_json_close_array(&self->json);
    return r;
}

/* ---- the document ---- */

static void put_number(struct mwd_json *json, const char *key, int64_t value)
{
    mwd_json_key(json, key);
    mwd_json_i64(json, value);
}

static void put_head(struct answer *self)
{
    const struct mw_reading_info *info = mw_reading_info(self->query.reading);
    struct mwd_json *json = &self->json;

    mwd_json_key(json, "reading");
    mwd_json_string(json, info->id);
    mwd_json_key(json, "subject");
    mwd_json_string(json, self->subject);
    put_name(self);
    mwd_json_key(json, "unit");
    mwd_json_string(json, mw_unit_word(info->unit));
    mwd_json_key(json, "alive");
    mwd_json_bool(json, self->life.alive);
    put_number(json, "firstMs", self->life.first_ms);
    put_number(json, "lastMs", self->life.last_ms);
    put_number(json, "fromMs", self->query.from);
    put_number(json, "toMs", self->query.to);
    put_number(json, "stepMs", (int64_t)self->query.step);
}

static void put_reasons(struct answer *self)
{
    struct mwd_buffer *out = self->json.out;

    if (self->reasons.failed)
        out->failed = self->reasons.failed;
    if (self->reasons.size == 0)
        return;
    mwd_buffer_puts(out, ",\"absent\":{");
    mwd_buffer_append(out, self->reasons.bytes, self->reasons.size);
    mwd_buffer_puts(out, "}");
}

static int put_document(struct answer *self)
{
    mwd_json_open_object(&self->json);
    put_head(self);
    int r = put_points(self);
    put_reasons(self);
    mwd_json_close_object(&self->json);
    return r;
}

int mwd_view_history(const struct mwd_view_input *input, const struct mw_history *history,
                     const struct mwd_history_words *words, struct mwd_buffer *out,
                     char ret_detail[MWD_HISTORY_DETAIL_SIZE])
{
    struct answer self = {.input = input, .history = history};
    int r =
        mwd_history_query_parse(words, mw_sample_time_ms(input->sample), &self.query, ret_detail);

    if (r == 0)
        r = find_subject(&self, ret_detail);
    if (r < 0)
        return r;
    mwd_json_init(&self.json, out);
    mwd_buffer_init(&self.reasons, out->limit);
    r = put_document(&self);
    mwd_buffer_deinit(&self.reasons);
    return r;
}
