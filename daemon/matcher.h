/* matcher: rules that say which processes are a group, and what it is called. A leaf.
 *
 * Meaning  that of process-exporter's file of groups. A rule says which comm (one of these), which
 *          exe (one of these: with a slash the whole argv[0], else its last part) and which cmdline
 *          (all of these patterns are found in argv, joined by blanks) a process must have; what is
 *          not said is not asked for. The first rule that matches names the group by its template.
 * Template text with {{.Comm}} {{.ExeBase}} {{.ExeFull}} {{.Username}} {{.PID}} {{.StartTime}}
 *          {{.Cgroups}} {{.Matches.NAME}}; of several cmdline with a group NAME the last counts.
 * Names    come out as UTF-8: bytes that are not are \xNN. One longer than MWD_MATCHER_NAME_MAX is
 *          cut at a character. An empty one is no group: the process matches nothing.
 * Patterns are pattern.h's. To them a byte of a command line that is not UTF-8 is one U+FFFD, as in
 *          Go; one that costs more than a match may does not match, and is counted.
 * Bound    MWD_MATCHER_RULES_MAX rules; of a command line MWD_MATCHER_LINE_MAX bytes are looked at.
 * Threads  built by one; then references may be taken and dropped on any, and one matches.
 * Source   github.com/ncabatoff/process-exporter
 */
#ifndef MWD_MATCHER_H
#define MWD_MATCHER_H
#include "daemon/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MWD_MATCHER_RULES_MAX = 256,
    MWD_MATCHER_ITEMS_MAX = 256,    /* of one list of one rule */
    MWD_MATCHER_NAME_MAX = 128,     /* bytes of what a group is called */
    MWD_MATCHER_TEMPLATE_MAX = 256, /* bytes of a template */
    MWD_MATCHER_LINE_MAX = 16384,
    MWD_MATCHER_WHY_MAX = 256
};

struct mwd_matcher;

struct mwd_matcher_list {
    const char *const *items;
    uint32_t count; /* 0: nothing is asked for */
};

struct mwd_matcher_rule {
    const char *name; /* template; NULL: {{.ExeBase}} */
    struct mwd_matcher_list comm, exe, cmdline;
    const char *origin; /* where it was written, as "FILE:LINE" */
};

enum mwd_matcher_field {
    MWD_MATCHER_WHOLE, /* none of these alone */
    MWD_MATCHER_NAME,
    MWD_MATCHER_COMM,
    MWD_MATCHER_EXE,
    MWD_MATCHER_CMDLINE
};

struct mwd_matcher_error {
    enum mwd_matcher_field field;
    uint32_t item; /* of a list */
    char why[MWD_MATCHER_WHY_MAX];
};

struct mwd_matcher_process {
    const char *comm;     /* as shown, UTF-8 */
    const char *argv;     /* as /proc/PID/cmdline has it: a NUL behind each argument */
    size_t argv_size;     /* 0: it has none, as threads of the kernel */
    const char *username; /* NULL when !mwd_matcher_needs(), as cgroups */
    const char *cgroups;  /* as /proc/PID/cgroup has it */
    uint64_t pid;
    int64_t start_ms; /* since 1970 */
};

/* One reference, the caller's. Errors -ENOMEM. */
int mwd_matcher_create(struct mwd_matcher **ret);
struct mwd_matcher *mwd_matcher_ref(struct mwd_matcher *self);
struct mwd_matcher *mwd_matcher_unref(struct mwd_matcher *self); /* takes NULL, returns NULL */

/* One more rule, behind the others.
 * Errors   -EINVAL with *ret_error, -E2BIG there are MWD_MATCHER_RULES_MAX already, -ENOMEM. */
int mwd_matcher_add(struct mwd_matcher *self, const struct mwd_matcher_rule *rule,
                    struct mwd_matcher_error *ret_error);

uint32_t mwd_matcher_count(const struct mwd_matcher *self);
const char *mwd_matcher_template(const struct mwd_matcher *self, uint32_t rule);
const char *mwd_matcher_origin(const struct mwd_matcher *self, uint32_t rule);
/* How often a pattern of it was given up, as it cost more than a match may (pattern.h); then it
 * does not match. On any thread. */
uint64_t mwd_matcher_given_up(const struct mwd_matcher *self, uint32_t rule);
/* Whether its template makes a group of each process: {{.PID}}, {{.StartTime}}. */
bool mwd_matcher_is_wide(const struct mwd_matcher *self, uint32_t rule);

enum { MWD_MATCHER_NEEDS_ARGV = 1, MWD_MATCHER_NEEDS_USER = 2, MWD_MATCHER_NEEDS_CGROUPS = 4 };
/* What must be known of a process so that all rules can be held against it. */
unsigned mwd_matcher_needs(const struct mwd_matcher *self);

/* The first rule that matches, and what the group is called. Errors -ENOENT none does. */
int mwd_matcher_match(struct mwd_matcher *self, const struct mwd_matcher_process *process,
                      uint32_t *ret_rule, char ret_name[MWD_MATCHER_NAME_MAX + 1]);

/* ---- process-exporter's file ---- */

struct mwd_matcher_place {
    uint32_t line, column; /* from 1; characters */
};

/* Adds the rules of a file of groups, which is YAML as libyaml reads it: one document with a list
 * process_names. What has no meaning there, as other keys, is refused; so are aliases. `source` is
 * what origins begin with. `text` has no NUL before its end and is not changed.
 * Errors   -EINVAL with a sentence in `why` and where it is; then some rules may have been added.
 *          -ENOMEM. */
int mwd_matcher_load(struct mwd_matcher *self, const char *source, const char *text,
                     struct mwd_matcher_place *ret_place, struct mwd_buffer *why);
#endif
