/* config: what the operator wants. One table of keys (config_keys.def) drives parsing, help, the
 * check that conf/memwatchd.conf is complete, and the dump.
 *
 * Order    defaults < file < drop-ins (memwatchd.d/NAME.conf beside the file, in name order) <
 *          environment (MEMWATCHD_<KEY>) < command line. Of a list, the last one given counts.
 * Life     immutable once loaded; a reload loads another one and swaps.
 * State    none besides the object. Threads: one load at a time, libconfuse's lexer is global.
 */
#ifndef MWD_CONFIG_H
#define MWD_CONFIG_H
#include "alert/alert.h"
#include "daemon/buffer.h"
#include "daemon/matcher.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MWD_CONFIG_LIST_MAX = 256, /* of `services` */
    MWD_CONFIG_OTHER_LIST_MAX = 16,
    MWD_CONFIG_ERRORS_MAX = 1000, /* only a file that is meant to harm has more */
    /* Descriptors besides keep-fds and max-connections: listeners, the collector's own files,
     * libuv, a recording, and room for surprise. */
    MWD_CONFIG_OTHER_FDS = 96
};

struct mwd_list {
    uint32_t count;
    char *items[MWD_CONFIG_LIST_MAX];
};

/* ---- titled blocks: alert "NAME" { ... }, sink "NAME" { ... }, group "TEMPLATE" { ... } ---- */

enum mwd_titled_kind { MWD_TITLED_ALERT, MWD_TITLED_SINK, MWD_TITLED_GROUP, MWD_TITLED_KINDS };
enum { MWD_CONFIG_GROUPS_MAX = MWD_MATCHER_RULES_MAX };
enum { MWD_CONFIG_ALERTS_MAX = 256, MWD_CONFIG_SINKS_MAX = 16, MWD_CONFIG_TITLE_MAX = 64 };
enum { MWD_CONFIG_URLS_MAX = 8 };

enum mwd_sink_type { MWD_SINK_WEBHOOK, MWD_SINK_ALERTMANAGER, MWD_SINK_EXEC, MWD_SINK_JOURNAL };

struct mwd_sink_config {
    const char *name;
    enum mwd_sink_type type;
    bool enabled;
    const struct mwd_list *urls;    /* webhook: one; alertmanager: one or more */
    const struct mwd_list *command; /* exec: argv */
    const char *token_file;         /* "" = none */
    const char *ca_file;            /* "" = those of the system */
    uint64_t deadline_ns, timeout_ns;
    uint64_t queue; /* messages */
};

struct mwd_config {
    uint64_t interval_ns;
    struct mwd_list listen;   /* "127.0.0.1:9636", "[::1]:9636"; may be empty */
    char *socket;             /* path, "" = none */
    char *socket_group;       /* group that may administrate over it; "" = none */
    struct mwd_list services; /* paths of control groups */
    uint64_t keep_fds;
    struct mwd_list hosts; /* Host names that are answered besides the listen addresses */
    char *token_file;      /* lines of ROLE TOKEN; "" = none */
    bool insecure;         /* answer on addresses that are not loopback without a token */
    uint64_t max_connections;
    uint64_t max_streams;
    uint64_t max_body_bytes; /* memory for rendered bodies, all together */
    uint64_t request_timeout_ns;
    uint64_t response_timeout_ns;
    uint64_t heap_limit;      /* bytes of all that is kept on the managed heap */
    uint64_t heap_semi_space; /* bytes of one half of its new space */
    bool heap_trace;          /* a line in the log for each collection */
    char *push_socket;        /* path of the datagram socket; "auto"; "" = none */
    char *push_udp;           /* "127.0.0.1:8125"; "" = none */
    uint64_t push_expire_ns;
    uint64_t history_recent_ns;
    uint64_t history_minutes_ns;
    uint64_t history_size; /* bytes */
    uint64_t history_top;
    uint64_t metrics_groups;
    char *metrics_process_names; /* process-exporter's file of groups, "" = none */
    bool metrics_children;       /* who matches no rule is in its parent's group */
    uint64_t metrics_series;
    char *state_dir;
    char *proc_root;
    bool lock_memory;
    char *log_level; /* error, warning, info, debug */
    /* In the order in which they were first named: rules that are built in come first. */
    struct mw_alert_rule *alerts; /* checked; bit i of `to` is sinks[i] */
    uint32_t alert_count;
    struct mwd_sink_config *sinks;
    uint32_t sink_count;
    struct mwd_matcher
        *groups; /* rules of blocks, and behind them those of the file; NULL = none */
};

/* A setting from the command line: `key` as in the table, `value` as text. A list key that comes
 * more than once gets one element each time. */
struct mwd_setting {
    const char *key;
    const char *value;
    const char *flag; /* how it was written, for messages: "--listen" */
};

struct mwd_config_input {
    const char *path;     /* configuration file */
    bool path_is_default; /* then it may be missing */
    const struct mwd_setting *settings;
    uint32_t setting_count;
    char **environment; /* NULL-terminated NAME=VALUE, as environ */
};

/* Loads and validates everything. On errors, writes one line each to `errors`
 * ("FILE:LINE: KEY: what it takes"; flags and environment stand in place of FILE:LINE), at most
 * MWD_CONFIG_ERRORS_MAX and what the buffer takes, and then how many more; returns their number
 * (positive).
 * Owner    of *ret: the caller, mwd_config_destroy(). *ret is untouched unless 0 is returned.
 * Errors   -ENOMEM. */
int mwd_config_load(const struct mwd_config_input *input, struct mwd_buffer *errors,
                    struct mwd_config **ret);
struct mwd_config *mwd_config_destroy(struct mwd_config *self);

/* ---- the key table ---- */

enum mwd_key_type {
    MWD_KEY_SPAN,
    MWD_KEY_BYTES,
    MWD_KEY_COUNT,
    MWD_KEY_BOOL,
    MWD_KEY_TEXT,
    MWD_KEY_LIST
};

struct mwd_key_info {
    /* "keep-fds"; environment: MEMWATCHD_KEEP_FDS. "heap.limit" is `limit` in the file's block
     * `heap { ... }`; MEMWATCHD_HEAP_LIMIT. */
    const char *name;
    const char *flag;         /* "--keep-fds", or NULL when it has none */
    const char *argument;     /* how help names the value: "N" */
    const char *default_text; /* as it stands in conf/memwatchd.conf */
    const char *takes;        /* "a whole number from 0 to 1000000" */
    const char *help;
    enum mwd_key_type type;
    bool restart; /* a reload cannot change it */
};

extern const struct mwd_key_info mwd_config_keys[];
extern const uint32_t mwd_config_key_count;

enum { MWD_CONFIG_VARIABLE_SIZE = 48 };
/* The environment's name of key number `key`: "MEMWATCHD_KEEP_FDS". */
void mwd_config_variable(uint32_t key, char ret[MWD_CONFIG_VARIABLE_SIZE]);

/* Value of key number `key` as text for the file: 1s, {"a", "b"}, "path". */
void mwd_config_value(const struct mwd_config *self, uint32_t key, struct mwd_buffer *out);
/* Where it came from: "default", "FILE:LINE", "MEMWATCHD_INTERVAL", "--interval". Lives with self.
 */
const char *mwd_config_origin(const struct mwd_config *self, uint32_t key);

/* Errors that another part found in values, lines of "KEY: what is wrong", get the place where the
 * value was set in front, as the errors of mwd_config_load() have it. */
void mwd_config_locate(const struct mwd_config *self, struct mwd_buffer *error);

/* ---- the keys of titled blocks ---- */

struct mwd_titled_info {
    const char *name; /* "alert.for": `for` in a block alert "NAME" { ... } */
    const char *argument;
    const char *default_text; /* texts without quotes; NULL: it has none */
    const char *takes;
    const char *help;
    enum mwd_titled_kind kind;
    enum mwd_key_type type;
};

extern const struct mwd_titled_info mwd_config_titled_keys[];
extern const uint32_t mwd_config_titled_count;

/* The whole effective configuration, as a file with origins in comments. */
void mwd_config_dump(const struct mwd_config *self, struct mwd_buffer *out);

/* {"interval":{"value":"1s","origin":"default"}, ..., "alert":{"NAME":{"reading":{"value":...}}},
 * "sink":{...}}: texts, spans and sizes are strings as in the file without quotes, lists are
 * arrays. What may hold a secret is masked: of addresses the part behind the host, of commands the
 * arguments. */
void mwd_config_json(const struct mwd_config *self, struct mwd_buffer *out);
/* What JSON calls the type of values of that type there: "string", "array" (of strings) ... */
const char *mwd_config_json_type(enum mwd_key_type type);
#endif
