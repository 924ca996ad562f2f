/* What the views share. Not for others. */
#ifndef MWD_VIEW_INTERNAL_H
#define MWD_VIEW_INTERNAL_H
#include "daemon/view.h"

/* ---- view_kind.c: readings as members of an object ---- */

/* Of input->row. Before the first sample every reading is absent as stale. */
enum mw_absence mwd_view_get(const struct mwd_view_input *input, enum mw_reading reading,
                             union mw_value *ret);

void mwd_view_put_head(const struct mwd_view_input *input, struct mwd_json *json);
void mwd_view_put_values(const struct mwd_view_input *input, const struct mwd_view_member *members,
                         uint32_t count, struct mwd_json *json);
/* One reason into the "absent" object, which is opened for the first one: `open` says whether it
 * is. Returns true: now it is. */
bool mwd_view_put_reason(struct mwd_json *json, bool open, const char *key,
                         enum mw_absence absence);
/* Those of all members that are absent. Returns whether the object is open. */
bool mwd_view_put_reasons(const struct mwd_view_input *input, const struct mwd_view_member *members,
                          uint32_t count, struct mwd_json *json);
/* An object of values and reasons under this key. */
void mwd_view_put_object(const struct mwd_view_input *input, const char *key,
                         enum mwd_view_object object, struct mwd_json *json);

/* Of a heap, queue, cache or service; NULL when nothing of this kind has that key. */
const char *mwd_view_name(const struct mwd_view_input *input, enum mw_kind kind,
                          struct mw_block_key key);

/* Where the rows of a source stand, late ones too. NULL when it has given none. */
const struct mw_block *mwd_view_block(const struct mwd_view_input *input, enum mw_source source);

/* ---- view_metrics.c ---- */

/* Between quotes, which are written by the caller. */
void mwd_view_put_label_value(const char *text, struct mwd_buffer *out);

enum mwd_exposition { MWD_TEXT_FORMAT, MWD_OPENMETRICS };

/* One line. `name` is NULL for kinds with one subject; `labels` go behind it, or "". */
void mwd_view_put_sample(const char *metric, const char *labels, const char *name, double value,
                         struct mwd_buffer *out);

/* A help text with what would end its line escaped, and in OpenMetrics quotes. */
void mwd_view_put_help(const char *text, enum mwd_exposition form, struct mwd_buffer *out);

/* ---- view_windows.c ---- */

void mwd_view_put_windows(const struct mwd_view_input *input, enum mwd_exposition form,
                          struct mwd_buffer *out);

/* ---- view_processes.c ---- */

/* The members "total" and "processes". Returns false when the total is unknown, hence null: no
 * block of processes was ever read. */
bool mwd_view_put_processes(const struct mwd_view_input *input,
                            const struct mwd_process_query *query, struct mwd_json *json);

struct mwd_view_ranked {
    uint64_t rank; /* smaller comes first */
    uint32_t row;
    uint32_t last; /* 1 when its value is absent: after all others */
};

/* ---- view_rows.c: one process after the other, fast ---- */

enum { MWD_VIEW_WORD_ROOM = 16 };

struct mwd_view_key {
    uint32_t size;
    char text[MW_READING_KEY_MAX + 5]; /* ,"rss": and a NUL */
};

struct mwd_view_word {
    uint32_t size;
    char text[MWD_VIEW_WORD_ROOM]; /* "denied" with its quotes, and a NUL */
};

struct mwd_view_field {
    const union mw_value *values;  /* [row] */
    const unsigned char *absences; /* as of mw_block_absences() */
    enum mw_value_type type;
    struct mwd_view_key key;
};

/* What all rows of a document have in common, looked up once. Valid as long as the input. */
struct mwd_view_rows {
    const struct mw_subjects *subjects;
    const struct mw_block *block;
    bool stale;  /* all readings of the block are absent as that */
    size_t room; /* bytes for one row without its texts, at most */
    struct mwd_view_key start, name, cgroup;
    struct mwd_view_word words[MW_ABSENCE_COUNT];
    uint32_t count;
    struct mwd_view_field fields[MW_READING_COUNT];
};

/* `input` has a process block. */
void mwd_view_rows_init(struct mwd_view_rows *self, const struct mwd_view_input *input);
/* `before` and then the members of one process, "pid" first and "absent" last, and the closing
 * brace. `before` is a comma or a brace or both. */
void mwd_view_rows_put(const struct mwd_view_rows *self, uint32_t row, const char *before,
                       struct mwd_buffer *out);
/* These rows as the elements of an array. */
void mwd_view_rows_list(const struct mwd_view_rows *self, const struct mwd_view_ranked *items,
                        uint32_t count, struct mwd_buffer *out);

/* ---- view_rank.c: the first `limit` rows of an order ---- */

struct mwd_view_ranking {
    const struct mwd_view_input *input;
    const struct mw_block *block;
    const union mw_value *values;  /* the column to sort by; NULL when it is in no block */
    const unsigned char *absences; /* likewise */
    enum mw_value_type type;
    enum mw_reading sort;
    bool stale; /* all of them are absent as that */
    bool falling;
    bool is_cut;    /* items[limit - 1] is the last that counts so far */
    uint32_t limit; /* not more than there are rows */
    uint32_t count;
    uint32_t capacity;
    struct mwd_view_ranked *memory;          /* of both of these, which change places */
    struct mwd_view_ranked *items, *scratch; /* [capacity] */
};

/* `input` has a process block. Errors -ENOMEM: nothing is to be undone. */
int mwd_view_ranking_init(struct mwd_view_ranking *self, const struct mwd_view_input *input,
                          const struct mwd_process_query *query);
void mwd_view_ranking_deinit(struct mwd_view_ranking *self);
void mwd_view_ranking_add(struct mwd_view_ranking *self, uint32_t row);
/* After the last one: items[count] are in order. */
void mwd_view_ranking_finish(struct mwd_view_ranking *self);
#endif
