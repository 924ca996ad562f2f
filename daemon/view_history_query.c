/* Words into numbers.
 *
 * A time that is relative is taken to the step that it falls in: processes that are recorded every
 * ten seconds are recorded right behind a full ten seconds, and steps that begin elsewhere would
 * have none of them, or two. */
#include "daemon/nearest.h"
#include "daemon/view_history.h"

#include "daemon/names.h"

#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { POINTS_WANTED = 360, HOUR_MS = 3600000, NS_PER_MS = 1000000 };

#define S INT64_C(1000)
#define MIN (60 * S)
#define H (60 * MIN)

static const uint64_t round_steps[] = {1 * S,   2 * S,   5 * S,   10 * S,   15 * S,   30 * S,
                                       1 * MIN, 2 * MIN, 5 * MIN, 10 * MIN, 15 * MIN, 30 * MIN,
                                       1 * H,   2 * H,   3 * H,   6 * H,    12 * H,   24 * H};

/* Returns -EINVAL. */
static int complain(char *detail, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int complain(char *detail, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, MWD_HISTORY_DETAIL_SIZE, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* ---- reading ---- */

static int complain_of_reading(const char *word, char *detail)
{
    size_t size = strlen(word);
    struct mwd_nearest nearest = {NULL, 0};
    const char *id = NULL;

    for (enum mw_reading i = 0; i < MW_READING_COUNT; i++) {
        const struct mw_reading_info *info = mw_reading_info(i);

        if (mw_history_keeps(i) && (mwd_nearest_offer(&nearest, word, size, info->id) ||
                                    mwd_nearest_offer(&nearest, word, size, info->key)))
            id = info->id;
    }
    if (id)
        return complain(
            detail, "reading: there is no \"%.48s\"; did you mean %s? readings(7) lists them all",
            word, id);
    return complain(detail,
                    "reading: takes the id of a reading, as system.memAvailable, not \"%.48s\"; "
                    "readings(7) lists them all",
                    word);
}

static int complain_of_kept(enum mw_reading reading, char *detail)
{
    int used = snprintf(detail, MWD_HISTORY_DETAIL_SIZE,
                        "reading: no history is kept of %s; it is kept of numbers that change, of "
                        "processes of",
                        mw_reading_info(reading)->id);

    for (enum mw_reading i = 0; i < MW_READING_COUNT; i++)
        if (mw_history_keeps(i) && mw_reading_info(i)->kind == MW_KIND_PROCESS &&
            used < MWD_HISTORY_DETAIL_SIZE)
            used += snprintf(detail + used, (size_t)(MWD_HISTORY_DETAIL_SIZE - used), " %s",
                             mw_reading_info(i)->id);
    return -EINVAL;
}

/* A key alone is that of a process when the subject is one, else of the first kind that has it. */
static enum mw_reading find_key(const char *key, bool of_process)
{
    for (enum mw_reading i = 0; i < MW_READING_COUNT; i++) {
        const struct mw_reading_info *info = mw_reading_info(i);

        if (strcmp(info->key, key) == 0 && (info->kind == MW_KIND_PROCESS) == of_process)
            return i;
    }
    return MW_NONE;
}

static int parse_reading(const struct mwd_history_words *words, struct mwd_history_query *ret,
                         char *detail)
{
    const char *word = words->reading, *subject = words->subject;
    bool is_pid = subject && subject[0] >= '0' && subject[0] <= '9';

    ret->reading = MW_SYSTEM_MEM_AVAILABLE;
    if (!word)
        return 0;
    ret->reading = mw_reading_find(word, strlen(word));
    if (ret->reading == MW_NONE)
        ret->reading = find_key(word, is_pid);
    if (ret->reading == MW_NONE)
        ret->reading = find_key(word, !is_pid);
    if (ret->reading == MW_NONE)
        return complain_of_reading(word, detail);
    return mw_history_keeps(ret->reading) ? 0 : complain_of_kept(ret->reading, detail);
}

/* ---- subject ---- */

static const char *only_subject(enum mw_kind kind)
{
    return kind == MW_KIND_SYSTEM ? "system" : kind == MW_KIND_DAEMON ? "memwatchd" : NULL;
}

static bool parse_process(const char *text, struct mwd_history_query *ret)
{
    size_t size = strcspn(text, ":.");
    char pid[24];

    if (size >= sizeof pid)
        return false;
    memcpy(pid, text, size);
    pid[size] = '\0';
    ret->newest = text[size] == '\0';
    if (mw_units_parse_count(pid, &ret->subject.id) < 0 || ret->subject.id == 0)
        return false;
    return ret->newest || mw_units_parse_count(text + size + 1, &ret->subject.birth) == 0;
}

static int complain_of_name(const struct mw_reading_info *info,
                            const struct mwd_history_words *words, char *detail)
{
    const char *word = words->subject;
    char names[128] = "";
    size_t used = 0;
    const char *name;

    for (uint32_t i = 0; (name = mwd_name_at(words->names, info->kind, i)) && used < sizeof names;
         i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", name);
    if (!word)
        return complain(detail, "subject: %s needs one: a name out of %s", info->id, names);
    return complain(detail, "subject: there is no %s \"%.48s\"; there is %s",
                    mw_kind_word(info->kind), word, names);
}

static int parse_name(const struct mw_reading_info *info, const struct mwd_history_words *words,
                      struct mwd_history_query *ret, char *detail)
{
    ret->newest = false;
    if (words->subject && mwd_name_find(words->names, info->kind, words->subject, &ret->subject))
        return 0;
    return complain_of_name(info, words, detail);
}

static int parse_service(const struct mwd_history_words *words, const struct mw_reading_info *info,
                         struct mwd_history_query *ret, char *detail)
{
    ret->newest = false;
    if (!words->subject)
        return complain(
            detail, "subject: %s needs one: the path of a control group out of services", info->id);
    if (!mwd_services_find(words->services, words->subject, &ret->subject))
        return complain(
            detail,
            "subject: takes the path of a control group that stands in the key services "
            "of the configuration, not \"%.48s\"",
            words->subject);
    return 0;
}

static int parse_subject(const struct mwd_history_words *words, struct mwd_history_query *ret,
                         char *detail)
{
    const struct mw_reading_info *info = mw_reading_info(ret->reading);
    const char *only = only_subject(info->kind), *word = words->subject;

    ret->subject = (struct mw_block_key){0, 0};
    if (only && word && strcmp(word, only) != 0)
        return complain(detail, "subject: %s has one subject, \"%s\", not \"%.48s\"", info->id,
                        only, word);
    if (only)
        return 0;
    if (info->kind == MW_KIND_SERVICE)
        return parse_service(words, info, ret, detail);
    if (info->kind != MW_KIND_PROCESS)
        return parse_name(info, words, ret, detail);
    if (!word)
        return complain(detail,
                        "subject: %s needs one: a process id, as 4711, or PID:STARTTIMEMS for one "
                        "that is gone",
                        info->id);
    if (!parse_process(word, ret))
        return complain(detail,
                        "subject: takes a process id, as 4711, or PID:STARTTIMEMS, as "
                        "4711:1795377600123, not \"%.48s\"",
                        word);
    return 0;
}

/* ---- time ---- */

/* Not before 1970, where nothing is. */
static bool parse_time(const char *text, int64_t now_ms, int64_t *ret, bool *ret_relative)
{
    uint64_t number;

    *ret_relative = text[0] == '-';
    if (strcmp(text, "now") == 0) {
        *ret = now_ms;
        return true;
    }
    if (*ret_relative) {
        if (mw_units_parse_span_ns(text + 1, &number) < 0)
            return false;
        *ret = now_ms - (int64_t)(number / NS_PER_MS);
        *ret = *ret < 0 ? 0 : *ret;
        return true;
    }
    if (mw_units_parse_count(text, &number) < 0 || number > MW_READING_MAX)
        return false;
    *ret = (int64_t)number;
    return true;
}

static int complain_of_time(const char *name, const char *text, char *detail)
{
    return complain(detail,
                    "%s: takes milliseconds since 1970, a span back from now, as -1h, or now; not "
                    "\"%.48s\"",
                    name, text);
}

static uint64_t default_step(uint64_t span)
{
    const uint64_t least = (span + POINTS_WANTED - 1) / POINTS_WANTED;

    for (size_t i = 0; i < sizeof round_steps / sizeof round_steps[0]; i++)
        if (round_steps[i] >= least)
            return round_steps[i];
    return least;
}

/* 0 when it is no step. */
static uint64_t step_of(const char *text)
{
    uint64_t number;

    if (mw_units_parse_count(text, &number) == 0)
        return number <= MW_READING_MAX ? number : 0;
    return mw_units_parse_span_ns(text, &number) < 0 ? 0 : number / NS_PER_MS;
}

static int parse_step(const char *text, uint64_t span, uint64_t *ret, char *detail)
{
    uint64_t step = text ? step_of(text) : default_step(span);

    if (step == 0)
        return complain(detail,
                        "step: takes a span of 1ms or more, as 10s, or milliseconds; not \"%.48s\"",
                        text ? text : "none");
    *ret = step;
    return 0;
}

static int check_points(const struct mwd_history_query *query, char *detail)
{
    uint64_t span = (uint64_t)(query->to - query->from);
    uint64_t points = span / query->step + (span % query->step != 0);

    if (points <= MW_HISTORY_POINTS_MAX)
        return 0;
    return complain(detail,
                    "step: %" PRIu64 " ms makes %" PRIu64
                    " points; at most %d are given: take a step "
                    "of %" PRIu64 " ms or more, or a shorter time",
                    query->step, points, MW_HISTORY_POINTS_MAX,
                    (span + MW_HISTORY_POINTS_MAX - 1) / MW_HISTORY_POINTS_MAX);
}

/* Up to the newest sample, which is part of it. */
static int parse_times(const struct mwd_history_words *words, int64_t now_ms,
                       struct mwd_history_query *ret, char *detail)
{
    bool from_relative = true, to_relative;

    ret->to = now_ms + 1;
    if (words->to && !parse_time(words->to, now_ms + 1, &ret->to, &to_relative))
        return complain_of_time("to", words->to, detail);
    ret->from = ret->to < HOUR_MS ? 0 : ret->to - HOUR_MS;
    if (words->from && !parse_time(words->from, now_ms, &ret->from, &from_relative))
        return complain_of_time("from", words->from, detail);
    if (ret->from > ret->to)
        return complain(detail, "from: %" PRId64 " is after to, which is %" PRId64, ret->from,
                        ret->to);
    if (parse_step(words->step, (uint64_t)(ret->to - ret->from), &ret->step, detail) < 0)
        return -EINVAL;
    if (from_relative)
        ret->from -= ret->from % (int64_t)ret->step;
    return check_points(ret, detail);
}

int mwd_history_query_parse(const struct mwd_history_words *words, int64_t now_ms,
                            struct mwd_history_query *ret, char ret_detail[MWD_HISTORY_DETAIL_SIZE])
{
    int r = parse_reading(words, ret, ret_detail);

    if (r == 0)
        r = parse_subject(words, ret, ret_detail);
    return r == 0 ? parse_times(words, now_ms, ret, ret_detail) : r;
}
