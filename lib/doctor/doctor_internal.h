/* What the parts of doctor share.
 *
 *     doctor.c       the table of rows, and the call that goes through it
 *     scene.c        who looks, below which root, at which processes of others
 *     text.c         parsers of the kernel's texts: pure, total, for any bytes
 *     mounts.c       the one of mountinfo
 *     netlink.c      tries that need the kernel's answer, and nothing but the answer
 *     check_*.c      the rows
 *
 * A row's check is in two halves: what was seen (files below the root, tries) and a judge, which is
 * pure. So every answer that a row can give has a test, whatever machine it runs on.
 */
#ifndef MW_DOCTOR_INTERNAL_H
#define MW_DOCTOR_INTERNAL_H
#include "base/scan.h"
#include "doctor/doctor.h"

#include <stddef.h>

enum {
    MW_DOCTOR_FILE_MAX = 1 << 20,    /* bytes of a file that are looked at */
    MW_DOCTOR_OTHERS_MAX = 64,       /* processes of other users that are tried */
    MW_DOCTOR_ENTRIES_MAX = 1 << 14, /* entries of proc that are looked at to find them */
    MW_DOCTOR_PATH = 4096
};

/* ---- text.c ---- */

/* What follows "NAME:" at the front of a line, blanks skipped. */
bool mw_doctor_find_line(struct mw_scan text, const char *name, struct mw_scan *ret);
/* "NAME:  123", "NAME 123" */
bool mw_doctor_find_number(struct mw_scan text, const char *name, uint64_t *ret);
/* "CapEff:\t000001ffffffffff" */
bool mw_doctor_find_hex(struct mw_scan text, const char *name, uint64_t *ret);
/* "Max open files    1024    524288    files": the hard one; UINT64_MAX is unlimited. */
bool mw_doctor_find_limit(struct mw_scan text, const char *name, uint64_t *ret_hard);
/* A word of a text that is parted by blanks. */
bool mw_doctor_has_word(struct mw_scan text, const char *word);
/* "6.1.0-13-amd64": 601, major * 100 + minor. 0 when it is no such text. */
unsigned mw_doctor_kernel_number(const char *release);
/* The own group's path, NUL-terminated: of the v1 memory controller, or of v2. False when there is
 * none or it does not fit. */
bool mw_doctor_find_cgroup(struct mw_scan text, bool v1, char ret[MW_DOCTOR_PATH]);

/* ---- mounts.c ---- */

enum mw_doctor_hidepid { MW_DOCTOR_HIDE_NOTHING, MW_DOCTOR_HIDE_FILES, MW_DOCTOR_HIDE_ALL };

struct mw_doctor_mount {
    bool found;
    char root[MW_DOCTOR_PATH], point[MW_DOCTOR_PATH]; /* without the '/' at the end; "" is "/" */
};

struct mw_doctor_mounts {
    enum mw_doctor_hidepid hidepid;
    bool only_pids; /* subset=pid */
    struct mw_doctor_mount memory_v1, v2, tracefs;
};

void mw_doctor_mounts_parse(struct mw_scan text, struct mw_doctor_mounts *ret);

/* ---- scene.c ---- */

struct mw_doctor_scene {
    struct mw_doctor_options options;
    int root_fd;  /* what paths are below; negative, why not, when it cannot be opened */
    bool here;    /* it is this machine's own root: the kernel can be asked too */
    char *buffer; /* of the file that was read last; NULL when there is no memory for it */
    pid_t pid;
    uid_t uid;
    uint64_t capabilities;
    bool capabilities_known;
    char kernel[64];
    unsigned kernel_number; /* 0 = not known */
    int proc_error;         /* why proc cannot be listed: then no row is checked */
    int mounts_error;       /* why `mounts` is empty */
    struct mw_doctor_mounts mounts;
    pid_t others[MW_DOCTOR_OTHERS_MAX]; /* processes of other users that have memory */
    unsigned other_count;
    bool sees_first; /* the first process is there for us */
};

/* Always leaves something that can be looked at and must be handed to deinit. */
void mw_doctor_scene_init(const struct mw_doctor_options *options, struct mw_doctor_scene *ret);
void mw_doctor_scene_deinit(struct mw_doctor_scene *self);

/* Opens a path below the root, a '/' in front or not, without waiting.
 * Errors   those of open, negative. */
int mw_doctor_open(const struct mw_doctor_scene *self, const char *path, int flags);
/* Its first MW_DOCTOR_FILE_MAX bytes, which are there until the next call.
 * Errors   those of open and read, -ENOMEM. */
int mw_doctor_read(struct mw_doctor_scene *self, const char *path, struct mw_scan *ret);

bool mw_doctor_has(const struct mw_doctor_scene *self, unsigned capability);
/* Older than "6.4" = 604. False when the kernel is not known. */
bool mw_doctor_older(const struct mw_doctor_scene *self, unsigned kernel_number);

/* How many of the others let us do something; those that ended meanwhile do not count. */
struct mw_doctor_tally {
    unsigned tried, good;
    int error; /* the first that was not good */
};

typedef int (*mw_doctor_try)(const struct mw_doctor_scene *scene, pid_t pid);
struct mw_doctor_tally mw_doctor_try_others(const struct mw_doctor_scene *self,
                                            mw_doctor_try try_one);
/* Opens /proc/PID/NAME. */
int mw_doctor_open_of(const struct mw_doctor_scene *self, pid_t pid, const char *name, int flags);

/* ---- doctor.c: what a row says ---- */

void mw_doctor_say(struct mw_doctor_row *row, enum mw_doctor_outcome outcome, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));
void mw_doctor_advise(struct mw_doctor_row *row, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Below another root the kernel that runs is not the one that is asked about. */
void mw_doctor_say_elsewhere(struct mw_doctor_row *row);

/* "1.5 GiB" */
void mw_doctor_format_size(uint64_t bytes, char ret[32]);

/* ---- netlink.c: 0 or why not, negative ---- */

int mw_doctor_try_sock_diag(void);
int mw_doctor_try_taskstats(void);
int mw_doctor_try_connector(void); /* -ETIME: nothing answers */

/* ---- check_*.c ---- */

/* One row each: see the table in doctor.c. */
#define MW_DOCTOR_ROW(id, what)                                                                    \
    void mw_doctor_check_##id(struct mw_doctor_scene *scene, struct mw_doctor_row *row);
#include "doctor/rows.def"
#undef MW_DOCTOR_ROW

/* The judges. `error` is 0 or negative. */
void mw_doctor_judge_processes(const struct mw_doctor_scene *scene, struct mw_doctor_tally tally,
                               struct mw_doctor_row *row);
void mw_doctor_judge_exactness(const struct mw_doctor_scene *scene, int error, uint64_t off_pages,
                               unsigned processors, struct mw_doctor_row *row);
void mw_doctor_judge_pressure(const struct mw_doctor_scene *scene, int error,
                              struct mw_scan command_line, struct mw_doctor_row *row);
void mw_doctor_judge_trigger(const struct mw_doctor_scene *scene, int short_error, int long_error,
                             struct mw_doctor_row *row);

/* What others keep from us unless we hold these capabilities; -1 = no second one. */
struct mw_doctor_private {
    const char *file;
    unsigned since; /* the kernel that began to have it, 0 = all have it */
    int capabilities[2];
};
void mw_doctor_judge_private(const struct mw_doctor_scene *scene,
                             const struct mw_doctor_private *what, struct mw_doctor_tally tally,
                             struct mw_doctor_row *row);
void mw_doctor_judge_smaps_own(const struct mw_doctor_scene *scene, int error,
                               struct mw_doctor_row *row);

void mw_doctor_judge_sock_diag(int error, struct mw_doctor_row *row);
void mw_doctor_judge_namespaces(const struct mw_doctor_scene *scene, int setns_error,
                                struct mw_doctor_tally tally, struct mw_doctor_row *row);
void mw_doctor_judge_taskstats(int error, struct mw_doctor_row *row);
void mw_doctor_judge_connector(const struct mw_doctor_scene *scene, int error,
                               struct mw_doctor_row *row);

void mw_doctor_judge_kmsg(const struct mw_doctor_scene *scene, int error, bool restricted,
                          struct mw_doctor_row *row);
void mw_doctor_judge_slabinfo(int error, struct mw_doctor_row *row);
void mw_doctor_judge_tracefs(int error, bool mounted, bool own_instance, struct mw_doctor_row *row);

void mw_doctor_judge_open_files(const struct mw_doctor_scene *scene, uint64_t limit,
                                struct mw_doctor_row *row);
void mw_doctor_judge_memlock(const struct mw_doctor_scene *scene, uint64_t limit, int error,
                             struct mw_doctor_row *row);
#endif
