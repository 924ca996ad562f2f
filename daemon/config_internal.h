/* What the files of config share; private to daemon/config_*.c. */
#ifndef MWD_CONFIG_INTERNAL_H
#define MWD_CONFIG_INTERNAL_H
#include "daemon/config.h"

#include <stddef.h>

/* ---- the table's other half ---- */

/* MWD_AT_interval_ns is the number of key "interval", and so on. */
enum mwd_config_at {
#define MWD_KEY(field, ...) MWD_AT_##field,
#include "daemon/config_keys.def"
#undef MWD_KEY
    MWD_CONFIG_KEYS
};

struct mwd_config_rule {
    size_t offset; /* of the field in struct mwd_config */
    uint64_t min, max;
    bool (*check)(const char *text); /* NULL = any text will do */
};

extern const struct mwd_config_rule mwd_config_rules[MWD_CONFIG_KEYS];

/* Blocks are numbered in the order of this list, and MWD_CONFIG_BLOCKS stands for "in none". */
enum { MWD_CONFIG_BLOCKS = 1 };
extern const char *const mwd_config_blocks[MWD_CONFIG_BLOCKS];

uint32_t mwd_config_block_of(uint32_t key);
/* The key's name in the file: within its block, if it stands in one. */
const char *mwd_config_short_name(uint32_t key);

/* By the whole name, "heap.limit"; MWD_CONFIG_KEYS when there is none. */
uint32_t mwd_config_find(const char *name, size_t size);
/* By the short name of a key in this block; MWD_CONFIG_KEYS when there is none. */
uint32_t mwd_config_find_in(uint32_t block, const char *name, size_t size);
uint32_t mwd_config_find_block(const char *name, size_t size);
/* The key that was probably meant by a name in this block, MWD_CONFIG_KEYS when none is near. */
uint32_t mwd_config_nearest(uint32_t block, const char *name, size_t size);
uint32_t mwd_config_nearest_block(const char *name, size_t size);

bool mwd_config_is_power_of_two(const char *size);
bool mwd_config_is_address(const char *text);
bool mwd_config_is_loopback(const char *address);
bool mwd_config_is_host(const char *text);
bool mwd_config_is_absolute(const char *text);
bool mwd_config_is_absolute_or_auto(const char *text);
bool mwd_config_is_group(const char *text);
bool mwd_config_is_cgroup(const char *path);
/* How many elements a list may have. */
uint32_t mwd_config_list_max(uint32_t key);
bool mwd_config_is_level(const char *text);

bool mwd_config_is_mode(const char *text);
bool mwd_config_is_severity(const char *text);
bool mwd_config_is_label(const char *text);
bool mwd_config_is_sink_type(const char *text);
bool mwd_config_is_url(const char *text);

/* Whether a text is one that a key of this type and rule takes. */
bool mwd_config_number(enum mwd_key_type type, const struct mwd_config_rule *rule, const char *text,
                       uint64_t *ret);
bool mwd_config_text_fits(const struct mwd_config_rule *rule, const char *text);

/* ---- errors ---- */

/* Where a thing was said: "FILE" and a line, or "--interval", "MEMWATCHD_INTERVAL" and line 0. */
struct mwd_config_place {
    const char *source;
    uint32_t line;
    const char *key; /* NULL: the source names it already, or none is meant */
};

struct mwd_config_error {
    uint32_t line;
    struct mwd_buffer text;
};

/* Those of one source are kept in the order of their lines, however late they are found. */
struct mwd_config_errors {
    struct mwd_config_error *kept;
    uint32_t kept_count, kept_capacity;
    uint32_t source_begin; /* first of `kept` that belongs to the current source */
    uint32_t count;        /* all, the ones not kept too */
};

void mwd_config_errors_deinit(struct mwd_config_errors *self);
void mwd_config_errors_next_source(struct mwd_config_errors *self);
/* A new error with its place written; the caller appends the message. NULL: it is only counted. */
struct mwd_buffer *mwd_config_errors_add(struct mwd_config_errors *self,
                                         const struct mwd_config_place *place);
void mwd_config_errors_write(const struct mwd_config_errors *self, struct mwd_buffer *out);

/* Text from outside, on one line and at most `max` bytes of it: what is not printable comes out
 * as \xNN. */
void mwd_config_put_clean(struct mwd_buffer *out, const char *text, size_t size, size_t max);

/* ---- loading ---- */

struct mwd_config_origin {
    char *text;
    bool names_key; /* "--interval": the key need not be said again */
};

/* MWD_IN_ALERT_FOR is the number of key "alert.for", and so on. */
enum mwd_config_in {
#define MWD_TITLED(kind, id, ...) MWD_IN_##kind##_##id,
#include "daemon/config_titled.def"
#undef MWD_TITLED
    MWD_TITLED_KEYS
};

/* A value of a titled block: one text, or those of a list, as they were written. */
struct mwd_titled_value {
    struct mwd_list list;
    char *origin;
    uint32_t source, line; /* number of the source that gave it, and where there */
};

struct mwd_titled {
    char *title;
    char *origin;          /* where it was begun last, "FILE:LINE" */
    uint32_t source, line; /* the same in numbers */
    bool bad;              /* an error was found in it, so what it lacks says nothing */
    struct mwd_titled_value *values[MWD_TITLED_KEYS]; /* NULL: not given */
};

struct mwd_titled_set {
    struct mwd_titled **items;
    uint32_t count;
};

/* What mwd_config_load() returns, with the parts that callers do not see. */
struct mwd_config_loaded {
    struct mwd_config config; /* first, so that a pointer to it is one to the whole */
    struct mwd_config_origin origins[MWD_CONFIG_KEYS];
    struct mwd_titled_set titled[MWD_TITLED_KINDS];
};

struct mwd_config_loader {
    struct mwd_config_loaded *loaded;
    struct mwd_config_errors errors;
    uint32_t source;                 /* how many texts were begun */
    bool too_many[MWD_TITLED_KINDS]; /* that there are too many blocks was told */
    bool bad[MWD_CONFIG_KEYS];       /* an error was found in it, so what it holds says nothing */
};

/* A text of one key with its line; 0 outside of files. */
struct mwd_config_item {
    const char *text;
    uint32_t line;
};

/* One key as one source gave it. More than MWD_CONFIG_LIST_MAX elements are counted, not kept. */
struct mwd_config_given {
    uint32_t key;
    uint32_t count;
    struct mwd_config_item items[MWD_CONFIG_LIST_MAX];
    struct mwd_config_place place;
};

/* Stands for a value that was found to be bad before libconfuse saw it, and was reported then. */
enum { MWD_CONFIG_MARK = '\x01' };

/* Checks, converts and stores. What is wrong goes to the loader's errors. Errors -ENOMEM. */
int mwd_config_set(struct mwd_config_loader *self, const struct mwd_config_given *given);
void mwd_config_clear(struct mwd_config *self);

/* Reads one file into the loader. A missing one is an error unless `optional`.
 * Errors   -ENOMEM. */
int mwd_config_load_file(struct mwd_config_loader *self, const char *path, bool optional);
/* The whole text of a file, with a NUL at its end, in *ret, which is the caller's whatever comes
 * back. Returns 1 when there is none: it is missing and `optional`, or what is wrong with it went
 * to the loader's errors. Errors   -ENOMEM. */
int mwd_config_read_file(struct mwd_config_loader *self, const char *path, bool optional,
                         struct mwd_buffer *ret);
int mwd_config_load_dropins(struct mwd_config_loader *self, const char *path);
/* Text in the file's syntax, which is changed and has no NUL before its end. `source` is how
 * messages and origins call it. Errors -ENOMEM. */
int mwd_config_load_text(struct mwd_config_loader *self, const char *source, char *bytes);

/* What must hold between keys. */
void mwd_config_check(struct mwd_config_loader *self);

/* ---- titled blocks ---- */

extern const struct mwd_config_rule mwd_config_titled_rules[MWD_TITLED_KEYS];
/* "alert", "sink", "group". */
extern const char *const mwd_config_titled_words[MWD_TITLED_KINDS];
/* How many blocks of a kind there may be. */
extern const uint32_t mwd_config_titled_max[MWD_TITLED_KINDS];
/* The source whose lines mean nothing to anybody. */
extern const char mwd_config_built_in[];

/* By word; MWD_TITLED_KINDS when there is none. */
uint32_t mwd_config_titled_kind(const char *word, size_t size);
const char *mwd_config_titled_short_name(uint32_t key);
/* By short name; MWD_TITLED_KEYS when there is none. */
uint32_t mwd_config_titled_find(enum mwd_titled_kind kind, const char *name, size_t size);
/* What was probably meant, or NULL. */
const char *mwd_config_titled_nearest(enum mwd_titled_kind kind, const char *name, size_t size);
const char *mwd_config_titled_nearest_title(const struct mwd_titled_set *set, const char *title);

struct mwd_titled *mwd_config_titled_get(const struct mwd_titled_set *set, const char *title);
/* The block of this title, a new one when there is none, as begun at `place`.
 * Errors   -ENOMEM, -E2BIG as many as there may be, -EEXIST this source has begun it before, with
 *          *ret set. */
int mwd_config_titled_open(struct mwd_config_loader *self, enum mwd_titled_kind kind,
                           const char *title, const struct mwd_config_place *place,
                           struct mwd_titled **ret);
void mwd_config_titled_drop(struct mwd_titled *block, uint32_t key);
/* Checks and stores; `given->key` is the number of a titled key. What is wrong goes to the loader's
 * errors. Errors -ENOMEM. */
int mwd_config_titled_put(struct mwd_config_loader *self, struct mwd_titled *block,
                          const struct mwd_config_given *given);
void mwd_config_titled_clear(struct mwd_config_loaded *loaded);

enum { MWD_CONFIG_WHERE_SIZE = 256 };
/* What messages call a key of a block: alert "NAME": for. Without a key (MWD_TITLED_KEYS), alert
 * "NAME". */
void mwd_config_titled_where(enum mwd_titled_kind kind, const char *title, uint32_t key,
                             char ret[MWD_CONFIG_WHERE_SIZE]);

/* The only text of a value, or its default; "" when there is neither. */
const char *mwd_config_titled_text(const struct mwd_titled *block, uint32_t key);
uint64_t mwd_config_titled_number(const struct mwd_titled *block, uint32_t key);
bool mwd_config_titled_bool(const struct mwd_titled *block, uint32_t key);
/* Empty when it was not given. */
const struct mwd_list *mwd_config_titled_list(const struct mwd_titled *block, uint32_t key);

/* Takes the titled blocks out of a text, before anything else reads it, into the loader.
 * Errors   -ENOMEM. */
int mwd_config_take_titled(struct mwd_config_loader *self, const char *source, char *text);
/* An error about what a block as a whole, or the value of a key, was given as; NULL as with
 * mwd_config_errors_add(). */
struct mwd_buffer *mwd_config_titled_fail(struct mwd_config_loader *self, enum mwd_titled_kind kind,
                                          const struct mwd_titled *block, uint32_t key);
/* When all sources are read: what must hold within and between them, and the structs of the
 * configuration. Errors -ENOMEM. */
int mwd_config_check_sinks(struct mwd_config_loader *self);
int mwd_config_check_alerts(struct mwd_config_loader *self); /* after the sinks */
int mwd_config_check_groups(struct mwd_config_loader *self);

/* A level as a reading takes it in that mode; false when the text is none. */
bool mwd_config_level(enum mw_reading reading, enum mw_alert_mode mode, const char *text,
                      struct mw_alert_level *ret);
void mwd_config_put_level_takes(enum mw_reading reading, enum mw_alert_mode mode,
                                struct mwd_buffer *out);

void mwd_config_titled_dump(const struct mwd_config_loaded *loaded, struct mwd_buffer *out);
void mwd_config_put_quoted(struct mwd_buffer *out, const char *text);
void mwd_config_put_list(struct mwd_buffer *out, const struct mwd_list *list);

/* The text of conf/alerts.conf: rules that are on under any configuration. */
extern const char mwd_config_default_alerts[];

/* ---- the syntax ---- */

enum mwd_config_token_kind {
    MWD_TOKEN_END,
    MWD_TOKEN_WORD,
    MWD_TOKEN_STRING,
    MWD_TOKEN_PUNCTUATION, /* { } = , */
    MWD_TOKEN_COMMENT,
    MWD_TOKEN_BAD
};

struct mwd_config_token {
    enum mwd_config_token_kind kind;
    char *bytes;
    size_t size;
    uint32_t line;
    const char *why; /* MWD_TOKEN_BAD: a constant sentence */
};

struct mwd_config_lexer {
    char *at;
    uint32_t line;
};

static inline struct mwd_config_lexer mwd_config_lexer_over(char *text)
{
    return (struct mwd_config_lexer){.at = text, .line = 1};
}

void mwd_config_lex(struct mwd_config_lexer *self, struct mwd_config_token *ret);

/* All but line ends become spaces. */
void mwd_config_blank(char *from, const char *to);

enum { MWD_CONFIG_SHOWN_MAX = 64 };
/* A new error about the key in this block that the token names; one without bytes names the block
 * alone, or nothing. */
struct mwd_buffer *mwd_config_fail(struct mwd_config_loader *loader, const char *source,
                                   uint32_t block, const struct mwd_config_token *key,
                                   uint32_t line);

/* First pass in front of libconfuse: comments go, and what would be misread becomes a mark. */
void mwd_config_clean_tokens(struct mwd_config_loader *loader, const char *source, char *text);

/* Where the statement of a key stands; one with line 0 stands nowhere. */
struct mwd_config_span {
    char *begin;
    const char *end;
    uint32_t line, last_line;
};

struct mwd_config_spans {
    struct mwd_config_span keys[MWD_CONFIG_KEYS];
    struct mwd_config_span blocks[MWD_CONFIG_BLOCKS]; /* from name to } */
};

/* Second pass: statements go whose key is unknown, was given before, or has no value that it could
 * have. `ret_spans` gets those that stay. */
void mwd_config_clean_statements(struct mwd_config_loader *loader, const char *source, char *text,
                                 struct mwd_config_spans *ret_spans);

/* After both: takes out all statements that touch a line, and whatever else stands on it. False
 * when nothing did. */
bool mwd_config_drop_line(struct mwd_config_loader *loader, char *text, uint32_t line,
                          struct mwd_config_spans *spans);
#endif
