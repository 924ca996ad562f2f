/* doctor: what this host lets a process of ours read; for each "no" the reason, and what would
 * change it. It tries things out as the calling process, so a privilege that the caller has and the
 * daemon lacks gives another table.
 *
 * Bound    MW_DOCTOR_ROWS_MAX rows of texts with a limit; files are read up to 1 MiB, of processes
 *          of other users at most 64 are tried, no answer is waited for longer than half a second.
 * Harm     none: nothing is written to what belongs to others, costly files of other processes are
 *          opened and not read, and what a try sets up (a pressure trigger, a listener) is gone
 *          when the call returns. The calling thread moves over its processors and back again. The
 *          kernel may load its own module for socket queues, as it does for `ss`.
 * Threads  any; no state.
 */
#ifndef MW_DOCTOR_H
#define MW_DOCTOR_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mw_doctor_outcome {
    MW_DOCTOR_YES,
    MW_DOCTOR_PARTLY, /* some of it, or less well: long windows only, say */
    MW_DOCTOR_NO,
    MW_DOCTOR_UNKNOWN /* could not be found out; `reason` says why */
};

enum { MW_DOCTOR_ROWS_MAX = 32, MW_DOCTOR_TEXT = 160 };

struct mw_doctor_row {
    const char *id;   /* "smaps_rollup": stable, for programs */
    const char *what; /* "PSS of others (smaps_rollup)"; "others" are other users */
    enum mw_doctor_outcome outcome;
    char reason[MW_DOCTOR_TEXT]; /* what was seen: "none of 57 processes: no CAP_SYS_PTRACE" */
    char remedy[MW_DOCTOR_TEXT]; /* what would change it; "" when nothing is missing */
};

struct mw_doctor_report {
    pid_t pid; /* who looked */
    uid_t uid;
    uint64_t capabilities; /* effective ones, one bit a number as in CapEff */
    bool capabilities_known;
    char kernel[64]; /* "6.1.0-13-amd64"; "" when it is not known */
    uint32_t row_count;
    struct mw_doctor_row rows[MW_DOCTOR_ROWS_MAX];
};

struct mw_doctor_options {
    const char *root;      /* "/" but in tests: proc, sys and dev are looked for below it, and what
                              only this machine's kernel can answer is unknown below another one */
    uint64_t kept_fds;     /* files of processes that are to be held open */
    uint64_t other_fds;    /* what else is to be open beside them */
    uint64_t locked_bytes; /* what is to be kept out of swap */
};

/* Errors   none: what cannot be found out is a row that says so. */
void mw_doctor_look(const struct mw_doctor_options *options, struct mw_doctor_report *ret);

/* "yes", "partly", "no", "unknown". */
const char *mw_doctor_outcome_name(enum mw_doctor_outcome outcome);

enum { MW_DOCTOR_CAPABILITIES = 41 };

/* "CAP_SYS_PTRACE" for 19; NULL from MW_DOCTOR_CAPABILITIES on. */
const char *mw_doctor_capability_name(unsigned number);

#ifdef __cplusplus
}
#endif
#endif
