/* ctl: memwatchctl, the command beside the daemon. What its files share; nobody else includes it.
 *
 * One invocation is one verb: main.c parses (args.c), calls the verb's function, and exits with
 * what that returns. A verb asks over HTTP (client.c), and prints tables (table.c) or, with --json,
 * the document as it came.
 *
 * Output   results go to stdout, complaints to stderr as "memwatchctl: WHAT: WHY; WHAT TO DO".
 *          Sizes are human on a terminal and with it colours (unless NO_COLOR is set and not
 * empty); a pipe gets the same columns without colour; --bytes gives plain numbers anywhere. Exit
 * enum mwd_ctl_exit, the same for every verb.
 */
#ifndef MWD_CTL_H
#define MWD_CTL_H
#include "daemon/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mwd_ctl_exit {
    MWD_CTL_OK = 0,
    MWD_CTL_FAILED = 1,     /* also: refused role, daemon too old, stdout closed */
    MWD_CTL_USAGE = 2,      /* wrong options, wrong configuration */
    MWD_CTL_UNREACHABLE = 3 /* nobody answers, or not in time, or not to the end */
};

/* ---- args.c: the tables of verbs and options ---- */

enum mwd_ctl_verb {
#define MWD_CTL_VERB(id, name, operand, function, help) MWD_CTL_##id,
#include "daemon/ctl/verbs.def"
#undef MWD_CTL_VERB
    MWD_CTL_VERBS
};

#define MWD_CTL_OF(id) (1u << MWD_CTL_##id)
enum {
    MWD_CTL_ANY = (1u << MWD_CTL_VERBS) - 1,
    MWD_CTL_LISTING = MWD_CTL_OF(PROCESSES) | MWD_CTL_OF(TOP),
    MWD_CTL_NAMED =
        MWD_CTL_OF(HEAP) | MWD_CTL_OF(QUEUES) | MWD_CTL_OF(CACHES) | MWD_CTL_OF(SERVICES),
    MWD_CTL_TELLING = MWD_CTL_LISTING | MWD_CTL_OF(MEMORY) | MWD_CTL_OF(STATUS) |
                      MWD_CTL_OF(HISTORY) | MWD_CTL_NAMED,
    MWD_CTL_ASKING = MWD_CTL_TELLING | MWD_CTL_OF(ALERTS) | MWD_CTL_OF(SILENCE) | MWD_CTL_OF(ACK) |
                     MWD_CTL_OF(RULES) | MWD_CTL_OF(DOCTOR) | MWD_CTL_OF(CONFIG) |
                     MWD_CTL_OF(RELOAD)
};

enum mwd_ctl_type { MWD_CTL_FLAG, MWD_CTL_TEXT, MWD_CTL_TEXTS, MWD_CTL_COUNT, MWD_CTL_SPAN };

/* Rows of the two tables; enumerated arguments and operands are written "asc|desc". */
struct mwd_ctl_verb_row {
    const char *name, *operand, *help;
};
struct mwd_ctl_option_row {
    const char *name, *argument, *help;
    enum mwd_ctl_type type;
    unsigned verbs;
    size_t offset; /* in struct mwd_ctl_options */
};

extern const struct mwd_ctl_verb_row mwd_ctl_verbs[MWD_CTL_VERBS];
extern const struct mwd_ctl_option_row mwd_ctl_option_rows[];
extern const unsigned mwd_ctl_option_count;

enum { MWD_CTL_FILES_MAX = 2, MWD_CTL_TEXTS_MAX = 16 };

/* Of an option that may be given again. */
struct mwd_ctl_texts {
    const char *items[MWD_CTL_TEXTS_MAX];
    unsigned count;
};

/* Numbers that were not given are UINT64_MAX, texts NULL. */
struct mwd_ctl_options {
    enum mwd_ctl_verb verb;
    const char *operand;                  /* "check", FILE, "bash"; NULL for verbs without one */
    const char *files[MWD_CTL_FILES_MAX]; /* behind the operand, where it takes any */
    unsigned file_count;
    char **words; /* "HOST...": those behind the verb, in place of an operand; in argv */
    unsigned word_count;
    const char *second; /* behind it, where the row has two: "READING [SUBJECT]"; or NULL */
    const char *socket, *url, *token_file, *config_path, *sort, *order, *name, *kind;
    const char *from, *to, *step;
    const char *state, *rule, *subject, *recording;
    const char *severity, *length, *author, *comment, *file;
    struct mwd_ctl_texts labels;
    uint64_t timeout_ns, interval_ns;
    uint64_t limit, pid, count, top;
    bool json, csv, bytes, version, help;
};

/* Errors   -EINVAL, with one line that names the word and what is taken there in `error`. */
int mwd_ctl_parse(int argc, char **argv, struct mwd_buffer *error, struct mwd_ctl_options *ret);
/* All verbs and options, or those of one verb; MWD_CTL_VERBS = all. */
void mwd_ctl_help(enum mwd_ctl_verb verb, struct mwd_buffer *out);
/* Whether an argument or operand lists words, as "asc|desc" or "diff", and does not stand for
 * something, as FILE. */
bool mwd_ctl_is_list(const char *argument);
/* How many files stand behind the operand, as in "heap diff A B"; NULL = none was given. */
unsigned mwd_ctl_files(enum mwd_ctl_verb verb, const char *operand);
/* Whether `text` is one of "asc|desc". */
bool mwd_ctl_is_word(const char *words, const char *text);

/* ---- one invocation ---- */

struct mwd_ctl {
    const struct mwd_ctl_options *options;
    bool terminal;               /* stdout is one */
    bool quiet;                  /* not to reach the daemon is no complaint */
    bool colour;                 /* escape sequences are welcome */
    struct mwd_ctl_place *place; /* where the daemon is asked; found at the first question */
    const char *body;            /* JSON to send with the next requests; NULL = none */
    unsigned columns;            /* of the terminal; 0 = stdout is none, as wide as it gets */
    unsigned rows;
};

/* The tables that top shows together: what is printed by memory and by processes. */
int mwd_ctl_put_memory(struct mwd_ctl *self, struct mwd_buffer *out);
int mwd_ctl_put_processes(struct mwd_ctl *self, uint64_t limit, struct mwd_buffer *out);

/* The verbs: each prints its result and returns the exit code. */
#define MWD_CTL_VERB(id, name, operand, function, help) int function(struct mwd_ctl *self);
#include "daemon/ctl/verbs.def"
#undef MWD_CTL_VERB

/* verb_heap_diff.c: two files compared; a part of heap. */
int mwd_ctl_heap_diff(struct mwd_ctl *self);

/* verb_rules_test.c: rules over a recording; a part of rules. */
int mwd_ctl_rules_test(struct mwd_ctl *self, const char *path);

/* verb_alerts.c: a time as it is here. */
enum { MWD_CTL_TIME_MAX = 32 };
void mwd_ctl_put_time(uint64_t ms, char ret[MWD_CTL_TIME_MAX]);

/* terminal.c: whether stdout is one, and its size as it is now. */
void mwd_ctl_find_terminal(struct mwd_ctl *self);

/* "memwatchctl: ..." on stderr, control characters escaped. */
void mwd_ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes to stdout to the end. Returns MWD_CTL_OK, or MWD_CTL_FAILED after a complaint (the reader
 * of a pipe has gone, the disk is full). */
int mwd_ctl_print(const struct mwd_buffer *text);

/* ---- client.c: one request to the daemon ---- */

struct mwd_ctl_answer {
    unsigned status;
    struct mwd_buffer body; /* deinit it whatever came out */
};

/* Asks for `path` ("/api/v1/memory") where the options say. `ret` is initialised here, always.
 * Returns  MWD_CTL_OK with any status that is an answer, else MWD_CTL_UNREACHABLE or MWD_CTL_USAGE
 *          after a complaint that names the address and what to do. */
int mwd_ctl_ask(struct mwd_ctl *self, const char *method, const char *path,
                struct mwd_ctl_answer *ret);

/* The same where only a 2xx is of use: 401 and 403 are explained (which role, how to get it), 404
 * of a route that this version knows means an older daemon, others give the detail of the problem
 * document. Returns MWD_CTL_FAILED after such a complaint, MWD_CTL_USAGE after a 400: the daemon
 * knows what its query words take. */
int mwd_ctl_fetch(struct mwd_ctl *self, const char *method, const char *path,
                  struct mwd_ctl_answer *ret);

/* As mwd_ctl_fetch(), but the body of an answer with status 200 goes to `take` as it comes, and
 * --timeout bounds the wait for each piece of it. An error of `take` ends the answer: then
 * MWD_CTL_FAILED comes back, and the complaint is the caller's. */
typedef int mwd_ctl_take_fn(void *context, const char *bytes, size_t size);
int mwd_ctl_download(struct mwd_ctl *self, const char *method, const char *path,
                     mwd_ctl_take_fn *take, void *context);

/* Where mwd_ctl_ask() asks, for messages: "/run/memwatchd/memwatchd.sock" or a URL. */
const char *mwd_ctl_address(const struct mwd_ctl *self);

/* ---- place.c: where the daemon is ---- */

struct mwd_ctl_place {
    char socket[108]; /* "" = not over a socket */
    char url[300]; /* asked when there is no socket, or, unless `only_one`, when nobody is there */
    bool only_one; /* it was said with an option */
    bool over_url; /* the last one asked */
    char token[256]; /* "" = none */
};

/* What this machine's daemon is configured to. A file that is wrong or may not be read says nothing
 * of it: then the defaults are the best guess.
 * Owner    the caller, mwd_config_destroy(). Errors -ENOMEM. */
struct mwd_config;
int mwd_ctl_config_load(struct mwd_config **ret);

/* From the options, else from the configuration of this machine's daemon.
 * Returns  an exit code, after a complaint when it is not MWD_CTL_OK. */
int mwd_ctl_place_find(const struct mwd_ctl_options *options, struct mwd_ctl_place *ret);

/* As mwd_ctl_fetch(), and prints the document as it came (--json). */
int mwd_ctl_pass_on(struct mwd_ctl *self, const char *method, const char *path);

/* The document of a GET that must succeed. Returns as mwd_ctl_fetch(), and MWD_CTL_FAILED for what
 * is no JSON object. */
struct cJSON;
int mwd_ctl_document(struct mwd_ctl *self, const char *path, struct cJSON **ret);
/* A whole number of a document; false when it is not there, null, or no such number. */
bool mwd_ctl_number(const struct cJSON *object, const char *key, uint64_t *ret);
/* "?key=value" or "&key=value" to a path, escaped; nothing when the value is NULL. */
void mwd_ctl_put_word(const char *key, const char *value, struct mwd_buffer *out);
/* One line of JSON; the document is taken over. */
void mwd_ctl_put_json(struct cJSON *document, struct mwd_buffer *out);
/* Its text, or `otherwise`. */
const char *mwd_ctl_text(const struct cJSON *object, const char *key, const char *otherwise);

/* ---- http.c: bytes of HTTP, without any socket ---- */

struct mwd_ctl_url {
    char host[256], port[6];
};

/* "http://HOST[:PORT][/]". Errors -EINVAL, and why not in *ret_why. */
int mwd_ctl_url_parse(const char *text, struct mwd_ctl_url *ret, const char **ret_why);

struct mwd_ctl_head {
    unsigned status;
    uint64_t length; /* Content-Length */
    bool has_length, chunked;
};

/* The head at the front of `bytes`; *ret_size is its size, with the empty line behind it.
 * Errors   -ENODATA it is not all there, -EBADMSG it is no HTTP/1 answer. */
int mwd_ctl_head_parse(const char *bytes, size_t size, struct mwd_ctl_head *ret, size_t *ret_size);

/* A whole answer, as it came until the other side closed. The body is appended to `body`.
 * Errors   -ENODATA it ends too early, -EBADMSG it is no HTTP/1 answer; those of the buffer. */
int mwd_ctl_response_parse(const char *bytes, size_t size, unsigned *ret_status,
                           struct mwd_buffer *body);

/* ---- incoming.c: an answer as it comes ---- */

/* Where it goes: `begin` once, when the head is there, then `take` with pieces of the body, whose
 * errors come back from feed(). */
struct mwd_ctl_sink {
    void (*begin)(void *context, unsigned status);
    mwd_ctl_take_fn *take;
    void *context;
};

enum mwd_ctl_part { MWD_CTL_CHUNK_SIZE, MWD_CTL_CHUNK, MWD_CTL_CHUNK_END, MWD_CTL_DONE };

struct mwd_ctl_incoming {
    const struct mwd_ctl_sink *sink;
    struct mwd_buffer head;
    struct mwd_ctl_head info;
    bool in_body;
    enum mwd_ctl_part part; /* of a chunked one, what comes next */
    uint64_t left;          /* of the body or of the chunk */
    size_t line_size;
    char line[64];
};

/* `sink` is borrowed. */
void mwd_ctl_incoming_init(struct mwd_ctl_incoming *self, const struct mwd_ctl_sink *sink);
void mwd_ctl_incoming_deinit(struct mwd_ctl_incoming *self);
/* Errors   -EBADMSG it is no HTTP/1 answer, -ENOMEM, those of the sink. */
int mwd_ctl_incoming_feed(struct mwd_ctl_incoming *self, const char *bytes, size_t size);
/* The other side has closed. Errors -ENODATA: too early. */
int mwd_ctl_incoming_end(const struct mwd_ctl_incoming *self);

/* ---- file.c: a new file, whole or not at all ---- */

struct mwd_ctl_file {
    const char *path;
    int fd;       /* -1 = none */
    bool unnamed; /* the kernel removes it when it is not kept */
    char aside[4096];
};

/* A file beside `path` that nobody sees, for its owner only.
 * Errors   -EEXIST a device, pipe, socket or directory has that name; those of open(2). */
int mwd_ctl_file_open(const char *path, struct mwd_ctl_file *ret);
int mwd_ctl_file_write(struct mwd_ctl_file *self, const char *bytes, size_t size);
/* Gives it the name, when all of it is on the disk. After an error discard() is left to do. */
int mwd_ctl_file_keep(struct mwd_ctl_file *self);
/* After keep(), nothing is left to discard. */
void mwd_ctl_file_discard(struct mwd_ctl_file *self);

/* ---- verb_heap_snapshot.c ---- */

/* `heap snapshot FILE` */
int mwd_ctl_heap_snapshot(struct mwd_ctl *self, const char *path);

/* ---- table.c: rows of text in columns ---- */

struct mwd_ctl_column {
    const char *title;
    bool right;        /* numbers */
    bool flows;        /* wraps within its own column (the last one only); else it is cut */
    bool painted;      /* yes, partly, no: in the colour of the word */
    unsigned at_least; /* the terminal must be so wide for it to be shown; 0 = always */
};

struct mwd_ctl_table;

/* Owner    the caller; hand *ret to mwd_ctl_table_destroy(). `columns` is borrowed. */
int mwd_ctl_table_create(const struct mwd_ctl_column *columns, unsigned count,
                         struct mwd_ctl_table **ret);
struct mwd_ctl_table *mwd_ctl_table_destroy(struct mwd_ctl_table *self);
/* The next cell, row by row; the text is copied, control characters escaped. An allocation that
 * fails makes the output of mwd_ctl_table_put() fail. */
void mwd_ctl_table_cell(struct mwd_ctl_table *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The table as text for this terminal. */
void mwd_ctl_table_put(const struct mwd_ctl_table *self, const struct mwd_ctl *ctl,
                       struct mwd_buffer *out);

/* ---- rows.c: a list of a document as a table ---- */

struct mwd_ctl_rows {
    const char *path, *key; /* where the document is, and its member that is the list */
    const struct mwd_ctl_column *columns;
    unsigned count;
    /* The cells of one element, in one row of the table or in several. */
    void (*put)(struct mwd_ctl *ctl, const struct mwd_ctl_rows *self, const struct cJSON *element,
                struct mwd_ctl_table *table);
    const void *fields; /* for `put` */
};

/* The table, or with --json the document. Returns an exit code. */
int mwd_ctl_show_rows(struct mwd_ctl *self, const struct mwd_ctl_rows *rows);

/* ---- sparkline.c: numbers as a line of bars ---- */

/* Numbers that are not known are NAN, and blank; more than fit are averaged. The least number has
 * the lowest bar. */
void mwd_ctl_put_sparkline(const double *numbers, size_t count, unsigned columns, bool utf8,
                           struct mwd_buffer *out);

/* The size at `key`, or "-" when it is unknown. */
void mwd_ctl_size_at(const struct mwd_ctl *self, const struct cJSON *object, const char *key,
                     char ret[32]);
/* "1.5 GiB", or "1610612736" with --bytes. */
void mwd_ctl_size(const struct mwd_ctl *self, uint64_t bytes, char ret[32]);
#endif
