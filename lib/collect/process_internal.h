/* What the parts that read processes share.
 *
 *     process_scan.c    one beat: list, go over the rows, births          (begin here)
 *     process_read.c    one process that has a row: what changed
 *     process_birth.c   one process that has none: who it is, and the hold on vfork children
 *     process_file.c    opening and reading the files of a process
 *     process_view.c    where files that are read rarely are opened
 *     process_put.c     what was read, as values and events of the block
 *     process_keep.c    which statm files stay open
 *     process_table.c   rows and the way from a pid to its row
 */
#ifndef MW_COLLECT_PROCESS_INTERNAL_H
#define MW_COLLECT_PROCESS_INTERNAL_H
#include "collect/collect_internal.h"

enum {
    MW_PROCESS_NONE = UINT32_MAX, /* no row */
    MW_PROCESS_BUFFER = 64 * 1024,
    MW_PROCESS_STATM_MAX = 256
};

enum mw_process_flag {
    MW_PROCESS_HELD = 1 << 0,     /* a vfork child: known, but without a row in blocks yet */
    MW_PROCESS_KERNEL = 1 << 1,   /* a kernel thread: has no memory and never will */
    MW_PROCESS_WANTED = 1 << 2,   /* large: keep its statm open when there is room */
    MW_PROCESS_MOVED = 1 << 3,    /* its directory has another inode than in the beat before */
    MW_PROCESS_NO_START = 1 << 4, /* its start time is not known: stat was denied or bad */
    MW_PROCESS_DENIED = 1 << 5,   /* its statm was refused: left alone until the slow round */
    MW_PROCESS_DUE = 1 << 6,      /* its status is to be read in the next beat whatever happens */
    MW_PROCESS_NO_FIRST = 1 << 7  /* first_rss is not known yet */
};

/* What is remembered of a process: one cache line, the only one touched in a beat without news. */
struct mw_process {
    uint64_t inode;       /* of its directory, as listed */
    uint64_t statm_hash;  /* of the bytes last read */
    uint64_t start_ticks; /* since boot */
    uint64_t first_rss;   /* bytes; `growth` counts from here. HELD: the parent's pid */
    uint32_t pid;         /* 0 = a free row */
    int fd;               /* statm, -1 = not kept */
    uint32_t listed;      /* the beat in which it was last listed */
    uint32_t next;        /* the row that was listed behind it the last time */
    uint32_t name_mark;   /* mw_process_mark() of the last text told */
    uint32_t cgroup_mark;
    uint32_t text_pages;
    uint32_t flags;
};

struct mw_process_table {
    struct mw_process *rows;
    uint32_t capacity;
    uint32_t used; /* rows in use lie below */
    uint32_t live;
    uint32_t lowest_free; /* no row below is free */
    uint32_t *slots;      /* open addressing, row + 1 by pid; 0 = empty */
    uint32_t slot_count;  /* a power of two, at least twice `live` */
};

void mw_process_table_deinit(struct mw_process_table *self);
uint32_t mw_process_table_find(const struct mw_process_table *self, uint32_t pid);
/* Room for this many more. Errors -ENOMEM: nothing has changed. */
int mw_process_table_reserve(struct mw_process_table *self, uint32_t more);
/* In the lowest free row; there was a reserve(). Only pid and fd (-1) are set, all else is 0. */
uint32_t mw_process_table_add(struct mw_process_table *self, uint32_t pid);
void mw_process_table_remove(struct mw_process_table *self, uint32_t row);
/* Gives memory back when most of it is unused. */
void mw_process_table_trim(struct mw_process_table *self);

/* A process that was listed and has no row. */
struct mw_process_birth {
    uint64_t inode;
    uint32_t pid;
};

struct mw_process_births {
    struct mw_process_birth *items;
    uint32_t count, capacity;
};

/* An instance of proc that can be thrown away. */
struct mw_process_view {
    int fd; /* -1 = none */
    uint32_t opened;
    bool usable;
};

struct mw_process_reader {
    struct mw_collector *collector;
    struct mw_process_view view;
    struct mw_process_table table;
    struct mw_process_births births;
    struct mw_block *last; /* the newest block; the next one begins as its copy */
    struct mw_collect_work work;
    bool plain; /* proc_root is not proc but a tree of files, which may be replaced at any time */
    uint64_t page_size, ticks_per_s;
    uint64_t boot_ms;   /* 0 = not known: then no process has a birth */
    int boot_error;     /* why; told when the first of them is born */
    uint64_t status_ns; /* the slow round takes this long */
    uint64_t last_ns;   /* when it was moved on last */
    double due_rest;    /* part of a row that it is behind */
    uint32_t
        due_first; /* its rows in this beat: so many from this one on, going round at the end */
    uint32_t due_count;
    uint32_t first_listed;       /* row that was listed first the last time */
    uint32_t budget, kept;       /* statm files that may be, and are, kept open */
    uint32_t beat, balance_beat; /* the next beat in which kept descriptors are looked over */
    bool start_over;             /* events were lost: the next block tells everything anew */
    _Alignas(uint64_t) char buffer[MW_PROCESS_BUFFER];
};

/* ---- files of one process ---- */

enum mw_process_file {
    MW_PROCESS_FILE_STATM,
    MW_PROCESS_FILE_STAT,
    MW_PROCESS_FILE_STATUS,
    MW_PROCESS_FILE_CGROUP
};

struct mw_process_statm {
    char bytes[MW_PROCESS_STATM_MAX];
    size_t size;
    uint64_t hash; /* of the bytes; never 0 */
};

/* Whether an error of open or read means that the process is no more. */
bool mw_process_is_gone(int error);

/* The reason that readings are absent for when reading or parsing gave this error. */
enum mw_absence mw_process_absence(int error);

/* Notes a fault, unless the error is one of those that are no fault of the source: gone, denied. */
void mw_process_fault(struct mw_process_reader *self, enum mw_process_file file, int error,
                      uint32_t pid);

/* The directory that all files but statm are opened below; valid for one of them. */
void mw_process_view_init(struct mw_process_reader *self);
void mw_process_view_deinit(struct mw_process_reader *self);
int mw_process_view_directory(struct mw_process_reader *self);

/* When descriptors run out, kept ones are given up and it is tried again. */
int mw_process_open(struct mw_process_reader *self, uint32_t pid, enum mw_process_file file);

/* statm by one pread from its start. */
int mw_process_read_statm(int fd, struct mw_process_statm *ret);

/* stat and status read and parsed, faults noted. status fills in what it can; a kernel that has no
 * such file is no error, but a living process without stat is -EOPNOTSUPP. Errors: those of open,
 * read and the parser. */
int mw_process_read_stat(struct mw_process_reader *self, uint32_t pid, struct mw_stat *ret);
int mw_process_read_status(struct mw_process_reader *self, uint32_t pid, struct mw_status *ret);

struct mw_process_text {
    const char *bytes; /* any bytes */
    size_t size;
    enum mw_absence absence;
};

/* Path of the control group, in self->buffer; faults noted. */
struct mw_process_text mw_process_read_cgroup(struct mw_process_reader *self, uint32_t pid);

/* ---- keep ---- */

/* Keeps the descriptor for this process if there is room and it is wanted, else closes it. */
void mw_process_keep(struct mw_process_reader *self, struct mw_process *process, int fd);
void mw_process_let_go(struct mw_process_reader *self, struct mw_process *process);
/* Largest first, up to the budget. */
void mw_process_balance(struct mw_process_reader *self);
/* Descriptors ran out: gives up an eighth of them and does with fewer from now on. Returns false
 * when there was none to give. */
bool mw_process_shed(struct mw_process_reader *self, int error);

/* ---- put: from what was read to the block ---- */

/* What a text is recognized by: never 0, and another one for each reason of absence. */
uint32_t mw_process_mark(struct mw_process_text text);

/* An event, when it is not what was told last. Errors -ENOMEM. */
int mw_process_put_text(struct mw_process_reader *self, enum mw_block_event_type type, uint32_t row,
                        struct mw_process_text text);

/* False, and nothing was put, when the numbers are more bytes than there can be. */
bool mw_process_put_statm(struct mw_process_reader *self, uint32_t row,
                          const struct mw_statm *statm);
void mw_process_put_statm_absent(struct mw_process_reader *self, uint32_t row,
                                 enum mw_absence absence);

/* `error` is what reading or parsing it gave: fields that were not found are absent because of it,
 * or, with 0, because this kernel or process has none. */
void mw_process_put_status(struct mw_process_reader *self, uint32_t row,
                           const struct mw_status *status, int error);

/* ---- one process. Errors -ENOMEM: events were lost ---- */

/* Takes in what was read of statm (with `error`: why nothing was read). `status` was read after it;
 * together they tell whether the process has executed another program. */
void mw_process_store_statm(struct mw_process_reader *self, uint32_t row,
                            const struct mw_process_statm *bytes, int error,
                            const struct mw_status *status);
/* Takes in status, the name included. */
int mw_process_store_status(struct mw_process_reader *self, uint32_t row,
                            const struct mw_status *status, int error);

int mw_process_refresh(struct mw_process_reader *self, uint32_t row, bool due);
int mw_process_bear(struct mw_process_reader *self, const struct mw_process_birth *birth);

/* Its row is free afterwards. */
int mw_process_retire(struct mw_process_reader *self, uint32_t row);

/* Whether a held child still seems to share its parent's memory. */
bool mw_process_still_held(struct mw_process_reader *self, const struct mw_process *process);

/* To be born at the end of this beat; when there is no memory to note it, in the next. */
void mw_process_expect(struct mw_process_reader *self, const struct mw_process_birth *birth);
#endif
