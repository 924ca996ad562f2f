/* view_history: a question about the past, in words, and its answer as a document.
 *
 * Shape    {"reading", "subject", "name", "unit", "alive", "firstMs", "lastMs", "fromMs", "toMs",
 *          "stepMs", "points": [[timeMs, min, mean, max], ...], "absent": {}}
 *          A step in which nothing is known is [timeMs, null, null, null], and its reason stands in
 *          "absent" under its time. `subject` says who was taken: "system", "memwatchd", or
 *          PID:STARTTIMEMS. firstMs and lastMs are its first and last sample that is remembered.
 * Now      is the time of the newest sample: an answer is the same until the next one.
 * State    none; pure functions of their input.
 */
#ifndef MWD_VIEW_HISTORY_H
#define MWD_VIEW_HISTORY_H
#include "daemon/view.h"
#include "history/history.h"

/* As they were given; NULL where there was none. */
struct mwd_history_words {
    const char *reading;                 /* "process.rss", or its key alone; system.memAvailable */
    const char *subject;                 /* "4711", "4711:1795377600123"; the newest of that pid */
    const char *from;                    /* "1795377600000" or "-1h"; "-1h" */
    const char *to;                      /* likewise, or "now", which it is */
    const char *step;                    /* "10s" or "10000"; so that there are at most 360 or so */
    const struct mwd_services *services; /* that a subject may be; or NULL */
    const struct mwd_names *names;       /* likewise; NULL = the daemon's own only */
};

struct mwd_history_query {
    enum mw_reading reading;
    struct mw_block_key subject; /* of a process */
    bool newest;                 /* of all with this id; else this birth */
    int64_t from, to;            /* from <= time < to */
    uint64_t step;               /* ms */
};

enum { MWD_HISTORY_DETAIL_SIZE = 256, MWD_HISTORY_WORD_MAX = 64, MWD_HISTORY_SUBJECT_MAX = 255 };

/* Errors   -EINVAL, with what the word takes in `ret_detail`; *ret is then of no use. */
int mwd_history_query_parse(const struct mwd_history_words *words, int64_t now_ms,
                            struct mwd_history_query *ret,
                            char ret_detail[MWD_HISTORY_DETAIL_SIZE]);

/* `input` has a sample, which the history has taken in.
 * Errors   -EINVAL as above, -ENOENT nothing is remembered of this subject; both with a sentence.
 */
int mwd_view_history(const struct mwd_view_input *input, const struct mw_history *history,
                     const struct mwd_history_words *words, struct mwd_buffer *out,
                     char ret_detail[MWD_HISTORY_DETAIL_SIZE]);

/* Why a step has no numbers: "denied" ... "unrecorded", "nonexistent". `gap` is that of a point. */
const char *mwd_history_gap_word(unsigned gap);
enum { MWD_HISTORY_GAPS = MW_GAP_NO_SUBJECT + 1 };
#endif
